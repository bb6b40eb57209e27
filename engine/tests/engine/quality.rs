//! The network's quality, levels, and who is muted.

use std::time::Duration;

use express_engine::{
    CapturedSoundLevelUpdate, ExceptionUpdate, NetworkQuality, QualityGrade, RemoteMicStatusUpdate, RoomState,
    RoomStateChangedReason as Reason, RoomStateUpdate, SoundLevelUpdate, StreamId, UserId, ZegoExpressEngine,
    ZegoSoundLevelConfig, ZegoStreamOptions, ZegoUpdateType,
};
use express_messages::{
    audio_device::{SoundLevel, SoundLevels},
    exceptions::{PlayInterval, PublishInterval},
    player::PlayerEvent,
    publisher::PublisherEvent,
    room::{RoomEvent, SessionFate},
    stats::{ListenerReport, UplinkReport, UserQuality},
};
use futures::{FutureExt, StreamExt};
use serde_json::json;

use crate::{
    fakes::World,
    told::{Notes, TOKEN, config, logged_in, settle, streams},
};

async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

fn stream_id(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

fn network(zg: &ZegoExpressEngine) -> Notes {
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &NetworkQuality| {
        let (up, down) = (i8::from(e.upstream_quality), i8::from(e.downstream_quality));
        note.add(format!("{:?} {up} {down}", e.user_id));
    });
    notes
}

fn reports(world: &World) -> Vec<String> {
    world.told().into_iter().filter(|line| line.starts_with("quality")).collect()
}

#[actix::test]
async fn the_own_quality_is_told_and_reported_every_3_seconds_while_something_is_published_or_played() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = network(&zg);
    pass(10_000).await;
    assert!(notes.take().is_empty(), "nothing is published or played");
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    pass(3_100).await;
    // The fake publisher's own report comes a moment after the first.
    assert_eq!(notes.take(), ["\"\" -1 -1"]);
    pass(6_000).await;
    assert_eq!(notes.take(), ["\"\" 0 -1", "\"\" 0 -1"]);
    assert_eq!(reports(&world), ["quality -1 -1", "quality 0 -1", "quality 0 -1"]);
    zg.stop_publishing_stream("s").unwrap();
    pass(10_000).await;
    assert!(notes.take().is_empty());
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    pass(3_100).await;
    assert_eq!(
        notes.take(),
        ["\"\" -1 -1"],
        "a stream that was stopped says nothing of the next"
    );
}

#[actix::test]
async fn the_worst_of_all_published_streams_counts() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = network(&zg);
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    zg.start_publishing_stream("t", &local, Default::default()).unwrap();
    settle().await;
    for (stream, grade) in [("s", QualityGrade::Bad), ("t", QualityGrade::Good)] {
        let mut stats = crate::fakes::publish_stats(48.0);
        stats.audio.audio_quality = grade;
        let publisher = world.lock().publishers[stream].clone();
        publisher.do_send(PublisherEvent::Quality(stats));
    }
    pass(2_999).await;
    assert_eq!(notes.take(), ["\"\" 3 -1"]);
}

#[actix::test]
async fn the_quality_of_others_is_told_while_their_streams_of_this_room_are_played() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = network(&zg);
    let reported = |user: &str, up| UserQuality {
        user_id: UserId::new(user).unwrap(),
        up,
        down: QualityGrade::Medium,
    };
    let others = |notes: &Notes| -> Vec<String> {
        let lines = notes.take();
        lines.into_iter().filter(|line| !line.starts_with("\"\"")).collect()
    };
    world.room_says(streams(ZegoUpdateType::Add, &["b"]));
    drop(zg.start_playing_stream("b", Default::default()));
    drop(zg.start_playing_stream("elsewhere", Default::default()));
    settle().await;
    pass(3_000).await;
    assert!(others(&notes).is_empty(), "bob has reported nothing");
    let report = vec![reported("bob", QualityGrade::Good), reported("carol", QualityGrade::Good)];
    world.room_says(RoomEvent::NetworkQuality(report));
    let mut seen = Vec::new();
    for _ in 0..6 {
        pass(3_000).await;
        seen.extend(others(&notes));
    }
    let expected = ["1 2", "1 2", "-1 -1", "-1 -1", "4 4", "4 4"].map(|grades| format!("\"bob\" {grades}"));
    assert_eq!(seen, expected, "carol's streams are not played");
    zg.stop_playing_stream("b").unwrap();
    pass(3_000).await;
    assert!(others(&notes).is_empty());
}

