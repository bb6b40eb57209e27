//! What the server API says of rooms, sends to them, and forbids in them.

use std::time::Duration;

use express_messages::types::ZegoUser;
use express_signalling::protocol::{Event, Notice};

use super::kick::user;
use super::words::*;
use super::world::*;
use crate::rooms::admin::*;

fn list(descending: bool, limit: usize, after: Option<UserMarker>) -> ListUsers {
    ListUsers {
        room_id: room("r"),
        descending,
        limit,
        after,
    }
}

fn ids(page: &UserPage) -> Vec<&str> {
    page.users.iter().map(|user| user.user_id.as_str()).collect()
}

fn from(user_id: &str, message: &str) -> ServerBroadcast {
    ServerBroadcast {
        room_id: room("r"),
        from_user: ZegoUser {
            user_id: user(user_id),
            user_name: "The House".into(),
        },
        message: message.into(),
    }
}

fn to(users: &[&str], command: &str) -> ServerCommand {
    ServerCommand {
        room_id: room("r"),
        from_user: user("house"),
        to_users: users.iter().map(|id| user(id)).collect(),
        command: command.into(),
    }
}

fn order(stream_id: &str, sequence: i64) -> StreamOrder {
    StreamOrder {
        stream_id: stream(stream_id),
        sequence,
    }
}

fn rule(target: RuleTarget, login: bool, publish: bool) -> SetUserRule {
    SetUserRule {
        target,
        forbids: Forbids { login, publish },
        lasts: Duration::from_secs(60),
    }
}

#[test]
fn users_are_listed_page_by_page_in_the_order_of_their_logins_and_back() {
    let mut world = World::new();
    for id in ["c", "a", "b", "d"] {
        world.login(id, "r");
        world.pass_s(1);
    }
    let first = world.admin(list(false, 3, None)).unwrap();
    assert_eq!(ids(&first), ["c", "a", "b"]);
    let rest = world.admin(list(false, 3, first.next)).unwrap();
    assert_eq!((ids(&rest), &rest.next), (vec!["d"], &None));
    let last = world.admin(list(true, 3, None)).unwrap();
    assert_eq!(ids(&last), ["d", "b", "a"]);
    let rest = world.admin(list(true, 3, last.next)).unwrap();
    assert_eq!((ids(&rest), &rest.next), (vec!["c"], &None));
}

#[test]
fn users_rooms_and_streams_are_found_and_what_is_not_there_is_no_error() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let at = world.at().unix_ms;
    world.login("bob", "other");
    let find = FindUsers {
        room_id: room("r"),
        user_ids: vec![user("alice"), user("bob")],
    };
    let found = world.admin(find).unwrap();
    assert_eq!([found[0].login_ms, found[1].login_ms], [Some(at), None]);
    let count = CountUsers {
        room_ids: vec![room("r"), room("none")],
    };
    assert_eq!(world.admin(count).unwrap(), [(room("r"), 1), (room("none"), 0)]);
    let streams = |world: &mut World, id| world.admin(ListStreams { room_id: room(id) }).unwrap();
    assert!(streams(&mut world, "none").is_empty());
    world.pass_s(7);
    world.publish(alice.connection, "s");
    let listed = streams(&mut world, "r");
    assert_eq!(
        (listed.len(), listed[0].stream_id.as_str(), listed[0].created_ms),
        (1, "s", at + 7_000)
    );
}

#[test]
fn a_broadcast_of_the_server_reaches_all_but_the_user_in_whose_name_it_is_sent() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.news(alice.connection);
    let id = world.admin(from("alice", "hello")).unwrap();
    assert_eq!(world.news(bob.connection), ["alice to all: hello"]);
    assert!(world.news(alice.connection).is_empty());
    assert!(world.admin(from("house", "all")).unwrap() > id);
    assert_eq!(world.news(alice.connection), ["house to all: all"]);
    world.admin(ServerBarrage(from("house", "!"))).unwrap();
    world.pass_s(1);
    let notices = world.notices(bob.connection);
    assert!(matches!(&notices[..], [Notice::BarrageMessage(barrage)] if barrage.messages[0].message == "!"));
    let elsewhere = ServerBroadcast {
        room_id: room("none"),
        ..from("house", "x")
    };
    assert_eq!(world.admin(elsewhere.clone()), Err(AdminFault::NoRoom));
    assert_eq!(world.admin(ServerBarrage(elsewhere)), Err(AdminFault::NoRoom));
}

