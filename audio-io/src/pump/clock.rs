//! When blocks are due: absolute deadlines, or the speaker's clock.
//!
//! ```text
//!            no speaker ──► TIMER: one block for each 10 ms that passed
//!   speaker takes frames ──► MASTER: as many blocks as fill its ring to the target
//!   it stops for 100 ms  ──► TIMER again, so that what is captured goes on; nothing more is written to its ring
//! ```

use std::time::{Duration, Instant};

use express_messages::audio::{BLOCK_FRAMES, BLOCK_MS};

use super::OutputId;

/// One period of the pump.
pub(crate) const PERIOD: Duration = Duration::from_millis(BLOCK_MS);
/// Most blocks made at once after an oversleep: 200 ms. What is older is of no use to a listener; it is skipped and counted.
pub(crate) const MAX_CATCH_UP: usize = 20;
/// A speaker that takes nothing for so long is no clock: five callbacks of 20 ms.
const MASTER_STALLED_AFTER: Duration = Duration::from_millis(100);

/// What the pump sees of its master, in frames at 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MasterView {
    /// Which output it is.
    pub(crate) output: OutputId,
    /// Frames in the playout ring.
    pub(crate) fill_frames: usize,
    /// Frames that should be there.
    pub(crate) target_frames: usize,
    /// Frames the device has taken since it was opened, in its own rate.
    pub(crate) taken_frames: u64,
}

/// What is due now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Blocks to make.
    pub(crate) blocks: usize,
    /// Blocks that will never be made.
    pub(crate) skipped: usize,
    /// Whether the speaker takes what is made.
    pub(crate) master_runs: bool,
}

/// Decides how many blocks are due. Pure: time is an argument.
#[derive(Debug, Default)]
pub(crate) struct PumpClock {
    next: Option<Instant>,
    /// Which master had taken how much, and since when it has taken no more.
    progress: Option<(OutputId, u64, Instant)>,
}

impl PumpClock {
    /// The next deadline; `None` before the first call of [`Self::due`].
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// What is due at `now`.
    pub(crate) fn due(&mut self, now: Instant, master: Option<MasterView>) -> Due {
        let periods = self.pass_deadlines(now);
        match master {
            Some(view) if self.runs(now, view) => {
                let missing = view.target_frames.saturating_sub(view.fill_frames);
                Due {
                    blocks: missing.div_ceil(BLOCK_FRAMES).min(MAX_CATCH_UP),
                    skipped: 0,
                    master_runs: true,
                }
            }
            _ => Due {
                blocks: periods.min(MAX_CATCH_UP),
                skipped: periods.saturating_sub(MAX_CATCH_UP),
                master_runs: false,
            },
        }
    }

    /// Counts the deadlines that `now` has reached and moves past them.
    fn pass_deadlines(&mut self, now: Instant) -> usize {
        let next = *self.next.get_or_insert(now);
        let Some(late) = now.checked_duration_since(next) else {
            return 0;
        };
        let periods = (late.as_micros() / PERIOD.as_micros()).saturating_add(1);
        // A sleep so long that it does not fit is as good as this one.
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        self.next = Some(next + PERIOD.saturating_mul(periods));
        periods as usize
    }

    fn runs(&mut self, now: Instant, view: MasterView) -> bool {
        match self.progress {
            Some((output, taken, since)) if (output, taken) == (view.output, view.taken_frames) => {
                now.saturating_duration_since(since) < MASTER_STALLED_AFTER
            }
            _ => {
                self.progress = Some((view.output, view.taken_frames, now));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn view(fill_frames: usize, taken_frames: u64) -> Option<MasterView> {
        Some(MasterView {
            output: OutputId(1),
            fill_frames,
            target_frames: 1_440,
            taken_frames,
        })
    }

    #[test]
    fn without_a_speaker_each_period_gives_one_block_however_late_the_pump_wakes() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        let mut made = 0;
        // Wakes late by up to 9 ms, and once by 65 ms.
        for (i, jitter) in [0, 3, 9, 0, 65, 1, 2, 0, 4, 0].into_iter().enumerate() {
            made += clock.due(start + ms(i as u64 * 10 + jitter), None).blocks;
        }
        assert_eq!(made, 11, "at 106 ms the deadlines 0..=100 are over");
        assert_eq!(clock.next_deadline(), Some(start + ms(110)));
    }

    #[test]
    fn an_early_wake_makes_nothing() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        assert_eq!(clock.due(start, None).blocks, 1);
        assert_eq!(clock.due(start + ms(4), None).blocks, 0);
        assert_eq!(clock.due(start + ms(10), None).blocks, 1);
    }

    #[test]
    fn after_a_long_sleep_200_ms_are_caught_up_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        clock.due(start, None);
        let due = clock.due(start + ms(5_000), None);
        assert_eq!((due.blocks, due.skipped), (20, 480));
        assert_eq!(clock.due(start + ms(5_010), None).blocks, 1);
    }

    #[test]
    fn a_speaker_is_kept_filled_to_its_target() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        for (step, (fill, blocks)) in [(0, 3), (1_440, 0), (1_439, 1), (960, 1), (480, 2), (2_000, 0)]
            .into_iter()
            .enumerate()
        {
            let due = clock.due(start + ms(step as u64 * 10), view(fill, step as u64));
            assert_eq!((due.blocks, due.master_runs), (blocks, true), "fill {fill}");
        }
    }

    #[test]
    fn a_speaker_that_stops_hands_the_clock_back_to_the_timer_and_may_return() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        let mut blocks = 0;
        for step in 0..30 {
            blocks += clock.due(start + ms(step * 10), view(1_440, 7)).blocks;
        }
        assert_eq!(blocks, 20, "silent for the first 100 ms, then one block a period");
        let due = clock.due(start + ms(300), view(960, 8));
        assert_eq!((due.blocks, due.master_runs), (1, true));
    }

    #[test]
    fn another_speaker_that_becomes_the_master_is_given_100_ms_of_its_own() {
        let start = Instant::now();
        let mut clock = PumpClock::default();
        for step in 0..30 {
            clock.due(start + ms(step * 10), view(1_440, 7));
        }
        let other = view(960, 7).map(|view| MasterView {
            output: OutputId(2),
            ..view
        });
        assert!(clock.due(start + ms(300), other).master_runs);
        assert!(clock.due(start + ms(399), other).master_runs);
        assert!(!clock.due(start + ms(400), other).master_runs);
    }
}
