//! PlayerActor: one played stream, from the server to the audio pump.
//!
//! [`state`] and [`live`] decide, [`actor`] carries out. Each try to connect is one transport; the receiving pipeline
//! outlives them all.

mod actor;
mod live;
#[cfg(feature = "chaos")]
pub(crate) mod pure;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use actor::start;
