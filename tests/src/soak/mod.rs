//! A full house on a bad day, for as long as you like: real processes and sockets, a thousand clients without a codec, a fault every
//! second, and all that is promised (docs/guarantees.md) looked after. `make soak SECONDS=600`.
//!
//! Each client is the room part that the engine ships, with a light WebRTC client (`express-bench-forwarder`) for its media, and a TCP
//! line of its own through this process, which can be harmed without root.

mod checks;
mod client;
mod connecting;
mod faults;
mod house;
mod line;
mod media;
mod report;
mod world;

use std::{
    io,
    time::{Duration, Instant},
};

use express_bench_forwarder::process::cpu_ns;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime;

use self::client::Presence;
pub use self::{faults::Kind, house::Usage, report::Report};
use self::{house::House, world::World};

/// How often clients do what they do by themselves.
const TURN: Duration = Duration::from_millis(50);
/// How often it is looked how their media is, in turns.
const LOOK_TURNS: u32 = 4;
/// How often progress is told, seconds.
const PROGRESS_S: u64 = 10;
/// How long the beginning, and the getting over of the last fault, may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// After the last fault: until lists and messages were looked after once more.
const AFTERMATH: Duration = Duration::from_secs(10);
/// How long the server may hold somebody who is gone: 15 s for media, and a busy machine.
const EMPTY: Duration = Duration::from_secs(40);
/// Files that a server opens with the first use of something and keeps; what is lost for each client or fault is hundreds.
const FIRST_USES: usize = 2;
/// Memory of a full house may grow by so much from the first look to the last: a fifth, and what an allocator likes to keep.
const GROWTH: (u64, u64) = (5, 20_000);

/// What is to happen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// For how long a fault is made each second.
    pub seconds: u64,
    /// Rooms.
    pub rooms: usize,
    /// Clients in each; the first of them talks.
    pub users: usize,
    /// A talker sends a packet so often.
    pub packet_every: Duration,
    /// Of what is drawn.
    pub seed: u64,
}

impl Plan {
    /// 50 rooms of 20, a talker in each that never pauses.
    pub fn full(seconds: u64) -> Self {
        Self {
            seconds,
            rooms: 50,
            users: 20,
            packet_every: express_bench_forwarder::payload::PACKET_EVERY,
            seed: 1,
        }
    }
}

/// Plays it, with progress on standard error.
///
/// # Errors
/// A socket, a thread or the server could not be made.
///
/// # Panics
/// Where `express-server` is not built.
pub fn run(plan: Plan) -> io::Result<Report> {
    // Each client is four sockets, and who is killed keeps its port.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let sockets = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let system = actix_rt::System::new();
    let report = system.block_on(play(plan, sockets.handle().clone()));
    sockets.shutdown_background();
    report
}

async fn play(plan: Plan, sockets: runtime::Handle) -> io::Result<Report> {
    let house = House::start();
    let mut world = World::new(plan, house, sockets)?;
    // What the server makes with its first requests belongs to it.
    world.house.warm_up();
    world.report.usage[0] = world.house.usage();
    let began = Instant::now();
    if !world.turn_until(|world| world.all_well(), PATIENCE).await {
        let waiting = world.clients.iter().filter(|client| !client.well).count();
        world.report.problem(format!("{waiting} clients did not get in"));
        return Ok(world.report);
    }
    eprintln!("all are in and hear after {:.1} s", began.elapsed().as_secs_f64());
    world.bad_day().await;
    if !world.turn_until(|world| world.all_well(), PATIENCE).await {
        world.report.problem("not all are well after the last fault".into());
    }
    world.turn_for(AFTERMATH).await;
    let now = Instant::now();
    world.check_lists(now);
    world.check_messages(now);
    let unseen = world.ledger.len();
    if unseen > 0 {
        world.report.problem(format!("{unseen} messages could not be looked after"));
    }
    world.close().await;
    Ok(world.report)
}

impl World {
    fn all_well(&self) -> bool {
        self.clients.iter().all(|client| client.well)
    }

