//! EngineActor: owns every part and is the only one that sees them all.
//!
//! - `state/`: what to do, and when (no actix, no clock, no I/O);
//! - `supervise`, `throttle`: two policies, as tables;
//! - `engine_actor`, `commands`, `talk`, `requirements`: carry it out.

mod commands;
mod engine_actor;
mod inlet;
mod requirements;
pub(crate) mod state;
mod supervise;
mod talk;
mod throttle;
mod voice;

pub(crate) use engine_actor::{EngineActor, Parts, Work};
pub(crate) use requirements::{ExactLook, Findings};
