//! What a business server asks of the rooms through the server API, and what it is told.
//!
//! Each question is a type of its own that knows its answer ([`AdminCall`]); the decisions are in `state`.

use std::net::IpAddr;
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::ZegoUser;
use serde::{Deserialize, Serialize};

use super::{Now, RoomsState, Ticket};

/// A question of a business server.
pub trait AdminCall: Sized + Send + 'static {
    /// What it is answered with.
    type Ok: Send + 'static;

    /// The rooms that it is about: where they are on other nodes alone, this node looks at them before it serves the call.
    fn rooms(&self) -> &[RoomId] {
        &[]
    }

    /// The stream that it is about, whose room is looked for in the same way.
    fn stream(&self) -> Option<&StreamId> {
        None
    }

    /// Does it, or begins to where other nodes have a say.
    fn begin(self, state: &mut RoomsState, now: Now, app_id: u32) -> Begun<Self::Ok> {
        Begun::Done(self.serve(state, now, app_id))
    }

    /// Does it.
    ///
    /// # Errors
    /// [`AdminFault`]: nothing was done.
    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<Self::Ok, AdminFault>;
}

/// What has become of a question when it was begun.
#[derive(Debug)]
pub enum Begun<T> {
    /// It is answered.
    Done(Result<T, AdminFault>),
    /// [`Effect::CallGoesOn`](super::Effect::CallGoesOn) will say under this ticket which number the answer is made of.
    WhenSaid(Ticket, fn(u64) -> T),
}

/// Why a question of a business server was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminFault {
    /// Nobody is in the room, so there is none.
    #[error("there is no such room: nobody is in it")]
    NoRoom,
    /// None of those whom a command is for is in the room.
    #[error("none of these users is in the room")]
    NobodyThere,
    /// Nobody publishes the stream.
    #[error("there is no such stream")]
    NoStream,
    /// The number is not above the last one of this stream.
    #[error("Sequence must be above that of the last 10 seconds for this stream")]
    OldSequence,
    /// The AppID has as many rules as it may have.
    #[error("there are as many rules as there may be; delete one, or wait until one expires")]
    TooManyRules,
    /// There is no such rule.
    #[error("there is no such rule")]
    NoRule,
    /// The other nodes have not taken it in time, or the server stops.
    #[error("the cloud has not taken it; try again a little later")]
    NotTaken,
}

/// `KickoutUser`: ends the sessions of users in a room. Who is not there is no error.
#[derive(Debug, Clone)]
pub struct KickUsers {
    /// The room.
    pub room_id: RoomId,
    /// Whom.
    pub user_ids: Vec<UserId>,
    /// What they are told; empty: a text of the server.
    pub reason: String,
}

/// `CloseRoom`: ends the sessions of everybody in a room, and so the room.
#[derive(Debug, Clone)]
pub struct CloseRoom {
    /// The room.
    pub room_id: RoomId,
    /// What they are told; empty: a text of the server.
    pub reason: String,
    /// The business server hears that the room is closed, beside each of its users and streams.
    pub tell_business: bool,
}

/// `DescribeUserList`: who is in a room, a page at a time. A room that is not there has nobody.
#[derive(Debug, Clone)]
pub struct ListUsers {
    /// The room.
    pub room_id: RoomId,
    /// The latest login first.
    pub descending: bool,
    /// Most users of the page.
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<UserMarker>,
}

/// The last user of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserMarker {
    /// When the user logged in, Unix milliseconds.
    pub login_ms: u64,
    /// Who.
    pub user_id: String,
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// In the order of their logins.
    pub users: Vec<ZegoUser>,
    /// Where the next page begins; `None`: this is the last one.
    pub next: Option<UserMarker>,
}

/// `DescribeUsers`: whether users are in a room.
#[derive(Debug, Clone)]
pub struct FindUsers {
    /// The room.
    pub room_id: RoomId,
    /// Who is looked for.
    pub user_ids: Vec<UserId>,
}

/// Whether a user is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStatus {
    /// Who.
    pub user_id: UserId,
    /// When the user logged in, Unix milliseconds; `None`: the user is not there.
    pub login_ms: Option<u64>,
}

/// `DescribeUserNum`: how many users are in each of these rooms.
#[derive(Debug, Clone)]
pub struct CountUsers {
    /// The rooms.
    pub room_ids: Vec<RoomId>,
}

/// `DescribeSimpleStreamList`: the streams of a room. A room that is not there has none.
#[derive(Debug, Clone)]
pub struct ListStreams {
    /// The room.
    pub room_id: RoomId,
}

/// A stream of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStatus {
    /// Its id.
    pub stream_id: StreamId,
    /// Who publishes it.
    pub user: ZegoUser,
    /// When others saw it first, Unix milliseconds.
    pub created_ms: u64,
    /// Names this life of the stream on this server.
    pub number: u64,
}

/// `SendBroadcastMessage`: a text to everybody in a room but its sender, who need not be there. The answer is its number.
#[derive(Debug, Clone)]
pub struct ServerBroadcast {
    /// The room.
    pub room_id: RoomId,
    /// Whom it is from.
    pub from_user: ZegoUser,
    /// What.
    pub message: String,
}

/// `SendBarrageMessage`: the same, of the kind that may get lost. The answer is its id.
#[derive(Debug, Clone)]
pub struct ServerBarrage(pub ServerBroadcast);

