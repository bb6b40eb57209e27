//! The bus of nodes in one process: that of a node alone, and that of tests and simulations, with faults.
//!
//! It behaves as [`nats`](super::nats) does, in tokio's time, without a task or randomness of its own: a run in virtual time is the same
//! each time. Tests own an [`InProcessCloud`], take a bus for each node from it and break it:
//!
//! ```
//! # use express_server::cluster::bus::{Bus, BusStatus, Leases, NodeName, in_process::InProcessCloud};
//! let cloud = InProcessCloud::new(Leases::default());
//! let name = NodeName::new("a")?;
//! let bus = cloud.node(name.clone());
//! cloud.cut(&name);
//! assert_eq!(*bus.status().borrow(), BusStatus::Disconnected);
//! cloud.heal(&name);
//! assert_eq!(*bus.status().borrow(), BusStatus::Connected);
//! # Ok::<(), express_server::cluster::bus::BadNodeName>(())
//! ```

mod cloud;
mod node;
mod store;

pub use self::cloud::InProcessCloud;
pub use self::node::InProcessBus;
