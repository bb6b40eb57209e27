//! One address of a client, and what is known of it.

use std::time::{Duration, Instant};

use super::super::stun::TransactionBytes;
use super::super::tuple::Tuple;

/// Checks that prove an address are repeated so often until answered.
const PROOF_EVERY: Duration = Duration::from_millis(40);
/// ... and so many times for each request of the client.
const PROOF_CHECKS: u32 = 25;
/// Checks of a proved address that are not answered are repeated so often (RFC 7675 §5.1 has 5 s; time is short here).
const CONSENT_EVERY: Duration = Duration::from_secs(1);
/// ... and so many times, before something else must ask for more.
const CONSENT_CHECKS: u32 = 5;
/// A proved address is checked when nothing was heard from it for so long ...
pub(super) const CONSENT_AFTER: Duration = Duration::from_secs(5);
/// ... and so long after the last answer anyway, so that the round-trip time stays known.
const REFRESH_EVERY: Duration = Duration::from_secs(10);
/// An address silent for so long makes way for another that is not.
const STALE_AFTER: Duration = Duration::from_secs(3);
/// ... over TCP it waits until [`CONSENT_AFTER`] asked, too: what comes by TCP comes late.
const STALE_FOR_TCP: Duration = Duration::from_secs(7);
/// An address that is not selected and silent for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// A path of one peer.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) address: Tuple,
    received: u64,
    sent: u64,
    since: Instant,
    /// When a check of ours was answered from there for the first time.
    pub(super) proved_at: Option<Instant>,
    /// The client asked for it to be used.
    pub(super) is_nominated: bool,
    pub(super) last_heard: Instant,
    pub(super) round_trip: Option<Duration>,
    refresh_at: Instant,
    check: Option<Check>,
}

/// A check of ours that is not answered yet.
#[derive(Debug)]
struct Check {
    transaction: TransactionBytes,
    began: Instant,
    sent: u32,
    left: u32,
    next: Instant,
    every: Duration,
}

impl Path {
    pub(super) fn new(address: Tuple, now: Instant) -> Self {
        Self {
            address,
            received: 0,
            sent: 0,
            since: now,
            proved_at: None,
            is_nominated: false,
            last_heard: now,
            round_trip: None,
            refresh_at: now,
            check: None,
        }
    }

    /// With other credentials nothing of before counts. RFC 8445 §9.
    pub(super) fn restart(&mut self) {
        self.proved_at = None;
        self.is_nominated = false;
        self.check = None;
    }

    /// What was proved is doubtful; what the client asked for stands.
    pub(super) fn doubt(&mut self) {
        self.proved_at = None;
    }

    pub(super) fn is_proved(&self) -> bool {
        self.proved_at.is_some()
    }

