//! AudioDeviceActor alone: against a recorded owner, with scripted devices, in virtual time.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    audio_device::*,
    ids::{LocalStreamId, StreamId},
    testkit::{Recorded, Recorder},
};

use super::*;
use crate::{
    AudioIo,
    devices::{DeviceFailure, DeviceFormat, OpenDeviceError, scripted::ScriptedDevices},
    scratch::ScratchDir,
};

const LOCAL: LocalStreamId = LocalStreamId(1);

fn format(rate_hz: u32, channels: usize) -> DeviceFormat {
    DeviceFormat {
        rate_hz,
        channels,
        period_frames: rate_hz as usize / 50,
    }
}

/// Virtual time, and an actor in it.
fn start(devices: &ScriptedDevices) -> (AudioDeviceLink, Recorded<AudioDeviceEvent>) {
    tokio::time::pause();
    start_another(devices)
}

/// An actor where time is virtual already.
fn start_another(devices: &ScriptedDevices) -> (AudioDeviceLink, Recorded<AudioDeviceEvent>) {
    let (owner, events) = Recorder::start();
    let devices = devices.clone();
    let factory = AudioIo {
        drive: PumpDrive::Arbiter,
        ..AudioIo::with_backend(move || Box::new(devices.clone()))
    };
    (
        factory.start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default()),
        events,
    )
}

async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// Keeps what it is given.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<f32>>>);

impl CaptureSink for Heard {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.0.lock().unwrap().extend_from_slice(block.samples());
    }
}

impl Heard {
    fn samples(&self) -> Vec<f32> {
        self.0.lock().unwrap().clone()
    }
}

/// Gives 1/1000, 2/1000, ... : a block for each number.
struct Counting(u16);

impl PlayoutSource for Counting {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        self.0 += 1;
        out.samples_mut().fill(f32::from(self.0) / 1_000.0);
    }
}

fn open(source: CaptureSource) -> OpenLocalStream {
    OpenLocalStream {
        id: LOCAL,
        source,
        channels: 1,
    }
}

fn tone() -> CaptureSource {
    CaptureSource::Tone {
        frequency_hz: 440.0,
        amplitude: 0.5,
    }
}

async fn attach(link: &AudioDeviceLink, sink: &Heard) -> Result<SinkId, ZegoError> {
    let attach = AttachSink {
        local_stream: LOCAL,
        sink: Box::new(sink.clone()),
    };
    link.attach_sink.send(attach).await.unwrap()
}

#[actix::test]
async fn a_sink_of_a_local_stream_gets_one_block_each_10_ms_until_the_stream_closes() {
    let (link, _) = start(&ScriptedDevices::new());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    pass(1_000).await;
    let blocks = heard.samples().len() / 480;
    assert!((99..=101).contains(&blocks), "{blocks}");
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    pass(1_000).await;
    assert!(heard.samples().len() / 480 <= blocks + 1);
    assert_eq!(attach(&link, &heard).await.unwrap_err().code, 1000018);
}

#[actix::test]
async fn pushed_pcm_arrives_block_by_block_in_order_and_without_loss() {
    let (link, _) = start(&ScriptedDevices::new());
    let source = CaptureSource::Pushed(Box::new(Counting(0)));
    link.open.send(open(source)).await.unwrap().unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    pass(2_000).await;
    let firsts: Vec<u16> = heard
        .samples()
        .chunks_exact(480)
        .map(|b| (b[0] * 1_000.0).round() as u16)
        .collect();
    assert!(firsts.len() >= 195);
    assert!(firsts.windows(2).all(|w| w[1] == w[0] + 1), "{firsts:?}");
}

