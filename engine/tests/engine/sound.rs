//! Sound between the application and its streams.

use std::time::Duration;

use express_engine::{BLOCK_FRAMES, Lagged, LocalSourceEnded, ZegoStreamOptions};
use express_messages::audio_device::AudioDeviceEvent;
use futures::{FutureExt, StreamExt};

use crate::{
    fakes::World,
    told::{Notes, logged_in, settle},
};

#[actix::test]
async fn frames_give_every_ten_milliseconds_of_a_played_stream() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    let mut frames = remote.frames();
    tokio::time::sleep(Duration::from_millis(505)).await;
    let mut count = 0;
    while let Some(Some(block)) = frames.next().now_or_never() {
        let block = block.unwrap();
        assert_eq!((block.samples().len(), block.peak()), (BLOCK_FRAMES, 0.5));
        count += 1;
    }
    assert_eq!(count, 50);
    zg.stop_playing_stream("s2").unwrap();
    settle().await;
    while let Some(block) = frames.next().await {
        block.unwrap();
    }
}

#[actix::test]
async fn a_slow_reader_of_frames_is_told_what_it_missed() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let _told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    let mut frames = remote.frames();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..100 {
        assert!(frames.next().await.unwrap().is_ok());
    }
    let Lagged(missed) = frames.next().await.unwrap().unwrap_err();
    assert!((98..=101).contains(&missed), "{missed}");
}

#[actix::test]
async fn dropping_the_reader_takes_its_tap_away() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    let frames = remote.frames();
    settle().await;
    drop(frames);
    // Dropped before it was there: it is taken away as soon as it is.
    drop(remote.frames());
    settle().await;
    assert_eq!(world.told(), ["tap s2", "detach", "tap s2", "detach"]);
}

#[actix::test]
async fn a_recording_is_made_stopped_and_refused_as_said() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let _told = logged_in(&zg).await;
    let remote = zg.start_playing_stream("s2", Default::default()).await.unwrap();
    settle().await;
    world.told();
    assert_eq!(remote.record_to("a.wav", 3).await.unwrap_err().code, 1100001);
    assert_eq!(remote.record_to("forbidden/a.wav", 1).await.unwrap_err().code, 1100001);
    let recording = remote.record_to("a.wav", 2).await.unwrap();
    recording.stop().await.unwrap();
    assert_eq!(
        world.told(),
        ["record s2 forbidden/a.wav 1 ch", "record s2 a.wav 2 ch", "detach"]
    );
    zg.stop_playing_stream("s2").unwrap();
    assert_eq!(remote.record_to("a.wav", 1).await.unwrap_err().code, 1104044);
    assert!(remote.frames().next().await.is_none());
}

#[actix::test]
async fn pushed_pcm_is_taken_at_the_pace_of_the_pump_and_ends_with_its_stream() {
    tokio::time::pause();
    let zg = World::new().local_engine();
    let (options, mut pcm) = ZegoStreamOptions::pushed(1);
    let local = zg.create_zego_stream(options).await.unwrap();
    let start = tokio::time::Instant::now();
    // Three seconds: one fits in, the rest waits for the pump.
    assert_eq!(pcm.write(&vec![0.25; 48_000 * 3]).await, 48_000 * 3);
    pcm.flush().await;
    let took = start.elapsed();
    assert!((2_990..3_050).contains(&took.as_millis()), "{took:?}");
    zg.destroy_stream(local).unwrap();
    settle().await;
    assert!(pcm.is_closed());
    assert_eq!(pcm.write(&vec![0.25; 48_000 * 3]).await, 0);
}

#[actix::test]
async fn the_end_of_a_file_is_told() {
    tokio::time::pause();
    let world = World::new();
    let zg = world.local_engine();
    let notes = Notes::default();
    let seen = notes.clone();
    zg.on(move |e: &LocalSourceEnded| seen.add(format!("{:?}", e.local_stream)));
    let local = zg.create_zego_stream(ZegoStreamOptions::wav("speech.wav")).await.unwrap();
    let device = world.lock().device.clone().unwrap();
    device.do_send(AudioDeviceEvent::SourceEnded(local.id()));
    settle().await;
    assert_eq!(notes.take(), [format!("{:?}", local.id())]);
}
