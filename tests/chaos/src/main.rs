//! `chaos`: plays seeds until one breaks a guarantee.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use express_chaos::{Bug, run};

/// How much of a broken run is shown.
const SHOWN: usize = 60;

/// Plays seeds in virtual time and checks docs/guarantees.md. Exit code 1: a guarantee was broken.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Threads; 0: one for each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Lines of the trace of a broken seed.
    #[arg(long, default_value_t = SHOWN)]
    trace: usize,
    /// Shows what happened in the first seed, whether or not it is broken, and plays no other.
    #[arg(long)]
    show: bool,
    /// How many nodes share the rooms; 1: a server that is alone.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    nodes: u8,
    /// Plants a bug, to see it found.
    #[arg(long)]
    bug: Option<Bug>,
    /// Goes on behind a broken seed, and names them all.
    #[arg(long)]
    all: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.show {
        show(arguments.from, &arguments);
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if arguments.threads == 0 { cores } else { arguments.threads };
    let end = arguments.from.saturating_add(arguments.seeds);
    let (next, broken, over) = (
        AtomicU64::new(arguments.from),
        AtomicU64::new(u64::MAX),
        AtomicBool::new(false),
    );
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(&next, &broken, end, &arguments)))
            .collect();
        scope.spawn(|| progress(&next, &over, &arguments, started));
        for worker in workers {
            if worker.join().is_err() {
                eprintln!("a seed panicked; see above");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let elapsed = started.elapsed().as_secs_f64();
    let broken = broken.into_inner();
    let done = next.into_inner().min(end) - arguments.from;
    println!(
        "{done} seeds in {elapsed:.1} s, {:.0} seeds/s",
        done_per_second(done, elapsed)
    );
    if broken == u64::MAX {
        return ExitCode::SUCCESS;
    }
    show(broken, &arguments);
    ExitCode::FAILURE
}

/// Plays seeds in turn until one is broken, or all of them, in this thread or another.
fn work(next: &AtomicU64, broken: &AtomicU64, end: u64, arguments: &Arguments) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end || (!arguments.all && seed > broken.load(Ordering::Relaxed)) {
            return;
        }
        // A panic is a broken seed, too; its text is on the terminal.
        let what = match std::panic::catch_unwind(|| run(seed, arguments.nodes.into(), 0, arguments.bug)) {
            Ok(outcome) => outcome.broken.map(|broken| format!("{}: {}", broken.invariant, broken.what)),
            Err(_) => Some("panicked".into()),
        };
        if let Some(what) = what {
            broken.fetch_min(seed, Ordering::Relaxed);
            if arguments.all {
                println!("seed {seed}: {what}");
            }
        }
    }
}

fn progress(next: &AtomicU64, over: &AtomicBool, arguments: &Arguments, started: Instant) {
    let mut shown = Instant::now();
    while !over.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(50));
        if shown.elapsed() >= Duration::from_secs(5) {
            shown = Instant::now();
            let done = next.load(Ordering::Relaxed) - arguments.from;
            let rate = done_per_second(done, started.elapsed().as_secs_f64());
            println!("{done} of {} seeds, {rate:.0} seeds/s", arguments.seeds);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn done_per_second(done: u64, seconds: f64) -> f64 {
    done as f64 / seconds.max(0.001)
}

/// Plays a broken seed again, with its trace.
fn show(seed: u64, arguments: &Arguments) {
    let Ok(outcome) = std::panic::catch_unwind(|| run(seed, arguments.nodes.into(), arguments.trace, arguments.bug)) else {
        return println!("seed {seed} panicked; {}", again(seed, arguments));
    };
    for line in outcome.trace {
        println!("{line}");
    }
    println!("seed {seed} told applications: {:?}", outcome.told);
    if let Some(broken) = outcome.broken {
        let at = broken.at.as_secs_f64();
        println!("seed {seed}: {} is broken at {at:.3} s: {}", broken.invariant, broken.what);
    }
    println!("{}", again(seed, arguments));
}

fn again(seed: u64, arguments: &Arguments) -> String {
    let nodes = match arguments.nodes {
        1 => String::new(),
        nodes => format!(" NODES={nodes}"),
    };
    format!("once more: make chaos SEEDS=1 FROM={seed}{nodes}")
}
