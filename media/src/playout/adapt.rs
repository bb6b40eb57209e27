//! When to stretch: a pure decision from the delay that playout has and the delay that it should have.

use super::{clock::MS, stretch::Splice};

/// More than this above the target is shortened where it is quiet.
const QUIET_EXCESS: i64 = 15 * MS;
/// So much of it is left: the estimate is no better than that, and to stretch to and fro is worse.
const LEFT: i64 = 4 * MS;
/// More than this above the target is shortened in speech too. Between target and here nothing is done: stretching for the
/// sake of a few milliseconds costs more than it gains.
const EXCESS: i64 = 25 * MS;
/// From here on every frame is shortened, however it sounds.
const URGENT_EXCESS: i64 = 100 * MS;
/// From here on sound is left out altogether.
const HOPELESS_EXCESS: i64 = 500 * MS;
/// More than this below the target is lengthened where it is quiet.
const QUIET_LACK: i64 = 3 * MS;
/// More than this below the target is lengthened in speech too.
const LACK: i64 = 8 * MS;
/// From here on every frame is lengthened, however it sounds.
const URGENT_LACK: i64 = 60 * MS;
/// Sound between two splices, unless it is urgent.
const PAUSE: i64 = 100 * MS;
/// How alike both ends of a splice are when there is time to wait for a good one.
const GOOD: f32 = 0.9;

/// What playout knows of its delay, in samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// The delay it has (the least of late).
    pub(super) delay: i64,
    /// The delay it should have.
    pub(super) target: i64,
    /// Whether it has been watched long enough to call it too long.
    pub(super) settled: bool,
    /// Sound since the last splice.
    pub(super) since_splice: i64,
}

/// What should be done about the delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Want {
    /// Nothing.
    Keep,
    /// Leave a period out, if the splice passes.
    Shorten(Terms),
    /// Play a period twice, if the splice passes.
    Lengthen(Terms),
    /// Leave out whole packets.
    Skip,
}

/// What a splice must be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms {
    /// Least likeness of a splice that can be heard; above 1: only where it is quiet.
    likeness: f32,
    /// How far the delay is off; where it is quiet, no more is spliced.
    amount: i64,
}

impl Terms {
    /// The frames to splice, where `splice` will do.
    pub(super) fn accept(&self, splice: &Splice, shortest: usize) -> Option<usize> {
        if splice.quiet {
            let amount = usize::try_from(self.amount).unwrap_or(0);
            return Some(splice.lag.min(amount).max(shortest));
        }
        (splice.likeness >= self.likeness).then_some(splice.lag)
    }
}

/// Decides what to do.
pub(super) fn decide(situation: &Situation) -> Want {
    let excess = situation.delay.saturating_sub(situation.target);
    if excess >= 0 {
        shorten(situation, excess)
    } else {
        lengthen(situation, -excess)
    }
}

fn shorten(situation: &Situation, excess: i64) -> Want {
    if !situation.settled || excess < QUIET_EXCESS {
        return Want::Keep;
    }
    if excess >= HOPELESS_EXCESS {
        return Want::Skip;
    }
    if excess < URGENT_EXCESS && situation.since_splice < PAUSE {
        return Want::Keep;
    }
    Want::Shorten(Terms {
        likeness: likeness(excess, EXCESS, URGENT_EXCESS),
        amount: excess - LEFT,
    })
}

fn lengthen(situation: &Situation, lack: i64) -> Want {
    if lack < QUIET_LACK || (lack < URGENT_LACK && situation.since_splice < PAUSE) {
        return Want::Keep;
    }
    Want::Lengthen(Terms {
        likeness: likeness(lack, LACK, URGENT_LACK),
        amount: lack,
    })
}

/// Only quiet below `from`; then a good likeness is asked for, and less and less until `urgent`.
fn likeness(off: i64, from: i64, urgent: i64) -> f32 {
    if off < from {
        return 2.0;
    }
    let urgency = (off - from) as f32 / (urgent - from) as f32;
    if urgency >= 1.0 { -1.0 } else { GOOD * (1.0 - urgency) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(delay_ms: i64, since_ms: i64, settled: bool) -> Want {
        decide(&Situation {
            delay: delay_ms * MS,
            target: 100 * MS,
            settled,
            since_splice: since_ms * MS,
        })
    }

    fn splice(likeness: f32, quiet: bool) -> Splice {
        Splice {
            lag: 480,
            likeness,
            quiet,
        }
    }

    #[test]
    fn near_the_target_nothing_is_done() {
        for delay in 98..115 {
            assert_eq!(want(delay, 1_000, true), Want::Keep, "{delay} ms");
        }
    }

    #[test]
    fn the_further_off_the_less_a_splice_must_fit() {
        // (delay in ms, least likeness that passes; None: only silence)
        let table = [
            (117, None),
            (130, Some(0.85)),
            (160, Some(0.49)),
            (199, Some(0.02)),
            (200, Some(-1.0)),
        ];
        for (delay, least) in table {
            let Want::Shorten(terms) = want(delay, 1_000, true) else {
                panic!("{delay}")
            };
            assert!(terms.accept(&splice(0.0, true), 120).is_some());
            match least {
                None => assert_eq!(terms.accept(&splice(1.0, false), 120), None),
                Some(least) => {
                    assert_eq!(terms.accept(&splice(least, false), 120), Some(480));
                    assert_eq!(terms.accept(&splice(least - 0.03, false), 120), None);
                }
            }
        }
        assert!(matches!(want(96, 1_000, true), Want::Lengthen(_)));
        assert_eq!(want(700, 1_000, true), Want::Skip);
    }

    #[test]
    fn splices_keep_apart_unless_it_is_urgent() {
        assert_eq!(want(130, 50, true), Want::Keep);
        assert_eq!(want(85, 50, true), Want::Keep);
        assert!(matches!(want(210, 0, true), Want::Shorten(_)));
        assert!(matches!(want(30, 0, true), Want::Lengthen(_)));
    }

    #[test]
    fn a_delay_just_begun_is_not_called_too_long() {
        assert_eq!(want(700, 1_000, false), Want::Keep);
        assert!(matches!(want(50, 1_000, false), Want::Lengthen(_)));
    }

    #[test]
    fn silence_is_cut_by_no_more_than_is_too_much() {
        let Want::Shorten(terms) = want(116, 1_000, true) else {
            panic!()
        };
        let long = Splice {
            lag: 900,
            likeness: 1.0,
            quiet: true,
        };
        assert_eq!(terms.accept(&long, 120), Some(576));
    }
}
