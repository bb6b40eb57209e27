//! What the examples share, and tests and the demo use too: arguments and event lines of the neutral tools, listening to a
//! recording as a person would, reading and writing WAV files.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod hearing;
pub mod wav;
