//! What is gathered for a moment: barrage messages and quality reports.

use std::time::Duration;

use express_messages::stats::QualityGrade;
use express_signalling::protocol::{Logout, Notice, ReportQuality};

use super::words::*;
use super::world::*;
use crate::rooms::ConnectionId;

const GATHER: Duration = Duration::from_millis(200);

/// The barrage messages since the last look, one line for each notice: `alice: a, bob: b`.
fn barrages(world: &mut World, connection: ConnectionId) -> Vec<String> {
    let line = |notice| {
        let Notice::BarrageMessage(barrage) = notice else {
            panic!("{notice:?} is no barrage message");
        };
        let messages = barrage.messages.iter();
        let messages = messages.map(|message| format!("{}: {}", message.from_user.user_id, message.message));
        messages.collect::<Vec<_>>().join(", ")
    };
    world.notices(connection).into_iter().map(line).collect()
}

/// The quality notices since the last look: `alice 0 1`.
fn qualities(world: &mut World, connection: ConnectionId) -> Vec<String> {
    let line = |notice| {
        let Notice::NetworkQuality(quality) = notice else {
            panic!("{notice:?} is no quality");
        };
        let users = quality.users.iter();
        let users = users.map(|user| format!("{} {} {}", user.user_id, i8::from(user.up), i8::from(user.down)));
        users.collect::<Vec<_>>().join(", ")
    };
    world.notices(connection).into_iter().map(line).collect()
}

fn quality(up: QualityGrade, down: QualityGrade) -> ReportQuality {
    ReportQuality { up, down }
}

#[test]
fn barrage_messages_of_200_ms_come_together_without_ones_own() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let carol = world.login("carol", "r");
    let stranger = world.login("dave", "elsewhere");
    let first = world.ask(alice.connection, barrage("a")).unwrap().message_id;
    world.pass(Duration::from_millis(199));
    let second = world.ask(bob.connection, barrage("b")).unwrap().message_id;
    assert_ne!(first, second);
    assert!(world.notices(carol.connection).is_empty(), "not yet");
    world.pass(Duration::from_millis(1));
    assert_eq!(barrages(&mut world, carol.connection), ["alice: a, bob: b"]);
    assert_eq!(barrages(&mut world, alice.connection), ["bob: b"]);
    assert_eq!(barrages(&mut world, bob.connection), ["alice: a"]);
    assert_eq!(barrages(&mut world, stranger.connection), [""; 0]);
    world.pass_s(1);
    assert_eq!(barrages(&mut world, carol.connection), [""; 0], "each comes once");
}

#[test]
fn who_alone_has_sent_something_hears_nothing() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(world.code(alice.connection, barrage("a")), 0);
    world.pass(GATHER);
    assert!(world.notices(alice.connection).is_empty());
    assert_eq!(barrages(&mut world, bob.connection), ["alice: a"]);
    assert_eq!(world.state.counters().notices, 1);
}

#[test]
fn barrage_messages_are_for_those_who_are_connected_and_cost_no_number() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let seq = bob.ok.snapshot.seq;
    world.lose(bob.connection);
    assert_eq!(world.code(alice.connection, barrage("a")), 0);
    world.pass(GATHER);
    let (back, answer) = world.resume(&bob, seq);
    assert!(answer.unwrap().missed.unwrap().is_empty());
    assert!(world.notices(back).is_empty());
    assert_eq!(world.code(alice.connection, barrage("b")), 0);
    world.pass(GATHER);
    assert_eq!(barrages(&mut world, back), ["alice: b"]);
}

#[test]
fn a_hundred_barrage_messages_wait_and_what_is_beyond_is_lost_and_counted() {
    let mut world = World::with(|config| config.limits.barrage_per_room_per_s = 0);
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    for number in 0..103 {
        assert_eq!(world.code(alice.connection, barrage(&number.to_string())), 0);
    }
    world.pass(GATHER);
    let [Notice::BarrageMessage(heard)] = &world.notices(bob.connection)[..] else {
        panic!("one notice");
    };
    assert_eq!((heard.messages.len(), heard.messages[99].message.as_str()), (100, "99"));
    let counters = world.state.counters();
    assert_eq!((counters.barrage_messages, counters.barrage_messages_dropped), (103, 3));
}

#[test]
fn what_a_room_has_gathered_ends_with_it() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    assert_eq!(world.code(alice.connection, barrage("a")), 0);
    assert_eq!(world.code(alice.connection, Logout {}), 0);
    let bob = world.login("bob", "r");
    world.pass(GATHER);
    assert!(world.notices(bob.connection).is_empty(), "this is another life of the room");
}

#[test]
fn a_quality_report_reaches_those_in_the_room_who_play_a_stream_of_the_user() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let idle = world.login("carol", "r");
    let elsewhere = world.login("dave", "elsewhere");
    world.publish(alice.connection, "s1");
    world.publish(alice.connection, "s2");
    for listener in [&bob, &elsewhere] {
        world.play(listener.connection, "s1");
        world.play(listener.connection, "s2");
    }
    assert_eq!(
        world.code(alice.connection, quality(QualityGrade::Excellent, QualityGrade::Unknown)),
        0
    );
    world.pass(GATHER);
    assert_eq!(qualities(&mut world, bob.connection), ["alice 0 -1"]);
    for other in [&alice, &idle, &elsewhere] {
        assert!(world.notices(other.connection).is_empty());
    }
}

#[test]
fn reports_of_200_ms_come_together_the_newest_of_each_user() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let carol = world.login("carol", "r");
    world.publish(alice.connection, "a");
    world.publish(bob.connection, "b");
    world.play(alice.connection, "b");
    for stream in ["a", "b"] {
        world.play(carol.connection, stream);
    }
    assert_eq!(
        world.code(alice.connection, quality(QualityGrade::Excellent, QualityGrade::Good)),
        0
    );
    assert_eq!(
        world.code(bob.connection, quality(QualityGrade::Die, QualityGrade::Unknown)),
        0
    );
    assert_eq!(
        world.code(alice.connection, quality(QualityGrade::Bad, QualityGrade::Medium)),
        0
    );
    world.pass(GATHER);
    assert_eq!(qualities(&mut world, carol.connection), ["alice 3 2, bob 4 -1"]);
    assert_eq!(qualities(&mut world, alice.connection), ["bob 4 -1"]);
    assert!(world.notices(bob.connection).is_empty());
    assert_eq!(world.state.counters().quality_reports, 3);
}

#[test]
fn a_report_of_who_publishes_nothing_or_has_left_reaches_nobody() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(
        world.code(bob.connection, quality(QualityGrade::Unknown, QualityGrade::Good)),
        0
    );
    world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    assert_eq!(
        world.code(alice.connection, quality(QualityGrade::Good, QualityGrade::Unknown)),
        0
    );
    assert_eq!(world.code(alice.connection, Logout {}), 0);
    world.pass(GATHER);
    assert!(world.notices(bob.connection).is_empty());
    assert_eq!(world.state.counters().notices, 0);
}
