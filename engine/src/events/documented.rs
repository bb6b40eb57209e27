//! Documented spellings inside lists.

use express_messages::{
    audio_device::MediaId,
    ids::LocalStreamId,
    types::{ZegoBarrageMessageInfo, ZegoBroadcastMessageInfo, ZegoDeviceInfo, ZegoRoomExtraInfo, ZegoStream, ZegoUser},
};
use serde::{Serialize, Serializer};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    #[serde(rename = "userID")]
    user_id: &'a str,
    user_name: &'a str,
}

impl<'a> From<&'a ZegoUser> for User<'a> {
    fn from(user: &'a ZegoUser) -> Self {
        Self {
            user_id: user.user_id.as_str(),
            user_name: &user.user_name,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stream<'a> {
    #[serde(rename = "streamID")]
    stream_id: &'a str,
    user: User<'a>,
    extra_info: &'a str,
}

pub(super) fn users<S: Serializer>(users: &[ZegoUser], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(users.iter().map(User::from))
}

pub(super) fn user<S: Serializer>(user: &ZegoUser, serializer: S) -> Result<S::Ok, S::Error> {
    User::from(user).serialize(serializer)
}

pub(super) fn streams<S: Serializer>(streams: &[ZegoStream], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(streams.iter().map(|stream| Stream {
        stream_id: stream.stream_id.as_str(),
        user: User::from(&stream.user),
        extra_info: &stream.extra_info,
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomInfo<'a> {
    key: &'a str,
    value: &'a str,
    update_user: User<'a>,
    update_time: u64,
}

pub(super) fn room_infos<S: Serializer>(infos: &[ZegoRoomExtraInfo], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(infos.iter().map(|info| RoomInfo {
        key: &info.key,
        value: &info.value,
        update_user: User::from(&info.update_user),
        update_time: info.update_time,
    }))
}

pub(super) fn local_stream<S: Serializer>(id: &LocalStreamId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(id.0)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo<'a> {
    device_name: &'a str,
    #[serde(rename = "deviceID")]
    device_id: &'a str,
}

pub(super) fn device_info<S: Serializer>(info: &ZegoDeviceInfo, serializer: S) -> Result<S::Ok, S::Error> {
    let info = DeviceInfo {
        device_name: &info.device_name,
        device_id: &info.device_id,
    };
    info.serialize(serializer)
}

pub(super) fn flag<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

pub(super) fn media<S: Serializer>(id: &MediaId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(id.0)
}

/// An item of both kinds of message; only the type of its name differs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a, I> {
    from_user: User<'a>,
    message: &'a str,
    send_time: u64,
    #[serde(rename = "messageID")]
    message_id: I,
}

pub(super) fn broadcasts<S: Serializer>(messages: &[ZegoBroadcastMessageInfo], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(messages.iter().map(|message| Message {
        from_user: User::from(&message.from_user),
        message: &message.message,
        send_time: message.send_time,
        message_id: message.message_id,
    }))
}

pub(super) fn barrages<S: Serializer>(messages: &[ZegoBarrageMessageInfo], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(messages.iter().map(|message| Message {
        from_user: User::from(&message.from_user),
        message: &message.message,
        send_time: message.send_time,
        message_id: &message.message_id,
    }))
}
