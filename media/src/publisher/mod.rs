//! PublisherActor: one published stream, from the local stream to the server.
//!
//! [`state`] decides, [`actor`] carries out. Each try to connect is one transport; the sending pipeline outlives them all.

mod actor;
mod extra_info;
mod feedback;
#[cfg(feature = "chaos")]
pub(crate) mod pure;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use actor::start;
