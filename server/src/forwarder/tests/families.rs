//! IPv6 and IPv4 on one socket.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rtc_stun::message::{Getter, Message};
use rtc_stun::xoraddr::XorMappedAddress;

use super::super::{Forwarder, ForwarderConfig, ForwarderLimits, StreamKey};
use super::client::{TestClient, USUAL};

/// A joined client and its socket.
struct Joined {
    client: TestClient,
    socket: UdpSocket,
    /// What the server said that the client's address is.
    mapped: Option<SocketAddr>,
}

impl Joined {
    fn new(forwarder: &Forwarder, ip: &str, publishes: bool) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let server = SocketAddr::new(ip, forwarder.media_addresses()[0].port());
        let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = TestClient::new(socket.local_addr().unwrap(), USUAL, Instant::now());
        let answer = match publishes {
            true => forwarder.publish(StreamKey(1), &client.offer("sendonly")),
            false => forwarder.play(StreamKey(1), &client.offer("recvonly")),
        };
        let sdp = answer.unwrap().sdp;
        let candidate = format!(" {ip} {} typ host", server.port());
        assert!(sdp.contains(&candidate), "{ip} is no candidate: {sdp}");
        client.accept(&sdp);
        let mut joined = Self {
            client,
            socket,
            mapped: None,
        };
        joined.socket.send(&joined.client.request(true)).unwrap();
        for hello in joined.client.start_dtls(Instant::now()) {
            joined.socket.send(&hello).unwrap();
        }
        joined.until(|client| client.connected);
        joined
    }

    fn until(&mut self, done: impl Fn(&TestClient) -> bool) {
        let mut buffer = [0; 2048];
        let server = self.socket.peer_addr().unwrap();
        while !done(&self.client) {
            let length = self.socket.recv(&mut buffer).unwrap();
            let datagram = &buffer[..length];
            if datagram.starts_with(&[1, 1]) {
                let mut message = Message::default();
                message.unmarshal_binary(datagram).unwrap();
                let mut address = XorMappedAddress::default();
                address.get_from(&message).unwrap();
                self.mapped = Some(SocketAddr::new(address.ip, address.port));
            }
            for answer in self.client.handle(datagram, server, Instant::now()) {
                self.socket.send(&answer).unwrap();
            }
        }
    }
}

#[test]
fn one_wildcard_socket_carries_speech_between_ipv6_and_ipv4_and_calls_each_by_its_own_address() {
    let forwarder = Forwarder::start(
        ForwarderConfig {
            udp: "[::]:0".parse().unwrap(),
            tcp: None,
            public_addresses: Vec::new(),
            shards: 1,
            limits: ForwarderLimits::default(),
        },
        |_| {},
    )
    .unwrap();
    let mut publisher = Joined::new(&forwarder, "::1", true);
    let mut players = ["::1", "127.0.0.1"].map(|ip| Joined::new(&forwarder, ip, false));
    let packet = publisher.client.rtp_packet((5, 1, 960), &[0x10, 0x85], b"speech");
    publisher.socket.send(&packet).unwrap();
    for player in &mut players {
        player.until(|client| client.rtp.len() == 1);
        assert_eq!(player.mapped, player.socket.local_addr().ok());
        assert_eq!(player.client.refused, 0);
    }
    assert_eq!(publisher.mapped, publisher.socket.local_addr().ok());
}
