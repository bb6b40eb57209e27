//! The server stops: clients come back later or, where the cloud has other nodes, move to those before.

use std::time::Duration;

use express_messages::codes;
use express_signalling::protocol::{Event, NodeLeaving, WireError};

use super::login::FULL_RETRY;
use super::records::Timer;
use super::{Now, RoomsState};
use crate::rooms::SharedEvent;
use crate::rooms::cloud::Wish;
use crate::rooms::effect::{CloseReason, Effect};

/// So many sessions are told at a time, for all of them go elsewhere at once.
const AT_A_TIME: usize = 50;
/// How long until the next ones are told.
const NEXT_ONES: Duration = Duration::from_millis(100);

impl RoomsState {
    /// Refuses new logins from now on. Where there are other nodes every client is told to move to them, and sockets stay open for
    /// that until [`RoomsState::drain_now`]; else every client is told to come back later.
    pub fn drain(&mut self) -> Vec<Effect> {
        let Some(cloud) = self.cloud.as_mut().filter(|cloud| cloud.best().is_some()) else {
            return self.drain_now();
        };
        if self.draining {
            return Vec::new();
        }
        self.draining = true;
        let mut sessions: Vec<_> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        cloud.leaving = sessions.into();
        // At once: the clock of timers is not known here, and this moment is past on it.
        self.timers.set(Timer::Leaving, Duration::ZERO);
        self.wish(Wish::Leave);
        self.take_effects()
    }

    /// Closes every socket, and every one that is opened from now on: clients come back later, or elsewhere.
    pub fn drain_now(&mut self) -> Vec<Effect> {
        (self.draining, self.closes_sockets) = (true, true);
        let mut open: Vec<_> = self.connections.keys().copied().collect();
        open.sort_unstable();
        for connection in open {
            self.close(connection, CloseReason::restart());
        }
        self.take_effects()
    }

    pub(super) fn takes_logins(&self) -> Result<(), WireError> {
        if !self.draining {
            return Ok(());
        }
        let error = WireError::retry(codes::ROOM_INNER_ERROR, "the server stops", FULL_RETRY);
        Err(match self.cloud.as_ref().and_then(|cloud| cloud.best()) {
            Some(url) => error.at_node(url.clone()),
            None => error,
        })
    }

    /// The next sessions are told that this node stops.
    pub(super) fn leaving_due(&mut self, now: Now) {
        self.turn_everybody_away(now);
        let Some(cloud) = &mut self.cloud else { return };
        let nodes = cloud.urls();
        let many = cloud.leaving.len().min(AT_A_TIME);
        let told: Vec<_> = cloud.leaving.drain(..many).collect();
        if !cloud.leaving.is_empty() {
            self.timers.set(Timer::Leaving, now.mono.saturating_add(NEXT_ONES));
        }
        let event = SharedEvent::new(Event::NodeLeaving(NodeLeaving { nodes }));
        for key in told {
            self.tell(key, event.clone());
        }
    }
}
