//! What [`RoomsActor`](super::RoomsActor) is told and asked, and what it sends to sockets.

use std::fmt;
use std::net::IpAddr;

use actix::Message;
use express_signalling::protocol::{IceServer, Request};
use tokio::sync::{mpsc, oneshot};

use super::admin::{AdminCall, AdminFault};
use super::cloud::News;
use super::{
    BadFrame, CloseReason, ConnectionId, HostRefusal, HostRequest, Hosted, Place, ResourceRequest, RoomsCounters, SocketEnd,
};
use crate::forwarder::ForwarderEvent;

/// What a socket is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(String),
    /// A close frame; nothing comes behind it.
    Close(CloseReason),
}

/// The way to a socket.
#[derive(Debug)]
pub struct ConnectionLink {
    /// Bounded: who reads too slowly is closed.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// Closes the socket at once, past what waits in `outgoing`.
    pub kill: oneshot::Sender<CloseReason>,
    /// The client's address, as far as the server sees it.
    pub from: Option<IpAddr>,
}

/// From a socket: it was opened. The answer is its name.
#[derive(Debug, Message)]
#[rtype(result = "ConnectionId")]
pub struct Connect(pub ConnectionLink);

/// From a socket: a frame came. Answered when it was dealt with: wait for that before the next one is read.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Incoming {
    /// Which socket.
    pub connection: ConnectionId,
    /// The request and its id, or what is wrong with the frame.
    pub frame: Result<(u64, Request), BadFrame>,
}

/// From a socket: it is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Disconnected {
    /// Which socket.
    pub connection: ConnectionId,
    /// How.
    pub end: SocketEnd,
}

/// From HTTP: somebody without a socket wants to publish or play.
#[derive(Message)]
#[rtype(result = "Result<Hosted, HostRefusal>")]
pub struct Host {
    /// What is wanted.
    pub request: HostRequest,
    /// Kept as long as the resource that comes of it.
    pub place: Place,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

/// From HTTP: which STUN and TURN servers the bearer of a token is told of.
#[derive(Message)]
#[rtype(result = "Result<Vec<IceServer>, HostRefusal>")]
pub struct GetIceServers {
    /// The AppID, where the request says it; else the one whose secret opens the token.
    pub app_id: Option<u32>,
    /// A token04.
    pub bearer: String,
}

impl fmt::Debug for GetIceServers {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GetIceServers")
    }
}

/// From HTTP: somebody wants something of a resource.
#[derive(Debug, Message)]
#[rtype(result = "Result<Hosted, HostRefusal>")]
pub struct OnResource(pub ResourceRequest);

/// From HTTP: a business server, whose signature was checked, asks for something.
#[derive(Debug)]
pub struct Admin<C> {
    /// The AppID that it speaks for.
    pub app_id: u32,
    /// What is asked.
    pub call: C,
}

impl<C: AdminCall> Message for Admin<C> {
    type Result = Result<C::Ok, AdminFault>;
}

/// From the media plane.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct MediaNews(pub ForwarderEvent);

/// What was counted.
#[derive(Debug, Message)]
#[rtype(result = "RoomsCounters")]
pub struct GetCounters;

/// Refuse new logins, tell every client to move to another node, or to come back later.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// Behind [`Drain`]: close every socket.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct DrainNow;

/// From the cloud.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CloudNews(pub News);
