//! The documented flow, from login to destroy.

use std::time::Duration;

use express_engine::{PublisherStateUpdate, ZegoPublishOptions, ZegoScenario, ZegoStreamOptions, ZegoUpdateType, codes};

use crate::{
    fakes::World,
    told::{Notes, TOKEN, Told, config, logged_in, settle, streams},
};

#[actix::test]
async fn the_whole_seed_flow_runs_in_the_documented_order() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = Told::by(&zg);
    assert!(zg.check_system_requirements().await.unwrap().microphone);

    zg.login_room("r", TOKEN, ("alice", "Alice"), config()).await.unwrap();
    assert_eq!(told.take(), ["room LOGINING 0", "room LOGINED 0"]);

    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    local.play_audio();
    zg.start_publishing_stream("s1", &local, ZegoPublishOptions::default())
        .unwrap();
    assert_eq!(told.take(), ["publish s1 PUBLISH_REQUESTING 0"]);
    settle().await;
    assert_eq!(told.take(), ["publish s1 PUBLISHING 0"]);

    world.room_says(streams(ZegoUpdateType::Add, &["s2"]));
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    remote.play_audio();
    remote.set_volume(50).unwrap();
    settle().await;
    assert_eq!(
        told.take(),
        ["play s2 PLAY_REQUESTING 0", "streams ADD s2", "play s2 PLAYING 0"]
    );

    tokio::time::sleep(Duration::from_secs(4)).await;
    let quality = zg.get_publishing_stream_quality("s1").unwrap();
    assert_eq!(quality.audio.audio_bitrate, 48.0);
    assert!(zg.get_publishing_stream_quality("s2").is_none());

    zg.stop_publishing_stream("s1").unwrap();
    zg.destroy_stream(local).unwrap();
    zg.stop_playing_stream("s2").unwrap();
    settle().await;
    zg.logout_room("r").unwrap();
    assert_eq!(told.take(), ["publish s1 NO_PUBLISH 0", "play s2 NO_PLAY 0", "room LOGOUT 0"]);
    zg.destroy_engine();
    settle().await;
    assert!(told.take().is_empty());

    let parts = world.told();
    for expected in [
        "login r alice true",
        "open Microphone { device_id: None } 1 ch",
        "monitor true 100",
        "48 kbit/s 1 ch Ms20 dtx false muted false",
        "publish s1 \"\"",
        "playout s2 true 50",
        "unpublish s1",
        "close",
        "stop play s2",
        "forget s2",
        "logout",
        "stop device",
    ] {
        assert!(parts.iter().any(|line| line == expected), "{expected} is not in {parts:#?}");
    }
}

#[actix::test]
async fn what_was_asked_of_a_publication_reaches_its_part() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let options = ZegoStreamOptions {
        audio_bitrate: Some(96),
        channel_count: Some(2),
        ..ZegoStreamOptions::tone(440.0)
    };
    let local = zg.create_zego_stream(options).await.unwrap();
    world.told();
    let options = ZegoPublishOptions {
        enable_dtx: true,
        extra_info: "hello".into(),
        ..Default::default()
    };
    zg.start_publishing_stream("s1", &local, options).unwrap();
    settle().await;
    let parts = world.told();
    assert_eq!(
        parts,
        [
            "publisher s1 starts",
            "96 kbit/s 2 ch Ms20 dtx true muted false",
            "publish s1 \"hello\""
        ]
    );
}

#[actix::test]
async fn a_scenario_settles_what_the_options_of_a_stream_leave_open_and_none_is_set_in_a_room() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let settled = [
        (ZegoScenario::Default, "48 kbit/s 1 ch Ms20"),
        (ZegoScenario::StandardVideoCall, "48 kbit/s 1 ch Ms20"),
        (ZegoScenario::HighVideoCall, "48 kbit/s 1 ch Ms20"),
        (ZegoScenario::StandardChatroom, "48 kbit/s 1 ch Ms20"),
        (ZegoScenario::HighQualityChatroom, "128 kbit/s 1 ch Ms20"),
        (ZegoScenario::Broadcast, "192 kbit/s 2 ch Ms20"),
        (ZegoScenario::Karaoke, "192 kbit/s 2 ch Ms10"),
    ];
    let mut streams = Vec::new();
    for (scenario, expected) in settled {
        zg.set_room_scenario(scenario).unwrap();
        streams.push((zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap(), expected));
    }
    let options = ZegoStreamOptions {
        audio_bitrate: Some(24),
        channel_count: Some(1),
        ..ZegoStreamOptions::tone(440.0)
    };
    streams.push((zg.create_zego_stream(options).await.unwrap(), "24 kbit/s 1 ch Ms10"));
    let _told = logged_in(&zg).await;
    assert_eq!(zg.set_room_scenario(ZegoScenario::Default).unwrap_err().code, 1000067);
    world.told();
    for (n, (stream, expected)) in streams.iter().enumerate() {
        zg.start_publishing_stream(format!("s{n}"), stream, Default::default())
            .unwrap();
        settle().await;
        let parts = world.told();
        assert!(
            parts.contains(&format!("{expected} dtx false muted false")),
            "{expected}: {parts:?}"
        );
    }
    zg.logout_all_rooms().unwrap();
    zg.set_room_scenario(ZegoScenario::Default).unwrap();
}

