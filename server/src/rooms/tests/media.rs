//! Playing, and media connections that break.

use express_signalling::protocol::{Heartbeat, Logout, MAX_SDP, PausePlay, Play};

use super::hosted::refused;
use super::words::*;
use super::world::*;
use crate::forwarder::{ForwarderEvent, GoneReason, NegotiateError, PeerId};
use crate::rooms::HostFault;

#[test]
fn a_stream_of_any_room_of_the_app_id_can_be_played() {
    let mut world = World::new();
    let alice = world.login("alice", "r1");
    let bob = world.login("bob", "r2");
    let publisher = world.publish(alice.connection, "s");
    let answer = world.ask(bob.connection, play("s")).unwrap();
    assert_eq!(answer.answer, "answer to offer");
    let player = world.last_peer();
    assert_eq!((world.peers[&publisher].0, world.peers[&player].0, world.peers[&player].1), {
        let key = world.peers[&publisher].0;
        (key, key, false)
    });
    assert_eq!(world.code(alice.connection, unpublish("s")), 0);
    assert_eq!(world.news(bob.connection), ["ended s:play:1004020"]);
}

#[test]
fn where_an_app_id_says_so_a_stream_of_another_room_is_as_if_it_were_not_there() {
    let mut world = World::new();
    let mut login = |user: &str, room_id: &str| {
        let mut request = world.login_request(user, room_id);
        request.app_id = STRICT_APP;
        request.token = world.token_for(STRICT_APP, user, 60, None);
        world.login_with(request).unwrap()
    };
    let (alice, bob, carol) = (login("alice", "r1"), login("bob", "r2"), login("carol", "r1"));
    world.publish(alice.connection, "s");
    let refusal = world.ask(bob.connection, play("s")).unwrap_err();
    assert_eq!(
        refusal,
        world.ask(bob.connection, play("none")).unwrap_err(),
        "nobody learns that it is there"
    );
    assert_eq!((refusal.code, refusal.retry.is_some()), (1104039, true));
    let mut by_whep = world.host_request("dave", "r2", "s", false);
    by_whep.app_id = Some(STRICT_APP);
    by_whep.bearer = world.token_for(STRICT_APP, "dave", 60, None);
    assert_eq!(refused(world.post(by_whep).unwrap()), (HostFault::NotFound, 1104039));
    assert_eq!(world.code(carol.connection, play("s")), 0);
}

#[test]
fn a_missing_stream_is_worth_asking_again_in_a_second() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let refusal = world.ask(bob.connection, play("s")).unwrap_err();
    assert_eq!((refusal.code, refusal.retry.unwrap().after_ms), (1104039, 1000));
}

#[test]
fn what_a_player_may_not_do_is_refused_with_its_code() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    let huge = Play {
        stream_id: stream("s"),
        offer: "o".repeat(MAX_SDP + 1),
        loudest: None,
    };
    assert_eq!(world.code(alice.connection, huge), 1104001);
    let pause = |paused| PausePlay {
        stream_id: stream("s"),
        paused,
    };
    assert_eq!(world.code(alice.connection, pause(true)), 1104044);
    world.refuse = Some(|| NegotiateError::NoOpus);
    assert_eq!(world.code(alice.connection, play("s")), 1104022);
    assert_eq!(world.code(alice.connection, pause(true)), 1104044);
    world.refuse = Some(|| NegotiateError::Busy);
    let refusal = world.ask(alice.connection, play("s")).unwrap_err();
    assert_eq!((refusal.code, refusal.retry.unwrap().after_ms), (1004099, 1000));
}

#[test]
fn a_play_that_stops_ends_its_media_and_a_second_stop_is_no_error() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let publisher = world.publish(alice.connection, "s");
    let bob = world.login("bob", "r");
    world.play(bob.connection, "s");
    for _ in 0..2 {
        assert_eq!(world.code(bob.connection, stop_play("s")), 0);
        assert_eq!(world.media_peers(), [publisher].into());
    }
    assert!(world.news(bob.connection).is_empty());
}

