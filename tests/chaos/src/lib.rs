//! Clients, a server or some nodes, and a bad network in virtual time, drawn from a seed and held to docs/guarantees.md.
//!
//! ```text
//!   Client 0..n: EngineState ─ RoomState, Publication, Playback      Server: RoomsState ─ its sockets, its media plane
//!        │                                                             │
//!        └──────── Line: delay, cuts, resets, half-open sockets ───────┘
//! ```
//!
//! The decisions are those that ship (feature `chaos` of each crate opens the door to its pure state); what stands here is what
//! actors, sockets and threads do around them. One thread runs one seed, from one clock and one dice, so a seed is a run.

mod agenda;
mod bugs;
mod business;
mod calls;
mod client;
mod cloud;
mod cloud_faults;
mod commands;
mod dice;
mod faults;
mod invariants;
mod ledger;
mod line;
mod machine;
mod media;
mod moves;
mod parts;
mod relays;
mod script;
mod server;
mod trace;
mod view;
mod world;

pub use bugs::Bug;
pub use world::{Broken, Tables};

use std::collections::BTreeMap;
use std::time::Duration;

use script::{CALM, EMPTY};
use world::World;

/// What became of a seed.
#[derive(Debug)]
pub struct Outcome {
    /// The first invariant that did not hold.
    pub broken: Option<Broken>,
    /// What happened last, the newest line at the end; as many lines as were asked for.
    pub trace: Vec<String>,
    /// How often what was told to applications: a run in which nothing happens shows nothing.
    pub told: BTreeMap<&'static str, u64>,
}

/// Plays one seed: ten minutes of faults and calls, a calm in which everything must come to rest, and everybody's leaving. The
/// trace keeps `keep` lines; 0 is fastest. With a `bug` a part behaves as if it had that.
///
/// - `nodes`: how many servers there are, which share their rooms; 1: one that is alone
pub fn run(seed: u64, nodes: usize, keep: usize, bug: Option<Bug>) -> Outcome {
    let mut world = World::new(seed, keep, nodes);
    world.bug = bug;
    world.plant();
    play(world).0
}

/// Plays `hours` of faults and calls with one server that does not crash, and says how big its tables were.
pub fn run_long(seed: u64, hours: u32) -> (Outcome, Vec<Tables>) {
    let mut world = World::new(seed, 0, 1);
    world.storm = Duration::from_secs(3600) * hours;
    world.steady = true;
    play(world)
}

fn play(mut world: World) -> (Outcome, Vec<Tables>) {
    world.begin_run();
    world.run(world.storm + CALM + EMPTY);
    if world.broken.is_none() {
        world.check_empty();
    }
    let outcome = Outcome {
        broken: world.broken,
        trace: world.trace.into_lines(),
        told: world.told,
    };
    (outcome, world.hours)
}
