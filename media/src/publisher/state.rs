//! What a publication does next: the documented publisher machine, without clock, actor or network.
//!
//! ```text
//!  start ─► Offering ─► Exchanging ─► Applying ─► Connecting ─► Publishing ─┐
//!              ▲            │             │            │            │       │ any state: Stop, a final refusal,
//!              │            ▼             ▼            ▼            ▼       │ or the budget over
//!              └──────── Waiting (PUBLISH_REQUESTING with a code) ◄─┘       ▼
//!                                                                         Ended (NO_PUBLISH, once, last)
//! ```
//!
//! Each try has a number. Whatever a try asked for comes back with that number, and what belongs to an older try is
//! ignored. Source: the documented `publisherStateUpdate`.

mod moved;

use std::time::{Duration, Instant};

use express_messages::{
    ZegoError, codes,
    room::{RequestError, SdpAnswer},
    timings::Timings,
    types::PublisherState,
};

use crate::{
    former::Former,
    retry::{Retry, after},
    transport::{TransportError, TransportEvent},
};

/// Something the actor is to do, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Tell the owner.
    Emit(PublisherState, i32, String),
    /// Make a connection and its offer; [`Publication::on_offer`] takes it.
    Open(u32),
    /// Send the offer to the server; [`Publication::on_answer`] takes what comes.
    Exchange(u32, String),
    /// Give the answer to the connection; [`Publication::on_applied`] says how that went.
    Apply(u32, String),
    /// Listen to the local stream; [`Publication::on_attach_failed`] when that cannot be.
    Attach,
    /// Encode and send what it says.
    Send,
    /// Report the quality of this try's connection.
    Report(u32),
    /// Stop sending and close the connection, and the one that is kept.
    Close,
    /// Go on sending on the connection, beside the next try; [`Effect::Send`] or [`Effect::Retire`] ends that.
    Keep,
    /// Close the connection of the try; the one that is kept goes on.
    Discard,
    /// Stop sending and close the connection that is kept.
    Retire,
    /// Tell the server that the stream ends.
    Unpublish,
    /// End the actor.
    End,
}

#[derive(Debug)]
enum Phase {
    /// The connection makes its offer.
    Offering { until: Instant },
    /// The server has the offer.
    Exchanging { until: Instant },
    /// The connection takes the answer; it may be connected before it says so.
    Applying { until: Instant, connected: bool },
    /// ICE and DTLS are at work.
    Connecting { until: Instant },
    /// Media flows; since `lost` ICE hears nothing.
    Publishing { lost: Option<Instant>, report: Instant },
    /// The next try is due at `until`.
    Waiting { until: Instant },
    /// NO_PUBLISH was told.
    Ended,
}

/// The state of one publication.
#[derive(Debug)]
pub(super) struct Publication {
    timings: Timings,
    phase: Phase,
    attempt: u32,
    retry: Retry,
    told: Option<(PublisherState, i32)>,
    /// The server may know the stream as ours.
    registered: bool,
    /// The connection to the node before, which sends until there is another.
    former: Option<Former>,
}

impl Publication {
    /// Begins: PUBLISH_REQUESTING 0, the local stream, and the first try.
    pub(super) fn start(now: Instant, timings: Timings) -> (Self, Vec<Effect>) {
        let mut this = Self {
            retry: Retry::new(now, &timings),
            timings,
            phase: Phase::Ended,
            attempt: 0,
            told: None,
            registered: false,
            former: None,
        };
        let mut effects = Vec::new();
        this.tell(&mut effects, PublisherState::PublishRequesting, 0, String::new());
        effects.push(Effect::Attach);
        this.open(now, &mut effects);
        (this, effects)
    }

    /// Whether try `attempt` is to make its offer.
    pub(super) fn is_offering(&self, attempt: u32) -> bool {
        attempt == self.attempt && matches!(self.phase, Phase::Offering { .. })
    }

    /// Whether try `attempt` is the one that publishes now.
    pub(super) fn is_publishing(&self, attempt: u32) -> bool {
        attempt == self.attempt && matches!(self.phase, Phase::Publishing { .. })
    }

    /// Whether ICE hears the server at the moment.
    pub(super) fn hears_server(&self) -> bool {
        matches!(self.phase, Phase::Publishing { lost: None, .. })
    }

