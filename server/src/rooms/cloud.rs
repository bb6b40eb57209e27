//! The port to the other nodes of the cloud: what rooms tell them, what they hear.
//!
//! A room lives on every node where members of it are. Each node alone decides about its own members and their streams, and
//! tells the others facts; what others tell is mirrored. What has no single writer (texts to the room, its extra info) goes
//! through the room's home, which orders it. Who agrees about that, and how, is the affair of [`Cloud`].
//!
//! A server that is alone has no [`Cloud`]: then nothing of this is ever asked or told.

use std::net::SocketAddr;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::{StreamDeleteReason, ZegoUser};
use express_signalling::protocol::{ListedStream, RoomBarrage, RoomExtraInfo, RoomMessage, UserQuality};
use serde::{Deserialize, Serialize};

use super::Ticket;
use super::admin::AdminOrder;
pub use super::node_name::{BadNodeName, NodeName};
use crate::forwarder::{ListenerSummary, PublisherLeg, RelayTerms};

/// A room of an AppID.
pub type RoomName = (u32, RoomId);

/// What the first login of a room settles for all its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomTerms {
    /// Names this life of the room.
    pub session_id: u64,
    /// Most members; 0: no limit.
    pub max_members: u32,
    /// Who plays a stream of the room hears it while it is one of so many loudest; 0: always.
    pub loudest_streams: u32,
}

/// Somebody is in the room, on the node that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: ZegoUser,
    /// When the login was, Unix milliseconds: of two logins of one user the later counts.
    pub login_ms: u64,
}

/// A stream that others may play, published on the node that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteStream {
    /// As lists have it.
    pub listed: ListedStream,
    /// When others saw it first, Unix milliseconds.
    pub created_ms: u64,
    /// The fencing number of the claim to its streamID: of two that say to own one the higher counts. 0: not settled.
    pub epoch: u64,
}

/// What a node tells of its own members, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fact {
    /// A user is in the room, or the user's name or login is another.
    UserCame(Member),
    /// A user is not.
    UserLeft(UserId),
    /// A stream is there, or is another than before (muted, extra info, epoch).
    StreamIs(RemoteStream),
    /// A stream is over.
    StreamLeft(StreamId, StreamDeleteReason),
    /// Something was said.
    Said(Saying),
}

/// What is said in a room, and kept for who must resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Saying {
    /// To everybody but its sender. `message_id` is given by the home of the room.
    Broadcast(RoomMessage),
    /// The room's extra info, of which the newest counts.
    Info(RoomExtraInfo),
    /// A command.
    Command {
        /// From whom.
        from_user: ZegoUser,
        /// What.
        command: String,
        /// For whom; empty: for everybody but the sender.
        to_users: Vec<UserId>,
    },
}

/// What is worth nothing a moment later, and may be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Words {
    /// A barrage message.
    Barrage(RoomBarrage),
    /// How the network of a member is.
    Quality(UserQuality),
    /// The way from a stream's publisher changed.
    Leg(StreamId, PublisherLeg),
}

/// What listeners elsewhere report to the node that publishes a stream; may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// A name of the shard that sums up.
    pub shard: u64,
    /// What its listeners report.
    pub summary: ListenerSummary,
}

/// A question of another node that wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question(pub u64);

/// What rooms ask of the cloud, or tell it.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Somebody wants to enter a room that is not open here. Answered by [`News::Opened`] or [`News::ElsewhereInstead`], in any
    /// case within seconds, also while the cloud cannot be reached.
    Open {
        /// The room.
        room: RoomName,
        /// What it becomes if it is new.
        terms: RoomTerms,
        /// The client was sent here by another node: it is not sent on.
        redirected: bool,
        /// The node that the client has lost or leaves: it is not sent there. Others may still believe that it is well.
        left: Option<NodeName>,
    },
    /// Open a room here as one that nobody of this node is in, if any other node has it. Answered by [`News::Opened`] or
    /// [`News::NoSuchRoom`], the latter also while the cloud cannot be reached.
    Look(RoomName),
    /// Which room of another node a stream is published in. Answered by [`News::Sought`], in any case.
    Seek(u32, StreamId),
    /// Nobody is in the room any more here, and nobody waits for it or looks at it.
    Close(RoomName),
    /// Something is so from now on.
    Tell(RoomName, Fact),
    /// Say something in the order of the home. Answered by [`News::Said`] to all nodes, this one too, and [`News::SaidFor`].
    Say {
        /// To answer under.
        ticket: Ticket,
        /// Where.
        room: RoomName,
        /// What; its `message_id` is overwritten.
        saying: Saying,
    },
    /// Say something that may be lost, to all other nodes of the room.
    Whisper(RoomName, Words),
    /// A user of this node wants to publish under this streamID. Answered by [`News::Claimed`].
    Claim {
        /// To answer under.
        ticket: Ticket,
        /// The room.
        room: RoomName,
        /// The streamID.
        stream_id: StreamId,
        /// Who.
        user_id: UserId,
    },
    /// The streamID is free again. Only of a stream of this node.
    Release(u32, StreamId),
    /// A user has logged in here: logins elsewhere that this ends are told so.
    LoggedIn(LoginElsewhere),
    /// The first listener of another node's stream is here: ask that node to send it. Answered by [`News::RelayAnswer`].
    AskRelay {
        /// Whom.
        node: NodeName,
        /// The AppID and the streamID.
        stream: (u32, StreamId),
        /// Where it is to be sent, and how.
        terms: RelayTerms,
        /// Only while it is one of so many loudest there; 0: always.
        loudest: u32,
    },
    /// Answers [`News::RelayWanted`]: where the packets come from, or why there are none.
    AnswerRelay(Question, Result<SocketAddr, RelayRefusal>),
    /// Tell the node that publishes a stream what its listeners here report.
    Report(NodeName, (u32, StreamId), Heard),
    /// How many sessions there are here; said when that changes by a tenth, and every few seconds.
    Load(usize),
    /// A business server has ordered this here: it holds on every node, also on those that hear of it later.
    Order(AdminOrder),
    /// This node is going to stop: no new room is to come here, and its members are to go elsewhere.
    Leave,
}

