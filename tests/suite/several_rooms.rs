//! One engine in two rooms at a time, with the server's own rooms.

use express_engine::{ZegoEngineConfig, ZegoPublishOptions, ZegoRoomConfig, ZegoStreamOptions};
use express_tests::simulation::{Member, Simulation, settle, sleep};

/// A tone that is heard has more.
const HEARD: f64 = 0.2;
/// A tone that is not heard has less.
const SILENCE: f64 = 0.02;

async fn publish(member: &Member, room: &str, stream: &str, hz: f32) -> express_engine::ZegoLocalStream {
    let local = member.zg.create_zego_stream(ZegoStreamOptions::tone(hz)).await.unwrap();
    let options = ZegoPublishOptions {
        room_id: Some(room.into()),
        ..Default::default()
    };
    member.zg.start_publishing_stream(stream, &local, options).unwrap();
    local
}

#[actix::test]
async fn who_is_in_two_rooms_speaks_in_one_and_hears_the_other_and_leaves_each_alone() {
    let simulation = Simulation::start();
    let (alice, bob, carol) = (
        simulation.member("alice"),
        simulation.member("bob"),
        simulation.member("carol"),
    );
    alice.zg.enable_multi_room(true).unwrap();
    bob.login("one", 86_400).await;
    carol.login("two", 86_400).await;
    carol.publish_tone("carol", 620.0).await;
    alice.login("one", 86_400).await;
    alice.login("two", 86_400).await;
    let _local = publish(&alice, "one", "alice", 440.0).await;
    settle().await;
    let (bob_hears, alice_hears) = (bob.listen("alice").await, alice.listen("carol").await);
    sleep(3.0).await;
    assert!(bob_hears.amplitude(440.0) > HEARD && alice_hears.amplitude(620.0) > HEARD);
    assert!(
        !carol.told.take().iter().any(|told| told.contains("streams")),
        "the stream is of the other room"
    );
    alice.told.take();
    alice.zg.logout_room("two").unwrap();
    sleep(3.0).await;
    assert_eq!(alice.told.take(), ["play carol NO_PLAY 0", "room LOGOUT 0"]);
    assert!(carol.told.take().contains(&"users DELETE alice".into()));
    assert!(bob_hears.amplitude(440.0) > HEARD, "the other room goes on");
    assert_eq!(simulation.server().await.sessions, 3);
}

/// Alice is away for so long, and both of her rooms come back.
async fn both_rooms_come_back_after(seconds: f64) {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.zg.enable_multi_room(true).unwrap();
    for room in ["one", "two"] {
        alice.login(room, 86_400).await;
    }
    let _local = publish(&alice, "two", "alice", 440.0).await;
    bob.login("two", 86_400).await;
    settle().await;
    let bob_hears = bob.listen("alice").await;
    sleep(3.0).await;
    alice.told.take();
    simulation.net.cut(&alice.line);
    sleep(seconds).await;
    simulation.net.restore(&alice.line);
    sleep(60.0).await;
    let told = alice.told.take();
    let rooms: Vec<_> = told.iter().filter(|told| told.starts_with("room")).collect();
    assert_eq!(
        rooms,
        [
            "room RECONNECTING 1000017",
            "room RECONNECTING 1000017",
            "room RECONNECTED 0",
            "room RECONNECTED 0"
        ],
        "away for {seconds} s"
    );
    assert!(bob_hears.amplitude(440.0) > HEARD);
    assert_eq!(simulation.server().await.sessions, 3);
}

#[actix::test]
async fn both_rooms_come_back_after_an_outage() {
    both_rooms_come_back_after(40.0).await;
}

#[actix::test]
async fn both_rooms_come_back_by_logins_anew() {
    both_rooms_come_back_after(150.0).await;
}

#[actix::test]
async fn a_second_device_of_the_user_ends_both_rooms() {
    let simulation = Simulation::start();
    let (phone, laptop) = (simulation.member("alice"), simulation.member("alice"));
    phone.zg.enable_multi_room(true).unwrap();
    laptop.zg.enable_multi_room(true).unwrap();
    for room in ["one", "two"] {
        phone.login(room, 86_400).await;
    }
    phone.told.take();
    laptop.login("three", 86_400).await;
    sleep(2.0).await;
    assert_eq!(phone.told.take(), ["room KICKOUT 1002050", "room KICKOUT 1002050"]);
    assert_eq!(simulation.server().await.sessions, 1);
    let config = ZegoRoomConfig::default;
    phone.login("one", 86_400).await;
    sleep(2.0).await;
    assert!(laptop.told.take().contains(&"room KICKOUT 1002050".into()));
    for room in ["two", "three", "four", "five"] {
        phone.login(room, 86_400).await;
    }
    let sixth = phone.zg.login_room("six", phone.token(86_400), "alice", config()).await;
    assert_eq!(sixth.unwrap_err().code, 1002037);
}

/// The signalling link of alice is away for a while, and her config says whether to keep the media.
async fn without_the_signalling_link(keep: bool) {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice
        .zg
        .set_engine_config(ZegoEngineConfig {
            keep_rtc_when_signal_disconnected: Some(keep),
            ..Default::default()
        })
        .unwrap();
    for member in [&alice, &bob] {
        member.login("room", 86_400).await;
    }
    alice.publish_tone("alice", 440.0).await;
    bob.publish_tone("bob", 620.0).await;
    settle().await;
    let (alice_hears, bob_hears) = (alice.listen("bob").await, bob.listen("alice").await);
    sleep(3.0).await;
    alice.line.set_signalling(false);
    sleep(40.0).await;
    let heard = [alice_hears.amplitude(620.0), bob_hears.amplitude(440.0)];
    assert!(
        heard.iter().all(|heard| if keep { *heard > HEARD } else { *heard < SILENCE }),
        "{keep}: {heard:?}"
    );
    alice.line.set_signalling(true);
    sleep(60.0).await;
    let heard = [alice_hears.amplitude(620.0), bob_hears.amplitude(440.0)];
    assert!(heard.iter().all(|heard| *heard > HEARD), "{keep}: back: {heard:?}");
}

#[actix::test]
async fn without_its_signalling_link_nothing_is_sent_or_played_where_the_config_says_so() {
    without_the_signalling_link(false).await;
}

#[actix::test]
async fn without_its_signalling_link_media_goes_on_where_the_config_says_so() {
    without_the_signalling_link(true).await;
}
