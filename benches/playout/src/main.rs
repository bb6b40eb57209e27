//! What a listener hears over bad networks, in virtual time and through the code that ships.
//!
//!     playout-bench --clips DIR --traces DIR [--max-kbps N] [--json FILE] [--wav-out DIR]

mod call;
mod clips;
mod feedback;
mod score;
mod trace;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use express_media::rtp::SendPlan;

use crate::{call::Settings, score::Row};

/// Whatever goes wrong here ends the bench; it is told as it is.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
struct Arguments {
    /// Folder of speech: mono WAV, 48 kHz, 16 bit
    #[arg(long)]
    clips: PathBuf,
    /// Folder of traces: JSON with `name`, `drop` and `delay` (ms) for each packet
    #[arg(long)]
    traces: PathBuf,
    /// Most kbit/s of RTP payload
    #[arg(long, default_value_t = 32.5)]
    max_kbps: f64,
    /// Where the rows go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where what was heard goes as WAV
    #[arg(long)]
    wav_out: Option<PathBuf>,
    /// Only traces of these names
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// One plan for the whole call: total kbit/s, distances of copies and flags, as in 32:4 or 64:2,3/wd20
    #[arg(long, value_parser = call::parse_plan)]
    fixed: Option<SendPlan>,
    /// Playout with low latency
    #[arg(long)]
    low_latency: bool,
    /// Frames of 10 ms; each still meets an entry of the trace of its own
    #[arg(long)]
    short_frames: bool,
    /// No scores: bitrate, delay and concealment only
    #[arg(long)]
    no_score: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("playout-bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Fault> {
    let clips = clips::read_all(&arguments.clips)?;
    let traces = trace::read_all(&arguments.traces, &arguments.only)?;
    let settings = Settings {
        max_kbps: arguments.max_kbps,
        fixed: arguments.fixed,
        low_latency: arguments.low_latency,
        short_frames: arguments.short_frames,
    };
    let scratch = std::env::temp_dir().join(format!("playout-bench-{}", std::process::id()));
    let folder = arguments.wav_out.as_ref().unwrap_or(&scratch);
    std::fs::create_dir_all(folder)?;
    let mut rows = Vec::new();
    for trace in &traces {
        let call = call::run(&clips, trace, &settings)?;
        for (clip, heard) in clips.iter().zip(&call.clips) {
            let path = folder.join(format!("{}-{}.wav", clip.name, trace.name));
            clips::write(&path, &heard.samples)?;
            rows.push(Row::new(clip, trace, heard, path));
        }
        eprintln!("{}: heard", trace.name);
        if std::env::var_os("PLAYOUT_STATS").is_some() {
            eprintln!("{:#?}", call.stats);
        }
    }
    if !arguments.no_score {
        score::score(&mut rows)?;
    }
    if arguments.wav_out.is_none() {
        std::fs::remove_dir_all(&scratch)?;
    }
    score::print(&rows);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows)?)?;
    }
    Ok(())
}
