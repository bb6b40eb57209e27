//! What is remembered about each thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use express_messages::ids::{RoomId, StreamId};
use express_messages::types::{ZegoStream, ZegoUser};
use express_signalling::protocol::{ListedStream, SdpOk};
use express_token::Verified;

use super::messages::{SentByUser, SentToRoom};
use super::notices::Waiting;
use super::relays::Relays;
use super::remote::Elsewhere;
use super::reports::StreamReports;
use super::room_info::RoomInfo;
use super::{Policy, Secret};
use crate::forwarder::{GroupKey, PeerId, StreamKey};
use crate::rooms::bucket::Bucket;
use crate::rooms::cloud::NodeName;
use crate::rooms::counters::{RoomsCounters, count};
use crate::rooms::replay::{Pushed, ReplayBuffer};
use crate::rooms::{ConnectionId, Effect, HostTicket, SharedEvent, Ticket};

/// A session inside this server; ascending, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::rooms) struct SessionKey(pub(in crate::rooms) u64);

/// A resource of WHIP or WHEP; ascending, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::rooms) struct ResourceKey(pub(in crate::rooms) u64);

/// A room of an AppID.
pub(in crate::rooms) type RoomKey = (u32, RoomId);
/// A stream of an AppID.
pub(in crate::rooms) type StreamName = (u32, StreamId);

/// Deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::rooms) enum Timer {
    /// A socket without a session must log in.
    Connection(ConnectionId),
    /// A session must show a sign of life.
    Session(SessionKey),
    /// The token expires, where that matters.
    Token(SessionKey),
    /// The media of a stream, or the user who owns it, must be back.
    Stream(StreamKey),
    /// A resource whose media is lost ends.
    Resource(ResourceKey),
    /// What a room has gathered must be told.
    Notices(RoomKey),
    /// A stream may be heard again.
    StreamRule((RoomKey, StreamId)),
    /// The cloud must have opened a room.
    Opening(RoomKey),
    /// The cloud must have answered a claim.
    Claim(Ticket),
    /// A text must have been said.
    Said(Ticket),
    /// A relay of another node's stream is tried again.
    Relay(StreamKey),
    /// Nobody has played another node's stream for a while.
    RelayIdle(StreamKey),
    /// What brought a stream here before its newest relay goes.
    RelayFormer(StreamKey),
    /// A session that has moved to another node ends.
    Moving(SessionKey),
    /// The session's user has logged in later on another node, and nothing was heard of that login itself.
    Superseded(SessionKey),
    /// A room that nobody of this node is in is not looked at any more.
    Observed(RoomKey),
    /// A stream may be sought again.
    Sought(StreamName),
    /// A call of a business server has waited for other nodes.
    Call(Ticket),
    /// The next sessions are told that this node stops.
    Leaving,
}

#[derive(Debug)]
pub(in crate::rooms) struct App {
    pub(super) secret: Secret,
    pub(super) policy: Policy,
    pub(super) kick_on_expiry: bool,
    /// A user of one room may play streams of others.
    pub(super) play_across_rooms: bool,
    /// Its business server wants to hear what happens.
    pub(super) tells_business: bool,
    pub(super) multi_room: bool,
    /// Who logs in while the same user is there is refused.
    pub(super) refuses_double_login: bool,
    pub(super) sessions: usize,
    pub(super) rooms: usize,
}

#[derive(Debug, Default)]
pub(in crate::rooms) struct Connection {
    pub(in crate::rooms) session: Option<SessionKey>,
    /// The client's address, as far as the server sees it.
    pub(super) from: Option<IpAddr>,
    pub(super) requests: Bucket,
    pub(super) strikes: Bucket,
    /// A close is on its way: nothing that comes counts any more.
    pub(super) closing: bool,
    /// It waits for this room to be opened.
    pub(super) entering: Option<RoomKey>,
}

/// What proves that a client owns a session.
#[derive(Clone)]
pub(super) struct SessionSecret(String);

