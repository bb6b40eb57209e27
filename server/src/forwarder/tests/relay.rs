//! A stream that is published on one node and heard on another.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::core::Command;
use super::super::sdp::Role;
use super::super::{ForwarderEvent, GoneReason, PeerId};
use super::client::USUAL;
use super::nodes::{A, B, FRAME, Nodes};

const VOICE: u8 = 0x80 | 20;
const SILENCE: u8 = 127;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_is_said_on_one_node_is_heard_on_the_other_to_the_bit_and_in_order() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let (at_home, _) = nodes.worlds[A].player(1);
    let abroad: Vec<_> = (0..3).map(|_| nodes.worlds[B].player(1).0).collect();
    let relay = nodes.relay(A, 1, 0);
    for n in 0..100 {
        nodes.speak(A, publisher, 7, n, VOICE);
        nodes.pass(FRAME);
    }
    let told = |client: usize, node: usize| -> Vec<_> {
        let packets = nodes.worlds[node].clients[client].rtp.iter();
        packets
            .map(|(header, payload)| (payload.clone(), header.extensions.clone()))
            .collect()
    };
    let original = told(at_home, A);
    assert_eq!(original.len(), 100);
    assert!(original.iter().all(|(_, extensions)| extensions[0].payload[0] == VOICE));
    for &player in &abroad {
        assert_eq!(told(player, B), original);
        assert!(nodes.is_unbroken(B, player));
        assert_eq!(nodes.worlds[B].clients[player].refused, 0);
    }
    let events: Vec<_> = nodes.worlds[B]
        .events
        .iter()
        .filter(|event| names(event, relay.takes))
        .collect();
    let [connected, started] = events[..] else {
        panic!("{events:?}")
    };
    assert!(matches!(connected, ForwarderEvent::Connected { .. }), "{connected:?}");
    assert!(matches!(started, ForwarderEvent::MediaStarted { .. }), "{started:?}");
}

fn names(event: &ForwarderEvent, id: PeerId) -> bool {
    matches!(event, ForwarderEvent::Connected { peer } | ForwarderEvent::MediaStarted { peer } if *peer == id)
}

#[test]
fn one_copy_crosses_for_a_thousand_listeners_however_much_each_wants() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    for n in 0..1000 {
        nodes.worlds[B].place.loudest = if n % 2 == 0 { 1 } else { 2 };
        nodes.worlds[B].player(1);
    }
    nodes.relay(A, 1, 2);
    for n in 0..10 {
        nodes.speak(A, publisher, 7, n, VOICE);
    }
    nodes.pass(SECOND);
    assert_eq!(nodes.rtp_to(B).len(), 10);
    let heard: Vec<_> = (0..1000).map(|player| nodes.worlds[B].heard(player)).collect();
    assert!(heard.iter().all(|heard| *heard == (0..10).collect::<Vec<_>>()));
    let (out, back) = (nodes.worlds[A].counters(), nodes.worlds[B].counters());
    assert_eq!((out.relay_packets_sent, back.relay_packets_received), (10, 10));
    assert_eq!(out.bytes_relay_sent, back.bytes_relay_received);
    assert_eq!((out.relays_out_begun, back.relays_in_begun), (1, 1));
}

#[test]
fn what_the_network_between_loses_is_asked_for_again() {
    let mut nodes = Nodes::new();
    nodes.delay = Duration::from_millis(15);
    nodes.loss[B] = 5;
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let (player, _) = nodes.worlds[B].player(1);
    nodes.relay(A, 1, 0);
    for n in 0..2000 {
        nodes.speak(A, publisher, 7, n, VOICE);
        nodes.pass(FRAME);
    }
    nodes.pass(SECOND);
    let mut heard = nodes.worlds[B].heard(player);
    heard.sort_unstable();
    heard.dedup();
    // One in some ten thousand is lost three times.
    assert!(heard.len() >= 1998, "{}", heard.len());
    let counters = nodes.worlds[B].counters();
    assert!((60..=140).contains(&counters.relay_lost), "{counters:?}");
    let missing = counters.relay_lost.saturating_sub(counters.relay_repaired);
    assert!(missing <= 5 && counters.relay_repaired >= 55, "{counters:?}");
}

#[test]
fn both_sides_know_the_round_trip_also_in_silence() {
    let mut nodes = Nodes::new();
    nodes.delay = Duration::from_millis(40);
    nodes.relay(A, 1, 0);
    nodes.pass(SECOND * 10);
    for world in &nodes.worlds {
        let counters = world.counters();
        assert!(counters.relay_round_trips >= 7, "{counters:?}");
        let mean = counters.relay_round_trip_us / counters.relay_round_trips;
        assert!((79_900..=80_100).contains(&mean), "{mean}");
    }
}

