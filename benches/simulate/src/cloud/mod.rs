//! A cloud with its users: who calls, hangs up, is thrown out and comes back, on the nodes of [`CloudSim`].

mod agenda;
mod calls;
mod faults;

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use express_server::cluster::sim::{CloudSim, SimOptions};
use express_server::rooms::cloud::NodeName;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::agenda::Agenda;
use crate::population::{self, Kind, REGIONS};
use crate::rooms::LightRooms;
use crate::world::{At, Event, Seen, Shared, User, World, numbers};

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

/// How often a cloud says how far it is.
const SAYS: Duration = Duration::from_secs(10);

/// What is going on, and when that was said last.
#[derive(Debug)]
struct Progress {
    what: String,
    said: Instant,
    /// Steps until the clock is looked at.
    steps: u32,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            what: "all come".into(),
            said: Instant::now(),
            steps: 0,
        }
    }
}

impl Progress {
    fn is_due(&mut self) -> bool {
        self.steps = (self.steps + 1) % 256;
        let due = self.steps == 0 && self.said.elapsed() >= SAYS;
        if due {
            self.said = Instant::now();
        }
        due
    }
}

/// The cloud, its users, and what is to happen to them.
#[derive(Debug)]
pub struct Cloud {
    /// The nodes.
    pub sim: CloudSim<LightRooms>,
    plan: CloudPlan,
    progress: Progress,
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
            registry_turns: 64,
            logins_only_counted: true,
            leases_together: true,
            ..SimOptions::default()
        };
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let world = World::new(population::plan(&mut rng, plan.users));
        let mut cloud = Self {
            sim: CloudSim::new(plan.seed, options),
            plan,
            progress: Progress::default(),
            world: Rc::new(RefCell::new(world)),
            regions: regions(plan.nodes),
            draining: vec![false; plan.nodes],
            rng,
            life: Agenda::default(),
            soon: Agenda::default(),
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

    /// The cloud is as busy as it gets, and what the registry does in a second is limited from now on: a morning is compressed so much
    /// that it would have to do more than on any day.
    pub fn end_morning(&mut self) {
        self.sim.set_registry(self.plan.registry_a_second);
    }

    /// What is said to be going on, where that takes long.
    pub fn now_comes(&mut self, what: &str) {
        self.progress.what = what.into();
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
    pub fn world(&self) -> Ref<'_, World> {
        self.world.borrow()
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.world.borrow().seen
    }

    /// Users in calls who are not in their rooms now.
    pub fn missing(&self) -> usize {
        let world = self.world.borrow();
        let is_missing = |user: &&User| user.in_call && user.at != At::Room && user.from.is_none();
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
            if self.progress.is_due() {
                let (nodes, seconds) = (self.sim.len(), self.sim.now().mono.as_secs());
                eprintln!("  {nodes} nodes, {}: {seconds} s of their time", self.progress.what);
            }
        }
    }

    fn do_due(&mut self) {
        let now = self.sim.now().mono;
        while let Some(event) = self.soon.take_due(now) {
            self.happen(event);
        }
        let clock = self.life_clock(now);
        while let Some(event) = self.life.take_due(clock) {
            self.happen(event);
        }
    }

    fn put_soon(&mut self, at: Duration, event: Event) {
        self.last += 1;
        self.soon.put(at, self.last, event);
    }

    /// - `at`: on the clock of what users do of their own accord
    fn put_life(&mut self, at: Duration, event: Event) {
        self.last += 1;
        self.life.put(at, self.last, event);
    }

    fn in_a(&self, wait: Duration) -> Duration {
        self.life_clock(self.sim.now().mono) + wait
    }

    fn seconds(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(self.rng.random_range(least..=most))
    }

    /// Rooms about which nodes do not agree, and how many were compared: the largest, and one of `of` others.
    pub fn disagreements(&self, of: u32) -> (usize, usize) {
        let world = self.world.borrow();
        let large = world.rooms.iter().take_while(|room| room.plan.kind >= Kind::Large).count() as u32;
        let is_compared = |room: u32| room < large || room.is_multiple_of(of);
        self.sim
            .disagreements(|(_, name)| numbers(name.as_str()).is_some_and(|(room, _)| is_compared(room)))
    }
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
