//! What this user tells the others: messages, and the texts of its streams.

use express_messages::{
    ZegoError, codes,
    ids::{COMMAND_USERS_MAX, EXTRA_INFO_MAX, MESSAGE_MAX, ROOM_INFO_KEY_MAX, ROOM_INFO_VALUE_MAX, RoomId, StreamId, UserId},
    room::{RoomEvent, SetRoomExtraInfo},
};

use super::{
    EngineState, LifeId, Step,
    room::Room,
    rooms::{not_logged_in, not_that_room},
};
use crate::events::{
    ImRecvBarrageMessage, ImRecvBroadcastMessage, ImRecvCustomCommand, RoomExtraInfoUpdate, RoomOnlineUserCountUpdate,
};

impl EngineState {
    /// The room part that sends a message to `room_id`.
    ///
    /// # Errors
    /// 1009001 for an empty text, `too_long` for one over 1,024 bytes, 1000002 outside of a room, 1009005 for another room.
    pub(crate) fn room_to_send(&self, room_id: &str, text: &str, too_long: i32) -> Result<LifeId, ZegoError> {
        self.alive()?;
        check_text(text, MESSAGE_MAX, codes::IM_CONTENT_NULL, too_long, "the message")?;
        self.in_some_room()?;
        let room = self.rooms.get(room_id).ok_or_else(|| {
            let here: Vec<_> = self.rooms.iter().map(|room| room.id().as_str()).collect();
            let text = format!("not logged in to room {room_id:?}, but to {}", here.join(", "));
            ZegoError::new(codes::IM_ROOM_INCORRECT, text)
        })?;
        room.ready().ok_or_else(not_logged_in)
    }

    /// The room part that attaches an extra info to `room_id`.
    ///
    /// # Errors
    /// 1002014 for an empty key, 1002015 for one over 128 bytes, 1002016 for a value over 4,096 bytes, 1002002 for a room that is
    /// not logged in to, or not yet.
    pub(crate) fn room_to_describe(&self, room_id: &str, info: &SetRoomExtraInfo) -> Result<LifeId, ZegoError> {
        self.alive()?;
        let (empty, too_long) = (codes::ROOM_EXTRA_INFO_KEY_EMPTY, codes::ROOM_EXTRA_INFO_KEY_TOO_LONG);
        check_text(&info.key, ROOM_INFO_KEY_MAX, empty, too_long, "the key")?;
        if info.value.len() > ROOM_INFO_VALUE_MAX {
            let text = format!(
                "the value has {} bytes; at most {ROOM_INFO_VALUE_MAX} are allowed",
                info.value.len()
            );
            return Err(ZegoError::new(codes::ROOM_EXTRA_INFO_VALUE_TOO_LONG, text));
        }
        self.rooms
            .get(room_id)
            .and_then(Room::ready)
            .ok_or_else(|| not_that_room(room_id))
    }

    /// The publisher part that attaches another text to its stream.
    ///
    /// # Errors
    /// 1000015, 1000014, 1000016 for a bad streamID, 1003050 for an empty text, 1003051 for one over 1,024 bytes, 1103055
    /// for a stream that is not published.
    pub(crate) fn publisher_of(&mut self, stream_id: &str, extra_info: &str) -> Result<LifeId, ZegoError> {
        self.alive()?;
        let stream_id = StreamId::new(stream_id)?;
        let (empty, too_long) = (codes::PUBLISHER_EXTRA_INFO_NULL, codes::PUBLISHER_EXTRA_INFO_TOO_LONG);
        check_text(extra_info, EXTRA_INFO_MAX, empty, too_long, "extraInfo")?;
        let life = self.publication(&stream_id).and_then(|publication| publication.life());
        life.ok_or_else(|| {
            let text = format!("stream {stream_id} is not being published");
            ZegoError::new(codes::PUBLISHER_STREAM_NO_FOUND, text)
        })
    }
}

/// What another user sent, or how many users there are.
pub(super) fn on_word(room_id: RoomId, event: RoomEvent, out: &mut Step) {
    let room_id = room_id.into();
    match event {
        RoomEvent::BroadcastMessages(message_list) => out.emit(ImRecvBroadcastMessage { room_id, message_list }),
        RoomEvent::BarrageMessages(message_list) => out.emit(ImRecvBarrageMessage { room_id, message_list }),
        RoomEvent::CustomCommand { from_user, command } => out.emit(ImRecvCustomCommand {
            room_id,
            from_user,
            command,
        }),
        RoomEvent::RoomExtraInfo(info) => out.emit(RoomExtraInfoUpdate {
            room_id,
            room_extra_info_list: vec![info],
        }),
        RoomEvent::OnlineUserCount(count) => out.emit(RoomOnlineUserCountUpdate { room_id, count }),
        other => tracing::warn!(?other, "a room event that this engine does not know"),
    }
}

/// The users of a custom command.
///
/// # Errors
/// 1100001 for more than 500, or an id that no user can have.
pub(crate) fn check_users<U: AsRef<str>>(users: impl IntoIterator<Item = U>) -> Result<Vec<UserId>, ZegoError> {
    let parse = |user: U| UserId::new(user).map_err(|error| ZegoError::new(codes::INPUT_PARAM, error.message));
    let users: Vec<UserId> = users.into_iter().map(parse).collect::<Result<_, _>>()?;
    if users.len() > COMMAND_USERS_MAX {
        let text = format!("{} users are named; at most {COMMAND_USERS_MAX} are allowed", users.len());
        return Err(ZegoError::new(codes::INPUT_PARAM, text));
    }
    Ok(users)
}

fn check_text(text: &str, max: usize, empty: i32, too_long: i32, what: &str) -> Result<(), ZegoError> {
    match text.len() {
        0 => Err(ZegoError::new(empty, format!("{what} is empty; give 1 to {max} bytes"))),
        bytes if bytes > max => {
            let text = format!("{what} has {bytes} bytes; at most {max} are allowed");
            Err(ZegoError::new(too_long, text))
        }
        _ => Ok(()),
    }
}
