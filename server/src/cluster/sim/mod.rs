//! A cloud in virtual time: the real `ClusterState` of many nodes, a registry and a network that can be broken.
//!
//! What stands on it: the tests of this module, `tests/chaos` (with real rooms) and `benches/simulate` (with a million users).

mod carry_out;
mod happen;
mod queue;
mod registry;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::queue::Queue;
use self::registry::{Registry, RegistryAnswer, RegistryWork};
use super::bus::Revision;
use super::counters::ClusterCounters;
use super::state::{
    Action, ClusterOptions, ClusterState, LEASE, Letter, Message, Mirror, NodeEntry, NodeLife, OpId, OrderKey, order_key,
};
use crate::rooms::admin::AdminOrder;
use crate::rooms::cloud::{News, NodeName, Question, RoomName, Wish};
use crate::rooms::{Now, Ticket};

/// The rooms of a node, as the simulation drives them.
pub trait SimRooms {
    /// The cloud tells something; what the rooms want of it then.
    fn on_news(&mut self, now: Now, news: News) -> Vec<Wish>;
}

/// How long things take, and how much gets lost.
#[derive(Debug, Clone, Copy)]
pub struct SimOptions {
    /// A letter's way to another node: from, to.
    pub letter: (Duration, Duration),
    /// The registry's answer: from, to.
    pub registry: (Duration, Duration),
    /// How long a node takes to notice that it cannot reach the others, or can again; at most.
    pub notice: Duration,
    /// Letters that get lost, in thousandths.
    pub lost_permille: u32,
    /// Letters go through their JSON, as between real nodes.
    pub through_json: bool,
    /// What the registry does in a second; 0: all at once.
    pub registry_a_second: u32,
    /// What a node asks of the registry at a time: the rest waits; 0: no limit.
    pub registry_turns: usize,
    /// Letters about logins, which go to all nodes, are only counted: nobody gets them.
    pub logins_only_counted: bool,
    /// A renewal reaches all nodes at one time, which is cheaper than a time for each.
    pub leases_together: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            letter: (ms(1), ms(5)),
            registry: (ms(1), ms(5)),
            notice: ms(500),
            lost_permille: 0,
            through_json: true,
            registry_a_second: 0,
            registry_turns: 0,
            logins_only_counted: false,
            leases_together: false,
        }
    }
}

/// What went over the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SimTotals {
    /// Letters to one node.
    pub letters: u64,
    /// Their bytes, where they go through JSON.
    pub bytes: u64,
    /// Letters to all nodes, each once.
    pub broadcasts: u64,
    /// Reads, writes and deletions in the registry.
    pub registry: u64,
    /// Of these, reads.
    pub reads: u64,
    /// Renewals of nodes.
    pub leases: u64,
}

/// Questions that nobody answers, and the registry when it is out of reach, are given up so late.
const PATIENCE: Duration = Duration::from_secs(2);
/// When the virtual clock begins, Unix milliseconds.
const BEGIN_MS: u64 = 1_700_000_000_000;

#[derive(Debug)]
enum Happens {
    Letter(usize, Letter),
    Question(usize, Letter, (usize, Ticket)),
    /// To this life of a node, as all that answers it.
    Answer(usize, u64, Ticket, Option<Letter>),
    Registry(usize, u64, OpId, RegistryWork),
    Answered(usize, u64, OpId, RegistryAnswer),
    Node(usize, Arc<NodeEntry>, Revision),
    /// What is kept of orders is read.
    Orders(usize),
    /// The entry of a node reaches all others.
    Nodes(usize, Arc<NodeEntry>, Revision),
    /// Whether the cloud can be reached is noticed.
    Notice(usize),
    Wake(usize, u64),
    Wish(usize, u64, Wish),
}

struct SimNode<R> {
    name: NodeName,
    life: u64,
    alive: bool,
    state: ClusterState,
    rooms: R,
    region: String,
    capacity: u32,
    reaches_broker: bool,
    woken_at: Option<Duration>,
    questions: BTreeMap<u64, (usize, Ticket)>,
    /// What it has asked of the registry, and what waits for its turn.
    asking: usize,
    waiting: VecDeque<(OpId, RegistryWork)>,
}

