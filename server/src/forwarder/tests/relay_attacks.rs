//! What strangers may try at a relay.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::relay::RelayTerms;
use super::super::sdp::Role;
use super::nodes::{A, B, FRAME, Nodes, address, is_rtp};

const VOICE: u8 = 0x80 | 20;

fn stranger() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 66], 666))
}

/// A stream that is relayed, and who hears it there.
fn relayed() -> (Nodes, usize, usize, RelayTerms) {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let (player, _) = nodes.worlds[B].player(1);
    let relay = nodes.relay(A, 1, 0);
    nodes.speak(A, publisher, 7, 0, VOICE);
    (nodes, publisher, player, relay.terms)
}

#[test]
fn forged_packets_are_refused_counted_and_paid_for_wherever_they_come_from() {
    let (mut nodes, publisher, player, _) = relayed();
    let unproved = nodes.worlds[B].counters().unauthenticated;
    for (at, from) in [address(A), stranger()].into_iter().enumerate() {
        let mut forged = nodes.rtp_to(B)[0].to_vec();
        let byte = forged.len() - 20;
        forged[byte] ^= 1;
        // A number that was not seen before.
        forged[3] = forged[3].wrapping_add(1);
        nodes.inject(B, from, &forged);
        let counters = nodes.worlds[B].counters();
        let so_far = at as u64 + 1;
        assert_eq!((counters.relay_refused, counters.srtp_refused), (so_far, so_far));
        assert_eq!(counters.unauthenticated - unproved, so_far);
    }
    nodes.speak(A, publisher, 7, 1, VOICE);
    assert_eq!(nodes.worlds[B].heard(player), [0, 1]);
}

#[test]
fn a_packet_under_other_keys_is_refused_though_it_has_the_right_ssrc() {
    let (mut nodes, publisher, player, terms) = relayed();
    // Another node that knows the SSRCs, but not the keys.
    let mut others = Nodes::new();
    let mut forged = serde_json::to_value(&terms).unwrap();
    forged["keys"] = serde_json::to_value(RelayTerms::fresh(address(B))).unwrap()["keys"].clone();
    let forged: RelayTerms = serde_json::from_value(forged).unwrap();
    let (speaks, _) = others.worlds[A].publisher(1);
    others.add(A, (1, Role::Player), &forged, 0);
    others.speak(A, speaks, 7, 9, VOICE);
    let sent = others.sent[B].clone();
    assert!(sent.iter().any(|datagram| is_rtp(datagram)) && sent.iter().any(|datagram| !is_rtp(datagram)));
    for datagram in &sent {
        nodes.inject(B, address(A), datagram);
    }
    assert_eq!(nodes.worlds[B].counters().relay_refused, sent.len() as u64);
    nodes.speak(A, publisher, 7, 1, VOICE);
    assert_eq!(nodes.worlds[B].heard(player), [0, 1]);
}

#[test]
fn what_was_sent_once_is_not_taken_twice() {
    let (mut nodes, publisher, player, _) = relayed();
    for n in 1..20 {
        nodes.speak(A, publisher, 7, n, VOICE);
        nodes.pass(FRAME);
    }
    nodes.pass(Duration::from_secs(2));
    let counters = nodes.worlds[B].counters();
    assert_eq!(counters.relay_refused, 0);
    let sent: Vec<_> = nodes.sent.clone().into();
    for (node, datagrams) in sent.iter().enumerate() {
        let before = nodes.worlds[node].counters().relay_refused;
        for datagram in datagrams {
            nodes.inject(node, address(1 - node), datagram);
        }
        let refused = nodes.worlds[node].counters().relay_refused - before;
        assert_eq!(refused, datagrams.len() as u64, "to node {node}");
    }
    assert_eq!(nodes.worlds[B].heard(player), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_flood_that_names_a_relay_is_policed_and_the_relay_goes_on() {
    let (mut nodes, publisher, player, _) = relayed();
    let mut forged = nodes.rtp_to(B)[0].to_vec();
    for n in 0..5_000u16 {
        forged[2..4].copy_from_slice(&n.to_be_bytes());
        nodes.inject(B, stranger(), &forged);
    }
    let counters = nodes.worlds[B].counters();
    assert_eq!(counters.relay_refused + counters.policed, 5_000, "{counters:?}");
    assert!(counters.relay_refused <= 2_000, "two seconds' worth: {counters:?}");
    // One that pretends to come from the other node spends that node's budget, which an authentic packet does not need.
    for n in 0..5_000u16 {
        forged[2..4].copy_from_slice(&n.to_be_bytes());
        nodes.inject(B, address(A), &forged);
    }
    for n in 1..10 {
        nodes.speak(A, publisher, 7, n, VOICE);
    }
    assert_eq!(nodes.worlds[B].heard(player), (0..10).collect::<Vec<_>>());
}

#[test]
fn short_datagrams_and_unknown_ssrcs_are_a_strangers() {
    let (mut nodes, ..) = relayed();
    let good = nodes.rtp_to(B)[0].to_vec();
    let mut unknown = good.clone();
    unknown[8] ^= 1;
    let before = nodes.worlds[B].counters();
    nodes.inject(B, address(A), &unknown);
    for length in 0..12 {
        nodes.inject(B, address(A), &good[..length]);
    }
    let after = nodes.worlds[B].counters();
    assert_eq!(after.relay_refused, before.relay_refused, "they name no relay");
    assert_eq!(after.unauthenticated - before.unauthenticated, 13);
}
