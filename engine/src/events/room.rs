//! Events of the room.

use express_messages::types::{RoomState, RoomStateChangedReason, ZegoRoomExtraInfo, ZegoStream, ZegoUpdateType, ZegoUser};
use serde::Serialize;

use super::documented;

/// The state of a room login changed.
#[doc(alias = "roomStateChanged")]
#[doc(alias = "onRoomStateChanged")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomStateChanged {
    /// The room, as it was given to `login_room`: after LOGIN_FAILED for a bad roomID it is that bad text.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// What happened.
    pub reason: RoomStateChangedReason,
    /// 0 where all is well, else the documented code.
    pub error_code: i32,
    /// Text or JSON, often empty.
    pub extended_data: String,
}

/// The coarse state of a room login changed: the older twin of [`RoomStateChanged`], reported right behind it.
#[doc(alias = "roomStateUpdate")]
#[doc(alias = "onRoomStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomStateUpdate {
    /// As in [`RoomStateChanged`].
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// The state now.
    pub state: RoomState,
    /// As in [`RoomStateChanged`].
    pub error_code: i32,
    /// As in [`RoomStateChanged`].
    pub extended_data: String,
}

/// Users came to the room or left it. Only with `user_update` in [`ZegoRoomConfig`](crate::ZegoRoomConfig); never
/// ourselves. The first ADD after the login names everybody who was there.
#[doc(alias = "roomUserUpdate")]
#[doc(alias = "onRoomUserUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomUserUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// They came or went.
    pub update_type: ZegoUpdateType,
    /// Who; never empty.
    #[serde(serialize_with = "documented::users")]
    pub user_list: Vec<ZegoUser>,
}

/// Streams of others came to the room or went. The first ADD after the login names all that were there.
///
/// A DELETE does not stop a playback: call `stop_playing_stream`.
#[doc(alias = "roomStreamUpdate")]
#[doc(alias = "onRoomStreamUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomStreamUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// They came or went.
    pub update_type: ZegoUpdateType,
    /// Which, in the order they reached the server; never empty.
    #[serde(serialize_with = "documented::streams")]
    pub stream_list: Vec<ZegoStream>,
    /// On DELETE the JSON `{"stream_delete_reason":[{"stream_id","code","description"}]}`, else empty.
    pub extended_data: String,
}

/// Streams of others carry another text; also told right behind [`RoomStreamUpdate`] ADD, of each new stream that came with
/// one.
#[doc(alias = "streamExtraInfoUpdate")]
#[doc(alias = "onRoomStreamExtraInfoUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StreamExtraInfoUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// The streams with their texts; never empty.
    #[serde(serialize_with = "documented::streams")]
    pub stream_list: Vec<ZegoStream>,
}

/// Another user attached something else to the room, with
/// [`set_room_extra_info`](crate::ZegoExpressEngine::set_room_extra_info); also told after the login, of what is there.
#[doc(alias = "roomExtraInfoUpdate")]
#[doc(alias = "onRoomExtraInfoUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomExtraInfoUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// What is there now; a room has one key.
    #[serde(serialize_with = "documented::room_infos")]
    pub room_extra_info_list: Vec<ZegoRoomExtraInfo>,
}

/// How many users are in the room, this one included: with each login, each reconnect, and every 30 s.
#[doc(alias = "roomOnlineUserCountUpdate")]
#[doc(alias = "onRoomOnlineUserCountUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomOnlineUserCountUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// Users; never 0.
    pub count: u64,
}

/// The token ends in 30 s; call `renew_token`.
#[doc(alias = "tokenWillExpire")]
#[doc(alias = "onRoomTokenWillExpire")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenWillExpire {
    /// The room whose login it was shown at.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// Whole seconds left (native `remainTimeInSecond`).
    pub remain_time_in_second: u64,
}
