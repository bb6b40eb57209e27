//! What joins, peers that do nothing, and those who left cost.

use std::time::Duration;

use express_bench_forwarder::churn::{ChurnPlan, ChurnReport};
use express_bench_forwarder::client::Role;
use express_bench_forwarder::crowd::Leave;
use express_bench_forwarder::hostile::{HostilePlan, HostileReport};
use express_bench_forwarder::orders::{Joined, Order, Report};
use express_bench_forwarder::tally::Traffic;
use serde::Serialize;

use super::rig::{Measured, Outcome, Rig, listener, publisher, unexpected, wait};

/// Listeners of the scenarios that count memory and joins.
const MANY: usize = 1_000;
/// Who joins at once in a burst, and who is in already.
const BURST: usize = 500;
const BEFORE_THE_BURST: usize = 50;
/// Joins and leaves of the memory test, in thousands. The second half counts: what is kept of those who are gone for a while
/// (their timers, until they would have been due) has its full size then.
const CYCLES: usize = 20;
/// On their way at a time where it is not a burst.
const AT_ONCE: usize = 64;
/// After which a server has done what a change gave it to do.
const REST: Duration = Duration::from_secs(2);

/// A thousand listeners, one after the other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JoinsResult {
    pub(crate) joins: usize,
    /// CPU of the server, HTTP and all, for each join.
    pub(crate) cpu_ms_per_join: f64,
    /// Memory that each listener added to the server, who has got media for a while.
    pub(crate) rss_kb_per_listener: f64,
    /// CPU of the server for each listener and second while nobody speaks; each sends a report a second and asks for consent each 5 s.
    pub(crate) idle_us_per_peer_s: f64,
}

pub(crate) fn joins(measured: &Measured, idle: Duration) -> Outcome<JoinsResult> {
    let mut rig = Rig::start(measured, "joins")?;
    rig.join(vec![publisher("r", "s")], 1)?;
    // The first listeners pay for what all share.
    rig.join((0..10).map(|n| listener("r", "s", n)).collect(), 1)?;
    speak(&mut rig)?;
    let (cpu, rss) = (rig.cpu_ns()?, rig.rss_kb()?);
    let joined = rig.join((10..10 + MANY).map(|n| listener("r", "s", n)).collect(), AT_ONCE)?;
    wait(REST);
    let cpu = rig.cpu_ns()? - cpu;
    speak(&mut rig)?;
    let rss = rig.rss_kb()? as f64 - rss as f64;
    let idle_ns = rig.cpu_over(idle)?;
    Ok(JoinsResult {
        joins: joined.connected,
        cpu_ms_per_join: cpu as f64 / 1e6 / joined.connected as f64,
        rss_kb_per_listener: rss / joined.connected as f64,
        idle_us_per_peer_s: idle_ns as f64 / 1000.0 / (MANY + 11) as f64 / idle.as_secs_f64(),
    })
}

/// Everybody gets media for a second.
fn speak(rig: &mut Rig) -> Outcome<()> {
    rig.order(&Order::StartSending)?;
    wait(Duration::from_secs(1));
    rig.order(&Order::StopSending)?;
    wait(REST);
    Ok(())
}

/// Many join at once while others listen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BurstResult {
    pub(crate) joins: usize,
    /// Until the last was connected, and from each one's POST to its connection.
    pub(crate) joined: Joined,
    /// What those who were in already got meanwhile, and those who came from the moment that they were connected.
    pub(crate) traffic: Traffic,
}

pub(crate) fn burst(measured: &Measured) -> Outcome<BurstResult> {
    let mut rig = Rig::start(measured, "burst")?;
    rig.join(vec![publisher("r", "s")], 1)?;
    rig.join((0..BEFORE_THE_BURST).map(|n| listener("r", "s", n)).collect(), 8)?;
    rig.order(&Order::StartSending)?;
    wait(Duration::from_secs(1));
    rig.order(&Order::BeginCount)?;
    let newcomers = (0..BURST).map(|n| listener("r", "s", BEFORE_THE_BURST + n));
    let joined = rig.join(newcomers.collect(), 0)?;
    let traffic = rig.end_count()?;
    Ok(BurstResult {
        joins: BURST,
        joined,
        traffic,
    })
}

/// Memory of the server while listeners come and go.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LeakResult {
    /// kB after the first thousand joins and leaves, the second, ...
    pub(crate) rss_kb: Vec<u64>,
    /// Least squares over the second half.
    pub(crate) kb_per_thousand: f64,
}

pub(crate) fn leak(measured: &Measured) -> Outcome<LeakResult> {
    let mut rig = Rig::start(measured, "leak")?;
    rig.join(vec![publisher("r", "s")], 1)?;
    let mut rss_kb = Vec::new();
    for cycle in 0..CYCLES {
        for how in [Leave::Delete, Leave::Close] {
            let listeners = (0..MANY / 2).map(|n| listener("r", "s", cycle * MANY + n));
            rig.join(listeners.collect(), AT_ONCE)?;
            let role = Some(Role::Listener);
            rig.order(&Order::Leave { role, how })?;
        }
        wait(Duration::from_secs(1));
        rss_kb.push(rig.rss_kb()?);
        eprintln!("  {} joins and leaves: {} kB", (cycle + 1) * MANY, rss_kb[cycle]);
    }
    let kb_per_thousand = slope(&rss_kb[CYCLES / 2..]);
    Ok(LeakResult { rss_kb, kb_per_thousand })
}

/// Of the line through values at 0, 1, 2, ...
fn slope(values: &[u64]) -> f64 {
    let middle = (values.len() - 1) as f64 / 2.0;
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in values.iter().enumerate() {
        above += (x as f64 - middle) * *y as f64;
        below += (x as f64 - middle).powi(2);
    }
    above / below
}

/// What is left of rooms that are over.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RoomsResult {
    pub(crate) rooms: usize,
    /// CPU of the server over `seconds`, ms.
    pub(crate) idle_cpu_ms: f64,
    pub(crate) seconds: f64,
}

pub(crate) fn rooms(measured: &Measured, idle: Duration) -> Outcome<RoomsResult> {
    let mut rig = Rig::start(measured, "rooms")?;
    let publishers = (0..MANY).map(|n| publisher(&format!("room-{n}"), &format!("stream-{n}")));
    rig.join(publishers.collect(), AT_ONCE)?;
    let how = Leave::Delete;
    rig.order(&Order::Leave { role: None, how })?;
    wait(REST);
    Ok(RoomsResult {
        rooms: MANY,
        idle_cpu_ms: rig.cpu_over(idle)? as f64 / 1e6,
        seconds: idle.as_secs_f64(),
    })
}

/// Strangers at 20,000 datagrams/s, a flood and a storm against five rooms; the server's limits are as it ships.
pub(crate) fn hostile(measured: &Measured, time: Duration) -> Outcome<HostileReport> {
    let mut rig = Rig::start_with(measured, "hostile", &[])?;
    let plan = HostilePlan {
        millis: u64::try_from(time.as_millis())?,
        rooms: 5,
        listeners: 20,
        strangers_per_s: 20_000,
        flood_per_s: 5_000,
        seed: 7,
    };
    match rig.order(&Order::Hostile(plan))? {
        Report::Hostile(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}

pub(crate) fn churn(measured: &Measured, time: Duration) -> Outcome<ChurnReport> {
    let mut rig = Rig::start(measured, "churn")?;
    let plan = ChurnPlan {
        millis: u64::try_from(time.as_millis())?,
        listeners: 200,
        seed: 7,
    };
    match rig.order(&Order::Churn(plan))? {
        Report::Churned(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}
