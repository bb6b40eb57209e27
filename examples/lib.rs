//! What the examples share, and tests and the demo use too: listening to a recording as a person would, and reading and
//! writing WAV files.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod hearing;
pub mod wav;
