//! How long a sound takes from one engine's microphone to another engine's speaker, through the server, in real time.
//!
//!     mouth-to-ear [--calls 6] [--chirps 12] [--json figures.json] [--devices]
//!
//! Chirps are said into the capture side and looked for with a matched filter at the encoder's door, at the decoder's exit and at
//! the speaker. Each call begins with other phases between the threads, so there are several. Without `--devices` the sound
//! cards are a thread that calls both callbacks each 10 ms; with it they are those of PulseAudio, as
//! `benches/mouth-to-ear/devices.sh` sets it up. docs/latency-budget.md explains the stages. Exits with 1 where a chirp in ten
//! was missed.

mod call;
mod card;
mod devices;
mod figures;
mod probe;
mod scripted;
mod track;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use express_bench_forwarder::server::Server;

use crate::figures::Figures;

/// Whatever goes wrong here ends the bench; it is told as it is.
type Fault = Box<dyn std::error::Error + Send + Sync>;

const CHIRP_EVERY: Duration = Duration::from_millis(500);
/// When the last chirp has come out or never will.
const LAST_CHIRP_HEARD: Duration = Duration::from_millis(800);

#[derive(Parser)]
struct Arguments {
    /// Calls of each variant
    #[arg(long, default_value_t = 6)]
    calls: usize,
    /// Chirps in each call, two a second; at least 8, so that the listener reports meanwhile
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(8..=80))]
    chirps: u32,
    /// Where to write the figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Through the devices that devices.sh sets up
    #[arg(long)]
    devices: bool,
    /// The server's program; without it the one beside this program
    #[arg(long)]
    server: Option<PathBuf>,
}

/// How the listener plays.
#[derive(Debug, Clone, Copy)]
struct Variant {
    name: &'static str,
    low_latency: bool,
}

const VARIANTS: [Variant; 2] = [
    Variant {
        name: "as it ships",
        low_latency: false,
    },
    Variant {
        name: "enableLowLatency",
        low_latency: true,
    },
];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    calls: usize,
    chirps: u32,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether nearly all chirps were heard.
fn run(arguments: &Arguments) -> Result<bool, Fault> {
    let program = match &arguments.server {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("express-server"),
    };
    let server = Server::start(&program, "mouth-to-ear", &[])?;
    let plan = Plan {
        calls: arguments.calls,
        chirps: arguments.chirps,
    };
    let mut all: Vec<Figures> = Vec::new();
    for variant in VARIANTS {
        let figures = if arguments.devices {
            devices::run(&server, variant, plan)?
        } else {
            scripted::run(&server, variant, plan)?
        };
        println!("{figures}");
        all.push(figures);
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)? + "\n")?;
    }
    Ok(all.iter().all(|figures| figures.missed * 10 <= figures.chirps))
}