#[test]
fn a_pause_reaches_the_media_plane_and_survives_playing_again() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    let bob = world.login("bob", "r");
    let first = world.play(bob.connection, "s");
    let pause = |paused| PausePlay {
        stream_id: stream("s"),
        paused,
    };
    assert_eq!(world.code(bob.connection, pause(true)), 0);
    assert!(world.paused[&first]);
    let second = world.play(bob.connection, "s");
    assert!(world.paused[&second]);
    assert!(!world.media_peers().contains(&first));
    assert_eq!(world.code(bob.connection, pause(false)), 0);
    assert!(!world.paused[&second]);
    // A play that was stopped is forgotten with its pause.
    assert_eq!(world.code(bob.connection, pause(true)), 0);
    assert_eq!(world.code(bob.connection, stop_play("s")), 0);
    let third = world.play(bob.connection, "s");
    assert!(!world.paused.contains_key(&third));
}

#[test]
fn a_player_whose_media_broke_is_told_and_may_play_again() {
    for (reason, code) in [(GoneReason::ConsentLost, 1104027), (GoneReason::NeverConnected, 1104028)] {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        world.publish(alice.connection, "s");
        let bob = world.login("bob", "r");
        let peer = world.play(bob.connection, "s");
        world.gone(peer, reason);
        assert_eq!(world.news(bob.connection), [format!("ended s:play:{code}")]);
        world.play(bob.connection, "s");
    }
}

#[test]
fn the_end_of_media_that_was_replaced_means_nothing() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let old = world.publish(alice.connection, "s");
    world.publish(alice.connection, "s");
    let old_player = world.play(bob.connection, "s");
    world.play(bob.connection, "s");
    world.news(bob.connection);
    let before = world.media_peers();
    for peer in [old, old_player, PeerId(999)] {
        world.gone(peer, GoneReason::ConsentLost);
        let effects = world.state.on_media(world.at(), ForwarderEvent::Connected { peer });
        assert!(effects.is_empty());
    }
    world.pass_with_heartbeats(60, &[alice.connection, bob.connection]);
    assert!(world.news(bob.connection).is_empty());
    assert_eq!(world.media_peers(), before);
    assert_eq!(world.state.counters().late_media_events, 6);
}

#[test]
fn a_stream_whose_media_comes_back_in_time_was_never_away() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    world.news(bob.connection);
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(14, &[alice.connection, bob.connection]);
    world.play(bob.connection, "s");
    world.publish(alice.connection, "s");
    world.pass_with_heartbeats(60, &[alice.connection, bob.connection]);
    assert!(world.news(bob.connection).is_empty());
}

