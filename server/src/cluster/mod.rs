//! Rooms over many nodes: the bus between them, one node's decisions about the cloud, and the actor that carries these out.
//!
//! ```text
//!   rooms ── Wish ──► ClusterActor ── ClusterState decides ──► bus ── NATS ──► other nodes, registry
//!         ◄── News ──               (pure, virtual time)      (or in process)
//! ```
//!
//! Media never comes here: nodes send it to each other by the forwarder's relays. docs/cluster.md has the rules.

mod actor;
pub mod bus;
mod lease;
#[cfg(any(test, feature = "chaos"))]
pub mod sim;
mod state;
