//! What a join, a stream and a node that only stands there cost the broker of three nodes, and how long joins take: rows of the
//! table in docs/cluster.md.

use std::time::{Duration, Instant};

use express_engine::{
    PublisherState, PublisherStateUpdate, ZegoExpressEngine, ZegoLocalStream, ZegoRoomConfig, ZegoStreamOptions,
};
use express_tests::cluster::Cluster;
use express_tests::collect::EventLog;
use express_tests::nats::{Passed, Stored};
use express_tests::processes::{park, work_folder};
use express_tests::tokens::{APP_ID, token};

/// Where rooms and claims are kept.
const REGISTRY: &str = "express_claims";
/// What follows a join and nobody waits for.
const SETTLES: Duration = Duration::from_millis(700);
/// What a person takes for a door that opens; some milliseconds are usual.
const OPENS_WITHIN: Duration = Duration::from_secs(2);
/// Messages of a node that has nothing to do, in a second; a tenth is usual.
const IDLE_AT_MOST: f64 = 30.0;
/// Messages for one join or stream, taken and given together; a tenth is usual.
const MESSAGES_AT_MOST: f64 = 300.0;
/// Bytes of an entry; a tenth is usual.
const ENTRY_AT_MOST: f64 = 5_000.0;

/// One user in a room.
struct Member {
    zg: ZegoExpressEngine,
    log: EventLog,
    voice: Option<ZegoLocalStream>,
}

impl Member {
    fn at(url: &str) -> Self {
        let zg = ZegoExpressEngine::new(APP_ID, url).unwrap();
        let log = EventLog::of(&zg);
        Self { zg, log, voice: None }
    }

    /// From a closed socket to a member.
    fn join(&self, room: &str, user: &str) -> Duration {
        let pass = token(user);
        let began = Instant::now();
        let login = self.zg.login_room(room, pass, user, ZegoRoomConfig::default());
        login.wait().unwrap();
        began.elapsed()
    }

    /// From a stream that is there already to one that others can play.
    fn publish(&mut self, stream: &str) -> Duration {
        let voice = self.zg.create_zego_stream(ZegoStreamOptions::tone(440.0)).wait().unwrap();
        let began = Instant::now();
        self.zg.start_publishing_stream(stream, &voice, Default::default()).unwrap();
        self.log
            .wait_for("PUBLISHING", |e: &PublisherStateUpdate| e.state == PublisherState::Publishing);
        self.voice = Some(voice);
        began.elapsed()
    }
}

/// Messages of all nodes in a second, while they have nothing to do.
#[derive(Debug, Clone, Copy)]
struct Idle {
    taken: f64,
    given: f64,
}

/// What one of many cost.
#[derive(Debug)]
struct Cost {
    p50: Duration,
    longest: Duration,
    taken: f64,
    given: f64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        write!(f, "{:.1} ms, {:.1} ms at most; ", ms(self.p50), ms(self.longest))?;
        write!(f, "{:.1} messages taken, {:.1} given", self.taken, self.given)
    }
}

fn since(cluster: &Cluster, before: Passed) -> (f64, f64) {
    let now = cluster.nats.passed();
    ((now.taken - before.taken) as f64, (now.given - before.given) as f64)
}

fn idle(cluster: &Cluster, time: Duration) -> Idle {
    park(SETTLES);
    let (before, began) = (cluster.nats.passed(), Instant::now());
    park(time);
    let (taken, given) = since(cluster, before);
    let seconds = began.elapsed().as_secs_f64();
    Idle {
        taken: taken / seconds,
        given: given / seconds,
    }
}

/// What so many of something cost, one after the other, without what the nodes do anyway.
fn cost(cluster: &Cluster, idle: Idle, count: usize, mut one: impl FnMut(usize) -> Duration) -> Cost {
    park(SETTLES);
    let (before, began) = (cluster.nats.passed(), Instant::now());
    let mut times: Vec<Duration> = (0..count).map(&mut one).collect();
    park(SETTLES);
    let (taken, given) = since(cluster, before);
    let seconds = began.elapsed().as_secs_f64();
    times.sort_unstable();
    Cost {
        p50: times[count / 2],
        longest: times[count - 1],
        taken: (taken - idle.taken * seconds).max(0.0) / count as f64,
        given: (given - idle.given * seconds).max(0.0) / count as f64,
    }
}

/// Bytes of an entry: what the registry has grown by meanwhile, by its new entries.
fn entry(cluster: &Cluster, before: Stored) -> f64 {
    let now = cluster.nats.stored(REGISTRY);
    (now.bytes - before.bytes) as f64 / (now.entries - before.entries) as f64
}

/// Prints the table for so many rooms, each of which is opened on one node after the other.
fn costs(name: &str, rooms: usize, standing: Duration) {
    let cluster = Cluster::start(&work_folder(name), 3, "");
    let nodes = cluster.urls();
    let idle = idle(&cluster, standing);
    let mut members = Vec::new();
    let mut join = |what: &str, node: usize| {
        let mut coming: Vec<Member> = (0..rooms).map(|_| Member::at(&nodes[node])).collect();
        let there = members.len();
        let cost = cost(&cluster, idle, rooms, |n| {
            coming[n].join(&format!("room-{n}"), &format!("user-{}", there + n))
        });
        members.append(&mut coming);
        println!("| a join to a room that is {what} | {cost} |");
        cost
    };
    let empty = cluster.nats.stored(REGISTRY);
    let mut all = vec![join("new", 0)];
    let room = entry(&cluster, empty);
    all.push(join("open on another node", 1));
    all.push(join("open on two other nodes", 2));
    let spread = entry(&cluster, empty);
    all.push(join("open here, and on two other nodes", 0));
    let before = cluster.nats.stored(REGISTRY);
    let publish = cost(&cluster, idle, rooms, |n| members[n].publish(&format!("stream-{n}")));
    println!("| a stream that is published in a room on three nodes | {publish} |");
    let claim = entry(&cluster, before);
    all.push(publish);
    let (taken, given) = (idle.taken / 3.0, idle.given / 3.0);
    println!("| each of three nodes that only stand there, a second | {taken:.1} messages taken, {given:.1} given |");
    println!("| entry of a room, on one node and on three; of a claim | {room:.0} and {spread:.0} bytes; {claim:.0} bytes |");
    for cost in all {
        assert!(cost.longest < OPENS_WITHIN, "{cost}");
        assert!(cost.taken + cost.given < MESSAGES_AT_MOST, "{cost}");
    }
    assert!(taken + given < IDLE_AT_MOST, "{idle:?}");
    assert!([room, spread, claim].iter().all(|bytes| *bytes < ENTRY_AT_MOST));
    members.into_iter().for_each(|member| member.zg.destroy_engine());
}

#[test]
fn joins_over_nodes_open_at_once_and_cost_the_broker_little() {
    costs("cluster-costs", 4, Duration::from_secs(3));
}

/// `cargo test --release --workspace --test realtime -- --include-ignored --nocapture cluster_costs`
#[test]
#[ignore = "a figure: 40 s"]
fn figures_of_joins_streams_and_idle_nodes() {
    costs("cluster-costs-figures", 40, Duration::from_secs(20));
}
