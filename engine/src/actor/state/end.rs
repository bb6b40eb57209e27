//! The end of the engine: streams first, so that the server hears of it, then the room and the devices.

use std::time::{Duration, Instant};

use super::{Command, EngineState, Step, Timer, life::Slot};

/// How long the end waits for publishers and players.
const STREAMS_TIMEOUT: Duration = Duration::from_millis(500);
/// How long it waits for everything, so that even then the devices had a second to close. destroyEngine blocks 2 s at most,
/// and `zego-media` may take 0.3 s after this.
const END_TIMEOUT: Duration = Duration::from_millis(1_500);

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Alive,
    /// Publishers and players end.
    Streams,
    /// The room and the audio device part end.
    Rest,
    Over,
}

impl EngineState {
    /// `destroyEngine`. Repeating it changes nothing.
    pub(crate) fn destroy(&mut self, out: &mut Step) {
        if self.end != End::Alive {
            return;
        }
        self.end = End::Streams;
        out.ended = true;
        self.drop_publications(out);
        self.drop_playbacks(out);
        out.command(Command::After(STREAMS_TIMEOUT, Timer::EndStreams));
        out.command(Command::After(END_TIMEOUT, Timer::EndAll));
        self.go_on_ending(out);
    }

    /// Takes the next steps of the end, as far as nobody is waited for.
    pub(super) fn go_on_ending(&mut self, out: &mut Step) {
        let streams_end = self
            .ending
            .values()
            .any(|slot| matches!(slot, Slot::Publisher(_) | Slot::Player(_)));
        if self.end == End::Streams && !streams_end {
            self.end_rest(out);
        }
        if self.end == End::Rest && self.ending.is_empty() {
            self.finish(out);
        }
    }

    pub(super) fn on_end_streams_due(&mut self, out: &mut Step) {
        if self.end == End::Streams {
            self.end_rest(out);
            self.go_on_ending(out);
        }
    }

    pub(super) fn on_end_all_due(&mut self, out: &mut Step) {
        if self.end != End::Over {
            let late = u64::try_from(self.ending.len()).unwrap_or(u64::MAX);
            self.stops_unanswered = self.stops_unanswered.saturating_add(late);
            tracing::warn!(late, "parts did not end in time; the engine ends without them");
            self.finish(out);
        }
    }

    fn end_rest(&mut self, out: &mut Step) {
        self.end = End::Rest;
        self.drop_rooms(out);
        self.drop_device(out);
    }

    fn finish(&mut self, out: &mut Step) {
        self.end = End::Over;
        self.locals.clear();
        self.ending.clear();
        out.command(Command::Finish);
    }

    /// A timer ran out.
    pub(crate) fn on_timer(&mut self, timer: Timer, now: Instant, out: &mut Step) {
        match timer {
            Timer::StopUnanswered(life) => self.on_stop_unanswered(life, out),
            Timer::MuteMicrophone => self.on_mute_microphone_due(now, out),
            Timer::MuteLocal(id) => self.on_mute_local_due(id, now, out),
            Timer::MutePlayback(id) => self.on_mute_playback_due(id, now, out),
            Timer::NetworkQuality => self.on_network_due(out),
            Timer::SoundLevels(number) => self.on_sound_levels_due(number, out),
            Timer::RestartDevice => self.on_restart_device_due(out),
            Timer::EndStreams => self.on_end_streams_due(out),
            Timer::EndAll => self.on_end_all_due(out),
        }
    }
}
