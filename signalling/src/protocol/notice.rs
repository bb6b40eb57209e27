//! Notices: what a server tells a client once, without a number. Nobody misses one that is lost.

use express_messages::{ids::UserId, stats::QualityGrade, types::ZegoUser};
use serde::{Deserialize, Serialize};

/// Every notice, by its word on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Notice {
    /// Texts of others that may be lost.
    BarrageMessage(BarrageMessage),
    /// How the networks of others are.
    NetworkQuality(NetworkQuality),
    /// A notice of a newer server; to be ignored.
    #[serde(other)]
    Unknown,
}

/// Texts of others, gathered for up to 200 ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarrageMessage {
    /// In their order.
    pub messages: Vec<RoomBarrage>,
}

/// One text that may be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomBarrage {
    /// Who sent it.
    pub from_user: ZegoUser,
    /// What.
    pub message: String,
    /// Its name.
    pub message_id: String,
    /// When the server took it, Unix milliseconds.
    pub send_time_ms: u64,
}

/// How the networks of others are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkQuality {
    /// Who reported what of itself.
    pub users: Vec<UserQuality>,
}

/// What one user reported of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserQuality {
    /// Who.
    pub user_id: UserId,
    /// Of what it publishes.
    pub up: QualityGrade,
    /// Of what it plays.
    pub down: QualityGrade,
}
