//! Local streams that capture something else.

use express_engine::{ZegoMicrophoneOptions, ZegoStreamOptions, ZegoStreamUpdateType};

use crate::{
    fakes::World,
    told::{logged_in, settle},
};

const AUDIO: ZegoStreamUpdateType = ZegoStreamUpdateType::Audio;

#[actix::test]
async fn what_is_captured_while_published_is_sent_with_update_publishing_stream() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    settle().await;
    world.told();
    let options = ZegoMicrophoneOptions {
        device_id: Some("usb".into()),
        channel_count: 2,
        ..Default::default()
    };
    local.start_capture_microphone(options).await.unwrap();
    zg.mute_microphone(true).unwrap();
    settle().await;
    assert_eq!(
        world.told(),
        ["capture Microphone { device_id: Some(\"usb\") } 2 ch", "mute microphone true"],
        "the tone is sent still, which is no microphone"
    );
    zg.update_publishing_stream(&local, AUDIO).await.unwrap();
    zg.update_publishing_stream(&local, AUDIO).await.unwrap();
    settle().await;
    assert_eq!(
        world.told(),
        ["send captured", "publisher s1 muted true", "mute stream s1 true"]
    );
}

#[actix::test]
async fn what_is_captured_while_nothing_is_published_is_sent_at_once() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::silent()).await.unwrap();
    assert!(!local.is_active() && !local.stop_capture_audio());
    let refused = zg.start_publishing_stream("s1", &local, Default::default()).unwrap_err();
    assert_eq!(refused.code, 1103099, "it captures nothing");
    assert_eq!(zg.update_publishing_stream(&local, AUDIO).await.unwrap_err().code, 1103087);
    world.told();
    let tone = ZegoStreamOptions::tone(440.0).source;
    local.start_capture_custom_audio(tone.clone(), 1).await.unwrap();
    settle().await;
    assert!(local.is_active());
    assert_eq!(world.told(), ["capture Tone(440 Hz, 0.5) 1 ch", "send captured"]);
    zg.start_publishing_stream("s1", &local, Default::default()).unwrap();
    assert!(local.stop_capture_audio());
    settle().await;
    assert!(world.told().contains(&"stop capture".into()));
    assert!(!local.is_active());
    // Nothing is sent: then what is captured is.
    local.start_capture_custom_audio(tone, 1).await.unwrap();
    settle().await;
    assert!(world.told().contains(&"send captured".into()));
}

#[actix::test]
async fn a_capture_that_is_refused_says_why_and_changes_nothing() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let tone = |hz| ZegoStreamOptions::tone(hz).source;
    for (source, channels) in [(tone(440.0), 3), (tone(1.0), 1)] {
        let refused = local.start_capture_custom_audio(source, channels).await.unwrap_err();
        assert_eq!(refused.code, 1100001);
    }
    world.lock().open_code = 1103048;
    let refused = local.start_capture_microphone(ZegoMicrophoneOptions::default()).await;
    assert_eq!(refused.unwrap_err().code, 1103048);
    assert!(local.is_active());
    let video = zg.update_publishing_stream(&local, ZegoStreamUpdateType::Video).await;
    assert_eq!(video.unwrap_err().code, 1100001);
    let other = World::new().local_engine();
    assert_eq!(other.update_publishing_stream(&local, AUDIO).await.unwrap_err().code, 1103086);
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(zg.update_publishing_stream(&local, AUDIO).await.unwrap_err().code, 1000018);
    let refused = local.start_capture_custom_audio(tone(440.0), 1).await.unwrap_err();
    assert_eq!(refused.code, 1000018);
}

#[actix::test]
async fn a_fresh_device_part_captures_and_sends_what_the_former_did() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let sent = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    zg.start_publishing_stream("s1", &sent, Default::default()).unwrap();
    sent.start_capture_microphone(ZegoMicrophoneOptions::default()).await.unwrap();
    let silent = zg.create_zego_stream(ZegoStreamOptions::silent()).await.unwrap();
    settle().await;
    world.told();
    world.crash("device");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let told = world.told();
    for line in [
        "open Tone(440 Hz, 0.5) 1 ch",
        "capture Microphone { device_id: None } 1 ch",
        "open Nothing 1 ch",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} is not in {told:#?}");
    }
    assert!(!told.iter().any(|told| told == "send captured"));
    assert!(sent.is_active() && !silent.is_active());
}

#[actix::test]
async fn what_is_captured_is_played_here_as_loud_as_was_said_and_by_a_fresh_device_part_too() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    settle().await;
    world.told();
    local.play_capture_audio();
    local.set_volume(40).unwrap();
    settle().await;
    assert_eq!(
        world.told(),
        ["monitor capture true 100", "monitor false 40", "monitor capture true 40"]
    );
    world.crash("device");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert!(world.told().contains(&"monitor capture true 40".into()));
    local.stop_play_capture_audio();
    settle().await;
    assert_eq!(world.told(), ["monitor capture false 40"]);
}

#[actix::test]
async fn the_id_of_the_captured_microphone_is_what_the_device_part_says() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    assert_eq!(local.audio_device_id().await.unwrap().as_deref(), Some("microphone"));
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(local.audio_device_id().await.unwrap(), None);
    zg.destroy_engine();
    assert_eq!(local.audio_device_id().await.unwrap_err().code, 1000001);
}
