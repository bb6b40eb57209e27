//! A stream over several shards: once to each, and to every listener there.

use std::time::Duration;

use rtc_rtcp::sender_report::SenderReport;
use rtc_shared::marshal::Marshal;

use super::super::core::{Command, Neighbours};
use super::super::peer::Placement;
use super::super::sdp::Role;
use super::super::{GroupKey, PeerId};
use super::client::USUAL;
use super::world::{World, limits};

/// Shards in one virtual time; the publishers are on the first.
pub(super) struct Shards(pub(super) Vec<World>);

impl Shards {
    pub(super) fn new(count: usize) -> Self {
        let worlds = Neighbours::mesh(count).into_iter();
        let mut worlds: Vec<_> = worlds.map(|neighbours| World::linked(limits(), neighbours)).collect();
        // The last one began latest.
        let now = worlds[count - 1].now;
        for world in &mut worlds {
            world.now = now;
        }
        Self(worlds)
    }

    pub(super) fn publisher(&mut self, key: u64) -> (usize, PeerId) {
        self.0[0].publisher(key)
    }

    pub(super) fn player(&mut self, shard: usize, key: u64) -> (usize, PeerId) {
        let player = self.0[shard].player(key);
        self.cross();
        player
    }

    /// A player that hears the stream while it is one of so many loudest.
    pub(super) fn player_of(&mut self, shard: usize, key: u64, loudest: u32) -> usize {
        self.0[shard].place = Placement {
            loudest,
            ..Placement::default()
        };
        let (player, _) = self.player(shard, key);
        self.0[shard].place = Placement::default();
        player
    }

    pub(super) fn speak(&mut self, publisher: usize, ssrc: u32, sequence: u16) {
        self.0[0].speak(publisher, ssrc, sequence, u32::from(sequence) * 960);
        self.cross();
    }

    pub(super) fn command(&mut self, shard: usize, command: Command) {
        self.0[shard].command(command);
        self.cross();
    }

    /// Lets everything that is on its way between shards arrive.
    pub(super) fn cross(&mut self) {
        loop {
            let mut woken = Vec::new();
            for world in &mut self.0 {
                world.core.wake_others(|shard| woken.push(shard));
            }
            if woken.is_empty() {
                return;
            }
            for shard in woken {
                let world = &mut self.0[shard];
                while world.core.handle_crossings(8, world.now) {}
                world.settle();
            }
        }
    }

    fn crossed(&self) -> u64 {
        self.0[0].counters().crossed
    }
}

#[test]
fn a_packet_crosses_once_to_each_shard_with_listeners_and_reaches_every_one_in_order() {
    let mut shards = Shards::new(4);
    let (publisher, _) = shards.publisher(1);
    let mut players = Vec::new();
    for shard in [0, 1, 1, 1, 2] {
        players.push((shard, shards.player(shard, 1).0));
    }
    for sequence in 0..50 {
        shards.speak(publisher, 5, sequence);
    }
    for (shard, player) in players {
        let world = &shards.0[shard];
        assert_eq!(world.heard(player), (0..50).collect::<Vec<_>>(), "shard {shard}");
        let headers = world.clients[player].rtp.iter().map(|(header, _)| header);
        let numbers: Vec<_> = headers.map(|header| header.sequence_number).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    }
    assert_eq!(shards.crossed(), 100, "to two shards, not to the one without a player");
    assert_eq!(shards.0[1].counters().rtp_forwarded, 150);
}

#[test]
fn a_shard_whose_last_player_left_gets_nothing() {
    let mut shards = Shards::new(2);
    let (publisher, _) = shards.publisher(1);
    let (_, first) = shards.player(1, 1);
    let (_, second) = shards.player(1, 1);
    shards.speak(publisher, 5, 1);
    shards.command(1, Command::Remove(first));
    shards.speak(publisher, 5, 2);
    assert_eq!(shards.crossed(), 2);
    shards.command(1, Command::Remove(second));
    shards.speak(publisher, 5, 3);
    assert_eq!(shards.crossed(), 2);
    shards.player(1, 1);
    shards.speak(publisher, 5, 4);
    assert_eq!(shards.crossed(), 3, "and one that comes again");
}

#[test]
fn a_player_on_another_shard_may_come_before_its_publisher_and_stays_when_that_restarts() {
    let mut shards = Shards::new(2);
    let (player, _) = shards.player(1, 1);
    let (publisher, old) = shards.publisher(1);
    shards.speak(publisher, 5, 1);
    let (again, _) = shards.publisher(1);
    for world in &mut shards.0 {
        world.now += Duration::from_millis(500);
    }
    shards.speak(again, 99, 40_000);
    shards.speak(publisher, 5, 2);
    shards.command(0, Command::Remove(old));
    shards.speak(again, 99, 40_001);
    assert_eq!(shards.0[1].heard(player), [1, 40_000, 40_001]);
    let headers: Vec<_> = shards.0[1].clients[player].rtp.iter().map(|(header, _)| header).collect();
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
    }
    assert_eq!(headers[1].timestamp.wrapping_sub(headers[0].timestamp), 24_000);
}

