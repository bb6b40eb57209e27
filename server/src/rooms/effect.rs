//! What [`RoomsState`](super::RoomsState) wants done.

use std::net::SocketAddr;
use std::sync::Arc;

use express_signalling::protocol::{Event, Notice, SequencedEvent, ServerFrame};

use super::business::BusinessEvent;
use super::cloud;
use super::hosted::{HostRefusal, HostTicket, Hosted};
use crate::forwarder::{ClientCertificates, Credentials, GroupKey, PeerId, RelayTerms, StreamKey, Wish};

/// One socket of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One question to the media plane; its answer comes back under the same ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something to do, in the order in which it stands in the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answer a request.
    Reply {
        /// Where.
        connection: ConnectionId,
        /// With what.
        frame: ServerFrame,
    },
    /// Tell a client what happened.
    Event {
        /// Where.
        connection: ConnectionId,
        /// Its number in the client's session.
        seq: u64,
        /// What.
        event: SharedEvent,
    },
    /// Tell a client what is worth nothing later: the first thing to leave out where a reader is slow.
    Notice {
        /// Where.
        connection: ConnectionId,
        /// What.
        notice: SharedNotice,
    },
    /// Close a socket behind everything that was sent to it.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Ask the media plane, and hand the answer to [`RoomsState::on_negotiated`](super::RoomsState::on_negotiated).
    Negotiate(Negotiation),
    /// End a media connection.
    RemovePeer(PeerId),
    /// Begin ICE of a media connection anew, and hand what comes of it to
    /// [`RoomsState::on_restarted`](super::RoomsState::on_restarted).
    RestartIce {
        /// To answer under.
        ticket: HostTicket,
        /// Which.
        peer: PeerId,
        /// The client's new credentials.
        remote: Credentials,
    },
    /// Answer a request over HTTP.
    Hosted {
        /// Which.
        ticket: HostTicket,
        /// With what.
        outcome: Result<Hosted, HostRefusal>,
    },
    /// A resource, which [`Hosted::Created`] named, is over.
    ResourceEnded(String),
    /// Tell a business server.
    Business(BusinessEvent),
    /// Stop or resume what a player is sent.
    PausePlayer {
        /// Which.
        peer: PeerId,
        /// `true`: send nothing.
        paused: bool,
    },
    /// Ask the cloud for something, or tell it.
    Wish(cloud::Wish),
    /// A call of a business server that waited under this ticket goes on: with the number of what was said, where that is what it
    /// waited for.
    CallGoesOn(Ticket, Result<u64, ()>),
    /// Make ready for a stream of another node, and hand the answer to
    /// [`RoomsState::on_relay_taken`](super::RoomsState::on_relay_taken).
    TakeRelay {
        /// The stream.
        stream: StreamKey,
        /// Its room, whose streams are ranked together by loudness.
        group: GroupKey,
    },
    /// A relay's packets will come from here.
    SetRelaySource {
        /// The relay.
        peer: PeerId,
        /// The other node's address.
        from: SocketAddr,
    },
    /// Send a stream to another node, and hand the answer to [`RoomsState::on_relay_sent`](super::RoomsState::on_relay_sent).
    SendRelay(WantedRelay),
}

/// A stream of this node that another one wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRelay {
    /// To answer under.
    pub question: cloud::Question,
    /// Who wants it.
    pub node: cloud::NodeName,
    /// The stream.
    pub stream: StreamKey,
    /// Its room, whose streams are ranked together by loudness.
    pub group: GroupKey,
    /// Where it is to be sent, and how.
    pub terms: RelayTerms,
    /// Only while it is one of so many loudest; 0: always.
    pub loudest: u32,
}

/// A question to the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation {
    /// To answer under.
    pub ticket: Ticket,
    /// The stream.
    pub stream: StreamKey,
    /// Its room, whose streams are ranked together by loudness.
    pub group: GroupKey,
    /// Whether the client will send it, or wants to hear it.
    pub wish: Wish,
    /// The client's SDP.
    pub offer: String,
    /// Which certificates the client may have.
    pub certificates: ClientCertificates,
}

/// Why a socket is closed: WebSocket close codes of RFC 6455 §7.4.1 and the IANA registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason {
    /// The close code.
    pub code: u16,
    /// For people, at most 123 bytes.
    pub text: &'static str,
}

impl CloseReason {
    /// 1000: all is done.
    pub const fn normal(text: &'static str) -> Self {
        Self { code: 1000, text }
    }

