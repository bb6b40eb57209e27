//! The way through PulseAudio: from what is played in a room to what the speaker adds to it.
//!
//! `devices.sh` makes a room of two channels: the left one is heard by the default microphone, the right one is played by the
//! default speaker. So one recording of the room holds both ends of the way by one clock.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use express_audio_io::AudioIo;
use express_bench_forwarder::server::Server;
use express_examples::wav;
use express_messages::audio::{BLOCK_FRAMES, SAMPLE_RATE};

use crate::{
    CHIRP_EVERY, Fault, LAST_CHIRP_HEARD, Plan, Variant,
    call::{Call, wait},
    figures::{Figures, Stage},
    scripted::ms_between,
    track::{Passed, Track, chirp},
};

/// The room's left side, as a sink.
const MOUTH: &str = "mouth";
/// The whole room, as a source.
const ROOM: &str = "room.monitor";
/// Bytes of one recorded frame: two channels of 32 bit.
const FRAME_BYTES: usize = 8;

/// Runs the calls of `variant`.
pub(crate) fn run(server: &Server, variant: Variant, plan: Plan) -> Result<Figures, Fault> {
    let folder = std::env::temp_dir().join(format!("express-mouth-to-ear-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut heard = Heard::default();
    let ran = (0..plan.calls).try_for_each(|_| one_call(server, variant, plan, &folder, &mut heard));
    std::fs::remove_dir_all(&folder)?;
    ran?;
    Ok(Figures {
        variant: variant.name,
        calls: plan.calls,
        chirps: heard.said,
        missed: heard.said - heard.total_ms.len(),
        stages: vec![
            Stage::new("encoder's door to decoder's exit", "chirp", heard.carried_ms),
            Stage::new("devices, rings, pumps", "the rest, both sides", heard.rest_ms),
        ],
        total: Stage::new("mouth to ear", "chirp: left to right side of the room", heard.total_ms),
        within: vec![Stage::new("jitter buffer", "the listener's statistics", heard.buffer_ms)],
    })
}

#[derive(Default)]
struct Heard {
    said: usize,
    total_ms: Vec<f64>,
    carried_ms: Vec<f64>,
    rest_ms: Vec<f64>,
    buffer_ms: Vec<f64>,
}

fn one_call(server: &Server, variant: Variant, plan: Plan, folder: &Path, heard: &mut Heard) -> Result<(), Fault> {
    let call = Call::start(server, AudioIo::new(), AudioIo::new(), variant.low_latency)?;
    let recording = folder.join("room.raw");
    let recorder = record(&recording)?;
    let mut speech = say(&folder.join("chirps.wav"), plan.chirps)?;
    speech.0.wait()?;
    wait(LAST_CHIRP_HEARD);
    drop(recorder);
    let noted = call.end()?;

    let chirp = chirp();
    let (mouth, ear) = both_sides(&recording)?;
    let said = mouth.all(&chirp);
    heard.said += said.len();
    let took = |from: &Instant, track: &Track| Some(ms_between(*from, track.heard(&chirp, *from)?));
    let total: Vec<f64> = said.iter().filter_map(|at| took(at, &ear)).collect();
    let encoded = noted.encoded.all(&chirp);
    let carried: Vec<f64> = encoded.iter().filter_map(|at| took(at, &noted.decoded)).collect();
    // Two clocks: the chirps go together by their order, and only where none is missing.
    if total.len() == carried.len() {
        heard
            .rest_ms
            .extend(total.iter().zip(&carried).map(|(total, carried)| total - carried));
    }
    heard.total_ms.extend(total);
    heard.carried_ms.extend(carried);
    heard
        .buffer_ms
        .extend(noted.reports.iter().map(|report| report.audio.jitter_buffer_delay_ms));
    if said.is_empty() {
        return Err("no chirp is in the recording of the room; is this run by benches/mouth-to-ear/devices.sh?".into());
    }
    Ok(())
}

/// A tool that is ended when dropped.
struct Tool(Child);

impl Drop for Tool {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn record(path: &Path) -> Result<Tool, Fault> {
    let file = std::fs::File::create(path)?;
    let mut parec = Command::new("parec");
    parec.args([
        "--raw",
        "--format=float32le",
        "--rate=48000",
        "--channels=2",
        "--latency-msec=20",
    ]);
    let child = parec
        .arg(format!("--device={ROOM}"))
        .stdin(Stdio::null())
        .stdout(file)
        .spawn();
    Ok(Tool(child.map_err(|error| format!("parec: {error}"))?))
}

/// Says `chirps` chirps after a short silence, in which the recorder gets going.
fn say(path: &PathBuf, chirps: u32) -> Result<Tool, Fault> {
    let every = CHIRP_EVERY.as_millis() as usize * SAMPLE_RATE as usize / 1_000;
    let mut samples = vec![0.0; every];
    for _ in 0..chirps {
        let end = samples.len() + every;
        samples.extend(chirp());
        samples.resize(end, 0.0);
    }
    wav::write_mono(path, &samples)?;
    let child = Command::new("paplay")
        .arg(format!("--device={MOUTH}"))
        .arg(path)
        .stdin(Stdio::null())
        .spawn();
    Ok(Tool(child.map_err(|error| format!("paplay: {error}"))?))
}

/// The recording's left and right side, on a clock that begins with it.
fn both_sides(recording: &Path) -> Result<(Track, Track), Fault> {
    let bytes = std::fs::read(recording)?;
    let begin = Instant::now();
    let block = Duration::from_secs_f64(BLOCK_FRAMES as f64 / f64::from(SAMPLE_RATE));
    let side = |offset: usize| -> Track {
        let sample = |frame: &[u8]| f32::from_le_bytes([frame[offset], frame[offset + 1], frame[offset + 2], frame[offset + 3]]);
        let blocks = bytes.chunks_exact(FRAME_BYTES * BLOCK_FRAMES).enumerate();
        blocks
            .map(|(n, frames)| {
                let samples: Vec<f32> = frames.chunks_exact(FRAME_BYTES).map(sample).collect();
                Passed::new(begin + block * n as u32, &samples, 1)
            })
            .collect()
    };
    Ok((side(0), side(4)))
}
