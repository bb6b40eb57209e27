//! The connection to the node that a stream moves away from: it carries sound until there is another.

use std::time::{Duration, Instant};

use crate::retry::after;

/// So long another connection may take to come; then the stream counts as interrupted.
const MOVE_TIME: Duration = Duration::from_secs(10);

/// A connection that is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Former {
    /// The number of its try.
    pub(crate) attempt: u32,
    /// When it is given up at the latest.
    pub(crate) ends: Instant,
}

impl Former {
    /// The connection of try `attempt` is kept from now on.
    pub(crate) fn new(attempt: u32, now: Instant) -> Self {
        Self {
            attempt,
            ends: after(now, MOVE_TIME),
        }
    }
}
