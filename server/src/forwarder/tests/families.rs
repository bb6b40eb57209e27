//! IPv6 and IPv4 on one socket.

use std::net::{IpAddr, SocketAddr};

use super::super::{Forwarder, ForwarderConfig, ForwarderLimits, StreamKey};
use super::wire::Wire;

fn join(forwarder: &Forwarder, ip: &str, publishes: bool) -> Wire {
    let ip: IpAddr = ip.parse().unwrap();
    Wire::join(ip, |client| {
        let server = SocketAddr::new(ip, forwarder.media_addresses()[0].port());
        let answer = match publishes {
            true => forwarder.publish(StreamKey(1), &client.offer("sendonly")),
            false => forwarder.play(StreamKey(1), &client.offer("recvonly")),
        };
        let sdp = answer.unwrap().sdp;
        let candidate = format!(" {ip} {} typ host", server.port());
        assert!(sdp.contains(&candidate), "{ip} is no candidate: {sdp}");
        (sdp, server)
    })
}

#[test]
fn one_wildcard_socket_carries_speech_between_ipv6_and_ipv4_and_calls_each_by_its_own_address() {
    let forwarder = Forwarder::start(
        ForwarderConfig {
            udp: "[::]:0".parse().unwrap(),
            tcp: None,
            public_addresses: Vec::new(),
            relay_ip: None,
            shards: 1,
            limits: ForwarderLimits::default(),
        },
        |_| {},
    )
    .unwrap();
    let mut publisher = join(&forwarder, "::1", true);
    let mut players = ["::1", "127.0.0.1"].map(|ip| join(&forwarder, ip, false));
    let packet = publisher.client.rtp_packet((5, 1, 960), &[0x10, 0x85], b"speech");
    publisher.send(&packet);
    for player in &mut players {
        player.read_until(|client| client.rtp.len() == 1);
        assert_eq!(player.client.mapped, player.socket.local_addr().ok());
        assert_eq!(player.client.refused, 0);
    }
    assert_eq!(publisher.client.mapped, publisher.socket.local_addr().ok());
}
