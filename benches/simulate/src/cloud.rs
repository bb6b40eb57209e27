//! A cloud with its users: who calls, hangs up, is thrown out and comes back, on the nodes of [`CloudSim`].

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Duration;

use express_server::cluster::sim::{CloudSim, SimOptions};
use express_server::rooms::cloud::{NodeName, Wish};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::population::{self, Kind, REGIONS, talk};
use crate::rooms::LightRooms;
use crate::world::{At, Event, Seen, Shared, World, numbers};

/// How exactly things that nodes set off are put in order.
const STEP: Duration = Duration::from_millis(1);
/// Who cannot hang up now, as the login is under way, does so much later.
const LATER: Duration = Duration::from_secs(2);
/// A user whose node fails is back after so many milliseconds: the client notices, and connects anew.
const BACK_MS: (u64, u64) = (1_000, 5_000);

/// What a cloud is like.
#[derive(Debug, Clone, Copy)]
pub struct CloudPlan {
    /// Everything follows from it.
    pub seed: u64,
    /// Nodes.
    pub nodes: usize,
    /// Users that are in calls at a time, about.
    pub users: usize,
    /// Sessions that a node is for.
    pub capacity: u32,
    /// How long it takes until all are in calls for the first time: a morning, compressed.
    pub morning: Duration,
    /// What the registry does in a second.
    pub registry_a_second: u32,
}

/// Events in their order.
type Agenda = BinaryHeap<Reverse<(Duration, u64, Event)>>;

/// The cloud, its users, and what is to happen to them.
pub struct Cloud {
    /// The nodes.
    pub sim: CloudSim<LightRooms>,
    world: Shared,
    regions: Vec<u8>,
    draining: Vec<bool>,
    rng: StdRng,
    /// What users do of their own accord, on a clock that stops while the world is quiet.
    life: Agenda,
    /// What follows from something else.
    soon: Agenda,
    last: u64,
    quiet_since: Option<Duration>,
    quiet: Duration,
}

impl Cloud {
    /// The nodes know each other, and the first users are on their way.
    pub fn new(plan: CloudPlan) -> Self {
        let options = SimOptions {
            through_json: false,
            registry_a_second: plan.registry_a_second,
            registry_turns: 64,
            broadcasts_only_counted: true,
            leases_together: true,
            ..SimOptions::default()
        };
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let world = World::new(population::plan(&mut rng, plan.users));
        let mut cloud = Self {
            sim: CloudSim::new(plan.seed, options),
            world: Rc::new(RefCell::new(world)),
            regions: regions(plan.nodes),
            draining: vec![false; plan.nodes],
            rng,
            life: Agenda::new(),
            soon: Agenda::new(),
            last: 0,
            quiet_since: None,
            quiet: Duration::ZERO,
        };
        for number in 0..plan.nodes {
            let Ok(name) = NodeName::new(&format!("n{number}")) else {
                continue;
            };
            let region = REGIONS[usize::from(cloud.regions[number])].0;
            let rooms = LightRooms::new(number, Rc::clone(&cloud.world));
            cloud.sim.add_node(&name, region, plan.capacity, rooms);
        }
        cloud.sim.run_for(Duration::from_secs(5));
        cloud.first_calls(plan.morning);
        cloud
    }

    /// Everybody's first call, some time in the morning.
    fn first_calls(&mut self, morning: Duration) {
        let begin = self.sim.now().mono;
        let rooms = self.world.borrow().rooms.len() as u32;
        for room in 0..rooms {
            let plan = self.world.borrow().rooms[room as usize].plan;
            if plan.kind == Kind::Small {
                let at = begin + morning.mul_f64(self.rng.random());
                self.put_life(at, Event::Begin(room));
                continue;
            }
            for user in plan.first..plan.first + plan.size {
                let at = begin + morning.mul_f64(self.rng.random());
                self.put_life(at, Event::Login(user, 0, None));
            }
        }
    }

