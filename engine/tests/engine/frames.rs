//! Frames of sound for callbacks.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use express_engine::{
    ZegoAudioFrame, ZegoAudioFrameCallback, ZegoAudioFrameOptions, ZegoAudioSamples, ZegoExpressEngine, ZegoLocalStream,
    ZegoStreamOptions,
};

use crate::{
    fakes::World,
    told::{logged_in, settle},
};

/// What a callback was given.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<ZegoAudioFrame>>>);

impl Given {
    fn callback(&self) -> ZegoAudioFrameCallback {
        let given = Arc::clone(&self.0);
        Box::new(move |frame| given.lock().unwrap().push(frame))
    }

    fn take(&self) -> Vec<ZegoAudioFrame> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn of_size(frame_size: usize) -> ZegoAudioFrameOptions {
    ZegoAudioFrameOptions {
        frame_size,
        ..Default::default()
    }
}

/// The last sample of a frame of so many samples.
fn last(frame: &ZegoAudioFrame, size: usize) -> f32 {
    let ZegoAudioSamples::Float(channels) = &frame.channels else {
        panic!("integers")
    };
    assert!(channels.iter().all(|channel| channel.len() == size), "{}", channels[0].len());
    *channels[0].last().unwrap()
}

async fn a_second() {
    tokio::time::sleep(Duration::from_millis(1_005)).await;
}

/// A world in virtual time, and an engine in it that plays "s2".
async fn playing() -> (World, ZegoExpressEngine) {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    (world, zg)
}

/// A tone that is captured, and its frames of 1,024 samples.
async fn capturing(zg: &ZegoExpressEngine) -> (ZegoLocalStream, Given) {
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let captured = Given::default();
    zg.set_capture_audio_frame_callback(&local, Some(captured.callback()), of_size(1_024))
        .await
        .unwrap();
    (local, captured)
}

/// Lets `given` have the frames of "s2".
async fn give_played(zg: &ZegoExpressEngine, given: &Given, options: ZegoAudioFrameOptions) {
    zg.set_audio_frame_callback("s2", Some(given.callback()), options)
        .await
        .unwrap();
}

#[actix::test]
async fn frames_of_what_is_captured_and_played_come_as_they_were_asked_for() {
    let (_world, zg) = playing().await;
    let (_local, captured) = capturing(&zg).await;
    let played = Given::default();
    let options = ZegoAudioFrameOptions {
        sample_rate: 16_000,
        channel_count: 2,
        bit_depth: 16,
        ..of_size(256)
    };
    give_played(&zg, &played, options).await;
    a_second().await;
    let frames = captured.take();
    assert!((45..=47).contains(&frames.len()), "{}", frames.len());
    assert!(
        frames
            .iter()
            .all(|frame| last(frame, 1_024) == 0.25 && frame.lost_frames == 0)
    );
    let frames = played.take();
    assert!((60..=62).contains(&frames.len()), "{}", frames.len());
    let ZegoAudioSamples::Int16(channels) = &frames[30].channels else {
        panic!("floats")
    };
    assert_eq!(
        (channels.len(), frames[30].channel_count, frames[30].sample_rate),
        (2, 2, 16_000)
    );
    assert!(
        channels.iter().flatten().all(|sample| (16_300..16_500).contains(sample)),
        "{channels:?}"
    );
}

#[actix::test]
async fn the_first_frame_size_stays_another_callback_takes_over_and_none_ends_it() {
    let (world, zg) = playing().await;
    let (first, second) = (Given::default(), Given::default());
    give_played(&zg, &first, of_size(2_048)).await;
    a_second().await;
    assert!(first.take().iter().all(|frame| last(frame, 2_048) == 0.5));
    let stereo = ZegoAudioFrameOptions {
        channel_count: 2,
        ..of_size(256)
    };
    give_played(&zg, &second, stereo).await;
    a_second().await;
    assert!(first.take().is_empty());
    let frames = second.take();
    assert!(
        frames.len() > 20
            && frames
                .iter()
                .all(|frame| last(frame, 2_048) == 0.5 && frame.channel_count == 2)
    );
    zg.set_audio_frame_callback("s2", None, stereo).await.unwrap();
    a_second().await;
    assert!(second.take().is_empty());
    let mut told = world.told();
    told.retain(|line| !line.starts_with("quality"));
    assert_eq!(told, ["tap s2", "detach", "tap s2", "detach"]);
    // A new playback is a new beginning.
    zg.stop_playing_stream("s2").unwrap();
    settle().await;
    zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    give_played(&zg, &first, of_size(256)).await;
    a_second().await;
    assert_eq!(last(&first.take()[0], 256), 0.5);
}

#[actix::test]
async fn a_callback_that_panics_is_counted_and_called_again() {
    let (_world, zg) = playing().await;
    let given = Given::default();
    let mut callback = given.callback();
    let mut calls = 0;
    let bad = Box::new(move |frame: ZegoAudioFrame| {
        calls += 1;
        assert!(calls > 2, "the test wants it");
        callback(frame);
    });
    zg.set_audio_frame_callback("s2", Some(bad), of_size(1_024)).await.unwrap();
    a_second().await;
    assert_eq!(zg.counters().callback_panics, 2);
    assert!(given.take().len() > 40);
}

#[actix::test]
async fn frames_go_on_over_a_fresh_device_part() {
    let (world, zg) = playing().await;
    let (local, captured) = capturing(&zg).await;
    let played = Given::default();
    give_played(&zg, &played, of_size(1_024)).await;
    a_second().await;
    world.crash("device");
    tokio::time::sleep(Duration::from_secs(3)).await;
    captured.take();
    played.take();
    a_second().await;
    assert!((45..=47).contains(&captured.take().len()));
    assert!((45..=47).contains(&played.take().len()));
    zg.destroy_stream(local).unwrap();
    zg.destroy_engine();
    settle().await;
    played.take();
    a_second().await;
    assert!(captured.take().len() < 2 && played.take().is_empty());
}

#[actix::test]
async fn frames_are_refused_with_the_documented_codes() {
    let (_world, zg) = playing().await;
    let local = zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).await.unwrap();
    let set = async |id: &str, size| {
        let callback = Given::default().callback();
        let set = zg.set_audio_frame_callback(id, Some(callback), of_size(size)).await;
        set.map_err(|error| error.code)
    };
    assert_eq!(set("s2", 1_000).await, Err(1100001));
    assert_eq!(set("", 1_024).await, Err(1000015));
    assert_eq!(set("other", 1_024).await, Err(1104044));
    let other = World::new().local_engine();
    for engine in [&other, &zg] {
        let local = local.clone();
        if std::ptr::eq(engine, &zg) {
            zg.destroy_stream(local.clone()).unwrap();
        }
        let refused = engine.set_capture_audio_frame_callback(&local, None, of_size(1_024)).await;
        assert_eq!(refused.unwrap_err().code, 1000018);
    }
}
