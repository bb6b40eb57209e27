//! What is attached to a room: who may set it, who is told, who finds it.

use std::time::Duration;

use express_messages::codes;
use express_signalling::protocol::{Logout, SetRoomExtraInfo};

use super::cloud_world::CloudWorld;
use super::words::*;
use super::world::*;

#[test]
fn an_extra_info_is_told_to_the_others_and_found_by_who_comes_later() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let stranger = world.login("dave", "elsewhere");
    for client in [&alice, &bob, &stranger] {
        world.news(client.connection);
    }
    assert!(alice.ok.snapshot.extra_infos.is_empty());
    assert_eq!(world.code(alice.connection, set_room_info("topic", "songs")), 0);
    assert_eq!(world.news(bob.connection), ["alice set topic=songs"]);
    assert!(world.news(alice.connection).is_empty() && world.news(stranger.connection).is_empty());
    let carol = world.login("carol", "r");
    let found = &carol.ok.snapshot.extra_infos[0];
    assert_eq!((found.key.as_str(), found.value.as_str()), ("topic", "songs"));
    assert_eq!(found.update_user.user_id.as_str(), "alice");
    assert_eq!(found.update_time_ms, world.at().unix_ms);
}

#[test]
fn the_same_value_again_is_told_to_nobody_and_another_user_s_is() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.ask(alice.connection, set_room_info("k", "v")).unwrap();
    world.news(bob.connection);
    assert_eq!(world.code(alice.connection, set_room_info("k", "v")), 0);
    assert!(world.news(bob.connection).is_empty());
    assert_eq!(world.code(bob.connection, set_room_info("k", "v")), 0);
    assert_eq!(world.news(alice.connection).last().unwrap(), "bob set k=v");
    assert_eq!(world.state.counters().room_infos, 2);
}

#[test]
fn an_extra_info_is_refused_by_what_it_says() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let (key, value) = ("k".repeat(128), "v".repeat(4096));
    let table = [
        ("", "v", codes::ROOM_EXTRA_INFO_KEY_EMPTY),
        (&*format!("{key}k"), "v", codes::ROOM_EXTRA_INFO_KEY_TOO_LONG),
        (&*key, &*format!("{value}v"), codes::ROOM_EXTRA_INFO_VALUE_TOO_LONG),
        (&*key, &*value, 0),
        (&*key, "", 0),
        ("other", "v", codes::ROOM_EXTRA_INFO_KEYS_EXCEED),
    ];
    for (key, value, code) in table {
        assert_eq!(world.code(alice.connection, set_room_info(key, value)), code, "{key:?}");
    }
}

#[test]
fn ten_changes_a_second_are_taken_in_one_room_and_the_next_may_come_a_little_later() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    for n in 0..10 {
        let who = if n % 2 == 0 { &alice } else { &bob };
        assert_eq!(world.code(who.connection, set_room_info("k", &n.to_string())), 0);
    }
    let refused = world.ask(bob.connection, set_room_info("k", "more")).unwrap_err();
    assert_eq!(refused.code, codes::TRANS_FREQUENTLY);
    world.pass(Duration::from_millis(refused.retry.unwrap().after_ms));
    assert_eq!(world.code(bob.connection, set_room_info("k", "more")), 0);
}

#[test]
fn it_ends_with_the_room() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.ask(alice.connection, set_room_info("k", "v")).unwrap();
    world.ask(alice.connection, Logout {}).unwrap();
    assert!(world.login("alice", "r").ok.snapshot.extra_infos.is_empty());
}

/// Sets again what was taken at that time.
fn again(value: &str, time_ms: u64) -> SetRoomExtraInfo {
    SetRoomExtraInfo {
        update_time_ms: Some(time_ms),
        ..set_room_info("k", value)
    }
}

#[test]
fn what_is_set_again_is_as_old_as_it_was_and_gives_way_to_what_was_set_since() {
    let mut cloud = CloudWorld::new(2);
    let (alice, bob) = (cloud.login(0, "alice", "r"), cloud.login(1, "bob", "r"));
    let older = cloud
        .ask(0, alice.connection, set_room_info("k", "older"))
        .unwrap()
        .update_time_ms;
    cloud.pass_s(10);
    let taken = cloud.ask(0, alice.connection, again("lost", older + 5)).unwrap();
    assert_eq!(taken.update_time_ms, older + 5);
    assert_eq!(cloud.news(1, &bob), ["alice set k=older", "alice set k=lost"]);
    let newer = cloud
        .ask(1, bob.connection, set_room_info("k", "newer"))
        .unwrap()
        .update_time_ms;
    assert!(newer >= older + 10_000);
    let taken = cloud.ask(0, alice.connection, again("lost", older + 5)).unwrap();
    assert_eq!(taken.update_time_ms, newer, "which is there");
    assert!(cloud.news(1, &bob).is_empty());
    // Nobody sets what is newer than now.
    let taken = cloud.ask(0, alice.connection, again("ahead", newer + 60_000)).unwrap();
    assert!(taken.update_time_ms <= newer + 1);
}

#[test]
fn a_server_that_is_alone_and_began_anew_takes_what_is_set_again_with_its_time() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let long_ago = world.at().unix_ms - 60_000;
    let taken = world.ask(alice.connection, again("v", long_ago)).unwrap();
    assert_eq!(taken.update_time_ms, long_ago);
    assert_eq!(world.login("bob", "r").ok.snapshot.extra_infos[0].update_time_ms, long_ago);
    assert_eq!(world.code(alice.connection, set_room_info("k", "w")), 0);
    let found = world.login("carol", "r").ok.snapshot.extra_infos;
    assert_eq!((found[0].value.as_str(), found[0].update_time_ms), ("w", world.at().unix_ms));
}