#[test]
fn the_loudest_of_all_nodes_are_heard_and_little_else_crosses() {
    let mut nodes = Nodes::new();
    // Two streams of each node; every node hears the other's two.
    let mut publishers = Vec::new();
    for key in 0..4u64 {
        let home = if key < 2 { A } else { B };
        publishers.push((home, nodes.worlds[home].publisher(key).0));
        nodes.relay(home, key, 2);
    }
    let mut players = [Vec::new(), Vec::new()];
    for node in [A, B] {
        nodes.worlds[node].place.loudest = 2;
        players[node] = (0..4).map(|key| nodes.worlds[node].player(key).0).collect();
    }
    let frames = |nodes: &mut Nodes, from: u16, speakers: [usize; 2]| {
        for n in from..from + 200 {
            for (number, &(home, client)) in publishers.iter().enumerate() {
                let level = if speakers.contains(&number) { VOICE } else { SILENCE };
                let ssrc = 100 + u32::try_from(number).unwrap();
                nodes.speak(home, client, ssrc, n, level);
            }
            nodes.pass(FRAME);
        }
    };
    let mut before = [[0; 4]; 2];
    for (from, speakers) in [(0, [1, 3]), (200, [2, 3]), (400, [0, 1])] {
        frames(&mut nodes, from, speakers);
        for node in [A, B] {
            for (key, &player) in players[node].iter().enumerate() {
                let heard = nodes.worlds[node].heard(player).len();
                let more = heard - std::mem::replace(&mut before[node][key], heard);
                if speakers.contains(&key) {
                    // Who spoke just before yields when its loudness has fallen by 6 dB, in 300 ms.
                    assert!(more >= 170, "node {node}, stream {key} of {speakers:?}: {more}");
                } else {
                    assert!(more <= 40, "node {node}, stream {key} of {speakers:?}: {more}");
                }
                assert!(nodes.is_unbroken(node, player), "node {node}, stream {key}");
            }
        }
    }
    // Two of four at a time, 600 frames.
    let crossed = nodes.rtp_to(A).len() + nodes.rtp_to(B).len();
    assert!((1_100..=1_400).contains(&crossed), "{crossed}");
}

#[test]
fn a_relay_wants_more_or_less_from_one_packet_to_the_next() {
    let mut nodes = Nodes::new();
    let quiet = nodes.worlds[A].publisher(1).0;
    let loud = nodes.worlds[A].publisher(2).0;
    let (player, _) = nodes.worlds[B].player(1);
    let relay = nodes.relay(A, 1, 0);
    let mut number = 0..;
    let mut frames = |nodes: &mut Nodes, count: usize| {
        let before = nodes.worlds[B].heard(player).len();
        for n in number.by_ref().take(count) {
            nodes.speak(A, quiet, 7, n, SILENCE);
            nodes.speak(A, loud, 8, n, VOICE);
            nodes.pass(FRAME);
        }
        nodes.worlds[B].heard(player).len() - before
    };
    assert_eq!(frames(&mut nodes, 10), 10);
    nodes.command(A, Command::SetLoudest(relay.sends, 1));
    frames(&mut nodes, 10);
    assert_eq!(frames(&mut nodes, 200), 0);
    nodes.command(A, Command::SetLoudest(relay.sends, 2));
    assert_eq!(frames(&mut nodes, 10), 10);
    nodes.command(A, Command::SetLoudest(relay.sends, u32::MAX));
    assert_eq!(frames(&mut nodes, 10), 10);
    assert!(nodes.is_unbroken(B, player));
    let counters = nodes.worlds[B].counters();
    assert_eq!(
        (counters.relay_lost, counters.nacks_sent),
        (0, 0),
        "what is not sent is not missed"
    );
}

#[test]
fn a_relay_takes_over_from_a_publisher_and_a_publisher_from_a_relay_and_listeners_stay() {
    let mut nodes = Nodes::new();
    let (here, _) = nodes.worlds[B].publisher(1);
    let (player, _) = nodes.worlds[B].player(1);
    let (there, _) = nodes.worlds[A].publisher(1);
    for n in 0..10 {
        nodes.speak(B, here, 7, n, VOICE);
        nodes.pass(FRAME);
    }
    nodes.relay(A, 1, 0);
    for n in 10..20 {
        nodes.speak(A, there, 8, n, VOICE);
        nodes.speak(B, here, 7, 1000 + n, VOICE);
        nodes.pass(FRAME);
    }
    let (again, _) = nodes.worlds[B].publisher(1);
    for n in 20..30 {
        nodes.speak(B, again, 9, n, VOICE);
        nodes.speak(A, there, 8, 2000 + n, VOICE);
        nodes.pass(FRAME);
    }
    // A newer relay takes over from an older one, too.
    nodes.relay(A, 1, 0);
    for n in 30..40 {
        nodes.speak(A, there, 8, 2000 + n, VOICE);
        nodes.pass(FRAME);
    }
    let expected: Vec<u16> = (0..30).chain(2030..2040).collect();
    assert_eq!(nodes.worlds[B].heard(player), expected);
    assert!(nodes.is_unbroken(B, player));
}