impl SessionSecret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// For the one client that may know it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Compares without telling by time how much was right.
    pub(super) fn is(&self, given: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), given.as_bytes()).is_ok()
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// One login of one user to one room.
#[derive(Debug)]
pub(in crate::rooms) struct Session {
    /// Its public name.
    pub(super) id: String,
    /// Its name to business servers: random, below 2^53.
    pub(super) number: u64,
    /// Proves who owns it.
    pub(super) secret: SessionSecret,
    /// Its user may be in other rooms by logins of the same instance; `None`: in no other room.
    pub(super) instance: Option<SessionSecret>,
    pub(in crate::rooms) room: RoomKey,
    pub(in crate::rooms) user: ZegoUser,
    pub(in crate::rooms) user_update: bool,
    pub(super) token: Verified,
    /// When its TURN credentials expire, Unix seconds; `None`: it has none that do.
    pub(super) ice_expires_at: Option<i64>,
    /// It has no socket by nature: resources of WHIP and WHEP keep it, and nobody hears its events.
    pub(in crate::rooms) hosted: bool,
    /// `None`: silent, or hosted.
    pub(in crate::rooms) connection: Option<ConnectionId>,
    /// When it began, Unix milliseconds.
    pub(super) login_ms: u64,
    /// On the clock of [`Now::mono`](super::Now).
    pub(super) last_heard: Duration,
    pub(in crate::rooms) replay: ReplayBuffer,
    pub(in crate::rooms) publishing: BTreeSet<StreamKey>,
    pub(in crate::rooms) playing: BTreeMap<StreamKey, Play>,
    pub(super) sent: SentByUser,
    /// The login took the place of one on another node.
    pub(super) moved: bool,
    /// Its client goes on elsewhere: it is told nothing any more.
    pub(super) moving: bool,
}

impl Session {
    /// Whether it had a socket and has none now.
    pub(in crate::rooms) fn is_silent(&self) -> bool {
        self.connection.is_none() && !self.hosted
    }

    /// Numbers an event, keeps it for a resume, and sends it if there is a socket.
    pub(super) fn notify(&mut self, event: SharedEvent, effects: &mut Vec<Effect>, counters: &mut RoomsCounters) {
        if self.hosted || self.moving {
            return;
        }
        count(&mut counters.events);
        let Pushed { seq, lost } = self.replay.push(event.clone(), self.connection.is_some());
        counters.messages_lost = counters.messages_lost.saturating_add(lost);
        if let Some(connection) = self.connection {
            effects.push(Effect::Event { connection, seq, event });
        }
    }
}

/// One played stream of a session.
#[derive(Debug, Default)]
pub(in crate::rooms) struct Play {
    /// The media connection, once there is an answer.
    pub(in crate::rooms) peer: Option<PeerId>,
    /// The newest question to the media plane, while it is open.
    pub(super) ticket: Option<Ticket>,
    pub(super) paused: bool,
    /// It is heard while it is one of so many loudest; 0: always.
    pub(super) loudest: u32,
}

#[derive(Debug)]
pub(in crate::rooms) struct Room {
    /// Names this life of the room.
    pub(super) session_id: u64,
    /// What ranks its streams by loudness on this node.
    pub(super) group: GroupKey,
    /// It began on this node.
    pub(super) is_new: bool,
    /// What the first login said; 0: no limit.
    pub(super) max_members: u32,
    /// The same: who plays a stream of the room hears it while it is one of so many loudest; 0: always.
    pub(super) loudest_streams: u32,
    /// In the order in which they came.
    pub(in crate::rooms) members: BTreeSet<SessionKey>,
    /// Announced streams, in the order in which they came.
    pub(in crate::rooms) streams: BTreeMap<u64, StreamKey>,
    pub(super) logins: Bucket,
    /// Everybody is being kicked out: nobody is told of the others any more.
    pub(super) closing: bool,
    /// Its business server hears of that, too.
    pub(super) tells_closing: bool,
    /// How often users have come and gone.
    pub(super) user_seq: u64,
    /// How often streams have.
    pub(super) stream_seq: u64,
    pub(super) sent: SentToRoom,
    pub(super) info: RoomInfo,
    pub(super) waiting: Waiting,
    /// Who else is in it on other nodes.
    pub(in crate::rooms) elsewhere: Elsewhere,
}

