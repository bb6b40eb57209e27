//! Whole connections in memory, in virtual time: a shard's core on one side, [`client::TestClient`] on the other.

pub(crate) mod client;
mod connecting;
mod connection;
mod consent;
mod families;
mod feedback;
mod handle;
mod hostile;
mod loudest;
mod media;
mod nack;
mod nodes;
mod one_number;
mod online;
mod probe;
mod protection;
mod real;
mod relay;
mod relay_attacks;
mod relay_real;
mod repair;
mod shards;
mod speech;
mod tcp;
pub(crate) mod wire;
mod world;
