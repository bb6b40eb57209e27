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
mod counters;
mod lease;
mod orders;
#[cfg(any(test, feature = "chaos"))]
pub mod sim;
mod state;

use std::sync::{Arc, OnceLock};

use actix::{Actor, Addr, Recipient};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::actor::{ClusterActor, ClusterActorOptions, ClusterLink, GetClusterCounters, StopCluster};
use self::bus::{Bus, BusError, BusStatus};
pub use self::counters::ClusterCounters;
use crate::config::ClusterConfig;
use crate::rooms::CloudNews;
use crate::rooms::cloud::{Cloud, NodeName, Wish};

/// The name of this node, where it is one of several: as configured, or made up for this start.
pub(crate) fn node_name(config: &ClusterConfig) -> Option<NodeName> {
    // A configuration that was read has a good name or none.
    let configured = config.node_name().ok().flatten();
    let name = || configured.unwrap_or_else(|| NodeName::random(&mut StdRng::from_rng(&mut rand::rng())));
    (!config.nats.is_empty()).then(name)
}

/// This node's part of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    actor: Addr<ClusterActor>,
    bus: Arc<dyn Bus>,
}

impl Cluster {
    /// Joins it, without waiting for the broker.
    ///
    /// # Errors
    /// [`BusError`]: a file that `[cluster]` names cannot be used.
    pub(crate) async fn start(name: NodeName, config: &ClusterConfig, rooms: Recipient<CloudNews>) -> Result<Self, BusError> {
        let bus = bus::connect(name, config).await?;
        let options = ClusterActorOptions {
            bus: Arc::clone(&bus),
            url: config.url.clone(),
            region: config.region.clone(),
            capacity: config.capacity,
            rooms,
        };
        let actor = ClusterActor::new(options).start();
        Ok(Self { actor, bus })
    }

    /// Whether the broker can be reached.
    pub(crate) fn is_reachable(&self) -> bool {
        *self.bus.status().borrow() == BusStatus::Connected
    }

    /// What was counted; `None`: it has stopped.
    pub(crate) async fn counters(&self) -> Option<ClusterCounters> {
        let counters = self.actor.send(GetClusterCounters).await.ok()?;
        Some(counters.with_bus(self.bus.counters()))
    }

    /// Tells the others that this node stops.
    pub(crate) async fn stop(&self) {
        let _ = self.actor.send(StopCluster).await;
    }
}

/// The way from the rooms to a cluster that is started after them.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateCluster(Arc<OnceLock<Cluster>>);

impl LateCluster {
    /// From now on wishes arrive.
    pub(crate) fn set(&self, cluster: Cluster) {
        let _ = self.0.set(cluster);
    }

    /// The cluster, once it is started.
    pub(crate) fn get(&self) -> Option<&Cluster> {
        self.0.get()
    }
}

impl Cloud for LateCluster {
    fn wish(&mut self, wish: Wish) {
        if let Some(cluster) = self.0.get() {
            ClusterLink(cluster.actor.clone()).wish(wish);
        }
    }
}
