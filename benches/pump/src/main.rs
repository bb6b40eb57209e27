//! What 10 ms of sound cost: one played stream, a pump with many of them beside a microphone and a speaker, a device's callback.
//!
//!     pump --clips tests/speech [--json FILE]
//!
//! The time of the thread counts, not that of the wall, and nothing waits: 20 s of speech are played as fast as they can be. The
//! pump's budget is half of its 10 ms; exits with 1 where the worst tick of a second, as a rule, takes more while nothing is lost.

mod callback;
mod cpu;
mod pump;
mod speech;
mod stream;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use serde::Serialize;

/// Whatever goes wrong here ends the bench; it is told as it is.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
struct Arguments {
    /// Folder of speech: mono WAV, 48 kHz
    #[arg(long)]
    clips: PathBuf,
    /// Where the figures go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Everything that is measured.
#[derive(Serialize)]
struct Figures {
    /// µs of CPU for each 20 ms that libopus alone takes to decode.
    floor_us: f64,
    streams: Vec<stream::Row>,
    pumps: Vec<pump::Row>,
    callbacks: Vec<callback::Row>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("pump: {fault}");
            ExitCode::from(2)
        }
    }
}

/// Whether the pump keeps to its budget.
fn run(arguments: &Arguments) -> Result<bool, Fault> {
    let speech = speech::read_all(&arguments.clips)?;
    let packets = speech::encode(&speech)?;
    let floor_us = stream::floor_us(&packets)?;
    let figures = Figures {
        floor_us,
        streams: stream::measure(&packets, floor_us)?,
        pumps: pump::measure(&packets, &speech)?,
        callbacks: callback::measure()?,
    };
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&figures)? + "\n")?;
    }
    Ok(figures.pumps.iter().all(pump::Row::is_within_budget))
}
