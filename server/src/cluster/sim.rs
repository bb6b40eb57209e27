//! A cloud in virtual time: the real [`ClusterState`] of many nodes, a registry and a network that can be broken.
//!
//! What stands on it: the tests of this module, `tests/chaos` (with real rooms) and `benches/simulate` (with a million users).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bus::Revision;
use super::counters::ClusterCounters;
use super::state::{
    Action, ClusterOptions, ClusterState, Letter, Message, NodeEntry, NodeLife, OpId, OrderKey, RegistryKey, WriteError,
    order_key,
};
use crate::rooms::admin::AdminOrder;
use crate::rooms::cloud::{News, NodeName, Question, Wish};
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
    Answer(usize, Ticket, Option<Letter>),
    Registry(usize, OpId, RegistryWork),
    Got(usize, OpId, Result<Option<(Vec<u8>, Revision)>, ()>),
    Written(usize, OpId, Result<(), WriteError>),
    Node(usize, NodeEntry, Revision),
    /// What is kept of orders is read.
    Orders(usize),
    /// Whether the cloud can be reached is noticed.
    Notice(usize),
    Wake(usize),
}

#[derive(Debug)]
enum RegistryWork {
    Get(RegistryKey),
    Put(RegistryKey, Vec<u8>, Option<Revision>),
    Delete(RegistryKey, Revision),
}

struct SimNode<R> {
    name: NodeName,
    life: u64,
    alive: bool,
    state: ClusterState,
    rooms: R,
    reaches_broker: bool,
    woken_at: Option<Duration>,
    questions: BTreeMap<u64, (usize, Ticket)>,
}

/// The nodes, the registry and the network.
pub struct CloudSim<R> {
    options: SimOptions,
    rng: StdRng,
    now: Duration,
    nodes: Vec<SimNode<R>>,
    by_name: BTreeMap<NodeName, usize>,
    registry: BTreeMap<RegistryKey, (Vec<u8>, Revision)>,
    orders: BTreeMap<OrderKey, AdminOrder>,
    store: u64,
    writes: u64,
    leases: BTreeMap<NodeName, (NodeEntry, Revision)>,
    cut: HashSet<(usize, usize)>,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    happens: BTreeMap<u64, Happens>,
    last: u64,
    last_question: u64,
    totals: SimTotals,
    leaves_gaps: bool,
}

