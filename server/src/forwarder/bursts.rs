//! How long the runs of lost packets are that a listener tells of.

use std::time::{Duration, Instant};

use rtc_rtcp::extended_report::{Chunk, ChunkType, RLEReportBlock};

/// Lost packets after which the past counts half: the mean is that of the last hundred or so.
const HALVE_AT: u32 = 64;
/// What was lost so long ago says nothing of the network now.
const FORGET_AFTER: Duration = Duration::from_secs(30);
/// Packets of a bit vector chunk. RFC 3611 §4.1.2.
const VECTOR_BITS: u32 = 15;

/// Runs that are shorter on average are those of chance (at 30 % loss 1.4 packets), once there were so many.
const SINGLE_TENTHS: u32 = 18;
const LEAST_RUNS: u32 = 4;

/// How packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Too little is known.
    Unknown,
    /// One by one, or as chance has it.
    Single,
    /// In bursts.
    Long,
}

/// The mean length of loss runs, from loss reports (RFC 3611 §4.1) or, where there are none, from NACKs.
#[derive(Debug, Default)]
pub(crate) struct Bursts {
    lost: u32,
    runs: u32,
    last_loss: Option<Instant>,
    /// Loss reports say it better: once one came, NACKs do not count.
    reports: bool,
    /// Where the last report ended, and whether its last packet was lost: a run may go on in the next one.
    ended: Option<(u16, bool)>,
    last_nacked: Option<u16>,
}

impl Bursts {
    /// Counts a Loss RLE block; it must be about what this listener is sent.
    pub(crate) fn handle_report(&mut self, block: &RLEReportBlock, now: Instant) {
        // A thinned report (T > 0) leaves packets out, so that its runs are not those of the network.
        if !block.is_loss_rle || block.t != 0 {
            return;
        }
        if !self.reports {
            *self = Self {
                reports: true,
                ..Self::default()
            };
        }
        let mut left = u32::from(block.end_seq.wrapping_sub(block.begin_seq));
        let mut losing = matches!(self.ended, Some((end, true)) if end == block.begin_seq);
        for chunk in &block.chunks {
            for (lost, length) in spans(chunk) {
                let length = length.min(left);
                if length == 0 {
                    continue;
                }
                left -= length;
                if lost {
                    self.count(length, u32::from(!losing), now);
                }
                losing = lost;
            }
        }
        self.ended = Some((block.end_seq, losing));
    }

    /// Counts a packet that the listener asks for again; asking for it once more changes nothing.
    pub(crate) fn handle_nacked(&mut self, sequence: u16, now: Instant) {
        if self.reports {
            return;
        }
        let step = self.last_nacked.map(|last| sequence.wrapping_sub(last) as i16);
        if step.is_none_or(|step| step > 0) {
            self.last_nacked = Some(sequence);
            self.count(1, u32::from(step != Some(1)), now);
        }
    }

    /// The mean length of a run in tenths of a packet, 10 or more; `None`: nothing was lost lately, as far as is known.
    pub(crate) fn mean_tenths(&self, now: Instant) -> Option<u32> {
        let recent = self
            .last_loss
            .is_some_and(|at| now.saturating_duration_since(at) < FORGET_AFTER);
        let mean = self.lost.saturating_mul(10).checked_div(self.runs)?;
        recent.then_some(mean.max(10))
    }

    /// How packets are lost; it is taken for bursts sooner than for chance.
    pub(crate) fn runs(&self, now: Instant) -> Runs {
        match self.mean_tenths(now) {
            Some(SINGLE_TENTHS..) => Runs::Long,
            Some(_) if self.runs >= LEAST_RUNS => Runs::Single,
            _ => Runs::Unknown,
        }
    }

    /// Whether the listener sends loss reports.
    pub(crate) fn has_reports(&self) -> bool {
        self.reports
    }

