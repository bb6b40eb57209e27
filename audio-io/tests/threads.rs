//! What is left behind: nothing. Alone in its process, as it counts threads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use express_audio_io::{AudioIo, devices::NoDevices};
use express_messages::{
    audio_device::{
        AudioDeviceEvent, AudioDeviceFactory, AudioDeviceOptions, AudioDevicePeers, CaptureSource, ListDevices, OpenLocalStream,
        RecordPlayout, StopAudioDevice,
    },
    ids::{LocalStreamId, StreamId},
    testkit::Recorder,
};

/// The names of this process's threads that are ours.
fn our_threads() -> Vec<String> {
    let names = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // A thread may end between the listing and the reading.
        std::fs::read_to_string(task.unwrap().path().join("comm")).ok()
    });
    names
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("zego-"))
        .collect()
}

/// Whether the names of our threads come to be as `wanted`. A new thread names itself, and a joined one is listed for a moment
/// longer, so either may take a moment.
fn soon(wanted: impl Fn(&[String]) -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !wanted(&our_threads()) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    true
}

#[actix::test]
async fn after_the_end_no_thread_of_ours_is_left_twenty_times_in_a_row() {
    let path = std::env::temp_dir().join(format!("express-audio-io-threads-{}.wav", std::process::id()));
    let record = |channels| RecordPlayout {
        stream_id: StreamId::new("s").unwrap(),
        path: path.clone(),
        channels,
    };
    let (owner, _events) = Recorder::<AudioDeviceEvent>::start();
    for round in 0..20 {
        let factory = AudioIo::with_backend(|| Box::new(NoDevices));
        let link = factory.start(AudioDeviceOptions::default(), owner.clone(), AudioDevicePeers::default());
        link.list_devices.send(ListDevices).await.unwrap().unwrap();
        if round > 0 {
            let open = OpenLocalStream {
                id: LocalStreamId(1),
                source: CaptureSource::Wav {
                    path: path.clone(),
                    repeat: false,
                },
                channels: 1,
                mixing_delay_ms: 0,
            };
            // The recording of the round before; empty where that was over within one block.
            let _ = link.open.send(open).await.unwrap();
        }
        link.record_playout.send(record(1)).await.unwrap().unwrap();
        assert!(
            soon(|names| names.iter().any(|name| name == "zego-pump")),
            "{:?}",
            our_threads()
        );
        link.stop.send(StopAudioDevice).await.unwrap();
        assert!(soon(<[String]>::is_empty), "round {round}: {:?}", our_threads());
    }
    std::fs::remove_file(&path).unwrap();
}
