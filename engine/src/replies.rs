//! What calls are answered with.

use express_messages::ids::UserId;

/// A broadcast is on its way (the answer of `sendBroadcastMessage`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentMessage {
    /// Its number; ascends within the room.
    #[doc(alias = "messageID")]
    pub message_id: u64,
}

/// A barrage message is on its way (the answer of `sendBarrageMessage`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentBarrageMessage {
    /// Its name; text, as documented.
    #[doc(alias = "messageID")]
    pub message_id: String,
}

/// A custom command is on its way to those who are there (the answer of `sendCustomCommand`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentCommand {
    /// Those of the list who are not in the room. An addition of ours.
    pub absent: Vec<UserId>,
}
