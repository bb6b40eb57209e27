//! The cost of a forwarded packet: the floor and the server, alternating, on the same sockets.

use std::time::Duration;

use express_bench_forwarder::orders::{Order, Report};
use express_bench_forwarder::tally::{Spread, Traffic};
use serde::Serialize;

use super::rig::{Measured, Outcome, Rig, listener, publisher, unexpected, wait};

/// Listeners on their way at a time.
const AT_ONCE: usize = 64;

/// Who speaks and who listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FanOut {
    pub(crate) name: &'static str,
    pub(crate) rooms: usize,
    /// In each room.
    pub(crate) speakers: usize,
    /// In each room; each listens to every speaker of the room, over a connection for each.
    pub(crate) listeners: usize,
}

pub(crate) const FAN_OUTS: [FanOut; 4] = [
    fan_out("1 -> 100", 1, 1, 100),
    fan_out("1 -> 1,000", 1, 1, 1_000),
    fan_out("50 rooms x 1 -> 20", 50, 1, 20),
    fan_out("10 -> 300", 1, 10, 300),
];

const fn fan_out(name: &'static str, rooms: usize, speakers: usize, listeners: usize) -> FanOut {
    FanOut {
        name,
        rooms,
        speakers,
        listeners,
    }
}

/// What one scenario showed. Times are microseconds of CPU for each packet that a listener got.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FanOutResult {
    pub(crate) name: String,
    pub(crate) connections: usize,
    /// Medians of the runs.
    pub(crate) floor_us: f64,
    pub(crate) server_us: f64,
    pub(crate) ratio: f64,
    pub(crate) floor_runs_us: Vec<f64>,
    pub(crate) server_runs_us: Vec<f64>,
    /// All runs of the server together.
    pub(crate) traffic: Traffic,
    /// Of the run in the middle.
    pub(crate) floor_latency_us: Spread,
}

impl FanOut {
    pub(crate) fn run(&self, measured: &Measured, runs: usize, time: Duration) -> Outcome<FanOutResult> {
        let mut rig = Rig::start(measured, "fan-out")?;
        let connections = self.begin(&mut rig)?;
        let (mut floors, mut servers) = (Vec::new(), Vec::new());
        for run in 1..=runs {
            let floor = run_floor(&mut rig, time)?;
            let server = run_server(&mut rig, time)?;
            eprintln!(
                "  {} run {run}: floor {:.2} us, server {:.2} us, lost {}, p99 {:.0} us",
                self.name, floor.us, server.us, server.traffic.lost, server.traffic.latency_us.p99
            );
            floors.push(floor);
            servers.push(server);
        }
        Ok(self.result(connections, &mut floors, &mut servers))
    }

    /// Everybody comes, and the first half second is over.
    pub(crate) fn begin(&self, rig: &mut Rig) -> Outcome<usize> {
        let connections = self.join(rig)?;
        // Who just connected has caches to warm and handshakes to forget.
        run_server(rig, Duration::from_millis(500))?;
        Ok(connections)
    }

    fn join(&self, rig: &mut Rig) -> Outcome<usize> {
        let room = |room: usize| format!("room-{room}");
        let stream = |room: usize, speaker: usize| format!("stream-{room}-{speaker}");
        let all = (0..self.rooms).flat_map(|r| (0..self.speakers).map(move |s| (r, s)));
        let publishers = all.clone().map(|(r, s)| publisher(&room(r), &stream(r, s)));
        rig.join(publishers.collect(), AT_ONCE)?;
        let listeners = all.flat_map(|(r, s)| (0..self.listeners).map(move |l| (r, s, l)));
        let listeners = listeners.map(|(r, s, l)| listener(&room(r), &stream(r, s), l));
        Ok(rig.join(listeners.collect(), AT_ONCE)?.connected)
    }

    fn result(&self, connections: usize, floors: &mut [Run], servers: &mut [Run]) -> FanOutResult {
        let floor_runs_us = floors.iter().map(|run| run.us).collect();
        let server_runs_us = servers.iter().map(|run| run.us).collect();
        let mut traffic = Traffic::default();
        for run in servers.iter() {
            traffic.add(&run.traffic);
        }
        let (floor, server) = (middle(floors), middle(servers));
        traffic.listeners = connections as u64;
        traffic.latency_us = server.traffic.latency_us;
        FanOutResult {
            name: self.name.into(),
            connections,
            floor_us: floor.us,
            server_us: server.us,
            ratio: server.us / floor.us,
            floor_runs_us,
            server_runs_us,
            traffic,
            floor_latency_us: floor.traffic.latency_us,
        }
    }
}

/// One run of the floor or of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) us: f64,
    pub(crate) traffic: Traffic,
}

fn run_floor(rig: &mut Rig, time: Duration) -> Outcome<Run> {
    let millis = u64::try_from(time.as_millis())?;
    match rig.order(&Order::Floor { millis })? {
        Report::Floor(report) => Ok(Run {
            us: per_packet(report.cpu_ns, &report.traffic),
            traffic: report.traffic,
        }),
        other => Err(unexpected(&other)),
    }
}

pub(crate) fn run_server(rig: &mut Rig, time: Duration) -> Outcome<Run> {
    rig.order(&Order::BeginCount)?;
    let before = rig.cpu_ns()?;
    rig.order(&Order::StartSending)?;
    wait(time);
    rig.order(&Order::StopSending)?;
    let traffic = rig.end_count()?;
    let us = per_packet(rig.cpu_ns()? - before, &traffic);
    Ok(Run { us, traffic })
}

fn per_packet(cpu_ns: u64, traffic: &Traffic) -> f64 {
    cpu_ns as f64 / 1000.0 / traffic.delivered.max(1) as f64
}

pub(crate) fn middle(runs: &mut [Run]) -> Run {
    runs.sort_by(|a, b| a.us.total_cmp(&b.us));
    runs.get(runs.len() / 2).cloned().unwrap_or_default()
}
