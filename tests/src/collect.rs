//! Collects the events of an engine, so that a test can wait for one.

use std::time::Instant;

use express_engine::{EventType, ZegoEvent, ZegoEvents, ZegoExpressEngine};

use crate::processes::PATIENCE;

/// The events of one engine from the moment it was made.
#[derive(Debug)]
pub struct EventLog {
    events: ZegoEvents,
    /// Every event so far, in order.
    pub seen: Vec<ZegoEvent>,
}

impl EventLog {
    /// Starts to collect.
    pub fn of(engine: &ZegoExpressEngine) -> Self {
        Self {
            events: engine.events(),
            seen: Vec::new(),
        }
    }

    /// Waits for the next event of type `E` that `wanted` likes; all others are kept in `seen`.
    ///
    /// # Panics
    /// When none comes in time, or the engine ends.
    pub fn wait_for<E: EventType>(&mut self, what: &str, mut wanted: impl FnMut(&E) -> bool) -> E {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self
                .next(deadline)
                .unwrap_or_else(|| panic!("waited for {what}; saw {:#?}", self.seen));
            if let Some(event) = E::from_event(&event).filter(|event| wanted(event)) {
                return event.clone();
            }
        }
    }

    /// The next event, or `None` at `deadline` or the engine's end.
    pub fn next(&mut self, deadline: Instant) -> Option<ZegoEvent> {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = self.events.recv_timeout(left).ok()??;
        let event = event.unwrap_or_else(|lagged| panic!("events: {lagged}"));
        self.seen.push(event.clone());
        Some(event)
    }
}
