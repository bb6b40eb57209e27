//! Muting and volumes.

use std::time::Duration;

use express_engine::{ZegoStreamOptions, codes};

use crate::{
    fakes::World,
    told::{logged_in, settle},
};

#[actix::test]
async fn a_hundred_mute_calls_in_a_second_are_acted_upon_ten_times_and_the_last_one_counts() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    settle().await;
    world.told();
    for call in 0..100 {
        zg.mute_microphone(call % 2 == 0).unwrap();
        zg.mute_publish_stream_audio(&local, call % 2 == 0).unwrap();
        assert_eq!(zg.is_microphone_muted(), call % 2 == 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    zg.mute_microphone(true).unwrap();
    zg.mute_publish_stream_audio(&local, true).unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let parts = world.told();
    for what in ["mute microphone", "mute local"] {
        let acted: Vec<_> = parts.iter().filter(|line| line.starts_with(what)).collect();
        assert!((2..=12).contains(&acted.len()), "{acted:?}");
        assert!(acted.last().unwrap().ends_with("true"));
    }
}

#[actix::test]
async fn publishers_know_whether_their_stream_is_muted() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let microphone = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let tone = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("m", &microphone, Default::default()).unwrap();
    zg.start_publishing_stream("t", &tone, Default::default()).unwrap();
    settle().await;
    world.told();
    zg.mute_microphone(true).unwrap();
    zg.mute_publish_stream_audio(&tone, true).unwrap();
    settle().await;
    let parts = world.told();
    assert_eq!(
        parts,
        [
            "mute microphone true",
            "mute local true",
            "publisher m muted true",
            "publisher t muted true",
            "mute stream m true",
            "mute stream t true"
        ]
    );
    // A publication that starts muted knows it too.
    zg.start_publishing_stream("t2", &tone, Default::default()).unwrap();
    settle().await;
    assert!(world.told().contains(&"48 kbit/s 1 ch Ms20 dtx false muted true".into()));
}

#[actix::test]
async fn muting_a_played_stream_asks_its_part_and_is_remembered() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    assert_eq!(
        zg.mute_play_stream_audio("s2", true).await.unwrap_err().code,
        codes::PLAYER_STREAM_NOT_PLAYING
    );
    zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    // The first is passed on at once; of the rest only the last, and all are answered.
    let calls: Vec<_> = [true, false, true, false]
        .map(|mute| zg.mute_play_stream_audio("s2", mute))
        .into();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(world.told(), ["mute play s2 true", "mute play s2 false"]);
    zg.mute_play_stream_audio("s2", false).await.unwrap();
    assert!(world.told().is_empty());
}

#[actix::test]
async fn a_playback_that_is_muted_before_its_part_starts_starts_muted() {
    tokio::time::pause();
    let world = World::new();
    world.lock().login = None;
    let zg = world.local_engine();
    drop(zg.login_room("r", crate::told::TOKEN, "alice", Default::default()));
    drop(zg.start_playing_stream("s2", Default::default()));
    zg.mute_play_stream_audio("s2", true).await.unwrap();
    settle().await;
    world.room_state(express_engine::RoomStateChangedReason::Logined, 0);
    settle().await;
    assert!(world.told().contains(&"mute play s2 true".into()));
}

#[actix::test]
async fn volumes_are_checked_and_passed_on() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    zg.set_capture_volume(&local, 200).await.unwrap();
    local.set_volume(100).unwrap();
    local.play_audio();
    local.stop_audio();
    remote.set_volume(200).unwrap();
    remote.play_audio();
    remote.stop_audio();
    settle().await;
    let expected = [
        "capture volume 200",
        "monitor false 100",
        "monitor true 100",
        "monitor false 100",
        "playout s2 false 200",
        "playout s2 true 200",
        "playout s2 false 200",
    ];
    assert_eq!(world.told(), expected);
    assert_eq!(zg.set_capture_volume(&local, 201).await.unwrap_err().code, 1100001);
    assert_eq!(local.set_volume(101).unwrap_err().code, 1100001);
    assert_eq!(remote.set_volume(201).unwrap_err().code, 1100001);
}

#[actix::test]
async fn settings_of_a_stopped_playback_are_forgotten_and_its_handle_is_dead() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let first = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    first.play_audio();
    zg.stop_playing_stream("s2").unwrap();
    let second = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    first.play_audio();
    assert_eq!(first.set_volume(10).unwrap_err().code, codes::PLAYER_STREAM_NOT_PLAYING);
    assert!(!first.is_active() && second.is_active());
    settle().await;
    assert!(world.told().is_empty());
    second.play_audio();
    settle().await;
    assert_eq!(world.told(), ["playout s2 true 100"]);
}

#[actix::test]
async fn all_played_streams_are_muted_at_once_and_later_ones_begin_muted() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    zg.mute_all_play_audio_streams(false).await.unwrap();
    for stream in ["a", "b"] {
        zg.start_playing_stream(stream, Default::default()).await.unwrap();
    }
    settle().await;
    world.told();
    zg.mute_all_play_audio_streams(true).await.unwrap();
    assert_eq!(world.told(), ["mute play a true", "mute play b true"]);
    zg.start_playing_stream("c", Default::default()).await.unwrap();
    settle().await;
    assert!(world.told().contains(&"mute play c true".into()));
}

#[actix::test]
async fn a_played_stream_is_silent_while_either_mute_says_so() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    for stream in ["a", "b"] {
        zg.start_playing_stream(stream, Default::default()).await.unwrap();
    }
    settle().await;
    world.told();
    zg.mute_play_stream_audio("a", true).await.unwrap();
    assert_eq!(world.told(), ["mute play a true"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.told();
    zg.mute_all_play_audio_streams(true).await.unwrap();
    assert_eq!(world.told(), ["mute play b true"], "a is silent already");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.told();
    zg.mute_all_play_audio_streams(false).await.unwrap();
    assert_eq!(world.told(), ["mute play b false"], "a was muted by itself");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.told();
    zg.mute_play_stream_audio("a", false).await.unwrap();
    assert_eq!(world.told(), ["mute play a false"]);
}
