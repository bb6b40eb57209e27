//! `forwarder`: measures the forwarder as its users meet it, and the floor beside it.
//!
//! The server and the load are processes of their own; see `docs/capacity.md` for what the figures mean.

mod broker;
mod coming_and_going;
mod fan_out;
mod in_a_cloud;
mod results;
mod rig;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use express_bench_forwarder::server::LIMITS_OFF;

use self::fan_out::FAN_OUTS;
use self::results::Results;
use self::rig::{Measured, Outcome, beside};

/// Measures a forwarder: CPU for each packet beside the floor, joins, memory, idle, churn.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the JSON goes.
    #[arg(long, default_value = "benches/results/forwarder.json")]
    json: PathBuf,
    /// Only scenarios whose name has this in it: "1 -> 100", "1 -> 1,000", "50 rooms", "10 -> 300", joins, burst,
    /// churn, hostile, idle, leak, cloud.
    #[arg(long)]
    only: Vec<String>,
    /// Alternating runs of floor and server, of which the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The express-server to measure; the one beside this program if not given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Measure this server instead (http://host:port with /whip and /whep); EXPRESS_BENCH_BEARER is its token.
    #[arg(long, requires = "pid")]
    url: Option<String>,
    /// Its process on this machine.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let measured = match (&arguments.url, arguments.pid) {
        (Some(url), Some(pid)) => Measured::Given { url: url.clone(), pid },
        _ => Measured::Own(arguments.server.clone().map_or_else(|| beside("express-server"), Ok)?),
    };
    let mut results = Results {
        conditions: conditions(&arguments, &measured),
        ..Results::default()
    };
    for condition in &results.conditions {
        eprintln!("{condition}");
    }
    measure(&arguments, &measured, &mut results)?;
    if let Some(folder) = arguments.json.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&results)? + "\n")?;
    println!("{}", results.tables());
    eprintln!("written: {}", arguments.json.display());
    Ok(())
}

fn measure(arguments: &Arguments, measured: &Measured, results: &mut Results) -> Outcome<()> {
    let time = Duration::from_secs(arguments.seconds);
    let wanted = |name: &str| {
        let is_wanted = arguments.only.is_empty() || arguments.only.iter().any(|only| name.contains(only.as_str()));
        if is_wanted {
            eprintln!("{name}");
        }
        is_wanted
    };
    for scenario in FAN_OUTS {
        if wanted(scenario.name) {
            results.fan_outs.push(scenario.run(measured, arguments.runs, time)?);
        }
    }
    if wanted("joins") {
        results.joins = Some(coming_and_going::joins(measured, time)?);
    }
    if wanted("burst") {
        results.burst = Some(coming_and_going::burst(measured)?);
    }
    if wanted("churn") {
        results.churn = Some(coming_and_going::churn(measured, time * 4)?);
    }
    if wanted("hostile") {
        results.hostile = Some(coming_and_going::hostile(measured, time)?);
    }
    if wanted("idle") {
        results.rooms = Some(coming_and_going::rooms(measured, Duration::from_secs(5))?);
    }
    if wanted("leak") {
        results.leak = Some(coming_and_going::leak(measured)?);
    }
    if wanted("cloud")
        && let Measured::Own(program) = measured
    {
        results.in_a_cloud = in_a_cloud::measure(program, arguments.runs, time)?;
    }
    Ok(())
}

fn conditions(arguments: &Arguments, measured: &Measured) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let limits = match measured {
        Measured::Own(_) | Measured::InACloud { .. } => format!(
            "rate limits off by configuration, but where it is hostile: {}",
            LIMITS_OFF.join(", ")
        ),
        Measured::Given { url, .. } => format!("measured: {url}, configured by whoever runs it"),
    };
    vec![
        format!(
            "{cores} cores ({}), Linux {}, load before: {}",
            model.map_or("unknown", |(_, model)| model),
            kernel.trim(),
            load.split(' ').next().unwrap_or_default()
        ),
        "server, load and floor share this machine, over loopback".into(),
        format!("{} alternating runs of {} s, medians", arguments.runs, arguments.seconds),
        limits,
    ]
}
