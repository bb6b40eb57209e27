//! Broadcasts and commands: who gets them, how often they may be sent.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::UserId;
use express_signalling::protocol::{Call, Event, ResumeOk};

use super::words::*;
use super::world::*;

/// A room of three, one of whom wants no news of users, and somebody in another room.
fn company(world: &mut World) -> [Client; 4] {
    let alice = world.login("alice", "r");
    let mut quiet = world.login_request("bob", "r");
    quiet.user_update = false;
    let bob = world.login_with(quiet).unwrap();
    let carol = world.login("carol", "r");
    let stranger = world.login("dave", "elsewhere");
    let company = [alice, bob, carol, stranger];
    for client in &company {
        world.news(client.connection);
    }
    company
}

#[test]
fn a_broadcast_reaches_everybody_else_in_the_room_with_its_number_and_time() {
    let mut world = World::new();
    let [alice, bob, carol, stranger] = company(&mut world);
    let first = world.ask(alice.connection, broadcast("hello")).unwrap().message_id;
    let second = world.ask(bob.connection, broadcast("good day")).unwrap().message_id;
    assert!(first < second);
    let Event::BroadcastMessage(heard) = world.sockets[&carol.connection].events[0].event.clone() else {
        panic!("no broadcast");
    };
    assert_eq!(
        (heard.messages[0].message_id, heard.messages[0].send_time_ms),
        (first, world.at().unix_ms)
    );
    assert_eq!(world.news(carol.connection), ["alice to all: hello", "bob to all: good day"]);
    assert_eq!(world.news(bob.connection), ["alice to all: hello"]);
    assert_eq!(world.news(alice.connection), ["bob to all: good day"]);
    assert_eq!(world.news(stranger.connection), [""; 0]);
    assert_eq!(world.state.counters().broadcasts, 2);
}

#[test]
fn broadcasts_and_commands_reach_those_who_are_away_when_they_resume() {
    let mut world = World::new();
    let [alice, bob, _, _] = company(&mut world);
    world.lose(bob.connection);
    assert_eq!(world.code(alice.connection, broadcast("hello")), 0);
    assert_eq!(world.code(alice.connection, command("sit", &["bob"])), 0);
    let missed = world.resume(&bob, bob.ok.snapshot.seq).1.unwrap().missed.unwrap();
    let missed: Vec<_> = missed.iter().flat_map(|event| short(&event.event)).collect();
    assert_eq!(missed, ["alice to all: hello", "alice: sit"]);
}

#[test]
fn a_command_reaches_those_who_are_listed_once_each_and_names_the_absent() {
    let mut world = World::new();
    let [alice, bob, carol, stranger] = company(&mut world);
    let list = ["bob", "nobody", "bob", "alice", "dave", "nobody"];
    let absent = world.ask(alice.connection, command("sit", &list)).unwrap().absent;
    assert_eq!(
        absent.iter().map(|user| user.as_str()).collect::<Vec<_>>(),
        ["nobody", "dave"]
    );
    assert_eq!(world.news(bob.connection), ["alice: sit"]);
    for client in [&alice, &carol, &stranger] {
        assert_eq!(world.news(client.connection), [""; 0]);
    }
}

#[test]
fn a_command_with_an_empty_list_reaches_everybody_else_in_the_room() {
    let mut world = World::new();
    let [alice, bob, carol, stranger] = company(&mut world);
    assert!(world.ask(alice.connection, command("stand", &[])).unwrap().absent.is_empty());
    assert_eq!(world.news(bob.connection), ["alice: stand"]);
    assert_eq!(world.news(carol.connection), ["alice: stand"]);
    assert_eq!(world.news(alice.connection), [""; 0]);
    assert_eq!(world.news(stranger.connection), [""; 0]);
}

#[test]
fn a_command_for_nobody_who_is_there_is_refused_and_oneself_is_nobody() {
    let mut world = World::new();
    let [alice, ..] = company(&mut world);
    for list in [&["nobody"][..], &["dave"], &["alice"], &["alice", "nobody"]] {
        assert_eq!(world.code(alice.connection, command("sit", list)), 1009010, "{list:?}");
    }
    assert_eq!(world.state.counters().custom_commands, 0);
}

