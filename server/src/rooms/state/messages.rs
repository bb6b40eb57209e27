//! Messages between users: texts to a whole room, and commands to some of it.

use std::collections::HashSet;
use std::time::Duration;

use express_messages::codes;
use express_messages::ids::UserId;
use express_messages::types::ZegoUser;
use express_signalling::protocol::{
    BroadcastMessage, CustomCommand, Event, MAX_COMMAND_USERS, MAX_TEXT, RoomBarrage, RoomMessage, SendBarrageMessage,
    SendBarrageMessageOk, SendBroadcastMessage, SendBroadcastMessageOk, SendCustomCommand, SendCustomCommandOk, WireError,
};

use super::nodes::Nodes;
use super::records::{RoomKey, Session, SessionKey};
use super::requests::whole_ms;
use super::{Now, RoomsState, session_is_gone};
use crate::config::LimitsConfig;
use crate::rooms::SharedEvent;
use crate::rooms::bucket::{Bucket, Rate};
use crate::rooms::cloud::{Saying, Words};
use crate::rooms::counters::count;
use crate::rooms::effect::ConnectionId;

/// How often messages may be sent.
#[derive(Debug)]
pub(super) struct MessageRates {
    broadcasts_of_room: Rate,
    broadcasts_of_user: Rate,
    barrages_of_room: Rate,
    commands_to_one: Rate,
    commands_to_several: Rate,
    pub(super) infos_of_room: Rate,
}

impl From<&LimitsConfig> for MessageRates {
    fn from(limits: &LimitsConfig) -> Self {
        let rate = |per_s| Rate::new(per_s, per_s);
        Self {
            broadcasts_of_room: rate(limits.broadcasts_per_room_per_s),
            broadcasts_of_user: rate(limits.broadcasts_per_user_per_s),
            barrages_of_room: rate(limits.barrage_per_room_per_s),
            commands_to_one: rate(limits.commands_to_one_per_s),
            commands_to_several: rate(limits.commands_to_several_per_s),
            infos_of_room: rate(limits.room_infos_per_room_per_s),
        }
    }
}

/// What was sent to a room.
#[derive(Debug, Default)]
pub(super) struct SentToRoom {
    last_id: u64,
    broadcasts: Bucket,
    barrages: Bucket,
}

impl SentToRoom {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }
}

/// What a session has sent.
#[derive(Debug, Default)]
pub(super) struct SentByUser {
    broadcasts: Bucket,
    commands_to_one: Bucket,
    commands_to_several: Bucket,
}

impl RoomsState {
    /// Reaches everybody else in the room, also those who must resume.
    ///
    /// - `Ok(None)`: the answer comes when the cloud has put it into its order
    pub(super) fn broadcast(
        &mut self,
        now: Now,
        request: (ConnectionId, u64),
        key: SessionKey,
        send: SendBroadcastMessage,
    ) -> Result<Option<SendBroadcastMessageOk>, WireError> {
        check_text("message", &send.message, codes::IM_CONTENT_TOO_LONG)?;
        let session = self.sessions.get_mut(&key).ok_or_else(session_is_gone)?;
        let room = self.rooms.get_mut(&session.room).ok_or_else(session_is_gone)?;
        // Both or none is paid: who is refused for the room's sake keeps its own.
        let mut of_user = session.sent.broadcasts;
        of_user
            .take(self.message_rates.broadcasts_of_user, 1, now.mono)
            .map_err(|wait| too_often(codes::IM_BROADCAST_QPS, "broadcasts of this user", wait))?;
        room.sent
            .broadcasts
            .take(self.message_rates.broadcasts_of_room, 1, now.mono)
            .map_err(|wait| too_often(codes::IM_BROADCAST_QPS, "broadcasts in this room", wait))?;
        session.sent.broadcasts = of_user;
        let (room_key, from_user) = (session.room.clone(), session.user.clone());
        let message_id = match &self.cloud {
            Some(_) => 0,
            None => room.sent.next_id(),
        };
        let message = RoomMessage {
            from_user: from_user.clone(),
            message: send.message,
            message_id,
            send_time_ms: now.unix_ms,
        };
        if self.cloud.is_some() {
            self.say_for(request, room_key, Saying::Broadcast(message))?;
            count(&mut self.counters.broadcasts);
            return Ok(None);
        }
        let messages = vec![message];
        let event = Event::BroadcastMessage(BroadcastMessage { messages });
        count(&mut self.counters.broadcasts);
        self.tell_others(&room_key, &from_user, event, false);
        Ok(Some(SendBroadcastMessageOk { message_id }))
    }

    /// Reaches everybody else in the room who is connected, with the next notice.
    pub(super) fn barrage(
        &mut self,
        now: Now,
        key: SessionKey,
        send: SendBarrageMessage,
    ) -> Result<SendBarrageMessageOk, WireError> {
        check_text("message", &send.message, codes::IM_CONTENT_TOO_LONG)?;
        let session = self.sessions.get(&key).ok_or_else(session_is_gone)?;
        let room_key = session.room.clone();
        let room = self.rooms.get_mut(&room_key).ok_or_else(session_is_gone)?;
        room.sent
            .barrages
            .take(self.message_rates.barrages_of_room, 1, now.mono)
            .map_err(|wait| too_often(codes::IM_BROADCAST_QPS, "barrage messages in this room", wait))?;
        let number = room.sent.next_id();
        let message_id = barrage_id(self.cloud.as_ref(), number);
        let message = RoomBarrage {
            from_user: session.user.clone(),
            message: send.message,
            message_id: message_id.clone(),
            send_time_ms: now.unix_ms,
        };
        self.whisper(&room_key, Words::Barrage(message.clone()));
        self.take_barrage(now, room_key, message);
        Ok(SendBarrageMessageOk { message_id })
    }

