//! Which older frames a listener's packets carry once more (RFC 2198), and since which packet.

/// Distances of copies: a packet carries the frames of the packets that were so many before it in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CopySet(u16);

impl CopySet {
    /// No copies.
    pub const NONE: Self = Self(0);
    /// The greatest distance, in packets.
    pub const MAX_DISTANCE: u8 = 16;

    /// Copies at these distances, 1 to [`CopySet::MAX_DISTANCE`]; others are ignored.
    pub const fn of(distances: &[u8]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < distances.len() {
            let distance = distances[index];
            if distance >= 1 && distance <= Self::MAX_DISTANCE {
                bits |= 1 << (distance - 1);
            }
            index += 1;
        }
        Self(bits)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many copies.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The distances, ascending.
    pub fn distances(self) -> impl DoubleEndedIterator<Item = u8> {
        (1..=Self::MAX_DISTANCE).filter(move |distance| self.has(*distance))
    }

    pub(crate) const fn has(self, distance: u8) -> bool {
        matches!(distance, 1..=Self::MAX_DISTANCE) && self.0 & (1 << (distance - 1)) != 0
    }

    /// The distances that both have.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without the smallest distance.
    pub(crate) const fn without_nearest(self) -> Self {
        Self(self.0 & self.0.wrapping_sub(1))
    }

    pub(crate) const fn with(self, distance: u8) -> Self {
        Self(self.0 | Self::of(&[distance]).0)
    }
}

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
    fn distances_outside_1_to_16_are_no_copies() {
        let set = CopySet::of(&[0, 4, 1, 17, 16]);
        assert_eq!(set.distances().collect::<Vec<_>>(), [1, 4, 16]);
        assert_eq!((set.len(), set.without_nearest()), (3, CopySet::of(&[4, 16])));
        assert!(CopySet::NONE.without_nearest().is_empty());
    }

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
