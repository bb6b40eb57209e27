//! The parts that play: started when they can, taken away when what they need is gone, told what concerns them.

use express_messages::{
    codes,
    ids::{RoomId, StreamId},
    room::SessionFate,
};

use super::{Playback, State};
use crate::actor::state::{Command, EngineState, Step, life::Slot};

impl EngineState {
    /// Takes every playback from its part, to start afresh when the audio device part is back.
    pub(in crate::actor::state) fn unseat_players(&mut self, out: &mut Step) {
        let text = "the audio device part failed and is started afresh";
        self.unseat_players_where(|_| true, codes::PLAYER_INTERNAL_EXCEPTION, text, out);
    }

    /// Takes the playbacks that are `wanted` from their parts, to start afresh when that is possible again.
    pub(in crate::actor::state) fn unseat_players_where(
        &mut self,
        wanted: impl Fn(&Playback) -> bool,
        code: i32,
        text: &str,
        out: &mut Step,
    ) {
        let mut unseated = Vec::new();
        for playback in self.playbacks.iter_mut().filter(|p| wanted(p)) {
            let Some(life) = playback.life.take() else { continue };
            playback.tell(State::PlayRequesting, code, text, out);
            unseated.push((life, playback.stream_id().clone()));
        }
        for (life, stream_id) in unseated {
            let (code, message) = (0, String::new());
            out.command(Command::StopPlayer { life, code, message });
            self.retire(life, Slot::Player(stream_id), out);
        }
    }

    /// Starts each playback that waits and can go, with the settings it has.
    pub(in crate::actor::state) fn start_players(&mut self, out: &mut Step) {
        for index in 0..self.playbacks.len() {
            let playback = &self.playbacks[index];
            let slot = Slot::Player(playback.stream_id().clone());
            if playback.life.is_some() || self.is_taken(&slot) {
                continue;
            }
            let through = playback.room.clone().or_else(|| self.any_carrier(playback.stream_id()));
            let Some((through, room)) = through.and_then(|id| self.carrier(&id).map(|life| (id, life))) else {
                continue;
            };
            let life = self.new_life();
            let playback = &mut self.playbacks[index];
            playback.room = Some(through);
            playback.life = Some(life);
            let options = playback.options.clone();
            out.command(Command::StartPlayer { life, room, options });
            if playback.mute.wanted() {
                playback.pass_mute_on(out);
            }
        }
    }

    /// Tells a fresh audio device part how each played stream is heard.
    pub(in crate::actor::state) fn restore_players(&self, room_id: &RoomId, session: SessionFate, out: &mut Step) {
        let through = self.playbacks.iter().filter(|p| p.room() == Some(room_id));
        for life in through.filter_map(|p| p.life) {
            out.command(Command::RestorePlayer { life, session });
        }
    }

    pub(in crate::actor::state) fn tell_stream_appeared(&mut self, stream_id: &StreamId, out: &mut Step) {
        if let Some(life) = self.playback(stream_id).and_then(|p| p.life) {
            out.command(Command::StreamAppeared(life));
        }
    }

    pub(in crate::actor::state) fn tell_playback_ended(
        &mut self,
        room_id: &RoomId,
        stream_id: &StreamId,
        code: i32,
        message: String,
        out: &mut Step,
    ) {
        let playback = self.playback(stream_id).filter(|p| p.room() == Some(room_id));
        if let Some(life) = playback.and_then(|p| p.life) {
            out.command(Command::PlaybackEnded { life, code, message });
        }
    }

    /// Ends all playbacks when the engine ends; nobody is told.
    pub(in crate::actor::state) fn drop_playbacks(&mut self, out: &mut Step) {
        for playback in std::mem::take(&mut self.playbacks) {
            let Some(life) = playback.life else { continue };
            let (code, message) = (0, String::new());
            out.command(Command::StopPlayer { life, code, message });
            self.retire(life, Slot::Player(playback.options.stream_id), out);
        }
    }
}
