//! KickoutUser and CloseRoom: who goes, who hears of it, and who may come back.

use std::time::Duration;

use express_messages::ids::UserId;
use express_signalling::protocol::{Event, KickOut, Login};

use super::world::*;
use crate::rooms::admin::*;

pub(super) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn kick(room_id: &str, users: &[&str]) -> KickUsers {
    KickUsers {
        room_id: room(room_id),
        user_ids: users.iter().map(|id| user(id)).collect(),
        reason: "spam".into(),
    }
}

fn close(room_id: &str) -> CloseRoom {
    CloseRoom {
        room_id: room(room_id),
        reason: "maintenance".into(),
        tell_business: true,
    }
}

/// A business server kicks a user (0), closes a room (1), forbids a stream (2), permits it again (3), silences it for a minute (4) or
/// ends that.
pub(super) fn interfere(world: &mut World, what: usize, user_id: &str, room_id: &str, (stream_id, sequence): (&str, i64)) {
    let order = StreamOrder {
        stream_id: stream(stream_id),
        sequence,
    };
    // That there is no such room is an answer like any other.
    let _ = match what {
        0 => world.admin(kick(room_id, &[user_id])),
        1 => world.admin(close(room_id)),
        2 => world.admin(ForbidStream(order)),
        3 => world.admin(ResumeStream(order)),
        4 => world.admin(SetStreamRule {
            room_id: room(room_id),
            stream_id: order.stream_id,
            audio: true,
            video: false,
            lasts: Duration::from_secs(60),
        }),
        _ => world.admin(DeleteStreamRule {
            room_id: room(room_id),
            stream_id: order.stream_id,
        }),
    };
}

/// A login with the token of another one.
fn again(world: &World, former: &Login) -> Login {
    Login {
        token: former.token.clone(),
        ..world.login_request(former.user_id.as_str(), former.room_id.as_str())
    }
}

#[test]
fn a_kicked_user_is_told_the_reason_and_others_see_user_and_streams_go() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    let alice = world.login("alice", "r");
    let upstream = world.publish(alice.connection, "s");
    world.publish(bob.connection, "b");
    let downstream = world.play(alice.connection, "b");
    world.play(bob.connection, "s");
    world.news(bob.connection);
    assert_eq!(
        world.admin(kick("r", &["alice", "nobody"])),
        Ok(()),
        "who is absent is no error"
    );
    let last = world.sockets[&alice.connection].events.last().unwrap().event.clone();
    let told = KickOut {
        code: 1002055,
        message: "spam".into(),
        need_relogin: false,
    };
    assert_eq!(last, Event::KickOut(told));
    assert_eq!(world.closed(alice.connection), Some(1000));
    assert_eq!(world.news(bob.connection), ["-s:4", "ended s:play:1004020", "-alice"]);
    let peers = world.media_peers();
    assert!(
        !peers.contains(&upstream) && !peers.contains(&downstream),
        "media ends at once"
    );
    assert_eq!(world.state.counters().kicks, 1);
    world.state.check();
}

#[test]
fn a_kick_from_another_room_or_of_another_app_id_reaches_nobody() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.admin(kick("other", &["alice"])).unwrap();
    world.admin_of(STRICT_APP, kick("r", &["alice"])).unwrap();
    assert!(world.news(alice.connection).is_empty());
}

#[test]
fn a_kicked_user_does_not_resume_and_no_token_made_before_the_kick_opens_the_room() {
    let mut world = World::new();
    let request = world.login_request("alice", "r");
    let alice = world.login_with(request.clone()).unwrap();
    world.pass_s(5);
    world.lose(alice.connection);
    world.admin(kick("r", &["alice"])).unwrap();
    let (_, resumed) = world.resume(&alice, 0);
    let refusal = resumed.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (1002055, "spam"));
    let old = again(&world, &request);
    assert_eq!(world.login_with(old).unwrap_err().code, 1002066);
    let of_that_second = world.login_request("alice", "r");
    assert_eq!(world.login_with(of_that_second).unwrap_err().code, 1002066);
    let elsewhere = Login {
        room_id: room("other"),
        ..again(&world, &request)
    };
    assert!(world.login_with(elsewhere).is_ok(), "it is about one room");
    world.pass_s(1);
    world.login("alice", "r");
    world.state.check();
}

#[test]
fn an_old_token_opens_the_room_again_when_the_configured_time_is_over() {
    let mut world = World::with(|config| config.timings.kick_revokes_s = 60);
    let request = world.login_request("alice", "r");
    world.login_with(request.clone()).unwrap();
    world.admin(kick("r", &["alice"])).unwrap();
    world.pass_s(59);
    let old = again(&world, &request);
    assert_eq!(world.login_with(old.clone()).unwrap_err().code, 1002066);
    world.pass_s(1);
    assert!(world.login_with(old).is_ok());
}

#[test]
fn a_kick_revokes_nothing_where_the_operator_wants_that() {
    let mut world = World::with(|config| config.timings.kick_revokes_s = 0);
    let request = world.login_request("alice", "r");
    world.login_with(request.clone()).unwrap();
    world.admin(kick("r", &["alice"])).unwrap();
    let old = again(&world, &request);
    assert!(world.login_with(old).is_ok());
}

#[test]
fn a_user_by_whip_and_whep_is_kicked_as_any_other_and_does_not_come_back_with_the_token() {
    let mut world = World::new();
    let bob = world.login("bob", "r");
    world.whip("alice", "r", "s");
    world.news(bob.connection);
    let peers = world.media_peers().len();
    world.admin(kick("r", &["alice"])).unwrap();
    assert_eq!(world.news(bob.connection), ["-s:4", "-alice"]);
    assert_eq!((world.media_peers().len(), world.ended_resources.len()), (peers - 1, 1));
    let refusal = world.host("alice", "r", "s", true).unwrap().unwrap_err();
    assert_eq!(refusal.error.code, 1002066);
    world.state.check();
}

#[test]
fn everybody_in_a_closed_room_is_kicked_and_hears_of_nobody_else() {
    let mut world = World::new();
    let clients: Vec<_> = ["a", "b", "c"].iter().map(|id| world.login(id, "r")).collect();
    let outside = world.login("d", "other");
    world.publish(clients[0].connection, "s");
    world.play(clients[1].connection, "s");
    world.play(outside.connection, "s");
    world.whip("e", "r", "w");
    // One is silent, and one has left a stream behind.
    world.lose(clients[2].connection);
    world.publish(clients[1].connection, "left");
    world.lose(clients[1].connection);
    let returned = world.login("b", "r");
    for client in &clients[..1] {
        world.news(client.connection);
    }
    world.news(returned.connection);
    assert_eq!(world.admin(close("r")), Ok(()));
    assert_eq!(world.news(clients[0].connection), ["kick:1002055"]);
    assert_eq!(world.news(returned.connection), ["kick:1002055"]);
    assert_eq!(world.news(outside.connection), ["ended s:play:1004020"]);
    assert!(world.media_peers().is_empty());
    let counters = world.state.counters();
    assert_eq!(
        (counters.sessions, counters.rooms, counters.streams, counters.rooms_closed),
        (1, 1, 0, 1)
    );
    world.state.check();
    assert_eq!(world.admin(close("r")), Err(AdminFault::NoRoom));
}
