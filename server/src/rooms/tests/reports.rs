//! What is measured on streams: listeners' reports to the publisher, the publisher's leg to the listeners.

use std::time::Duration;

use express_signalling::protocol::{Notice, ProtectedStream, StreamListeners, StreamUplink};

use super::words::*;
use super::world::*;
use crate::forwarder::{CopySet, ForwarderEvent, ListenerSummary, PublisherLeg, Spread, StreamKey, Uplink};
use crate::rooms::ConnectionId;

const GATHER: Duration = Duration::from_millis(200);

impl World {
    fn media(&mut self, event: ForwarderEvent) {
        let effects = self.state.on_media(self.at(), event);
        self.carry_out(effects);
    }

    fn heard(&mut self, stream: StreamKey, shard: u64, summary: ListenerSummary) {
        self.media(ForwarderEvent::ListenersHeard { stream, shard, summary });
    }

    fn measured(&mut self, stream: StreamKey, loss_permille: u32) {
        let leg = PublisherLeg {
            round_trip_ms: Some(40),
            loss_permille,
            jitter_ms: 5,
        };
        self.media(ForwarderEvent::PublisherMeasured { stream, leg });
    }

    /// The listener reports since the last look.
    fn listener_reports(&mut self, connection: ConnectionId) -> Vec<StreamListeners> {
        let notices = self.notices(connection).into_iter();
        let streams = notices.flat_map(|notice| match notice {
            Notice::ListenerReport(report) => report.streams,
            other => panic!("{other:?}"),
        });
        streams.collect()
    }

    /// The publisher reports since the last look, one list for each notice.
    fn uplinks(&mut self, connection: ConnectionId) -> Vec<Vec<StreamUplink>> {
        let notices = self.notices(connection).into_iter();
        let streams = notices.map(|notice| match notice {
            Notice::PublisherReport(report) => report.streams,
            other => panic!("{other:?}"),
        });
        streams.collect()
    }
}

fn summary(listeners: u32, worst: u32, median: u32) -> ListenerSummary {
    ListenerSummary {
        listeners,
        reporting: listeners,
        loss_permille: Some(Spread { worst, median }),
        burst_tenths: Some(Spread { worst: 32, median: 10 }),
        round_trip_ms: Some(Spread { worst: 90, median: 40 }),
        copying: u32::from(worst > 0),
    }
}

#[test]
fn a_publisher_hears_of_its_listeners_on_all_shards_every_500_ms_and_nobody_else_does() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s1");
    let stream = world.peers[&peer].0;
    world.heard(stream, 1, summary(10, 120, 10));
    world.heard(stream, 2, summary(2, 500, 400));
    world.pass(GATHER);
    let told = world.listener_reports(alice.connection);
    let [report] = &told[..] else { panic!("{told:?}") };
    assert_eq!((report.stream_id.as_str(), report.listeners), ("s1", 12));
    assert_eq!((report.loss_worst, report.loss_median), (Some(0.5), Some(0.01)));
    assert_eq!((report.burst_worst, report.burst_median), (Some(3.2), Some(1.0)));
    assert_eq!((report.rtt_median_ms, report.copying), (Some(40), 2));
    assert_eq!((report.uplink_loss, report.uplink_burst), (None, None), "not measured");
    assert!(world.notices(bob.connection).is_empty());
    for _ in 0..50 {
        for shard in [1, 2] {
            world.pass(Duration::from_millis(100));
            world.heard(stream, shard, summary(10, 0, 0));
        }
    }
    let told = world.listener_reports(alice.connection).len();
    assert!((18..=21).contains(&told), "{told} in 10 s");
    assert_eq!(world.state.counters().notices, told as u64 + 1);
}

#[test]
fn a_shard_that_fell_silent_has_no_listeners_any_more_and_what_is_unknown_is_null() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let peer = world.publish(alice.connection, "s1");
    let stream = world.peers[&peer].0;
    for shard in 0..1_000 {
        world.heard(stream, shard, summary(1, 100, 100));
    }
    world.pass_with_heartbeats(12, &[alice.connection]);
    assert_eq!(world.listener_reports(alice.connection).len(), 1);
    let unknown = ListenerSummary {
        listeners: 3,
        ..ListenerSummary::default()
    };
    world.heard(stream, 7, unknown);
    world.pass(GATHER);
    let told = world.listener_reports(alice.connection);
    assert_eq!((told[0].listeners, told[0].loss_worst, told[0].burst_median), (3, None, None));
    assert_eq!((told[0].loss_median, told[0].rtt_median_ms), (None, None));
}

