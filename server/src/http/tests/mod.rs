//! Whole servers in this process, real sockets on free ports.

mod client;
mod health;
mod signal;
mod tls;
mod tokens;
mod whip;
