//! What is told to others in the room.

use express_messages::{ids::UserId, stats::QualityGrade};
use serde::{Deserialize, Serialize};

/// Attaches an extra info to the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRoomExtraInfo {
    /// 1 to 128 bytes; a room has one key.
    pub key: String,
    /// At most 4,096 bytes.
    pub value: String,
    /// The client sets again what it was told to be taken with this time, and what its server does not know (any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time_ms: Option<u64>,
}

/// The extra info was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRoomExtraInfoOk {
    /// When, Unix milliseconds: of two the later counts. 0: the server does not say.
    #[serde(default)]
    pub update_time_ms: u64,
}

/// A text to everybody else in the room, reliably and in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendBroadcastMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// The message is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendBroadcastMessageOk {
    /// Its number; ascends within the room.
    pub message_id: u64,
}

/// A text to everybody else in the room that may be lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendBarrageMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// The message is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendBarrageMessageOk {
    /// Its name; the documented SDK has text here.
    pub message_id: String,
}

/// A text to some users of the room, reliably.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendCustomCommand {
    /// 1 to 1,024 bytes.
    pub command: String,
    /// To whom, at most 500; empty: everybody else in the room.
    pub to_users: Vec<UserId>,
}

/// The command is on its way to those who are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SendCustomCommandOk {
    /// Those of the list who are not in the room.
    pub absent: Vec<UserId>,
}

/// The client's own network quality, for those who play its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportQuality {
    /// Of what it publishes; -1 where nothing is published.
    pub up: QualityGrade,
    /// Of what it plays; -1 where nothing is played.
    pub down: QualityGrade,
}