    /// Tells it with the next notice, unless too many are waiting.
    pub(super) fn take_barrage(&mut self, now: Now, room_key: RoomKey, message: RoomBarrage) {
        count(&mut self.counters.barrage_messages);
        let room = self.rooms.get_mut(&room_key);
        if !room.is_some_and(|room| room.waiting.add_barrage(message)) {
            count(&mut self.counters.barrage_messages_dropped);
        }
        self.gather_notices(now, room_key);
    }

    /// Reaches some users of the room, or all others, also those who must resume.
    pub(super) fn custom_command(
        &mut self,
        now: Now,
        key: SessionKey,
        send: SendCustomCommand,
    ) -> Result<SendCustomCommandOk, WireError> {
        check_text("command", &send.command, codes::IM_COMMAND_TOO_LONG)?;
        if send.to_users.len() > MAX_COMMAND_USERS {
            let message = format!(
                "the command is for {} users; at most {MAX_COMMAND_USERS} are allowed",
                send.to_users.len()
            );
            return Err(WireError::fatal(codes::INPUT_PARAM, message));
        }
        let session = self.sessions.get_mut(&key).ok_or_else(session_is_gone)?;
        let (room_key, from_user) = (session.room.clone(), session.user.clone());
        let to_all = send.to_users.is_empty();
        let to_users = others_once(send.to_users, &from_user.user_id);
        let sent = &mut session.sent;
        let (bucket, rate) = match to_users.len() {
            1 => (&mut sent.commands_to_one, self.message_rates.commands_to_one),
            _ => (&mut sent.commands_to_several, self.message_rates.commands_to_several),
        };
        bucket
            .take(rate, 1, now.mono)
            .map_err(|wait| too_often(codes::IM_TRANS_FREQUENTLY, "commands of this user", wait))?;
        let to_users = (!to_all).then_some(to_users);
        let absent = self.tell_command_to(&room_key, from_user, send.command, to_users)?;
        count(&mut self.counters.custom_commands);
        Ok(SendCustomCommandOk { absent })
    }

    /// Tells a command to users of the room (`None`: all others), wherever they are; those who are not there are the answer.
    pub(super) fn tell_command_to(
        &mut self,
        room_key: &RoomKey,
        from_user: ZegoUser,
        text: String,
        to_users: Option<Vec<UserId>>,
    ) -> Result<Vec<UserId>, WireError> {
        let command = CustomCommand {
            from_user: from_user.clone(),
            command: text.clone(),
        };
        let event = SharedEvent::new(Event::CustomCommand(command));
        let Some(to_users) = to_users else {
            self.tell_others(room_key, &from_user, event, false);
            self.command_elsewhere(room_key, from_user, text, None);
            return Ok(Vec::new());
        };
        let is_elsewhere = |user: &&UserId| self.member_elsewhere(room_key, user).is_some();
        let elsewhere: Vec<UserId> = to_users.iter().filter(is_elsewhere).cloned().collect();
        let absent = self.tell_users_listed(room_key, to_users, &event)?;
        self.command_elsewhere(room_key, from_user, text, Some(elsewhere));
        Ok(absent)
    }

    /// Tells those who are in the room; the others are the answer.
    fn tell_users_listed(
        &mut self,
        room_key: &RoomKey,
        users: Vec<UserId>,
        event: &SharedEvent,
    ) -> Result<Vec<UserId>, WireError> {
        let (mut present, mut absent, mut elsewhere) = (Vec::new(), Vec::new(), false);
        for user in users {
            let session = self.users.in_room(room_key, &user);
            match session.and_then(|key| Some((key, self.sessions.get(&key)?))) {
                Some((key, session)) if takes_commands(session) => present.push(key),
                Some(_) => {
                    count(&mut self.counters.commands_not_kept);
                    absent.push(user);
                }
                None if self.member_elsewhere(room_key, &user).is_some() => elsewhere = true,
                None => absent.push(user),
            }
        }
        if present.is_empty() && !elsewhere {
            return Err(WireError::fatal(
                codes::IM_SEND_FAIL,
                "none of the users that the command is for is in the room",
            ));
        }
        for session in present {
            self.tell(session, event.clone());
        }
        Ok(absent)
    }
}

/// Who is away and has many messages waiting gets no more commands, so that its broadcasts, whose rate the room bounds, have
/// room.
pub(super) fn takes_commands(session: &Session) -> bool {
    session.connection.is_some() || session.hosted || !session.replay.is_half_full()
}

/// Names a barrage message; in a cloud each node counts for itself.
pub(super) fn barrage_id(cloud: Option<&Nodes>, number: u64) -> String {
    match cloud {
        Some(cloud) => format!("{}-{number}", cloud.name),
        None => number.to_string(),
    }
}

/// Each of them once and in their order, without the sender: nobody gets one's own.
pub(super) fn others_once(users: Vec<UserId>, sender: &UserId) -> Vec<UserId> {
    let mut seen = HashSet::from([sender.clone()]);
    users.into_iter().filter(|user| seen.insert(user.clone())).collect()
}

fn check_text(what: &str, text: &str, too_long: i32) -> Result<(), WireError> {
    match text.len() {
        0 => Err(WireError::fatal(codes::IM_CONTENT_NULL, format!("the {what} is empty"))),
        1..=MAX_TEXT => Ok(()),
        bytes => {
            let message = format!("the {what} has {bytes} bytes; at most {MAX_TEXT} are allowed");
            Err(WireError::fatal(too_long, message))
        }
    }
}

pub(super) fn too_often(code: i32, what: &str, wait: Duration) -> WireError {
    let message = format!("too many {what} in a second; send it a little later");
    WireError::retry(code, message, whole_ms(wait))
}