    /// 1008: the client broke a rule.
    pub const fn policy(text: &'static str) -> Self {
        Self { code: 1008, text }
    }

    /// 1002: no WebSocket frame.
    pub const fn protocol() -> Self {
        Self {
            code: 1002,
            text: "no frame of a WebSocket",
        }
    }

    /// 1003: a binary frame.
    pub const fn unsupported() -> Self {
        Self {
            code: 1003,
            text: "this protocol has text frames only",
        }
    }

    /// 1009: a frame over [`MAX_CLIENT_FRAME`](express_signalling::protocol::MAX_CLIENT_FRAME).
    pub const fn too_large() -> Self {
        Self {
            code: 1009,
            text: "a frame may have 65536 bytes",
        }
    }

    /// 1007: a frame that is no request, with the documented code of such frames.
    pub const fn unreadable() -> Self {
        Self {
            code: 1007,
            text: "1102011: the frame is no message of this protocol",
        }
    }

    /// 1012: the server restarts; come back a little later.
    pub const fn restart() -> Self {
        Self {
            code: 1012,
            text: "the server restarts",
        }
    }

    /// 1013: the server cannot serve this socket now; come back a little later.
    pub const fn try_again_later(text: &'static str) -> Self {
        Self { code: 1013, text }
    }
}

/// An event for many clients: made and written once, numbered for each.
#[derive(Debug, Clone)]
pub struct SharedEvent(Arc<Written>);

#[derive(Debug)]
struct Written {
    event: Event,
    json: String,
}

impl SharedEvent {
    /// Writes the event.
    pub fn new(event: Event) -> Self {
        // An event of the protocol has string keys and finite numbers alone, so writing it cannot fail.
        let json = serde_json::to_string(&event).unwrap_or_default();
        Self(Arc::new(Written { event, json }))
    }

    /// What happened.
    pub fn event(&self) -> &Event {
        &self.0.event
    }

    /// Its length as JSON, in bytes.
    pub fn size(&self) -> usize {
        self.0.json.len()
    }

    /// The frame that carries it: the JSON of [`SequencedEvent`].
    pub fn frame(&self, seq: u64) -> String {
        let fields = self.0.json.strip_prefix('{').unwrap_or_default();
        format!("{{\"seq\":{seq},{fields}")
    }

    /// The event with its number.
    pub fn sequenced(&self, seq: u64) -> SequencedEvent {
        SequencedEvent {
            seq,
            event: self.0.event.clone(),
        }
    }
}

impl From<Event> for SharedEvent {
    fn from(event: Event) -> Self {
        Self::new(event)
    }
}

impl PartialEq for SharedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.0.event == other.0.event
    }
}

/// A notice for many clients: made and written once.
#[derive(Debug, Clone)]
pub struct SharedNotice(Arc<(Notice, String)>);

impl SharedNotice {
    /// Writes the notice.
    pub fn new(notice: Notice) -> Self {
        let json = ServerFrame::Notice(notice.clone()).to_text();
        Self(Arc::new((notice, json)))
    }

    /// What it says.
    pub fn notice(&self) -> &Notice {
        &self.0.0
    }

    /// The frame that carries it.
    pub fn frame(&self) -> &str {
        &self.0.1
    }
}

impl PartialEq for SharedNotice {
    fn eq(&self, other: &Self) -> bool {
        self.notice() == other.notice()
    }
}

#[cfg(test)]
mod tests {
    use express_messages::{ids::StreamId, types::StreamDeleteReason, types::ZegoUpdateType};
    use express_signalling::protocol::{KickOut, RoomStreamUpdate, StreamGone};

    use super::*;

    #[test]
    fn the_frame_written_once_is_the_frame_of_the_protocol() {
        let gone = StreamGone {
            stream_id: StreamId::new("s").unwrap(),
            reason: StreamDeleteReason::Stopped,
        };
        let events = [
            Event::KickOut(KickOut {
                code: 1,
                message: "\"{\u{e9}".into(),
                need_relogin: false,
            }),
            Event::RoomStreamUpdate(RoomStreamUpdate {
                update: ZegoUpdateType::Delete,
                streams: vec![],
                reasons: vec![gone],
            }),
        ];
        for event in events {
            let shared = SharedEvent::new(event);
            let frame = ServerFrame::Event(shared.sequenced(9));
            assert_eq!(shared.frame(9), frame.to_text());
            assert_eq!(ServerFrame::parse(&shared.frame(9)).unwrap(), frame);
        }
    }
}
