//! Sequence numbers and timestamps as one listener sees them.
//!
//! A listener's stream must look like one unbroken stream, whoever sends: late joiners, a publisher that
//! restarts, a pause, packets that are not forwarded. [`SequenceCompactor`](super::numbering::SequenceCompactor) closes the
//! gaps that we make ourselves (once for each source), [`Rebase`] moves the result onto the listener's own numbers.

use std::time::{Duration, Instant};

/// A forward jump that is a new beginning, not loss. RFC 3550 appendix A.1 (MAX_DROPOUT).
const MAX_DROPOUT: u64 = 3000;
/// Clock rate of Opus on RTP in Hz, always. RFC 7587 §4.1.
const CLOCK_HZ: u64 = 48_000;
/// The least step between two sources: one frame of 20 ms.
const FRAME_TICKS: u64 = 960;

/// What a packet is called for one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rebased {
    /// The packet's number in this listener's stream since it began, which never wraps: the SRTP packet index too
    /// (RFC 3711 §3.3.1), for the stream begins below 2^15 with the rollover counter at 0.
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    /// The first packet of a source, or after a pause: the marker bit says so (RFC 7587 §4.1).
    pub(crate) first: bool,
}

impl Rebased {
    /// What stands in the header.
    pub(crate) fn sequence(&self) -> u16 {
        (self.index & 0xffff) as u16
    }
}

/// A packet that a listener was sent, found again by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) source: u64,
    pub(crate) sequence: u64,
    index: u64,
    timestamp_offset: u32,
    first: bool,
}

impl Sent {
    /// What it was called; `timestamp` is the source's.
    pub(crate) fn name(&self, timestamp: u32) -> Rebased {
        Rebased {
            index: self.index,
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            first: self.first,
        }
    }
}

/// The mapping from the current source to one listener's stream.
#[derive(Debug)]
pub(crate) struct Rebase {
    anchor: Option<Anchor>,
    /// Highest number sent, extended; the next source goes on behind it.
    highest: u64,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    /// After a pause the numbers go on without a gap, the timestamps with the time that passed.
    paused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    source: u64,
    /// The source's number of the first packet that this listener gets, and what it is called there.
    first_in: u64,
    first_out: u64,
    highest_in: u64,
    timestamp_offset: u32,
}

