//! The port between RoomActor and whatever carries its frames: a [`Connector`] makes a [`Link`] for each attempt.
//!
//! A link is two bounded queues. What holds the other ends (a task with a WebSocket, or a fake server in a test) reports
//! [`Incoming::Opened`] once, then frames, and [`Incoming::Closed`] last. Dropping the [`Link`] hangs up: frames that wait
//! in the outgoing queue are still written as far as the socket takes them within [`LINGER`].

use std::time::Duration;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;

use crate::protocol::PATH;

/// Frames that may wait for the socket. A client has a few requests in flight; a full queue is a stuck socket.
pub const OUTGOING_QUEUE: usize = 256;

/// Frames that may wait for the actor. When it is full the socket is not read, and TCP slows the server down.
pub const INCOMING_QUEUE: usize = 8;

/// How long a link that was hung up may go on writing what waits in its queue.
pub const LINGER: Duration = Duration::from_secs(1);

/// What a link brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The socket is open; always first.
    Opened,
    /// A text frame.
    Text(String),
    /// A sign of life without content: a WebSocket ping or pong.
    Alive,
    /// The socket could not be opened, or is closed; always last.
    Closed(LinkError),
}

/// What a link takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(String),
    /// A WebSocket ping; the other side answers it with a pong.
    Ping,
}

/// One connection to a server, from the moment it begins to open.
#[derive(Debug)]
pub struct Link {
    /// Towards the server.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// From the server.
    pub incoming: mpsc::Receiver<Incoming>,
}

/// The far side of a [`Link`]: what a connector keeps.
#[derive(Debug)]
pub struct LinkEnd {
    /// What the actor sends.
    pub outgoing: mpsc::Receiver<Outgoing>,
    /// What the actor is to get.
    pub incoming: mpsc::Sender<Incoming>,
}

impl Link {
    /// A link and its far side, with queues of [`OUTGOING_QUEUE`] and [`INCOMING_QUEUE`].
    pub fn pair() -> (Self, LinkEnd) {
        let (out_sender, out_receiver) = mpsc::channel(OUTGOING_QUEUE);
        let (in_sender, in_receiver) = mpsc::channel(INCOMING_QUEUE);
        let link = Self {
            outgoing: out_sender,
            incoming: in_receiver,
        };
        let end = LinkEnd {
            outgoing: out_receiver,
            incoming: in_sender,
        };
        (link, end)
    }
}

/// Makes links. RoomActor has no other way to the network; give it another connector and it talks to something else.
pub trait Connector: Send + Sync {
    /// Begins to connect to `url` (checked by [`signal_url`]) and returns at once; success and failure come through the
    /// link. Called on the engine's control thread, so it must not block.
    fn connect(&self, url: &str) -> Link;

    /// Brings an item whenever this machine gets a network that it had not when it was asked for: a server may be reached by
    /// it. A connector that knows of no networks brings none. Polled on the engine's control thread.
    fn networks(&self) -> BoxStream<'static, ()> {
        stream::pending().boxed()
    }
}

/// Why a link ended or did not come about. All but [`LinkError::Url`] are transport faults, after which to try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The address is unusable; trying again is of no use.
    #[error("{url:?} is no address of a server ({why}); give ws://HOST:PORT or wss://HOST:PORT")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No TCP connection.
    #[error("cannot connect to {server}: {why}")]
    Connect {
        /// Host and port.
        server: String,
        /// The system's text.
        why: String,
    },
    /// TCP is there, but TLS or the WebSocket upgrade failed.
    #[error("the WebSocket handshake with {server} failed: {why}")]
    Handshake {
        /// Host and port.
        server: String,
        /// What failed.
        why: String,
    },
    /// The server answered the upgrade with an HTTP status instead.
    #[error("{server} answered the WebSocket handshake with HTTP status {status}")]
    Http {
        /// Host and port.
        server: String,
        /// The status.
        status: u16,
    },
    /// The server closed the socket (see [`protocol::close`](crate::protocol::close)).
    #[error("the server closed the socket with code {code}: {reason}")]
    Closed {
        /// The close code; 1005 when the server gave none.
        code: u16,
        /// The server's text, often empty.
        reason: String,
    },
    /// The socket broke.
    #[error("the socket broke: {0}")]
    Broken(String),
    /// This machine has the address no more that the socket was opened from: nothing comes back to it.
    #[error("the local address {0} is gone")]
    AddressGone(std::net::IpAddr),
    /// The server sent something that is no text frame, or one that is too large.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// The outgoing queue is full: the socket takes nothing any more.
    #[error("the socket takes no more: {OUTGOING_QUEUE} frames wait already")]
    Stuck,
    /// Whatever carried the link ended without a word.
    #[error("the connection task ended")]
    Gone,
}

/// The WebSocket URL below a server's address: `ws://host:8080` becomes `ws://host:8080/v1/signal`.
///
/// A path in the address is kept as a prefix, so a server may live below one; query and fragment are refused.
///
/// # Errors
/// [`LinkError::Url`] for what is no `ws` or `wss` address.
pub fn signal_url(server: &str) -> Result<String, LinkError> {
    let refuse = |why: &str| LinkError::Url {
        url: server.into(),
        why: why.into(),
    };
    let mut url = url::Url::parse(server).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(refuse("its scheme is neither ws nor wss"));
    }
    if url.host().is_none() {
        return Err(refuse("it names no host"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or a fragment"));
    }
    let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_protocol_is_put_below_the_servers_address() {
        for (server, url) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/signal"),
            ("ws://127.0.0.1:8080/", "ws://127.0.0.1:8080/v1/signal"),
            ("wss://voice.example", "wss://voice.example/v1/signal"),
            ("wss://example.com/voice/", "wss://example.com/voice/v1/signal"),
            ("ws://[::1]:9", "ws://[::1]:9/v1/signal"),
        ] {
            assert_eq!(signal_url(server).unwrap(), url);
        }
    }

    #[test]
    fn an_address_that_is_no_websocket_is_refused_with_its_reason() {
        for server in ["", "127.0.0.1:8080", "http://host", "ws://", "ws://host/?a=1", "ws://host/#x"] {
            let error = signal_url(server).unwrap_err();
            assert!(matches!(&error, LinkError::Url { url, .. } if url == server), "{error}");
        }
    }
}
