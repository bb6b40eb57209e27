//! A cloud of hundreds of nodes and a million users in virtual time, on the placing and mirroring that ships.
//!
//! ```text
//!   users ── call, hang up, come back ──►  LightRooms  ── Wish ──►  ClusterState (the real one, of every node)
//!   (population, cloud)                    (who is in)  ◄── News ──  on a registry and a network of CloudSim
//! ```

pub mod cloud;
pub mod faults;
pub mod figures;
pub mod picture;
pub mod population;
pub mod rooms;
pub mod tables;
pub mod world;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use self::cloud::{Cloud, CloudPlan};
use self::faults::Recovery;
use self::figures::{Counted, Load, Spread, Traffic};

/// The largest cloud.
const MILLION: (usize, usize) = (240, 1_000_000);
/// Smaller ones, for what grows with what: nodes, users.
const OTHERS: [(usize, usize); 4] = [(12, 50_000), (60, 50_000), (240, 50_000), (60, 125_000)];
/// Nodes are for so many times the sessions that they have on average.
const ROOM_TO_SPARE: f64 = 1.5;
/// A morning, compressed, and how long is measured behind it.
const MORNING: Duration = Duration::from_secs(100);
const SETTLES: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(20);

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Everything follows from it.
    pub seed: u64,
    /// All numbers of users times that.
    pub scale: f64,
    /// What the registry does in a second.
    pub registry_a_second: u32,
    /// Also what takes minutes: an outage of the broker under all users, and what is seen of a region's users 110 s behind its end.
    pub all: bool,
}

/// All that came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What goes over the broker, in clouds of several sizes.
    pub traffic: Vec<Traffic>,
    /// How far the rooms of the largest are spread.
    pub spread: Vec<Spread>,
    /// Most copies of streams that one node sends there.
    pub most_sent: usize,
    /// How full its nodes are.
    pub loads: Vec<Load>,
    /// What went wrong, and how that ended.
    pub recoveries: Vec<Recovery>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.traffic.extend(other.traffic);
        self.recoveries.extend(other.recoveries);
    }
}

/// Simulates all of it, on two threads.
pub fn simulate(settings: Settings) -> Report {
    std::thread::scope(|scope| {
        let others = scope.spawn(|| smaller_clouds(settings));
        let mut report = the_million(settings);
        if let Ok(others) = others.join() {
            report.add(others);
        }
        report.traffic.sort_by_key(|traffic| (traffic.users, traffic.nodes));
        report
    })
}

fn plan(settings: Settings, (nodes, users): (usize, usize)) -> CloudPlan {
    let users = (users as f64 * settings.scale) as usize;
    CloudPlan {
        seed: settings.seed,
        nodes,
        users,
        capacity: (users as f64 / nodes as f64 * ROOM_TO_SPARE).ceil() as u32,
        morning: MORNING,
        registry_a_second: settings.registry_a_second,
    }
}

/// A cloud behind its morning, and what goes over its broker.
fn busy(settings: Settings, size: (usize, usize)) -> (Cloud, Traffic) {
    let mut cloud = Cloud::new(plan(settings, size));
    cloud.run_for(MORNING);
    cloud.end_morning();
    cloud.now_comes("measured");
    cloud.run_for(SETTLES);
    let before = Counted::of(&cloud);
    cloud.run_for(MEASURED);
    let traffic = Traffic::between(&cloud, &before, &Counted::of(&cloud));
    eprintln!("{} nodes, {} users: measured", size.0, traffic.users);
    (cloud, traffic)
}

/// The largest cloud, and what only users without number make hard.
fn the_million(settings: Settings) -> Report {
    let (mut cloud, traffic) = busy(settings, MILLION);
    let (spread, most_sent) = figures::spread(&cloud);
    let mut report = Report {
        traffic: vec![traffic],
        spread,
        most_sent,
        loads: figures::loads(&cloud),
        recoveries: Vec::new(),
    };
    let one = faults::nodes_fail(&mut cloud, "a node fails", &[MILLION.0 / 3]);
    let region: Vec<usize> = (0..cloud.sim.len()).filter(|node| cloud.region_of(*node) == 2).collect();
    let region = faults::nodes_fail(&mut cloud, "a region of a fifth of the nodes fails", &region);
    report.recoveries.push(one.until_now(&cloud));
    if settings.all {
        let away = Duration::from_secs(30);
        let broker = faults::broker_fails(&mut cloud, "the broker is away for 30 s", away);
        report.recoveries.extend([region.finish(&mut cloud), broker]);
    } else {
        report.recoveries.push(region.until_now(&cloud));
    }
    report
}

/// Smaller clouds, and what takes long.
fn smaller_clouds(settings: Settings) -> Report {
    let mut report = Report::default();
    let mut last = None;
    for size in OTHERS {
        let (cloud, traffic) = busy(settings, size);
        report.traffic.push(traffic);
        last = Some(cloud);
    }
    let Some(mut cloud) = last else { return report };
    let minute = Duration::from_secs(60);
    let one = faults::nodes_fail(&mut cloud, "a node fails, until 110 s later", &[20]);
    report.recoveries.push(one.finish(&mut cloud));
    report
        .recoveries
        .push(faults::letters_lost(&mut cloud, "5 % of all letters are lost", 50, minute));
    report
        .recoveries
        .push(faults::rolling_restart(&mut cloud, "all nodes restart, 6 at a time", 6));
    for (what, away) in [("the broker is away for 2 min", 2), ("the broker is away for 10 min", 10)] {
        report.recoveries.push(faults::broker_fails(&mut cloud, what, away * minute));
    }
    report
}
