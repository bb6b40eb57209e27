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
