//! Playbacks whose room is left.

use std::collections::BTreeMap;

use express_messages::{codes, ids::RoomId};

use super::{EngineState, Step, play::Playback, room::Room};

impl EngineState {
    /// A room's login is over: what is played through it ends, or moves to another room where it is no stream of this one.
    pub(super) fn end_playbacks_through(&mut self, room: &Room, code: i32, message: &str, out: &mut Step) {
        let carries = |playback: &Playback| match playback.room() {
            Some(through) => through == room.id(),
            None => self.rooms.is_empty(),
        };
        let through = self.playbacks.iter().filter(|playback| carries(playback));
        let (mut moving, mut ending) = (BTreeMap::new(), Vec::new());
        for stream_id in through.map(Playback::stream_id) {
            match self.any_carrier(stream_id) {
                Some(other) if room.streams.owner_of(stream_id).is_none() => {
                    moving.insert(stream_id.clone(), other);
                }
                _ => ending.push(stream_id.clone()),
            }
        }
        for stream_id in ending {
            self.end_playback(&stream_id, code, message.into(), out);
        }
        self.unseat_players_where(
            |playback| moving.contains_key(playback.stream_id()),
            codes::PLAYER_STREAM_INTERRUPTED,
            "the room ended, and the stream is played through another one",
            out,
        );
        for (stream_id, other) in moving {
            if let Some(playback) = self.playback(&stream_id) {
                playback.go_through(other);
            }
        }
    }

    /// The playbacks through the room that is left, for the one that is switched to; they start afresh through it.
    pub(super) fn take_playbacks_along(&mut self, from: &RoomId, to: &RoomId, out: &mut Step) -> Vec<Playback> {
        let through = |playback: &Playback| playback.room() == Some(from);
        self.unseat_players_where(through, codes::PLAYER_STREAM_INTERRUPTED, "the room is switched", out);
        let (mut along, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.playbacks).into_iter().partition(through);
        self.playbacks = stay;
        for playback in &mut along {
            playback.go_through(to.clone());
        }
        along
    }
}
