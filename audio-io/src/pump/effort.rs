//! Who gets the full effort of its source: the loudest few, and fewer of them where ticks take too long.
//!
//! Deep concealment costs several times as much as decoding. When the network of a room fails, all its streams conceal at once,
//! and what the quiet ones would gain cannot be heard under the loud ones.

use std::time::Duration;

use express_messages::audio::Effort;

/// So many at most. When all lose their packets at once, the first tick of deep concealment costs 0.9 ms for each, and the pump has 6.
const FULL: usize = 5;
/// A block that takes longer than this of its 10 ms is an overrun.
const OVERRUN: Duration = Duration::from_millis(7);
/// Blocks between two rankings: 100 ms.
const RANKED_EVERY: usize = 10;
/// Blocks without an overrun after which one more gets full effort: 5 s.
const CALM: usize = 500;
/// Who has full effort counts as 6 dB louder, so that two streams of the same loudness do not take turns.
const HELD: f32 = 2.0;

/// Ranks played streams. Pure; allocates in [`Efforts::new`] only, as long as there are no more streams than it was made for.
#[derive(Debug)]
pub(super) struct Efforts {
    /// How many get full effort now.
    full: usize,
    since_ranked: usize,
    since_overrun: usize,
    /// Loudness and index of each stream, then the loudest first.
    ranking: Vec<(f32, usize)>,
    efforts: Vec<Effort>,
}

impl Efforts {
    pub(super) fn new(streams: usize) -> Self {
        Self {
            full: FULL,
            since_ranked: 0,
            since_overrun: 0,
            ranking: Vec::with_capacity(streams),
            efforts: Vec::with_capacity(streams),
        }
    }

    /// A tick that made `blocks` blocks took so long; whether that was an overrun.
    pub(super) fn note_tick(&mut self, took: Duration, blocks: usize) -> bool {
        let blocks = blocks.max(1);
        let is_overrun = took / u32::try_from(blocks).unwrap_or(u32::MAX) > OVERRUN;
        if is_overrun {
            self.full /= 2;
            self.since_overrun = 0;
            self.since_ranked = RANKED_EVERY;
        } else if self.since_overrun < CALM {
            self.since_overrun += blocks;
        } else {
            self.full = (self.full + 1).min(FULL);
            self.since_overrun = 0;
        }
        is_overrun
    }

    /// A block was made; whether it is time to rank.
    pub(super) fn is_due(&mut self) -> bool {
        self.since_ranked += 1;
        self.since_ranked >= RANKED_EVERY
    }

    /// What each of the streams may compute from now on, in their order, given how loud it is and what it may now.
    pub(super) fn rank(&mut self, streams: impl Iterator<Item = (f32, Effort)>) -> &[Effort] {
        self.since_ranked = 0;
        self.ranking.clear();
        self.ranking.extend(streams.enumerate().map(|(index, (loudness, effort))| {
            let held = if effort == Effort::Full { HELD } else { 1.0 };
            (loudness * held, index)
        }));
        // Of two that are alike the one that was there first.
        self.ranking.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.efforts.clear();
        self.efforts.resize(self.ranking.len(), Effort::Low);
        for (_, index) in self.ranking.iter().take(self.full) {
            self.efforts[*index] = Effort::Full;
        }
        &self.efforts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who of streams of this loudness has full effort, given who had it.
    fn full(efforts: &mut Efforts, loudness: &[f32], before: &[usize]) -> Vec<usize> {
        let effort = |index| if before.contains(&index) { Effort::Full } else { Effort::Low };
        let streams = loudness
            .iter()
            .enumerate()
            .map(|(index, loudness)| (*loudness, effort(index)));
        let ranked = efforts.rank(streams).iter().enumerate();
        ranked
            .filter(|(_, effort)| **effort == Effort::Full)
            .map(|(index, _)| index)
            .collect()
    }

    #[test]
    fn the_five_loudest_of_many_get_full_effort_and_all_of_a_few() {
        let loudness = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6];
        let mut efforts = Efforts::new(8);
        assert_eq!(full(&mut efforts, &loudness, &[]), [1, 3, 5, 6, 7]);
        assert_eq!(full(&mut efforts, &loudness[..5], &[]), [0, 1, 2, 3, 4]);
        assert_eq!(full(&mut efforts, &[0.0; 3], &[]), [0, 1, 2]);
        assert_eq!(full(&mut efforts, &[], &[]), []);
    }

    #[test]
    fn a_stream_that_is_a_little_louder_takes_nothing_away() {
        let mut efforts = Efforts::new(8);
        let had = [0, 1, 2, 3, 4];
        assert_eq!(full(&mut efforts, &[0.5, 0.5, 0.5, 0.5, 0.3, 0.55], &had), had);
        let louder = [0.5, 0.5, 0.5, 0.5, 0.3, 0.65];
        assert_eq!(full(&mut efforts, &louder, &had), [0, 1, 2, 3, 5]);
    }

    #[test]
    fn fewer_get_it_after_an_overrun_and_more_again_in_calm() {
        let ms = Duration::from_millis;
        let mut efforts = Efforts::new(8);
        let mut count = |ticks: &[(u64, usize, usize)]| {
            for &(took, blocks, times) in ticks {
                for _ in 0..times {
                    efforts.note_tick(ms(took), blocks);
                }
            }
            full(&mut efforts, &[0.5; 8], &[]).len()
        };
        assert_eq!(
            count(&[(7, 1, 1), (14, 2, 1), (100, 20, 1), (3, 0, 1)]),
            5,
            "within the budget"
        );
        assert_eq!(count(&[(8, 1, 1)]), 2);
        assert_eq!(count(&[(15, 2, 1)]), 1);
        assert_eq!(count(&[(8, 1, 1)]), 0);
        assert_eq!(count(&[(2, 1, 499)]), 0);
        assert_eq!(count(&[(2, 1, 2)]), 1);
        assert_eq!(count(&[(2, 1, 10_000)]), 5);
    }

    #[test]
    fn streams_are_ranked_every_100_ms_and_at_once_after_an_overrun() {
        let mut efforts = Efforts::new(8);
        let due: Vec<usize> = (1..=30)
            .filter(|_| {
                let is_due = efforts.is_due();
                if is_due {
                    efforts.rank(std::iter::empty());
                }
                is_due
            })
            .collect();
        assert_eq!(due, [10, 20, 30]);
        efforts.note_tick(Duration::from_millis(8), 1);
        assert!(efforts.is_due());
    }
}
