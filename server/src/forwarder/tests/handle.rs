//! The handle: sockets, threads, limits.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use super::super::{
    ClientCertificates, Forwarder, ForwarderConfig, ForwarderLimits, GroupKey, MediaRequest, NegotiateError, StartForwarderError,
    StreamKey, Wish,
};
use super::client::{TestClient, USUAL};
use super::online::port_in;

fn config(udp: &str) -> ForwarderConfig {
    ForwarderConfig {
        udp: udp.parse().unwrap(),
        tcp: None,
        public_addresses: Vec::new(),
        relay_ip: None,
        shards: 1,
        limits: ForwarderLimits::default(),
    }
}

fn start(config: ForwarderConfig) -> Forwarder {
    Forwarder::start(config, |_| {}).unwrap()
}

fn offer(direction: &str) -> String {
    TestClient::new("127.0.0.1:1".parse().unwrap(), USUAL, Instant::now()).offer(direction)
}

#[test]
fn a_stopped_forwarder_has_no_thread_no_socket_and_takes_nobody() {
    let forwarder = start(config("127.0.0.1:0"));
    let address = forwarder.media_addresses()[0];
    assert!(UdpSocket::bind(address).is_err());
    forwarder.publish(StreamKey(1), &offer("sendonly")).unwrap();
    forwarder.stop();
    UdpSocket::bind(address).unwrap();
    let error = forwarder.play(StreamKey(1), &offer("recvonly")).unwrap_err();
    assert!(matches!(error, NegotiateError::Stopped), "{error:?}");
    let counters = forwarder.counters();
    assert_eq!((counters.peers_added, counters.peers_removed), (1, 1));
    forwarder.stop();
}

#[test]
fn dropping_the_last_handle_stops_it() {
    let forwarder = start(config("127.0.0.1:0"));
    let address = forwarder.media_addresses()[0];
    drop(forwarder.clone());
    assert!(UdpSocket::bind(address).is_err());
    drop(forwarder);
    UdpSocket::bind(address).unwrap();
}

#[test]
fn a_port_in_use_and_ports_beyond_the_last_are_errors_with_the_address() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let first = start(ForwarderConfig {
        udp: taken,
        ..config("127.0.0.1:0")
    });
    let error = Forwarder::start(
        ForwarderConfig {
            udp: taken,
            ..config("127.0.0.1:0")
        },
        |_| {},
    )
    .unwrap_err();
    assert!(
        matches!(error, StartForwarderError::Bind { address, .. } if address == taken),
        "{error}"
    );
    first.stop();
    let error = Forwarder::start(
        ForwarderConfig {
            shards: 3,
            ..config("127.0.0.1:65534")
        },
        |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, StartForwarderError::Ports { shards: 3, .. }), "{error}");
}

#[test]
fn publishers_of_a_room_share_its_shard_and_players_spread_over_all() {
    let forwarder = start(ForwarderConfig {
        shards: 3,
        ..config("127.0.0.1:0")
    });
    let ports: Vec<u16> = forwarder.media_addresses().iter().map(SocketAddr::port).collect();
    let ask = |stream, wish, offer: &str| {
        let request = MediaRequest {
            stream: StreamKey(stream),
            group: GroupKey(4),
            wish,
            offer,
            certificates: ClientCertificates::Ecdsa,
        };
        port_in(&forwarder.answer(&request).unwrap().sdp)
    };
    for stream in 1..=4 {
        assert_eq!(ask(stream, Wish::Publish, &offer("sendonly")), ports[1]);
    }
    let few = (0..8).map(|_| ask(1, Wish::Play { loudest: 0 }, &offer("recvonly")));
    assert!(
        few.into_iter().all(|port| port == ports[1]),
        "a small room stays on one shard"
    );
    let mut players = [0; 3];
    for _ in 0..120 {
        let port = ask(1, Wish::Play { loudest: 0 }, &offer("recvonly"));
        players[ports.iter().position(|known| *known == port).unwrap()] += 1;
    }
    assert!(players.iter().all(|here| (30..60).contains(here)), "{players:?}");
}

#[test]
fn behind_nat_the_answer_names_the_public_addresses_only() {
    let public: Vec<IpAddr> = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let forwarder = start(ForwarderConfig {
        public_addresses: public,
        ..config("127.0.0.1:0")
    });
    let port = forwarder.media_addresses()[0].port();
    let sdp = forwarder.play(StreamKey(1), &offer("recvonly")).unwrap().sdp;
    assert!(sdp.contains(&format!("192.0.2.7 {port} typ host")) && sdp.contains(&format!("2001:db8::7 {port} typ host")));
    assert!(!sdp.contains("c=IN IP4 127.0.0.1") && !sdp.contains(&format!("127.0.0.1 {port}")));
}

#[test]
fn an_unspecified_address_is_replaced_by_those_of_the_interfaces() {
    let forwarder = start(config("0.0.0.0:0"));
    let sdp = forwarder.play(StreamKey(1), &offer("recvonly")).unwrap().sdp;
    assert!(
        sdp.contains("a=candidate:1 ") && !sdp.contains("udp 2130706431 0.0.0.0"),
        "{sdp}"
    );
}

#[test]
fn peers_beyond_the_limit_are_refused_until_one_leaves() {
    let limits = ForwarderLimits {
        peers: 2,
        ..ForwarderLimits::default()
    };
    let forwarder = start(ForwarderConfig {
        limits,
        ..config("127.0.0.1:0")
    });
    let first = forwarder.publish(StreamKey(1), &offer("sendonly")).unwrap();
    forwarder.play(StreamKey(1), &offer("recvonly")).unwrap();
    let error = forwarder.play(StreamKey(1), &offer("recvonly")).unwrap_err();
    assert!(matches!(error, NegotiateError::TooManyPeers));
    forwarder.remove(first.peer);
    while forwarder.counters().peers_removed == 0 {
        std::thread::yield_now();
    }
    forwarder.play(StreamKey(1), &offer("recvonly")).unwrap();
}

#[test]
fn a_refused_offer_leaves_no_peer() {
    let forwarder = start(config("127.0.0.1:0"));
    assert!(forwarder.publish(StreamKey(1), "nonsense").is_err());
    forwarder.stop();
    assert_eq!(forwarder.counters().peers_added, 0);
}
