//! The audio pump: every 10 ms it moves sound from sources and microphones to sinks, taps and speakers.
//!
//! [`PumpCore`] is the pump without a thread: pure, stepped by [`PumpCore::tick`]. [`PumpPort`] is how the control side
//! reaches it: commands go in by one ring and are applied at the top of a tick; whatever the pump is done with comes back
//! by another and is dropped on the control side, so that nothing is freed on the pump's thread.
//!
//! # Real time
//! In steady state a tick does not allocate, lock, block or make a system call; what foreign sources and sinks do is up
//! to their own contracts. `tests/allocations.rs` holds it.

mod capture;
mod clock;
mod core;
mod effort;
mod local;
mod media;
mod mic;
mod outputs;
mod playout;
mod port;
mod speaker;
mod target;
mod thread;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::{
    capture::Capture,
    core::PumpCore,
    local::{LocalStream, SinkEntry},
    media::Medium,
    mic::{MicInput, Voice},
    playout::Playout,
    port::{Audible, PlayedSource, PumpCommand, PumpCounters, PumpPort, Returned, SinkPlace, Slot},
    speaker::SpeakerOut,
};
pub(crate) use self::{clock::PERIOD, thread::PumpThread};

/// Names one open microphone on the pump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MicId(pub u64);

/// Names one open speaker on the pump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutputId(pub u64);

/// Names one played stream on the pump. A stream that was forgotten and comes again has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayoutId(pub u64);

/// Runs foreign code; a panic is counted in `panics` and ends there. Says whether it panicked.
fn guarded(panics: &mut u64, foreign: impl FnOnce()) -> bool {
    // What may be left torn is never used again: its owner is marked dead.
    let panicked = catch_unwind(AssertUnwindSafe(foreign)).is_err();
    *panics += u64::from(panicked);
    panicked
}