#[actix::test]
async fn a_wav_file_is_recorded_again_sample_by_sample_up_to_its_volume() {
    let dir = ScratchDir::new();
    let (input, output) = (dir.file("in.wav"), dir.file("out.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&input, spec).unwrap();
    let said: Vec<i16> = (0..48_000).map(|i| ((f64::from(i) * 0.05).sin() * 20_000.0) as i16).collect();
    said.iter().for_each(|s| writer.write_sample(*s).unwrap());
    writer.finalize().unwrap();

    let (link, events) = start(&ScriptedDevices::new());
    let source = CaptureSource::Wav {
        path: input,
        repeat: false,
    };
    // The local stream becomes a played stream by a ring, as a network would do it.
    let wire = Wire::default();
    let record = RecordPlayout {
        stream_id: stream("s"),
        path: output.clone(),
        channels: 1,
    };
    link.record_playout.send(record).await.unwrap().unwrap();
    link.open.send(open(source)).await.unwrap().unwrap();
    let volume = SetCaptureVolume { id: LOCAL, percent: 50 };
    link.capture_volume.send(volume).await.unwrap();
    let sink = AttachSink {
        local_stream: LOCAL,
        sink: Box::new(wire.clone()),
    };
    link.attach_sink.send(sink).await.unwrap().unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(wire),
    };
    link.attach_source.send(source).await.unwrap();
    pass(2_000).await;
    assert_eq!(events.take(), [AudioDeviceEvent::SourceEnded(LOCAL)]);
    link.forget_playout.send(ForgetPlayout(stream("s"))).await.unwrap();

    let heard = read_wav(&output);
    // The volume is reached over the first block; behind that everything is exactly half.
    let wanted: Vec<i16> = said[480..].iter().map(|s| (f32::from(*s) * 0.5).round() as i16).collect();
    let at = heard
        .windows(64)
        .position(|w| w == &wanted[..64])
        .expect("what was said is heard");
    assert_eq!(heard[at..at + wanted.len()], wanted[..]);
}

/// A sink whose blocks come out as a source.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<std::collections::VecDeque<AudioBlock>>>);

impl CaptureSink for Wire {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        self.0.lock().unwrap().push_back(block.clone());
    }
}

impl PlayoutSource for Wire {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        if let Some(block) = self.0.lock().unwrap().pop_front() {
            out.copy_from(&block);
        }
    }
}

fn read_wav(path: &Path) -> Vec<i16> {
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}

#[actix::test]
async fn a_recording_is_complete_when_each_of_its_three_ends_was_answered() {
    let dir = ScratchDir::new();
    tokio::time::pause();
    for end in ["detach", "forget", "stop"] {
        let (link, _) = start_another(&ScriptedDevices::new());
        let path = dir.file("out.wav");
        let source = Box::new(Counting(0));
        let stream_id = stream("s");
        link.attach_source
            .send(AttachSource {
                stream_id: stream_id.clone(),
                source,
            })
            .await
            .unwrap();
        let record = RecordPlayout {
            stream_id: stream_id.clone(),
            path: path.clone(),
            channels: 2,
        };
        let id = link.record_playout.send(record).await.unwrap().unwrap();
        pass(500).await;
        match end {
            "detach" => link.detach_sink.send(DetachSink(id)).await.unwrap(),
            "forget" => link.forget_playout.send(ForgetPlayout(stream_id)).await.unwrap(),
            _ => link.stop.send(StopAudioDevice).await.unwrap(),
        }
        let frames = read_wav(&path).len() / 2;
        assert!((47 * 480..=53 * 480).contains(&frames), "{end}: {frames}");
    }
}

#[actix::test]
async fn a_replaced_source_keeps_settings_and_taps() {
    let devices = ScriptedDevices::new().with_speaker("spk", format(48_000, 2));
    let (link, _) = start(&devices);
    let set = SetPlayout {
        stream_id: stream("s"),
        audible: true,
        percent: 50,
    };
    link.set_playout.send(set).await.unwrap();
    let heard = Heard::default();
    let tap = TapPlayout {
        stream_id: stream("s"),
        tap: Box::new(heard.clone()),
    };
    link.tap_playout.send(tap).await.unwrap();
    let mut played = Vec::new();
    for start in [0u16, 500] {
        let source = AttachSource {
            stream_id: stream("s"),
            source: Box::new(Counting(start)),
        };
        link.attach_source.send(source).await.unwrap();
        for _ in 0..50 {
            pass(10).await;
            played.extend(devices.pull("spk", 480));
        }
    }
    let tapped: Vec<u16> = heard
        .samples()
        .chunks_exact(480)
        .map(|b| (b[0] * 1_000.0).round() as u16)
        .collect();
    assert!(tapped.contains(&40) && tapped.contains(&540), "{tapped:?}");
    assert!(
        tapped.iter().all(|n| *n <= 60 || *n > 500),
        "each block of either source, once: {tapped:?}"
    );
    let heard_at = |level: f32| played.iter().any(|s| (s - level).abs() < 1e-6);
    assert!(heard_at(0.010) && heard_at(0.260), "half as loud as tapped");
}