/// `SendCustomCommand`: a text to some users of a room. The answer is who of them is not there.
#[derive(Debug, Clone)]
pub struct ServerCommand {
    /// The room.
    pub room_id: RoomId,
    /// Whom it is from.
    pub from_user: UserId,
    /// Whom it is for; empty: everybody but the sender.
    pub to_users: Vec<UserId>,
    /// What.
    pub command: String,
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleTarget {
    /// Everybody who comes from an address, as far as the server sees it.
    Address(IpAddr),
    /// Everybody in a room.
    Room(RoomId),
    /// A user in every room.
    User(UserId),
    /// A user in one room.
    UserInRoom(RoomId, UserId),
}

/// What a rule forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forbids {
    /// To log in.
    pub login: bool,
    /// To publish.
    pub publish: bool,
}

/// `SetForbidUserRule`: from now on, and for a while. Who is there stays, and what is published goes on.
#[derive(Debug, Clone)]
pub struct SetUserRule {
    /// Whom it is about; a rule that there is about the same is replaced.
    pub target: RuleTarget,
    /// What it forbids.
    pub forbids: Forbids,
    /// How long.
    pub lasts: Duration,
}

/// `DescribeForbidUserRules`: the rules in force.
#[derive(Debug, Clone, Copy)]
pub struct ListUserRules;

/// A rule in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRule {
    /// Whom it is about.
    pub target: RuleTarget,
    /// What it forbids.
    pub forbids: Forbids,
    /// How long still.
    pub left: Duration,
}

/// `DelForbidUserRule`: ends a rule.
#[derive(Debug, Clone)]
pub struct DeleteUserRule {
    /// Whom it is about.
    pub target: RuleTarget,
}

/// `SetForbidStreamRule`: for a while nobody hears a stream of a room; it stays, and so do its players.
#[derive(Debug, Clone)]
pub struct SetStreamRule {
    /// The room.
    pub room_id: RoomId,
    /// The stream, whether it is there or not; a rule that there is about it is replaced.
    pub stream_id: StreamId,
    /// Its sound is taken away.
    pub audio: bool,
    /// Its picture is; there is none here.
    pub video: bool,
    /// How long.
    pub lasts: Duration,
}

/// A rule about a stream, in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamRule {
    /// Its sound is taken away.
    pub audio: bool,
    /// Its picture is.
    pub video: bool,
    /// When the rule was set, Unix milliseconds.
    pub set_ms: u64,
    /// How long it lasts from then on.
    pub lasts: Duration,
}

/// `DescribeForbidStreamRules`: the rules in force about streams of a room; `None` where there is none.
#[derive(Debug, Clone)]
pub struct ListStreamRules {
    /// The room.
    pub room_id: RoomId,
    /// Which streams.
    pub stream_ids: Vec<StreamId>,
}

/// `DelForbidStreamRule`: ends a rule about a stream; that there is none is no error.
#[derive(Debug, Clone)]
pub struct DeleteStreamRule {
    /// The room.
    pub room_id: RoomId,
    /// The stream.
    pub stream_id: StreamId,
}

/// `ForbidRTCStream`: the stream ends, and nobody publishes or plays it before [`ResumeStream`].
#[derive(Debug, Clone)]
pub struct ForbidStream(pub StreamOrder);

/// `ResumeRTCStream`: the stream may be published again.
#[derive(Debug, Clone)]
pub struct ResumeStream(pub StreamOrder);

/// `DescribeRTCStreamState`: whether the stream is there.
#[derive(Debug, Clone)]
pub struct FindStream(pub StreamOrder);

/// Which stream, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamOrder {
    /// The stream.
    pub stream_id: StreamId,
    /// Ascends for each stream: an order that was overtaken by a later one on its way is refused.
    pub sequence: i64,
}

/// Something that a business server ordered, of its AppID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminOrder {
    /// The AppID.
    pub app_id: u32,
    /// When, Unix milliseconds: of two orders about the same the later counts.
    pub at_ms: u64,
    /// Until when who has not heard of it is to be told, Unix milliseconds.
    pub until_ms: u64,
    /// What.
    pub order: Order,
}

/// What a business server orders that changes something; times are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// [`KickUsers`].
    Kick {
        /// The room.
        room_id: RoomId,
        /// Whom.
        user_ids: Vec<UserId>,
        /// What they are told.
        reason: String,
    },
    /// [`CloseRoom`].
    Close {
        /// The room.
        room_id: RoomId,
        /// What its users are told.
        reason: String,
        /// The business server hears of the room's end.
        tell_business: bool,
    },
    /// [`SetUserRule`].
    ForbidUser {
        /// Whom it is about.
        target: RuleTarget,
        /// What it forbids.
        forbids: Forbids,
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
    /// [`DeleteUserRule`].
    AllowUser(RuleTarget),
    /// [`SetStreamRule`].
    SilenceStream {
        /// The room.
        room_id: RoomId,
        /// The stream.
        stream_id: StreamId,
        /// Its sound is taken away.
        audio: bool,
        /// Its picture is.
        video: bool,
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
    /// [`DeleteStreamRule`].
    HearStream {
        /// The room.
        room_id: RoomId,
        /// The stream.
        stream_id: StreamId,
    },
    /// [`ForbidStream`].
    ForbidStream(StreamOrder),
    /// [`ResumeStream`].
    ResumeStream(StreamOrder),
}
