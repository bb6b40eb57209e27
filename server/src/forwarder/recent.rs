//! The last packets of a stream, for listeners that ask for one again (RFC 4585 §6.2.1).

use super::held::Description;

/// Packets that are remembered: 1.28 s of 20 ms packets.
const PACKETS: usize = 64;
/// Bytes for them, never more and never fewer: 64 packets of speech, 0.9 s of music at 128 kbit/s.
const BYTES: usize = 16 * 1024;

/// A ring of packets in a ring of bytes. Its memory is fixed; storing allocates nothing.
#[derive(Debug)]
pub(crate) struct RecentPackets {
    entries: [Option<Entry>; PACKETS],
    bytes: Box<[u8]>,
    /// Where the next packet goes, counted on without end.
    end: usize,
}

#[derive(Debug)]
struct Entry {
    description: Description,
    start: usize,
    length: usize,
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
    pub(crate) fn store(&mut self, packet: &[u8], description: &Description) {
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
        self.entries[slot(description.sequence)] = Some(Entry {
            description: description.clone(),
            start,
            length,
        });
    }

    /// Packet `sequence` of `source` as it came from the publisher, decrypted, unless it is too old or never came.
    pub(crate) fn get(&self, source: u64, sequence: u64) -> Option<(&[u8], &Description)> {
        let entry = self.entries[slot(sequence)].as_ref()?;
        let overwritten = self.end.wrapping_sub(entry.start) > BYTES;
        let is_it = (entry.description.source, entry.description.sequence) == (source, sequence);
        if !is_it || overwritten {
            return None;
        }
        let at = entry.start % BYTES;
        Some((self.bytes.get(at..at + entry.length)?, &entry.description))
    }
}

fn slot(sequence: u64) -> usize {
    (sequence % PACKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forwarder::rtp::{LegFormat, RtpView};

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
        let description = Description {
            view,
            payload: 12..packet.len(),
            format: FORMAT,
            source: 1,
            sequence,
        };
        recent.store(&packet, &description);
    }

    #[test]
    fn the_last_64_packets_of_speech_are_there_and_older_ones_are_not() {
        let mut recent = RecentPackets::new();
        for sequence in 0..200 {
            store(&mut recent, sequence, 160);
        }
        for sequence in 136..200 {
            let (found, description) = recent.get(1, sequence).unwrap();
            assert_eq!(found, packet(sequence, 160));
            assert_eq!(description.payload, 12..160);
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
                for (older, length) in lengths.iter().enumerate().take(sequence + 1) {
                    if let Some((found, _)) = recent.get(1, older as u64) {
                        prop_assert_eq!(found, packet(older as u64, *length));
                    }
                }
            }
        }
    }
}
