//! Where a client is reached: what tells one of its paths from another.

use std::net::SocketAddr;

/// One TCP connection, as the front that holds it calls it. Never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TcpLink(pub(crate) u64);

/// How datagrams travel between a client and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Via {
    /// The shard's UDP socket.
    Udp,
    /// A TCP connection with RFC 4571 framing (ICE-TCP, RFC 6544).
    Tcp(TcpLink),
}

/// The client's side of a path, and what it runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    /// The client's address as we see it.
    pub(crate) address: SocketAddr,
    pub(crate) via: Via,
}

impl Tuple {
    /// Whether it runs over the shard's UDP socket.
    pub(crate) fn is_udp(self) -> bool {
        self.via == Via::Udp
    }

    /// The TCP connection that it runs over.
    pub(crate) fn link(self) -> Option<TcpLink> {
        match self.via {
            Via::Udp => None,
            Via::Tcp(link) => Some(link),
        }
    }
}

impl From<SocketAddr> for Tuple {
    /// Over UDP.
    fn from(address: SocketAddr) -> Self {
        Self { address, via: Via::Udp }
    }
}
