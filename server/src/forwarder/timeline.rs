//! Which packets of a publisher are there, and at which times: so that a copy of one that is not can be given its number.

/// Packets that are remembered: more than the 16 that a copy may be old.
const REMEMBERED: u64 = 64;

/// The last packets of one source.
#[derive(Debug)]
pub(crate) struct Timeline {
    times: [Option<(u64, u32)>; REMEMBERED as usize],
    highest: Option<u64>,
    /// Bit *k*: packet `highest - k` is there. What was before the first one is not missed.
    there: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            times: [None; REMEMBERED as usize],
            highest: None,
            there: u64::MAX,
        }
    }
}

impl Timeline {
    /// Packet `number` (extended) with this RTP timestamp is there.
    pub(crate) fn note(&mut self, number: u64, timestamp: u32) {
        let highest = *self.highest.get_or_insert(number);
        if number > highest {
            let step = u32::try_from(number - highest).unwrap_or(u32::MAX);
            self.there = self.there.checked_shl(step).unwrap_or(0);
            self.highest = Some(number);
        }
        let back = highest.max(number) - number;
        if back < REMEMBERED {
            self.there |= 1 << back;
            self.times[(number % REMEMBERED) as usize] = Some((number, timestamp));
        }
    }

    /// Whether none of the remembered packets is missing.
    pub(crate) fn is_whole(&self) -> bool {
        self.there == u64::MAX
    }

    /// The number of the missing packet whose frame is `offset` ticks older than `timestamp`.
    ///
    /// `None`: none is missing there, or it cannot be told which: silence that was not sent (DTX) lies in the gap.
    pub(crate) fn missing(&self, timestamp: u32, offset: u32) -> Option<u64> {
        let highest = self.highest?;
        let wanted = i64::from(offset);
        // The neighbours of the gap: number and age on both sides.
        let mut before: Option<(u64, i64)> = None;
        let mut behind: Option<(u64, i64)> = None;
        for (number, time) in self.times.iter().flatten().copied() {
            if highest - number >= REMEMBERED {
                continue;
            }
            let age = i64::from(timestamp.wrapping_sub(time).cast_signed());
            if age == wanted {
                return None;
            }
            if age > wanted {
                before = Some(before.map_or((number, age), |known| known.max((number, age))));
            } else {
                behind = Some(behind.map_or((number, age), |known| known.min((number, age))));
            }
        }
        let ((first, oldest), (last, newest)) = (before?, behind?);
        let packets = i64::try_from(last.checked_sub(first)?).ok()?;
        let ticks = oldest - newest;
        match packets {
            ..=1 => None,
            2 => Some(first + 1),
            _ if ticks % packets != 0 || (oldest - wanted) % (ticks / packets) != 0 => None,
            _ => Some(first + u64::try_from((oldest - wanted) / (ticks / packets)).ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(packets: &[(u64, u32)]) -> Timeline {
        let mut timeline = Timeline::default();
        for (number, timestamp) in packets {
            timeline.note(*number, *timestamp);
        }
        timeline
    }

    #[test]
    fn a_missing_packet_is_found_by_its_time_and_one_that_is_there_is_not() {
        let steady = timeline(&[(100, 0), (101, 960), (105, 4_800)]);
        assert!(!steady.is_whole());
        let found = |offset| steady.missing(4_800, offset);
        assert_eq!([960, 1_920, 2_880].map(found), [Some(104), Some(103), Some(102)]);
        assert_eq!(
            [3_840, 4_800, 500, 5_760].map(found),
            [None; 4],
            "there, between, before the first"
        );
    }

    #[test]
    fn across_silence_one_missing_packet_is_known_and_several_are_not() {
        let one = timeline(&[(100, 0), (102, 9_600)]);
        assert_eq!(one.missing(9_600, 960), Some(101));
        let two = timeline(&[(100, 0), (103, 9_700)]);
        assert_eq!(two.missing(9_700, 960), None);
        assert_eq!(one.missing(9_600, 9_600), None);
    }

    #[test]
    fn times_wrap_late_packets_fill_their_gap_and_a_long_outage_is_forgotten() {
        let mut wrapping = timeline(&[(100, u32::MAX - 959), (102, 960)]);
        assert_eq!(wrapping.missing(960, 960), Some(101));
        wrapping.note(101, 0);
        assert!(wrapping.is_whole());
        assert_eq!(wrapping.missing(960, 960), None);
        wrapping.note(1_000, 960 * 899);
        assert_eq!(wrapping.missing(960 * 899, 960), None, "nothing is left to count from");
        for number in 1_001..1_064 {
            wrapping.note(number, 960 * (number as u32 - 101));
        }
        assert!(wrapping.is_whole());
    }
}
