//! loginRoom, logoutRoom, and who hears of it.

use express_messages::ids::UserId;
use express_signalling::protocol::{Heartbeat, Login, Logout};

use super::words::*;
use super::world::*;

#[test]
fn a_login_is_answered_with_the_contract_of_the_session() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let ok = &alice.ok;
    assert_eq!((ok.version, ok.heartbeat_ms, ok.heartbeat_timeout_ms), (1, 30_000, 100_000));
    assert_eq!((ok.token_expires_in_ms, ok.server_time_ms), (86_400_000, world.at().unix_ms));
    assert_eq!((ok.online_count, ok.snapshot.seq), (1, 0));
    assert!((1..1 << 53).contains(&ok.room_session_id));
    assert_eq!((ok.session.len(), ok.secret.len()), (32, 64));
}

#[test]
fn a_newcomer_sees_the_other_users_and_their_streams_in_their_order() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let carol = world.login("carol", "r");
    world.publish(carol.connection, "c1");
    world.publish(alice.connection, "a1");
    let bob = world.login("bob", "r");
    let users: Vec<_> = bob.ok.snapshot.users.iter().map(|user| user.user_id.as_str()).collect();
    let streams: Vec<_> = bob
        .ok
        .snapshot
        .streams
        .iter()
        .map(|stream| stream.stream.stream_id.as_str())
        .collect();
    assert_eq!((users, streams), (vec!["alice", "carol"], vec!["c1", "a1"]));
    assert_eq!((bob.ok.online_count, bob.ok.snapshot.seq), (3, 0));
    assert_eq!(bob.ok.snapshot.streams[0].stream.user.user_name, "carol");
}

#[test]
fn users_come_and_go_only_for_those_who_want_to_know_and_nobody_hears_of_oneself() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let mut quiet = world.login_request("bob", "r");
    quiet.user_update = false;
    let bob = world.login_with(quiet).unwrap();
    assert!(bob.ok.snapshot.users.is_empty());
    let carol = world.login("carol", "r");
    assert_eq!(world.code(carol.connection, Logout {}), 0);
    assert_eq!(world.news(alice.connection), ["+bob", "+carol", "-carol"]);
    assert!(world.news(bob.connection).is_empty() && world.news(carol.connection).is_empty());
}

#[test]
fn rooms_and_app_ids_do_not_hear_each_other() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.login("bob", "other");
    let mut elsewhere = world.login_request("carol", "r");
    elsewhere.app_id = STRICT_APP;
    elsewhere.token = world.token_for(STRICT_APP, "carol", 60, None);
    let carol = world.login_with(elsewhere).unwrap();
    world.publish(carol.connection, "s");
    assert!(world.news(alice.connection).is_empty());
    assert_eq!(world.code(alice.connection, play("s")), 1104039);
}

#[test]
fn a_logout_is_answered_then_the_socket_closes_and_streams_go_before_the_user() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "s");
    world.news(alice.connection);
    assert_eq!(world.code(bob.connection, Logout {}), 0);
    assert_eq!(world.closed(bob.connection), Some(1000));
    assert_eq!(world.news(alice.connection), ["-s:1", "-bob"]);
    assert!(world.media_peers().is_empty());
}

#[test]
fn a_room_lives_while_somebody_is_in_and_each_life_has_a_name_of_its_own() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    assert_eq!(alice.ok.room_session_id, bob.ok.room_session_id);
    for client in [&alice, &bob] {
        assert_eq!(world.state.counters().rooms, 1);
        assert_eq!(world.code(client.connection, Logout {}), 0);
    }
    assert_eq!((world.state.counters().rooms, world.state.counters().sessions), (0, 0));
    let carol = world.login("carol", "r");
    assert_ne!(carol.ok.room_session_id, alice.ok.room_session_id);
}