    /// The nodes of each region, and whether they are alive.
    pub fn region_of(&self, node: usize) -> u8 {
        self.regions[node]
    }

    /// The true state of affairs.
    pub fn world(&self) -> std::cell::Ref<'_, World> {
        self.world.borrow()
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.world.borrow().seen
    }

    /// Users in calls who are not in their rooms now.
    pub fn missing(&self) -> usize {
        let world = self.world.borrow();
        let is_missing = |user: &&crate::world::User| user.in_call && user.at != At::Room && user.from.is_none();
        world.users.iter().filter(is_missing).count()
    }

    /// Nobody calls or hangs up while it is quiet; who was thrown out comes back all the same.
    pub fn set_quiet(&mut self, quiet: bool) {
        let now = self.sim.now().mono;
        if quiet {
            self.quiet_since.get_or_insert(now);
        } else if let Some(since) = self.quiet_since.take() {
            self.quiet += now - since;
        }
    }

    /// The clock of what users do of their own accord.
    fn life_clock(&self, mono: Duration) -> Duration {
        self.quiet_since
            .map_or(mono, |since| since.min(mono))
            .saturating_sub(self.quiet)
    }

    /// Lets the time go on.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.sim.now().mono + time;
        while self.sim.now().mono < until {
            let next = (self.sim.now().mono + STEP).min(until);
            self.sim.run_until(next);
            let soon = std::mem::take(&mut self.world.borrow_mut().soon);
            for (at, event) in soon {
                self.put_soon(at, event);
            }
            self.do_due();
        }
    }

    fn do_due(&mut self) {
        let now = self.sim.now().mono;
        while let Some(event) = take_due(&mut self.soon, now) {
            self.happen(event);
        }
        let clock = self.life_clock(now);
        while let Some(event) = take_due(&mut self.life, clock) {
            self.happen(event);
        }
    }

    fn put_soon(&mut self, at: Duration, event: Event) {
        self.last += 1;
        self.soon.push(Reverse((at, self.last, event)));
    }

    /// - `at`: on the clock of what users do of their own accord
    fn put_life(&mut self, at: Duration, event: Event) {
        self.last += 1;
        self.life.push(Reverse((at, self.last, event)));
    }

    fn in_a(&self, wait: Duration) -> Duration {
        self.life_clock(self.sim.now().mono) + wait
    }

    fn seconds(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(self.rng.random_range(least..=most))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Begin(room) => self.begin(room),
            Event::Login(user, call, target) => self.login(user, call, target),
            Event::Leave(user, call) => self.leave(user, call),
            Event::Move(user) => self.move_away(user),
            Event::EndOld(user, node) => {
                if self.world.borrow().users[user as usize].from == Some(node) && self.sim.is_alive(node) {
                    let mut wishes = Vec::new();
                    self.sim.rooms_mut(node).leave(user, &mut wishes);
                    self.wish_all(node, wishes);
                }
            }
        }
    }

    /// A small room begins: its members come within 20 s and leave at its end, some of them earlier.
    fn begin(&mut self, room: u32) {
        let (plan, life) = {
            let slot = &self.world.borrow().rooms[room as usize];
            (slot.plan, slot.life)
        };
        let lasts = talk(&mut self.rng, plan.kind, life == 0);
        for user in plan.first..plan.first + plan.size {
            let wait = if user == plan.first {
                Duration::ZERO
            } else {
                self.seconds(1.0, 20.0)
            };
            let part = if self.rng.random::<f64>() < 0.15 {
                self.rng.random_range(0.2..1.0)
            } else {
                1.0
            };
            let ends = lasts.mul_f64(part).max(wait) + self.seconds(1.0, 5.0);
            let at = self.in_a(wait);
            self.put_life(at, Event::Login(user, life, None));
            let at = self.in_a(ends);
            self.put_life(at, Event::Leave(user, life));
        }
    }

    fn login(&mut self, user: u32, call: u32, target: Option<usize>) {
        let (known, kind) = {
            let world = self.world.borrow();
            let known = world.users[user as usize].clone();
            let kind = world.rooms[known.plan.room as usize].plan.kind;
            (known, kind)
        };
        if known.call > call || known.at == At::Room && known.from.is_none() {
            return;
        }
        let is_first = known.at == At::Home && !known.in_call;
        if is_first && kind != Kind::Small {
            let lasts = talk(&mut self.rng, kind, call == 0);
            let at = self.in_a(lasts);
            self.put_life(at, Event::Leave(user, call));
        }
        let target = target.filter(|target| self.takes_clients(*target));
        let node = target.or_else(|| self.some_node(known.plan.region));
        let Some(node) = node else {
            // No node at all: the client tries again.
            let at = self.sim.now().mono + LATER;
            return self.put_soon(at, Event::Login(user, call, None));
        };
        {
            let known = &mut self.world.borrow_mut().users[user as usize];
            known.call = call;
            known.at = At::Door;
            known.node = node;
            if is_first {
                known.seen_to_leave = false;
            }
        }
        let now = self.sim.now();
        let wishes = self.sim.rooms_mut(node).login(now, user, target.is_some());
        self.wish_all(node, wishes);
    }

    fn leave(&mut self, user: u32, call: u32) {
        let known = self.world.borrow().users[user as usize].clone();
        if known.call != call || known.at == At::Home && !known.in_call {
            return;
        }
        if known.at != At::Room || known.from.is_some() {
            let at = self.in_a(LATER);
            return self.put_life(at, Event::Leave(user, call));
        }
        let mut wishes = Vec::new();
        {
            let known = &mut self.world.borrow_mut().users[user as usize];
            known.at = At::Home;
            known.in_call = false;
        }
        self.sim.rooms_mut(known.node).leave(user, &mut wishes);
        self.wish_all(known.node, wishes);
        self.next_call(user, known.plan.room);
    }

    /// What comes behind a call: in a small room the next one of all its members, elsewhere somebody else's.
    fn next_call(&mut self, user: u32, room: u32) {
        let wait = self.seconds(5.0, 40.0);
        let at = self.in_a(wait);
        let mut world = self.world.borrow_mut();
        let slot = &mut world.rooms[room as usize];
        if slot.plan.kind != Kind::Small {
            let call = world.users[user as usize].call + 1;
            drop(world);
            return self.put_life(at, Event::Login(user, call, None));
        }
        slot.gone += 1;
        if slot.gone == slot.plan.size {
            slot.gone = 0;
            slot.life += 1;
            drop(world);
            self.put_life(at, Event::Begin(room));
        }
    }

    fn wish_all(&mut self, node: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            self.sim.wish(node, wish);
        }
    }

    fn takes_clients(&self, node: usize) -> bool {
        self.sim.is_alive(node) && !self.draining[node]
    }

    /// Any node of the user's region, or of another one where that has none, as a balancer with health checks names it.
    fn some_node(&mut self, region: u8) -> Option<usize> {
        let of = |cloud: &Self, near: bool| -> Vec<usize> {
            let there = |node: &usize| !near || cloud.regions[*node] == region;
            (0..cloud.sim.len())
                .filter(there)
                .filter(|node| cloud.takes_clients(*node))
                .collect()
        };
        let mut nodes = of(self, true);
        if nodes.is_empty() {
            nodes = of(self, false);
        }
        let last = nodes.len().checked_sub(1)?;
        Some(nodes[self.rng.random_range(0..=last)])
    }

    /// Nodes fail; their users come back elsewhere. How many those are.
    pub fn kill(&mut self, nodes: &[usize]) -> usize {
        let now = self.sim.now().mono;
        for &node in nodes {
            self.sim.kill(node);
        }
        let mut thrown_out = Vec::new();
        {
            let mut world = self.world.borrow_mut();
            for number in 0..world.users.len() {
                let back = world.wait(BACK_MS.0, BACK_MS.1);
                let user = &mut world.users[number];
                user.from.take_if(|from| nodes.contains(from));
                if user.at != At::Home && nodes.contains(&user.node) {
                    user.at = At::Door;
                    user.published = None;
                    thrown_out.push((now + back, Event::Login(number as u32, user.call, None)));
                }
            }
        }
        let count = thrown_out.len();
        for (at, event) in thrown_out {
            self.put_soon(at, event);
        }
        count
    }

    /// A node starts again, empty.
    pub fn restart(&mut self, node: usize) {
        self.draining[node] = false;
        let rooms = LightRooms::new(node, Rc::clone(&self.world));
        self.sim.restart(node, rooms);
    }

    /// A node takes nobody any more, and its users move to others within that time.
    pub fn drain(&mut self, node: usize, within: Duration) {
        self.draining[node] = true;
        self.sim.wish(node, Wish::Leave);
        let here: Vec<u32> = {
            let world = self.world.borrow();
            let is_here = |(_, user): &(u32, &crate::world::User)| user.at != At::Home && user.node == node;
            (0..).zip(&world.users).filter(is_here).map(|(number, _)| number).collect()
        };
        for user in here {
            let at = self.sim.now().mono + within.mul_f64(self.rng.random());
            self.put_soon(at, Event::Move(user));
        }
    }

    fn move_away(&mut self, user: u32) {
        let (call, busy) = {
            let mut world = self.world.borrow_mut();
            let known = &mut world.users[user as usize];
            if known.at == At::Home || !self.draining[known.node] {
                return;
            }
            let busy = known.at == At::Door || known.from.is_some();
            known.from = known.from.or((!busy).then_some(known.node));
            (known.call, busy)
        };
        if busy {
            let at = self.sim.now().mono + LATER;
            return self.put_soon(at, Event::Move(user));
        }
        self.login(user, call, None);
    }

    /// A node that has drained ends.
    pub fn stop(&mut self, node: usize) -> usize {
        let left = self.kill_quietly(node);
        self.sim.stop(node);
        left
    }

    /// Who is still there is thrown out.
    fn kill_quietly(&mut self, node: usize) -> usize {
        let now = self.sim.now().mono;
        let left: Vec<(u32, u32)> = {
            let mut world = self.world.borrow_mut();
            let users = (0..).zip(&mut world.users);
            users
                .filter_map(|(number, user)| {
                    user.from.take_if(|from| *from == node);
                    let is_here = user.at != At::Home && user.node == node;
                    is_here.then(|| {
                        user.at = At::Door;
                        user.published = None;
                        (number, user.call)
                    })
                })
                .collect()
        };
        for (user, call) in &left {
            self.put_soon(now + LATER, Event::Login(*user, *call, None));
        }
        left.len()
    }

    /// Rooms about which nodes do not agree, and how many were compared: the largest, and one of `of` others.
    pub fn disagreements(&self, of: u32) -> (usize, usize) {
        let world = self.world.borrow();
        let large = world.rooms.iter().take_while(|room| room.plan.kind >= Kind::Large).count() as u32;
        let is_compared = |room: u32| room < large || room % of == 0;
        self.sim
            .disagreements(|(_, name)| numbers(name.as_str()).is_some_and(|(room, _)| is_compared(room)))
    }
}

fn take_due(agenda: &mut Agenda, now: Duration) -> Option<Event> {
    let Reverse((at, _, event)) = *agenda.peek()?;
    (at <= now).then(|| {
        agenda.pop();
        event
    })
}

/// The regions of so many nodes: each has its share, and one at least where there are enough.
fn regions(nodes: usize) -> Vec<u8> {
    let mut bound = 0.0;
    let mut regions = Vec::new();
    for (number, (_, share)) in (0..).zip(REGIONS) {
        bound += share;
        let until = (nodes as f64 * bound).round() as usize;
        regions.resize(until.max(regions.len()), number);
    }
    regions.resize(nodes, 0);
    regions
}