#[test]
fn sources_of_different_shards_are_never_taken_for_one() {
    let mut shards = Shards::new(2);
    // The stream moves: its second publisher is on the other shard, and both are the first source there.
    let (player, _) = shards.player(1, 1);
    let (publisher, old) = shards.publisher(1);
    shards.speak(publisher, 5, 60_000);
    shards.command(0, Command::Remove(old));
    shards.0[1].place.home = 1;
    let (moved, _) = shards.0[1].publisher(1);
    shards.0[1].speak(moved, 7, 3, 0);
    assert_eq!(shards.0[1].heard(player), [60_000, 3]);
}

#[test]
fn a_shard_that_lags_loses_the_newest_packets_and_they_are_counted() {
    let mut shards = Shards::new(2);
    let (publisher, _) = shards.publisher(1);
    let (player, _) = shards.player(1, 1);
    let world = &mut shards.0[0];
    for sequence in 0..3000u16 {
        world.speak(publisher, 5, sequence, u32::from(sequence) * 960);
    }
    let counters = world.counters();
    assert_eq!(counters.crossed + counters.crossing_dropped, 3000);
    assert!(counters.crossed >= 1000, "{counters:?}");
    shards.cross();
    let heard = shards.0[1].heard(player);
    let oldest: Vec<u16> = (0..u16::try_from(counters.crossed).unwrap()).collect();
    assert_eq!(heard, oldest);
    // Who left meanwhile is told all the same.
    shards.speak(publisher, 5, 3000);
    assert_eq!(shards.0[1].heard(player).last(), Some(&3000));
}

#[test]
fn what_players_want_is_not_lost_in_a_full_ring() {
    let mut shards = Shards::new(2);
    let players: Vec<_> = (0..1500).map(|key| shards.0[1].add(Role::Player, key, USUAL)).collect();
    shards.cross();
    let (publisher, _) = shards.publisher(1499);
    shards.speak(publisher, 5, 1);
    assert_eq!(shards.crossed(), 1);
    for (_, peer) in players {
        shards.0[1].command(Command::Remove(peer));
    }
    shards.cross();
    shards.speak(publisher, 5, 2);
    assert_eq!(shards.crossed(), 1);
}

#[test]
fn sender_reports_reach_listeners_on_other_shards_on_their_own_clock() {
    let mut shards = Shards::new(2);
    let (publisher, _) = shards.publisher(1);
    let (player, _) = shards.player(1, 1);
    shards.speak(publisher, 5, 50);
    let report = SenderReport {
        ssrc: 5,
        ntp_time: 0x1234_5678_9abc_def0,
        rtp_time: 51 * 960,
        ..SenderReport::default()
    };
    let report = shards.0[0].clients[publisher].rtcp_packet(&report.marshal().unwrap());
    shards.0[0].send(publisher, &report);
    shards.cross();
    for world in &mut shards.0 {
        world.now += Duration::from_secs(1);
    }
    shards.speak(publisher, 5, 51);
    let client = &shards.0[1].clients[player];
    let reports = client
        .rtcp
        .iter()
        .flat_map(|packet| rtc_rtcp::packet::unmarshal(&mut &packet[..]).unwrap());
    let found: Vec<_> = reports
        .filter_map(|packet| packet.as_any().downcast_ref::<SenderReport>().cloned())
        .filter(|report| report.ntp_time == 0x1234_5679_9abc_def0)
        .collect();
    assert_eq!(found.len(), 1, "a second later on both clocks of the publisher");
    assert_eq!(found[0].rtp_time, client.rtp[0].0.timestamp.wrapping_add(960 + 48_000));
}

#[test]
fn nothing_is_left_of_a_stream_that_is_over_on_any_shard() {
    let mut shards = Shards::new(3);
    let mut peers = Vec::new();
    for shard in 0..3 {
        shards.0[shard].place = Placement {
            group: GroupKey(9),
            home: 0,
            loudest: 2,
        };
        peers.push((shard, shards.player(shard, 1).1));
    }
    peers.push((0, shards.publisher(1).1));
    for (shard, peer) in peers {
        shards.command(shard, Command::Remove(peer));
    }
    for world in &shards.0 {
        assert!(world.core.is_empty());
    }
}