    /// Silent for so long that another may take its place.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_heard) >= STALE_AFTER
    }

    /// Silent for so long that `other`, which is heard, takes its place.
    pub(super) fn gives_way_to(&self, other: Tuple, now: Instant) -> bool {
        let patience = if self.address.is_udp() && !other.is_udp() {
            STALE_FOR_TCP
        } else {
            STALE_AFTER
        };
        now.saturating_duration_since(self.last_heard) >= patience
    }

    /// Whether nothing came from here since `other` was first heard of: then the client may have moved there.
    pub(super) fn is_silent_since(&self, other: &Self) -> bool {
        self.last_heard < other.since
    }

    /// When it is forgotten if it is not selected and stays silent.
    pub(super) fn forgotten_at(&self) -> Instant {
        self.last_heard + FORGOTTEN_AFTER
    }

    pub(super) fn note_received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes as u64);
    }

    /// Whether this many bytes may go there: no more than came from there, and what is left of `credit`, which pays the rest.
    pub(super) fn may_send(&mut self, bytes: usize, credit: &mut u64) -> bool {
        if self.is_proved() {
            return true;
        }
        let sent = self.sent.saturating_add(bytes as u64);
        let lacks = sent.saturating_sub(self.received);
        if lacks > *credit {
            return false;
        }
        *credit -= lacks;
        self.received += lacks;
        self.sent = sent;
        true
    }

    /// Asks it to prove itself, or goes on asking: an answer to the first check, on its way, still counts.
    pub(super) fn ask_for_proof(&mut self, transaction: TransactionBytes, now: Instant) {
        match &mut self.check {
            Some(check) => check.left = PROOF_CHECKS,
            None => self.check = Some(Check::new(transaction, PROOF_CHECKS, PROOF_EVERY, now)),
        }
    }

    /// Asks the selected path whether it is still there, if it is time.
    pub(super) fn ask_for_consent(&mut self, transaction: TransactionBytes, now: Instant) {
        if self.check.is_none() && self.consent_due() <= now {
            // Spread, so that listeners who came together are not asked together (RFC 7675 §5.1: 0.8 to 1.2).
            let every = spread(CONSENT_EVERY, transaction);
            self.refresh_at = now + spread(REFRESH_EVERY, transaction);
            self.check = Some(Check::new(transaction, CONSENT_CHECKS, every, now));
        }
    }

    /// When the selected path is to be asked, or asked again.
    pub(super) fn consent_due(&self) -> Instant {
        self.refresh_at.min(self.last_heard + CONSENT_AFTER)
    }

    pub(super) fn next_check(&self) -> Option<Instant> {
        self.check.as_ref().map(|check| check.next)
    }

    /// The transaction of a check that is to be sent now.
    pub(super) fn take_due_check(&mut self, now: Instant) -> Option<TransactionBytes> {
        let check = self.check.as_mut().filter(|check| check.next <= now)?;
        if check.left == 0 {
            // The next request of the client, or the next silence, begins anew.
            self.check = None;
            return None;
        }
        check.left -= 1;
        check.sent += 1;
        check.next = now + check.every;
        Some(check.transaction)
    }

    pub(super) fn awaits(&self, transaction: TransactionBytes) -> bool {
        self.check.as_ref().is_some_and(|check| check.transaction == transaction)
    }

    /// Our check was answered from here.
    pub(super) fn prove(&mut self, now: Instant) {
        let check = self.check.take();
        self.proved_at = self.proved_at.or(Some(now));
        let Some(check) = check else {
            return;
        };
        self.refresh_at = now + spread(REFRESH_EVERY, check.transaction);
        // Which of several the answer is for cannot be told (Karn).
        if check.sent == 1 {
            self.note_round_trip(now.saturating_duration_since(check.began));
        }
    }

    fn note_round_trip(&mut self, sample: Duration) {
        self.round_trip = Some(smoothed(self.round_trip, sample));
    }
}

/// RFC 6298 §2.3, with its 1/8.
pub(super) fn smoothed(before: Option<Duration>, sample: Duration) -> Duration {
    match before {
        Some(before) => (before * 7 + sample) / 8,
        None => sample,
    }
}

impl Check {
    fn new(transaction: TransactionBytes, left: u32, every: Duration, now: Instant) -> Self {
        Self {
            transaction,
            began: now,
            sent: 0,
            left,
            next: now,
            every,
        }
    }
}

/// 0.8 to 1.2 times `duration`, by the randomness of a transaction.
fn spread(duration: Duration, transaction: TransactionBytes) -> Duration {
    duration * (205 + u32::from(transaction[11]) * 102 / 255) / 256
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn the_round_trip_is_that_of_checks_that_were_answered_at_once_and_smoothed() {
        let mut now = Instant::now();
        let mut path = Path::new(SocketAddr::from(([192, 0, 2, 1], 1)).into(), now);
        for (took, sent_again, expected) in [(100, false, 100), (500, true, 100), (180, false, 110)] {
            path.refresh_at = now;
            match path.is_proved() {
                true => path.ask_for_consent([1; 12], now),
                false => path.ask_for_proof([1; 12], now),
            }
            let transaction = path.take_due_check(now).unwrap();
            if sent_again {
                path.take_due_check(now + CONSENT_EVERY * 2).unwrap();
            }
            now += Duration::from_millis(took);
            path.last_heard = now;
            assert!(path.awaits(transaction));
            path.prove(now);
            assert_eq!(path.round_trip, Some(Duration::from_millis(expected)));
        }
    }

    #[test]
    fn intervals_are_spread_between_four_and_six_fifths() {
        let at = |last| spread(Duration::from_secs(10), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]).as_secs_f64();
        assert!(
            (8.0..8.1).contains(&at(0)) && (11.9..12.0).contains(&at(255)),
            "{} {}",
            at(0),
            at(255)
        );
    }
}
