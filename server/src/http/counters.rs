//! What HTTP counts before the rooms see it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Where requests are counted.
        #[derive(Debug, Default)]
        pub(super) struct HttpCounters {
            $(pub(super) $name: AtomicU64,)*
        }

        /// [`HttpCounters`] as they are shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub(super) struct HttpCounts {
            $($(#[doc = $doc])* pub(super) $name: u64,)*
        }

        impl HttpCounters {
            pub(super) fn read(&self) -> HttpCounts {
                HttpCounts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }

        impl HttpCounts {
            /// Every counter: its name, what it counts, its value.
            pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Sockets refused because of their Origin.
    foreign_origins,
    /// Sockets refused because there were too many, or too many of one address.
    refused_by_limit,
    /// Sockets closed for a frame that was too large, binary or no WebSocket frame at all.
    bad_frames,
    /// Requests of WHIP and WHEP refused before the rooms saw them: method, type, size, headers, address.
    bad_whip_requests,
    /// Sockets closed because they did not answer pings.
    dead_sockets,
    /// Calls of the server API.
    api_calls,
    /// Of these, refused or failed.
    api_refused,
    /// Requests for /metrics refused because of where they came from.
    metrics_refused,
}