#[actix::test]
async fn what_the_server_measured_reaches_the_parts_whose_streams_it_is_about() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("a", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("b", Default::default()));
    settle().await;
    let heard = ListenerReport {
        listeners: 7,
        loss_worst: None,
        loss_median: None,
        burst_worst: None,
        burst_median: None,
        rtt_median_ms: None,
        uplink_loss: None,
        uplink_burst: None,
        copying: 0,
    };
    let uplink = UplinkReport {
        rtt_ms: None,
        loss: 0.25,
        jitter_ms: 5,
    };
    let of = |name: &str| stream_id(name);
    world.room_says(RoomEvent::ListenerReports(vec![(of("a"), heard), (of("b"), heard)]));
    world.room_says(RoomEvent::UplinkReports(vec![(of("a"), uplink), (of("b"), uplink)]));
    settle().await;
    let told = world.told().into_iter();
    let told: Vec<_> = told
        .filter(|line| line.contains("listeners") || line.contains("uplink"))
        .collect();
    assert_eq!(told, ["publisher a listeners 7", "player b uplink loses 0.25"]);
}

#[actix::test]
async fn a_muted_stream_is_told_to_the_server_and_muted_streams_of_others_are_told() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &RemoteMicStatusUpdate| note.add(format!("{} {}", e.stream_id, e.status)));
    let says = |name: &str, muted| {
        world.room_says(RoomEvent::MicUpdate {
            stream_id: stream_id(name),
            muted,
        });
    };
    world.room_says(streams(ZegoUpdateType::Add, &["b"]));
    says("b", true);
    says("b", false);
    says("elsewhere", true);
    settle().await;
    assert_eq!(notes.take(), ["b MUTE", "b OPEN"], "who does not play it is not concerned");
    drop(zg.start_playing_stream("elsewhere", Default::default()));
    says("elsewhere", true);
    says("elsewhere", true);
    settle().await;
    assert_eq!(notes.take(), ["elsewhere MUTE"]);
    world.room_says(RoomEvent::LinkRestored {
        session: SessionFate::Lost,
    });
    settle().await;
    assert_eq!(
        notes.take(),
        ["elsewhere OPEN"],
        "a new session is told anew of what is muted"
    );
}

#[actix::test]
async fn levels_come_at_the_interval_first_what_is_published_then_what_is_played() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &SoundLevelUpdate| {
        let list = e.sound_level_list.iter();
        let list: Vec<_> = list
            .map(|i| format!("{} {} {}", i.stream_type, i.stream_id, i.sound_level))
            .collect();
        note.add(list.join(", "));
    });
    let captured = Notes::default();
    let note = captured.clone();
    zg.on(move |e: &CapturedSoundLevelUpdate| note.add(e.sound_level.to_string()));
    for interval in [0, 99, 3_001] {
        assert_eq!(zg.set_sound_level_delegate(true, interval).unwrap_err().code, 1100001);
    }
    zg.set_sound_level_delegate(true, None).unwrap();
    pass(3_100).await;
    assert_eq!(
        (notes.take().len(), captured.take()),
        (0, vec!["0".to_string(); 3]),
        "there is no stream"
    );

    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let other = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    world.room_says(streams(ZegoUpdateType::Add, &["b", "m"]));
    world.room_says(RoomEvent::MicUpdate {
        stream_id: stream_id("m"),
        muted: true,
    });
    drop(zg.start_playing_stream("b", Default::default()));
    drop(zg.start_playing_stream("m", Default::default()));
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    let loud = |level| SoundLevel { level, voice: true };
    world.lock().levels = SoundLevels {
        sent: vec![(local.id(), loud(0.5)), (other.id(), loud(0.9))],
        captured: vec![(local.id(), loud(0.6)), (other.id(), loud(0.75))],
        played: vec![(stream_id("m"), loud(0.25)), (stream_id("b"), loud(2.0))],
    };
    captured.take();
    zg.set_sound_level_delegate(true, 100).unwrap();
    pass(250).await;
    let line = "push s 50, pull b 100, pull m 0".to_string();
    assert_eq!((notes.take(), captured.take()), (vec![line; 2], vec!["75".to_string(); 2]));
    zg.set_sound_level_delegate(false, None).unwrap();
    pass(5_000).await;
    assert!(notes.take().is_empty() && captured.take().is_empty());
}

