//! Whole connections in memory, in virtual time: a shard's core on one side, [`client::TestClient`] on the other.

pub(crate) mod client;
mod connecting;
mod connection;
mod consent;
mod families;
mod handle;
mod hostile;
mod loudest;
mod media;
mod online;
mod real;
mod shards;
mod speech;
mod tcp;
mod world;
