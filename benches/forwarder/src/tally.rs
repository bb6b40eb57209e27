//! What a listener got of a stream: each packet once, in order, or not.

use serde::{Deserialize, Serialize};

/// What one listener got since it began to count.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    from: u64,
    /// One bit for each packet from `from` on.
    seen: Vec<u64>,
    highest: Option<u64>,
    delivered: u64,
    duplicate: u64,
    out_of_order: u64,
}

impl Tally {
    /// Counts anew; packets before `from` do not count.
    pub fn begin(&mut self, from: u64) {
        *self = Self { from, ..Self::default() };
    }

    /// Notes a packet; `false` if it is older than the count.
    pub fn note(&mut self, counter: u64) -> bool {
        let Some(offset) = counter.checked_sub(self.from) else {
            return false;
        };
        let (word, bit) = ((offset / 64) as usize, 1 << (offset % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.duplicate += 1;
            return true;
        }
        self.seen[word] |= bit;
        self.delivered += 1;
        if self.highest.is_some_and(|highest| counter < highest) {
            self.out_of_order += 1;
        }
        self.highest = self.highest.max(Some(counter));
        true
    }

    /// Whether every packet before `until` came.
    pub fn is_complete(&self, until: u64) -> bool {
        self.delivered >= until.saturating_sub(self.from)
    }

    /// The account of the packets from the beginning of the count to `until`, which is not in it.
    pub fn traffic(&self, until: u64) -> Traffic {
        let expected = until.saturating_sub(self.from);
        let came_later = (until.max(self.from)..)
            .take_while(|counter| self.highest.is_some_and(|highest| *counter <= highest))
            .filter(|counter| self.has(*counter))
            .count() as u64;
        let delivered = self.delivered - came_later;
        Traffic {
            listeners: 1,
            expected,
            delivered,
            lost: expected - delivered,
            duplicate: self.duplicate,
            out_of_order: self.out_of_order,
            ..Traffic::default()
        }
    }

    fn has(&self, counter: u64) -> bool {
        let offset = counter - self.from;
        let word = self.seen.get((offset / 64) as usize).copied().unwrap_or_default();
        word & (1 << (offset % 64)) != 0
    }
}

/// What several listeners got together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// How many listeners.
    pub listeners: u64,
    /// Packets that each of them had to get, summed.
    pub expected: u64,
    /// Of these, those that came.
    pub delivered: u64,
    /// Of these, those that did not.
    pub lost: u64,
    /// Packets that came once more.
    pub duplicate: u64,
    /// Packets that came behind a later one.
    pub out_of_order: u64,
    /// Datagrams that the listeners' own sockets had no room for: lost, and not by the server.
    pub own_drops: u64,
    /// From the publisher's send to the kernel's receipt.
    pub latency_us: Spread,
    /// The same of who listens on the node where the stream is published, and of who does so on another one.
    #[serde(default)]
    pub here_and_elsewhere_us: [Spread; 2],
}

impl Traffic {
    /// Adds what another listener got; the latency is kept as it is.
    pub fn add(&mut self, other: &Self) {
        self.listeners += other.listeners;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicate += other.duplicate;
        self.out_of_order += other.out_of_order;
        self.own_drops += other.own_drops;
    }

    /// Whether everything came, once, in order.
    pub fn is_perfect(&self) -> bool {
        self.expected > 0 && self.lost == 0 && self.duplicate == 0 && self.out_of_order == 0
    }
}

/// The middle, the far end and the end of many values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub p50: f64,
    /// 99 of 100 are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values, which get sorted; all 0 if there are none.
    pub fn of(values: &mut [f64]) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (values.len().saturating_sub(1)) as f64 * share;
            values.get(index.round() as usize).copied().unwrap_or_default()
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(counters: &[u64]) -> Tally {
        let mut tally = Tally::default();
        tally.begin(10);
        for counter in counters {
            tally.note(*counter);
        }
        tally
    }

    #[test]
    fn all_packets_in_order_are_perfect() {
        let tally = tally(&[10, 11, 12, 13]);
        assert!(tally.is_complete(14) && tally.traffic(14).is_perfect());
    }

    #[test]
    fn a_gap_at_the_beginning_in_the_middle_and_at_the_end_is_lost() {
        for counters in [[11, 12, 13], [10, 12, 13], [10, 11, 12]] {
            let traffic = tally(&counters).traffic(14);
            assert_eq!((traffic.expected, traffic.delivered, traffic.lost), (4, 3, 1));
            assert!(!traffic.is_perfect());
        }
    }

    #[test]
    fn a_packet_that_comes_twice_and_one_that_comes_late_are_counted_as_such() {
        let traffic = tally(&[10, 12, 11, 11]).traffic(13);
        assert_eq!((traffic.lost, traffic.duplicate, traffic.out_of_order), (0, 1, 1));
    }

    #[test]
    fn packets_before_and_behind_the_count_do_not_make_up_for_lost_ones() {
        let traffic = tally(&[8, 9, 10, 12, 14, 15]).traffic(13);
        assert_eq!((traffic.expected, traffic.delivered, traffic.lost), (3, 2, 1));
    }

    #[test]
    fn nobody_who_expected_something_is_not_perfect() {
        assert!(!Traffic::default().is_perfect());
    }

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let spread = Spread::of(&mut values);
        assert_eq!((spread.p50, spread.p99, spread.max), (50.0, 99.0, 100.0));
        assert_eq!(Spread::of(&mut []), Spread::default());
    }
}
