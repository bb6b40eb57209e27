//! Limits, rates, and sockets that misbehave.

use std::time::Duration;

use express_signalling::protocol::{Heartbeat, Logout, MediaPorts};

use super::words::*;
use super::world::*;
use crate::rooms::{ConnectionId, SocketEnd};

#[test]
fn a_room_takes_200_logins_a_second_and_then_says_when() {
    let mut world = World::new();
    for number in 0..200 {
        world.login(&format!("u{number}"), "r");
    }
    let request = world.login_request("late", "r");
    let refusal = world.login_with(request.clone()).unwrap_err();
    assert_eq!((refusal.code, refusal.retry.unwrap().after_ms), (1002073, 5));
    world.login("elsewhere", "other");
    world.pass(Duration::from_millis(5));
    assert!(world.login_with(request).is_ok());
}

#[test]
fn strangers_cannot_use_up_the_logins_of_a_room() {
    let mut world = World::with(|config| config.limits.logins_per_room_per_s = 2);
    world.login("alice", "r");
    for _ in 0..3 {
        let mut forged = world.login_request("mallory", "r");
        forged.token.clear();
        assert_eq!(world.login_with(forged).unwrap_err().code, 1102016);
    }
    world.login("bob", "r");
}

#[test]
fn each_limit_holds_and_a_place_that_is_freed_can_be_taken() {
    let mut world = World::with(|config| config.limits.users_per_room = 2);
    let alice = world.login("alice", "r");
    world.login("bob", "r");
    let carol = world.login_request("carol", "r");
    assert_eq!(world.login_with(carol.clone()).unwrap_err().code, 1002034);
    assert_eq!(world.code(alice.connection, Logout {}), 0);
    assert!(world.login_with(carol).is_ok());

    for (what, set) in [
        (
            "sessions",
            (|config| config.limits.sessions_per_app = 1) as fn(&mut crate::config::ServerConfig),
        ),
        ("rooms", |config| config.limits.rooms_per_app = 1),
    ] {
        let mut world = World::with(set);
        let alice = world.login("alice", "r");
        let bob = world.login_request("bob", "r2");
        let refusal = world.login_with(bob.clone()).unwrap_err();
        assert_eq!((refusal.code, refusal.retry.unwrap().after_ms), (1002099, 5000), "{what}");
        // The same user may come again even when all places are taken.
        let again = world.login("alice", "r");
        assert_eq!(world.closed(alice.connection), Some(1000));
        assert_eq!(world.code(again.connection, Logout {}), 0);
        assert!(world.login_with(bob).is_ok(), "{what}");
    }
}

#[test]
fn a_user_publishes_and_plays_only_so_many_streams() {
    let mut world = World::with(|config| {
        config.limits.streams_per_user = 2;
        config.limits.plays_per_user = 1;
    });
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s1");
    world.publish(alice.connection, "s2");
    assert_eq!(world.code(alice.connection, publish("s3")), 1003099);
    world.publish(alice.connection, "s2");
    let bob = world.login("bob", "r");
    world.play(bob.connection, "s1");
    assert_eq!(world.code(bob.connection, play("s2")), 1104045);
    world.play(bob.connection, "s1");
    assert_eq!(world.code(alice.connection, unpublish("s1")), 0);
    world.publish(alice.connection, "s3");
    world.play(bob.connection, "s3");
}

#[test]
fn a_socket_may_ask_only_so_often_and_is_told_when_to_go_on() {
    let mut world = World::with(|config| {
        config.limits.requests_per_s = 10;
        config.limits.request_burst = 5;
    });
    let alice = world.login("alice", "r");
    for _ in 0..4 {
        assert_eq!(world.code(alice.connection, Heartbeat {}), 0);
    }
    let refusal = world.ask(alice.connection, Heartbeat {}).unwrap_err();
    assert_eq!((refusal.code, refusal.retry.unwrap().after_ms), (1002073, 100));
    // Rounded up: who comes when told to is not too early.
    world.pass(Duration::from_micros(300));
    let refusal = world.ask(alice.connection, Heartbeat {}).unwrap_err();
    assert_eq!(refusal.retry.unwrap().after_ms, 100);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.code(alice.connection, Heartbeat {}), 0);
}

