use super::{COPY_HEADER, OWN_HEADER};

/// Which older frames travel in each packet once more: a set of distances, 1 to [`CopySet::MAX_DISTANCE`] steps back.
///
/// Who holds the set says what a step is: a packet of the stream, or 20 ms of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CopySet(u16);

impl CopySet {
    /// No copies: each frame travels once.
    pub const NONE: Self = Self(0);
    /// The greatest distance.
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

    /// The set whose [`bits`](Self::bits) these are.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Bit *n*: a copy at distance *n* + 1.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many copies of each frame there are.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Bytes that they add to a payload beside themselves: headers.
    pub const fn header_bytes(self) -> u32 {
        // At most 65, so the casts are exact.
        if self.is_empty() {
            0
        } else {
            self.len() * COPY_HEADER as u32 + OWN_HEADER as u32
        }
    }

    /// Whether this distance is among them.
    pub const fn has(self, distance: u8) -> bool {
        matches!(distance, 1..=Self::MAX_DISTANCE) && self.0 & (1 << (distance - 1)) != 0
    }

    /// The distances, ascending.
    pub fn distances(self) -> impl DoubleEndedIterator<Item = u8> {
        (1..=Self::MAX_DISTANCE).filter(move |distance| self.has(*distance))
    }

    /// The distances that both have.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// With this distance, too.
    pub const fn with(self, distance: u8) -> Self {
        Self(self.0 | Self::of(&[distance]).0)
    }

    /// Without the smallest distance.
    pub const fn without_nearest(self) -> Self {
        Self(self.0 & self.0.wrapping_sub(1))
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
    fn a_set_survives_its_bits_and_knows_its_headers() {
        let set = CopySet::of(&[1, 4, 16]);
        assert_eq!(CopySet::from_bits(set.bits()), set);
        assert_eq!((set.header_bytes(), CopySet::NONE.header_bytes()), (13, 0));
    }
}
