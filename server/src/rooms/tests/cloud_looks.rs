//! Rooms that are on other nodes alone: heard from another room, asked about by business servers, and what was ordered there before.

use std::time::Duration;

use express_messages::codes;
use express_messages::types::ZegoUser;
use express_signalling::protocol::Logout;

use super::cloud_world::*;
use super::kick::user;
use super::words::*;
use super::world::*;
use crate::rooms::admin::*;
use crate::rooms::cloud::*;

/// Serves a call of a business server as the actor does.
fn call<C: AdminCall>(cloud: &mut CloudWorld, node: usize, call: C) -> Result<C::Ok, AdminFault> {
    let world = &mut cloud.nodes[node];
    let (wait, effects) = world.state.look_for_call(world.at(), APP, &call);
    world.carry_out(effects);
    cloud.settle();
    if let Some(ticket) = wait {
        while cloud.nodes[node].calls.remove(&ticket).is_none() {
            assert!(cloud.hold, "the cloud answers at once");
            cloud.pass_s(1);
        }
    }
    let world = &mut cloud.nodes[node];
    let (begun, effects) = world.state.begin_call(world.at(), APP, call);
    world.carry_out(effects);
    cloud.settle();
    match begun {
        Begun::Done(done) => done,
        Begun::WhenSaid(ticket, ok) => {
            let number = cloud.nodes[node].calls.remove(&ticket).expect("it is said by now");
            number.map(ok).map_err(|()| AdminFault::NotTaken)
        }
    }
}

fn list(id: &str) -> ListUsers {
    ListUsers {
        room_id: room(id),
        descending: false,
        limit: 10,
        after: None,
    }
}

fn text(id: &str) -> ServerBroadcast {
    ServerBroadcast {
        room_id: room(id),
        from_user: ZegoUser::new(user("server"), String::new()).unwrap(),
        message: "hi".into(),
    }
}

fn close(id: &str) -> CloseRoom {
    CloseRoom {
        room_id: room(id),
        reason: String::new(),
        tell_business: false,
    }
}

fn find(stream_id: &str) -> FindStream {
    FindStream(StreamOrder {
        stream_id: stream(stream_id),
        sequence: 1,
    })
}

fn rooms(cloud: &CloudWorld, node: usize) -> usize {
    cloud.nodes[node].state.counters().rooms
}

fn wishes_of(cloud: &CloudWorld, of: fn(&Wish) -> bool) -> usize {
    cloud.wished.iter().filter(|(_, wish)| of(wish)).count()
}

/// A speaker in room "r" of node 0, and nobody on node 1.
fn speaker() -> (CloudWorld, Client) {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    (cloud, alice)
}

#[test]
fn the_server_api_answers_on_any_node_for_a_room_that_is_on_another() {
    let (mut cloud, alice) = speaker();
    let users = call(&mut cloud, 1, list("r")).unwrap().users;
    assert_eq!(users.iter().map(|user| user.user_id.as_str()).collect::<Vec<_>>(), ["alice"]);
    let room_ids = vec![room("r"), room("none")];
    let counted = call(&mut cloud, 1, CountUsers { room_ids }).unwrap();
    assert_eq!(counted, [(room("r"), 1), (room("none"), 0)]);
    let streams = call(&mut cloud, 1, ListStreams { room_id: room("r") }).unwrap();
    assert_eq!(streams.len(), 1);
    let command = ServerCommand {
        room_id: room("r"),
        from_user: user("server"),
        to_users: vec![user("alice"), user("nobody")],
        command: "do".into(),
    };
    assert_eq!(call(&mut cloud, 1, command).unwrap(), [user("nobody")]);
    assert!(call(&mut cloud, 1, ServerBarrage(text("r"))).is_ok());
    assert_eq!(cloud.news(0, &alice), ["server: do"]);
    cloud.check();
    assert_eq!(
        wishes_of(&cloud, |wish| matches!(wish, Wish::Open { .. })),
        1,
        "nobody has entered it there"
    );
    cloud.pass_s(6);
    assert_eq!((rooms(&cloud, 0), rooms(&cloud, 1)), (1, 0), "it is looked at for a while");
    assert!(cloud.nodes[1].state.is_empty());
    cloud.check();
}

#[test]
fn a_text_of_the_server_api_is_answered_with_the_number_that_all_hear() {
    let (mut cloud, alice) = speaker();
    let _ = cloud.ask(0, alice.connection, broadcast("one")).unwrap();
    assert_eq!(call(&mut cloud, 1, text("r")), Ok(2));
    assert_eq!(call(&mut cloud, 0, text("r")), Ok(3));
    assert_eq!(cloud.news(0, &alice), ["server to all: hi", "server to all: hi"]);
    assert_eq!(call(&mut cloud, 1, text("none")), Err(AdminFault::NoRoom));
}