#[test]
fn who_floods_is_answered_then_shown_the_door_and_may_resume() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let mut answered = 0;
    for _ in 0..1000 {
        let id = world.send(alice.connection, Heartbeat {});
        answered += usize::from(world.answer::<Heartbeat>(alice.connection, id).is_some());
    }
    assert_eq!(world.closed(alice.connection), Some(1008));
    // 199 after the login are served, 20 refused, and the next one is the last.
    assert_eq!(answered, 199 + 21);
    // What it says behind its back does not count, however much it would be heard otherwise.
    world.pass_s(60);
    world.send(alice.connection, Logout {});
    world.close(alice.connection);
    assert!(world.resume(&alice, 0).1.is_ok());
}

#[test]
fn a_frame_that_cannot_be_read_is_refused_and_the_session_goes_on() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.bad_frame(alice.connection, Some(77));
    let refusal = world.answer::<Heartbeat>(alice.connection, 77).unwrap().unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str(), refusal.retry),
        (1100001, "bad", None)
    );
    assert_eq!(world.code(alice.connection, Heartbeat {}), 0);
}

#[test]
fn a_frame_that_cannot_even_be_answered_closes_the_socket_and_the_session_goes_on() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.bad_frame(alice.connection, None);
    assert_eq!(world.closed(alice.connection), Some(1007));
    assert_eq!(world.state.counters().refused[&1102011], 1);
    world.close(alice.connection);
    assert!(world.resume(&alice, 0).1.is_ok());
}

#[test]
fn guessing_tokens_ends_after_a_few_guesses() {
    let mut world = World::new();
    let socket = world.open();
    let mut forged = world.login_request("alice", "r");
    forged.token = "04AAAA".into();
    let mut guesses = 0;
    while world.closed(socket).is_none() {
        guesses += 1;
        assert_eq!(world.code(socket, forged.clone()), 1102016);
    }
    assert_eq!(guesses, 5);
}

#[test]
fn a_socket_that_does_not_log_in_is_closed() {
    let mut world = World::new();
    let socket = world.open();
    world.pass(Duration::from_millis(9_999));
    assert_eq!(world.closed(socket), None);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.closed(socket), Some(1008));
    assert_eq!(world.state.counters().closed_for_conduct, 1);
}

#[test]
fn who_has_not_logged_in_is_told_the_media_ports_and_has_to_log_in_in_time_nevertheless() {
    let mut world = World::new();
    let socket = world.open();
    world.pass_s(9);
    assert_eq!(world.ask(socket, MediaPorts {}).unwrap(), ports());
    world.pass_s(1);
    assert_eq!(world.closed(socket), Some(1008));
    let alice = world.login("alice", "r");
    assert_eq!(world.ask(alice.connection, MediaPorts {}).unwrap(), ports());
}

#[test]
fn a_logged_in_socket_has_no_such_deadline() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.pass_s(60);
    assert_eq!(world.closed(alice.connection), None);
}

#[test]
fn a_server_that_stops_sends_everybody_away_and_takes_nobody() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let idle = world.open();
    for effect in world.state.drain() {
        let crate::rooms::Effect::Close { connection, reason } = effect else {
            panic!("{effect:?}");
        };
        assert_eq!(reason.code, 1012);
        assert!([alice.connection, idle].contains(&connection));
        world.sockets.get_mut(&connection).unwrap().closed = Some(reason.code);
    }
    let late = world.open();
    assert_eq!(world.closed(late), Some(1012));
}

#[test]
fn what_unknown_sockets_say_is_ignored() {
    let mut world = World::new();
    let now = world.at();
    let stranger = ConnectionId(99);
    assert!(world.state.on_request(now, stranger, 1, Heartbeat {}.into()).is_empty());
    assert!(world.state.on_closed(now, stranger, SocketEnd::Closed).is_empty());
    world.state.on_slow_reader(stranger);
    assert_eq!(world.state.counters().slow_readers, 0);
}

#[test]
fn a_slow_reader_is_counted_once_and_may_resume() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.state.on_slow_reader(alice.connection);
    world.state.on_slow_reader(alice.connection);
    assert_eq!(world.state.counters().slow_readers, 1);
    world.lose(alice.connection);
    world.login("bob", "r");
    assert_eq!(world.resume(&alice, 0).1.unwrap().missed.unwrap().len(), 1);
}