#[actix::test]
async fn no_sound_card_is_an_ordinary_case() {
    let (link, events) = start(&ScriptedDevices::new());
    let list = link.list_devices.send(ListDevices).await.unwrap().unwrap();
    assert_eq!(list, ZegoDeviceInfos::default());
    for device_id in [None, Some("usb".to_owned())] {
        let source = CaptureSource::Microphone { device_id };
        assert_eq!(link.open.send(open(source)).await.unwrap().unwrap_err().code, 1103048);
    }
    let set = SetPlayout {
        stream_id: stream("s"),
        audible: true,
        percent: 100,
    };
    link.set_playout.send(set).await.unwrap();
    let heard = Heard::default();
    let tap = TapPlayout {
        stream_id: stream("s"),
        tap: Box::new(heard.clone()),
    };
    link.tap_playout.send(tap).await.unwrap();
    let source = AttachSource {
        stream_id: stream("s"),
        source: Box::new(Counting(0)),
    };
    link.attach_source.send(source).await.unwrap();
    pass(1_000).await;
    assert!((97..=101).contains(&(heard.samples().len() / 480)));
    assert!(events.is_empty());
}

#[actix::test]
async fn each_reason_of_a_microphone_that_does_not_open_has_its_documented_code() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    let (name, reason) = (String::from("mic"), String::from("so"));
    for (error, code) in [
        (OpenDeviceError::NotFound(None), 1103048),
        (OpenDeviceError::NotAllowed(name.clone()), 1103064),
        (OpenDeviceError::Busy(name.clone()), 1103065),
        (
            OpenDeviceError::Format {
                name: name.clone(),
                reason: reason.clone(),
            },
            1103066,
        ),
        (OpenDeviceError::Failed { name, reason }, 1103061),
    ] {
        devices.refuse("mic", Some(error));
        let answer = link
            .open
            .send(open(CaptureSource::Microphone { device_id: None }))
            .await
            .unwrap();
        assert_eq!(answer.unwrap_err().code, code);
    }
    devices.refuse("mic", None);
    link.open
        .send(open(CaptureSource::Microphone { device_id: None }))
        .await
        .unwrap()
        .unwrap();
    assert!(devices.is_open("mic"), "and the name is free again");
}

#[actix::test]
async fn two_streams_share_one_microphone_which_closes_with_the_last() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, _) = start(&devices);
    for (id, device_id) in [(1, None), (2, Some("mic".to_owned()))] {
        let open = OpenLocalStream {
            id: LocalStreamId(id),
            source: CaptureSource::Microphone { device_id },
            channels: 2,
        };
        link.open.send(open).await.unwrap().unwrap();
    }
    assert_eq!(devices.times_opened("mic"), 1);
    link.close.send(CloseLocalStream(LocalStreamId(1))).await.unwrap();
    assert!(devices.is_open("mic"));
    link.close.send(CloseLocalStream(LocalStreamId(2))).await.unwrap();
    assert!(!devices.is_open("mic"));
}

