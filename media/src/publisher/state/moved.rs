//! A publication whose session is another one, or on another node: what it sends on meanwhile.

use std::time::Instant;

use express_messages::{codes, room::SessionFate};

use super::{Effect, Phase, Publication};
use crate::{former::Former, retry::Retry, transport::TransportEvent};

impl Publication {
    /// The signalling link is back. Where the session was lost the server has forgotten the stream; where it moved, the connection
    /// to the node before goes on sending until there is another, and nothing is told.
    pub(in crate::publisher) fn on_link_restored(&mut self, session: SessionFate, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.phase {
            Phase::Waiting { .. } => self.open(now, &mut effects),
            Phase::Applying { .. } | Phase::Connecting { .. } | Phase::Publishing { .. } if session != SessionFate::Kept => {
                if session == SessionFate::Moved && self.can_keep() {
                    self.keep(now, &mut effects);
                } else {
                    let text = "the server lost the session";
                    self.former = None;
                    self.requesting(now, codes::PUBLISHER_SESSION_CLOSED, text, &mut effects);
                }
                self.open(now, &mut effects);
            }
            // An exchange under way is answered by the room role, on the new link or with Disconnected.
            _ => {}
        }
        effects
    }

    fn can_keep(&self) -> bool {
        self.former.is_some() || matches!(self.phase, Phase::Publishing { .. })
    }

    /// The connection that publishes is kept, or one that was to take its place is given up.
    fn keep(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.former.is_some() {
            return self.discard(effects);
        }
        self.note_registration();
        self.former = Some(Former::new(self.attempt, now));
        self.retry = Retry::new(now, &self.timings);
        effects.push(Effect::Keep);
    }

    /// Gives up the connection of the try, and tells nothing: another one sends.
    pub(super) fn discard(&mut self, effects: &mut Vec<Effect>) {
        self.note_registration();
        effects.push(Effect::Discard);
    }

    /// No other connection came in time.
    pub(super) fn give_up_former(&mut self, effects: &mut Vec<Effect>) {
        self.former = None;
        effects.push(Effect::Retire);
        let text = "the stream did not come to the other node in time".into();
        self.tell(
            effects,
            super::PublisherState::PublishRequesting,
            codes::PUBLISHER_SESSION_CLOSED,
            text,
        );
    }

    /// The connection that is kept may end before there is another, with the node that it leads to. That is told no sooner than
    /// that there is no other.
    pub(super) fn on_former_transport(&self, attempt: u32, event: TransportEvent, effects: &mut Vec<Effect>) {
        let is_over = matches!(event, TransportEvent::Failed | TransportEvent::Closed);
        if is_over && self.former.is_some_and(|former| former.attempt == attempt) {
            effects.push(Effect::Retire);
        }
    }
}
