//! Holds what is sent to what the plan allows, on average: what pauses save is spent on speech.

use super::SendPlan;

/// How long what was saved is remembered, and what was overspent is paid back over.
const SECONDS: f64 = 4.0;
/// The bitrate of one moment, as a share of the mean.
const SHARES: std::ops::RangeInclusive<f64> = 0.7..=1.25;

/// What is allowed is meant as a limit: so much of it is aimed at.
const AIM: f64 = 0.99;

/// The account of one stream.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bits sent beyond what was allowed; negative: saved.
    overspent: f64,
    /// What was allowed last, in bit/s.
    allowed: f64,
}

impl Pace {
    /// Bitrate for the next frame alone, without its copies.
    pub(super) fn frame_bits_per_second(&mut self, plan: &SendPlan, frames_per_second: f64) -> u32 {
        let allowed = aim(plan);
        if allowed < self.allowed {
            // A link that takes less has no room for what was saved before.
            self.overspent = self.overspent.max(0.0);
        }
        self.allowed = allowed;
        let headers = f64::from(plan.copies.header_bytes()) * 8.0 * frames_per_second;
        let share = (1.0 - self.overspent / (allowed * SECONDS)).clamp(*SHARES.start(), *SHARES.end());
        // Positive and below 2^20, so the cast only rounds.
        ((allowed - headers).max(1.0) * share / f64::from(1 + plan.copies.len())) as u32
    }

    /// A packet of `bytes` went out for a frame of `seconds`; 0 where DTX sends none.
    pub(super) fn note(&mut self, bytes: usize, seconds: f64, plan: &SendPlan) {
        let allowed = aim(plan);
        let most = allowed * SECONDS;
        self.overspent = (self.overspent + bytes as f64 * 8.0 - allowed * seconds).clamp(-most, most);
    }
}

/// What is aimed at, in bit/s.
fn aim(plan: &SendPlan) -> f64 {
    f64::from(plan.bits_per_second) * AIM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::CopySet;

    #[test]
    fn copies_and_their_headers_come_out_of_the_same_budget() {
        let plan = SendPlan {
            copies: CopySet::of(&[2, 4]),
            ..SendPlan::plain(32_000)
        };
        let frame = Pace::default().frame_bits_per_second(&plan, 50.0);
        assert_eq!(frame, (31_680 - 9 * 8 * 50) / 3);
    }

    #[test]
    fn a_codec_that_misses_its_bitrate_is_brought_to_the_mean() {
        for codec in [0.8, 1.15] {
            let (plan, mut pace, mut sent) = (SendPlan::plain(32_000), Pace::default(), 0.0);
            for _ in 0..3_000 {
                let bytes = f64::from(pace.frame_bits_per_second(&plan, 50.0)) * codec / 50.0 / 8.0;
                pace.note(bytes as usize, 0.02, &plan);
                sent += bytes.floor() * 8.0;
            }
            let mean = sent / 60.0;
            assert!((31_000.0..32_000.0).contains(&mean), "{mean} bit/s");
        }
    }

    #[test]
    fn what_a_pause_saved_is_spent_within_seconds_and_no_more_than_a_quarter_at_a_time() {
        let (plan, mut pace) = (SendPlan::plain(32_000), Pace::default());
        pace.frame_bits_per_second(&plan, 50.0);
        for _ in 0..500 {
            pace.note(0, 0.02, &plan);
        }
        assert_eq!(pace.frame_bits_per_second(&plan, 50.0), 39_600);
        for _ in 0..1_000 {
            let bytes = pace.frame_bits_per_second(&plan, 50.0) as usize / 400;
            pace.note(bytes, 0.02, &plan);
        }
        assert!(pace.frame_bits_per_second(&plan, 50.0) < 34_000);
    }

    #[test]
    fn what_was_saved_before_a_link_shrank_is_not_spent_on_it() {
        let (wide, narrow, mut pace) = (SendPlan::plain(48_000), SendPlan::plain(12_000), Pace::default());
        for _ in 0..500 {
            pace.frame_bits_per_second(&wide, 50.0);
            pace.note(0, 0.02, &wide);
        }
        assert_eq!(pace.frame_bits_per_second(&narrow, 50.0), 11_880);
    }
}
