//! The last packets of a stream, for listeners that ask for one again (RFC 4585 §6.2.1).

use std::ops::Range;

use super::rtp::{LegFormat, RtpView};

/// Packets that are remembered: 1.28 s of 20 ms packets.
const PACKETS: usize = 64;
/// Bytes for them, never more and never fewer: 64 packets of speech, 0.9 s of music at 128 kbit/s.
const BYTES: usize = 16 * 1024;

/// A remembered packet as it came from the publisher, decrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentPacket<'a> {
    pub(crate) packet: &'a [u8],
    pub(crate) view: RtpView,
    pub(crate) payload: &'a Range<usize>,
    pub(crate) format: LegFormat,
}

/// A ring of packets in a ring of bytes. Its memory is fixed; storing allocates nothing.
#[derive(Debug)]
pub(crate) struct RecentPackets {
    entries: [Option<Entry>; PACKETS],
    bytes: Box<[u8]>,
    /// Where the next packet goes, counted on without end.
    end: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    source: u64,
    sequence: u64,
    start: usize,
    length: usize,
    view: RtpView,
    payload: Range<usize>,
    format: LegFormat,
}

impl RecentPackets {
    pub(crate) fn new() -> Self {
        Self {
            entries: [const { None }; PACKETS],
            bytes: vec![0; BYTES].into_boxed_slice(),
            end: 0,
        }
    }

    /// Remembers a packet under its number in its source, in place of the oldest ones.
    pub(crate) fn store(
        &mut self,
        (source, sequence): (u64, u64),
        packet: &[u8],
        (view, payload, format): (RtpView, Range<usize>, LegFormat),
    ) {
        let length = packet.len();
        if length > BYTES {
            return;
        }
        // A packet lies in one piece: what is left at the end of the ring stays unused.
        let until_wrap = BYTES - self.end % BYTES;
        let start = if length > until_wrap {
            self.end.wrapping_add(until_wrap)
        } else {
            self.end
        };
        let at = start % BYTES;
        self.bytes[at..at + length].copy_from_slice(packet);
        self.end = start.wrapping_add(length);
        self.entries[slot(sequence)] = Some(Entry {
            source,
            sequence,
            start,
            length,
            view,
            payload,
            format,
        });
    }

    /// Packet `sequence` of `source`, unless it is too old or never came.
    pub(crate) fn get(&self, source: u64, sequence: u64) -> Option<RecentPacket<'_>> {
        let entry = self.entries[slot(sequence)].as_ref()?;
        let overwritten = self.end.wrapping_sub(entry.start) > BYTES;
        if (entry.source, entry.sequence) != (source, sequence) || overwritten {
            return None;
        }
        let at = entry.start % BYTES;
        Some(RecentPacket {
            packet: self.bytes.get(at..at + entry.length)?,
            view: entry.view,
            payload: &entry.payload,
            format: entry.format,
        })
    }
}

fn slot(sequence: u64) -> usize {
    (sequence % PACKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMAT: LegFormat = LegFormat {
        opus: 111,
        red: None,
        audio_level: None,
        capture_time: None,
    };

    /// A packet that is full of its own number.
    fn packet(sequence: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![sequence as u8; length.max(12)];
        bytes[0] = 0x80;
        bytes
    }

    fn store(recent: &mut RecentPackets, sequence: u64, length: usize) {
        let packet = packet(sequence, length);
        let view = RtpView::parse(&packet).unwrap();
        recent.store((1, sequence), &packet, (view, 12..packet.len(), FORMAT));
    }

    #[test]
    fn the_last_64_packets_of_speech_are_there_and_older_ones_are_not() {
        let mut recent = RecentPackets::new();
        for sequence in 0..200 {
            store(&mut recent, sequence, 160);
        }
        for sequence in 136..200 {
            let found = recent.get(1, sequence).unwrap();
            assert_eq!(found.packet, packet(sequence, 160));
            assert_eq!(*found.payload, 12..160);
        }
        assert!(recent.get(1, 135).is_none());
        assert!(recent.get(2, 199).is_none(), "of another source");
        assert!(recent.get(1, 200).is_none(), "to come");
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_was_stored_whatever_the_sizes(lengths in prop::collection::vec(12usize..3000, 1..300)) {
            let mut recent = RecentPackets::new();
            for (sequence, length) in lengths.iter().enumerate() {
                store(&mut recent, sequence as u64, *length);
                prop_assert!(recent.get(1, sequence as u64).is_some(), "the newest is always there");
                for older in 0..=sequence {
                    if let Some(found) = recent.get(1, older as u64) {
                        prop_assert_eq!(found.packet, packet(older as u64, lengths[older]));
                    }
                }
            }
        }
    }
}
