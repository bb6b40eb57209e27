//! What the application wants to hear (`mutePlayStreamAudio`), and what the server was told of it.

use std::time::Instant;

use super::{Effect, Phase, Playback};

impl Playback {
    /// The application wants no audio, or wants it again. `Some` is the number of the try whose server must be asked;
    /// without it the wish is kept for the next connection.
    pub(in crate::player) fn on_mute(&mut self, paused: bool, now: Instant) -> (Option<u32>, Vec<Effect>) {
        self.paused = paused;
        let effects = self.live(self.attempt, now, |live| live.on_paused(paused, now));
        (matches!(self.phase, Phase::Live(_)).then_some(self.attempt), effects)
    }

    /// The server of try `attempt` stopped or resumed the audio.
    pub(in crate::player) fn on_paused(&mut self, attempt: u32, paused: bool) {
        if attempt == self.attempt {
            self.paused_at_server = paused;
        }
    }

    /// The server of try `attempt` did not do what [`Playback::on_mute`] asked: it stays as it is. `false` when that try is
    /// over and the wish is kept for the next connection.
    pub(in crate::player) fn on_mute_failed(&mut self, attempt: u32, paused: bool, now: Instant) -> (bool, Vec<Effect>) {
        if attempt != self.attempt || !matches!(self.phase, Phase::Live(_)) {
            return (false, Vec::new());
        }
        if self.paused == paused {
            self.paused = self.paused_at_server;
        }
        let wanted = self.paused;
        (true, self.live(attempt, now, |live| live.on_paused(wanted, now)))
    }
}
