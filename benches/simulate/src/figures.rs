//! What is measured of a cloud: what goes over the broker, how far rooms are spread, how full nodes are.

use std::collections::HashMap;
use std::time::Duration;

use express_server::cluster::ClusterCounters;
use express_server::cluster::sim::SimTotals;
use express_server::rooms::cloud::RoomName;
use serde::Serialize;

use crate::cloud::Cloud;
use crate::population::{Kind, REGIONS};
use crate::world::{Seen, numbers};

/// What a cloud counts, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    at: Duration,
    totals: SimTotals,
    seen: Seen,
    facts: u64,
    wholes: u64,
    conflicts: u64,
}

impl Counted {
    /// When.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// What was seen until then.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Counts.
    pub fn of(cloud: &Cloud) -> Self {
        let all: Vec<ClusterCounters> = (0..cloud.sim.len()).map(|node| cloud.sim.counters(node)).collect();
        Self {
            at: cloud.sim.now().mono,
            totals: cloud.sim.totals(),
            seen: cloud.seen(),
            facts: all.iter().map(|counters| counters.facts_sent).sum(),
            wholes: all.iter().map(|counters| counters.wholes_sent).sum(),
            conflicts: all.iter().map(|counters| counters.conflicts).sum(),
        }
    }
}

/// What goes over the broker in a second.
#[derive(Debug, Clone, Serialize)]
pub struct Traffic {
    /// Nodes.
    pub nodes: usize,
    /// Users in calls.
    pub users: usize,
    /// Rooms that are open somewhere.
    pub rooms: usize,
    /// Logins, those again by a redirect not counted.
    pub logins: f64,
    /// Of 100 logins so many are sent on to a better node.
    pub redirects_percent: f64,
    /// Letters between nodes, each to one.
    pub letters: f64,
    /// Of these, facts about members and streams.
    pub facts: f64,
    /// Of these, parts of whole sections.
    pub wholes: f64,
    /// Reads of the registry.
    pub reads: f64,
    /// Writes and deletions.
    pub writes: f64,
    /// Compare-and-sets that another node was faster with.
    pub conflicts: f64,
    /// Renewals, each of which reaches every other node.
    pub leases: f64,
    /// What of that is delivered.
    pub lease_deliveries: f64,
    /// Letters to all about logins, delivered to every other node.
    pub login_deliveries: f64,
}

impl Traffic {
    /// Between two moments.
    pub fn between(cloud: &Cloud, from: &Counted, to: &Counted) -> Self {
        let seconds = (to.at - from.at).as_secs_f64().max(0.001);
        let rate = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        let (was, is) = (&from.totals, &to.totals);
        let others = cloud.sim.len().saturating_sub(1) as f64;
        let (logins, leases) = (rate(from.seen.logins, to.seen.logins), rate(was.leases, is.leases));
        let registry = rate(was.registry, is.registry);
        let reads = rate(was.reads, is.reads);
        Self {
            nodes: cloud.sim.len(),
            users: cloud.world().users.iter().filter(|user| user.in_call).count(),
            rooms: places(cloud).len(),
            logins,
            redirects_percent: 100.0 * rate(from.seen.redirects, to.seen.redirects) / logins.max(0.001),
            letters: rate(was.letters, is.letters),
            facts: rate(from.facts, to.facts),
            wholes: rate(from.wholes, to.wholes),
            reads,
            writes: registry - reads,
            conflicts: rate(from.conflicts, to.conflicts),
            leases,
            lease_deliveries: leases * others,
            login_deliveries: rate(was.broadcasts, is.broadcasts) * others,
        }
    }

    /// All that the broker hands over in a second: what is asked of the registry is a message there and one back.
    pub fn all(&self) -> f64 {
        self.letters + 2.0 * (self.reads + self.writes) + self.lease_deliveries + self.login_deliveries
    }
}

/// Where a room's members are: node, members, streams.
type Place = (usize, u32, u32);

