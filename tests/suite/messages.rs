//! What users tell each other, and what is told of them, through the real rooms of the server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use express_engine::{
    AudioBlock, ExceptionUpdate, ImRecvBarrageMessage, ImRecvBroadcastMessage, ImRecvCustomCommand, NetworkQuality,
    PlayoutSource, RemoteMicStatusUpdate, RoomOnlineUserCountUpdate, SoundLevelUpdate, StreamExtraInfoUpdate, ZegoPublishOptions,
    ZegoStreamOptions,
};
use express_tests::simulation::{Member, Simulation, settle, sleep};

/// Lines that callbacks write.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

/// What a member is told beside states and lists.
fn words(member: &Member) -> Lines {
    let lines = Lines::default();
    let to = lines.clone();
    member.zg.on(move |e: &ImRecvBroadcastMessage| {
        for one in &e.message_list {
            to.add(format!(
                "broadcast {} {} {}",
                one.message_id, one.from_user.user_id, one.message
            ));
        }
    });
    let to = lines.clone();
    member.zg.on(move |e: &ImRecvBarrageMessage| {
        for one in &e.message_list {
            to.add(format!("barrage {} {}", one.from_user.user_id, one.message));
        }
    });
    let to = lines.clone();
    member
        .zg
        .on(move |e: &ImRecvCustomCommand| to.add(format!("command {} {}", e.from_user.user_id, e.command)));
    let to = lines.clone();
    member.zg.on(move |e: &StreamExtraInfoUpdate| {
        for one in &e.stream_list {
            to.add(format!("info {} {}", one.stream_id, one.extra_info));
        }
    });
    let to = lines.clone();
    member
        .zg
        .on(move |e: &RemoteMicStatusUpdate| to.add(format!("mic {} {}", e.stream_id, e.status)));
    lines
}

#[actix::test]
async fn what_one_engine_says_the_others_hear_and_it_does_not_hear_itself() {
    let simulation = Simulation::start();
    let (alice, bob, carol) = (
        simulation.member("alice"),
        simulation.member("bob"),
        simulation.member("carol"),
    );
    let mut heard = Vec::new();
    for member in [&alice, &bob, &carol] {
        heard.push(words(member));
        member.login("room", 3_600).await;
    }
    let first = alice.zg.send_broadcast_message("room", "one").await.unwrap().message_id;
    let second = bob.zg.send_broadcast_message("room", "two").await.unwrap().message_id;
    assert!(second > first, "{second} after {first}");
    alice.zg.send_barrage_message("room", "hi").await.unwrap();
    let sent = alice.zg.send_custom_command("room", "go", ["bob", "dave"]).await.unwrap();
    assert_eq!(sent.absent.iter().map(|user| user.as_str()).collect::<Vec<_>>(), ["dave"]);
    assert_eq!(
        alice.zg.send_custom_command("room", "go", ["dave"]).await.unwrap_err().code,
        1009010
    );
    settle().await;
    let (one, two) = (format!("broadcast {first} alice one"), format!("broadcast {second} bob two"));
    assert_eq!(heard[0].take(), [two.as_str()]);
    let mut bobs = heard[1].take();
    bobs.sort();
    assert_eq!(bobs, ["barrage alice hi", one.as_str(), "command alice go"]);
    let mut carols = heard[2].take();
    carols.sort();
    let mut expected = ["barrage alice hi", one.as_str(), two.as_str()];
    expected.sort_unstable();
    assert_eq!(carols, expected);

    // The third broadcast within a second is too much of one user.
    sleep(2.0).await;
    let codes = [
        alice.zg.send_broadcast_message("room", "x"),
        alice.zg.send_broadcast_message("room", "y"),
    ];
    let third = alice.zg.send_broadcast_message("room", "z");
    for one in codes {
        one.await.unwrap();
    }
    assert_eq!(third.await.unwrap_err().code, 1009015);
}

#[actix::test]
async fn messages_to_a_user_whose_link_is_away_arrive_when_it_is_back_and_his_own_are_1009010() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    let heard = words(&bob);
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    settle().await;
    bob.line.set_signalling(false);
    sleep(1.0).await;
    assert_eq!(bob.zg.send_broadcast_message("room", "lost").await.unwrap_err().code, 1009010);
    alice.zg.send_broadcast_message("room", "kept").await.unwrap();
    alice.zg.send_custom_command("room", "come back", ["bob"]).await.unwrap();
    settle().await;
    assert!(heard.take().is_empty());
    bob.line.set_signalling(true);
    sleep(10.0).await;
    let told = heard.take();
    assert!(
        told[0].ends_with("alice kept") && told[1..] == ["command alice come back"],
        "{told:?}"
    );
}

