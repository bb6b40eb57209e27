//! Two forwarders and a relay between them: threads and sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, channel};

use super::super::{
    Forwarder, ForwarderConfig, ForwarderEvent, ForwarderLimits, GoneReason, GroupKey, NegotiateError, StreamKey, Wish,
};
use super::online::{Online, wait_for_received};
use super::wire::PATIENCE;

const VOICE: u8 = 0x80 | 20;

fn node(limits: ForwarderLimits) -> (Forwarder, Receiver<ForwarderEvent>) {
    let (sender, receiver) = channel();
    let config = ForwarderConfig {
        tcp: None,
        udp: "[::]:0".parse().unwrap(),
        public_addresses: Vec::new(),
        relay_ip: Some(Ipv4Addr::LOCALHOST.into()),
        shards: 2,
        limits,
    };
    let forwarder = Forwarder::start(config, move |event| {
        let _ = sender.send(event);
    });
    (forwarder.unwrap(), receiver)
}

#[test]
fn a_stream_crosses_between_two_forwarders_over_loopback() {
    let (a, a_events) = node(ForwarderLimits::default());
    let (b, b_events) = node(ForwarderLimits::default());
    let (stream, group) = (StreamKey(1), GroupKey(1));
    let (takes, terms) = b.take_relay(stream, group).unwrap();
    assert_eq!(terms.address().ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    assert!(
        b.media_addresses()[1].port() == terms.address().port(),
        "the group's home shard"
    );
    let (sends, source) = a.send_relay(stream, group, &terms, 0).unwrap();
    assert!(
        matches!(a.send_relay(stream, group, &terms, 0), Err(NegotiateError::Busy)),
        "terms are for one relay"
    );
    b.set_relay_source(takes, source);
    let connected = |events: &Receiver<ForwarderEvent>, id| loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            ForwarderEvent::Connected { peer } if peer == id => return,
            _ => {}
        }
    };
    connected(&a_events, sends);
    connected(&b_events, takes);
    let mut publisher = Online::join(&a, 1, Wish::Publish);
    let mut players: Vec<_> = (0..5).map(|_| Online::join(&b, 1, Wish::Play { loudest: 0 })).collect();
    for n in 0..50 {
        publisher.speak(7, n, VOICE);
        wait_for_received(&b, u64::from(n) + 1);
    }
    for player in &mut players {
        player.wire.read_until(|client| client.rtp.len() >= 50);
        assert_eq!(player.heard(), (0..50).collect::<Vec<_>>());
        assert!(player.is_unbroken());
    }
    let counters = b.counters();
    assert_eq!((counters.relay_packets_received, counters.relay_refused), (50, 0));
    a.remove(sends);
    let reason = loop {
        match b_events.recv_timeout(PATIENCE).unwrap() {
            ForwarderEvent::Gone { peer, reason } if peer == takes => break reason,
            _ => {}
        }
    };
    assert_eq!(reason, GoneReason::Closed);
}

#[test]
fn relays_count_as_peers() {
    let limits = ForwarderLimits {
        peers: 1,
        ..ForwarderLimits::default()
    };
    let (node, _events) = node(limits);
    node.take_relay(StreamKey(1), GroupKey(1)).unwrap();
    let refused = node.take_relay(StreamKey(2), GroupKey(2));
    assert!(matches!(refused, Err(NegotiateError::TooManyPeers)), "{refused:?}");
}