#[actix::test]
async fn publishing_and_playing_are_accepted_while_a_login_runs_and_begin_with_logined() {
    tokio::time::pause();
    let world = World::new();
    world.lock().login = None;
    let zg = world.local_engine();
    let mut told = Told::by(&zg);
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let login = zg.login_room("r", TOKEN, "alice", config());
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    let playing = zg.start_playing_stream("s2", Default::default());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = [
        "room LOGINING 0",
        "publish s1 PUBLISH_REQUESTING 0",
        "play s2 PLAY_REQUESTING 0",
    ];
    assert_eq!(told.take(), before);
    assert!(!world.told().iter().any(|line| line.contains("publisher s1")));

    world.room_state(express_engine::RoomStateChangedReason::Logined, 0);
    login.await.unwrap();
    playing.await.unwrap();
    settle().await;
    assert_eq!(
        told.take(),
        ["room LOGINED 0", "publish s1 PUBLISHING 0", "play s2 PLAYING 0"]
    );
}

#[actix::test]
async fn a_failed_login_ends_what_was_started_with_it() {
    tokio::time::pause();
    for (code, publish, play) in [(1102016, 1102016, 1102016), (1002031, 1103051, 1104031)] {
        let world = World::new();
        world.lock().login = None;
        let zg = world.local_engine();
        let mut told = Told::by(&zg);
        let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
        let login = zg.login_room("r", TOKEN, "alice", config());
        zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
        let playing = zg.start_playing_stream("s2", Default::default());
        settle().await;
        told.take();
        world.room_state(express_engine::RoomStateChangedReason::LoginFailed, code);
        assert_eq!(login.await.unwrap_err().code, code);
        assert_eq!(playing.await.unwrap_err().code, play);
        let expected = [
            format!("publish s1 NO_PUBLISH {publish}"),
            format!("play s2 NO_PLAY {play}"),
            format!("room LOGIN_FAILED {code}"),
        ];
        assert_eq!(told.take(), expected);
    }
}

#[actix::test]
async fn a_stream_that_is_not_there_stays_requested_until_it_appears() {
    tokio::time::pause();
    let world = World::new();
    world.lock().missing.insert("s2".into());
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let mut playing = zg.start_playing_stream("s2", Default::default());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(told.take(), ["play s2 PLAY_REQUESTING 0"]);
    assert!(futures::poll!(&mut playing).is_pending());
    world.lock().missing.clear();
    world.room_says(streams(ZegoUpdateType::Add, &["s2"]));
    assert_eq!(playing.await.unwrap().stream_id().as_str(), "s2");
    settle().await;
    assert_eq!(told.take(), ["streams ADD s2", "play s2 PLAYING 0"]);
}

#[actix::test]
async fn stopping_a_pending_playback_rejects_its_call_and_reports_zero() {
    tokio::time::pause();
    let world = World::new();
    world.lock().missing.insert("s2".into());
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let playing = zg.start_playing_stream("s2", Default::default());
    settle().await;
    zg.stop_playing_stream("s2").unwrap();
    assert_eq!(playing.await.unwrap_err().code, codes::CANCEL_PLAY);
    assert_eq!(told.take(), ["play s2 PLAY_REQUESTING 0", "play s2 NO_PLAY 0"]);
}

#[actix::test]
async fn a_deleted_stream_does_not_stop_its_playback() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    world.room_says(streams(ZegoUpdateType::Delete, &["s2"]));
    settle().await;
    assert!(remote.is_active());
    assert_eq!(
        told.take(),
        ["play s2 PLAY_REQUESTING 0", "play s2 PLAYING 0", "streams DELETE s2"]
    );
}