#[test]
fn a_login_that_breaks_a_rule_is_refused_with_its_code_and_without_a_retry() {
    type Change = fn(&World, &mut Login);
    let table: [(&str, i32, Change); 12] = [
        ("no common version", 1100001, |_, login| login.versions = vec![2, 3]),
        ("no version", 1100001, |_, login| login.versions.clear()),
        ("unknown AppID", 1001004, |_, login| login.app_id = 99),
        ("no token", 1102016, |_, login| login.token.clear()),
        ("forged token", 1102016, |_, login| login.token.replace_range(60..61, "!")),
        ("token of another user", 1102016, |world, login| {
            login.token = world.token("mallory")
        }),
        ("token of another AppID", 1102016, |world, login| {
            login.token = world.token_for(STRICT_APP, "alice", 60, None)
        }),
        ("token for another room", 1102016, |world, login| {
            login.token = world.token_for(APP, "alice", 60, Some(privileges("other", true, true, None)));
        }),
        ("token without the right to log in", 1102016, |world, login| {
            login.token = world.token_for(APP, "alice", 60, Some(privileges("r", false, true, None)));
        }),
        ("token that lives too long", 1102016, |world, login| {
            login.token = world.token_for(APP, "alice", 31 * 86_400 + 1, None);
        }),
        ("token that is far too large", 1102016, |_, login| {
            login.token = "04".repeat(30_000)
        }),
        ("name over 256 bytes", 1002010, |_, login| login.user_name = "n".repeat(257)),
    ];
    for (what, code, change) in table {
        let mut world = World::new();
        let mut request = world.login_request("alice", "r");
        change(&world, &mut request);
        let refusal = world.login_with(request).unwrap_err();
        assert_eq!((refusal.code, refusal.retry), (code, None), "{what}: {}", refusal.message);
        assert_eq!(world.state.counters().rooms, 0, "{what}");
        assert_eq!(world.state.counters().refused[&code], 1, "{what}");
    }
}

#[test]
fn an_expired_token_is_told_so_and_a_bad_one_only_that_it_is_bad() {
    let mut world = World::new();
    let mut request = world.login_request("alice", "r");
    request.token = world.token_for(APP, "alice", 60, None);
    world.pass_s(59);
    let mut late = request.clone();
    assert!(world.login_with(request).is_ok());
    world.pass_s(1);
    let refusal = world.login_with(late.clone()).unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (1102018, "token expired"));
    late.user_id = UserId::new("bob").unwrap();
    let refusal = world.login_with(late).unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (1102016, "token rejected"));
}

#[test]
fn before_the_login_nothing_else_works_and_after_it_no_second_one() {
    let mut world = World::new();
    let socket = world.open();
    assert_eq!(world.code(socket, Heartbeat {}), 1000002);
    assert_eq!(world.code(socket, Logout {}), 1000002);
    assert_eq!(world.code(socket, publish("s")), 1000002);
    assert_eq!(world.code(socket, play("s")), 1000002);
    let login = world.login_request("alice", "r");
    assert_eq!(world.code(socket, login.clone()), 0);
    assert_eq!(world.code(socket, login), 1102015);
    assert_eq!(world.code(socket, Heartbeat {}), 0);
}

#[test]
fn a_refused_login_may_be_tried_again_on_the_same_socket() {
    let mut world = World::new();
    let socket = world.open();
    let mut bad = world.login_request("alice", "r");
    bad.token.clear();
    assert_eq!(world.code(socket, bad), 1102016);
    let good = world.login_request("alice", "r");
    assert_eq!(world.code(socket, good), 0);
}

#[test]
fn the_first_limit_of_a_room_counts_and_later_ones_do_not() {
    let mut world = World::new();
    let mut first = world.login_request("alice", "r");
    first.max_member_count = 2;
    world.login_with(first).unwrap();
    let mut second = world.login_request("bob", "r");
    second.max_member_count = 9;
    let bob = world.login_with(second).unwrap();
    let third = world.login_request("carol", "r");
    let refusal = world.login_with(third.clone()).unwrap_err();
    assert_eq!((refusal.code, refusal.retry), (1002034, None));
    // Who is in may come again, and who leaves makes room.
    let bob_again = world.login("bob", "r");
    assert_eq!(world.closed(bob.connection), Some(1000));
    assert_eq!(world.code(bob_again.connection, Logout {}), 0);
    assert!(world.login_with(third).is_ok());
}

#[test]
fn the_later_login_wins_and_the_earlier_client_is_told_why() {
    let mut world = World::new();
    let watcher = world.login("watcher", "r");
    let first = world.login("alice", "r");
    world.publish(first.connection, "s");
    assert_eq!(world.news(watcher.connection), ["+alice", "+s"]);
    let second = world.login("alice", "r");
    assert_eq!(world.news(first.connection), ["kick:1002050"]);
    assert_eq!(world.closed(first.connection), Some(1000));
    // The user stays in the room; only the stream went.
    assert_eq!(world.news(watcher.connection), ["-s:3"]);
    assert!(world.media_peers().is_empty());
    assert_eq!(second.ok.online_count, 2);
    let late = world.send(first.connection, Heartbeat {});
    assert!(
        !world.sockets[&first.connection].replies.contains_key(&late),
        "a closing socket is not served"
    );
    world.publish(second.connection, "s");
    assert_eq!(world.news(watcher.connection), ["+s"]);
}

