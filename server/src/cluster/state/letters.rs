//! What nodes write to each other. JSON: small, rare (no packet, no frame), and readable on the broker.

use std::net::SocketAddr;

use express_messages::ids::{StreamId, UserId};
use express_signalling::protocol::RoomExtraInfo;
use serde::{Deserialize, Serialize};

use crate::forwarder::RelayTerms;
use crate::rooms::admin::AdminOrder;
use crate::rooms::cloud::{Fact, Heard, LoginElsewhere, Member, NodeName, RelayRefusal, RemoteStream, RoomName, Saying, Words};

/// Largest text of a node about itself, in bytes.
const MAX_TEXT: usize = 256;

/// One life of a node: it begins with its start, and a node that starts again has another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct NodeLife {
    pub(crate) name: NodeName,
    /// When it began, Unix milliseconds: of two lives the later counts.
    pub(crate) life: u64,
}

/// Which life of a section: what one node says about one room from the moment when it opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SectionId {
    pub(crate) life: u64,
    /// Ascends within the life of the node.
    pub(crate) number: u64,
}

/// What one node writes to another, or to all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) from: NodeLife,
    pub(crate) message: Message,
}

/// Where a section stands: its newest fact has this number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) room: RoomName,
    pub(crate) section: SectionId,
    pub(crate) seq: u64,
    /// The highest number of a home of the room that the sender knows; of it, if `home` is said.
    pub(crate) epoch: u64,
    /// The sender is that home.
    pub(crate) home: bool,
    /// When the extra info of the room that the sender knows was set, Unix milliseconds; 0: it knows none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) info_ms: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One part of a whole section; all parts of the same standing make it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Whole {
    pub(crate) standing: Standing,
    pub(crate) part: u32,
    pub(crate) parts: u32,
    pub(crate) members: Vec<Member>,
    pub(crate) streams: Vec<RemoteStream>,
    pub(crate) info: Option<RoomExtraInfo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Message {
    /// The sender has opened a room and wants to know what the receiver says about it.
    Hello(Standing),
    /// Facts of a section, the first of which has this number.
    Facts {
        room: RoomName,
        section: SectionId,
        first: u64,
        facts: Vec<Fact>,
    },
    /// Say again what came behind this number, or (`None`) the whole section.
    Again {
        room: RoomName,
        section: SectionId,
        after: Option<u64>,
    },
    /// A whole section, or a part of it.
    Whole(Whole),
    /// The sender does not have this room (any more): its sections up to this one are over.
    Without { room: RoomName, upto: SectionId },
    /// How far the sender's sections are.
    Beat(Vec<Standing>),
    /// This node is about to stop: what it says holds until its users had their time to come back.
    Bye,
    /// The extra info of a room, of which the receiver knows an older one, or none.
    Info(RoomName, RoomExtraInfo),
    /// May be lost.
    Whisper(RoomName, Words),
    /// To all nodes.
    LoggedIn(LoginElsewhere),
    /// The receiver's claim to a streamID is the sender's by now: the registry says so.
    Taken((u32, StreamId)),
    /// To all nodes: a business server has ordered something.
    Ordered {
        /// Counts the orders that the sender tells.
        number: u64,
        order: AdminOrder,
    },
    /// Say again which orders came behind this number.
    OrdersAgain { after: u64 },
    /// The sender's last orders, up to this number.
    OrdersBefore { upto: u64, orders: Vec<AdminOrder> },
    /// Listeners of a stream of the receiver report.
    Report((u32, StreamId), Heard),

    /// Question to the home of a room: say this. Answered by [`Message::Said`].
    Say { room: RoomName, epoch: u64, saying: Saying },
    /// Whether the home has said it.
    Said(bool),
    /// Question to the node of a stream: send it. Answered by [`Message::Relayed`].
    Relay {
        stream: (u32, StreamId),
        terms: RelayTerms,
        loudest: u32,
    },
    /// Where the packets come from.
    Relayed(Result<SocketAddr, RelayRefusal>),
}

/// What a node says of itself in the registry.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeEntry {
    pub(crate) node: NodeLife,
    /// Where clients reach it; empty: it takes none.
    pub(crate) url: String,
    pub(crate) region: String,
    /// Sessions that it has.
    pub(crate) load: u32,
    /// Sessions that it is for.
    pub(crate) capacity: u32,
    /// It is going to stop.
    pub(crate) draining: bool,
    /// How many orders of business servers it has told the others.
    #[serde(default)]
    pub(crate) orders: u64,
}

impl Clone for NodeEntry {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            url: self.url.clone(),
            region: self.region.clone(),
            ..*self
        }
    }

    /// Into the texts that are there.
    fn clone_from(&mut self, other: &Self) {
        self.node.clone_from(&other.node);
        self.url.clone_from(&other.url);
        self.region.clone_from(&other.region);
        (self.load, self.capacity, self.draining) = (other.load, other.capacity, other.draining);
        self.orders = other.orders;
    }
}

impl NodeEntry {
    /// Whether it takes clients.
    pub(crate) fn takes_clients(&self) -> bool {
        !self.draining && !self.url.is_empty()
    }

    /// Whether clients and operators can be shown what it says.
    pub(crate) fn is_sound(&self) -> bool {
        let is_text = |text: &str| text.len() <= MAX_TEXT && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        is_text(&self.url) && is_text(&self.region) && self.capacity > 0
    }
}

/// What the registry says of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomEntry {
    pub(crate) terms: crate::rooms::cloud::RoomTerms,
    /// Orders what is said in the room.
    pub(crate) home: NodeLife,
    /// Fencing number of the home: of two nodes that say to be it the higher counts.
    pub(crate) epoch: u64,
    /// Who has members of it.
    pub(crate) nodes: Vec<NodeLife>,
}

/// What the registry says of a streamID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClaimEntry {
    pub(crate) room: RoomName,
    pub(crate) user_id: UserId,
    pub(crate) node: NodeLife,
    /// Fencing number: each new owner has a higher one.
    pub(crate) epoch: u64,
}

/// What stands in the registry under a name of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RegistryKey {
    Room(RoomName),
    Stream((u32, StreamId)),
}
