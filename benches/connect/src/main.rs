//! How fast our own client connects: the peer connections of `express-media` against the real server process.
//!
//!     express-bench-connect [--joins 200] [--json figures.json] [--only loopback]
//!
//! Each join is one play of a stream that speaks: offer, exchange over signalling, connection, first packet. Three ways to the
//! server: loopback; a relay of UDP with 50 ms each way; the same that loses 3 % each way. Signalling is on loopback always, so
//! `join` holds no round trip of it. Exits with 1 where a target of the README is missed.

mod client;
mod figures;
mod relay;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use express_bench_forwarder::server::Server;

use crate::{
    client::{Joined, Listener, Speaker},
    figures::Figures,
    relay::Way,
};

/// Whatever goes wrong here ends the bench; it is told as it is.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Joins between two heartbeats of a session; far below its time-out.
const JOINS_PER_HEARTBEAT: usize = 10;

#[derive(Parser)]
struct Arguments {
    /// Joins in each scenario
    #[arg(long, default_value_t = 200)]
    joins: usize,
    /// Where to write the figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only the scenario of this name
    #[arg(long)]
    only: Option<String>,
    /// The server's program; without it the one beside this program
    #[arg(long)]
    server: Option<PathBuf>,
}

/// One way to the server, and how fast connections over it have to be.
struct Scenario {
    name: &'static str,
    way: Option<Way>,
    /// Longest median from the answer to the connection.
    connect_at_most: Option<Duration>,
}

const DELAY: Duration = Duration::from_millis(50);

fn scenarios() -> [Scenario; 3] {
    [
        Scenario {
            name: "loopback",
            way: None,
            connect_at_most: Some(Duration::from_millis(10)),
        },
        Scenario {
            name: "100 ms",
            way: Some(Way { delay: DELAY, loss: 0.0 }),
            connect_at_most: Some(Duration::from_millis(420)),
        },
        Scenario {
            name: "100 ms, 3 % loss",
            way: Some(Way {
                delay: DELAY,
                loss: 0.03,
            }),
            connect_at_most: None,
        },
    ]
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // As many threads as the engine's media runtime has.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ran = runtime
        .map_err(Fault::from)
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all targets are met.
async fn run(arguments: &Arguments) -> Result<bool, Fault> {
    let program = match &arguments.server {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("express-server"),
    };
    // One session joins hundreds of times.
    let server = Server::start(&program, "connect", &["requests_per_s"])?;
    let mut speaker = Speaker::start(&server).await?;
    let mut listener = Listener::login(&server).await?;
    let mut all = Vec::new();
    let chosen = scenarios()
        .into_iter()
        .filter(|one| arguments.only.as_deref().is_none_or(|only| only == one.name));
    for scenario in chosen {
        let mut joins = Vec::with_capacity(arguments.joins);
        for n in 0..arguments.joins {
            if n % JOINS_PER_HEARTBEAT == 0 {
                speaker.heartbeat().await?;
                listener.heartbeat().await?;
            }
            joins.push(listener.join(scenario.way, n as u64).await?);
        }
        let figures = figures_of(&scenario, &joins);
        println!("{figures}");
        all.push(figures);
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)? + "\n")?;
    }
    Ok(all.iter().all(|figures| figures.target_met))
}

fn figures_of(scenario: &Scenario, joins: &[Option<Joined>]) -> Figures {
    let round_trip = scenario.way.map(|way| 2 * way.delay);
    Figures::new(scenario.name, round_trip, scenario.connect_at_most, joins)
}
