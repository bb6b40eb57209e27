//! A stream on its way to another node.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where a node takes a stream of another one, and how it is protected on the way.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayTerms {
    /// Where the packets are to go.
    pub address: SocketAddr,
    /// What they are sent as.
    pub ssrc: u32,
    /// What the receiver's RTCP is sent as.
    pub feedback_ssrc: u32,
    /// SRTP keys and salts of both directions.
    pub keys: [[u8; 28]; 2],
}

impl fmt::Debug for RelayTerms {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayTerms")
            .field("address", &self.address)
            .field("ssrc", &self.ssrc)
            .finish_non_exhaustive()
    }
}
