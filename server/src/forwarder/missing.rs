//! Packets that a publisher sent and that did not come: what to ask for again (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

/// Packets that are waited for at a time. A longer gap is an outage, whose packets would come too late.
const MOST: usize = 32;
/// A packet is missing when so many later ones came, or when it is late by [`LATE`].
const REORDERED: u64 = 2;
const LATE: Duration = Duration::from_millis(20);
/// How many times a packet is asked for.
const TRIES: u8 = 2;
/// The least time between two tries.
const LEAST_PATIENCE: Duration = Duration::from_millis(40);
/// A packet is not worth asking for when it is missing so long.
const GIVE_UP_AFTER: Duration = Duration::from_secs(1);
/// One packet in so many may be asked for, in bursts of up to [`MOST`].
const RECEIVED_FOR_EACH: u32 = 4;

/// What is missing of one source.
#[derive(Debug)]
pub(crate) struct MissingPackets {
    gaps: Vec<Gap>,
    /// In received packets: asking for one costs [`RECEIVED_FOR_EACH`].
    credit: u32,
    /// Packets that came after they were asked for, or whose copy came.
    repaired: u64,
}

#[derive(Debug)]
struct Gap {
    extended: u64,
    since: Instant,
    tries: u8,
    last_try: Option<Instant>,
}

impl MissingPackets {
    pub(crate) fn new() -> Self {
        Self {
            gaps: Vec::with_capacity(MOST),
            credit: MOST as u32 * RECEIVED_FOR_EACH,
            repaired: 0,
        }
    }

    /// Notes that packet `extended` came; `highest` came before it.
    pub(crate) fn note(&mut self, extended: u64, highest: u64, now: Instant) {
        self.credit = self.credit.saturating_add(1).min(MOST as u32 * RECEIVED_FOR_EACH);
        if extended <= highest {
            let asked = |gap: &Gap| gap.extended == extended && gap.tries > 0;
            self.repaired += u64::from(self.gaps.iter().any(asked));
            self.gaps.retain(|gap| gap.extended != extended);
            return;
        }
        let between = highest.saturating_add(1)..extended;
        if extended.saturating_sub(highest) > MOST as u64 {
            self.gaps.clear();
            return;
        }
        for extended in between {
            if self.gaps.len() == MOST {
                self.gaps.remove(0);
            }
            self.gaps.push(Gap {
                extended,
                since: now,
                tries: 0,
                last_try: None,
            });
        }
    }

    /// A copy of packet `extended` came: it is missed no more.
    pub(crate) fn settle(&mut self, extended: u64) {
        let before = self.gaps.len();
        self.gaps.retain(|gap| gap.extended != extended);
        self.repaired += (before - self.gaps.len()) as u64;
    }

    /// Packets that were repaired since the last call.
    pub(crate) fn take_repaired(&mut self) -> u64 {
        std::mem::take(&mut self.repaired)
    }

    /// The packets to ask for now, in their order; they count as asked for.
    pub(crate) fn take_due(&mut self, highest: u64, round_trip: Option<Duration>, now: Instant) -> Vec<u16> {
        let patience = round_trip.unwrap_or_default().clamp(LEAST_PATIENCE, GIVE_UP_AFTER);
        self.gaps
            .retain(|gap| now.saturating_duration_since(gap.since) < GIVE_UP_AFTER);
        let mut due = Vec::new();
        for gap in &mut self.gaps {
            let waited = |since: Instant, long: Duration| now.saturating_duration_since(since) >= long;
            let is_missing = gap.extended.saturating_add(REORDERED) <= highest || waited(gap.since, LATE);
            let may_try = gap.tries < TRIES && gap.last_try.is_none_or(|last| waited(last, patience));
            if is_missing && may_try && self.credit >= RECEIVED_FOR_EACH {
                self.credit -= RECEIVED_FOR_EACH;
                gap.tries += 1;
                gap.last_try = Some(now);
                due.push((gap.extended & 0xffff) as u16);
            }
        }
        due
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_that_is_two_late_is_asked_for_twice_and_then_no_more() {
        let start = Instant::now();
        let mut missing = MissingPackets::new();
        missing.note(12, 10, start);
        assert_eq!(missing.take_due(12, None, start), [0; 0], "it may be reordered");
        missing.note(13, 12, start + 20 * MS);
        assert_eq!(missing.take_due(13, None, start + 20 * MS), [11]);
        assert_eq!(missing.take_due(14, None, start + 40 * MS), [0; 0], "on its way");
        assert_eq!(missing.take_due(14, Some(100 * MS), start + 119 * MS), [0; 0]);
        assert_eq!(missing.take_due(14, Some(100 * MS), start + 120 * MS), [11]);
        assert_eq!(missing.take_due(90, Some(100 * MS), start + 400 * MS), [0; 0]);
        assert!(!missing.is_empty());
        missing.take_due(90, None, start + 1000 * MS);
        assert!(missing.is_empty());
    }

    #[test]
    fn a_packet_that_came_and_an_outage_are_not_asked_for() {
        let start = Instant::now();
        let mut missing = MissingPackets::new();
        missing.note(13, 10, start);
        missing.note(11, 13, start);
        assert_eq!(missing.take_due(15, None, start + 20 * MS), [12]);
        missing.note(15 + 33, 15, start);
        assert!(missing.is_empty());
    }

    #[test]
    fn a_leg_that_loses_half_is_asked_for_a_quarter_at_most() {
        let start = Instant::now();
        let mut missing = MissingPackets::new();
        let mut asked = 0;
        let (mut now, mut highest) = (start, 1000);
        for _ in 0..2000 {
            now += 40 * MS;
            missing.note(highest + 2, highest, now);
            highest += 2;
            asked += missing.take_due(highest, None, now).len();
        }
        assert!((480..=540).contains(&asked), "{asked} for 2000 received");
    }
}