#[actix::test]
async fn the_same_id_again_starts_when_the_former_part_is_gone() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("s2", Default::default()));
    settle().await;
    told.take();
    world.told();
    zg.stop_publishing_stream("s1").unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    zg.stop_playing_stream("s2").unwrap();
    let again = zg.start_playing_stream("s2", Default::default());
    settle().await;
    again.await.unwrap();
    let parts = world.told();
    let at = |line: &str| {
        parts
            .iter()
            .position(|l| l == line)
            .unwrap_or_else(|| panic!("{line} is not in {parts:?}"))
    };
    assert!(at("unpublish s1") < at("publish s1 \"\""));
    assert!(at("stop play s2") < at("play s2"));
    assert!(at("forget s2") < at("player s2 starts"));
    let events = told.take();
    assert_eq!(events[..2], ["publish s1 NO_PUBLISH 0", "publish s1 PUBLISH_REQUESTING 0"]);
    assert!(events.contains(&"publish s1 PUBLISHING 0".into()));
}

#[actix::test]
async fn a_part_that_does_not_stop_holds_its_successor_up_for_a_second_and_is_counted() {
    tokio::time::pause();
    let world = World::new();
    world.lock().deaf.insert("publisher");
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    zg.stop_publishing_stream("s1").unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    world.told();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(!world.told().contains(&"publisher s1 starts".into()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(world.told().contains(&"publisher s1 starts".into()));
    assert_eq!(zg.counters().stops_unanswered, 1);
}

#[actix::test]
async fn one_local_stream_may_be_published_twice_and_ends_both_when_it_is_destroyed() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    for id in ["a", "b"] {
        zg.start_publishing_stream(id, &local, Default::default()).unwrap();
    }
    settle().await;
    told.take();
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(told.take(), ["publish a NO_PUBLISH 1103099", "publish b NO_PUBLISH 1103099"]);
    assert!(!local.is_active());
    assert_eq!(zg.destroy_stream(local).unwrap_err().code, 1000018);
}

#[actix::test]
async fn the_server_ends_streams_with_its_own_codes() {
    use express_messages::room::{RoomEvent, StreamRole};
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    zg.start_playing_stream("s2", Default::default()).await.unwrap();
    zg.start_playing_stream("s3", Default::default()).await.unwrap();
    settle().await;
    told.take();
    let ended = |id: &str, role, code| RoomEvent::StreamEnded {
        stream_id: express_engine::StreamId::new(id).unwrap(),
        role,
        code,
        message: "why".into(),
    };
    world.room_says(ended("s1", StreamRole::Publish, 1003025));
    world.room_says(ended("s2", StreamRole::Play, 1004020));
    world.room_says(ended("s3", StreamRole::Play, 1004025));
    world.room_says(ended("unknown", StreamRole::Play, 1004025));
    settle().await;
    let expected = [
        "publish s1 NO_PUBLISH 1003025",
        "play s2 PLAY_REQUESTING 1004020",
        "play s3 NO_PLAY 1004025",
    ];
    assert_eq!(told.take(), expected);
}

#[actix::test]
async fn a_stream_whose_media_the_server_lost_is_published_anew() {
    use express_messages::room::{RoomEvent, StreamRole};
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    told.take();
    for code in [1103027, 1103028] {
        world.told();
        world.room_says(RoomEvent::StreamEnded {
            stream_id: express_engine::StreamId::new("s1").unwrap(),
            role: StreamRole::Publish,
            code,
            message: "the media connection was lost".into(),
        });
        settle().await;
        assert_eq!(
            world.told(),
            ["publisher s1 restored Lost"],
            "its part says what becomes of it"
        );
        assert!(told.take().is_empty());
    }
}

#[actix::test]
async fn a_repeated_state_is_told_once() {
    use express_engine::PublisherState;
    use express_messages::publisher::PublisherEvent;
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let notes = Notes::default();
    let seen = notes.clone();
    zg.on(move |e: &PublisherStateUpdate| seen.add(format!("{} {}", e.state, e.error_code)));
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    let publisher = world.lock().publishers["s1"].clone();
    for code in [0, 1103028, 1103028, 0, 0] {
        let state = if code == 0 {
            PublisherState::Publishing
        } else {
            PublisherState::PublishRequesting
        };
        publisher.do_send(PublisherEvent::StateChanged {
            state,
            code,
            extended_data: String::new(),
        });
    }
    settle().await;
    let expected = [
        "PUBLISH_REQUESTING 0",
        "PUBLISHING 0",
        "PUBLISH_REQUESTING 1103028",
        "PUBLISHING 0",
    ];
    assert_eq!(notes.take(), expected);
}