#[test]
fn a_stream_is_found_whatever_node_publishes_it() {
    let (mut cloud, _) = speaker();
    assert_eq!(call(&mut cloud, 1, find("s")), Ok(()));
    assert_eq!(call(&mut cloud, 1, find("none")), Err(AdminFault::NoStream));
    cloud.pass_s(6);
    assert!(cloud.nodes[1].state.is_empty());
}

#[test]
fn a_room_is_closed_from_any_node_and_one_that_nobody_has_is_none() {
    let (mut cloud, alice) = speaker();
    assert_eq!(call(&mut cloud, 1, close("none")), Err(AdminFault::NoRoom));
    assert_eq!(call(&mut cloud, 1, close("r")), Ok(()));
    assert_eq!(cloud.nodes[0].closed(alice.connection), Some(1000));
    assert_eq!(
        (rooms(&cloud, 0), rooms(&cloud, 1)),
        (0, 0),
        "who only looked at it does not keep it"
    );
    assert!(cloud.nodes[1].state.is_empty());
    cloud.check();
    let again = cloud.login(1, "bob", "r");
    assert_eq!(again.ok.online_count, 1);
}

#[test]
fn a_call_waits_two_seconds_for_other_nodes_and_what_comes_later_is_not_kept() {
    let (mut cloud, _) = speaker();
    cloud.hold = true;
    assert_eq!(call(&mut cloud, 1, text("r")), Err(AdminFault::NoRoom));
    cloud.pass_s(2);
    cloud.release();
    assert_eq!(rooms(&cloud, 1), 0);
    assert!(cloud.nodes[1].state.is_empty());
    cloud.check();
}

#[test]
fn who_enters_a_room_that_is_looked_at_is_in_it_as_any_other() {
    let (mut cloud, alice) = speaker();
    call(&mut cloud, 1, list("r")).unwrap();
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.users_seen(1, &bob), ["alice"]);
    assert_eq!(bob.ok.room_session_id, alice.ok.room_session_id);
    cloud.pass_s(10);
    assert_eq!(rooms(&cloud, 1), 1);
    cloud.check();
}

#[test]
fn a_stream_of_a_room_on_another_node_is_heard_by_the_next_try() {
    let (mut cloud, alice) = speaker();
    let bob = cloud.login(1, "bob", "other");
    for _ in 0..2 {
        cloud.hold = true;
        let code = cloud.nodes[1].code(bob.connection, play("s"));
        assert_eq!(code, codes::PLAYER_STREAM_NOT_EXIST);
    }
    cloud.release();
    assert_eq!(
        wishes_of(&cloud, |wish| matches!(wish, Wish::Seek(..))),
        1,
        "it is sought once at a time"
    );
    cloud.pass_s(3);
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    assert_eq!(cloud.nodes[1].relays_in.len(), 1);
    cloud.check();
    cloud.pass_s(70);
    assert_eq!(
        (rooms(&cloud, 1), cloud.nodes[1].relays_in.len()),
        (2, 1),
        "while it is heard"
    );
    assert!(
        cloud.news(0, &alice).is_empty() && cloud.news(1, &bob).is_empty(),
        "nobody came or went"
    );
    let _ = cloud.ask(1, bob.connection, stop_play("s")).unwrap();
    cloud.pass_s(6);
    assert_eq!((rooms(&cloud, 1), cloud.nodes[1].relays_in.len()), (1, 0));
    cloud.check();
    // It is found again, and ends with its publisher.
    let _ = cloud.code(1, bob.connection, play("s"));
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    let _ = cloud.ask(0, alice.connection, Logout {}).unwrap();
    assert_eq!(
        cloud.news(1, &bob),
        [format!("ended s:play:{}", codes::PLAYER_STREAM_INTERRUPTED)]
    );
    assert_eq!(rooms(&cloud, 1), 1);
    cloud.check();
}

#[test]
fn a_room_that_nobody_plays_after_all_is_let_go_after_a_minute() {
    let (mut cloud, _) = speaker();
    let bob = cloud.login(1, "bob", "other");
    let _ = cloud.code(1, bob.connection, play("s"));
    cloud.pass_s(59);
    assert_eq!(rooms(&cloud, 1), 2);
    cloud.pass_s(2);
    assert_eq!(rooms(&cloud, 1), 1);
    cloud.check();
}