#[test]
fn a_minute_of_silence_ends_nothing_and_then_it_is_heard() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let (player, _) = nodes.worlds[B].player(1);
    let relay = nodes.relay(A, 1, 0);
    for round in 0..2 {
        nodes.pass(Duration::from_secs(60));
        assert_eq!((nodes.gone(A, relay.sends), nodes.gone(B, relay.takes)), (None, None));
        nodes.speak(A, publisher, 7, round, VOICE);
    }
    assert_eq!(nodes.worlds[B].heard(player), [0, 1]);
    let quiet = nodes.sent[B].len() + nodes.sent[A].len();
    assert!(
        quiet <= 2 * 120 + 150,
        "two a second, and reports of the second minute: {quiet}"
    );
}

#[test]
fn a_relay_whose_network_ends_is_gone_at_both_ends() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let relay = nodes.relay(A, 1, 0);
    nodes.speak(A, publisher, 7, 1, VOICE);
    nodes.pass(SECOND * 20);
    assert_eq!(nodes.gone(A, relay.sends), None);
    nodes.loss = [100; 2];
    nodes.pass(SECOND * 14);
    assert_eq!((nodes.gone(A, relay.sends), nodes.gone(B, relay.takes)), (None, None));
    nodes.pass(SECOND * 3);
    let lost = Some(GoneReason::ConsentLost);
    assert_eq!((nodes.gone(A, relay.sends), nodes.gone(B, relay.takes)), (lost, lost));
    let (out, back) = (nodes.worlds[A].counters(), nodes.worlds[B].counters());
    assert_eq!((out.relays_out_ended, back.relays_in_ended), (1, 1));
    assert!(nodes.worlds[B].core.is_empty());
}

#[test]
fn a_relay_that_never_works_is_gone_and_says_nothing_of_itself() {
    let mut nodes = Nodes::new();
    nodes.loss[B] = 100;
    let relay = nodes.half_relay(A, 1, 0);
    nodes.pass(SECOND * 16);
    assert_eq!(nodes.gone(B, relay.takes), Some(GoneReason::ConsentLost));
    let connected = |event: &&ForwarderEvent| matches!(event, ForwarderEvent::Connected { .. });
    assert_eq!(nodes.worlds[B].events.iter().filter(connected).count(), 0);
    assert_eq!(nodes.sent[A].len(), 0, "it was not told where to");
}

#[test]
fn who_removes_one_side_ends_the_other() {
    for removes in [A, B] {
        let mut nodes = Nodes::new();
        let relay = nodes.relay(A, 1, 0);
        nodes.pass(SECOND);
        let [own, other] = if removes == A {
            [relay.sends, relay.takes]
        } else {
            [relay.takes, relay.sends]
        };
        nodes.command(removes, Command::Remove(own));
        assert_eq!(nodes.gone(removes, own), None, "the caller knows");
        assert_eq!(nodes.gone(1 - removes, other), Some(GoneReason::Closed));
        assert!(nodes.worlds.iter().all(|world| world.core.is_empty()));
        // Their SSRCs are free again.
        nodes.add(B, (1, Role::Publisher), &relay.terms, 0);
        nodes.add(A, (1, Role::Player), &relay.terms, 0);
    }
}

#[test]
fn the_taking_side_follows_the_sender_and_finds_it_without_being_told() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    nodes.half_relay(A, 1, 0);
    nodes.pass(SECOND);
    assert!(!nodes.sent[A].is_empty(), "the first authentic packet shows where it is");
    assert_eq!(nodes.worlds[A].counters().rtcp_received, nodes.sent[A].len() as u64);
    // The next packet comes from elsewhere, as behind a NAT that forgot.
    let elsewhere: SocketAddr = "198.51.100.77:9".parse().unwrap();
    nodes.loss[B] = 100;
    nodes.speak(A, publisher, 7, 1, VOICE);
    let moved = nodes.sent[B].last().unwrap().clone();
    let now = nodes.now();
    nodes.worlds[B].core.handle(&moved, elsewhere.into(), now);
    let now = now + SECOND;
    nodes.worlds[B].now = now;
    nodes.worlds[B].core.handle_timeout(now);
    nodes.worlds[B].settle();
    let to: Vec<_> = nodes.worlds[B].stray.drain(..).map(|transmit| transmit.to).collect();
    assert!(!to.is_empty() && to.iter().all(|to| *to == elsewhere), "{to:?}");
}

#[test]
fn a_relay_beside_local_listeners_changes_nothing_for_them() {
    let mut nodes = Nodes::new();
    let (publisher, _) = nodes.worlds[A].publisher(1);
    let (before, _) = nodes.worlds[A].join(Role::Player, 1, USUAL);
    nodes.relay(A, 1, 0);
    let (after, _) = nodes.worlds[A].join(Role::Player, 1, USUAL);
    nodes.loss = [100; 2];
    for n in 0..50 {
        nodes.speak(A, publisher, 7, n, VOICE);
    }
    for player in [before, after] {
        assert_eq!(nodes.worlds[A].heard(player), (0..50).collect::<Vec<_>>());
        assert!(nodes.is_unbroken(A, player));
    }
}
