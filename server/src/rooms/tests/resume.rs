//! A client comes back on a new socket.

use express_signalling::protocol::{Heartbeat, Resume, VERSION};

use super::words::*;
use super::world::*;

#[test]
fn a_resume_replays_exactly_what_was_missed() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    world.login("bob", "r");
    world.close(alice.connection);
    let carol = world.login("carol", "r");
    world.publish(carol.connection, "s");
    let (connection, answer) = world.resume(&alice, 1);
    let ok = answer.unwrap();
    let missed = ok.missed.unwrap();
    assert_eq!(missed.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(
        missed.iter().flat_map(|event| short(&event.event)).collect::<Vec<_>>(),
        ["+carol", "+s"]
    );
    assert!(ok.snapshot.is_none() && ok.publishing.is_empty() && ok.playing.is_empty());
    assert_eq!((ok.online_count, ok.heartbeat_ms, ok.version), (3, 30_000, VERSION));
    world.login("dave", "r");
    assert_eq!(world.sockets[&connection].events[0].seq, 4);
    assert_eq!(world.state.counters().resumes_replayed, 1);
}

#[test]
fn a_gap_that_is_too_long_costs_a_snapshot() {
    let mut world = World::with(|config| config.limits.replay_events = 2);
    let alice = world.login("alice", "r");
    world.close(alice.connection);
    for user in ["u1", "u2", "u3"] {
        world.login(user, "r");
    }
    let (_, answer) = world.resume(&alice, 0);
    let ok = answer.unwrap();
    assert!(ok.missed.is_none());
    let snapshot = ok.snapshot.unwrap();
    assert_eq!((snapshot.seq, snapshot.users.len()), (3, 3));
    assert_eq!(world.state.counters().resumes_with_snapshot, 1);
}

#[test]
fn a_number_that_was_never_sent_is_answered_with_a_snapshot() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let ok = world.resume(&alice, 99).1.unwrap();
    assert_eq!(ok.snapshot.unwrap().seq, 0);
}

#[test]
fn a_resumed_client_keeps_its_streams_and_plays_and_nobody_noticed() {
    let mut world = World::new();
    let watcher = world.login("watcher", "r");
    let other = world.publish(watcher.connection, "w");
    let alice = world.login("alice", "r");
    let published = world.publish(alice.connection, "s");
    let played = world.play(alice.connection, "w");
    world.news(watcher.connection);
    world.close(alice.connection);
    world.pass_with_heartbeats(99, &[watcher.connection]);
    let (connection, answer) = world.resume(&alice, 0);
    let ok = answer.unwrap();
    assert_eq!((ok.publishing, ok.playing), (vec![stream("s")], vec![stream("w")]));
    assert_eq!(world.media_peers(), [other, published, played].into());
    // It lives on from here.
    world.pass_with_heartbeats(200, &[watcher.connection, connection]);
    assert!(world.news(watcher.connection).is_empty());
}

#[test]
fn the_newest_socket_of_a_session_is_its_socket() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let (second, answer) = world.resume(&alice, 0);
    assert!(answer.is_ok());
    assert_eq!(world.closed(alice.connection), Some(1000));
    world.close(alice.connection);
    world.login("bob", "r");
    assert_eq!(world.news(second), ["+bob"]);
    // The end of the old socket did not make the session silent.
    world.pass_with_heartbeats(120, &[second]);
    assert_eq!(world.state.counters().sessions, 1);
}

#[test]
fn who_does_not_know_the_secret_learns_nothing_and_does_no_harm() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let stranger = world.open();
    let guesses = [
        (alice.session.as_str(), ""),
        (alice.session.as_str(), &alice.secret[1..]),
        ("unknown", alice.secret.as_str()),
    ];
    let mut texts = Vec::new();
    for (session, secret) in guesses {
        let resume = Resume {
            versions: vec![VERSION],
            session: session.into(),
            secret: secret.into(),
            last_seq: 0,
        };
        let refusal = world.ask(stranger, resume).unwrap_err();
        assert_eq!((refusal.code, refusal.retry), (1002051, None));
        texts.push(refusal.message);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
    assert_eq!(world.closed(alice.connection), None);
    assert_eq!(world.code(alice.connection, Heartbeat {}), 0);
}

#[test]
fn a_resume_needs_a_common_version_and_a_socket_of_its_own() {
    let mut world = World::new();
    let alice = world.login("alice", "r");
    let bob = world.login("bob", "r");
    let mut resume = Resume {
        versions: vec![9],
        session: alice.session.clone(),
        secret: alice.secret.clone(),
        last_seq: 0,
    };
    let socket = world.open();
    assert_eq!(world.code(socket, resume.clone()), 1100001);
    resume.versions = vec![VERSION];
    assert_eq!(world.code(bob.connection, resume), 1102015);
}

#[test]
fn the_time_of_day_may_be_set_and_no_session_and_no_stream_notices() {
    for set_by_s in [-10 * 86_400, 3_600] {
        let mut world = World::new();
        let alice = world.login("alice", "r");
        let bob = world.login("bob", "r");
        world.publish(alice.connection, "s");
        world.news(bob.connection);
        world.lose(alice.connection);
        world.pass_with_heartbeats(50, &[bob.connection]);
        world.set_by_s = set_by_s;
        world.pass_with_heartbeats(49, &[bob.connection]);
        let (back, answer) = world.resume(&alice, 0);
        assert_eq!(answer.unwrap().publishing, [stream("s")]);
        world.lose(back);
        world.pass_with_heartbeats(99, &[bob.connection]);
        assert_eq!(world.news(bob.connection), Vec::<String>::new(), "set by {set_by_s} s");
        world.pass_with_heartbeats(1, &[bob.connection]);
        assert_eq!(world.news(bob.connection), ["-s:2", "-alice"]);
    }
}