    fn count(&mut self, lost: u32, runs: u32, now: Instant) {
        self.last_loss = Some(now);
        self.lost = self.lost.saturating_add(lost);
        // A run that began before anything was counted is one all the same.
        self.runs = self.runs.saturating_add(runs).max(1);
        if self.lost >= HALVE_AT && self.runs >= 2 {
            self.lost /= 2;
            self.runs /= 2;
        }
    }
}

/// What a chunk says: lost or not, and for how many packets. RFC 3611 §4.1.1 and §4.1.2: a 1 is a received packet.
fn spans(chunk: &Chunk) -> impl Iterator<Item = (bool, u32)> + '_ {
    let value = u32::from(chunk.value());
    let (count, length) = match chunk.chunk_type() {
        ChunkType::RunLength => (1, value),
        ChunkType::BitVector => (VECTOR_BITS, 1),
        ChunkType::TerminatingNull => (0, 0),
    };
    (0..count).map(move |index| {
        let received = match chunk.chunk_type() {
            ChunkType::BitVector => value >> (VECTOR_BITS - 1 - index) & 1 == 1,
            _ => chunk.run_type().is_ok_and(|kind| kind == 1),
        };
        (!received, length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(begin_seq: u16, end_seq: u16, chunks: &[u16]) -> RLEReportBlock {
        RLEReportBlock {
            is_loss_rle: true,
            begin_seq,
            end_seq,
            chunks: chunks.iter().copied().map(Chunk).collect(),
            ..RLEReportBlock::default()
        }
    }

    const RECEIVED: u16 = 0x4000;
    const VECTOR: u16 = 0x8000;

    #[test]
    fn runs_are_counted_over_chunks_and_reports() {
        let now = Instant::now();
        // What is reported, and the mean burst in tenths.
        let table: [(&[RLEReportBlock], Option<u32>); 7] = [
            (&[block(10, 60, &[RECEIVED | 50])], None),
            (&[block(10, 25, &[VECTOR | 0b101_1111_1111_1111])], Some(10)),
            (&[block(10, 25, &[VECTOR | 0b100_0111_0111_1111])], Some(20)),
            (&[block(10, 30, &[RECEIVED | 10, 6, RECEIVED | 4])], Some(60)),
            (
                &[block(65_530, 10, &[RECEIVED | 14, 2]), block(10, 20, &[2, RECEIVED | 8])],
                Some(40),
            ),
            (&[block(0, 5, &[16_000])], Some(50)),
            (&[block(0, 4, &[VECTOR, VECTOR, VECTOR, 0])], Some(40)),
        ];
        for (number, (blocks, mean)) in table.into_iter().enumerate() {
            let mut bursts = Bursts::default();
            for block in blocks {
                bursts.handle_report(block, now);
            }
            assert_eq!(bursts.mean_tenths(now), mean, "row {number}");
        }
    }

    #[test]
    fn without_loss_reports_the_runs_of_nacks_count_each_packet_once() {
        let now = Instant::now();
        let mut bursts = Bursts::default();
        for sequence in [65_535, 0, 1, 65_535, 0, 1, 9, 9] {
            bursts.handle_nacked(sequence, now);
        }
        assert_eq!(bursts.mean_tenths(now), Some(20), "runs of three and one");
        bursts.handle_report(&block(0, 15, &[VECTOR | 0x3fff]), now);
        bursts.handle_nacked(500, now);
        assert_eq!(bursts.mean_tenths(now), Some(10), "the report says it better");
    }

    #[test]
    fn what_was_lost_long_ago_is_forgotten_and_the_near_past_counts_most() {
        let now = Instant::now();
        let mut bursts = Bursts::default();
        for n in 0..200 {
            bursts.handle_nacked(n * 2, now);
        }
        assert_eq!(bursts.mean_tenths(now), Some(10));
        for n in 0..60u16 {
            for k in 0..5 {
                bursts.handle_nacked(1000 + n * 10 + k, now);
            }
        }
        let mean = bursts.mean_tenths(now).unwrap();
        assert!((45..=55).contains(&mean), "{mean}");
        assert_eq!(bursts.mean_tenths(now + FORGET_AFTER), None);
    }
}
