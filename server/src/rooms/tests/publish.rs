//! Who owns a streamID, and when others see the stream.

use express_signalling::protocol::{Logout, MAX_SDP, Publish};

use super::words::*;
use super::world::*;
use crate::forwarder::{GoneReason, NegotiateError};

#[test]
fn a_stream_is_announced_when_its_media_is_connected_and_not_before() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let mut request = publish("s");
    request.extra_info = "x".repeat(1024);
    let answer = world.ask(alice.connection, request).unwrap();
    assert_eq!(answer.answer, "answer to offer");
    assert!(world.news(bob.connection).is_empty());
    assert_eq!(world.code(bob.connection, play("s")), 1104039);
    let peer = world.last_peer();
    world.connected(peer);
    assert_eq!(world.news(bob.connection), ["+s"]);
    assert_eq!(world.news(alice.connection), ["+bob"]);
    let carol = world.login("carol", "r");
    assert_eq!(carol.ok.snapshot.streams[0].stream.extra_info.len(), 1024);
}

#[test]
fn a_stream_id_has_one_owner_in_the_whole_app_id() {
    let mut world = World::new();
    let alice = world.login("alice", "r1");
    let bob = world.login("bob", "r2");
    world.publish(alice.connection, "s");
    let refusal = world.ask(bob.connection, publish("s")).unwrap_err();
    assert_eq!((refusal.code, refusal.retry), (1003028, None));
    // The same id of another AppID is another stream.
    let mut elsewhere = world.login_request("bob", "r2");
    elsewhere.app_id = STRICT_APP;
    elsewhere.token = world.token_for(STRICT_APP, "bob", 60, None);
    let stranger = world.login_with(elsewhere).unwrap();
    world.publish(stranger.connection, "s");
    assert_eq!(world.state.counters().streams, 2);
}

#[test]
fn a_stream_that_is_being_connected_is_owned_already() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    assert_eq!(world.code(bob.connection, publish("s")), 1003028);
    world.hold = true;
    world.send(alice.connection, publish("t"));
    assert_eq!(world.code(bob.connection, publish("t")), 1003028);
}

#[test]
fn an_unpublished_stream_is_gone_for_all_and_free_for_others() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    world.news(bob.connection);
    assert_eq!(world.code(alice.connection, unpublish("s")), 0);
    assert_eq!(world.news(bob.connection), ["-s:1", "ended s:play:1004020"]);
    assert!(world.media_peers().is_empty());
    world.publish(bob.connection, "s");
    assert_eq!(world.news(alice.connection), ["+bob", "+s"]);
}

#[test]
fn what_is_not_there_or_not_ones_own_is_not_unpublished() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(bob.connection, unpublish("s")), 0);
    assert_eq!(world.code(bob.connection, unpublish("none")), 0);
    assert_eq!(world.state.counters().streams, 1);
}

#[test]
fn publishing_again_replaces_the_media_and_nobody_notices() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let first = world.publish(alice.connection, "s");
    let player = world.play(bob.connection, "s");
    world.news(bob.connection);
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    let second = world.last_peer();
    // The old media serves until the new one is connected.
    assert_eq!(world.media_peers(), [first, player, second].into());
    assert_eq!(world.peers[&first].0, world.peers[&second].0, "players stay on the same key");
    world.connected(second);
    assert_eq!(world.media_peers(), [player, second].into());
    assert!(world.news(bob.connection).is_empty());
    assert_eq!(world.state.counters().republishes, 1);
}

#[test]
fn publishing_again_before_the_first_is_connected_drops_the_first() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    let first = world.last_peer();
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    let second = world.last_peer();
    assert_eq!(world.media_peers(), [second].into());
    world.connected(first);
    assert!(world.news(bob.connection).is_empty());
    world.connected(second);
    assert_eq!(world.news(bob.connection), ["+s"]);
}

