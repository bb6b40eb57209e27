//! Up to a million users on hundreds of nodes in virtual time: tables for stdout, pictures for docs/scale.md.
//!
//!     simulate [--seed N] [--scale 0.1] [--registry 15000] [--all] [--json FILE] [--pictures DIR]

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use express_bench_simulate::{Report, Settings, picture, simulate, tables};

#[derive(Parser)]
struct Arguments {
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// All numbers of users times that
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// What the registry does in a second
    #[arg(long, default_value_t = 15_000)]
    registry: u32,
    /// Also what takes some minutes more: an outage of the broker under all users
    #[arg(long)]
    all: bool,
    /// Where the figures go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Folder where scale-traffic.svg and scale-recovery.svg go
    #[arg(long)]
    pictures: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let begin = Instant::now();
    let report = simulate(Settings {
        seed: arguments.seed,
        scale: arguments.scale.clamp(0.001, 1.0),
        registry_a_second: arguments.registry,
        all: arguments.all,
    });
    println!("{}", tables::all(&report));
    println!(
        "Seed {}, all numbers of users times {}, {:.0} s.",
        arguments.seed,
        arguments.scale,
        begin.elapsed().as_secs_f64()
    );
    match write(&arguments, &report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &Arguments, report: &Report) -> std::io::Result<()> {
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(report)?)?;
    }
    if let Some(folder) = &arguments.pictures {
        std::fs::write(folder.join("scale-traffic.svg"), picture::traffic(&report.traffic))?;
        std::fs::write(folder.join("scale-recovery.svg"), picture::recoveries(&report.recoveries))?;
    }
    Ok(())
}
