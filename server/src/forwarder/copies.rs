//! Which older frames a listener's packets carry once more (RFC 2198), and since which packet.

use express_messages::red::CopySet;

/// The copies that one listener's packets carry, by the packets' numbers.
///
/// A packet that is sent again must be the same bits under its number, so the set before the last change is remembered, too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CopyPlan {
    now: CopySet,
    before: CopySet,
    /// The first packets of both.
    since: u64,
    before_since: u64,
}

impl CopyPlan {
    /// What packets get that are still to come.
    pub(crate) fn current(&self) -> CopySet {
        self.now
    }

    /// The set from packet `index` on, which was not sent yet, nor any after it.
    pub(crate) fn switch(&mut self, to: CopySet, index: u64) {
        // Where no packet came between two changes the former never counted.
        if index > self.since {
            (self.before, self.before_since) = (self.now, self.since);
        }
        (self.now, self.since) = (to, index);
    }

    /// The set of packet `index`; `None`: that is no longer known.
    pub(crate) fn at(&self, index: u64) -> Option<CopySet> {
        if index >= self.since {
            return Some(self.now);
        }
        (index >= self.before_since).then_some(self.before)
    }
}

/// How many listeners of a stream get which copies.
#[derive(Debug, Default)]
pub(crate) struct CopiesInUse {
    listeners: [u32; CopySet::MAX_DISTANCE as usize],
    any: CopySet,
}

impl CopiesInUse {
    /// Every distance that a listener gets.
    pub(crate) fn any(&self) -> CopySet {
        self.any
    }

    /// A listener gets other copies than before.
    pub(crate) fn change(&mut self, from: CopySet, to: CopySet) {
        self.any = CopySet::NONE;
        for (count, distance) in self.listeners.iter_mut().zip(1..) {
            let less = u32::from(from.has(distance));
            *count = count.saturating_add(u32::from(to.has(distance))).saturating_sub(less);
            if *count > 0 {
                self.any = self.any.with(distance);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copies_of_a_packet_are_known_over_one_change_and_not_guessed_after_two() {
        let (one, two) = (CopySet::of(&[1]), CopySet::of(&[2]));
        let mut plan = CopyPlan::default();
        plan.switch(one, 100);
        assert_eq!([99, 100].map(|index| plan.at(index)), [Some(CopySet::NONE), Some(one)]);
        plan.switch(two, 100);
        assert_eq!([99, 100].map(|index| plan.at(index)), [Some(CopySet::NONE), Some(two)]);
        plan.switch(CopySet::NONE, 200);
        assert_eq!(
            [99, 199, 200].map(|index| plan.at(index)),
            [None, Some(two), Some(CopySet::NONE)]
        );
    }

    #[test]
    fn a_distance_is_in_use_as_long_as_one_listener_gets_it() {
        let mut used = CopiesInUse::default();
        let (one, both) = (CopySet::of(&[4]), CopySet::of(&[2, 4]));
        used.change(CopySet::NONE, one);
        used.change(CopySet::NONE, both);
        assert_eq!(used.any(), both);
        used.change(both, CopySet::NONE);
        assert_eq!(used.any(), one);
        used.change(one, CopySet::NONE);
        assert!(used.any().is_empty());
    }
}
