//! Which packets a player lost, told to the server every 500 ms: Loss RLE blocks of RFC 3611 §4.1.
//!
//! A receiver report says how much was lost, not in how long runs; a publisher must know the runs to choose how far its copies lie apart.

use std::time::{Duration, Instant};

use rtc::rtcp::{
    Packet,
    extended_report::{Chunk, ExtendedReport, RLEReportBlock},
    receiver_report::ReceiverReport,
};

/// While packets are lost the server chooses copies by these reports, and is to react within 2 s.
const EVERY: Duration = Duration::from_millis(500);
/// Packets that are remembered: more than are told of at once, also of 10 ms. A longer leap begins anew.
const SPAN: u16 = 256;
/// The newest packets are left for the next report: what comes late or is repaired by then is not lost.
const STILL_COMING: u16 = 10;
/// Packets of a bit vector chunk. RFC 3611 §4.1.2.
const VECTOR_BITS: u16 = 15;
/// The first bit of a chunk: it is a bit vector.
const VECTOR: u16 = 0x8000;

/// What came of one source since the last report.
#[derive(Debug, Default)]
pub(super) struct LossReport {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    ssrc: u32,
    /// The first packet of the next report.
    begin: u16,
    /// How many packets from `begin` on came or should have.
    length: u16,
    received: [bool; SPAN as usize],
    next: Instant,
}

impl LossReport {
    /// Notes a packet; gives the report that is due, if packets were lost.
    pub(super) fn note(&mut self, ssrc: u32, sequence: u16, now: Instant) -> Option<Vec<Box<dyn Packet>>> {
        let seen = match &mut self.seen {
            Some(seen) if seen.ssrc == ssrc => seen,
            other => other.insert(Seen::new(ssrc, sequence, now)),
        };
        seen.note(sequence);
        if seen.next > now || seen.length <= STILL_COMING {
            return None;
        }
        seen.next = now + EVERY;
        seen.take()
    }
}

impl Seen {
    fn new(ssrc: u32, begin: u16, now: Instant) -> Self {
        Self {
            ssrc,
            begin,
            length: 0,
            received: [false; SPAN as usize],
            next: now + EVERY,
        }
    }

    fn note(&mut self, sequence: u16) {
        let offset = sequence.wrapping_sub(self.begin);
        if offset > u16::MAX / 2 {
            // From before the last report.
            return;
        }
        if offset >= SPAN {
            (self.begin, self.length) = (sequence, 1);
            self.received = [false; SPAN as usize];
            self.received[0] = true;
            return;
        }
        self.received[usize::from(offset)] = true;
        self.length = self.length.max(offset + 1);
    }

    /// The report of all but the newest packets, which stay for the next one.
    fn take(&mut self) -> Option<Vec<Box<dyn Packet>>> {
        let count = self.length.saturating_sub(STILL_COMING);
        let (told, _) = self.received.split_at(usize::from(count));
        let lost = told.contains(&false);
        let begin_seq = self.begin;
        let chunks = chunks(told);
        self.received.rotate_left(usize::from(count));
        self.received[usize::from(SPAN - count)..].fill(false);
        self.begin = self.begin.wrapping_add(count);
        self.length -= count;
        lost.then(|| report(self.ssrc, (begin_seq, self.begin), chunks))
    }
}

/// Bit vectors, the first packet first, 1 for one that came; of an even number, as a block has whole words.
fn chunks(received: &[bool]) -> Vec<Chunk> {
    let vector = |part: &[bool]| {
        let bits = part.iter().zip(0..VECTOR_BITS).filter(|(received, _)| **received);
        Chunk(bits.fold(VECTOR, |chunk, (_, place)| chunk | 1 << (VECTOR_BITS - 1 - place)))
    };
    let mut chunks: Vec<_> = received.chunks(usize::from(VECTOR_BITS)).map(vector).collect();
    if !chunks.len().is_multiple_of(2) {
        chunks.push(Chunk(0));
    }
    chunks
}

/// A compound packet begins with a receiver report, here one without blocks: RFC 3550 §6.1.
fn report(ssrc: u32, (begin_seq, end_seq): (u16, u16), chunks: Vec<Chunk>) -> Vec<Box<dyn Packet>> {
    let block = RLEReportBlock {
        is_loss_rle: true,
        t: 0,
        ssrc,
        begin_seq,
        end_seq,
        chunks,
    };
    let report = ExtendedReport {
        sender_ssrc: 0,
        reports: vec![Box::new(block)],
    };
    vec![Box::new(ReceiverReport::default()), Box::new(report)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds packets 20 ms apart; the blocks that come of it, as the lost numbers.
    fn lost(came: impl Iterator<Item = u16>) -> Vec<Vec<u16>> {
        let start = Instant::now();
        let mut log = LossReport::default();
        let mut reports = Vec::new();
        for (n, sequence) in (0u32..).zip(came) {
            let Some(packets) = log.note(7, sequence, start + Duration::from_millis(20) * n) else {
                continue;
            };
            let report: &ExtendedReport = packets[1].as_any().downcast_ref().unwrap();
            let block: &RLEReportBlock = report.reports[0].as_any().downcast_ref().unwrap();
            assert_eq!((block.ssrc, block.chunks.len() % 2), (7, 0));
            let bits = block.chunks.iter().filter(|chunk| chunk.0 != 0).flat_map(|chunk| {
                let value = chunk.value();
                (0..15).map(move |place| value >> (14 - place) & 1 == 1)
            });
            let length = usize::from(block.end_seq.wrapping_sub(block.begin_seq));
            let numbers = (0..).map(|n| block.begin_seq.wrapping_add(n));
            reports.push(
                bits.take(length)
                    .zip(numbers)
                    .filter(|(came, _)| !came)
                    .map(|(_, n)| n)
                    .collect(),
            );
        }
        reports
    }

    #[test]
    fn lost_packets_are_told_once_and_in_whose_place() {
        let came = (65_500..=u16::MAX)
            .chain(0..400)
            .filter(|n| !matches!(n, 65_510..=65_512 | 3 | 80..=84));
        assert_eq!(lost(came), [vec![65_510, 65_511, 65_512], vec![3], vec![80, 81, 82, 83, 84]]);
    }

    #[test]
    fn what_comes_late_is_not_lost_and_without_loss_nothing_is_told() {
        assert!(lost(0..500).is_empty());
        let late = (0..500).flat_map(|n| match n % 50 {
            40 => vec![],
            46 => vec![n, n - 6],
            _ => vec![n],
        });
        assert!(lost(late).is_empty());
    }

    #[test]
    fn a_leap_or_another_source_begins_anew() {
        assert!(lost((0..30).chain(5_000..5_060)).is_empty());
        let mut log = LossReport::default();
        let start = Instant::now();
        for (ssrc, sequence) in [(1, 5), (2, 9), (1, 7)] {
            assert!(log.note(ssrc, sequence, start).is_none());
        }
        assert_eq!(log.seen.map(|seen| (seen.ssrc, seen.begin)), Some((1, 7)));
    }
}
