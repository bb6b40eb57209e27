//! What the cluster counts, so that nothing is refused or lost in silence.

use serde::Serialize;

use super::bus::BusCounters;

macro_rules! counters {
    (now { $($(#[doc = $now_doc:literal])* $now:ident,)* } since { $($(#[doc = $doc:literal])* $name:ident,)* }) => {
        /// What is there now, and totals since the start.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct ClusterCounters {
            $($(#[doc = $now_doc])* pub $now: u64,)*
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl ClusterCounters {
            /// What is there now: its name, what it counts, its value.
            pub fn present(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($now), concat!($($now_doc),*).trim_ascii(), self.$now)),*].into_iter()
            }

            /// Every total: its name, what it counts, its value.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    now {
    /// Whether the broker can be reached: 1 or 0. A node that is alone has none.
    connected,
    /// Nodes that are there, this one among them; 0 where it is alone.
    nodes,
    /// Rooms that are open here.
    rooms,
    /// Of these, how many are open on other nodes, too.
    rooms_shared,
    /// Names of streams that users of this node own.
    claims,
    /// What is asked of the registry and waits for it.
    jobs_waiting,
    }
    since {
    /// Messages to other nodes.
    letters_sent,
    /// Messages of other nodes.
    letters_received,
    /// Of these, what was none.
    letters_refused,
    /// Facts about members and streams, to one node each.
    facts_sent,
    /// Facts of other nodes.
    facts_received,
    /// How often something was missing and was asked for.
    gaps,
    /// Whole sections sent, in parts.
    wholes_sent,
    /// Compare-and-sets that another node had been faster with.
    conflicts,
    /// What the registry did not do.
    unavailable,
    /// Stream names that somebody else had.
    claims_refused,
    /// Streams of this node that turned out to be another's.
    claims_lost,
    /// Nodes that were gone.
    nodes_lost,
    /// Logins sent to a better node.
    redirects,
    /// Facts that were passed over, so that texts among them were lost.
    sayings_lost,
    /// Messages of other nodes that found no room here.
    inbox_dropped,
    /// News of the broker about nodes that found no room here.
    watch_dropped,
    /// What came over the broker and was larger than allowed, or nothing that a node sends.
    bus_refused,
    /// Connections to the broker that were made.
    connects,
    /// Letters that found no room on their way out.
    post_dropped,
    }
}

impl ClusterCounters {
    /// The same with what the bus has counted.
    pub(super) fn with_bus(self, bus: BusCounters) -> Self {
        Self {
            inbox_dropped: bus.inbox_dropped,
            watch_dropped: bus.watch_dropped,
            bus_refused: bus.refused,
            connects: bus.connects,
            ..self
        }
    }
}
