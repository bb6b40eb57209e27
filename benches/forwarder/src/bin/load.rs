//! The load process: light clients that do what the lines on standard input say, and answer each with a line.
//!
//! It knows a server by WHIP and WHEP alone. `forwarder` starts it; its orders are those of `express_bench_forwarder::orders`.

use std::error::Error;
use std::io::{BufRead, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use clap::Parser;
use crossbeam_channel::{Receiver, TryRecvError, unbounded};
use express_bench_forwarder::crowd::Crowd;
use express_bench_forwarder::orders::{Order, Report, carry_out};
use express_bench_forwarder::whip::{Bearer, Target};
use express_token::Secret;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How long an order may wait while there is nothing else to do.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Light WHIP and WHEP clients under orders: one JSON object a line on standard input, one answer a line.
///
/// From the environment, so that it does not stand in the list of processes: EXPRESS_BENCH_SECRET, which token04s are made with,
/// or EXPRESS_BENCH_BEARER, which is sent as it is to a server that has other tokens.
#[derive(Debug, Parser)]
struct Arguments {
    /// `http://host:port`; under it are /whip/{stream} and /whep/{stream}.
    #[arg(long)]
    url: String,
    /// AppID of the clients' token04s.
    #[arg(long, default_value_t = 1)]
    app_id: u32,
    /// Local address of the clients' sockets; 0.0.0.0 for a server on another machine.
    #[arg(long, default_value = "127.0.0.1")]
    bind: Ipv4Addr,
    /// Of the clients' randomness.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let bearer = match std::env::var("EXPRESS_BENCH_BEARER") {
        Ok(given) => Bearer::Given(given),
        Err(_) => Bearer::Minted {
            app_id: arguments.app_id,
            secret: Secret::new(&std::env::var("EXPRESS_BENCH_SECRET").unwrap_or_default())?,
        },
    };
    // A client is a socket.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let target = Target {
        url: arguments.url,
        bearer,
    };
    let mut crowd = Crowd::new(&target, arguments.bind, arguments.seed)?;
    let orders = read_orders()?;
    loop {
        match orders.try_recv() {
            Ok(order) => {
                let report = match order {
                    Ok(order) => carry_out(&mut crowd, order),
                    Err(what) => Report::Problem { what },
                };
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", serde_json::to_string(&report)?)?;
            }
            Err(TryRecvError::Empty) => crowd.turn(Instant::now() + LOOK_EVERY),
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

/// The clients live on while nothing is ordered, so a thread of its own waits for orders.
fn read_orders() -> std::io::Result<Receiver<Result<Order, String>>> {
    let (sender, orders) = unbounded();
    std::thread::Builder::new().name("load-orders".into()).spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let order = serde_json::from_str(&line).map_err(|error| format!("not an order: {error}"));
            if sender.send(order).is_err() {
                return;
            }
        }
    })?;
    Ok(orders)
}
