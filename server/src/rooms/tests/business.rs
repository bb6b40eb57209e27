//! What a business server is told, in which order, and for which reasons.

use std::collections::{BTreeMap, BTreeSet};

use express_messages::ids::{RoomId, UserId};
use express_signalling::protocol::{Logout, ServerFrame};

use super::kick::user;
use super::words::*;
use super::world::*;
use crate::forwarder::GoneReason;
use crate::rooms::admin::*;
use crate::rooms::{BusinessEvent, Happened};

/// What was told since the last look, in short: `create alice`, `login alice 1`, `login again alice 3`, `+s 1`, `+s 1 again`,
/// `-s 2:0`, `logout alice 2:0`, `close 0`. Numbers are those of the change, behind a colon the documented reason.
fn told(world: &mut World) -> Vec<String> {
    let told = std::mem::take(&mut world.told);
    told.iter().map(|(_, event)| short(event)).collect()
}

fn short(event: &BusinessEvent) -> String {
    match &event.happened {
        Happened::RoomCreated { creator } => format!("create {creator}"),
        Happened::RoomClosed(reason) => format!("close {}", *reason as u32),
        Happened::LoggedIn { session, again } => {
            let again = if *again { "again " } else { "" };
            format!("login {again}{} {}", session.user.user_id, session.user_seq)
        }
        Happened::LoggedOut { session, reason } => {
            format!("logout {} {}:{}", session.user.user_id, session.user_seq, *reason as u32)
        }
        Happened::StreamCreated { stream, again } => {
            let again = if *again { " again" } else { "" };
            format!("+{} {}{again}", stream.stream_id, stream.stream_seq)
        }
        Happened::StreamClosed { stream, reason } => {
            format!("-{} {}:{}", stream.stream_id, stream.stream_seq, *reason as u32)
        }
    }
}

fn kick(user_id: &str) -> KickUsers {
    KickUsers {
        room_id: room("r"),
        user_ids: vec![user(user_id)],
        reason: String::new(),
    }
}

fn close(tell_business: bool) -> CloseRoom {
    CloseRoom {
        room_id: room("r"),
        reason: String::new(),
        tell_business,
    }
}

#[test]
fn a_business_server_hears_of_a_rooms_whole_life_in_order_with_numbers_that_count_its_changes() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.publish(bob.connection, "t");
    assert_eq!(world.code(alice.connection, unpublish("s")), 0);
    world.ask(bob.connection, Logout {}).unwrap();
    world.ask(alice.connection, Logout {}).unwrap();
    let life = [
        "create alice",
        "login alice 1",
        "login bob 2",
        "+s 1",
        "+t 2",
        "-s 3:0",
        "-t 4:0",
        "logout bob 3:0",
        "logout alice 4:0",
        "close 0",
    ];
    assert_eq!(told(&mut world), life);
}

#[test]
fn one_life_of_a_room_and_one_login_have_one_name_each_and_the_next_ones_have_others() {
    let mut world = World::new();
    let mut lives = Vec::new();
    for _ in 0..2 {
        let alice = world.login("alice", "r");
        let login_ms = world.at().unix_ms;
        world.pass_s(7);
        world.ask(alice.connection, Logout {}).unwrap();
        let told = std::mem::take(&mut world.told);
        assert!(told.iter().all(|(_, event)| event.room_session == alice.ok.room_session_id));
        let sessions = told.iter().filter_map(|(at, event)| match &event.happened {
            Happened::LoggedIn { session, .. } | Happened::LoggedOut { session, .. } => Some((*at, session)),
            _ => None,
        });
        let sessions: Vec<_> = sessions.collect();
        let [(login_at, login), (logout_at, logout)] = sessions[..] else {
            panic!("{told:?}");
        };
        assert_eq!((login_at, logout_at), (login_ms, login_ms + 7_000));
        assert_eq!([login.login_ms, logout.login_ms], [login_ms; 2]);
        assert_eq!(login.number, logout.number);
        lives.push((alice.ok.room_session_id, login.number));
    }
    assert!(lives[0].0 != lives[1].0 && lives[0].1 != lives[1].1, "{lives:?}");
}

