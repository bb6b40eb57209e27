//! The voice chain in simulated rooms: rooms, what a microphone hears in them, and the chain run over it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod room;
mod run;
mod scene;

pub use room::{ROOMS, Room};
pub use run::{Processed, Quantiles, cpu_time, process};
pub use scene::{Fault, Talk, clip, echo_of, echo_reduction_db, rms};

/// Sample rate of everything here, in Hz.
pub const RATE: usize = 48_000;