#[actix::test]
async fn a_stream_carries_its_newest_text_and_its_mute_to_all_who_are_there_and_who_come_later() {
    let simulation = Simulation::start();
    let (alice, bob, carol) = (
        simulation.member("alice"),
        simulation.member("bob"),
        simulation.member("carol"),
    );
    let (bobs, carols) = (words(&bob), words(&carol));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    let local = alice.zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let options = ZegoPublishOptions {
        extra_info: "seat 1".into(),
        ..Default::default()
    };
    alice.zg.mute_publish_stream_audio(&local, true).unwrap();
    alice.zg.start_publishing_stream("a", &local, options).unwrap();
    settle().await;
    assert_eq!(bobs.take(), ["info a seat 1", "mic a MUTE"], "it came muted");
    assert_eq!(alice.zg.set_stream_extra_info("b", "x").await.unwrap_err().code, 1103055);
    alice.zg.set_stream_extra_info("a", "seat 2").await.unwrap();
    alice.zg.mute_publish_stream_audio(&local, false).unwrap();
    settle().await;
    assert_eq!(bobs.take(), ["info a seat 2", "mic a OPEN"]);

    // The link is away: a text is refused, a mute is told when it is back, and nobody sees the stream go.
    alice.line.set_signalling(false);
    sleep(1.0).await;
    assert_eq!(alice.zg.set_stream_extra_info("a", "seat 3").await.unwrap_err().code, 1000017);
    alice.zg.mute_publish_stream_audio(&local, true).unwrap();
    sleep(1.0).await;
    assert!(bobs.take().is_empty());
    alice.line.set_signalling(true);
    bob.told.take();
    sleep(10.0).await;
    assert_eq!(bobs.take(), ["mic a MUTE"]);
    assert!(bob.told.take().is_empty(), "no DELETE, no ADD");

    carol.login("room", 3_600).await;
    settle().await;
    assert_eq!(carols.take(), ["info a seat 2", "mic a MUTE"]);

    // Published again, it carries the newest text and the mute of now.
    simulation.net.cut(&alice.line);
    sleep(60.0).await;
    simulation.net.restore(&alice.line);
    sleep(20.0).await;
    bobs.take();
    bob.zg.logout_room("room").unwrap();
    settle().await;
    bob.login("room", 3_600).await;
    settle().await;
    assert_eq!(bobs.take(), ["info a seat 2", "mic a MUTE"]);
}

#[actix::test]
async fn levels_follow_what_is_said_and_are_0_while_the_publisher_is_muted() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    let local = alice.publish_tone("a", 440.0).await;
    settle().await;
    let _ear = bob.listen("a").await;
    let levels = |member: &Member| {
        let lines = Lines::default();
        let to = lines.clone();
        member.zg.on(move |e: &SoundLevelUpdate| {
            for one in &e.sound_level_list {
                to.add(format!("{} {} {:.0}", one.stream_type, one.stream_id, one.sound_level / 10.0));
            }
        });
        member.zg.set_sound_level_delegate(true, 1_000).unwrap();
        lines
    };
    let (said, heard) = (levels(&alice), levels(&bob));
    sleep(5.5).await;
    let loud = |lines: &[String], of: &str| lines.iter().filter(|line| **line == format!("{of} a 5")).count();
    let (said_then, heard_then) = (said.take(), heard.take());
    assert!(said_then.len() == 5 && loud(&said_then, "push") == 5, "{said_then:?}");
    assert!(heard_then.len() == 5 && loud(&heard_then, "pull") >= 4, "{heard_then:?}");
    alice.zg.mute_publish_stream_audio(&local, true).unwrap();
    sleep(3.0).await;
    said.take();
    heard.take();
    sleep(2.0).await;
    assert_eq!(said.take(), ["push a 0", "push a 0"]);
    assert_eq!(heard.take(), ["pull a 0", "pull a 0"]);
}

/// A bot that says something while it is told to.
struct Bot(Arc<AtomicBool>);

impl PlayoutSource for Bot {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        let level = if self.0.load(Ordering::Relaxed) { 0.3 } else { 0.0 };
        for (index, sample) in out.samples_mut().iter_mut().enumerate() {
            *sample = if index % 96 < 48 { level } else { -level };
        }
    }
}

