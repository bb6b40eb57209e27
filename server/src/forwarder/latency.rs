//! How long media stays in this machine: a histogram with one writer, any reader, no lock.

use std::time::Duration;

use super::counters::Counter;

/// Upper bounds of the buckets in nanoseconds, each included in its own; what took longer has a bucket of its own.
///
/// Neighbours are at most a factor of 1.67 apart, so that a quantile read from them is off by less.
const BOUNDS_NS: [u64; BOUNDS] = [
    10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 500_000, 750_000, 1_000_000, 1_500_000,
    2_000_000, 3_000_000, 5_000_000, 7_500_000, 10_000_000, 15_000_000, 20_000_000, 30_000_000, 50_000_000,
];
const BOUNDS: usize = 23;

/// Where a shard records; only the shard writes.
#[derive(Debug, Default)]
pub(crate) struct LatencyHistogram {
    buckets: [Counter; BOUNDS],
    longer: Counter,
    sum_ns: Counter,
}

impl LatencyHistogram {
    /// Records that `packets` copies took `latency` each: from the datagram's arrival to its hand-over to the kernel.
    pub(crate) fn record(&self, latency: Duration, packets: u64) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < ns);
        self.buckets.get(bucket).unwrap_or(&self.longer).add(packets);
        self.sum_ns.add(ns.saturating_mul(packets));
    }

    /// Adds what this shard recorded.
    pub(crate) fn add_to(&self, total: &mut ForwardingLatency) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.value());
        }
        total.longer = total.longer.wrapping_add(self.longer.value());
        total.sum_ns = total.sum_ns.wrapping_add(self.sum_ns.value());
    }
}

/// How long forwarded copies took from the arrival of the publisher's datagram to the hand-over to the kernel, since the
/// forwarder started, all shards together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardingLatency {
    buckets: [u64; BOUNDS],
    longer: u64,
    sum_ns: u64,
}

impl ForwardingLatency {
    /// The upper bound of each bucket, which belongs to it, and the copies in it; the last bound is [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let bounded = BOUNDS_NS.into_iter().map(Duration::from_nanos).zip(self.buckets);
        bounded.chain([(Duration::MAX, self.longer)])
    }

    /// Copies recorded.
    pub fn count(&self) -> u64 {
        self.buckets().map(|(_, copies)| copies).sum()
    }

    /// The latencies of all copies together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    fn recorded(batches: &[(Duration, u64)]) -> ForwardingLatency {
        let histogram = LatencyHistogram::default();
        for (latency, packets) in batches {
            histogram.record(*latency, *packets);
        }
        let mut total = ForwardingLatency::default();
        histogram.add_to(&mut total);
        total
    }

    fn filled(latency: &ForwardingLatency) -> Vec<(Duration, u64)> {
        latency.buckets().filter(|(_, copies)| *copies > 0).collect()
    }

    #[test]
    fn a_batch_counts_in_the_first_bucket_that_it_fits() {
        let latency = recorded(&[
            (Duration::ZERO, 1),
            (US * 10, 2),
            (US * 10 + Duration::from_nanos(1), 4),
            (US * 1_000, 8),
            (US * 50_000, 16),
            (US * 50_001, 32),
            (Duration::MAX, 64),
        ]);
        let expected = [
            (US * 10, 3),
            (US * 15, 4),
            (US * 1_000, 8),
            (US * 50_000, 16),
            (Duration::MAX, 96),
        ];
        assert_eq!(filled(&latency), expected);
        assert_eq!(latency.count(), 127);
    }

    #[test]
    fn the_sum_weighs_a_latency_by_its_copies() {
        assert_eq!(recorded(&[(US * 20, 3), (US * 100, 2)]).sum(), US * 260);
    }

    #[test]
    fn shards_add_up() {
        let (first, second) = (LatencyHistogram::default(), LatencyHistogram::default());
        first.record(US * 20, 3);
        second.record(US * 20, 4);
        let mut total = ForwardingLatency::default();
        first.add_to(&mut total);
        second.add_to(&mut total);
        assert_eq!((filled(&total), total.sum()), (vec![(US * 20, 7)], US * 140));
    }

    #[test]
    fn bounds_grow_by_no_more_than_two_thirds() {
        for (low, high) in BOUNDS_NS.iter().zip(&BOUNDS_NS[1..]) {
            assert!(low < high && high * 3 <= low * 5, "{low} {high}");
        }
    }
}