#[test]
fn only_the_latest_of_two_questions_to_the_media_plane_counts() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.hold = true;
    let first = world.send(alice.connection, publish("s"));
    let second = world.send(alice.connection, publish("s"));
    world.release();
    assert_eq!(
        world.answer::<Publish>(alice.connection, first).unwrap().unwrap_err().code,
        1003099
    );
    assert!(world.media_peers().is_empty());
    world.release();
    assert!(world.answer::<Publish>(alice.connection, second).unwrap().is_ok());
    assert_eq!(world.media_peers().len(), 1);
}

#[test]
fn an_answer_for_a_session_that_ended_meanwhile_leaves_nothing_behind() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.hold = true;
    world.send(alice.connection, publish("s"));
    assert_eq!(world.code(alice.connection, Logout {}), 0);
    world.release();
    assert!(world.media_peers().is_empty());
    assert_eq!(world.state.counters().streams, 0);
}

#[test]
fn what_a_publisher_may_not_do_is_refused_with_its_code() {
    let listed = || Some(privileges("r", true, true, Some(&["mine"])));
    let table = [
        ("a stream that the token does not list", listed(), "other", 0, 5, 1002082),
        ("a listed stream", listed(), "mine", 0, 5, 0),
        (
            "a token without the right",
            Some(privileges("r", true, false, None)),
            "s",
            0,
            5,
            1002082,
        ),
        ("a basic token", None, "s", 0, 5, 0),
        ("too much extraInfo", None, "s", 1025, 5, 1003051),
        ("an offer that is too large", None, "s", 0, MAX_SDP + 1, 1103001),
    ];
    for (what, privileges, stream_id, extra_info, offer, code) in table {
        let mut world = World::new();
        let mut login = world.login_request("alice", "r");
        login.token = world.token_for(APP, "alice", 60, privileges);
        let alice = world.login_with(login).unwrap();
        let request = Publish {
            stream_id: stream(stream_id),
            offer: "o".repeat(offer),
            extra_info: "x".repeat(extra_info),
            muted: false,
        };
        assert_eq!(world.code(alice.connection, request), code, "{what}");
        assert_eq!(world.state.counters().streams, usize::from(code == 0), "{what}");
    }
}

#[test]
fn an_expired_token_publishes_no_more_and_what_runs_goes_on() {
    let mut world = World::new();
    let mut login = world.login_request("alice", "r");
    login.token = world.token_for(APP, "alice", 60, None);
    let alice = world.login_with(login).unwrap();
    let peer = world.publish(alice.connection, "s");
    world.pass_with_heartbeats(60, &[alice.connection]);
    assert_eq!(world.code(alice.connection, publish("t")), 1102018);
    assert_eq!(world.code(alice.connection, publish("s")), 1102018);
    assert_eq!(world.media_peers(), [peer].into());
    assert_eq!(world.closed(alice.connection), None);
}

#[test]
fn an_offer_that_the_media_plane_refuses_leaves_no_stream() {
    type Refuse = fn() -> NegotiateError;
    let table: [(Refuse, i32, Option<u64>); 4] = [
        (|| NegotiateError::NoOpus, 1103022, None),
        (|| NegotiateError::TooManyPeers, 1003099, Some(1000)),
        (|| NegotiateError::Busy, 1003099, Some(1000)),
        (|| NegotiateError::Stopped, 1003099, None),
    ];
    for (refuse, code, after_ms) in table {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        world.refuse = Some(refuse);
        let refusal = world.ask(alice.connection, publish("s")).unwrap_err();
        assert_eq!((refusal.code, refusal.retry.map(|retry| retry.after_ms)), (code, after_ms));
        assert_eq!(world.state.counters().streams, 0);
        world.refuse = None;
        world.publish(alice.connection, "s");
    }
}

#[test]
fn a_refused_offer_does_not_hurt_the_media_that_runs() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let peer = world.publish(alice.connection, "s");
    world.news(bob.connection);
    world.refuse = Some(|| NegotiateError::NoAudio);
    assert_eq!(world.code(alice.connection, publish("s")), 1103022);
    assert_eq!(world.media_peers(), [peer].into());
    assert!(world.news(bob.connection).is_empty());
}