/// The nodes, the registry and the network.
pub struct CloudSim<R> {
    options: SimOptions,
    rng: StdRng,
    now: Duration,
    nodes: Vec<SimNode<R>>,
    by_name: BTreeMap<NodeName, usize>,
    registry: Registry,
    orders: BTreeMap<OrderKey, AdminOrder>,
    leases: BTreeMap<NodeName, (Arc<NodeEntry>, Revision, Duration)>,
    cut: HashSet<(usize, usize)>,
    queue: Queue<Happens>,
    last_question: u64,
    totals: SimTotals,
    leaves_gaps: bool,
}

impl<R> std::fmt::Debug for CloudSim<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sim = f.debug_struct("CloudSim");
        sim.field("now", &self.now)
            .field("nodes", &self.nodes.len())
            .field("totals", &self.totals);
        sim.finish_non_exhaustive()
    }
}

impl<R: SimRooms> CloudSim<R> {
    /// Nobody yet.
    pub fn new(seed: u64, options: SimOptions) -> Self {
        Self {
            options,
            rng: StdRng::seed_from_u64(seed),
            now: Duration::ZERO,
            nodes: Vec::new(),
            by_name: BTreeMap::new(),
            registry: Registry::new(),
            orders: BTreeMap::new(),
            leases: BTreeMap::new(),
            cut: HashSet::new(),
            queue: Queue::new(),
            last_question: 0,
            totals: SimTotals::default(),
            leaves_gaps: false,
        }
    }

