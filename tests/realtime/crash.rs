//! A process that dies without a word: the other side reports what is documented, and nothing hangs.

use std::time::Instant;

use express_engine::{
    PlayerState, PlayerStateUpdate, PublisherState, PublisherStateUpdate, RoomStateChanged, RoomStateChangedReason, Timings,
    ZegoExpressEngine, ZegoRoomConfig, ZegoStreamOptions,
};
use express_tests::{
    collect::EventLog,
    processes::{PATIENCE, Server, example, work_folder},
    tokens::{APP_ID, token},
};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/speech/jfk_male.wav");

fn login(server: &Server, user: &str) -> (ZegoExpressEngine, EventLog) {
    // What is kept from the application for 8 s is told after one here; the order of things stays.
    let mut timings = Timings::default();
    timings.reconnecting_debounce = std::time::Duration::from_secs(1);
    let zg = ZegoExpressEngine::builder(APP_ID, server.url.as_str())
        .timings(timings)
        .build()
        .unwrap();
    let log = EventLog::of(&zg);
    zg.login_room("crash", token(user), user, ZegoRoomConfig::default())
        .wait()
        .unwrap();
    (zg, log)
}

#[test]
fn a_publisher_that_is_killed_leaves_its_listener_requesting_and_is_heard_again_when_it_is_back() {
    let folder = work_folder("publisher-killed");
    let server = Server::start(&folder);
    let publish = ["--wav", SPEECH, "--loop"];
    let mut publisher = example("publish", &server, "crash", "alice", "s", &folder, &publish);
    publisher.line("PUBLISHING", |line| line.contains("\"PUBLISHING\""));
    let (bob, mut events) = login(&server, "bob");
    bob.start_playing_stream("s", Default::default()).wait().unwrap();
    events.wait_for("PLAYING", |e: &PlayerStateUpdate| e.state == PlayerState::Playing);

    let killed = Instant::now();
    publisher.kill();
    let lost = events.wait_for("the interruption", |e: &PlayerStateUpdate| e.state != PlayerState::Playing);
    println!(
        "the listener learned of the killed publisher after {:.1} s",
        killed.elapsed().as_secs_f64()
    );
    assert_eq!((lost.state, lost.error_code), (PlayerState::PlayRequesting, 1004020));

    let back = Instant::now();
    let again = example("publish", &server, "crash", "alice", "s", &folder, &publish);
    again.line("PUBLISHING again", |line| line.contains("\"PUBLISHING\""));
    events.wait_for("PLAYING again", |e: &PlayerStateUpdate| e.state == PlayerState::Playing);
    println!(
        "it was heard again {:.1} s after it was started anew",
        back.elapsed().as_secs_f64()
    );
    destroy_ends(&bob);
}

#[test]
fn a_server_that_is_killed_is_reported_rejoined_when_it_is_back_and_the_stream_is_published_again() {
    let folder = work_folder("server-killed");
    let mut server = Server::start(&folder);
    let (alice, mut events) = login(&server, "alice");
    let local = alice.create_zego_stream(ZegoStreamOptions::tone(440.0)).wait().unwrap();
    alice.start_publishing_stream("s", &local, Default::default()).unwrap();
    events.wait_for("PUBLISHING", |e: &PublisherStateUpdate| e.state == PublisherState::Publishing);

    let killed = Instant::now();
    server.process.kill();
    let lost = events.wait_for("RECONNECTING", |_: &RoomStateChanged| true);
    println!("RECONNECTING came {:.1} s after the kill", killed.elapsed().as_secs_f64());
    assert_eq!(
        (lost.reason, lost.error_code),
        (RoomStateChangedReason::Reconnecting, 1000017)
    );

    server.restart();
    let back = events.wait_for("RECONNECTED", |_: &RoomStateChanged| true);
    assert_eq!((back.reason, back.error_code), (RoomStateChangedReason::Reconnected, 0));
    println!("RECONNECTED came {:.1} s after the kill", killed.elapsed().as_secs_f64());
    let mut states: Vec<PublisherState> = events.seen.iter().filter_map(publisher_state).collect();
    while states.iter().filter(|state| **state == PublisherState::Publishing).count() < 2 {
        states.push(events.wait_for("PUBLISHING again", |_: &PublisherStateUpdate| true).state);
    }
    assert!(
        !states.contains(&PublisherState::NoPublish),
        "the stream was retried, not given up: {states:?}"
    );
    destroy_ends(&alice);
}

#[test]
fn an_engine_whose_server_is_gone_is_destroyed_within_its_bound() {
    let folder = work_folder("destroy-offline");
    let mut server = Server::start(&folder);
    let (alice, _events) = login(&server, "alice");
    let local = alice.create_zego_stream(ZegoStreamOptions::tone(440.0)).wait().unwrap();
    alice.start_publishing_stream("s", &local, Default::default()).unwrap();
    server.process.kill();
    destroy_ends(&alice);
}

fn publisher_state(event: &express_engine::ZegoEvent) -> Option<PublisherState> {
    match event {
        express_engine::ZegoEvent::PublisherStateUpdate(e) => Some(e.state),
        _ => None,
    }
}

/// destroy blocks at most 2 s by contract; here it must end, and the figure is printed.
fn destroy_ends(zg: &ZegoExpressEngine) {
    let started = Instant::now();
    zg.destroy_engine();
    println!("destroy took {:.2} s", started.elapsed().as_secs_f64());
    assert!(started.elapsed() < PATIENCE);
}
