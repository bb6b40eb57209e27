//! What a publisher says of its stream, and who hears it.

use express_signalling::protocol::Publish;

use super::words::*;
use super::world::*;

#[test]
fn a_muted_stream_is_told_to_the_others_in_the_room_and_to_its_players_elsewhere_once_and_not_to_oneself() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let mut silent = world.login_request("bob", "r");
    silent.user_update = false;
    let bob = world.login_with(silent).unwrap();
    let player = world.login("carol", "elsewhere");
    let other = world.login("dave", "elsewhere");
    world.publish(alice.connection, "s");
    world.play(player.connection, "s");
    // Both reasons to hear it are one.
    world.play(bob.connection, "s");
    for client in [&alice, &bob, &player, &other] {
        world.news(client.connection);
    }
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.news(bob.connection), ["mic s:true"]);
    assert_eq!(world.news(player.connection), ["mic s:true"]);
    assert_eq!(world.news(other.connection), [""; 0]);
    assert_eq!(world.news(alice.connection), [""; 0]);
    assert_eq!(world.code(alice.connection, mute("s", false)), 0);
    assert_eq!(world.news(bob.connection), ["mic s:false"]);
}

#[test]
fn a_mute_that_changes_nothing_is_told_to_nobody() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.news(bob.connection);
    assert_eq!(world.code(alice.connection, mute("s", false)), 0);
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.news(bob.connection), ["mic s:true"]);
}

#[test]
fn late_comers_see_that_a_stream_is_muted_and_its_newest_text() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.code(alice.connection, set_info("s", "seat 3")), 0);
    let bob = world.login("bob", "r");
    let seen = &bob.ok.snapshot.streams[0];
    assert_eq!((seen.muted, seen.stream.extra_info.as_str()), (true, "seat 3"));
}

#[test]
fn a_stream_that_is_muted_before_its_media_is_connected_is_announced_so() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let muted = Publish {
        muted: true,
        ..publish("s")
    };
    assert_eq!(world.code(alice.connection, muted), 0);
    assert_eq!(world.code(alice.connection, publish("t")), 0);
    assert_eq!(world.code(alice.connection, mute("t", true)), 0);
    assert_eq!(world.code(alice.connection, set_info("t", "seat 3")), 0);
    assert_eq!(world.news(bob.connection), [""; 0]);
    let peers: Vec<_> = world.peers.keys().copied().collect();
    for peer in peers {
        world.connected(peer);
    }
    let events = world.sockets[&bob.connection].events.clone();
    for (event, info) in events.iter().zip(["", "seat 3"]) {
        let express_signalling::protocol::Event::RoomStreamUpdate(update) = &event.event else {
            panic!("{event:?}");
        };
        assert_eq!(
            (update.streams[0].muted, update.streams[0].stream.extra_info.as_str()),
            (true, info)
        );
    }
    assert_eq!(world.news(bob.connection), ["+s", "+t"]);
}

#[test]
fn who_begins_to_play_a_muted_stream_of_another_room_is_told_so_once() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let here = world.login("bob", "r");
    let elsewhere = world.login("carol", "elsewhere");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    for client in [&here, &elsewhere] {
        world.news(client.connection);
        world.play(client.connection, "s");
        world.play(client.connection, "s");
    }
    assert_eq!(world.news(here.connection), [""; 0], "the list of its room said so");
    assert_eq!(world.news(elsewhere.connection), ["mic s:true"]);
}

#[test]
fn a_stream_that_is_published_again_takes_what_the_request_says_and_only_changes_are_told() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.code(alice.connection, set_info("s", "seat 3")), 0);
    world.news(bob.connection);
    let again = |muted, extra_info: &str| Publish {
        muted,
        extra_info: extra_info.into(),
        ..publish("s")
    };
    assert_eq!(world.code(alice.connection, again(true, "seat 3")), 0);
    assert_eq!(world.news(bob.connection), [""; 0]);
    assert_eq!(world.code(alice.connection, again(false, "seat 3")), 0);
    assert_eq!(world.news(bob.connection), ["mic s:false"]);
    assert_eq!(world.code(alice.connection, again(false, "")), 0);
    assert_eq!(world.news(bob.connection), ["info s:"]);
    assert_eq!(world.news(alice.connection), ["+bob"]);
}

#[test]
fn a_stream_that_is_taken_back_after_a_new_login_begins_anew() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    world.lose(alice.connection);
    let alice = world.login("alice", "r");
    assert_eq!(
        world.code(alice.connection, mute("s", false)),
        1103055,
        "not yet its own again"
    );
    world.news(bob.connection);
    world.publish(alice.connection, "s");
    assert_eq!(world.news(bob.connection), ["-s:3", "+s"]);
    assert!(!world.login("carol", "r").ok.snapshot.streams[0].muted);
}

#[test]
fn another_text_is_told_to_the_others_in_the_room_when_it_is_another() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let player = world.login("carol", "elsewhere");
    world.publish(alice.connection, "s");
    world.play(player.connection, "s");
    world.news(bob.connection);
    assert_eq!(world.code(alice.connection, set_info("s", "seat 3")), 0);
    assert_eq!(world.code(alice.connection, set_info("s", "seat 3")), 0);
    assert_eq!(world.news(bob.connection), ["info s:seat 3"]);
    assert_eq!(world.news(player.connection), [""; 0], "lists are the room's");
    assert_eq!(world.news(alice.connection), ["+bob"]);
}

#[test]
fn a_client_that_was_away_hears_of_it_when_it_resumes() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    world.lose(bob.connection);
    assert_eq!(world.code(alice.connection, mute("s", true)), 0);
    assert_eq!(world.code(alice.connection, set_info("s", "seat 3")), 0);
    let missed = world.resume(&bob, 1).1.unwrap().missed.unwrap();
    let missed: Vec<_> = missed.iter().flat_map(|event| short(&event.event)).collect();
    assert_eq!(missed, ["mic s:true", "info s:seat 3"]);
}

#[test]
fn only_its_publisher_describes_a_stream_and_only_in_what_fits() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    world.publish(alice.connection, "s");
    assert_eq!(world.code(bob.connection, mute("s", true)), 1103055);
    assert_eq!(world.code(bob.connection, mute("none", true)), 1103055);
    assert_eq!(world.code(bob.connection, set_info("s", "mine")), 1103055);
    assert_eq!(world.code(alice.connection, set_info("s", "")), 1003050);
    assert_eq!(world.code(alice.connection, set_info("s", &"x".repeat(1025))), 1003051);
    assert_eq!(world.code(alice.connection, set_info("s", &"x".repeat(1024))), 0);
}
