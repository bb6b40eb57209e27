//! Parts that panic, stop, or cannot be started.

use std::time::Duration;

use express_engine::{RoomStateChangedReason as Reason, ZegoStreamOptions, codes};
use futures::StreamExt;

use crate::{
    fakes::World,
    told::{TOKEN, Told, config, logged_in, settle},
};

#[actix::test]
async fn a_publisher_that_panics_is_started_afresh_once_in_a_minute() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    told.take();
    world.crash("publisher s1");
    settle().await;
    assert_eq!(
        told.take(),
        [
            "publish s1 PUBLISH_REQUESTING 1003099",
            "publish s1 PUBLISH_REQUESTING 0",
            "publish s1 PUBLISHING 0"
        ]
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.crash("publisher s1");
    settle().await;
    assert_eq!(told.take(), ["publish s1 NO_PUBLISH 1003099"]);
    assert_eq!(zg.counters().restarts, 1);
    // The application may try again.
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    assert_eq!(told.take().last().unwrap(), "publish s1 PUBLISHING 0");
}

#[actix::test]
async fn a_publisher_that_stops_by_itself_is_not_started_again() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    told.take();
    world.vanish("publisher s1");
    settle().await;
    assert_eq!(told.take(), ["publish s1 NO_PUBLISH 1003099"]);
    assert_eq!(zg.counters().restarts, 0);
}

#[actix::test]
async fn a_player_that_panics_keeps_its_settings_and_its_pending_call() {
    tokio::time::pause();
    let world = World::new();
    world.lock().missing.insert("s2".into());
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let playing = zg.start_playing_stream("s2", Default::default());
    settle().await;
    zg.mute_play_stream_audio("s2", true).await.unwrap();
    told.take();
    world.told();
    world.lock().missing.clear();
    world.crash("player s2");
    playing.await.unwrap();
    settle().await;
    assert_eq!(
        told.take(),
        [
            "play s2 PLAY_REQUESTING 1004099",
            "play s2 PLAY_REQUESTING 0",
            "play s2 PLAYING 0"
        ]
    );
    assert_eq!(world.told(), ["player s2 starts", "mute play s2 true", "play s2"]);
    world.crash("player s2");
    settle().await;
    assert_eq!(told.take(), ["play s2 NO_PLAY 1004099"]);
}

#[actix::test]
async fn a_lost_room_part_is_a_lost_login() {
    tokio::time::pause();
    for (logged_in_before, reason) in [(true, "RECONNECT_FAILED"), (false, "LOGIN_FAILED")] {
        let world = World::new();
        world.lock().login = logged_in_before.then_some((Reason::Logined, 0));
        let zg = world.local_engine();
        let mut told = Told::by(&zg);
        let login = zg.login_room("r", TOKEN, "alice", config());
        drop(zg.start_playing_stream("s2", Default::default()));
        settle().await;
        told.take();
        world.crash("room");
        settle().await;
        assert_eq!(
            told.take(),
            ["play s2 NO_PLAY 1002099".into(), format!("room {reason} 1002099")]
        );
        assert_eq!(
            login.await.map_err(|error| error.code),
            if logged_in_before { Ok(()) } else { Err(1002099) }
        );
        world.lock().login = Some((Reason::Logined, 0));
        zg.login_room("r", TOKEN, "alice", config()).await.unwrap();
    }
}

#[actix::test]
async fn a_lost_device_part_is_started_afresh_with_everything_as_it_was() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let (options, mut pcm) = ZegoStreamOptions::pushed(1);
    let local = zg.create_zego_stream(options).await.unwrap();
    local.play_audio();
    zg.set_capture_volume(&local, 150).await.unwrap();
    zg.mute_publish_stream_audio(&local, true).unwrap();
    zg.mute_microphone(true).unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    remote.play_audio();
    remote.set_volume(70).unwrap();
    let mut frames = remote.frames();
    settle().await;
    told.take();
    world.told();

    world.crash("device");
    settle().await;
    let events = [
        "device 1006001",
        "publish s1 PUBLISH_REQUESTING 1003099",
        "play s2 PLAY_REQUESTING 1004099",
    ];
    assert_eq!(told.take(), events);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let parts = world.told();
    let from = parts.iter().position(|line| line == "device starts").unwrap();
    let mut again = parts[from..].to_vec();
    again.retain(|line| !line.starts_with("unpublish") && !line.starts_with("stop"));
    for expected in [
        "mute microphone true",
        "open Pushed 1 ch",
        "capture volume 150",
        "mute local true",
        "monitor true 100",
        "playout s2 true 70",
        "publisher s1 starts",
        "player s2 starts",
    ] {
        assert!(again.iter().any(|line| line == expected), "{expected} is not in {again:?}");
    }
    assert_eq!(told.take().last().unwrap(), "play s2 PLAYING 0");
    // Readers end, pushed PCM goes on.
    while let Some(frame) = frames.next().await {
        frame.unwrap();
    }
    assert!(local.is_active() && remote.is_active() && !pcm.is_closed());
    pcm.push(&[0.5; 480]);
    pcm.flush().await;
    assert_eq!(zg.counters().restarts, 1);
}

