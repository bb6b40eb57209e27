//! Lists the devices, plays a 1 kHz tone on the default speaker for three seconds and measures what the default microphone
//! hears of it. Where the one feeds the other (`tests/tools/start_pulse.sh --loopback`), the level is that of the tone.
//!
//! `cargo run --release -p express-audio-io --example loopback`

use std::{sync::mpsc, time::Instant};

use express_audio_io::AudioIo;
use express_messages::{
    audio::{AudioBlock, CaptureSink},
    audio_device::{
        AttachSink, AudioDeviceEvent, AudioDeviceFactory, AudioDeviceLink, AudioDeviceOptions, AudioDevicePeers, CaptureSource,
        ListDevices, MonitorLocalStream, OpenLocalStream, StopAudioDevice,
    },
    ids::LocalStreamId,
    testkit::Recorder,
    voice::VoiceConfig,
};

/// Three seconds of blocks; the first two are for the loop to settle.
const BLOCKS: usize = 300;

struct Samples(mpsc::Sender<Vec<f32>>);

impl CaptureSink for Samples {
    fn on_block(&mut self, block: &AudioBlock, _: Instant) {
        // The main thread may have heard enough.
        let _ = self.0.send(block.samples().to_vec());
    }
}

async fn open(link: &AudioDeviceLink, id: u64, source: CaptureSource) -> Result<LocalStreamId, Box<dyn std::error::Error>> {
    let id = LocalStreamId(id);
    link.open
        .send(OpenLocalStream {
            id,
            source,
            channels: 1,
            mixing_delay_ms: 0,
        })
        .await??;
    Ok(id)
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let (owner, events) = Recorder::<AudioDeviceEvent>::start();
    let link = AudioIo::new().start(AudioDeviceOptions::default(), owner, AudioDevicePeers::default());
    println!("{:#?}", link.list_devices.send(ListDevices).await??);
    let tone = CaptureSource::Tone {
        frequency_hz: 1_000.0,
        amplitude: 0.5,
    };
    let tone = open(&link, 1, tone).await?;
    let monitor = MonitorLocalStream {
        id: tone,
        audible: true,
        percent: 100,
    };
    link.monitor.send(monitor).await?;
    let microphone = CaptureSource::Microphone {
        device_id: None,
        // A tone is no speech.
        voice: VoiceConfig::OFF,
    };
    let mic = open(&link, 2, microphone).await?;
    let (samples, heard) = mpsc::channel();
    let sink = Box::new(Samples(samples));
    link.attach_sink.send(AttachSink { local_stream: mic, sink }).await??;
    let samples = tokio::task::spawn_blocking(move || heard.iter().take(BLOCKS).flatten().collect::<Vec<f32>>()).await?;
    report(&samples[samples.len() * 2 / 3..]);
    link.stop.send(StopAudioDevice).await?;
    println!("events: {:?}", events.take());
    Ok(())
}

fn report(samples: &[f32]) {
    // In short windows, as a corrected clock moves the phase.
    let level = |window: &[f32]| {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, s) in window.iter().enumerate() {
            let phase = std::f64::consts::TAU * 1_000.0 * i as f64 / 48_000.0;
            re += f64::from(*s) * phase.cos();
            im += f64::from(*s) * phase.sin();
        }
        20.0 * (2.0 * re.hypot(im) / window.len() as f64).max(1e-9).log10()
    };
    let levels: Vec<f64> = samples.chunks_exact(4_800).map(level).collect();
    let steepest = samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    println!("1 kHz in each 100 ms: {levels:.2?} dBFS");
    println!("steepest step {steepest:.3}; a clean tone of -6 dBFS has 0.065");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    actix::System::new().block_on(run())
}