#[actix::test]
async fn listeners_of_a_silent_stream_are_told_once_and_once_more_when_there_is_sound_again() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    let speaks = Arc::new(AtomicBool::new(true));
    let local = alice.zg.create_zego_stream(ZegoStreamOptions::custom(Bot(speaks.clone())));
    let local = local.await.unwrap();
    alice.zg.start_publishing_stream("a", &local, Default::default()).unwrap();
    settle().await;
    let _ear = bob.listen("a").await;
    let exceptions = |member: &Member| {
        let lines = Lines::default();
        let to = lines.clone();
        member
            .zg
            .on(move |e: &ExceptionUpdate| to.add(format!("{} {}", e.stream_id, e.exception.code)));
        lines
    };
    let (of_alice, of_bob) = (exceptions(&alice), exceptions(&bob));
    sleep(10.0).await;
    assert_eq!(of_bob.take(), [""; 0], "all is well");
    speaks.store(false, Ordering::Relaxed);
    sleep(20.0).await;
    assert_eq!(of_bob.take(), ["a 1006"]);
    alice.zg.mute_publish_stream_audio(&local, true).unwrap();
    sleep(10.0).await;
    alice.zg.mute_publish_stream_audio(&local, false).unwrap();
    speaks.store(true, Ordering::Relaxed);
    sleep(7.0).await;
    assert_eq!(of_bob.take(), ["a 2006"]);
    assert_eq!(of_alice.take(), [""; 0], "a bot may be silent");
}

#[actix::test]
async fn all_that_is_played_can_be_muted_at_once_and_costs_no_bandwidth_then() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    alice.login("room", 3_600).await;
    bob.login("room", 3_600).await;
    let _locals = (alice.publish_tone("a", 440.0).await, alice.publish_tone("b", 620.0).await);
    settle().await;
    let ear = bob.listen("a").await;
    bob.zg.mute_all_play_audio_streams(true).await.unwrap();
    let later = bob.listen("b").await;
    sleep(3.0).await;
    assert!(ear.amplitude(440.0) < 0.01 && later.amplitude(620.0) < 0.01);
    bob.zg.mute_play_stream_audio("b", true).await.unwrap();
    bob.zg.mute_all_play_audio_streams(false).await.unwrap();
    sleep(3.0).await;
    assert!(ear.amplitude(440.0) > 0.2, "{}", ear.amplitude(440.0));
    assert!(later.amplitude(620.0) < 0.01, "its own mute stays");
}

#[actix::test]
async fn users_hear_how_good_the_networks_of_those_are_whom_they_play() {
    let simulation = Simulation::start();
    let (alice, bob, carol) = (
        simulation.member("alice"),
        simulation.member("bob"),
        simulation.member("carol"),
    );
    let notes = |member: &Member| {
        let lines = Lines::default();
        let to = lines.clone();
        member.zg.on(move |e: &NetworkQuality| {
            let (up, down) = (i8::from(e.upstream_quality), i8::from(e.downstream_quality));
            to.add(format!("{:?} {up} {down}", e.user_id));
        });
        lines
    };
    let (bobs, carols) = (notes(&bob), notes(&carol));
    for member in [&alice, &bob, &carol] {
        member.login("room", 3_600).await;
    }
    let _local = alice.publish_tone("a", 440.0).await;
    settle().await;
    let _ear = bob.listen("a").await;
    sleep(12.0).await;
    let told = bobs.take();
    assert!(told.contains(&"\"\" -1 0".into()), "his own: {told:?}");
    assert!(told.contains(&"\"alice\" 0 -1".into()), "alice, who publishes: {told:?}");
    assert!(carols.take().is_empty(), "carol plays nothing");
    // Nothing is heard of alice any more.
    simulation.net.cut(&alice.line);
    sleep(30.0).await;
    let told = bobs.take();
    let of_alice: Vec<_> = told.iter().filter(|line| line.starts_with("\"alice\"")).collect();
    assert!(of_alice.iter().any(|line| **line == "\"alice\" -1 -1"), "{of_alice:?}");
    assert_eq!(of_alice.last().map(|line| line.as_str()), Some("\"alice\" 4 4"));
}

#[actix::test]
async fn everybody_is_told_how_many_are_there_at_login_and_with_each_heartbeat() {
    let simulation = Simulation::start();
    let (alice, bob) = (simulation.member("alice"), simulation.member("bob"));
    let counts = Lines::default();
    let to = counts.clone();
    alice
        .zg
        .on(move |e: &RoomOnlineUserCountUpdate| to.add(format!("{} {}", e.room_id, e.count)));
    alice.login("room", 3_600).await;
    settle().await;
    assert_eq!(counts.take(), ["room 1"]);
    bob.login("room", 3_600).await;
    sleep(65.0).await;
    let told = counts.take();
    assert!(
        (2..=3).contains(&told.len()) && told.iter().all(|line| line == "room 2"),
        "{told:?}"
    );
}
