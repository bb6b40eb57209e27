//! Where media is taken, for who has not logged in.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Asks where media is taken, so that a client can try its network without a login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaPorts {}

/// Where media is taken, and by which credentials a STUN request over UDP is answered (RFC 8489).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaPortsOk {
    /// Where it is taken over UDP: the candidates of every shard.
    pub udp: Vec<SocketAddr>,
    /// The same over TCP; empty: nowhere.
    pub tcp: Vec<SocketAddr>,
    /// USERNAME of a Binding request that asks for nothing but an answer.
    pub username: String,
    /// The key of its MESSAGE-INTEGRITY. Everybody is told it: it opens nothing.
    pub password: String,
}
