//! A client of the real thing: a real socket over loopback, in real time.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::super::{ClientCertificates, Forwarder, GroupKey, MediaRequest, PeerId, StreamKey, Wish};
use super::client::{TestClient, USUAL};

/// For whatever must happen at all; on a busy machine it may take its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(super) struct Online {
    pub(super) client: TestClient,
    pub(super) peer: PeerId,
    pub(super) server: SocketAddr,
    socket: UdpSocket,
}

impl Online {
    /// Connects to whichever shard the answer names; all streams are of one room.
    pub(super) fn join(forwarder: &Forwarder, stream: u64, wish: Wish) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut client = TestClient::new(socket.local_addr().unwrap(), USUAL, Instant::now());
        let direction = if wish.is_publish() { "sendonly" } else { "recvonly" };
        let request = MediaRequest {
            stream: StreamKey(stream),
            group: GroupKey(1),
            wish,
            offer: &client.offer(direction),
            certificates: ClientCertificates::Ecdsa,
        };
        let answer = forwarder.answer(&request).unwrap();
        client.accept(&answer.sdp);
        let mut online = Self {
            client,
            peer: answer.peer,
            server: ([127, 0, 0, 1], port_in(&answer.sdp)).into(),
            socket,
        };
        online.connect();
        online
    }

    fn connect(&mut self) {
        let request = self.client.request(true);
        self.send(&request);
        self.read_until(|client| client.responses > 0);
        for hello in self.client.start_dtls(Instant::now()) {
            self.send(&hello);
        }
        self.read_until(|client| client.connected);
    }

    pub(super) fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).unwrap();
    }

    /// Sends an Opus packet whose payload is its number.
    pub(super) fn speak(&mut self, ssrc: u32, sequence: u16, level: u8) {
        let numbers = (ssrc, sequence, u32::from(sequence) * 960);
        let packet = self.client.rtp_packet(numbers, &[0x10, level], &sequence.to_be_bytes());
        self.send(&packet);
    }

    /// Reads until that is so.
    pub(super) fn read_until(&mut self, done: impl Fn(&TestClient) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.client) {
            assert!(Instant::now() < deadline, "{} packets came", self.client.rtp.len());
            self.read();
        }
    }

    /// Reads one datagram, if one comes, and sends what it asks for; `false`: none came for 20 ms.
    pub(super) fn read(&mut self) -> bool {
        let mut buffer = [0; 2048];
        let Ok(length) = self.socket.recv(&mut buffer) else {
            return false;
        };
        for answer in self.client.handle(&buffer[..length], self.server, Instant::now()) {
            self.send(&answer);
        }
        true
    }

    /// The numbers in the payloads, as they came.
    pub(super) fn heard(&self) -> Vec<u16> {
        let packets = self.client.rtp.iter();
        packets
            .map(|(_, payload)| u16::from_be_bytes([payload[0], payload[1]]))
            .collect()
    }

    /// Whether the numbers of the packets that came have neither gap nor step back.
    pub(super) fn is_unbroken(&self) -> bool {
        let packets = &self.client.rtp;
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
