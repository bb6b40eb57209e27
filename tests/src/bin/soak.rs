//! `soak`: a full house on a bad day. `make soak SECONDS=600`.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use express_tests::soak::{Plan, run};

/// 1,000 clients without a codec, 50 rooms of 20 with a talker each, a fault every second. Exit code 1: something that was promised
/// did not hold.
#[derive(Debug, Parser)]
struct Arguments {
    /// For how long faults are made.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Rooms.
    #[arg(long, default_value_t = 50)]
    rooms: usize,
    /// Clients in each room.
    #[arg(long, default_value_t = 20)]
    users: usize,
    /// Packets of a talker in a second, 1 to 50.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=50))]
    packets: u32,
    /// Of what is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let plan = Plan {
        rooms: arguments.rooms,
        users: arguments.users,
        packet_every: Duration::from_secs(1) / arguments.packets,
        seed: arguments.seed,
        ..Plan::full(arguments.seconds)
    };
    let report = run(plan)?;
    println!("{report}");
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