#[test]
fn where_a_double_login_is_refused_the_first_client_stays_as_long_as_it_has_a_connection() {
    let mut world = World::new();
    let request = |world: &World, room: &str| Login {
        app_id: ONE_ROOM_APP,
        token: world.token_for(ONE_ROOM_APP, "alice", 60, None),
        ..world.login_request("alice", room)
    };
    let login = request(&world, "r");
    let first = world.login_with(login.clone()).unwrap();
    for room in ["r", "another"] {
        let newcomer = request(&world, room);
        assert_eq!(world.login_with(newcomer).unwrap_err().code, 1002086);
    }
    assert_eq!((world.news(first.connection), world.closed(first.connection)), (vec![], None));
    world.close(first.connection);
    assert!(world.login_with(login).is_ok(), "nobody is shut out by a client that is away");
}

#[test]
fn a_login_to_another_room_takes_the_user_out_of_the_first() {
    let mut world = World::new();
    let here = world.login("here", "r1");
    let there = world.login("there", "r2");
    let first = world.login("alice", "r1");
    world.publish(first.connection, "s");
    world.news(here.connection);
    world.login("alice", "r2");
    assert_eq!(world.news(here.connection), ["-s:3", "-alice"]);
    assert_eq!(world.news(there.connection), ["+alice"]);
    assert_eq!(world.news(first.connection), ["kick:1002050"]);
}

#[test]
fn a_login_under_a_new_name_shows_the_new_name() {
    let mut world = World::new();
    let watcher = world.login("watcher", "r");
    world.login("alice", "r");
    world.news(watcher.connection);
    let mut renamed = world.login_request("alice", "r");
    renamed.user_name = "Alice".into();
    world.login_with(renamed).unwrap();
    assert_eq!(world.news(watcher.connection), ["-alice", "+alice"]);
}

#[test]
fn a_kicked_client_that_comes_back_learns_that_it_was_kicked_and_does_not_kick_in_turn() {
    let mut world = World::new();
    let first = world.login("alice", "r");
    world.lose(first.connection);
    let second = world.login("alice", "r");
    let (_, answer) = world.resume(&first, 0);
    assert_eq!(answer.unwrap_err().code, 1002050);
    assert_eq!(world.code(second.connection, Heartbeat {}), 0);
    let guess = Client {
        secret: "guess".into(),
        ..first
    };
    assert_eq!(world.resume(&guess, 0).1.unwrap_err().code, 1002051);
}

#[test]
fn a_silent_client_is_gone_after_100_s_and_until_then_nobody_notices() {
    let mut world = World::new();
    let watcher = world.login("watcher", "r");
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    world.news(watcher.connection);
    world.close(alice.connection);
    world.pass_with_heartbeats(99, &[watcher.connection]);
    assert!(world.news(watcher.connection).is_empty());
    let newcomer = world.login("newcomer", "r");
    assert_eq!(newcomer.ok.snapshot.streams.len(), 1);
    world.pass_with_heartbeats(1, &[watcher.connection]);
    assert_eq!(world.news(watcher.connection), ["+newcomer", "-s:2", "-alice"]);
    assert_eq!(world.state.counters().heartbeat_timeouts, 1);
    assert_eq!(world.resume(&alice, 0).1.unwrap_err().code, 1002051);
}

#[test]
fn an_open_socket_without_heartbeats_is_no_sign_of_life() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.pass_s(50);
    assert_eq!(world.code(alice.connection, Heartbeat {}), 0);
    world.pass_s(99);
    assert_eq!(world.closed(alice.connection), None);
    world.pass_s(1);
    assert_eq!(world.closed(alice.connection), Some(1008));
    assert_eq!(world.state.counters().sessions, 0);
}

#[test]
fn the_time_of_a_silent_client_counts_from_its_last_sign_of_life() {
    for (by_peer, left) in [(true, 100), (false, 60)] {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        world.pass_s(40);
        match by_peer {
            true => world.close(alice.connection),
            false => world.lose(alice.connection),
        }
        world.pass_s(left - 1);
        assert_eq!(world.state.counters().sessions, 1);
        world.pass_s(1);
        assert_eq!(world.state.counters().sessions, 0);
    }
}

#[test]
fn who_leaves_the_page_is_gone_for_the_others_at_once() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(bob.connection, "s");
    world.news(alice.connection);
    world.leave_page(bob.connection);
    assert_eq!(world.news(alice.connection), ["-s:1", "-bob"]);
    assert!(world.media_peers().is_empty());
    assert_eq!((world.state.counters().logouts, world.state.counters().sessions), (1, 1));
}

#[test]
fn a_heartbeat_tells_where_the_session_stands() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.login("bob", "r");
    world.pass_s(20);
    let ok = world.ask(alice.connection, Heartbeat {}).unwrap();
    assert_eq!((ok.seq, ok.heartbeat_ms, ok.online_count), (1, 30_000, 2));
    assert_eq!(ok.token_expires_in_ms, 86_380_000);
}
