//! A publication or a playback, and what its actor keeps beside its state.

use std::time::{Duration, Instant};

use express_media::pure::{PureEffect as MediaEffect, PurePlayback, PurePublication};
use express_media::transport::TransportEvent;
use express_messages::ids::StreamId;
use express_messages::room::{RequestError, SdpAnswer, SessionFate};

/// A publication or a playback.
#[derive(Debug)]
pub(crate) enum Machine {
    Publish(PurePublication),
    Play(PurePlayback),
}

/// Hands a call to whichever of the two it is.
macro_rules! either {
    ($self:ident, $machine:ident => $call:expr) => {
        match $self {
            Machine::Publish($machine) => $call,
            Machine::Play($machine) => $call,
        }
    };
}

impl Machine {
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        either!(self, machine => machine.next_deadline())
    }

    pub(crate) fn on_time(&mut self, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_time(now, random))
    }

    pub(crate) fn on_offer(&mut self, attempt: u32, offer: String, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_offer(attempt, offer, now, random))
    }

    pub(crate) fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_answer(attempt, answer, now, random))
    }

    pub(crate) fn on_applied(&mut self, attempt: u32, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_applied(attempt, Ok(()), now, random))
    }

    pub(crate) fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_transport(attempt, event, now, random))
    }

    pub(crate) fn on_link_restored(&mut self, session: SessionFate, now: Instant) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_link_restored(session, now))
    }

    pub(crate) fn on_stop(&mut self, code: i32, text: &str) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_stop(code, text))
    }

    pub(crate) fn on_decoded(&mut self, attempt: u32, now: Instant) -> Vec<MediaEffect> {
        match self {
            Self::Publish(_) => Vec::new(),
            Self::Play(player) => player.on_decoded(attempt, now),
        }
    }
}

/// What PublisherActor or PlayerActor keeps beside its state.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) machine: Machine,
    pub(crate) room: u64,
    pub(crate) stream: StreamId,
    pub(crate) transport: Option<u64>,
    /// The connection that is kept beside that of the next try.
    pub(crate) former: Option<u64>,
    /// The sound goes over that one still.
    pub(crate) former_sends: bool,
    /// When that was, by the client's clock.
    pub(crate) kept_at: Option<Instant>,
    pub(crate) muted: bool,
    pub(crate) sending: bool,
    pub(crate) decoded: u64,
    /// When there was sound last.
    pub(crate) sounded: Duration,
    pub(crate) awaiting: Option<u32>,
}
