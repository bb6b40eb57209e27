//! AudioDeviceActor alone: against a recorded owner, with scripted devices, in virtual time.

mod capture;
mod captured;
mod devices;
mod mixing;
mod speakers;
mod streams;
mod threads;
mod voice;
mod watching;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use express_messages::{
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    audio_device::*,
    ids::{LocalStreamId, StreamId},
    testkit::{Recorded, Recorder},
    voice::VoiceConfig,
};

use super::*;
use crate::{
    AudioIo,
    devices::{DeviceFailure, DeviceFormat, OpenDeviceError, scripted::ScriptedDevices},
    hearing::rms,
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

/// One value for ever.
struct Constant(f32);

impl PlayoutSource for Constant {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.samples_mut().fill(self.0);
    }
}

fn constant(value: f32) -> CaptureSource {
    CaptureSource::Pushed(Box::new(Constant(value)))
}

fn open(source: CaptureSource) -> OpenLocalStream {
    OpenLocalStream {
        id: LOCAL,
        source,
        channels: 1,
        mixing_delay_ms: 0,
    }
}

/// A microphone with nothing done to its sound: a tone is no speech.
fn microphone(device_id: Option<&str>) -> CaptureSource {
    CaptureSource::Microphone {
        device_id: device_id.map(Into::into),
        voice: VoiceConfig::OFF,
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

fn read_wav(path: &Path) -> Vec<i16> {
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}
