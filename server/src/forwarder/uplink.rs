//! What the network lost of a publisher's packets, before anything was repaired.

/// So many later packets make one lost: what comes after them was late, or sent again.
const REORDERED: u32 = 2;
/// A longer gap is a new beginning. RFC 3550 appendix A.1 (MAX_DROPOUT).
const MAX_DROPOUT: u64 = 3000;

/// What was lost since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UplinkLoss {
    pub(crate) expected: u32,
    pub(crate) lost: u32,
    /// Runs of lost packets.
    pub(crate) runs: u32,
}

/// Judges each packet of one source once.
#[derive(Debug, Default)]
pub(crate) struct UplinkMeter {
    highest: Option<u64>,
    /// Bit *k*: packet `highest - k` came.
    came: u32,
    losing: bool,
    counted: UplinkLoss,
}

impl UplinkMeter {
    /// A packet came.
    pub(crate) fn note(&mut self, extended: u64) {
        let highest = self.highest.unwrap_or(extended);
        if self.highest.is_none() || extended.saturating_sub(highest) > MAX_DROPOUT {
            self.highest = Some(extended);
            self.came = u32::MAX;
            self.losing = false;
            return;
        }
        for _ in highest..extended {
            self.came <<= 1;
            self.judge(self.came >> REORDERED & 1 == 1);
        }
        let now = highest.max(extended);
        self.highest = Some(now);
        if now - extended < u64::from(u32::BITS) {
            self.came |= 1 << (now - extended);
        }
    }

    /// What was lost since the last call.
    pub(crate) fn take(&mut self) -> UplinkLoss {
        std::mem::take(&mut self.counted)
    }

    fn judge(&mut self, came: bool) {
        let counted = &mut self.counted;
        counted.expected = counted.expected.saturating_add(1);
        if !came {
            counted.lost = counted.lost.saturating_add(1);
            // A run that goes on from the last look counts here, too.
            let begins = !self.losing || counted.runs == 0;
            counted.runs = counted.runs.saturating_add(u32::from(begins));
        }
        self.losing = !came;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(packets: impl IntoIterator<Item = u64>) -> (u32, u32) {
        let mut meter = UplinkMeter::default();
        packets.into_iter().for_each(|packet| meter.note(packet));
        let loss = meter.take();
        (loss.lost, loss.runs)
    }

    #[test]
    fn what_comes_behind_two_later_ones_is_lost_and_a_swap_is_not() {
        assert_eq!(lost(1_000..1_100), (0, 0));
        assert_eq!(lost([10, 11, 13, 12, 14, 15, 16]), (0, 0));
        assert_eq!(lost([10, 11, 13, 14, 12, 15, 16]), (1, 1), "sent again, or as good as lost");
        assert_eq!(lost([10, 14, 15, 16, 18, 19, 20]), (4, 2));
        assert_eq!(lost([10, 5_000, 5_001, 5_002]), (0, 0), "another beginning");
    }

    #[test]
    fn each_packet_is_judged_once_over_all_looks() {
        let mut meter = UplinkMeter::default();
        let mut total = UplinkLoss::default();
        for n in (0..300u64).filter(|n| n % 10 < 7) {
            meter.note(n + 65_536);
            if n % 13 == 0 {
                let loss = meter.take();
                total.expected += loss.expected;
                total.lost += loss.lost;
            }
        }
        total.lost += meter.take().lost;
        assert_eq!(total.lost, 87, "three of ten, but for those behind the last");
    }
}