#[actix::test]
async fn who_speaks_is_told_behind_the_levels_where_that_was_asked_for() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let mut events = zg.events();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s", &local, Default::default()).unwrap();
    for id in ["b", "m"] {
        drop(zg.start_playing_stream(id, Default::default()));
    }
    world.room_says(streams(ZegoUpdateType::Add, &["b", "m"]));
    world.room_says(RoomEvent::MicUpdate {
        stream_id: stream_id("m"),
        muted: true,
    });
    let level = |voice| SoundLevel { level: 0.5, voice };
    world.lock().levels = SoundLevels {
        sent: vec![(local.id(), level(false))],
        captured: vec![(local.id(), level(true))],
        played: vec![(stream_id("m"), level(true)), (stream_id("b"), level(true))],
    };
    let mut told = async |interval_ms, enable_vad| {
        let config = ZegoSoundLevelConfig { interval_ms, enable_vad };
        zg.start_sound_level_monitor(config).unwrap();
        pass(u64::from(interval_ms) + 50).await;
        let mut told = Vec::new();
        while let Some(Some(event)) = events.next().now_or_never() {
            let event = serde_json::to_value(event.unwrap()).unwrap();
            let levels = ["soundLevelInfoList", "vad"].map(|key| event[key].clone());
            if event["event"].as_str().unwrap().contains("oundLevel") {
                told.push((event["event"].clone(), levels));
            }
        }
        told
    };
    let silent = json!(null);
    let plain = [
        (json!("soundLevelUpdate"), [silent.clone(), silent.clone()]),
        (json!("capturedSoundLevelUpdate"), [silent.clone(), silent.clone()]),
    ];
    assert_eq!(told(100, false).await, plain);
    let list = json!([
        {"streamID": "s", "soundLevel": 50.0, "vad": 0, "type": "push"},
        {"streamID": "b", "soundLevel": 50.0, "vad": 1, "type": "pull"},
        {"streamID": "m", "soundLevel": 0.0, "vad": 0, "type": "pull"},
    ]);
    let [levels, captured] = plain;
    let with_voices = [
        levels,
        captured,
        (json!("soundLevelInfoUpdate"), [list, silent.clone()]),
        (json!("capturedSoundLevelInfoUpdate"), [silent, json!(1)]),
    ];
    assert_eq!(told(1_000, true).await, with_voices);
    let config = ZegoSoundLevelConfig {
        interval_ms: 99,
        ..Default::default()
    };
    assert_eq!(zg.start_sound_level_monitor(config).unwrap_err().code, 1100001);
}

#[actix::test]
async fn each_room_state_has_its_older_twin_behind_it() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &express_engine::RoomStateChanged| note.add(format!("{} {}", e.reason, e.error_code)));
    let note = notes.clone();
    zg.on(move |e: &RoomStateUpdate| note.add(format!("{} {} {}", e.room_id, e.state, e.error_code)));
    zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    world.room_state(Reason::Reconnecting, 1000017);
    world.room_state(Reason::Reconnected, 0);
    settle().await;
    zg.logout_room("r").unwrap();
    settle().await;
    let expected = [
        "LOGINING 0",
        "r CONNECTING 0",
        "LOGINED 0",
        "r CONNECTED 0",
        "RECONNECTING 1000017",
        "r CONNECTING 1000017",
        "RECONNECTED 0",
        "r CONNECTED 0",
        "LOGOUT 0",
        "r DISCONNECTED 0",
    ];
    assert_eq!(notes.take(), expected);
    assert_eq!(RoomState::Disconnected.as_str(), "DISCONNECTED");
}

#[actix::test]
async fn what_goes_wrong_with_a_streams_sound_is_told_once_and_its_recovery_once() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let note = notes.clone();
    zg.on(move |e: &ExceptionUpdate| note.add(format!("{} {}", e.stream_id, e.exception.code)));
    let microphone = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let bot = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s", &microphone, Default::default()).unwrap();
    zg.start_publishing_stream("bot", &bot, Default::default()).unwrap();
    world.room_says(streams(ZegoUpdateType::Add, &["b"]));
    drop(zg.start_playing_stream("b", Default::default()));
    settle().await;
    let intervals = async |level: f64, times: usize| {
        for _ in 0..times {
            for stream in ["s", "bot"] {
                let publisher = world.lock().publishers[stream].clone();
                publisher.do_send(PublisherEvent::Interval(published(level)));
            }
            let player = world.lock().players["b"].clone();
            player.do_send(PlayerEvent::Interval(played(level)));
            settle().await;
        }
    };
    intervals(0.0, 4).await;
    assert_eq!(notes.take(), ["s 1002", "b 1006"], "a bot may be silent");
    intervals(0.3, 3).await;
    assert_eq!(notes.take(), ["s 2002", "b 2006"]);
    let muted = |muted| {
        let stream_id = stream_id("b");
        world.room_says(RoomEvent::MicUpdate { stream_id, muted });
    };
    muted(true);
    intervals(0.0, 3).await;
    assert_eq!(notes.take(), ["s 1002"], "what its publisher muted is silent on purpose");
    muted(false);
    intervals(0.0, 2).await;
    assert_eq!(notes.take(), ["b 1006"]);
}

fn published(level: f64) -> PublishInterval {
    PublishInterval {
        muted: false,
        capture_level: Some(level),
        packets_due: Some(150),
        packets_sent: 150,
        target_kbps: Some(48.0),
        asked_kbps: 48.0,
    }
}

fn played(level: f64) -> PlayInterval {
    PlayInterval {
        paused: false,
        publisher_muted: false,
        seconds: 3.0,
        packets_received: 150,
        packets_decoded: 150,
        level,
    }
}
