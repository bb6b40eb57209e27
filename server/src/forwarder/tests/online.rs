//! A client of a whole forwarder over loopback.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::super::{ClientCertificates, Forwarder, GroupKey, MediaRequest, PeerId, StreamKey, Wish};
use super::wire::{PATIENCE, Wire};

/// One connection.
pub(super) struct Online {
    pub(super) wire: Wire,
    pub(super) peer: PeerId,
}

impl Online {
    /// Connects to whichever shard the answer names; all streams are of one room.
    pub(super) fn join(forwarder: &Forwarder, stream: u64, wish: Wish) -> Self {
        let mut peer = None;
        let wire = Wire::join(Ipv4Addr::LOCALHOST.into(), |client| {
            let direction = if wish.is_publish() { "sendonly" } else { "recvonly" };
            let request = MediaRequest {
                stream: StreamKey(stream),
                group: GroupKey(1),
                wish,
                offer: &client.offer(direction),
                certificates: ClientCertificates::Ecdsa,
            };
            let answer = forwarder.answer(&request).unwrap();
            peer = Some(answer.peer);
            let port = port_in(&answer.sdp);
            (answer.sdp, (Ipv4Addr::LOCALHOST, port).into())
        });
        let peer = peer.unwrap();
        Self { wire, peer }
    }

    /// Sends an Opus packet whose payload is its number.
    pub(super) fn speak(&mut self, ssrc: u32, sequence: u16, level: u8) {
        let numbers = (ssrc, sequence, u32::from(sequence) * 960);
        let packet = self.wire.client.rtp_packet(numbers, &[0x10, level], &sequence.to_be_bytes());
        self.wire.send(&packet);
    }

    /// The numbers in the payloads, as they came.
    pub(super) fn heard(&self) -> Vec<u16> {
        let packets = self.wire.client.rtp.iter();
        packets
            .map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]))
            .collect()
    }

    /// Whether the numbers of the packets that came have neither gap nor step back.
    pub(super) fn is_unbroken(&self) -> bool {
        let packets = &self.wire.client.rtp;
        packets
            .windows(2)
            .all(|pair| pair[1].0.sequence_number == pair[0].0.sequence_number.wrapping_add(1))
    }
}

/// The port of an answer's first candidate.
pub(super) fn port_in(sdp: &str) -> u16 {
    let candidate = sdp.lines().find(|line| line.starts_with("a=candidate:1 1 udp")).unwrap();
    candidate.split(' ').nth(5).unwrap().parse().unwrap()
}

/// Waits until so many RTP packets of publishers were received.
pub(super) fn wait_for_received(forwarder: &Forwarder, packets: u64) {
    let deadline = Instant::now() + PATIENCE;
    while forwarder.counters().rtp_received < packets {
        assert!(Instant::now() < deadline, "{:?}", forwarder.counters());
        std::thread::yield_now();
    }
}