impl<R> std::fmt::Debug for CloudSim<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudSim")
            .field("now", &self.now)
            .field("nodes", &self.by_name)
            .finish_non_exhaustive()
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
            registry: BTreeMap::new(),
            orders: BTreeMap::new(),
            store: 1,
            writes: 0,
            leases: BTreeMap::new(),
            cut: HashSet::new(),
            queue: BinaryHeap::new(),
            happens: BTreeMap::new(),
            last: 0,
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
            reaches_broker: true,
            woken_at: None,
            questions: BTreeMap::new(),
        });
        self.by_name.insert(name.clone(), number);
        self.join(number);
        number
    }

    fn new_state(&mut self, name: &NodeName, region: &str, capacity: u32) -> (u64, ClusterState) {
        self.writes += 1;
        let now = self.now();
        let life = now.unix_ms.saturating_add(self.writes);
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
        let name = self.nodes[number].name.clone();
        let (life, state) = self.new_state(&name, "", 1_000);
        let node = &mut self.nodes[number];
        node.alive = true;
        node.life = life;
        node.state = state;
        node.rooms = rooms;
        node.woken_at = None;
        node.questions.clear();
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
        self.registry.clear();
        self.orders.clear();
        self.leases.clear();
        self.store += 1;
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

    /// The rooms of a node want something.
    pub fn wish(&mut self, number: usize, wish: Wish) {
        let now = self.now();
        let actions = self.nodes[number].state.on_wish(now, wish);
        self.carry_out(number, actions);
    }

    /// Lets a node stop as it is meant to.
    pub fn stop(&mut self, number: usize) {
        let actions = self.nodes[number].state.on_stop();
        self.carry_out(number, actions);
        self.nodes[number].alive = false;
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Duration> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Lets the time go on.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets the time go on until then.
    pub fn run_until(&mut self, until: Duration) {
        while let Some(Reverse((at, number))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = self.now.max(at);
            if let Some(happens) = self.happens.remove(&number) {
                self.happen(happens);
            }
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, happens: Happens) {
        let now = self.now();
        let (number, actions) = match happens {
            Happens::Letter(to, letter) => match self.hears(to) {
                Some(node) => (to, node.state.on_letter(now, letter)),
                None => return,
            },
            Happens::Question(to, letter, asker) => {
                self.last_question += 1;
                let question = self.last_question;
                match self.hears(to) {
                    Some(node) => {
                        node.questions.insert(question, asker);
                        (to, node.state.on_question(now, Question(question), letter))
                    }
                    None => return,
                }
            }
            Happens::Answer(to, ticket, answer) => (to, self.nodes[to].state.on_answer(now, ticket, answer)),
            Happens::Registry(from, op, work) => return self.work(from, op, work),
            Happens::Got(to, op, got) => (to, self.nodes[to].state.on_got(now, op, got)),
            Happens::Written(to, op, written) => (to, self.nodes[to].state.on_written(now, op, written)),
            Happens::Node(to, entry, revision) => match self.hears(to) {
                Some(node) => (to, node.state.on_node(now, entry, revision)),
                None => return,
            },
            Happens::Orders(to) => {
                let orders = self.orders.values().cloned().collect();
                match self.hears(to) {
                    Some(node) => (to, node.state.on_orders(now, orders)),
                    None => return,
                }
            }
            Happens::Notice(number) => (number, self.notice(number)),
            Happens::Wake(number) => {
                let node = &mut self.nodes[number];
                if node.woken_at.is_some_and(|at| at > self.now) {
                    return;
                }
                node.woken_at = None;
                (number, node.state.on_time(now))
            }
        };
        self.carry_out(number, actions);
    }

    /// A node that runs and reaches the broker.
    fn hears(&mut self, number: usize) -> Option<&mut SimNode<R>> {
        let node = &mut self.nodes[number];
        (node.alive && node.reaches_broker).then_some(node)
    }

    fn notice(&mut self, number: usize) -> Vec<Action> {
        let now = self.now();
        let node = &mut self.nodes[number];
        if !node.reaches_broker {
            return node.state.on_disconnected(now);
        }
        // Who is there is read first, and everybody is reminded a little later.
        let leases: Vec<_> = self.leases.values().cloned().collect();
        let mut actions = Vec::new();
        for (entry, revision) in leases {
            actions.extend(node.state.on_node(now, entry, revision));
        }
        actions.extend(node.state.on_connected(now));
        actions
    }

    fn carry_out(&mut self, number: usize, actions: Vec<Action>) {
        if !self.nodes[number].alive {
            return;
        }
        let mut wishes = Vec::new();
        for action in actions {
            match action {
                Action::News(news) => {
                    let now = self.now();
                    wishes.extend(self.nodes[number].rooms.on_news(now, news));
                }
                other => self.carry_out_one(number, other),
            }
        }
        for wish in wishes {
            self.wish(number, wish);
        }
        self.wake(number);
    }

    fn carry_out_one(&mut self, number: usize, action: Action) {
        let from = NodeLife {
            name: self.nodes[number].name.clone(),
            life: self.nodes[number].life,
        };
        match action {
            Action::Send(to, message) => {
                self.totals.letters += 1;
                if let Some(&to) = self.by_name.get(&to)
                    && let Some(letter) = self.posted(number, to, Letter { from, message })
                {
                    self.letter_to(to, letter);
                }
            }
            Action::Broadcast(message) => {
                self.totals.broadcasts += 1;
                for to in 0..self.nodes.len() {
                    let letter = Letter {
                        from: from.clone(),
                        message: message.clone(),
                    };
                    if to != number
                        && let Some(letter) = self.posted(number, to, letter)
                    {
                        self.letter_to(to, letter);
                    }
                }
            }
            Action::Ask(ticket, to, message) => {
                self.totals.letters += 2;
                let to = self.by_name.get(&to).copied();
                let posted = to.and_then(|to| Some((to, self.posted(number, to, Letter { from, message })?)));
                if let Some((to, letter)) = posted {
                    self.after(self.options.letter, Happens::Question(to, letter, (number, ticket)));
                }
                // It comes behind an answer, which then has been taken already.
                self.at(self.now + PATIENCE, Happens::Answer(number, ticket, None));
            }
            Action::Answer(Question(question), message) => {
                let asker = self.nodes[number].questions.remove(&question);
                if let Some((asker, ticket)) = asker
                    && let Some(letter) = self.posted(number, asker, Letter { from, message })
                {
                    self.after(self.options.letter, Happens::Answer(asker, ticket, Some(letter)));
                }
            }
            Action::Get(op, key) => self.ask_registry(number, op, RegistryWork::Get(key)),
            Action::Put(op, key, value, expected) => self.ask_registry(number, op, RegistryWork::Put(key, value, expected)),
            Action::Delete(op, key, expected) => self.ask_registry(number, op, RegistryWork::Delete(key, expected)),
            Action::Lease(entry) => self.lease(number, entry),
            Action::Unlease => {
                self.leases.remove(&self.nodes[number].name);
            }
            Action::Keep(order) => self.keep(number, order),
            Action::ReadOrders => self.after(self.options.registry, Happens::Orders(number)),
            Action::News(_) => {}
        }
    }

    fn keep(&mut self, number: usize, order: AdminOrder) {
        self.totals.registry += 1;
        if !self.nodes[number].reaches_broker {
            return self.nodes[number].state.on_not_kept(order);
        }
        let known = self.orders.entry(order_key(&order)).or_insert_with(|| order.clone());
        if known.at_ms <= order.at_ms {
            *known = order;
        }
    }

    /// The letter as it arrives; `None`: it does not.
    fn posted(&mut self, from: usize, to: usize, letter: Letter) -> Option<Letter> {
        let left = self.leaves_gaps && matches!(letter.message, Message::Again { .. });
        let lost = left || self.rng.random_range(0..1000) < self.options.lost_permille;
        if lost || !self.nodes[from].reaches_broker || self.cut.contains(&(from, to)) {
            return None;
        }
        if !self.options.through_json {
            return Some(letter);
        }
        let json = serde_json::to_vec(&letter).ok()?;
        self.totals.bytes += json.len() as u64;
        serde_json::from_slice(&json).ok()
    }

    fn letter_to(&mut self, to: usize, letter: Letter) {
        self.after(self.options.letter, Happens::Letter(to, letter));
    }

    fn lease(&mut self, number: usize, entry: NodeEntry) {
        self.totals.leases += 1;
        if !self.nodes[number].reaches_broker {
            return;
        }
        self.writes += 1;
        let revision = Revision {
            store: self.store,
            number: self.writes,
        };
        self.leases.insert(entry.node.name.clone(), (entry.clone(), revision));
        for to in 0..self.nodes.len() {
            if to != number && self.nodes[to].alive && !self.cut.contains(&(number, to)) {
                self.after(self.options.registry, Happens::Node(to, entry.clone(), revision));
            }
        }
    }

    fn ask_registry(&mut self, number: usize, op: OpId, work: RegistryWork) {
        self.totals.registry += 1;
        self.after(self.options.registry, Happens::Registry(number, op, work));
    }

    /// The registry does its work, and answers if it can be reached.
    fn work(&mut self, from: usize, op: OpId, work: RegistryWork) {
        let reached = self.nodes[from].reaches_broker;
        let is_get = matches!(work, RegistryWork::Get(_));
        if !reached {
            let answer = match is_get {
                true => Happens::Got(from, op, Err(())),
                false => Happens::Written(from, op, Err(WriteError::Unavailable)),
            };
            return self.at(self.now + PATIENCE, answer);
        }
        let answer = match work {
            RegistryWork::Get(key) => Happens::Got(from, op, Ok(self.registry.get(&key).cloned())),
            RegistryWork::Put(key, value, expected) => {
                let known = self.registry.get(&key).map(|(_, revision)| *revision);
                let written = known == expected;
                if written {
                    self.writes += 1;
                    let revision = Revision {
                        store: self.store,
                        number: self.writes,
                    };
                    self.registry.insert(key, (value, revision));
                }
                Happens::Written(from, op, written.then_some(()).ok_or(WriteError::Conflict))
            }
            RegistryWork::Delete(key, expected) => {
                let is_it = self.registry.get(&key).is_some_and(|(_, revision)| *revision == expected);
                if is_it {
                    self.registry.remove(&key);
                }
                Happens::Written(from, op, is_it.then_some(()).ok_or(WriteError::Conflict))
            }
        };
        self.after(self.options.registry, answer);
    }

    fn wake(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let Some(next) = node.state.next_deadline() else {
            return;
        };
        if node.woken_at.is_none_or(|at| next < at) {
            node.woken_at = Some(next);
            self.at(next.max(self.now), Happens::Wake(number));
        }
    }

    fn after(&mut self, (from, to): (Duration, Duration), happens: Happens) {
        let wait = if to > from {
            Duration::from_micros(self.rng.random_range(from.as_micros() as u64..=to.as_micros() as u64))
        } else {
            from
        };
        self.at(self.now + wait, happens);
    }

    fn at(&mut self, at: Duration, happens: Happens) {
        self.last += 1;
        self.happens.insert(self.last, happens);
        self.queue.push(Reverse((at, self.last)));
    }
}
