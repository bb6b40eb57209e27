//! Messages to others in the room, and what is attached to it.

use express_messages::{codes, room::SetRoomExtraInfo};

use super::ZegoExpressEngine;
use crate::{
    actor::state::{Command, check_users},
    replies::{SentBarrageMessage, SentCommand, SentMessage},
    reply::Reply,
};

impl ZegoExpressEngine {
    /// Sends a text to everybody else in the room, reliably and in order; they get
    /// [`ImRecvBroadcastMessage`](crate::ImRecvBroadcastMessage).
    ///
    /// # Errors
    /// - 1009001: the text is empty; 1009013: it has more than 1,024 bytes
    /// - 1000002: not logged in, or not yet; 1009005: logged in to another room
    /// - 1009015: more than 2 a second of this user, or 10 a second in the room
    /// - 1009010: the link is away, or was lost before the server answered: it may have arrived or not
    #[doc(alias = "sendBroadcastMessage")]
    pub fn send_broadcast_message(&self, room_id: impl AsRef<str>, message: impl Into<String>) -> Reply<SentMessage> {
        let (room_id, message) = (room_id.as_ref(), message.into());
        let too_long = codes::IM_CONTENT_TOO_LONG;
        self.shared().ask_whom(
            |state| Ok((state.room_to_send(room_id, &message, too_long)?, message)),
            |(room, message), done| Command::Broadcast {
                room,
                message,
                done: done.map(|message_id| SentMessage { message_id }),
            },
        )
    }

    /// Attaches a value to the room under a key; the others get [`RoomExtraInfoUpdate`](crate::RoomExtraInfoUpdate), also those who
    /// come later. A room has one key as long as it lives, and everybody may change its value, also to an empty one.
    ///
    /// What the server took is kept over reconnects, and set again by this engine where it was set last and the room is a new one.
    ///
    /// # Errors
    /// - 1002014: the key is empty; 1002015: it has more than 128 bytes; 1002016: the value has more than 4,096
    /// - 1002002: not logged in to that room, or not yet
    /// - 1002017: the room has another key
    /// - 1102022: another call is under way, or more than 10 a second in the room
    /// - 1000017: the link is away, or went before the server answered; 1100002: no answer in time. Set it again
    #[doc(alias = "setRoomExtraInfo")]
    pub fn set_room_extra_info(&self, room_id: impl AsRef<str>, key: impl Into<String>, value: impl Into<String>) -> Reply<()> {
        let (room_id, key, value) = (room_id.as_ref(), key.into(), value.into());
        let info = SetRoomExtraInfo { key, value };
        self.shared().ask_whom(
            |state| Ok((state.room_to_describe(room_id, &info)?, info)),
            |(room, info), done| Command::SetRoomExtraInfo { room, info, done },
        )
    }

    /// Sends a text to everybody else in the room that may be lost where there are many; they get
    /// [`ImRecvBarrageMessage`](crate::ImRecvBarrageMessage).
    ///
    /// # Errors
    /// As [`send_broadcast_message`](Self::send_broadcast_message); 1009015 beyond 20 a second in the room.
    #[doc(alias = "sendBarrageMessage")]
    pub fn send_barrage_message(&self, room_id: impl AsRef<str>, message: impl Into<String>) -> Reply<SentBarrageMessage> {
        let (room_id, message) = (room_id.as_ref(), message.into());
        let too_long = codes::IM_CONTENT_TOO_LONG;
        self.shared().ask_whom(
            |state| Ok((state.room_to_send(room_id, &message, too_long)?, message)),
            |(room, message), done| Command::Barrage {
                room,
                message,
                done: done.map(|message_id| SentBarrageMessage { message_id }),
            },
        )
    }

    /// Sends a text, often JSON, to some users of the room, reliably; they get
    /// [`ImRecvCustomCommand`](crate::ImRecvCustomCommand). With an empty list everybody else in the room gets it.
    ///
    /// ```
    /// # fn invite(engine: &express_engine::ZegoExpressEngine) {
    /// drop(engine.send_custom_command("lobby", r#"{"seat":4}"#, ["bob", "carol"]));
    /// # }
    /// ```
    ///
    /// # Errors
    /// - 1009001: the text is empty; 1009002: it has more than 1,024 bytes
    /// - 1100001: more than 500 users, or an id that no user can have
    /// - 1000002: not logged in, or not yet; 1009005: logged in to another room
    /// - 1109001: more than 200 a second to one user, or 10 a second to several
    /// - 1009010: nobody of the list is there; or the link is away, or was lost before the server answered: it may have
    ///   arrived or not
    #[doc(alias = "sendCustomCommand")]
    pub fn send_custom_command<U: AsRef<str>>(
        &self,
        room_id: impl AsRef<str>,
        command: impl Into<String>,
        to_user_ids: impl IntoIterator<Item = U>,
    ) -> Reply<SentCommand> {
        let (room_id, command, users) = (room_id.as_ref(), command.into(), check_users(to_user_ids));
        self.shared().ask_whom(
            |state| {
                let room = state.room_to_send(room_id, &command, codes::IM_COMMAND_TOO_LONG)?;
                Ok((room, command, users?))
            },
            |(room, command, to_users), done| Command::Custom {
                room,
                command,
                to_users,
                done: done.map(|absent| SentCommand { absent }),
            },
        )
    }
}
