//! One server and one load process, and the stopwatch between them.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use crossbeam_channel::{Receiver, never, unbounded};
use express_bench_forwarder::client::Role;
use express_bench_forwarder::orders::{Joined, Order, Report};
use express_bench_forwarder::process;
use express_bench_forwarder::server::{LIMITS_OFF, SECRET, Server};
use express_bench_forwarder::tally::Traffic;
use express_bench_forwarder::whip::Place;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Longer than any order takes.
const PATIENCE: Duration = Duration::from_secs(300);
/// Seconds that a join may take.
const JOIN_PATIENCE_S: u64 = 60;

/// Which server is measured.
#[derive(Clone, Debug)]
pub(crate) enum Measured {
    /// A fresh `express-server` for each scenario.
    Own(PathBuf),
    /// The same as one of a cloud, whose broker is there.
    InACloud { program: PathBuf, broker: String },
    /// One that runs already.
    Given { url: String, pid: u32 },
}

/// A server, fresh if it is ours, and a load process that has no client yet.
pub(crate) struct Rig {
    load: Child,
    orders: ChildStdin,
    reports: Receiver<String>,
    pid: u32,
    _server: Option<Server>,
}

impl Rig {
    pub(crate) fn start(measured: &Measured, name: &str) -> Outcome<Self> {
        Self::start_with(measured, name, &LIMITS_OFF)
    }

    /// The same with other limits off, if the server is ours.
    pub(crate) fn start_with(measured: &Measured, name: &str, limits_off: &[&str]) -> Outcome<Self> {
        let (server, url, pid) = match measured {
            Measured::Own(program) => own(Server::start(program, name, limits_off)?),
            Measured::InACloud { program, broker } => {
                let more = format!("[cluster]\nnats = [\"{broker}\"]\nname = \"bench\"\n");
                own(Server::start_with(program, &format!("{name}-in-a-cloud"), limits_off, &more)?)
            }
            Measured::Given { url, pid } => (None, url.clone(), *pid),
        };
        let mut command = Command::new(beside("load")?);
        command.args(["--url", &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        if server.is_some() {
            command.env("EXPRESS_BENCH_SECRET", SECRET).env_remove("EXPRESS_BENCH_BEARER");
        }
        let mut load = command.spawn()?;
        let (Some(orders), Some(stdout)) = (load.stdin.take(), load.stdout.take()) else {
            return Err("the load process has no pipes".into());
        };
        let (sender, reports) = unbounded();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            load,
            orders,
            reports,
            pid,
            _server: server,
        })
    }

    /// Has the load process do something.
    pub(crate) fn order(&mut self, order: &Order) -> Outcome<Report> {
        writeln!(self.orders, "{}", serde_json::to_string(order)?)?;
        let line = self.reports.recv_timeout(PATIENCE);
        let line = line.map_err(|error| format!("the load process does not answer: {error}"))?;
        match serde_json::from_str(&line)? {
            Report::Problem { what } => Err(what.into()),
            report => Ok(report),
        }
    }

    pub(crate) fn join(&mut self, places: Vec<Place>, at_once: usize) -> Outcome<Joined> {
        let patience_s = JOIN_PATIENCE_S;
        let order = Order::Join {
            places,
            at_once,
            patience_s,
        };
        match self.order(&order)? {
            Report::Joined(joined) => Ok(joined),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) fn end_count(&mut self) -> Outcome<Traffic> {
        match self.order(&Order::EndCount)? {
            Report::Counted(traffic) => Ok(traffic),
            other => Err(unexpected(&other)),
        }
    }

    /// CPU time of the server until now, ns.
    pub(crate) fn cpu_ns(&self) -> Outcome<u64> {
        Ok(process::cpu_ns(self.pid)?)
    }

    /// Memory of the server, kB.
    pub(crate) fn rss_kb(&self) -> Outcome<u64> {
        Ok(process::rss_kb(self.pid)?)
    }

    /// CPU time that the server uses in so long, ns.
    pub(crate) fn cpu_over(&self, time: Duration) -> Outcome<u64> {
        let before = self.cpu_ns()?;
        wait(time);
        Ok(self.cpu_ns()? - before)
    }
}

fn own(server: Server) -> (Option<Server>, String, u32) {
    let (url, pid) = (server.url().to_owned(), server.pid());
    (Some(server), url, pid)
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.load.kill();
        let _ = self.load.wait();
    }
}

pub(crate) fn unexpected(report: &Report) -> Box<dyn Error> {
    format!("the load process answers something else: {report:?}").into()
}

/// Waits, while the processes run.
pub(crate) fn wait(time: Duration) {
    let _ = never::<()>().recv_timeout(time);
}

/// A program in the folder of this one.
pub(crate) fn beside(name: &str) -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.parent().unwrap_or_else(|| Path::new(".")).join(name))
}

pub(crate) fn publisher(room: &str, stream: &str) -> Place {
    Place {
        role: Role::Publisher,
        room: room.into(),
        stream: stream.into(),
        user: format!("publisher-{stream}"),
        node: None,
    }
}

pub(crate) fn listener(room: &str, stream: &str, number: usize) -> Place {
    Place {
        role: Role::Listener,
        room: room.into(),
        stream: stream.into(),
        user: format!("listener-{room}-{number}"),
        node: None,
    }
}
