//! A playback without its actor.

use std::time::Instant;

use express_messages::{
    player::PlayerOptions,
    room::{RequestError, SdpAnswer, SessionFate},
};

use super::state::{Effect, Playback};
use crate::{
    pure::PureEffect,
    transport::{TransportError, TransportEvent},
};

/// The decisions of PlayerActor. `random` is a fresh value in 0..1.
#[derive(Debug)]
pub struct PurePlayback(Playback);

impl PurePlayback {
    /// Begins.
    pub fn start(now: Instant, options: &PlayerOptions) -> (Self, Vec<PureEffect>) {
        let (state, effects) = Playback::start(now, options.timings.clone());
        (Self(state), pure(effects))
    }

    /// When [`Self::on_time`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.0.next_deadline()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.0.on_time(now, random))
    }

    /// The offer of a try is made.
    pub fn on_offer(&mut self, attempt: u32, offer: String, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.0.on_offer(attempt, Ok(offer), now, random))
    }

    /// The server answered.
    pub fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<PureEffect> {
        pure(self.0.on_answer(attempt, answer, now, random))
    }

    /// The connection took the answer.
    pub fn on_applied(
        &mut self,
        attempt: u32,
        applied: Result<(), TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<PureEffect> {
        pure(self.0.on_applied(attempt, applied, now, random))
    }

    /// The connection changed.
    pub fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.0.on_transport(attempt, event, now, random))
    }

    /// A packet was decoded.
    pub fn on_decoded(&mut self, attempt: u32, now: Instant) -> Vec<PureEffect> {
        pure(self.0.on_decoded(attempt, now))
    }

    /// How many packets were decoded so far.
    pub fn on_media(&mut self, attempt: u32, decoded: u64, now: Instant) {
        self.0.on_media(attempt, decoded, now);
    }

    /// The stream appeared in the room.
    pub fn on_appeared(&mut self, now: Instant) -> Vec<PureEffect> {
        pure(self.0.on_appeared(now))
    }

    /// The server ended the playback.
    pub fn on_ended(&mut self, code: i32, text: &str, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.0.on_ended(code, text, now, random))
    }

    /// The application wants no audio, or wants it again.
    pub fn on_mute(&mut self, paused: bool, now: Instant) -> (Option<u32>, Vec<PureEffect>) {
        let (asked, effects) = self.0.on_mute(paused, now);
        (asked, pure(effects))
    }

    /// The server stopped or resumed the audio.
    pub fn on_paused(&mut self, attempt: u32, paused: bool) {
        self.0.on_paused(attempt, paused);
    }

    /// What the server answered to a mute.
    pub fn on_mute_answered(
        &mut self,
        attempt: u32,
        paused: bool,
        answer: Result<(), RequestError>,
        now: Instant,
    ) -> Vec<PureEffect> {
        pure(self.0.on_mute_answered(attempt, paused, answer, now).1)
    }

    /// The signalling link is back.
    pub fn on_link_restored(&mut self, session: SessionFate, now: Instant) -> Vec<PureEffect> {
        pure(self.0.on_link_restored(session, now))
    }

    /// The owner ends it.
    pub fn on_stop(&mut self, code: i32, text: &str) -> Vec<PureEffect> {
        pure(self.0.on_stop(code, text))
    }
}

fn pure(effects: Vec<Effect>) -> Vec<PureEffect> {
    let one = |effect| match effect {
        Effect::Emit(state, code, text) => PureEffect::Player(state, code, text),
        Effect::Negotiated => PureEffect::Negotiated,
        Effect::Open(attempt) => PureEffect::Open(attempt),
        Effect::Exchange(attempt, offer) => PureEffect::Exchange(attempt, offer),
        Effect::Apply(attempt, answer) => PureEffect::Apply(attempt, answer),
        Effect::Attach => PureEffect::Attach,
        Effect::Pause(attempt, paused) => PureEffect::Pause(attempt, paused),
        Effect::AwaitMedia(attempt) => PureEffect::AwaitMedia(attempt),
        Effect::Poll(attempt) => PureEffect::Poll(attempt),
        Effect::Report(attempt) => PureEffect::Report(attempt),
        Effect::Close => PureEffect::Close,
        Effect::Keep => PureEffect::Keep,
        Effect::Discard => PureEffect::Discard,
        Effect::Retire => PureEffect::Retire,
        Effect::StopPlay => PureEffect::Unregister,
        Effect::End => PureEffect::End,
    };
    effects.into_iter().map(one).collect()
}