/// One life of a streamID.
#[derive(Debug)]
pub(in crate::rooms) struct Stream {
    pub(in crate::rooms) name: StreamName,
    pub(in crate::rooms) room: RoomKey,
    /// What ranks it among the streams of its room.
    pub(super) group: GroupKey,
    /// As its room has it.
    pub(super) loudest: u32,
    pub(in crate::rooms) user: ZegoUser,
    /// `None`: the user logged in anew and has not taken it up yet, or it is published on another node.
    pub(in crate::rooms) owner: Option<SessionKey>,
    /// The node that publishes it; `None`: this one.
    pub(in crate::rooms) origin: Option<NodeName>,
    /// The fencing number of the claim to its streamID; 0: not settled, or there is no cloud.
    pub(super) epoch: u64,
    /// This node has claimed the streamID, and gives it back when the stream is over.
    pub(super) claimed: bool,
    /// Other nodes believe that it is this node's.
    pub(in crate::rooms) told: bool,
    pub(in crate::rooms) relays: Relays,
    pub(super) extra_info: String,
    pub(super) muted: bool,
    /// Its place in the room's list, once it was announced.
    pub(in crate::rooms) announced: Option<u64>,
    /// When that was, Unix milliseconds; 0 before.
    pub(super) created_ms: u64,
    /// The connected media connection.
    pub(in crate::rooms) media: Option<PeerId>,
    /// One that is answered and not yet connected; it will replace `media`.
    pub(in crate::rooms) next: Option<PeerId>,
    /// The newest question to the media plane, while it is open.
    pub(super) ticket: Option<Ticket>,
    pub(in crate::rooms) players: BTreeSet<SessionKey>,
    pub(super) reports: StreamReports,
}

impl Stream {
    /// One that nobody publishes yet.
    pub(super) fn new(room: &Room, room_key: RoomKey, stream_id: StreamId, user: ZegoUser) -> Self {
        Self {
            name: (room_key.0, stream_id),
            room: room_key,
            group: room.group,
            loudest: room.loudest_streams,
            user,
            owner: None,
            origin: None,
            epoch: 0,
            claimed: false,
            told: false,
            relays: Relays::default(),
            extra_info: String::new(),
            muted: false,
            announced: None,
            created_ms: 0,
            media: None,
            next: None,
            ticket: None,
            players: BTreeSet::new(),
            reports: StreamReports::default(),
        }
    }

    /// Whether its user logged in anew and has not taken it up yet.
    pub(super) fn is_left_behind(&self) -> bool {
        self.owner.is_none() && self.origin.is_none()
    }

    /// As others see it.
    pub(super) fn listed(&self) -> ListedStream {
        ListedStream {
            stream: ZegoStream {
                stream_id: self.name.1.clone(),
                user: self.user.clone(),
                extra_info: self.extra_info.clone(),
            },
            muted: self.muted,
        }
    }
}

/// What a media connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rooms) enum PeerUse {
    Publisher(StreamKey),
    Player {
        session: SessionKey,
        stream: StreamKey,
    },
    /// A player without a socket.
    Hosted(ResourceKey),
    /// Brings a stream of another node.
    RelayIn(StreamKey),
    /// Carries a stream to another node.
    RelayOut(StreamKey),
}

/// Who waits for the media plane's answer.
#[derive(Debug, Clone, Copy)]
pub(in crate::rooms) enum Asker {
    /// A request on a socket.
    Socket { connection: ConnectionId, id: u64 },
    /// A request over HTTP, and the resource that it is to make.
    Host { ticket: HostTicket, resource: ResourceKey },
}

/// A question to the media plane, and who waits for the answer.
#[derive(Debug)]
pub(in crate::rooms) struct Pending {
    pub(super) asker: Asker,
    pub(super) session: SessionKey,
    pub(super) stream: StreamKey,
    pub(super) publish: bool,
    /// Of how many loudest streams a player hears this one; 0: always.
    pub(super) loudest: u32,
}

impl Pending {
    /// What the client is answered.
    pub(super) fn answer(&self, sdp: String) -> SdpOk {
        SdpOk {
            answer: sdp,
            loudest: self.loudest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_the_same_only_whole_and_are_not_shown() {
        let secret = SessionSecret::new("abc".into());
        assert!(secret.is("abc"));
        assert!(!secret.is("ab") && !secret.is("abd") && !secret.is("abcd") && !secret.is(""));
        assert_eq!(format!("{secret:?}"), "SessionSecret(..)");
    }
}