#[test]
fn where_rooms_are_kept_apart_nothing_is_sought() {
    let mut cloud = CloudWorld::new(1);
    let mut request = cloud.nodes[0].login_request("bob", "other");
    request.app_id = STRICT_APP;
    request.token = cloud.nodes[0].token_for(STRICT_APP, "bob", 86_400, None);
    let bob = cloud.login_with(0, request).unwrap();
    assert_eq!(cloud.code(0, bob.connection, play("s")), codes::PLAYER_STREAM_NOT_EXIST);
    assert_eq!(wishes_of(&cloud, |wish| matches!(wish, Wish::Seek(..))), 0);
}

#[test]
fn what_was_ordered_while_a_node_was_away_holds_there_and_spares_what_came_later() {
    let (mut cloud, alice) = speaker();
    let kick = |who: &str| KickUsers {
        room_id: room("r"),
        user_ids: vec![user(who)],
        reason: String::new(),
    };
    let rule = SetUserRule {
        target: RuleTarget::User(user("dave")),
        forbids: Forbids {
            login: true,
            publish: false,
        },
        lasts: Duration::from_secs(600),
    };
    cloud.nodes[0].admin(rule).unwrap();
    cloud.nodes[0].admin(kick("bob")).unwrap();
    cloud.nodes[0].admin(kick("carol")).unwrap();
    // Node 1 hears of none of them.
    let wishes = std::mem::take(&mut cloud.nodes[0].wishes);
    let orders = wishes.into_iter().filter_map(|wish| match wish {
        Wish::Order(order) => Some(order),
        _ => None,
    });
    let orders: Vec<_> = orders.collect();
    assert_eq!(orders.len(), 3);
    // Bob is there since before the kick; carol has got a newer token.
    let bob = cloud.login(1, "bob", "r");
    cloud.pass_s(2);
    let carol = cloud.login(1, "carol", "r");
    for order in orders.clone().into_iter().chain(orders) {
        cloud.tell(1, News::OrderKept(order));
        cloud.settle();
    }
    assert_eq!(cloud.nodes[1].closed(bob.connection), Some(1000));
    assert_eq!(
        (
            cloud.nodes[1].closed(carol.connection),
            cloud.nodes[0].closed(alice.connection)
        ),
        (None, None)
    );
    let dave = cloud.nodes[1].login_request("dave", "r");
    assert_eq!(cloud.login_with(1, dave).unwrap_err().code, codes::FORBID_BLACK_USER);
    let told = wishes_of(&cloud, |wish| matches!(wish, Wish::Order(_)));
    assert_eq!(told, 0, "what is obeyed is not told again");
    cloud.check();
}

#[test]
fn of_two_logins_that_did_not_hear_of_each_other_the_later_one_stays() {
    struct Case {
        what: &'static str,
        later_ms: i64,
        leaves: bool,
        heard: Option<bool>,
        ends: &'static [&'static str],
    }
    let case = |what, later_ms, ends| Case {
        what,
        later_ms,
        leaves: false,
        heard: None,
        ends,
    };
    let kicked: &[&str] = &["kick:1002050"];
    let cases = [
        case("the other one is later", 5_000, kicked),
        case("this one is", -5_000, &[]),
        Case {
            leaves: true,
            ..case("the other one is gone at once", 5_000, &[])
        },
        Case {
            heard: Some(true),
            ..case("it turns out to be a move", 5_000, &[])
        },
        Case {
            heard: Some(false),
            ..case("it turns out to be none", 5_000, kicked)
        },
    ];
    for case in cases {
        let mut cloud = CloudWorld::new(1);
        let alice = cloud.login(0, "alice", "r");
        cloud.pass_s(10);
        let login_ms = cloud.nodes[0]
            .at()
            .unix_ms
            .saturating_sub(10_000)
            .saturating_add_signed(case.later_ms);
        let member = Member {
            user: ZegoUser::new(user("alice"), String::new()).unwrap(),
            login_ms,
        };
        let here = (APP, room("r"));
        cloud.tell(0, News::UserCame(here.clone(), member));
        cloud.pass_s(2);
        assert!(cloud.news(0, &alice).is_empty(), "{}: too early", case.what);
        if case.leaves {
            cloud.tell(0, News::UserLeft(here, user("alice")));
        }
        if let Some(moves) = case.heard {
            cloud.tell(
                0,
                News::LoggedIn(LoginElsewhere {
                    app_id: APP,
                    room_id: room("r"),
                    user_id: user("alice"),
                    login_ms,
                    instance: None,
                    moved_from: moves.then(|| alice.session.clone()),
                }),
            );
        }
        cloud.pass_s(2);
        assert_eq!(cloud.news(0, &alice), case.ends, "{}", case.what);
        assert_eq!(
            cloud.nodes[0].closed(alice.connection).is_some(),
            !case.ends.is_empty(),
            "{}",
            case.what
        );
        cloud.nodes[0].state.check();
    }
}