#[test]
fn a_stream_whose_media_does_not_come_back_ends_for_all() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    world.news(alice.connection);
    world.news(bob.connection);
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(15, &[alice.connection, bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:5", "ended s:play:1004020"]);
    assert_eq!(world.news(alice.connection), ["ended s:publish:1103027"]);
    assert_eq!((world.state.counters().streams, world.state.counters().streams_lost), (0, 1));
}

#[test]
fn the_media_of_a_silent_publisher_may_be_away_as_long_as_the_publisher() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.lose(alice.connection);
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(90, &[bob.connection]);
    let (back, answer) = world.resume(&alice, 0);
    assert_eq!(answer.unwrap().publishing, [stream("s")]);
    // From here it has the ordinary time.
    world.pass_with_heartbeats(14, &[back, bob.connection]);
    assert!(world.news(bob.connection).is_empty());
    world.pass_with_heartbeats(1, &[back, bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:5"]);
}

/// Alice publishes `s` and vanishes without a word: her socket stays half-open, and her media is given up after 15 s, and the
/// time of a stream without media is over now.
fn half_open() -> (World, Client, Client) {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.pass_with_heartbeats(15, &[bob.connection]);
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(15, &[bob.connection]);
    (world, alice, bob)
}

#[test]
fn a_publisher_that_vanishes_behind_a_half_open_socket_and_resumes_in_time_was_never_away() {
    let (mut world, alice, bob) = half_open();
    world.pass_with_heartbeats(69, &[bob.connection]);
    let (back, answer) = world.resume(&alice, 0);
    assert_eq!(answer.unwrap().publishing, [stream("s")]);
    world.pass_with_heartbeats(14, &[back, bob.connection]);
    world.publish(back, "s");
    world.pass_with_heartbeats(200, &[back, bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
}

#[test]
fn a_publisher_that_is_back_from_behind_a_half_open_socket_has_the_time_of_one_without_media() {
    for through_a_new_socket in [true, false] {
        let (mut world, alice, bob) = half_open();
        world.pass_with_heartbeats(60, &[bob.connection]);
        // What TCP repeats may get through after all.
        let back = match through_a_new_socket {
            true => world.resume(&alice, 0).0,
            false => alice.connection,
        };
        world.ask(back, Heartbeat {}).unwrap();
        world.pass_with_heartbeats(14, &[bob.connection]);
        assert_eq!(world.news(bob.connection), Vec::<String>::new());
        world.pass_with_heartbeats(1, &[bob.connection]);
        assert_eq!(world.news(bob.connection), ["-s:5"], "{through_a_new_socket}");
    }
}

#[test]
fn a_publisher_that_stays_away_behind_a_half_open_socket_goes_with_its_stream_when_its_session_ends() {
    let (mut world, _alice, bob) = half_open();
    world.pass_with_heartbeats(69, &[bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
    world.pass_with_heartbeats(1, &[bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:2", "-alice"]);
    assert_eq!((world.state.counters().streams, world.state.counters().streams_lost), (0, 0));
}

#[test]
fn a_half_open_socket_that_is_found_dead_leaves_the_stream_the_time_of_its_session() {
    let (mut world, alice, bob) = half_open();
    world.pass_with_heartbeats(20, &[bob.connection]);
    world.lose(alice.connection);
    world.pass_with_heartbeats(49, &[bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
    world.pass_with_heartbeats(1, &[bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:2", "-alice"]);
}

#[test]
fn a_user_who_logs_in_anew_while_the_old_socket_is_half_open_takes_the_stream_from_the_old_session() {
    let (mut world, _alice, bob) = half_open();
    world.pass_with_heartbeats(40, &[bob.connection]);
    let again = world.login("alice", "r");
    world.publish(again.connection, "s");
    world.pass_with_heartbeats(60, &[again.connection, bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:3", "+s"]);
}

#[test]
fn a_client_whose_media_alone_is_gone_keeps_the_stream_until_its_next_heartbeat_and_the_grace() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.pass_s(29);
    world.ask(alice.connection, Heartbeat {}).unwrap();
    world.pass_with_heartbeats(1, &[bob.connection]);
    world.gone(peer, GoneReason::ConsentLost);
    world.pass_with_heartbeats(29, &[bob.connection]);
    world.ask(alice.connection, Heartbeat {}).unwrap();
    world.pass_with_heartbeats(14, &[bob.connection]);
    assert_eq!(world.news(bob.connection), Vec::<String>::new());
    world.pass_with_heartbeats(1, &[bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:5"]);
    assert_eq!(world.news(alice.connection), ["+bob", "ended s:publish:1103027"]);
}

#[test]
fn a_second_try_that_fails_too_does_not_keep_a_stream_without_media_forever() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let first = world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.gone(first, GoneReason::ConsentLost);
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    let second = world.last_peer();
    world.pass_with_heartbeats(30, &[alice.connection, bob.connection]);
    assert!(world.news(bob.connection).is_empty(), "it is still connecting");
    world.gone(second, GoneReason::NeverConnected);
    world.pass_with_heartbeats(15, &[alice.connection, bob.connection]);
    assert_eq!(world.news(bob.connection), ["-s:5"]);
}

#[test]
fn a_player_who_leaves_takes_its_media_along() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let publisher = world.publish(alice.connection, "s");
    let bob = world.login("bob", "r");
    world.play(bob.connection, "s");
    world.play(bob.connection, "s");
    assert_eq!(world.code(bob.connection, Logout {}), 0);
    assert_eq!(world.media_peers(), [publisher].into());
    assert_eq!(world.state.counters().plays, 1);
}

#[test]
fn an_answer_for_a_play_that_was_stopped_meanwhile_leaves_nothing_behind() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let publisher = world.publish(alice.connection, "s");
    let bob = world.login("bob", "r");
    world.hold = true;
    let asked = world.send(bob.connection, play("s"));
    assert_eq!(world.code(bob.connection, stop_play("s")), 0);
    world.release();
    assert_eq!(
        world.answer::<Play>(bob.connection, asked).unwrap().unwrap_err().code,
        1004099
    );
    assert_eq!(world.media_peers(), [publisher].into());
}