#[test]
fn a_user_who_crashed_takes_the_stream_back_and_others_see_it_go_and_come() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let crashed = world.login("alice", "r");
    let old = world.publish(crashed.connection, "s");
    world.play(bob.connection, "s");
    world.news(bob.connection);
    world.close(crashed.connection);
    world.pass_with_heartbeats(50, &[bob.connection]);
    let again = world.login("alice", "r");
    assert!(
        again.ok.snapshot.streams.is_empty(),
        "a user's own streams are not in its list"
    );
    assert!(world.news(bob.connection).is_empty(), "nobody noticed so far");
    assert_eq!(world.code(bob.connection, publish("s")), 1003028);
    assert_eq!(world.code(again.connection, publish("s")), 0);
    assert!(!world.media_peers().contains(&old));
    let new = world.last_peer();
    world.connected(new);
    assert_eq!(world.news(bob.connection), ["-s:3", "ended s:play:1004020", "+s"]);
    assert!(world.news(again.connection).is_empty());
    // The old deadline is none any more.
    world.pass_with_heartbeats(60, &[bob.connection, again.connection]);
    assert!(world.news(bob.connection).is_empty());
}

#[test]
fn what_a_crashed_user_does_not_take_back_goes_when_the_100_s_are_over() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let crashed = world.login("alice", "r");
    world.publish(crashed.connection, "s");
    world.news(bob.connection);
    world.close(crashed.connection);
    world.pass_with_heartbeats(50, &[bob.connection]);
    let again = world.login("alice", "r");
    world.pass_with_heartbeats(49, &[bob.connection, again.connection]);
    assert!(world.news(bob.connection).is_empty());
    world.pass_with_heartbeats(1, &[bob.connection, again.connection]);
    assert_eq!(world.news(bob.connection), ["-s:2"]);
    assert!(world.media_peers().is_empty());
    world.publish(bob.connection, "s");
}

#[test]
fn what_is_left_to_a_user_ends_when_the_user_leaves() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let crashed = world.login("alice", "r");
    world.publish(crashed.connection, "s");
    world.lose(crashed.connection);
    let again = world.login("alice", "r");
    world.news(bob.connection);
    assert_eq!(world.code(again.connection, Logout {}), 0);
    assert_eq!(world.news(bob.connection), ["-s:1", "-alice"]);
    assert_eq!(world.state.counters().streams, 0);
}

#[test]
fn a_crash_during_the_connecting_leaves_nothing_to_anybody() {
    let mut world = World::new();
    let crashed = world.login("alice", "r");
    assert_eq!(world.code(crashed.connection, publish("s")), 0);
    world.lose(crashed.connection);
    world.login("alice", "r");
    assert_eq!(world.state.counters().streams, 0);
    assert!(world.media_peers().is_empty());
}

#[test]
fn two_crashes_in_a_row_keep_every_stream_until_its_own_time() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let first = world.login("alice", "r");
    world.publish(first.connection, "s1");
    world.close(first.connection);
    world.pass_with_heartbeats(30, &[bob.connection]);
    let second = world.login("alice", "r");
    world.publish(second.connection, "s2");
    world.close(second.connection);
    world.pass_with_heartbeats(30, &[bob.connection]);
    let third = world.login("alice", "r");
    world.news(bob.connection);
    world.pass_with_heartbeats(40, &[bob.connection, third.connection]);
    assert_eq!(world.news(bob.connection), ["-s1:2"]);
    world.pass_with_heartbeats(30, &[bob.connection, third.connection]);
    assert_eq!(world.news(bob.connection), ["-s2:2"]);
}

#[test]
fn media_that_never_connects_frees_the_stream_and_tells_its_publisher_alone() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(world.code(alice.connection, publish("s")), 0);
    let peer = world.last_peer();
    world.gone(peer, GoneReason::NeverConnected);
    assert_eq!(world.news(alice.connection), ["+bob", "ended s:publish:1103028"]);
    assert!(world.news(bob.connection).is_empty());
    world.publish(bob.connection, "s");
}
