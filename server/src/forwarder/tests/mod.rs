//! Whole connections in memory, in virtual time: a shard's core on one side, [`client::TestClient`] on the other.

pub(crate) mod client;
mod connection;
mod feedback;
mod handle;
mod hostile;
mod media;
mod nack;
mod world;