/// Lets `ms` pass while microphone `mic` captures a 1 kHz tone of 0.5 and speaker `spk` plays; returns what it played, as mono.
async fn run_devices(devices: &ScriptedDevices, rate: u32, ms: u64, phase: &mut f64) -> Vec<f32> {
    let frames = rate as usize / 50;
    let mut played = Vec::new();
    for _ in 0..ms / 20 {
        pass(20).await;
        let captured: Vec<f32> = (0..frames)
            .map(|_| {
                *phase += std::f64::consts::TAU * 1_000.0 / f64::from(rate);
                (phase.sin() * 0.5) as f32
            })
            .collect();
        devices.push("mic", &captured);
        played.extend(devices.pull("spk", frames).chunks_exact(2).map(|f| f[0]));
    }
    played
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

#[actix::test]
async fn a_microphone_is_monitored_on_a_speaker_of_44_1_khz_and_each_mute_is_smooth() {
    let rate = 44_100;
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(rate, 1))
        .with_speaker("spk", format(rate, 2));
    let (link, events) = start(&devices);
    link.open
        .send(open(CaptureSource::Microphone { device_id: None }))
        .await
        .unwrap()
        .unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    let mut phase = 0.0;
    run_devices(&devices, rate, 500, &mut phase).await;
    // A 1 kHz tone of 0.5 moves at most 0.0714 from sample to sample at 44.1 kHz; a cut would jump by up to 0.5.
    let smooth = 0.074;
    let loud = run_devices(&devices, rate, 1_000, &mut phase).await;
    assert!((rms(&loud) - 0.3535).abs() < 0.01, "{}", rms(&loud));
    assert!(steepest(&loud) < smooth, "{}", steepest(&loud));
    for (what, muted) in [
        ("microphone", true),
        ("microphone", false),
        ("stream", true),
        ("stream", false),
    ] {
        match what {
            "microphone" => link.mute_microphone.send(MuteMicrophone(muted)).await.unwrap(),
            _ => link.mute_local.send(MuteLocalStream { id: LOCAL, muted }).await.unwrap(),
        }
        let turn = run_devices(&devices, rate, 300, &mut phase).await;
        assert!(steepest(&turn) < smooth, "{what} {muted}: {}", steepest(&turn));
        let after = rms(&run_devices(&devices, rate, 300, &mut phase).await);
        assert!(
            (after - if muted { 0.0 } else { 0.3535 }).abs() < 0.01,
            "{what} {muted}: {after}"
        );
    }
    assert!(events.is_empty());
}

#[actix::test]
async fn a_speaker_that_vanishes_is_reported_once_and_the_rest_goes_on() {
    let devices = ScriptedDevices::new()
        .with_speaker("spk", format(48_000, 2))
        .with_microphone("mic", format(48_000, 1));
    let (link, events) = start(&devices);
    link.open.send(open(tone())).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    run_devices(&devices, 48_000, 200, &mut 0.0).await;
    devices.refuse("spk", Some(OpenDeviceError::NotFound(None)));
    devices.fail("spk", DeviceFailure::Unplugged);
    let before = heard.samples().len();
    pass(1_000).await;
    let error = AudioDeviceEvent::DeviceError {
        code: 1006006,
        device_name: "spk".into(),
    };
    assert_eq!(events.take(), [error]);
    assert!(!devices.is_open("spk"));
    assert!(heard.samples().len() - before >= 97 * 480, "the local stream goes on");
    devices.refuse("spk", None);
    pass(30_000).await;
    assert!(devices.times_opened("spk") >= 2, "it is tried again");
}

#[actix::test]
async fn a_speaker_that_falls_silent_without_a_word_is_reported_after_a_second() {
    let devices = ScriptedDevices::new().with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.open.send(open(tone())).await.unwrap().unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    run_devices(&devices, 48_000, 200, &mut 0.0).await;
    pass(900).await;
    assert!(events.is_empty());
    pass(200).await;
    assert_eq!(events.take().len(), 1);
}