#[test]
fn a_command_of_the_server_reaches_whom_it_names_or_all_and_says_who_is_not_there() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.news(alice.connection);
    assert_eq!(world.admin(to(&["bob", "carol"], "x")), Ok(vec![user("carol")]));
    assert_eq!(world.news(bob.connection), ["house: x"]);
    assert!(world.news(alice.connection).is_empty());
    assert_eq!(world.admin(to(&["carol"], "x")), Err(AdminFault::NobodyThere));
    assert_eq!(world.admin(to(&[], "all")), Ok(vec![]));
    let event = world.sockets[&alice.connection].events.last().unwrap().event.clone();
    assert!(matches!(event, Event::CustomCommand(command) if command.command == "all"));
}

#[test]
fn who_is_banned_from_logging_in_stays_out_with_any_token_until_the_time_is_over() {
    let targets = [
        RuleTarget::User(user("alice")),
        RuleTarget::Room(room("r")),
        RuleTarget::UserInRoom(room("r"), user("alice")),
    ];
    for target in targets {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        world.admin(rule(target.clone(), true, false)).unwrap();
        assert!(world.news(alice.connection).is_empty(), "who is there stays");
        world.pass_s(59);
        let request = world.login_request("alice", "r");
        assert_eq!(world.login_with(request).unwrap_err().code, 1002066, "{target:?}");
        let by_whip = world.host("alice", "r", "s", true).unwrap().unwrap_err();
        assert_eq!(by_whip.error.code, 1002066);
        world.login("bob", "elsewhere");
        world.pass_s(1);
        world.login("alice", "r");
    }
}

#[test]
fn who_is_banned_from_publishing_publishes_on_and_nothing_new() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    world.admin(rule(RuleTarget::User(user("alice")), false, true)).unwrap();
    assert!(world.news(alice.connection).is_empty());
    assert_eq!(world.code(alice.connection, publish("new")), 1003025);
    let delete = DeleteUserRule {
        target: RuleTarget::User(user("alice")),
    };
    assert_eq!(world.admin(delete.clone()), Ok(()));
    assert_eq!(world.code(alice.connection, publish("new")), 0);
    assert_eq!(world.admin(delete), Err(AdminFault::NoRule));
    world.admin(rule(RuleTarget::User(user("bob")), false, true)).unwrap();
    let by_whip = world.host("bob", "r", "w", true).unwrap().unwrap_err();
    assert_eq!(by_whip.error.code, 1003025);
}

#[test]
fn an_app_id_has_its_own_rules_and_200_of_a_kind_at_most() {
    let mut world = World::new();
    for number in 0..200 {
        let target = RuleTarget::User(user(&format!("u{number}")));
        world.admin(rule(target, true, false)).unwrap();
    }
    let one_more = rule(RuleTarget::User(user("more")), true, false);
    assert_eq!(world.admin(one_more.clone()), Err(AdminFault::TooManyRules));
    let known = rule(RuleTarget::User(user("u1")), true, true);
    assert_eq!(world.admin(known), Ok(()), "a known one is replaced");
    assert_eq!(world.admin_of(STRICT_APP, one_more.clone()), Ok(()));
    assert_eq!(world.admin(rule(RuleTarget::Room(room("r")), true, false)), Ok(()));
    assert_eq!(world.admin(ListUserRules).unwrap().len(), 201);
    assert_eq!(world.admin_of(STRICT_APP, ListUserRules).unwrap().len(), 1);
    world.pass_s(60);
    assert_eq!(world.admin(one_more), Ok(()));
}

#[test]
fn a_forbidden_stream_ends_for_all_and_is_neither_published_nor_played_until_it_is_resumed() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.play(bob.connection, "s");
    world.news(alice.connection);
    world.news(bob.connection);
    assert_eq!(world.admin(FindStream(order("s", 1))), Ok(()));
    assert_eq!(world.admin(ForbidStream(order("s", 2))), Ok(()));
    assert_eq!(world.news(alice.connection), ["ended s:publish:1003025"]);
    assert_eq!(world.news(bob.connection), ["-s:6", "ended s:play:1004025"]);
    assert!(world.media_peers().is_empty());
    assert_eq!(world.code(alice.connection, publish("s")), 1003025);
    assert_eq!(world.code(bob.connection, play("s")), 1004025);
    assert_eq!(world.admin(FindStream(order("s", 3))), Err(AdminFault::NoStream));
    assert_eq!(world.admin(ResumeStream(order("s", 3))), Err(AdminFault::OldSequence));
    assert_eq!(
        world.code(alice.connection, publish("s")),
        1003025,
        "an order that was overtaken does nothing"
    );
    assert_eq!(world.admin(ResumeStream(order("s", 4))), Ok(()));
    world.publish(alice.connection, "s");
    world.pass_with_heartbeats(10, &[alice.connection, bob.connection]);
    assert_eq!(world.admin(FindStream(order("s", 1))), Ok(()), "numbers count for 10 s");
    world.state.check();
}

fn silence(room_id: &str, audio: bool) -> SetStreamRule {
    SetStreamRule {
        room_id: room(room_id),
        stream_id: stream("s"),
        audio,
        video: !audio,
        lasts: Duration::from_secs(60),
    }
}

