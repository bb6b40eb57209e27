//! A handshake flight that is sent again at fixed times, whether it was lost or not.

use std::time::{Duration, Instant};

/// Retransmission time-out of a flight by the libraries. Long: a short one hangs handshakes under loss, because both sides
/// then answer each other's repetitions. Loss is met by [`REPEATS`] instead.
pub(super) const FLIGHT_TIMEOUT: Duration = Duration::from_secs(3);
/// A flight's datagrams are sent again so long after it, unchanged: for the receiver the second is a duplicate.
pub(super) const REPEATS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(70)];
/// Most datagrams of one flight that are kept for repetition.
const MAX_FLIGHT: usize = 8;

/// The flight that was sent last.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    flight: Vec<Vec<u8>>,
    sent_at: Option<Instant>,
    done: usize,
}

impl Repeats {
    /// Begins with another flight; without datagrams nothing changes.
    pub(super) fn remember(&mut self, flight: &[Vec<u8>], now: Instant) {
        if flight.is_empty() {
            return;
        }
        self.flight = flight.iter().take(MAX_FLIGHT).cloned().collect();
        self.sent_at = Some(now);
        self.done = 0;
    }

    /// When [`Self::take_due`] has something.
    pub(super) fn next(&self) -> Option<Instant> {
        let after = REPEATS.get(self.done)?;
        Some(self.sent_at? + *after)
    }

    /// Appends what is to be sent again; after the last time the flight is given up.
    pub(super) fn take_due(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        while self.next().is_some_and(|due| due <= now) {
            self.done += 1;
            out.extend(self.flight.iter().cloned());
        }
        if self.next().is_none() {
            self.clear();
        }
    }

    /// Sends nothing again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