    /// When [`Publication::on_time`] wants to be called next; `None` after the end.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let (own, budget) = match self.phase {
            Phase::Offering { until }
            | Phase::Exchanging { until }
            | Phase::Applying { until, .. }
            | Phase::Connecting { until }
            | Phase::Waiting { until } => (until, true),
            Phase::Publishing { lost: None, report } => (report, false),
            Phase::Publishing {
                lost: Some(lost),
                report,
            } => (report.min(after(lost, self.timings.ice_disconnected_grace)), false),
            Phase::Ended => return None,
        };
        let own = if budget { own.min(self.retry.ends()) } else { own };
        Some(self.former.map_or(own, |former| own.min(former.ends)))
    }

    /// Does what is due at `now`.
    pub(super) fn on_time(&mut self, now: Instant, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Phase::Publishing { lost, report } = &mut self.phase {
            if lost.is_some_and(|lost| now >= after(lost, self.timings.ice_disconnected_grace)) {
                let text = "the server was not heard for too long";
                self.fault(now, random, codes::PUBLISHER_MEDIA_CONNECTION_ERROR, text, &mut effects);
            } else if now >= *report {
                *report = after(now, self.timings.quality_interval);
                effects.push(Effect::Report(self.attempt));
            }
            return effects;
        }
        if matches!(self.phase, Phase::Ended) {
            return effects;
        }
        if self.former.is_some_and(|former| now >= former.ends) {
            self.give_up_former(&mut effects);
        }
        if now >= self.retry.ends() {
            let text = "publishing was retried for the whole allowed time";
            self.end(codes::PUBLISHER_RETRY_TIMEOUT, text, &mut effects);
            return effects;
        }
        match self.phase {
            Phase::Offering { until } if now >= until => {
                self.fault(now, random, codes::PUBLISHER_CREATE_OFFER, "no offer in time", &mut effects);
            }
            Phase::Exchanging { until } if now >= until => {
                self.fault(now, random, codes::TIMEOUT, "the server did not answer in time", &mut effects);
            }
            Phase::Applying { until, .. } if now >= until => {
                let text = "the answer was not taken in time";
                self.fault(now, random, codes::PUBLISHER_REMOTE_DESC, text, &mut effects);
            }
            Phase::Connecting { until } if now >= until => {
                let text = "no media connection in time";
                self.fault(now, random, codes::PUBLISHER_MEDIA_CONNECTION_ERROR, text, &mut effects);
            }
            Phase::Waiting { until } if now >= until => self.open(now, &mut effects),
            _ => {}
        }
        effects
    }

    /// The connection of try `attempt` made its offer, or could not.
    pub(super) fn on_offer(
        &mut self,
        attempt: u32,
        offer: Result<String, TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt != self.attempt || !matches!(self.phase, Phase::Offering { .. }) {
            return effects;
        }
        match offer {
            Ok(offer) => {
                // Twice the time that the room role itself waits: it answers first, unless it is gone.
                let until = after(now, self.timings.request_timeout.saturating_mul(2));
                self.phase = Phase::Exchanging { until };
                effects.push(Effect::Exchange(attempt, offer));
            }
            Err(error) => {
                self.fault(now, random, codes::PUBLISHER_CREATE_OFFER, &error.to_string(), &mut effects);
            }
        }
        effects
    }

    /// The server answered the offer of try `attempt`, or did not.
    pub(super) fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt != self.attempt || !matches!(self.phase, Phase::Exchanging { .. }) {
            return effects;
        }
        match answer {
            Ok(SdpAnswer { sdp, .. }) => {
                let until = after(now, self.timings.request_timeout);
                self.phase = Phase::Applying { until, connected: false };
                effects.push(Effect::Apply(attempt, sdp));
            }
            Err(error) => self.refused(now, random, error, &mut effects),
        }
        effects
    }

    fn refused(&mut self, now: Instant, random: f64, error: RequestError, effects: &mut Vec<Effect>) {
        let text = error.to_string();
        match error {
            RequestError::Refused {
                code,
                message,
                retry_after,
            } => {
                // This exchange left nothing behind at the server.
                self.phase = Phase::Waiting { until: now };
                match retry_after {
                    Some(_) => self.wait(now, random, retry_after, code, &message, effects),
                    None => self.end(code, &message, effects),
                }
            }
            RequestError::Disconnected => {
                self.fault(now, random, codes::PUBLISHER_WEBSOCKET_DISCONNECTED, &text, effects);
            }
            // TimedOut, and whatever else may be asked again one day.
            _ => self.fault(now, random, codes::TIMEOUT, &text, effects),
        }
    }

    /// The connection of try `attempt` took the answer, or could not.
    pub(super) fn on_applied(
        &mut self,
        attempt: u32,
        applied: Result<(), TransportError>,
        now: Instant,
        random: f64,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Phase::Applying { connected, .. } = self.phase else {
            return effects;
        };
        if attempt != self.attempt {
            return effects;
        }
        match applied {
            Ok(()) if connected => self.publishing(now, &mut effects),
            Ok(()) => {
                let until = after(now, self.timings.ice_disconnected_grace);
                self.phase = Phase::Connecting { until };
            }
            Err(error) => {
                self.fault(now, random, codes::PUBLISHER_REMOTE_DESC, &error.to_string(), &mut effects);
            }
        }
        effects
    }

    /// The connection of try `attempt` changed.
    pub(super) fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if attempt != self.attempt {
            self.on_former_transport(attempt, event, &mut effects);
            return effects;
        }
        match (&mut self.phase, event) {
            (Phase::Ended | Phase::Waiting { .. }, _) => {}
            (Phase::Applying { connected, .. }, TransportEvent::Connected) => *connected = true,
            (Phase::Connecting { .. }, TransportEvent::Connected) => self.publishing(now, &mut effects),
            (Phase::Publishing { lost, .. }, TransportEvent::Connected) => *lost = None,
            (Phase::Publishing { lost, .. }, TransportEvent::Disconnected) => {
                lost.get_or_insert(now);
            }
            (Phase::Offering { .. } | Phase::Exchanging { .. }, TransportEvent::Connected)
            | (_, TransportEvent::Disconnected) => {}
            (_, TransportEvent::Failed) => {
                let text = "the media connection failed";
                self.fault(now, random, codes::PUBLISHER_MEDIA_CONNECTION_ERROR, text, &mut effects);
            }
            (_, TransportEvent::Closed) => {
                let text = "the media connection was closed";
                self.fault(now, random, codes::PUBLISHER_SESSION_CLOSED, text, &mut effects);
            }
        }
        effects
    }

    /// The local stream cannot be listened to: nothing to publish, now or later.
    pub(super) fn on_attach_failed(&mut self, error: &ZegoError) -> Vec<Effect> {
        self.on_stop(error.code, &error.message)
    }

    /// The owner ends the publication with `code`.
    pub(super) fn on_stop(&mut self, code: i32, text: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !matches!(self.phase, Phase::Ended) {
            self.end(code, text, &mut effects);
        }
        effects
    }

    fn publishing(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let report = after(now, self.timings.quality_interval);
        self.phase = Phase::Publishing { lost: None, report };
        self.former = None;
        effects.push(Effect::Send);
        self.tell(effects, PublisherState::Publishing, 0, String::new());
    }

    fn open(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.attempt = self.attempt.wrapping_add(1);
        let until = after(now, self.timings.request_timeout);
        self.phase = Phase::Offering { until };
        effects.push(Effect::Open(self.attempt));
    }

    fn fault(&mut self, now: Instant, random: f64, code: i32, text: &str, effects: &mut Vec<Effect>) {
        self.wait(now, random, None, code, text, effects);
    }

    fn wait(&mut self, now: Instant, random: f64, asked: Option<Duration>, code: i32, text: &str, effects: &mut Vec<Effect>) {
        if self.former.is_some() {
            self.discard(effects);
        } else {
            self.requesting(now, code, text, effects);
        }
        let until = self.retry.next(now, asked, &self.timings, random);
        self.phase = Phase::Waiting { until };
    }

    /// Gives the connection up. After PUBLISHING a new budget begins.
    fn requesting(&mut self, now: Instant, code: i32, text: &str, effects: &mut Vec<Effect>) {
        self.note_registration();
        if matches!(self.phase, Phase::Publishing { .. }) {
            self.retry = Retry::new(now, &self.timings);
        }
        effects.push(Effect::Close);
        self.tell(effects, PublisherState::PublishRequesting, code, text.into());
    }

    /// An exchange that is given up unanswered, or was answered well, may have registered the stream.
    fn note_registration(&mut self) {
        self.registered |= !matches!(self.phase, Phase::Offering { .. } | Phase::Waiting { .. } | Phase::Ended);
    }

    fn end(&mut self, code: i32, text: &str, effects: &mut Vec<Effect>) {
        self.note_registration();
        self.phase = Phase::Ended;
        self.former = None;
        effects.push(Effect::Close);
        if std::mem::take(&mut self.registered) {
            effects.push(Effect::Unpublish);
        }
        self.tell(effects, PublisherState::NoPublish, code, text.into());
        effects.push(Effect::End);
    }

    /// Tells the owner, unless PUBLISH_REQUESTING or PUBLISHING would repeat what was told last.
    fn tell(&mut self, effects: &mut Vec<Effect>, state: PublisherState, code: i32, text: String) {
        if state != PublisherState::NoPublish && self.told == Some((state, code)) {
            return;
        }
        self.told = Some((state, code));
        effects.push(Effect::Emit(state, code, text));
    }
}
