//! Placeholder.

pub mod forwarder;
