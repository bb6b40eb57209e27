//! Keeping book of what is missing: concealed samples, events, breaks.

use super::stats::PlayoutStats;

/// A stretch of concealment beyond 200 ms is a break (documented for `audioCumulativeBreakTime`).
const BREAK_FRAMES: usize = 9_600;

/// The stretch of concealment that is going on.
#[derive(Debug, Default)]
pub(super) struct Run {
    frames: usize,
}

impl Run {
    /// Frames concealed in a row so far.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// `frames` more are concealed.
    pub(super) fn conceal(&mut self, frames: usize, silent: bool, stats: &mut PlayoutStats) {
        let before = self.frames;
        self.frames = before.saturating_add(frames);
        stats.concealed_samples += frames as u64;
        stats.concealment_events += u64::from(before == 0);
        if silent {
            stats.silent_concealed_samples += frames as u64;
        }
        if self.frames > BREAK_FRAMES {
            let begins = before <= BREAK_FRAMES;
            stats.breaks += u64::from(begins);
            stats.break_samples += if begins { self.frames } else { frames } as u64;
        }
    }

    /// Sound is back.
    pub(super) fn end(&mut self) {
        self.frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_200_ms_at_a_stretch_is_a_break() {
        // (stretches in blocks of 10 ms, breaks, their length in blocks, events)
        let table: [(&[u64], u64, u64, u64); 4] = [
            (&[1, 2, 20], 0, 0, 3),
            (&[21], 1, 21, 1),
            (&[30, 5, 25], 2, 55, 3),
            (&[20, 20, 20], 0, 0, 3),
        ];
        for (stretches, breaks, length, events) in table {
            let (mut run, mut stats) = (Run::default(), PlayoutStats::default());
            for blocks in stretches {
                (0..*blocks).for_each(|n| run.conceal(480, n > 15, &mut stats));
                run.end();
            }
            assert_eq!(
                (stats.breaks, stats.break_samples, stats.concealment_events),
                (breaks, length * 480, events)
            );
            assert_eq!(stats.concealed_samples, stretches.iter().sum::<u64>() * 480);
        }
    }
}
