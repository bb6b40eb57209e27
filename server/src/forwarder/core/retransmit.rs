//! Packets sent to a listener once more, exactly as the first time.

use std::time::Instant;

use super::super::peer::Media;
use super::super::rebase::{Origin, Rebase};
use super::super::recent::{RecentPacket, RecentPackets};
use super::super::rtp::{LegFormat, compose, patch};
use super::Core;

/// Numbers of one RTCP packet that are looked at: as many packets as are remembered.
const NUMBERS_AT_ONCE: usize = 64;

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    /// It is forgotten, of an older source, or was never sent to this listener.
    TooOld,
    /// Beyond the listener's budget, on its way already, or not negotiated.
    Refused,
}

impl Core {
    /// Answers a NACK of a listener within its budget. RFC 4585 §6.2.1.
    pub(super) fn answer_nack(&mut self, index: usize, numbers: impl Iterator<Item = u16>, now: Instant) {
        self.counters.nacks_received.one();
        for (position, number) in numbers.enumerate() {
            self.counters.nacked_packets.one();
            let outcome = match position {
                0..NUMBERS_AT_ONCE => self.send_again(index, number, now),
                _ => Outcome::Refused,
            };
            match outcome {
                Outcome::Sent => self.counters.retransmitted.one(),
                Outcome::TooOld => self.counters.nack_too_old.one(),
                Outcome::Refused => self.counters.nack_refused.one(),
            }
        }
    }

    fn send_again(&mut self, index: usize, number: u16, now: Instant) -> Outcome {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return Outcome::Refused;
        };
        let by_ice = peer.ice.round_trip_time();
        let Media::Player(playing) = &mut peer.media else {
            return Outcome::Refused;
        };
        if !playing.nack {
            return Outcome::Refused;
        }
        let recent = self.streams.get(&peer.stream).and_then(|stream| stream.recent.as_deref());
        let Some(found) = recent.and_then(|recent| find(recent, &playing.rebase, number)) else {
            return Outcome::TooOld;
        };
        let round_trip = playing.listening.round_trip_time(now).or(by_ice);
        if !playing.listening.admit_repair(number, playing.packets, round_trip, now) {
            return Outcome::Refused;
        }
        let Some(header_len) = compose_again(&mut self.scratch, &found, number, (peer.ssrc, &peer.format)) else {
            return Outcome::TooOld;
        };
        let shape = self.shape.composed(peer.ssrc, number, header_len);
        let data = peer.srtp.as_mut().and_then(|srtp| srtp.protect_rtp(&self.scratch, shape));
        let (Some(data), Some(to)) = (data, peer.ice.selected()) else {
            return Outcome::Refused;
        };
        playing.packets = playing.packets.wrapping_add(1);
        let octets = u32::try_from(self.scratch.len() - header_len).unwrap_or(u32::MAX);
        playing.octets = playing.octets.wrapping_add(octets);
        self.queue.push(to, &data);
        Outcome::Sent
    }
}

/// The packet that a listener knows as `number`, if it is remembered.
fn find<'a>(recent: &'a RecentPackets, rebase: &Rebase, number: u16) -> Option<(Origin, RecentPacket<'a>)> {
    let origin = rebase.origin_of(number)?;
    Some((origin, recent.get(origin.source, origin.sequence)?))
}

/// Writes a packet as it was sent before, bit by bit: with GCM another plaintext under the same number would give the key away
/// (RFC 7714 §8.2). `None`: this listener could not take it then, either.
fn compose_again(
    scratch: &mut Vec<u8>,
    (origin, recent): &(Origin, RecentPacket<'_>),
    number: u16,
    (ssrc, format): (u32, &LegFormat),
) -> Option<usize> {
    let view = &recent.view;
    let header_len = compose(scratch, recent.packet, view, recent.payload.clone(), &recent.format, format)?;
    let timestamp = view.timestamp.wrapping_add(origin.timestamp_offset);
    patch(scratch, view.marker || origin.first, number, timestamp, ssrc);
    Some(header_len)
}
