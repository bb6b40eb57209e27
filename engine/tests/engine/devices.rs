//! Devices that come and go, and other microphones.

use std::time::Duration;

use express_engine::{
    AudioDeviceStateChanged, ZegoAudioDeviceType, ZegoDeviceInfo, ZegoExpressEngine, ZegoStreamOptions, ZegoUpdateType,
};
use express_messages::audio_device::AudioDeviceEvent;

use crate::{
    fakes::World,
    told::{logged_in, settle},
};

fn start() -> (World, ZegoExpressEngine) {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    (world, zg)
}

#[actix::test]
async fn devices_are_watched_exactly_while_a_callback_wants_to_hear_of_them_and_told_with_the_documented_names() {
    let (world, zg) = start();
    let mut events = zg.events();
    settle().await;
    world.told();
    let first = zg.on(|_: &AudioDeviceStateChanged| {});
    let second = zg.on_async(|_: AudioDeviceStateChanged| async {});
    settle().await;
    assert_eq!(world.told(), ["watch true"]);
    let info = ZegoDeviceInfo {
        device_name: "Headset".into(),
        device_id: "h".into(),
    };
    let owner = world.lock().device.clone().unwrap();
    owner.do_send(AudioDeviceEvent::DeviceChanged {
        update_type: ZegoUpdateType::Delete,
        device_type: ZegoAudioDeviceType::Output,
        info,
    });
    settle().await;
    let event = events.recv_timeout(Duration::ZERO).unwrap().unwrap().unwrap();
    let json = serde_json::json!({
        "event": "audioDeviceStateChanged",
        "updateType": "DELETE",
        "deviceType": "Output",
        "deviceInfo": {"deviceName": "Headset", "deviceID": "h"},
    });
    assert_eq!(serde_json::to_value(event).unwrap(), json);
    zg.off(first);
    settle().await;
    assert!(world.told().is_empty(), "one is left");
    zg.off(second);
    settle().await;
    assert_eq!(world.told(), ["watch false"]);
}

#[actix::test]
async fn another_microphone_is_asked_for_and_kept_when_the_device_part_is_started_afresh() {
    let (world, zg) = start();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    zg.enable_auto_switch_device(true).unwrap();
    world.told();
    let missing = zg.use_audio_device(&local, "missing").await;
    assert_eq!(missing.unwrap_err().code, 1103048);
    zg.use_audio_device(&local, "h").await.unwrap();
    settle().await;
    let told = world.told();
    assert_eq!(told[told.len() - 2..], ["capture device missing", "capture device h"]);
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = world.told();
    assert!(told.contains(&"auto switch true".into()), "{told:?}");
    assert!(told.iter().any(|line| line.contains("device_id: Some(\"h\")")), "{told:?}");
}

#[actix::test]
async fn only_a_stream_of_a_microphone_of_this_engine_can_have_another_microphone() {
    let (_, zg) = start();
    let (options, _pcm) = ZegoStreamOptions::pushed(1);
    let pushed = zg.create_zego_stream(options).await.unwrap();
    assert_eq!(zg.use_audio_device(&pushed, "h").await.unwrap_err().code, 1103046);
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let other = World::new().local_engine();
    assert_eq!(other.use_audio_device(&local, "h").await.unwrap_err().code, 1103044);
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(zg.use_audio_device(&local, "h").await.unwrap_err().code, 1103044);
    zg.destroy_engine();
    assert_eq!(zg.use_audio_device(&local, "h").await.unwrap_err().code, 1000001);
    assert_eq!(zg.enable_auto_switch_device(false).unwrap_err().code, 1000001);
}

#[actix::test]
async fn the_sound_of_a_screen_is_no_microphone_and_is_refused_where_there_is_none() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    world.lock().open_code = 1103048;
    let refused = zg.create_zego_stream(ZegoStreamOptions::screen()).await.unwrap_err();
    assert_eq!(refused.code, 1103048);
    world.lock().open_code = 0;
    let screen = zg.create_zego_stream(ZegoStreamOptions::screen()).await.unwrap();
    zg.start_publishing_stream("s1", &screen, Default::default()).unwrap();
    settle().await;
    world.told();
    zg.mute_microphone(true).unwrap();
    settle().await;
    assert_eq!(world.told(), ["mute microphone true"], "the stream is not muted by it");
    assert_eq!(zg.use_audio_device(&screen, "microphone").await.unwrap_err().code, 1103046);
}

#[actix::test]
async fn each_stream_has_a_speaker_of_its_own_that_is_kept_when_the_device_part_is_started_afresh() {
    let (world, zg) = start();
    let _told = logged_in(&zg).await;
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let remote = zg.start_playing_stream("s", Default::default()).await.unwrap();
    settle().await;
    world.told();
    zg.use_audio_output_device(&remote, "headset").await.unwrap();
    local.use_audio_output_device("speaker").await.unwrap();
    let missing = remote.use_audio_output_device("missing").await;
    assert_eq!(missing.unwrap_err().code, 1103093);
    assert_eq!(world.told(), ["s on headset", "local on speaker", "s on missing"]);
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = world.told();
    for line in ["s on headset", "local on speaker"] {
        assert_eq!(told.iter().filter(|told| *told == line).count(), 1, "{told:?}");
    }
    zg.use_audio_output_device(&remote, "").await.unwrap();
    assert_eq!(world.told(), ["s on default"]);
}

#[actix::test]
async fn only_a_stream_of_this_engine_that_is_there_can_be_heard_on_another_speaker() {
    let (_, zg) = start();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let other = World::new().local_engine();
    assert_eq!(other.use_audio_output_device(&local, "h").await.unwrap_err().code, 1103093);
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(zg.use_audio_output_device(&local, "h").await.unwrap_err().code, 1000018);
    zg.destroy_engine();
    assert_eq!(local.use_audio_output_device("h").await.unwrap_err().code, 1000001);
}
