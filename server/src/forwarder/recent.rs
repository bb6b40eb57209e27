//! The last packets of a stream, for listeners that ask for one again (RFC 4585 §6.2.1) or get copies of them (RFC 2198).
//!
//! A packet under one number is always the same bits. So each packet is stored once, and what it may carry copies of is
//! settled once, when it is first sent; [`super::red`] makes the same of it ever after, or nothing once a part is forgotten.

use express_messages::red::COPY_HEADER;

use super::held::Description;
use super::{opus, red};
use express_messages::red::CopySet;

/// Packets that are remembered: 1.28 s of 20 ms packets.
const PACKETS: usize = 64;
/// Bytes for them, never more and never fewer: 64 packets of speech, 0.9 s of music at 128 kbit/s.
const BYTES: usize = 16 * 1024;
/// Packets that the cost of copies is measured by, and how many of them have to be known.
const MEASURED: u64 = 25;
const LEAST_MEASURED: u32 = 5;

/// A ring of packets in a ring of bytes. Its memory is fixed; storing allocates nothing.
#[derive(Debug)]
pub(crate) struct RecentPackets {
    entries: [Option<Entry>; PACKETS],
    bytes: Box<[u8]>,
    /// Where the next packet goes, counted on without end.
    end: usize,
    /// The newest packet: its source and its number there.
    newest: Option<(u64, u64)>,
}

/// The frames of a stream, on average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FramesOfLate {
    /// What one copy of each costs in kbit/s.
    pub(crate) copy_kbit: f32,
    /// How long one is, on the 48 kHz clock.
    pub(crate) ticks: u32,
}

/// A packet that is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered<'a> {
    /// As it came from the publisher, decrypted.
    pub(crate) packet: &'a [u8],
    pub(crate) description: &'a Description,
    /// The copies that it may carry.
    pub(crate) copies: CopySet,
}

#[derive(Debug)]
struct Entry {
    description: Description,
    copies: CopySet,
    start: usize,
    length: usize,
}

impl RecentPackets {
    pub(crate) fn new() -> Self {
        Self {
            entries: [const { None }; PACKETS],
            bytes: vec![0; BYTES].into_boxed_slice(),
            end: 0,
            newest: None,
        }
    }

    /// Remembers a packet under its number in its source, in place of the oldest ones, and settles which of the copies in
    /// use it may carry: those whose packets are there. A packet that was stored before stays as it was.
    ///
    /// Gives the copies that it may carry.
    pub(crate) fn store(&mut self, packet: &[u8], description: &Description, used: CopySet) -> CopySet {
        let (source, sequence) = (description.source, description.sequence);
        let length = packet.len();
        let known = self.entries[slot(sequence)].as_ref().map(|entry| &entry.description);
        if known.is_some_and(|known| known.source == source && known.sequence >= sequence) {
            // Once more for those who did not get it, or too late to be of use.
            return self.get(source, sequence).map_or(CopySet::NONE, |known| known.copies);
        }
        if length > BYTES {
            return CopySet::NONE;
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
        let is_late = self.newest.is_some_and(|(of, newest)| of == source && newest > sequence);
        let copies = if is_late || used.is_empty() {
            CopySet::NONE
        } else {
            self.copies_for(packet, description, used)
        };
        if !is_late {
            self.newest = Some((source, sequence));
        }
        self.entries[slot(sequence)] = Some(Entry {
            description: description.clone(),
            copies,
            start,
            length,
        });
        copies
    }

    /// Packet `sequence` of `source`, unless it is too old or never came.
    pub(crate) fn get(&self, source: u64, sequence: u64) -> Option<Remembered<'_>> {
        let entry = self.entries[slot(sequence)].as_ref()?;
        let overwritten = self.end.wrapping_sub(entry.start) > BYTES;
        let is_it = (entry.description.source, entry.description.sequence) == (source, sequence);
        if !is_it || overwritten {
            return None;
        }
        let at = entry.start % BYTES;
        Some(Remembered {
            packet: self.bytes.get(at..at + entry.length)?,
            description: &entry.description,
            copies: entry.copies,
        })
    }

    /// How the frames of late are; `None`: too few are known.
    pub(crate) fn frames(&self) -> Option<FramesOfLate> {
        let (source, newest) = self.newest?;
        let first = newest.saturating_sub(MEASURED - 1);
        let (mut bytes, mut ticks, mut frames) = (0usize, 0u32, 0);
        for sequence in first..=newest {
            let Some(known) = self.get(source, sequence) else {
                continue;
            };
            let frame = red::own_frame(known.packet, known.description);
            let Some((frame, duration)) = frame.and_then(|frame| Some((frame, opus::duration_ticks(frame)?))) else {
                continue;
            };
            bytes += frame.len() + COPY_HEADER;
            ticks += duration;
            frames += 1;
        }
        (frames >= LEAST_MEASURED).then(|| FramesOfLate {
            // A bit on each tick of the 48 kHz clock is 48 kbit/s.
            copy_kbit: (bytes * 8) as f32 * 48.0 / ticks as f32,
            ticks: ticks / frames,
        })
    }

    /// The distances out of `used` at which there is a packet to copy.
    fn copies_for(&self, packet: &[u8], description: &Description, used: CopySet) -> CopySet {
        let is_there = |distance: &u8| {
            let older = description.sequence.checked_sub(u64::from(*distance));
            let older = older.and_then(|older| self.get(description.source, older));
            older.is_some_and(|older| red::may_copy((packet, description), &older, *distance))
        };
        used.distances().filter(is_there).fold(CopySet::NONE, CopySet::with)
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
        recent.store(&packet, &description, CopySet::NONE);
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
            assert_eq!(found.description.payload, 12..160);
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
                    if let Some(found) = recent.get(1, older as u64) {
                        prop_assert_eq!(found.packet, packet(older as u64, *length));
                    }
                }
            }
        }
    }
}