    /// A fault each second.
    async fn bad_day(&mut self) {
        let own = std::process::id();
        let cpu = |world: &Self| [world.house.cpu_ns(), cpu_ns(own).unwrap_or_default()];
        let (began, before) = (Instant::now(), cpu(self));
        self.report.begin();
        let mut last = (began, before);
        for second in 1..=self.plan.seconds {
            self.draw_fault(Instant::now(), second);
            self.turn_for((began + Duration::from_secs(second)).saturating_duration_since(Instant::now()))
                .await;
            let now = Instant::now();
            self.send_messages(now);
            self.check_messages(now);
            self.check_lists(now);
            if second % PROGRESS_S == 0 {
                let (then, spent) = std::mem::replace(&mut last, (now, cpu(self)));
                self.tell_progress(second, now - then, [0, 1].map(|who| last.1[who] - spent[who]));
            }
        }
        self.report.time = began.elapsed();
        let after = cpu(self);
        self.report.cpu = [0, 1].map(|who| Duration::from_nanos(after[who] - before[who]));
    }

    fn tell_progress(&mut self, second: u64, time: Duration, cpu_ns: [u64; 2]) {
        let share = |ns: u64| 100.0 * ns as f64 / time.as_nanos().max(1) as f64;
        let well = self.clients.iter().filter(|client| client.well).count();
        let rss_kb = self.house.usage().rss_kb;
        self.report.rss_kb.push(rss_kb);
        let faults: u64 = self.report.faults.values().map(|(times, _)| times).sum();
        eprintln!(
            "{second} s: {well} of {} well, {faults} faults, {} broadcasts looked after, {} problems; CPU server {:.0} %, clients {:.0} %, \
             server {rss_kb} kB",
            self.clients.len(),
            self.report.looked_after,
            self.report.problems.len(),
            share(cpu_ns[0]),
            share(cpu_ns[1])
        );
    }

    /// All leave; what does the server still hold?
    async fn close(&mut self) {
        let all: Vec<usize> = (0..self.clients.len()).collect();
        self.end_counts(&all);
        // What is on its way still counts.
        self.turn_for(Duration::from_secs(1)).await;
        self.report.usage[1] = self.house.usage();
        for client in all {
            self.log_out(client, Presence::Gone);
        }
        let empty_at = Instant::now() + EMPTY;
        let mut held = self.house.held();
        while !held.is_empty() && Instant::now() < empty_at {
            self.turn_for(Duration::from_secs(1)).await;
            held = self.house.held();
        }
        if !held.is_empty() {
            self.report.problem(format!("the server still holds {held:?}"));
        }
        while !self.is_back() && Instant::now() < empty_at {
            self.turn_for(Duration::from_secs(1)).await;
        }
        self.report.usage[2] = self.house.usage();
        self.check_usage();
        let log = self.house.log();
        self.report.note_log(&log);
    }

    /// Whether the server has no more files and threads than before the first came; of what waits for work it may have more.
    fn is_back(&self) -> bool {
        let (start, now) = (self.report.usage[0], self.house.usage());
        now.files <= start.files + FIRST_USES && now.threads <= start.threads
    }

    fn check_usage(&mut self) {
        let [start, full, end] = self.report.usage;
        if !self.is_back() {
            self.report
                .problem(format!("files and threads do not come back: {start:?} and then {end:?}"));
        }
        // A server that was started in between is full only some time later.
        let middle = self.report.rss_kb.len().div_ceil(2) + 2;
        let then = self.report.rss_kb.get(middle).copied().unwrap_or(full.rss_kb);
        if full.rss_kb > then + then / GROWTH.0 + GROWTH.1 {
            self.report
                .problem(format!("memory grows: {then} kB, and {} at the end", full.rss_kb));
        }
    }

    async fn turn_for(&mut self, time: Duration) {
        self.turn_until(|_| false, time).await;
    }

    /// Goes on until `is_done`; `false`: `patience` was over first.
    async fn turn_until(&mut self, is_done: impl Fn(&Self) -> bool, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        for turn in 0_u32.. {
            if is_done(self) {
                return true;
            }
            let now = Instant::now();
            if now >= until {
                break;
            }
            self.do_faults(now);
            self.drive(now);
            if turn % LOOK_TURNS == 0 {
                self.look();
            }
            self.take_notes((now + TURN).min(until)).await;
        }
        false
    }

    async fn take_notes(&mut self, until: Instant) {
        while let Ok(note) = tokio::time::timeout_at(until.into(), self.notes.recv()).await {
            // The sender is kept here: there is always a next one.
            let Some(note) = note else { return };
            self.handle(note);
        }
    }
}