impl Rebase {
    /// `first_sequence` and `first_timestamp` are random (RFC 3550 §5.1); the sequence number starts in the lower
    /// half, because some receivers take the rollover counter of the first packet for 0.
    pub(crate) fn new(first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            anchor: None,
            highest: u64::from(first_sequence & 0x7fff).max(1),
            last_timestamp: first_timestamp,
            last_sent: None,
            paused: false,
        }
    }

    /// Maps packet `sequence` (compacted, see [`SequenceCompactor`](super::numbering::SequenceCompactor)) of `source`; `None`: it is older than what
    /// this listener got first.
    pub(crate) fn map(&mut self, source: u64, sequence: u64, timestamp: u32, now: Instant) -> Option<Rebased> {
        let (mut anchor, first) = match self.anchor {
            Some(anchor) if anchor.source == source && !self.paused && !anchor.jumped(sequence) => (anchor, false),
            Some(anchor) if anchor.source == source => {
                // An older packet cannot end a pause: it would be numbered behind the newer ones.
                if sequence <= anchor.highest_in {
                    return None;
                }
                (self.anchored(source, sequence, anchor.timestamp_offset), true)
            }
            _ => {
                let offset = self.next_timestamp(now).wrapping_sub(timestamp);
                (self.anchored(source, sequence, offset), true)
            }
        };
        let out = anchor.first_out + sequence.checked_sub(anchor.first_in)?;
        let timestamp = timestamp.wrapping_add(anchor.timestamp_offset);
        anchor.highest_in = anchor.highest_in.max(sequence);
        self.anchor = Some(anchor);
        self.paused = false;
        if out >= self.highest {
            self.highest = out;
            self.last_timestamp = timestamp;
            self.last_sent = Some(now);
        }
        Some(Rebased {
            index: out,
            timestamp,
            first,
        })
    }

    /// The number of the next packet: no packet was called so yet, nor any after it.
    pub(crate) fn next_index(&self) -> u64 {
        self.highest + 1
    }

    /// Says that packets are not sent to this listener from here on.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// The listener's timestamp for the source's `timestamp`: what a sender report needs.
    pub(crate) fn timestamp_of(&self, source: u64, timestamp: u32) -> Option<u32> {
        let anchor = self.anchor.filter(|anchor| anchor.source == source)?;
        Some(timestamp.wrapping_add(anchor.timestamp_offset))
    }

    /// Where the packet that this listener knows as `number` came from: the inverse of [`Self::map`] within the current source.
    /// `None`: it is of an older source, from before a pause, or was not sent.
    pub(crate) fn origin_of(&self, number: u16) -> Option<Sent> {
        let anchor = self.anchor.filter(|_| !self.paused)?;
        let back = (self.highest as u16).wrapping_sub(number);
        let out = self.highest.checked_sub(u64::from(back))?;
        let steps = out.checked_sub(anchor.first_out)?;
        Some(Sent {
            source: anchor.source,
            sequence: anchor.first_in.checked_add(steps)?,
            index: out,
            timestamp_offset: anchor.timestamp_offset,
            first: steps == 0,
        })
    }

    fn anchored(&self, source: u64, sequence: u64, timestamp_offset: u32) -> Anchor {
        Anchor {
            source,
            first_in: sequence,
            first_out: self.highest + 1,
            highest_in: sequence,
            timestamp_offset,
        }
    }

    /// Where a new source begins: as much later as time passed, at least one frame.
    fn next_timestamp(&self, now: Instant) -> u32 {
        let Some(last) = self.last_sent else {
            return self.last_timestamp;
        };
        let ticks = ticks(now.saturating_duration_since(last)).max(FRAME_TICKS);
        self.last_timestamp.wrapping_add((ticks & 0xffff_ffff) as u32)
    }
}

impl Anchor {
    fn jumped(&self, sequence: u64) -> bool {
        sequence > self.highest_in.saturating_add(MAX_DROPOUT)
    }
}

