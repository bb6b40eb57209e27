//! Media that are mixed into local streams.

use std::{slice, time::Duration};

use express_engine::{MixingAudioEnded, ZegoEngineConfig, ZegoMediaSource, ZegoStreamOptions};
use express_messages::audio_device::AudioDeviceEvent;

use crate::{
    fakes::World,
    told::{Notes, settle},
};

const SONG: &str = "mix Wav { path: \"song.wav\", repeat: false }";

#[actix::test]
async fn media_are_mixed_in_made_softer_and_stopped_one_by_one_or_all() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    settle().await;
    world.told();
    let song = ZegoMediaSource::wav("song.wav");
    let (voice, _pcm) = ZegoMediaSource::pushed(1);
    let both = [song.clone(), voice.clone(), song.clone()];
    zg.start_mixing_audio(&local, &both).await.unwrap();
    zg.start_mixing_audio(&local, &both).await.unwrap();
    zg.set_mixing_audio_volume(&local, 40, Some(&voice)).unwrap();
    zg.set_mixing_audio_volume(&local, 30, None).unwrap();
    zg.stop_mixing_audio(&local, Some(&song)).unwrap();
    assert_eq!(zg.stop_mixing_audio(&local, Some(&song)).unwrap_err().code, 1100001);
    zg.stop_mixing_audio(&local, None).unwrap();
    zg.stop_mixing_audio(&local, None).unwrap();
    settle().await;
    let song = format!("{SONG} 100");
    assert_eq!(
        world.told(),
        [
            &*song,
            "mix Pushed 100",
            "mixing volume 40",
            "mixing volume 30",
            "mixing volume 30",
            "stop mixing",
            "stop mixing"
        ]
    );
}

#[actix::test]
async fn mixing_that_cannot_be_says_why() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let second = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let seven: Vec<_> = (0..7).map(|_| ZegoMediaSource::wav("song.wav")).collect();
    assert_eq!(zg.start_mixing_audio(&local, &seven).await.unwrap_err().code, 1100001);
    let (voice, _pcm) = ZegoMediaSource::pushed(1);
    zg.start_mixing_audio(&local, slice::from_ref(&voice)).await.unwrap();
    let refused = zg.start_mixing_audio(&second, slice::from_ref(&voice)).await.unwrap_err();
    assert_eq!(refused.code, 1100001, "one stream at a time can have it");
    assert_eq!(zg.set_mixing_audio_volume(&local, 101, None).unwrap_err().code, 1100001);
    world.lock().open_code = 1100001;
    assert_eq!(zg.start_mixing_audio(&local, &seven[..1]).await.unwrap_err().code, 1100001);
    world.lock().open_code = 0;
    zg.start_mixing_audio(&local, &seven[..5]).await.unwrap();
    zg.destroy_stream(local.clone()).unwrap();
    assert_eq!(zg.start_mixing_audio(&local, &seven[..1]).await.unwrap_err().code, 1000018);
    assert_eq!(zg.stop_mixing_audio(&local, None).unwrap_err().code, 1000018);
    zg.start_mixing_audio(&second, &[voice]).await.unwrap();
}

#[actix::test]
async fn the_end_of_a_medium_is_told_and_makes_room() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let notes = Notes::default();
    let seen = notes.clone();
    zg.on(move |e: &MixingAudioEnded| seen.add(format!("{} {}", e.local_stream.0, e.media.0)));
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let song = ZegoMediaSource::wav("song.wav");
    zg.start_mixing_audio(&local, slice::from_ref(&song)).await.unwrap();
    world.told();
    let device = world.lock().device.clone().unwrap();
    for _ in 0..2 {
        device.do_send(AudioDeviceEvent::MixingEnded(local.id(), song.id()));
    }
    settle().await;
    assert_eq!(world.told(), ["stop mixing"]);
    assert_eq!(notes.take(), [format!("{} {}", local.id().0, song.id().0)]);
    zg.start_mixing_audio(&local, &[song]).await.unwrap();
}

#[actix::test]
async fn a_fresh_device_part_mixes_as_the_former_did() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    let song = ZegoMediaSource::wav("song.wav");
    zg.start_mixing_audio(&local, &[song]).await.unwrap();
    zg.set_mixing_audio_volume(&local, 40, None).unwrap();
    settle().await;
    world.told();
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told = world.told();
    assert!(told.contains(&format!("{SONG} 40")), "{told:#?}");
}

#[actix::test]
async fn a_fresh_device_part_is_told_the_settings_of_a_stream_when_its_source_is_open() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let local = zg.create_zego_stream(ZegoStreamOptions::microphone()).await.unwrap();
    zg.start_mixing_audio(&local, &[ZegoMediaSource::wav("song.wav")])
        .await
        .unwrap();
    zg.set_capture_volume(&local, 50).await.unwrap();
    settle().await;
    world.lock().open_after = Duration::from_secs(5);
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let settings = ["capture volume 50".to_owned(), format!("{SONG} 100")];
    let told = world.told();
    let opened = told.iter().rposition(|line| line.starts_with("open ")).unwrap();
    assert!(
        !told[opened..].iter().any(|line| settings.contains(line)),
        "too early: {told:#?}"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    let told = world.told();
    assert!(settings.iter().all(|line| told.contains(line)), "{told:#?}");
}

#[actix::test]
async fn streams_are_made_with_the_mixing_delay_of_the_moment() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    for (delay, expected) in [(None, ""), (Some(250), " 250 ms"), (Some(5_000), " 1000 ms"), (Some(0), "")] {
        zg.set_engine_config(ZegoEngineConfig {
            mixing_audio_delay: delay.map(Duration::from_millis),
            ..Default::default()
        })
        .unwrap();
        world.told();
        zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
        assert!(
            world.told().contains(&format!("open Tone(440 Hz, 0.5) 1 ch{expected}")),
            "{delay:?}"
        );
    }
}