#[actix::test]
async fn a_microphone_that_fails_is_reported_once_and_its_stream_falls_silent() {
    let devices = ScriptedDevices::new().with_microphone("mic", format(48_000, 1));
    let (link, events) = start(&devices);
    link.open
        .send(open(CaptureSource::Microphone { device_id: None }))
        .await
        .unwrap()
        .unwrap();
    let heard = Heard::default();
    attach(&link, &heard).await.unwrap();
    run_devices(&devices, 48_000, 400, &mut 0.0).await;
    assert!(rms(&heard.samples()[9_600..]) > 0.3);
    devices.fail("mic", DeviceFailure::Failed);
    pass(1_000).await;
    let error = AudioDeviceEvent::DeviceError {
        code: 1006001,
        device_name: "mic".into(),
    };
    assert_eq!(events.take(), [error]);
    let samples = heard.samples();
    assert!(samples[samples.len() - 4_800..].iter().all(|s| *s == 0.0));
    link.close.send(CloseLocalStream(LOCAL)).await.unwrap();
    link.open
        .send(open(CaptureSource::Microphone { device_id: None }))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(devices.times_opened("mic"), 2);
}

/// Panics in its third block.
struct Faulty(u8);

impl PlayoutSource for Faulty {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        self.0 += 1;
        assert!(self.0 < 3, "on purpose");
        out.samples_mut().fill(f32::NAN);
    }
}

#[actix::test]
async fn a_source_that_panics_falls_silent_alone() {
    let (link, events) = start(&ScriptedDevices::new());
    let source = AttachSource {
        stream_id: stream("bad"),
        source: Box::new(Faulty(0)),
    };
    link.attach_source.send(source).await.unwrap();
    let taps: Vec<_> = ["bad", "good"].into_iter().map(|name| (name, Heard::default())).collect();
    for (name, heard) in &taps {
        let tap = TapPlayout {
            stream_id: stream(name),
            tap: Box::new(heard.clone()),
        };
        link.tap_playout.send(tap).await.unwrap();
    }
    let source = AttachSource {
        stream_id: stream("good"),
        source: Box::new(Counting(0)),
    };
    link.attach_source.send(source).await.unwrap();
    pass(500).await;
    assert!(
        taps[0].1.samples().iter().all(|s| *s == 0.0),
        "nor does what is no number pass"
    );
    assert!(taps[1].1.samples().contains(&0.04));
    assert!(events.is_empty());
}

#[actix::test]
async fn the_end_closes_devices_and_is_the_last_event() {
    let devices = ScriptedDevices::new()
        .with_microphone("mic", format(48_000, 1))
        .with_speaker("spk", format(48_000, 2));
    let (link, events) = start(&devices);
    link.open
        .send(open(CaptureSource::Microphone { device_id: None }))
        .await
        .unwrap()
        .unwrap();
    let monitor = MonitorLocalStream {
        id: LOCAL,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await.unwrap();
    pass(20).await;
    assert!(devices.is_open("mic") && devices.is_open("spk"));
    link.stop.send(StopAudioDevice).await.unwrap();
    assert!(!devices.is_open("mic") && !devices.is_open("spk"));
    pass(50).await;
    assert_eq!(events.take(), [AudioDeviceEvent::Exited { panicked: false }]);
    assert!(!link.stop.connected());
}

/// Tells when it was called and when it was dropped.
struct Reporter {
    calls: tokio::sync::mpsc::UnboundedSender<std::thread::ThreadId>,
}

impl CaptureSink for Reporter {
    fn on_block(&mut self, _: &AudioBlock, _: Instant) {
        // The test may have seen enough.
        let _ = self.calls.send(std::thread::current().id());
    }
}

#[actix::test]
async fn with_a_thread_of_its_own_the_pump_runs_beside_the_actor_and_ends_with_it() {
    let (owner, _events) = Recorder::start();
    let link = AudioIo::without_devices().start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default());
    link.open.send(open(tone())).await.unwrap().unwrap();
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let sink = AttachSink {
        local_stream: LOCAL,
        sink: Box::new(Reporter { calls }),
    };
    link.attach_sink.send(sink).await.unwrap().unwrap();
    for _ in 0..10 {
        let thread = called.recv().await.expect("the sink lives");
        assert_ne!(thread, std::thread::current().id());
    }
    link.stop.send(StopAudioDevice).await.unwrap();
    while called.recv().await.is_some() {}
}