/// A duration on the 48 kHz clock.
pub(crate) fn ticks(duration: Duration) -> u64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(CLOCK_HZ / 1000) / 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rebase() -> (Rebase, Instant) {
        (Rebase::new(1000, 5000), Instant::now() + Duration::from_secs(3600))
    }

    #[test]
    fn a_listener_starts_at_its_own_numbers_and_keeps_gaps_and_order() {
        let (mut rebase, now) = rebase();
        let first = rebase.map(1, 70_000, 960, now).unwrap();
        assert_eq!((first.sequence(), first.timestamp, first.first), (1001, 5000, true));
        let after_loss = rebase.map(1, 70_003, 960 * 4, now).unwrap();
        assert_eq!(
            (after_loss.sequence(), after_loss.timestamp, after_loss.first),
            (1004, 7880, false)
        );
        let late = rebase.map(1, 70_001, 960 * 2, now).unwrap();
        assert_eq!((late.sequence(), late.timestamp), (1002, 5960));
        assert_eq!(rebase.map(1, 69_999, 0, now), None, "sent before this listener came");
    }

    #[test]
    fn a_new_source_goes_on_behind_the_old_one_by_the_time_that_passed() {
        let (mut rebase, now) = rebase();
        rebase.map(1, 10, 0, now).unwrap();
        let next = rebase.map(2, 999_999, 77, now + Duration::from_millis(100)).unwrap();
        assert_eq!((next.sequence(), next.timestamp, next.first), (1002, 5000 + 4800, true));
        let at_once = rebase.map(3, 4, 1, now + Duration::from_millis(101)).unwrap();
        assert_eq!((at_once.sequence(), at_once.timestamp), (1003, 5000 + 4800 + 960));
    }

    #[test]
    fn a_pause_leaves_no_gap_in_numbers_but_one_in_time() {
        let (mut rebase, now) = rebase();
        rebase.map(1, 10, 0, now).unwrap();
        rebase.pause();
        assert_eq!(rebase.map(1, 9, 0, now), None);
        let next = rebase.map(1, 60, 48_000, now).unwrap();
        assert_eq!((next.sequence(), next.timestamp, next.first), (1002, 53_000, true));
    }

    #[test]
    fn a_jump_beyond_any_loss_is_a_new_beginning() {
        let (mut rebase, now) = rebase();
        rebase.map(1, 10, 0, now).unwrap();
        let next = rebase.map(1, 10 + MAX_DROPOUT + 1, 960, now).unwrap();
        assert_eq!((next.sequence(), next.timestamp), (1002, 5960));
    }

    #[test]
    fn numbers_wrap_without_a_step() {
        let (mut rebase, now) = rebase();
        let mut last = rebase.map(1, 1, 0, now).unwrap().sequence();
        for sequence in 2..200_000u64 {
            let next = rebase.map(1, sequence, 0, now).unwrap().sequence();
            assert_eq!(next, last.wrapping_add(1));
            last = next;
        }
    }

    #[test]
    fn reports_use_the_offset_of_the_current_source_only() {
        let (mut rebase, now) = rebase();
        assert_eq!(rebase.timestamp_of(1, 0), None);
        rebase.map(1, 1, 100, now).unwrap();
        assert_eq!(rebase.timestamp_of(1, 1060), Some(5960));
        assert_eq!(rebase.timestamp_of(2, 1060), None);
    }

    proptest! {
        /// The index is the nonce of SRTP: two packets under one would give the key away.
        #[test]
        fn no_number_is_given_twice(steps in proptest::collection::vec((0u8..40, -70i64..70, 0u64..40), 1..200)) {
            let (mut rebase, now) = rebase();
            let (mut source, mut sequence) = (1, 1000u64);
            let mut received = std::collections::HashSet::new();
            let mut given = std::collections::HashSet::new();
            for (kind, step, passed) in steps {
                match kind {
                    0 => rebase.pause(),
                    1 => source += 1,
                    2 => sequence += MAX_DROPOUT + 5,
                    _ => {}
                }
                sequence = sequence.saturating_add_signed(step);
                // A packet comes here once: SRTP refuses a replayed one.
                if received.insert((source, sequence)) {
                    let now = now + Duration::from_millis(passed);
                    if let Some(named) = rebase.map(source, sequence, 960, now) {
                        prop_assert!(given.insert(named.index), "{} twice", named.index);
                    }
                }
            }
        }
    }

    #[test]
    fn a_listeners_number_leads_back_to_the_packet_within_the_current_source() {
        let (mut rebase, now) = rebase();
        assert_eq!(rebase.origin_of(7), None, "nothing was sent");
        let old = rebase.map(1, 500, 0, now).unwrap();
        let first = rebase.map(2, 100, 4_800, now).unwrap();
        let third = rebase.map(2, 102, 6_720, now).unwrap();
        assert_eq!(rebase.origin_of(old.sequence()), None);
        let sent = rebase.origin_of(first.sequence()).unwrap();
        assert_eq!((sent.source, sent.sequence, sent.name(4_800)), (2, 100, first));
        let sent = rebase.origin_of(third.sequence()).unwrap();
        assert_eq!((sent.source, sent.sequence, sent.name(6_720)), (2, 102, third));
        assert_eq!(rebase.origin_of(third.sequence().wrapping_add(1)), None, "to come");
        rebase.pause();
        assert_eq!(rebase.origin_of(third.sequence()), None);
        rebase.map(2, 103, 7_680, now).unwrap();
        assert_eq!(rebase.origin_of(third.sequence()), None, "from before the pause");
    }
}
