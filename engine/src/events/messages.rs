//! Events of messages between users.

use express_messages::types::{ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoUser};
use serde::Serialize;

use super::documented;

/// Others sent texts to the whole room, with [`send_broadcast_message`](crate::ZegoExpressEngine::send_broadcast_message).
#[doc(alias = "IMRecvBroadcastMessage")]
#[doc(alias = "onIMRecvBroadcastMessage")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImRecvBroadcastMessage {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// In their order; never empty.
    #[serde(serialize_with = "documented::broadcasts")]
    pub message_list: Vec<ZegoBroadcastMessageInfo>,
}

/// Others sent texts that may be lost, with [`send_barrage_message`](crate::ZegoExpressEngine::send_barrage_message).
#[doc(alias = "IMRecvBarrageMessage")]
#[doc(alias = "onIMRecvBarrageMessage")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImRecvBarrageMessage {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// In their order; never empty.
    #[serde(serialize_with = "documented::barrages")]
    pub message_list: Vec<ZegoBarrageMessageInfo>,
}

/// Another user sent a text to this one, with [`send_custom_command`](crate::ZegoExpressEngine::send_custom_command).
#[doc(alias = "IMRecvCustomCommand")]
#[doc(alias = "onIMRecvCustomCommand")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImRecvCustomCommand {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// Who sent it.
    #[serde(serialize_with = "documented::user")]
    pub from_user: ZegoUser,
    /// What; often JSON.
    pub command: String,
}