fn places(cloud: &Cloud) -> HashMap<RoomName, Vec<Place>> {
    let mut places: HashMap<RoomName, Vec<Place>> = HashMap::new();
    for node in (0..cloud.sim.len()).filter(|node| cloud.sim.is_alive(*node)) {
        for (room, here) in cloud.sim.rooms(node).rooms().filter(|(_, here)| here.members > 0) {
            places
                .entry(room.clone())
                .or_default()
                .push((node, here.members, here.streams));
        }
    }
    places
}

/// How far rooms of one kind are spread.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Spread {
    /// Which.
    pub kind: String,
    /// Rooms.
    pub rooms: usize,
    /// Members of one, on average.
    pub members: f64,
    /// Of 100 rooms so many are on one node alone.
    pub alone_percent: f64,
    /// Nodes of one, on average.
    pub nodes: f64,
    /// Nodes of the most spread one.
    pub most_nodes: usize,
    /// Copies of streams between nodes, of one room on average: each stream to every other node of the room, at most.
    pub copies: f64,
    /// Of the one with the most.
    pub most_copies: usize,
}

/// How far rooms are spread, by kind, and most copies that one node sends.
pub fn spread(cloud: &Cloud) -> (Vec<Spread>, usize) {
    let mut of_kind: Vec<Spread> = Kind::ALL.iter().map(|kind| named(*kind)).collect();
    let mut sends = vec![0; cloud.sim.len()];
    for (room, places) in places(cloud) {
        let Some((number, _)) = numbers(room.1.as_str()) else {
            continue;
        };
        let kind = cloud.world().rooms[number as usize].plan.kind;
        let Some(spread) = of_kind.get_mut(kind as usize) else {
            continue;
        };
        let others = places.len() - 1;
        let copies: usize = places.iter().map(|(_, _, streams)| *streams as usize * others).sum();
        for (node, _, streams) in &places {
            sends[*node] += *streams as usize * others;
        }
        spread.rooms += 1;
        spread.members += places.iter().map(|(_, members, _)| f64::from(*members)).sum::<f64>();
        spread.alone_percent += if others == 0 { 100.0 } else { 0.0 };
        spread.nodes += places.len() as f64;
        spread.most_nodes = spread.most_nodes.max(places.len());
        spread.copies += copies as f64;
        spread.most_copies = spread.most_copies.max(copies);
    }
    for spread in &mut of_kind {
        let rooms = spread.rooms.max(1) as f64;
        spread.members /= rooms;
        spread.alone_percent /= rooms;
        spread.nodes /= rooms;
        spread.copies /= rooms;
    }
    (of_kind, sends.into_iter().max().unwrap_or(0))
}

fn named(kind: Kind) -> Spread {
    let kind = match kind {
        Kind::Small => "2 to 6",
        Kind::Medium => "10 to 50",
        Kind::Large => "300 to 3,000",
        Kind::Huge => "the largest",
    };
    Spread {
        kind: kind.into(),
        ..Spread::default()
    }
}

/// How full the nodes of a region are.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Which.
    pub region: String,
    /// Its nodes that run.
    pub nodes: usize,
    /// Sessions of the emptiest.
    pub least: usize,
    /// Of the one in the middle.
    pub median: usize,
    /// Of the fullest.
    pub most: usize,
}

/// How full nodes are, by region.
pub fn loads(cloud: &Cloud) -> Vec<Load> {
    let of_region = |(number, (region, _)): (u8, (&str, f64))| {
        let nodes = (0..cloud.sim.len()).filter(|node| cloud.sim.is_alive(*node) && cloud.region_of(*node) == number);
        let mut sessions: Vec<usize> = nodes.map(|node| cloud.sim.rooms(node).sessions()).collect();
        sessions.sort_unstable();
        Some(Load {
            region: region.into(),
            nodes: sessions.len(),
            least: *sessions.first()?,
            median: sessions[sessions.len() / 2],
            most: *sessions.last()?,
        })
    };
    (0..).zip(REGIONS).filter_map(of_region).collect()
}