#[test]
fn what_is_empty_or_too_long_is_refused() {
    let mut world = World::new();
    let [alice, ..] = company(&mut world);
    let (longest, too_long) = ("x".repeat(1024), "x".repeat(1025));
    for (text, message, order) in [("", 1009001, 1009001), (&too_long, 1009013, 1009002), (&longest, 0, 0)] {
        assert_eq!(world.code(alice.connection, broadcast(text)), message);
        assert_eq!(world.code(alice.connection, barrage(text)), message);
        assert_eq!(world.code(alice.connection, command(text, &["bob"])), order);
    }
    let names: Vec<String> = (0..501).map(|number| format!("u{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(world.code(alice.connection, command("sit", &names)), 1100001);
    assert_eq!(world.code(alice.connection, command("sit", &names[..500])), 1009010);
}

/// Sends until it is refused; how often it was not, the code, and when to come again.
fn until_refused<C: Call + Clone>(world: &mut World, client: &Client, request: C) -> (usize, i32, u64) {
    for sent in 0..1000 {
        if let Err(error) = world.ask(client.connection, request.clone()) {
            return (sent, error.code, error.retry.unwrap().after_ms);
        }
    }
    panic!("never refused");
}

#[test]
fn a_user_sends_two_broadcasts_a_second_and_is_told_when_to_go_on() {
    let mut world = World::new();
    let [alice, bob, ..] = company(&mut world);
    assert_eq!(until_refused(&mut world, &alice, broadcast("a")), (2, 1009015, 500));
    assert_eq!(world.code(bob.connection, broadcast("b")), 0);
    world.pass(Duration::from_millis(500));
    assert_eq!(until_refused(&mut world, &alice, broadcast("a")), (1, 1009015, 500));
}

#[test]
fn a_room_takes_ten_broadcasts_a_second_and_who_is_refused_for_its_sake_has_lost_nothing() {
    let mut world = World::new();
    for number in 0..5 {
        let user = world.login(&format!("u{number}"), "r");
        assert_eq!(until_refused(&mut world, &user, broadcast("a")).0, 2);
    }
    let late = world.login("late", "r");
    assert_eq!(until_refused(&mut world, &late, broadcast("a")), (0, 1009015, 100));
    assert_eq!(until_refused(&mut world, &late, broadcast("a")), (0, 1009015, 100));
    world.pass(Duration::from_millis(200));
    assert_eq!(until_refused(&mut world, &late, broadcast("a")).0, 2);
    let stranger = world.login("stranger", "elsewhere");
    assert_eq!(world.code(stranger.connection, broadcast("a")), 0);
}

#[test]
fn a_room_takes_twenty_barrage_messages_a_second() {
    let mut world = World::new();
    let [alice, bob, ..] = company(&mut world);
    assert_eq!(until_refused(&mut world, &alice, barrage("a")), (20, 1009015, 50));
    assert_eq!(world.code(bob.connection, barrage("b")), 1009015);
}

#[test]
fn commands_to_several_are_dearer_than_those_to_one() {
    let mut world = World::with(|config| config.limits.request_burst = 1000);
    let [alice, bob, ..] = company(&mut world);
    assert_eq!(
        until_refused(&mut world, &alice, command("c", &["bob", "carol"])),
        (10, 1109001, 100)
    );
    assert_eq!(world.code(alice.connection, command("c", &[])), 1109001);
    // Whom the list names twice, or oneself, makes no several.
    assert_eq!(
        until_refused(&mut world, &alice, command("c", &["bob", "bob", "alice"])),
        (200, 1109001, 5)
    );
    assert_eq!(world.code(bob.connection, command("c", &[])), 0);
}

#[test]
fn what_was_accepted_for_somebody_away_is_not_lost_by_a_resume_with_a_snapshot() {
    let mut world = World::with(|config| config.limits.replay_events = 4);
    let [alice, _, carol, _] = company(&mut world);
    world.lose(carol.connection);
    assert_eq!(world.code(alice.connection, broadcast("hello")), 0);
    assert_eq!(world.code(alice.connection, command("sit", &["carol"])), 0);
    for n in 0..6 {
        world.login(&format!("guest{n}"), "r");
    }
    let texts = |ok: &ResumeOk| ok.messages.iter().flat_map(|event| short(&event.event)).collect::<Vec<_>>();
    let ok = world.resume(&carol, carol.ok.snapshot.seq).1.unwrap();
    assert!(ok.missed.is_none());
    assert_eq!(texts(&ok), ["alice to all: hello", "alice: sit"]);
    assert!(ok.messages.iter().all(|event| event.seq <= ok.snapshot.as_ref().unwrap().seq));
    assert_eq!(world.state.counters().messages_lost, 0);
    // The answer may be lost with its socket: what was seen is for the client to say.
    let again = world.resume(&carol, ok.messages[0].seq).1.unwrap();
    assert_eq!(texts(&again), ["alice: sit"]);
}

#[test]
fn a_command_to_somebody_away_for_whom_too_much_waits_is_not_accepted() {
    let mut world = World::with(|config| config.limits.replay_messages = 8);
    let [alice, bob, carol, _] = company(&mut world);
    world.lose(bob.connection);
    for n in 0..4 {
        assert_eq!(world.code(alice.connection, command(&n.to_string(), &["bob"])), 0);
    }
    let absent = world
        .ask(alice.connection, command("more", &["bob", "carol"]))
        .unwrap()
        .absent;
    assert_eq!(absent.iter().map(UserId::as_str).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(world.code(alice.connection, command("more", &["bob"])), codes::IM_SEND_FAIL);
    assert_eq!(world.state.counters().commands_not_kept, 2);
    assert_eq!(world.news(carol.connection), ["alice: more"]);
    let ok = world.resume(&bob, bob.ok.snapshot.seq).1.unwrap();
    assert_eq!(ok.missed.unwrap().len(), 4);
    assert_eq!(world.code(alice.connection, command("again", &["bob"])), 0);
}
