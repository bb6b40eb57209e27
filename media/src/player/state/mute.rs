//! What the application wants to hear (`mutePlayStreamAudio`), and what the server was told of it.

use std::time::Instant;

use express_messages::room::RequestError;

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

    /// What the server of try `attempt` answered to what [`Playback::on_mute`] asked, and what the call is told.
    ///
    /// A refusal leaves everything as it was, unless that try is over: then the wish is kept for the next connection. Without an
    /// answer nothing was refused: the server is asked again with the next report, link or connection.
    pub(in crate::player) fn on_mute_answered(
        &mut self,
        attempt: u32,
        paused: bool,
        answer: Result<(), RequestError>,
        now: Instant,
    ) -> (Result<(), RequestError>, Vec<Effect>) {
        let is_refused = matches!(answer, Err(RequestError::Refused { .. }));
        if answer.is_ok() {
            self.on_paused(attempt, paused);
        }
        if !is_refused {
            return (answer, Vec::new());
        }
        if attempt != self.attempt || !matches!(self.phase, Phase::Live(_)) {
            return (Ok(()), Vec::new());
        }
        if self.paused == paused {
            self.paused = self.paused_at_server;
        }
        let wanted = self.paused;
        (answer, self.live(attempt, now, |live| live.on_paused(wanted, now)))
    }
}
