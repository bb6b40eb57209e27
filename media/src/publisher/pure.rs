//! A publication without its actor.

use std::time::Instant;

use express_messages::{
    publisher::PublisherOptions,
    room::{RequestError, SdpAnswer, SessionFate},
};

use super::{
    extra_info::ExtraInfo,
    state::{Effect, Publication},
};
use crate::{
    pure::PureEffect,
    transport::{TransportError, TransportEvent},
};

/// The decisions of PublisherActor. `random` is a fresh value in 0..1.
#[derive(Debug)]
pub struct PurePublication {
    state: Publication,
    extra_info: ExtraInfo,
}

impl PurePublication {
    /// Begins.
    pub fn start(now: Instant, options: &PublisherOptions) -> (Self, Vec<PureEffect>) {
        let (state, effects) = Publication::start(now, options.timings.clone());
        let extra_info = ExtraInfo::new(options.extra_info.clone());
        (Self { state, extra_info }, pure(effects))
    }

    /// When [`Self::on_time`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.state.next_deadline()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.state.on_time(now, random))
    }

    /// The offer of a try is made.
    pub fn on_offer(&mut self, attempt: u32, offer: String, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.state.on_offer(attempt, Ok(offer), now, random))
    }

    /// The server answered.
    pub fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<PureEffect> {
        pure(self.state.on_answer(attempt, answer, now, random))
    }

    /// The connection took the answer.
    pub fn on_applied(
        &mut self,
        attempt: u32,
        applied: Result<(), TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<PureEffect> {
        pure(self.state.on_applied(attempt, applied, now, random))
    }

    /// The connection changed.
    pub fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<PureEffect> {
        pure(self.state.on_transport(attempt, event, now, random))
    }

    /// The signalling link is back.
    pub fn on_link_restored(&mut self, session: SessionFate, now: Instant) -> Vec<PureEffect> {
        pure(self.state.on_link_restored(session, now))
    }

    /// The owner ends it.
    pub fn on_stop(&mut self, code: i32, text: &str) -> Vec<PureEffect> {
        pure(self.state.on_stop(code, text))
    }

    /// What the next offer says of the stream.
    pub fn extra_info(&self) -> &str {
        self.extra_info.current()
    }

    /// The server is asked for another text.
    pub fn ask_extra_info(&mut self, text: &str) {
        self.extra_info.ask(text);
    }

    /// What the server said to it.
    pub fn extra_info_answered(&mut self, text: String, taken: bool) {
        self.extra_info.answered(text, taken);
    }
}

fn pure(effects: Vec<Effect>) -> Vec<PureEffect> {
    let one = |effect| match effect {
        Effect::Emit(state, code, text) => PureEffect::Publisher(state, code, text),
        Effect::Open(attempt) => PureEffect::Open(attempt),
        Effect::Exchange(attempt, offer) => PureEffect::Exchange(attempt, offer),
        Effect::Apply(attempt, answer) => PureEffect::Apply(attempt, answer),
        Effect::Attach => PureEffect::Attach,
        Effect::Send => PureEffect::Send,
        Effect::Report(attempt) => PureEffect::Report(attempt),
        Effect::Close => PureEffect::Close,
        Effect::Keep => PureEffect::Keep,
        Effect::Discard => PureEffect::Discard,
        Effect::Retire => PureEffect::Retire,
        Effect::Unpublish => PureEffect::Unregister,
        Effect::End => PureEffect::End,
    };
    effects.into_iter().map(one).collect()
}
