//! A server in memory, for tests of RoomActor and of what is built on it. No socket, no thread: with tokio's clock paused
//! everything happens in virtual time.
//!
//! ```
//! use express_signalling::{protocol::Request, room::{Signalling, testing::memory}};
//!
//! # async fn sketch() -> Option<()> {
//! let (connector, mut server) = memory();
//! let rooms = Signalling::with_connector(connector).seeded(1);
//! // ... give `rooms` to the engine, or start a room with it ...
//! let mut end = server.next().await?.accept().await; // the client connects
//! let login = end.next().await?;                     // and sends its login
//! assert!(matches!(login.request, Request::Login(_)));
//! end.refuse(login.id, 1102016, "bad token").await;
//! # None }
//! ```

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::link::{Connector, Incoming, Link, LinkEnd, LinkError, Outgoing};
use crate::protocol::{ClientFrame, Event, SequencedEvent, ServerFrame, WireError};

/// A connector whose links end in the [`MemoryServer`] that was made with it.
#[derive(Debug)]
pub struct MemoryConnector {
    dials: UnboundedSender<Dial>,
}

/// Where the links of a [`MemoryConnector`] arrive.
#[derive(Debug)]
pub struct MemoryServer {
    dials: UnboundedReceiver<Dial>,
}

/// A client that tries to connect. Dropped, it is refused.
#[derive(Debug)]
pub struct Dial {
    /// Where it wants to go.
    pub url: String,
    end: LinkEnd,
}

/// The server's side of an open socket. Dropped, the socket breaks.
#[derive(Debug)]
pub struct ServerEnd {
    end: LinkEnd,
    deaf: bool,
}

/// A connector and the server that it leads to.
pub fn memory() -> (Arc<MemoryConnector>, MemoryServer) {
    let (sender, receiver) = unbounded_channel();
    (Arc::new(MemoryConnector { dials: sender }), MemoryServer { dials: receiver })
}

impl Connector for MemoryConnector {
    fn connect(&self, url: &str) -> Link {
        let (link, end) = Link::pair();
        // A server that is gone drops the dial, and the client sees a link that ended.
        let _server_gone = self.dials.send(Dial { url: url.into(), end });
        link
    }
}

impl MemoryServer {
    /// The next client that connects; `None` when the connector is gone.
    pub async fn next(&mut self) -> Option<Dial> {
        self.dials.recv().await
    }

    /// A client that tries to connect right now.
    pub fn try_next(&mut self) -> Option<Dial> {
        self.dials.try_recv().ok()
    }
}

impl Dial {
    /// Opens the socket.
    pub async fn accept(self) -> ServerEnd {
        let end = ServerEnd {
            end: self.end,
            deaf: false,
        };
        end.bring(Incoming::Opened).await;
        end
    }

    /// Refuses the socket.
    pub async fn refuse(self, why: LinkError) {
        let _hung_up = self.end.incoming.send(Incoming::Closed(why)).await;
    }

    /// Whether the client gave this attempt up.
    pub fn is_given_up(&self) -> bool {
        self.end.incoming.is_closed()
    }
}

impl ServerEnd {
    /// Pings are answered from now on (the default), or not.
    pub fn answer_pings(&mut self, answer: bool) {
        self.deaf = !answer;
    }

    /// The next request of the client; `None` when it hung up. Pings are answered on the way.
    ///
    /// # Panics
    /// When the client sends what no server could read.
    pub async fn next(&mut self) -> Option<ClientFrame> {
        loop {
            match self.end.outgoing.recv().await? {
                Outgoing::Text(text) => return Some(ClientFrame::parse(&text).expect("a client writes what a server reads")),
                Outgoing::Ping if self.deaf => {}
                Outgoing::Ping => self.bring(Incoming::Alive).await,
            }
        }
    }

    /// Answers request `id` with its result.
    pub async fn reply(&self, id: u64, ok: &impl Serialize) {
        self.frame(&ServerFrame::ok(id, ok)).await;
    }

    /// Refuses request `id` for good.
    pub async fn refuse(&self, id: u64, code: i32, message: &str) {
        self.frame(&ServerFrame::error(id, WireError::fatal(code, message))).await;
    }

    /// Sends an event.
    pub async fn event(&self, seq: u64, event: Event) {
        self.frame(&ServerFrame::Event(SequencedEvent { seq, event })).await;
    }

    /// Sends a frame.
    pub async fn frame(&self, frame: &ServerFrame) {
        self.text(frame.to_text()).await;
    }

    /// Sends any text, also what is no frame.
    pub async fn text(&self, text: impl Into<String>) {
        self.bring(Incoming::Text(text.into())).await;
    }

    /// Closes the socket with a code of [`close`](crate::protocol::close).
    pub async fn close(self, code: u16) {
        let reason = String::new();
        self.bring(Incoming::Closed(LinkError::Closed { code, reason })).await;
    }

    /// Whether the client hung up.
    pub fn is_hung_up(&self) -> bool {
        self.end.incoming.is_closed()
    }

    /// A client that hung up hears nothing any more.
    async fn bring(&self, what: Incoming) {
        let _hung_up = self.end.incoming.send(what).await;
    }
}