#[actix::test]
async fn a_device_part_that_fails_again_and_again_is_given_up() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    drop(zg.start_playing_stream("s2", Default::default()));
    for _ in 0..3 {
        settle().await;
        world.crash("device");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    told.take();
    world.lock().open_after = Duration::from_secs(5);
    let opening = zg.create_zego_stream(ZegoStreamOptions::tone(880.0));
    settle().await;
    world.crash("device");
    settle().await;
    assert_eq!(opening.await.unwrap_err().code, codes::DEVICE_GENERIC);
    assert_eq!(
        told.take(),
        ["device 1006001", "publish s1 NO_PUBLISH 1003099", "play s2 NO_PLAY 1004099"]
    );
    assert!(!local.is_active());
    let refused = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap_err().code;
    assert_eq!(refused, codes::DEVICE_GENERIC);
    assert_eq!(
        zg.start_playing_stream("s2", Default::default()).await.unwrap_err().code,
        codes::DEVICE_GENERIC
    );
    assert_eq!(zg.enum_devices().await.unwrap_err().code, codes::DEVICE_GENERIC);
    assert_eq!(zg.counters().restarts, 3);
}

#[actix::test]
async fn a_local_stream_that_was_being_opened_is_opened_by_the_next_device_part() {
    tokio::time::pause();
    let world = World::new();
    world.lock().open_after = Duration::from_secs(2);
    let zg = world.local_engine();
    let opening = zg.create_zego_stream(ZegoStreamOptions::tone(440.0));
    settle().await;
    world.crash("device");
    settle().await;
    let second = zg.create_zego_stream(ZegoStreamOptions::tone(880.0));
    assert!(opening.await.unwrap().is_active());
    assert!(second.await.unwrap().is_active());
    assert_eq!(world.told().iter().filter(|line| line.starts_with("open")).count(), 3);
}

#[actix::test]
async fn a_local_stream_that_cannot_be_opened_again_ends_with_its_publications() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    told.take();
    world.lock().open_code = codes::DEVICE_NOT_FOUND;
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let events = told.take();
    assert_eq!(events[..2], ["device 1006001", "publish s1 PUBLISH_REQUESTING 1003099"]);
    assert!(
        events.ends_with(&["device 1103048".into(), "publish s1 NO_PUBLISH 1103099".into()]),
        "{events:?}"
    );
    assert!(!local.is_active());
}

#[actix::test]
async fn a_factory_that_panics_is_taken_for_a_part_that_panicked() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let mut told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    world.lock().cursed.extend(["publisher", "player", "room", "device"]);
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    let playing = zg.start_playing_stream("s2", Default::default());
    settle().await;
    assert_eq!(playing.await.unwrap_err().code, 1004099);
    let mut events = told.take();
    events.sort();
    let expected = [
        "play s2 NO_PLAY 1004099",
        "play s2 PLAY_REQUESTING 0",
        "play s2 PLAY_REQUESTING 1004099",
        "publish s1 NO_PUBLISH 1003099",
        "publish s1 PUBLISH_REQUESTING 0",
        "publish s1 PUBLISH_REQUESTING 1003099",
    ];
    assert_eq!(events, expected);
    zg.logout_room("r").unwrap();
    assert_eq!(zg.login_room("r", TOKEN, "alice", config()).await.unwrap_err().code, 1002099);
    let other = world.local_engine();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        other
            .create_zego_stream(ZegoStreamOptions::tone(440.0))
            .await
            .unwrap_err()
            .code,
        codes::DEVICE_GENERIC
    );
}

#[actix::test]
async fn a_reader_of_the_former_device_part_takes_nothing_from_the_next_one() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    let former = remote.frames();
    settle().await;
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The next part gives its sinks the same names again.
    let mut reader = remote.frames();
    settle().await;
    world.told();
    drop(former);
    settle().await;
    assert!(world.told().is_empty());
    assert!(reader.next().await.unwrap().is_ok());
}
