//! The whole forwarder with several shards: threads, sockets, rings and wake-ups.

use std::collections::BTreeMap;

use super::super::{Forwarder, ForwarderConfig, ForwarderLimits, Wish};
use super::online::{Online, wait_for_received};

const EVERYTHING: Wish = Wish::Play { loudest: 0 };
const VOICE: u8 = 0x80 | 20;
const SILENCE: u8 = 127;

fn three_shards() -> Forwarder {
    let config = ForwarderConfig {
        tcp: None,
        udp: "127.0.0.1:0".parse().unwrap(),
        public_addresses: Vec::new(),
        relay_ip: None,
        shards: 3,
        limits: ForwarderLimits::default(),
    };
    Forwarder::start(config, |_| {}).unwrap()
}

#[test]
fn listeners_on_all_shards_get_every_packet_once_and_in_order_while_publishers_change_and_others_leave() {
    let forwarder = three_shards();
    let mut publisher = Online::join(&forwarder, 1, Wish::Publish);
    let mut listeners: Vec<Online> = (0..45).map(|_| Online::join(&forwarder, 1, EVERYTHING)).collect();
    let mut on_shard = BTreeMap::new();
    for listener in &listeners {
        *on_shard.entry(listener.wire.server).or_insert(0) += 1;
    }
    assert_eq!(on_shard.len(), 3, "{on_shard:?}");
    for sequence in 0..100 {
        publisher.speak(7, sequence, VOICE);
        wait_for_received(&forwarder, u64::from(sequence) + 1);
        if sequence % 20 == 0 {
            let leaves = listeners.remove(0);
            forwarder.remove(leaves.peer);
        }
    }
    let first = publisher.peer;
    publisher = Online::join(&forwarder, 1, Wish::Publish);
    for sequence in 100..150 {
        publisher.speak(8, sequence, VOICE);
        wait_for_received(&forwarder, u64::from(sequence) + 1);
        if sequence == 120 {
            forwarder.remove(first);
        }
    }
    for listener in &mut listeners {
        listener.wire.read_until(|client| client.rtp.len() >= 150);
        assert_eq!(listener.heard(), (0..150).collect::<Vec<_>>());
        assert!(listener.is_unbroken());
        assert_eq!(listener.wire.client.refused, 0);
    }
    let counters = forwarder.counters();
    assert_eq!(
        (counters.crossed, counters.crossing_dropped),
        (300, 0),
        "once to each of two shards"
    );
}

#[test]
fn who_wants_the_two_loudest_of_ten_hears_both_who_speak_and_is_sent_nearly_nothing_else() {
    let forwarder = three_shards();
    let mut speakers: Vec<Online> = (0..10)
        .map(|stream| Online::join(&forwarder, stream, Wish::Publish))
        .collect();
    let mut plays: Vec<Online> = (0..10)
        .map(|stream| Online::join(&forwarder, stream, Wish::Play { loudest: 2 }))
        .collect();
    let mut sent = 0;
    for sequence in 0..100 {
        for (number, speaker) in speakers.iter_mut().enumerate() {
            let level = if number >= 8 { VOICE } else { SILENCE };
            speaker.speak(100 + u32::try_from(number).unwrap(), sequence, level);
            sent += 1;
            wait_for_received(&forwarder, sent);
        }
    }
    for play in &mut plays[8..] {
        play.wire.read_until(|client| client.rtp.len() >= 100);
        assert_eq!(play.heard(), (0..100).collect::<Vec<_>>());
    }
    for play in &mut plays[..8] {
        while play.wire.read() {}
        assert!(play.heard().len() <= 1, "{:?}", play.heard());
    }
    let counters = forwarder.counters();
    assert!(counters.rtp_not_forwarded >= 795, "{counters:?}");
    assert!(counters.rtp_forwarded <= 205, "{counters:?}");
}