#[test]
fn who_plays_a_stream_hears_of_its_publishers_leg_when_it_changes_and_when_the_play_begins() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let carol = world.login("carol", "elsewhere");
    let peer = world.publish(alice.connection, "s1");
    let stream = world.peers[&peer].0;
    world.play(bob.connection, "s1");
    world.pass(GATHER);
    assert!(world.notices(bob.connection).is_empty(), "nothing is measured yet");
    world.measured(stream, 5);
    world.pass(GATHER);
    let told = world.uplinks(bob.connection);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0][0].stream_id.as_str(), told[0][0].rtt_ms), ("s1", Some(40)));
    assert_eq!((told[0][0].loss, told[0][0].jitter_ms), (0.005, 5));
    assert!(world.notices(alice.connection).is_empty());
    world.play(carol.connection, "s1");
    world.pass(GATHER);
    assert_eq!(world.uplinks(carol.connection).len(), 1, "from another room, too");
    assert!(world.notices(bob.connection).is_empty(), "it knows");
    world.measured(stream, 10);
    assert_eq!(world.code(carol.connection, stop_play("s1")), 0);
    world.pass(GATHER);
    assert_eq!(world.uplinks(bob.connection)[0][0].loss, 0.01);
    assert!(world.notices(carol.connection).is_empty(), "it plays no more");
}

#[test]
fn reports_about_a_stream_that_is_over_go_nowhere() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let peer = world.publish(alice.connection, "s1");
    let stream = world.peers[&peer].0;
    world.heard(stream, 1, summary(1, 0, 0));
    assert_eq!(world.code(alice.connection, unpublish("s1")), 0);
    world.heard(stream, 1, summary(1, 0, 0));
    world.measured(stream, 5);
    world.pass(GATHER);
    assert!(world.notices(alice.connection).is_empty());
}

#[test]
fn a_publisher_hears_what_its_own_link_loses_while_it_does_and_when_it_is_over() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let peer = world.publish(alice.connection, "s1");
    let stream = world.peers[&peer].0;
    let measured = |world: &mut World, loss_permille: u32| {
        let uplink = Uplink {
            loss_permille,
            burst_tenths: (loss_permille > 0).then_some(25),
        };
        world.media(ForwarderEvent::UplinkMeasured { stream, uplink });
        world.pass(GATHER);
        let reports = world.listener_reports(alice.connection);
        reports
            .iter()
            .map(|report| (report.listeners, report.uplink_loss, report.uplink_burst))
            .collect::<Vec<_>>()
    };
    assert_eq!(measured(&mut world, 0), [], "all was well from the beginning on");
    assert_eq!(measured(&mut world, 40), [(0, Some(0.04), Some(2.5))]);
    world.pass(Duration::from_millis(300));
    assert_eq!(measured(&mut world, 40), [(0, Some(0.04), Some(2.5))]);
    world.pass(Duration::from_millis(300));
    assert_eq!(measured(&mut world, 0), [(0, Some(0.0), None)]);
}

#[test]
fn a_player_hears_which_copies_it_gets_and_nobody_else_does() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let carol = world.login("carol", "r");
    let peer = world.publish(alice.connection, "s1");
    let player = world.play(bob.connection, "s1");
    world.play(carol.connection, "s1");
    world.pass(GATHER);
    for connection in [alice.connection, bob.connection, carol.connection] {
        world.notices(connection);
    }
    for distances in [&[1, 3][..], &[]] {
        let copies = CopySet::of(distances);
        world.media(ForwarderEvent::CopiesChanged { peer: player, copies });
        let [Notice::StreamProtection(told)] = &world.notices(bob.connection)[..] else {
            panic!("no notice");
        };
        let stream_id = express_messages::ids::StreamId::new("s1").unwrap();
        let copies = distances.to_vec();
        assert_eq!(told.streams, [ProtectedStream { stream_id, copies }]);
    }
    let copies = CopySet::of(&[2]);
    world.media(ForwarderEvent::CopiesChanged { peer, copies });
    for connection in [alice.connection, carol.connection] {
        assert!(world.notices(connection).is_empty());
    }
}
