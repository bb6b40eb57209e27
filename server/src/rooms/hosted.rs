//! Users without a socket: what WHIP and WHEP ask of the rooms, and what they are told.
//!
//! ```text
//!   POST ─► resource (one media connection, named by an id that nobody can guess)
//!             │  all resources of one user in one room ─► one session, which lives as long as it has one
//!             ├─ PATCH  ─► candidates noted, or ICE begun anew
//!             └─ DELETE, stream over, media lost, user logged in elsewhere ─► ended
//! ```

use std::any::Any;
use std::fmt;
use std::net::IpAddr;

use express_messages::codes;
use express_messages::ids::{RoomId, StreamId};
use express_signalling::protocol::{IceServer, WireError};

use crate::forwarder::{Credentials, NegotiateError};

/// One question of the HTTP side; its answer comes back under the same ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostTicket(pub u64);

/// Something that the HTTP side wants back when a resource ends, or when it does not come to be: it is dropped then.
pub type Place = Box<dyn Any + Send>;

/// `POST`: a media connection for somebody who has a token and no socket.
pub struct HostRequest {
    /// The client sends the stream (WHIP); else it wants to hear it (WHEP).
    pub publish: bool,
    /// The stream.
    pub stream_id: StreamId,
    /// The AppID, where the client says it; else the one whose secret opens the token.
    pub app_id: Option<u32>,
    /// The room, where the client says it; must be the token's if that names one.
    pub room_id: Option<RoomId>,
    /// A token04.
    pub bearer: String,
    /// The client's address, as far as the server sees it.
    pub from: Option<IpAddr>,
    /// A player's: only while the stream is one of so many loudest of its room; 0: always, `None`: as the room has it.
    pub loudest: Option<u32>,
    /// The client's offer, or why it cannot be used, which only somebody with a good token is told.
    pub offer: Result<Offered, NegotiateError>,
}

impl fmt::Debug for HostRequest {
    /// Without the token: it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostRequest({} publish={})", self.stream_id, self.publish)
    }
}

/// An offer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The SDP.
    pub sdp: String,
    /// The client's side of its ICE session.
    pub credentials: Credentials,
}

/// `PATCH` or `DELETE` of a resource.
pub struct ResourceRequest {
    /// Its id, as [`Hosted::Created`] said it.
    pub resource: String,
    /// A token04: the one it was made with, or a good one of the same user.
    pub bearer: String,
    /// What to do.
    pub action: ResourceAction,
}

impl fmt::Debug for ResourceRequest {
    /// Without the token and the id: who has both may end the resource.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceRequest({:?})", self.action)
    }
}

/// What is done with a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceAction {
    /// End it.
    Delete,
    /// Add candidates to its ICE session, or begin that anew.
    Patch {
        /// The ICE session that is meant; `None`: the request did not say.
        if_match: Option<IfMatch>,
        /// The client's new credentials, if the fragment holds any, or what is wrong with it.
        fragment: Result<Option<Credentials>, String>,
    },
}

/// `If-Match`. RFC 9110 §13.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever there is.
    Any,
    /// One of these entity-tags, without their quotes.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Whether the entity-tag is meant.
    pub fn is_met_by(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag == etag),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosted {
    /// The resource is there.
    Created {
        /// Its id: 32 hexadecimal digits.
        resource: String,
        /// Names its ICE session.
        etag: String,
        /// The answer.
        sdp: String,
        /// STUN and TURN servers, with credentials for this user.
        ice_servers: Vec<IceServer>,
    },
    /// The candidates were read. The forwarder learns addresses from packets and does not need them.
    Noted,
    /// The ICE session was begun anew.
    Restarted {
        /// Names the new one.
        etag: String,
        /// Our side of it.
        local: Credentials,
    },
    /// The resource was ended.
    Ended,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct HostRefusal {
    /// The kind, which decides the HTTP status.
    pub fault: HostFault,
    /// Our code, a text for people, and when to ask again.
    pub error: WireError,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFault {
    /// The request cannot be read: 400.
    Malformed,
    /// No good token: 401.
    NotAuthenticated,
    /// The token, or a limit, does not permit it: 403.
    Forbidden,
    /// There is no such stream, or no such resource: 404.
    NotFound,
    /// Another user, or a later request, has the stream: 409.
    Taken,
    /// Another ICE session is meant: 412.
    NotCurrent,
    /// The offer is too long: 413.
    TooLarge,
    /// The offer can be read and not be used: 422.
    Unusable,
    /// The request does not say which ICE session it means: 428.
    NotConditional,
    /// Too many logins: 429.
    TooOften,
    /// There is no room now: 503.
    Busy,
}

impl HostRefusal {
    /// A refusal that will not change.
    pub(super) fn new(fault: HostFault, code: i32, message: impl Into<String>) -> Self {
        Self {
            fault,
            error: WireError::fatal(code, message),
        }
    }
}

impl From<WireError> for HostRefusal {
    /// What a socket is told under a code, HTTP says by a status, too.
    fn from(error: WireError) -> Self {
        let fault = match error.code {
            codes::TOKEN_ERROR | codes::TOKEN_EXPIRED | codes::APPID_INVALID => HostFault::NotAuthenticated,
            codes::PUBLISHER_DUPLICATE_STREAMID => HostFault::Taken,
            codes::PLAYER_STREAM_NOT_EXIST => HostFault::NotFound,
            codes::ROOM_RATE_LIMIT => HostFault::TooOften,
            codes::PUBLISHER_CREATE_OFFER | codes::PLAYER_CREATE_OFFER => HostFault::Unusable,
            _ if error.retry.is_some() => HostFault::Busy,
            _ => HostFault::Forbidden,
        };
        Self { fault, error }
    }
}