#[test]
fn every_end_of_a_login_has_its_documented_reasons() {
    type Way = fn(&mut World, &Client);
    let ways: [(Way, [&str; 3]); 7] = [
        (
            |world, alice| drop(world.ask(alice.connection, Logout {})),
            ["-s 2:0", "logout alice 2:0", "close 0"],
        ),
        (
            |world, alice| world.leave_page(alice.connection),
            ["-s 2:0", "logout alice 2:0", "close 0"],
        ),
        (|world, _| world.pass_s(100), ["-s 2:1", "logout alice 2:1", "close 1"]),
        (
            |world, alice| {
                world.lose(alice.connection);
                world.pass_s(100);
            },
            ["-s 2:1", "logout alice 2:2", "close 2"],
        ),
        (
            |world, _| world.admin(kick("alice")).unwrap(),
            ["-s 2:3", "logout alice 2:3", "close 3"],
        ),
        (
            |world, _| world.admin(close(true)).unwrap(),
            ["-s 2:5", "logout alice 2:3", "close 0"],
        ),
        (
            |world, _| drop(world.login("alice", "elsewhere")),
            ["-s 2:2", "logout alice 2:3", "close 0"],
        ),
    ];
    for (number, (end, expected)) in ways.into_iter().enumerate() {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        world.publish(alice.connection, "s");
        told(&mut world);
        end(&mut world, &alice);
        let told = told(&mut world);
        assert_eq!(told[..3], expected, "{number}");
        assert!(
            told[3..].iter().all(|event| number == 6 && event.contains("alice")),
            "{told:?}"
        );
    }
}

#[test]
fn every_end_of_a_stream_alone_has_its_documented_type() {
    type Way = fn(&mut World, &Client, crate::forwarder::PeerId);
    let ways: [(Way, &str); 3] = [
        (|world, alice, _| drop(world.ask(alice.connection, unpublish("s"))), "-s 2:0"),
        (
            |world, alice, peer| {
                world.gone(peer, GoneReason::ConsentLost);
                world.pass_with_heartbeats(16, &[alice.connection]);
            },
            "-s 2:4",
        ),
        (
            |world, _, _| {
                let order = StreamOrder {
                    stream_id: stream("s"),
                    sequence: 1,
                };
                world.admin(ForbidStream(order)).unwrap();
            },
            "-s 2:100",
        ),
    ];
    for (end, expected) in ways {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        let peer = world.publish(alice.connection, "s");
        told(&mut world);
        end(&mut world, &alice, peer);
        assert_eq!(told(&mut world), [expected]);
    }
}

#[test]
fn a_room_that_the_server_api_closes_is_told_as_closed_only_where_that_was_asked_for() {
    let mut world = World::new();
    world.login("alice", "r");
    world.login("bob", "r");
    told(&mut world);
    world.admin(close(false)).unwrap();
    assert_eq!(told(&mut world), ["logout alice 3:3", "logout bob 4:3"]);
}

#[test]
fn a_second_login_in_the_room_is_a_relogin_and_a_connection_that_is_resumed_is_not_told() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    told(&mut world);
    world.lose(alice.connection);
    let (_, resumed) = world.resume(&alice, 0);
    resumed.unwrap();
    assert!(told(&mut world).is_empty());
    world.login("alice", "r");
    assert_eq!(told(&mut world), ["logout alice 2:3", "login again alice 3"]);
}

#[test]
fn a_publisher_that_connects_anew_is_told_as_the_same_stream_again() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    told(&mut world);
    assert_eq!(world.code(alice.connection, set_info("s", "on air")), 0);
    world.publish(alice.connection, "s");
    let Some((_, event)) = world.told.last() else {
        panic!("nothing was told");
    };
    let Happened::StreamCreated { stream, again: true } = &event.happened else {
        panic!("{event:?}");
    };
    assert_eq!((stream.stream_seq, stream.user.user_name.as_str()), (1, "alice"));
    assert_eq!(told(&mut world), ["+s 1 again"]);
    assert_eq!(world.code(alice.connection, unpublish("s")), 0);
    assert_eq!(told(&mut world), ["-s 2:0"]);
}