    /// The time, on both clocks.
    pub fn now(&self) -> Now {
        Now {
            mono: self.now,
            unix_ms: BEGIN_MS.saturating_add(u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Starts a node; its number.
    pub fn add_node(&mut self, name: &NodeName, region: &str, capacity: u32, rooms: R) -> usize {
        let number = self.nodes.len();
        let (life, state) = self.new_state(name, region, capacity);
        self.nodes.push(SimNode {
            name: name.clone(),
            life,
            alive: true,
            state,
            rooms,
            region: region.into(),
            capacity,
            reaches_broker: true,
            woken_at: None,
            questions: BTreeMap::new(),
            asking: 0,
            waiting: VecDeque::new(),
        });
        self.by_name.insert(name.clone(), number);
        self.join(number);
        number
    }

    fn new_state(&mut self, name: &NodeName, region: &str, capacity: u32) -> (u64, ClusterState) {
        let now = self.now();
        let life = now.unix_ms.saturating_add(self.registry.next_write());
        let node = NodeLife {
            name: name.clone(),
            life,
        };
        let entry = NodeEntry {
            url: format!("ws://{name}"),
            region: region.into(),
            load: 0,
            capacity,
            draining: false,
            orders: 0,
            node,
        };
        (life, ClusterState::new(ClusterOptions { entry }, now))
    }

    /// A node begins to hear of the cloud: it connects and reads who is there.
    fn join(&mut self, number: usize) {
        self.after(self.options.registry, Happens::Notice(number));
        self.wake(number);
    }

    /// Ends a node as `kill -9` does.
    pub fn kill(&mut self, number: usize) {
        self.nodes[number].alive = false;
    }

    /// Starts it again, with these rooms.
    pub fn restart(&mut self, number: usize, rooms: R) {
        let was = &self.nodes[number];
        let (name, region, capacity) = (was.name.clone(), was.region.clone(), was.capacity);
        let (life, state) = self.new_state(&name, &region, capacity);
        let node = &mut self.nodes[number];
        node.alive = true;
        node.life = life;
        node.state = state;
        node.rooms = rooms;
        node.woken_at = None;
        node.questions.clear();
        node.asking = 0;
        node.waiting.clear();
        self.join(number);
    }

    /// Whether a node runs.
    pub fn is_alive(&self, number: usize) -> bool {
        self.nodes[number].alive
    }

    /// How many nodes were ever started.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The number of a node.
    pub fn number(&self, name: &NodeName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The name of a node.
    pub fn name(&self, number: usize) -> &NodeName {
        &self.nodes[number].name
    }

    /// A node's rooms.
    pub fn rooms(&self, number: usize) -> &R {
        &self.nodes[number].rooms
    }

    /// The same, to change them: what they then want goes to [`CloudSim::wish`].
    pub fn rooms_mut(&mut self, number: usize) -> &mut R {
        &mut self.nodes[number].rooms
    }

    /// What a node has counted.
    pub fn counters(&self, number: usize) -> ClusterCounters {
        self.nodes[number].state.counters()
    }

    /// What went over the broker so far.
    pub fn totals(&self) -> SimTotals {
        self.totals
    }

    /// The broker can be reached by a node, or not.
    pub fn set_broker(&mut self, number: usize, reachable: bool) {
        self.nodes[number].reaches_broker = reachable;
        self.after((Duration::ZERO, self.options.notice), Happens::Notice(number));
    }

    /// The broker has forgotten all that was in the registry.
    pub fn wipe(&mut self) {
        self.registry.wipe();
        self.orders.clear();
        self.leases.clear();
    }

    /// Letters between two nodes get lost, or arrive again.
    pub fn set_cut(&mut self, one: usize, other: usize, cut: bool) {
        for pair in [(one, other), (other, one)] {
            if cut {
                self.cut.insert(pair);
            } else {
                self.cut.remove(&pair);
            }
        }
    }

    /// Nobody who has missed something can ask for it any more: a fault that tests plant.
    pub fn leave_gaps(&mut self) {
        self.leaves_gaps = true;
    }

    /// How many letters get lost from now on, in thousandths.
    pub fn set_loss(&mut self, permille: u32) {
        self.options.lost_permille = permille;
    }

    /// What the registry does in a second from now on; 0: all at once.
    pub fn set_registry(&mut self, a_second: u32) {
        self.options.registry_a_second = a_second;
    }

    /// The rooms of a node want something.
    pub fn wish(&mut self, number: usize, wish: Wish) {
        let now = self.now();
        let actions = self.nodes[number].state.on_wish(now, wish);
        self.carry_out(number, actions);
    }

    /// The rooms of a node will want something so much later, if the node still runs then.
    pub fn wish_later(&mut self, number: usize, wait: Duration, wish: Wish) {
        let life = self.nodes[number].life;
        self.queue.put(self.now + wait, Happens::Wish(number, life, wish));
    }

    /// Rooms about which nodes do not agree, and how many were compared: those that `which` names, on all nodes that run. A node
    /// agrees if it has the members and streams that the nodes which have them say.
    pub fn disagreements(&self, which: impl Fn(&RoomName) -> bool) -> (usize, usize) {
        let mut truth: HashMap<&RoomName, Mirror> = HashMap::new();
        let mut seen: Vec<(&RoomName, Mirror)> = Vec::new();
        for node in self.nodes.iter().filter(|node| node.alive) {
            for (room, own, shown) in node.state.mirrors(&which) {
                truth.entry(room).or_default().add(own);
                seen.push((room, shown));
            }
        }
        let compared = truth.len();
        let differ = seen.into_iter().filter(|(room, shown)| truth.get(*room) != Some(shown));
        let rooms: HashSet<&RoomName> = differ.map(|(room, _)| room).collect();
        (rooms.len(), compared)
    }

    /// Lets a node stop as it is meant to.
    pub fn stop(&mut self, number: usize) {
        let actions = self.nodes[number].state.on_stop();
        self.carry_out(number, actions);
        self.nodes[number].alive = false;
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Duration> {
        self.queue.next()
    }

    /// Lets the time go on.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets the time go on until then.
    pub fn run_until(&mut self, until: Duration) {
        while let Some((at, happens)) = self.queue.take(until) {
            self.now = self.now.max(at);
            self.happen(happens);
        }
        self.now = self.now.max(until);
    }
}
