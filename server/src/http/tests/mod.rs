//! Whole servers in this process, real sockets on free ports.

mod api;
mod callbacks;
mod caller;
pub(super) mod client;
mod health;
mod metrics;
mod signal;
mod tls;
mod tokens;
mod whip;
