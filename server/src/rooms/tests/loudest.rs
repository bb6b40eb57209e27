//! Of how many loudest streams a player hears: the room's word, the player's own, and WHEP's.

use express_signalling::protocol::Play;

use super::words::{play, publish};
use super::world::World;
use crate::forwarder::{GroupKey, Wish};
use crate::rooms::Negotiation;

fn play_of(stream_id: &str, loudest: u32) -> Play {
    Play {
        loudest: Some(loudest),
        ..play(stream_id)
    }
}

/// A room of alice, which has this option, with two streams.
fn room(loudest_streams: u32) -> World {
    let mut world = World::new();
    let mut first = world.login_request("alice", "r");
    first.loudest_streams = loudest_streams;
    let alice = world.login_with(first).unwrap();
    world.publish(alice.connection, "s");
    world.publish(alice.connection, "t");
    world.hold = true;
    world
}

fn asked(world: &mut World) -> Negotiation {
    world.held.pop().unwrap()
}

#[test]
fn the_option_of_the_room_counts_for_who_plays_without_one_of_his_own() {
    for (of_room, own, expected) in [(0, None, 0), (3, None, 3), (3, Some(0), 0), (3, Some(5), 5), (0, Some(2), 2)] {
        let mut world = room(of_room);
        let mut second = world.login_request("bob", "r");
        second.loudest_streams = 9;
        let bob = world.login_with(second).unwrap();
        let request = own.map_or_else(|| play("s"), |loudest| play_of("s", loudest));
        world.send(bob.connection, request);
        assert_eq!(
            asked(&mut world).wish,
            Wish::Play { loudest: expected },
            "room {of_room}, own {own:?}"
        );
    }
}

#[test]
fn who_plays_from_another_room_hears_by_the_option_of_the_streams_room() {
    let mut world = room(3);
    let mut other = world.login_request("carol", "q");
    other.loudest_streams = 7;
    let carol = world.login_with(other).unwrap();
    world.send(carol.connection, play("s"));
    assert_eq!(asked(&mut world).wish, Wish::Play { loudest: 3 });
}

#[test]
fn streams_of_a_room_are_one_group_with_its_publishers_and_those_of_another_room_are_not() {
    let mut world = room(0);
    let bob = world.login("bob", "r");
    let group = |world: &mut World, stream: &str| -> GroupKey {
        world.send(bob.connection, play(stream));
        asked(world).group
    };
    let (one, two) = (group(&mut world, "s"), group(&mut world, "t"));
    assert_eq!(one, two);
    world.send(bob.connection, publish("u"));
    assert_eq!(asked(&mut world).group, one);
    let carol = world.login("carol", "q");
    world.send(carol.connection, publish("v"));
    assert_ne!(asked(&mut world).group, one);
}

#[test]
fn a_player_by_whep_may_say_how_many() {
    for (asked_for, expected) in [(None, 3), (Some(1), 1)] {
        let mut world = room(3);
        let mut request = world.host_request("bob", "r", "s", false);
        request.loudest = asked_for;
        assert_eq!(world.post(request), None, "waits for the media plane");
        assert_eq!(asked(&mut world).wish, Wish::Play { loudest: expected });
    }
}