/// Why a node does not send a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RelayRefusal {
    /// It does not publish it (any more).
    NotHere,
    /// Not now.
    Busy,
    /// The node that was asked did not answer.
    NoAnswer,
}

/// A login that ends earlier ones of the same user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginElsewhere {
    /// The AppID.
    pub app_id: u32,
    /// The room.
    pub room_id: RoomId,
    /// Who.
    pub user_id: UserId,
    /// When, Unix milliseconds.
    pub login_ms: u64,
    /// SHA-256 of the instance, where there is one: logins of the same instance stay in other rooms.
    pub instance: Option<[u8; 32]>,
    /// The public id of a session that the user moves away from: it ends quietly, when its streams are taken over.
    pub moved_from: Option<String>,
}

/// What the cloud tells the rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A room is open here from now on, with these members, streams and extra info of others.
    Opened {
        /// The room.
        room: RoomName,
        /// What holds for it.
        terms: RoomTerms,
        /// Nobody else has it: it begins now.
        is_new: bool,
        /// Users on other nodes.
        members: Vec<Member>,
        /// Streams on other nodes, and where.
        streams: Vec<(NodeName, RemoteStream)>,
        /// The extra info.
        info: Option<RoomExtraInfo>,
    },
    /// No other node has this room, or none can be asked.
    NoSuchRoom(RoomName),
    /// What [`Wish::Seek`] came to; `None`: nobody publishes the stream, as far as can be said.
    Sought((u32, StreamId), Option<RoomName>),
    /// Who waits for this room is better served by the node at this URL.
    ElsewhereInstead(RoomName, String),
    /// The room turned out to be an older one, which goes on: what holds for it from now on.
    Terms(RoomName, RoomTerms),
    /// A user is in the room on another node now and was on none, or is called otherwise.
    UserCame(RoomName, Member),
    /// A user is on no other node any more.
    UserLeft(RoomName, UserId),
    /// A stream is published on another node. If it was there already it is another than before, or moved there: players stay.
    StreamIs(RoomName, NodeName, RemoteStream),
    /// A stream is published on no other node any more.
    StreamLeft(RoomName, StreamId, StreamDeleteReason),
    /// Something was said: tell the members of this node.
    Said(RoomName, Saying),
    /// What [`Wish::Say`] came to: the number of the message, the time of the extra info (0 of a command).
    SaidFor(Ticket, Result<u64, ()>),
    /// Something that may be lost was said.
    Whispered(RoomName, Words),
    /// What [`Wish::Claim`] came to: its fencing number (0: not settled, because the cloud cannot be reached), or somebody else
    /// has it.
    Claimed(Ticket, Result<u64, ()>),
    /// The claim of a stream of this node has this number from now on.
    Settled(u32, StreamId, u64),
    /// A stream of this node is another node's by now: this one ends.
    /// - `moved`: the same user publishes it there, players stay
    ClaimLost {
        /// The AppID and the streamID.
        stream: (u32, StreamId),
        /// The same user publishes it on that node: players stay and hear it from there.
        moved_to: Option<NodeName>,
    },
    /// A user has logged in elsewhere.
    LoggedIn(LoginElsewhere),
    /// What [`Wish::AskRelay`] came to.
    RelayAnswer {
        /// The AppID and the streamID.
        stream: (u32, StreamId),
        /// Names the try: the terms' SSRC.
        ssrc: u32,
        /// Where the packets come from.
        answer: Result<SocketAddr, RelayRefusal>,
    },
    /// Another node wants a stream of this one. Answered by [`Wish::AnswerRelay`].
    RelayWanted {
        /// To answer under.
        question: Question,
        /// Who.
        node: NodeName,
        /// The AppID and the streamID.
        stream: (u32, StreamId),
        /// Where to, and how.
        terms: RelayTerms,
        /// Only while it is one of so many loudest; 0: always.
        loudest: u32,
    },
    /// Listeners of a stream of this node report, on another one.
    Reported((u32, StreamId), Heard),
    /// A business server has ordered this on another node.
    Ordered(AdminOrder),
    /// The same some time ago, while this node did not hear of it.
    OrderKept(AdminOrder),
    /// The other nodes that take clients: their names and URLs, best first. What clients are told.
    Nodes(Vec<(NodeName, String)>),
}

/// The cloud, as rooms see it. Calls are short and do not block; answers and news come back later.
pub trait Cloud: Send {
    /// Takes a wish.
    fn wish(&mut self, wish: Wish);
}

/// There are no other nodes.
impl Cloud for () {
    fn wish(&mut self, _: Wish) {}
}
