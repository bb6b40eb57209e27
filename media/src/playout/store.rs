//! The packets that wait to be decoded, in the order of their media time.

use std::collections::VecDeque;

use bytes::Bytes;

use super::timeline::Place;
use crate::codec::PacketShape;

/// Most packets that wait: 5 s of 10 ms frames.
pub const STORE_PACKETS: usize = 512;

/// A packet that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) place: Place,
    pub(super) shape: PacketShape,
    pub(super) arrival: i64,
    pub(super) payload: Bytes,
    /// It came as a copy in a later packet (RFC 2198).
    pub(super) is_copy: bool,
}

impl Waiting {
    /// Length in samples per channel.
    pub(super) fn samples(&self) -> i64 {
        // At most 5,760, so the cast is exact.
        self.shape.samples as i64
    }
}

/// Ordered by media time; allocates in [`PacketStore::new`] only.
#[derive(Debug)]
pub(super) struct PacketStore {
    packets: VecDeque<Waiting>,
}

impl PacketStore {
    pub(super) fn new() -> Self {
        Self {
            packets: VecDeque::with_capacity(STORE_PACKETS),
        }
    }

    /// Puts a packet in its place. What has to go comes back: the oldest of a full store, the copy that stood for the packet, or
    /// the packet itself where its place is taken.
    pub(super) fn insert(&mut self, packet: Waiting) -> Option<Waiting> {
        // Nearly always the newest comes last, so the search goes from the back.
        let index = self
            .packets
            .iter()
            .rposition(|other| other.place.time <= packet.place.time)
            .map_or(0, |before| before + 1);
        if index > 0 && self.packets[index - 1].place.time == packet.place.time {
            let taken = &mut self.packets[index - 1];
            let is_better = taken.is_copy && !packet.is_copy;
            return Some(if is_better { std::mem::replace(taken, packet) } else { packet });
        }
        if self.packets.len() < STORE_PACKETS {
            self.packets.insert(index, packet);
            None
        } else if index == 0 {
            Some(packet)
        } else {
            let oldest = self.packets.pop_front();
            self.packets.insert(index - 1, packet);
            oldest
        }
    }

    pub(super) fn first(&self) -> Option<&Waiting> {
        self.packets.front()
    }

    /// The first that is no copy.
    pub(super) fn first_own(&self) -> Option<&Waiting> {
        self.packets.iter().find(|packet| !packet.is_copy)
    }

    pub(super) fn second(&self) -> Option<&Waiting> {
        self.packets.get(1)
    }

    pub(super) fn pop_first(&mut self) -> Option<Waiting> {
        self.packets.pop_front()
    }

    /// Packets that wait, without copies.
    pub(super) fn own(&self) -> usize {
        self.packets.iter().filter(|packet| !packet.is_copy).count()
    }

    pub(super) fn len(&self) -> usize {
        self.packets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(time: i64) -> Waiting {
        Waiting {
            place: Place {
                time,
                sequence: time / 960,
                restart: false,
            },
            shape: PacketShape {
                samples: 960,
                channels: 1,
                has_fec: false,
                is_dtx: false,
            },
            arrival: 0,
            payload: Bytes::new(),
            is_copy: false,
        }
    }

    fn drain(store: &mut PacketStore) -> Vec<i64> {
        std::iter::from_fn(|| store.pop_first().map(|p| p.place.time)).collect()
    }

    #[test]
    fn packets_come_out_in_the_order_of_media_time() {
        let mut store = PacketStore::new();
        for time in [960, 0, 2_880, 1_920] {
            assert!(store.insert(packet(time)).is_none());
        }
        assert_eq!(store.insert(packet(960)).unwrap().place.time, 960, "a taken place is refused");
        assert_eq!(drain(&mut store), [0, 960, 1_920, 2_880]);
    }

    #[test]
    fn a_packet_takes_the_place_of_its_copy_and_never_the_other_way_round() {
        let copy = |time| Waiting {
            is_copy: true,
            ..packet(time)
        };
        let mut store = PacketStore::new();
        store.insert(copy(0));
        store.insert(packet(960));
        assert_eq!((store.len(), store.own()), (2, 1));
        assert!(store.insert(copy(960)).unwrap().is_copy);
        assert!(store.insert(packet(0)).unwrap().is_copy);
        assert_eq!((store.len(), store.own()), (2, 2));
    }

    #[test]
    fn a_full_store_gives_up_its_oldest() {
        let mut store = PacketStore::new();
        for n in 0..STORE_PACKETS as i64 {
            assert!(store.insert(packet((n + 1) * 960)).is_none());
        }
        assert_eq!(store.insert(packet(0)).unwrap().place.time, 0, "the new one is the oldest");
        assert_eq!(store.insert(packet(1_000_000)).unwrap().place.time, 960);
        assert_eq!(store.len(), STORE_PACKETS);
        assert_eq!(drain(&mut store).last(), Some(&1_000_000));
    }
}
