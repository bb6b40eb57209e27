//! The path of a relay: told, not found. There are no checks; what is authentic by its keys proves as much.

use std::time::Duration;

use super::super::tuple::Tuple;

/// What is known of the other side of a relay beside its path.
#[derive(Debug, Default)]
pub(super) struct Fixed {
    /// Everything is sent to where the newest authentic packet came from; else to where it was told to.
    pub(super) follows: bool,
    /// Where that was.
    pub(super) heard_from: Option<Tuple>,
    /// One came since the last look.
    pub(super) heard: bool,
    pub(super) round_trip: Option<Duration>,
}

impl Fixed {
    /// An authentic packet came; where everything is sent from now on, if that changes.
    pub(super) fn hear(&mut self, from: Tuple) -> Option<Tuple> {
        self.heard = true;
        self.heard_from = Some(from);
        self.heard_from.filter(|_| self.follows)
    }
}