fn unsilence() -> DeleteStreamRule {
    DeleteStreamRule {
        room_id: room("r"),
        stream_id: stream("s"),
    }
}

#[test]
fn a_silenced_stream_stays_and_nobody_hears_it_until_the_time_is_over_or_the_rule_is_deleted() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let clients = [alice.connection, bob.connection];
    world.publish(alice.connection, "s");
    let by_socket = world.play(bob.connection, "s");
    world.host("carol", "r", "s", false).unwrap().unwrap();
    let by_whep = world.last_peer();
    for client in clients {
        world.news(client);
    }
    let heard =
        |world: &World, peers: &[_]| -> Vec<bool> { peers.iter().map(|peer| world.paused.get(peer) != Some(&true)).collect() };
    for by_time in [true, false] {
        world.admin(silence("r", true)).unwrap();
        let later = world.play(alice.connection, "s");
        assert_eq!(heard(&world, &[by_socket, by_whep, later]), [false; 3]);
        assert_eq!(world.code(bob.connection, pause_play("s", false)), 0);
        assert_eq!(heard(&world, &[by_socket]), [false], "its players cannot lift it");
        world.publish(alice.connection, "s");
        assert_eq!(heard(&world, &[by_socket]), [false], "nor can its publisher");
        match by_time {
            true => world.pass_with_heartbeats(60, &clients),
            false => world.admin(unsilence()).unwrap(),
        }
        assert_eq!(heard(&world, &[by_socket, by_whep, later]), [true; 3]);
    }
    assert_eq!(world.admin(unsilence()), Ok(()), "a rule that is not there is no error");
    let news: Vec<String> = clients.into_iter().flat_map(|client| world.news(client)).collect();
    assert!(news.is_empty(), "nobody is told: {news:?}");
    world.state.check();
}

#[test]
fn a_player_who_has_paused_a_silenced_stream_does_not_hear_it_when_the_silence_is_over() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    let peer = world.play(bob.connection, "s");
    world.admin(silence("r", true)).unwrap();
    assert_eq!(world.code(bob.connection, pause_play("s", true)), 0);
    world.admin(unsilence()).unwrap();
    assert!(world.paused[&peer]);
    assert_eq!(world.code(bob.connection, pause_play("s", false)), 0);
    assert!(!world.paused[&peer]);
}

#[test]
fn a_rule_about_a_stream_counts_for_that_room_and_also_before_the_stream_is_there() {
    let mut world = World::new();
    world.admin(silence("elsewhere", true)).unwrap();
    world.admin_of(STRICT_APP, silence("r", true)).unwrap();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    let peer = world.play(bob.connection, "s");
    world.admin(silence("r", false)).unwrap();
    assert_ne!(world.paused.get(&peer), Some(&true), "there is no picture to take away");
    let list = ListStreamRules {
        room_id: room("r"),
        stream_ids: vec![stream("s"), stream("t")],
    };
    let rules = world.admin(list).unwrap();
    let known = StreamRule {
        audio: false,
        video: true,
        set_ms: world.at().unix_ms,
        lasts: Duration::from_secs(60),
    };
    assert_eq!(rules, [(stream("s"), Some(known)), (stream("t"), None)]);
    let carol = world.login("carol", "elsewhere");
    assert_eq!(world.code(alice.connection, unpublish("s")), 0);
    world.publish(carol.connection, "s");
    let peer = world.play(bob.connection, "s");
    assert!(world.paused[&peer]);
}

#[test]
fn who_comes_from_a_banned_address_neither_logs_in_nor_publishes_whoever_it_is() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.admin(rule(RuleTarget::Address(ADDRESS), true, true)).unwrap();
    assert!(world.news(alice.connection).is_empty(), "who is there stays");
    assert_eq!(world.code(alice.connection, publish("s")), 1003025);
    let request = world.login_request("bob", "r");
    assert_eq!(world.login_with(request).unwrap_err().code, 1002066);
    for publish in [true, false] {
        assert!(world.host("bob", "r", "w", publish).unwrap().is_err());
    }
    let elsewhere = std::net::IpAddr::from([192, 0, 2, 8]);
    for number in 0..99 {
        let other = std::net::IpAddr::from([192, 0, 3, number]);
        world.admin(rule(RuleTarget::Address(other), true, false)).unwrap();
    }
    let one_more = rule(RuleTarget::Address(elsewhere), true, false);
    assert_eq!(world.admin(one_more), Err(AdminFault::TooManyRules), "100 at most");
    let delete = DeleteUserRule {
        target: RuleTarget::Address(ADDRESS),
    };
    assert_eq!(world.admin(delete), Ok(()));
    world.login("bob", "r");
}
