//! Tests in real time: real processes, real sockets, real sound daemon. They run alone and last (`make test`).
//!
//! Figures of time are printed, not asserted: what is asserted is that things end, with ten times the slack they need.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// One module around all, so that `--skip realtime::` leaves them out of a run of everything else.
#[path = "."]
mod realtime {
    mod bus;
    mod cases;
    mod cluster;
    mod cluster_calls;
    mod cluster_costs;
    mod cluster_large;
    mod cluster_partition;
    mod crash;
    mod faults;
    mod forwarding;
    mod four_engines;
    mod hostile;
    mod light;
    mod protection;
    mod pulse;
    mod reach;
    mod soak;
    mod speech;
    mod terminal;
}
