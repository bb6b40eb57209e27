//! Numbers of the packets of one source: extended beyond 16 bits, and without gaps for what we leave out.

use rtc_shared::replay_detector::{ReplayDetector, SlidingWindowDetector};

/// How many left-out packets are remembered for packets that come out of order.
const REMEMBERED: usize = 64;
/// Packets that may come out of order: as many as SRTP takes.
const REORDERED: usize = 128;

/// What extended numbers begin with, so that none is near 0.
const FIRST_CYCLE: u64 = 1 << 16;

/// Extends 16-bit sequence numbers to 64 bits that never wrap. RFC 3550 appendix A.1.
#[derive(Debug, Default)]
pub(crate) struct Unwrapper {
    highest: Option<u64>,
}

impl Unwrapper {
    /// The extended number, which is [`FIRST_CYCLE`] more than the index of SRTP.
    pub(crate) fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = FIRST_CYCLE + u64::from(sequence);
            self.highest = Some(first);
            return first;
        };
        let low = (highest & 0xffff) as u16;
        let step = i64::from(sequence.wrapping_sub(low) as i16);
        let extended = highest.saturating_add_signed(step);
        // Nothing was sent before the first cycle: there a number can only be ahead, and so SRTP takes it (RFC 3711 §3.3.1).
        let extended = if extended < FIRST_CYCLE {
            FIRST_CYCLE + u64::from(sequence)
        } else {
            extended
        };
        self.highest = Some(highest.max(extended));
        extended
    }
}

/// Renumbers the packets of one source so that those we leave out (padding only) leave no gap.
pub(crate) struct SequenceCompactor {
    left_out: [u64; REMEMBERED],
    total: u64,
    highest_kept: u64,
    /// Whatever SRTP lets through, a number counts once: two packets under one would give a listener's key away.
    seen: SlidingWindowDetector,
}

impl std::fmt::Debug for SequenceCompactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SequenceCompactor")
            .field("total", &self.total)
            .field("highest_kept", &self.highest_kept)
            .finish_non_exhaustive()
    }
}

impl Default for SequenceCompactor {
    fn default() -> Self {
        Self {
            left_out: [0; REMEMBERED],
            total: 0,
            highest_kept: 0,
            seen: SlidingWindowDetector::new(REORDERED, u64::MAX),
        }
    }
}

impl SequenceCompactor {
    /// Says that packet `extended` is not forwarded.
    ///
    /// One that comes late (a later packet is out already) keeps its gap: closing it would number two packets alike.
    pub(crate) fn leave_out(&mut self, extended: u64) {
        if extended > self.highest_kept && self.seen.check(extended) {
            self.seen.accept();
            let slot = (self.total % REMEMBERED as u64) as usize;
            self.left_out[slot] = extended;
            self.total = self.total.saturating_add(1);
        }
    }

    /// The number of packet `extended` in the stream without the left-out ones; `None` if that is no longer known,
    /// or the number was there before.
    pub(crate) fn keep(&mut self, extended: u64) -> Option<u64> {
        let known = (self.total.min(REMEMBERED as u64)) as usize;
        let later = self.left_out[..known].iter().filter(|&&left| left > extended).count() as u64;
        if later == REMEMBERED as u64 {
            return None;
        }
        if !self.seen.check(extended) {
            return None;
        }
        self.seen.accept();
        self.highest_kept = self.highest_kept.max(extended);
        Some(extended.saturating_sub(self.total - later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_numbers_follow_wraps_and_reordering() {
        let mut unwrapper = Unwrapper::default();
        let seen: Vec<u64> = [65534, 65535, 0, 65533, 1]
            .into_iter()
            .map(|sequence| unwrapper.extend(sequence))
            .collect();
        assert_eq!(seen, [131_070, 131_071, 131_072, 131_069, 131_073]);
    }

    #[test]
    fn a_leap_in_the_first_cycle_is_ahead_as_srtp_takes_it() {
        let mut unwrapper = Unwrapper::default();
        let seen: Vec<u64> = [4, 35_587, 35_588, 5]
            .into_iter()
            .map(|sequence| unwrapper.extend(sequence))
            .collect();
        assert_eq!(seen, [65_540, 101_123, 101_124, 131_077]);
    }

    #[test]
    fn a_number_counts_once() {
        let mut compactor = SequenceCompactor::default();
        assert_eq!(compactor.keep(1000), Some(1000));
        assert_eq!(compactor.keep(1001), Some(1001));
        assert_eq!(compactor.keep(1000), None);
        compactor.leave_out(1002);
        compactor.leave_out(1002);
        assert_eq!(compactor.keep(1002), None);
        assert_eq!(compactor.keep(1003), Some(1002));
        assert_eq!(compactor.keep(1003 - REORDERED as u64), None, "too old to know");
    }

    #[test]
    fn left_out_packets_leave_no_gap_whatever_the_order() {
        let mut compactor = SequenceCompactor::default();
        assert_eq!(compactor.keep(10), Some(10));
        compactor.leave_out(11);
        compactor.leave_out(13);
        assert_eq!(compactor.keep(14), Some(12));
        assert_eq!(compactor.keep(12), Some(11), "reordered between two left-out ones");
        compactor.leave_out(9);
        assert_eq!(compactor.keep(15), Some(13), "a late left-out packet moves nothing");
    }

    #[test]
    fn a_packet_older_than_the_memory_is_refused_not_misnumbered() {
        let mut compactor = SequenceCompactor::default();
        assert_eq!(compactor.keep(1), Some(1));
        for extended in 10..10 + REMEMBERED as u64 {
            compactor.leave_out(extended);
        }
        assert_eq!(compactor.keep(2), None);
        assert_eq!(compactor.keep(200), Some(200 - REMEMBERED as u64));
    }
}