#[test]
fn a_user_by_whip_is_told_like_any_other() {
    let mut world = World::new();
    world.host("alice", "r", "s", true).unwrap().unwrap();
    let peer = world.last_peer();
    world.connected(peer);
    assert_eq!(told(&mut world), ["create alice", "login alice 1", "+s 1"]);
    world.gone(peer, GoneReason::Closed);
    assert_eq!(told(&mut world), ["-s 2:0", "logout alice 2:0", "close 0"]);
}

#[test]
fn what_never_came_to_be_and_what_happens_in_other_app_ids_is_not_told() {
    let mut world = World::new();
    let mut bad = world.login_request("alice", "r");
    bad.token = "nonsense".into();
    assert!(world.login_with(bad).is_err());
    let alice = world.login("alice", "r");
    told(&mut world);
    let id = world.send(alice.connection, publish("s"));
    assert!(matches!(
        world.sockets[&alice.connection].replies[&id],
        ServerFrame::Ok { .. }
    ));
    assert_eq!(world.code(alice.connection, unpublish("s")), 0, "before its media was there");
    let mut elsewhere = world.login_request("bob", "r");
    elsewhere.app_id = STRICT_APP;
    elsewhere.token = world.token_for(STRICT_APP, "bob", 60, None);
    world.login_with(elsewhere).unwrap();
    assert!(told(&mut world).is_empty(), "that AppID has no callback_url");
}

/// The lists that a business server would keep of what it is told.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<u64, Books>);

/// One life of a room.
#[derive(Debug)]
struct Books {
    room_id: RoomId,
    users: BTreeMap<u64, UserId>,
    streams: BTreeSet<u64>,
    user_seq: u64,
    stream_seq: u64,
}

impl Ledger {
    /// Panics if an event does not follow from those before.
    pub(super) fn read(&mut self, event: &BusinessEvent) {
        if let Happened::RoomCreated { .. } = event.happened {
            let books = Books {
                room_id: event.room_id.clone(),
                users: BTreeMap::new(),
                streams: BTreeSet::new(),
                user_seq: 0,
                stream_seq: 0,
            };
            assert!(self.0.insert(event.room_session, books).is_none(), "created twice");
            return;
        }
        let books = self.0.get_mut(&event.room_session).expect("the room was created");
        assert_eq!(books.room_id, event.room_id);
        match &event.happened {
            Happened::RoomCreated { .. } => {}
            Happened::RoomClosed(_) => {
                assert!(books.users.is_empty() && books.streams.is_empty(), "{books:?}");
                self.0.remove(&event.room_session);
            }
            Happened::LoggedIn { session, .. } => {
                books.user_seq += 1;
                assert_eq!(session.user_seq, books.user_seq);
                let user = session.user.user_id.clone();
                assert!(books.users.insert(session.number, user).is_none());
            }
            Happened::LoggedOut { session, .. } => {
                books.user_seq += 1;
                assert_eq!(session.user_seq, books.user_seq);
                assert_eq!(books.users.remove(&session.number), Some(session.user.user_id.clone()));
            }
            Happened::StreamCreated { stream, again } => {
                books.stream_seq += u64::from(!again);
                assert_eq!(stream.stream_seq, books.stream_seq);
                assert_eq!(books.streams.insert(stream.number), !again);
            }
            Happened::StreamClosed { stream, .. } => {
                books.stream_seq += 1;
                assert_eq!(stream.stream_seq, books.stream_seq);
                assert!(books.streams.remove(&stream.number));
            }
        }
    }

    /// Panics unless the lists are those of the server.
    pub(super) fn check(&self, world: &mut World) {
        assert_eq!(self.0.len(), world.state.counters().rooms);
        for books in self.0.values() {
            let room_id = books.room_id.clone();
            let all = ListUsers {
                room_id: room_id.clone(),
                descending: false,
                limit: usize::MAX,
                after: None,
            };
            let users = world.admin(all).unwrap().users;
            let users: BTreeSet<&UserId> = users.iter().map(|user| &user.user_id).collect();
            assert_eq!(books.users.values().collect::<BTreeSet<_>>(), users);
            let streams = world.admin(ListStreams { room_id }).unwrap();
            let streams: BTreeSet<u64> = streams.iter().map(|stream| stream.number).collect();
            assert_eq!(books.streams, streams);
        }
    }
}
