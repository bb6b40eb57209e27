//! What comes in: packets and the copies in them find their place in the store, or are counted and let go.

use std::time::Instant;

use bytes::Bytes;
use express_messages::red::read;

use super::{Phase, Playout};
use crate::{
    codec::{PacketShape, inspect},
    playout::{
        repairs::Frames,
        store::Waiting,
        timeline::{Place, Placement},
    },
    rtp::RtpPacketIn,
};

impl Playout {
    /// Takes a packet that came at `arrival`. Any packet in any order is survived; what cannot be used is counted.
    pub fn insert(&mut self, packet: RtpPacketIn, arrival: Instant) {
        let arrival = self.clock.samples(arrival);
        self.stats.packets_received += 1;
        self.stats.bytes_received += packet.payload.len() as u64;
        let header = packet.header;
        let Frames { own, is_ours, red } = Frames::of(packet, self.payload_type, self.red_payload_type);
        let shape = if is_ours { inspect(&own).ok() } else { None };
        let samples = shape.map(|shape| shape.samples as i64);
        let placement = self.timeline.place(&header, samples, arrival, self.delay.baseline());
        if let (Placement::Placed(place), Some(shape)) = (placement, shape) {
            self.delay.update(arrival, place.time);
            self.insert_own(place, shape, arrival, own);
            if let Some(red) = red {
                self.insert_copies(&red, place, arrival);
                self.retire(red);
            }
            return;
        }
        match placement {
            Placement::Duplicate => self.stats.packets_duplicated += 1,
            _ => self.stats.packets_discarded += 1,
        }
        self.retire(own);
        if let Some(red) = red {
            self.retire(red);
        }
    }

    fn insert_own(&mut self, place: Place, shape: PacketShape, arrival: i64, payload: Bytes) {
        if self.phase != Phase::Idle && place.time < self.cursor {
            self.stats.packets_late += 1;
            return self.retire(payload);
        }
        self.keep(Waiting {
            place,
            shape,
            arrival,
            payload,
            is_copy: false,
        });
    }

    /// Takes the copies that a packet brings for frames whose own packets have not come.
    fn insert_copies(&mut self, red: &Bytes, own: Place, arrival: i64) {
        let Some(blocks) = read(red) else { return };
        let opus = self.payload_type;
        for block in blocks.filter(|block| block.payload_type == opus) {
            let Ok(shape) = inspect(block.data) else { continue };
            let back = i64::from(block.offset);
            let place = Place {
                time: own.time - back,
                // Right while there is no pause in between; a pause is no loss either way.
                sequence: own.sequence - (back / shape.samples as i64).max(1),
                restart: false,
            };
            if self.timeline.has_received(place.sequence) || !self.repairs.is_first(place.sequence) {
                continue;
            }
            self.delay.update_repaired(arrival, place.time);
            if self.phase == Phase::Idle || place.time >= self.cursor {
                self.keep(Waiting {
                    place,
                    shape,
                    arrival,
                    payload: red.slice_ref(block.data),
                    is_copy: true,
                });
            }
        }
    }

    fn keep(&mut self, packet: Waiting) {
        if let Some(evicted) = self.store.insert(packet) {
            self.discard(evicted);
        }
    }

    pub(super) fn discard(&mut self, packet: Waiting) {
        self.stats.packets_discarded += u64::from(!packet.is_copy);
        self.retire(packet.payload);
    }

    /// Keeps a payload to be freed elsewhere, as long as there is room.
    pub(super) fn retire(&mut self, payload: Bytes) {
        if self.spent.len() < self.spent.capacity() {
            self.spent.push(payload);
        }
    }
}
