//! The server API sends texts to a room, or to some of it.

use express_messages::codes;
use express_messages::ids::RoomId;
use express_messages::types::ZegoUser;
use express_signalling::protocol::{BroadcastMessage, Event, RoomBarrage, RoomMessage};

use super::messages::{barrage_id, others_once};
use super::{Now, RoomsState};
use crate::rooms::admin::{AdminCall, AdminFault, Begun, ServerBarrage, ServerBroadcast, ServerCommand};
use crate::rooms::cloud::{Saying, Words};
use crate::rooms::counters::count;

impl AdminCall for ServerBroadcast {
    type Ok = u64;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    /// Over several nodes the home of the room numbers it.
    fn begin(self, state: &mut RoomsState, now: Now, app_id: u32) -> Begun<u64> {
        if state.cloud.is_none() {
            return Begun::Done(self.serve(state, now, app_id));
        }
        let room_key = (app_id, self.room_id);
        if !state.rooms.contains_key(&room_key) {
            return Begun::Done(Err(AdminFault::NoRoom));
        }
        let message = RoomMessage {
            from_user: self.from_user,
            message: self.message,
            message_id: 0,
            send_time_ms: now.unix_ms,
        };
        match state.say_for_call(room_key, Saying::Broadcast(message)) {
            Ok(ticket) => {
                count(&mut state.counters.broadcasts);
                Begun::WhenSaid(ticket, |message_id| message_id)
            }
            Err(fault) => Begun::Done(Err(fault)),
        }
    }

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<u64, AdminFault> {
        let room_key = (app_id, self.room_id);
        let room = state.rooms.get_mut(&room_key).ok_or(AdminFault::NoRoom)?;
        let message_id = room.sent.next_id();
        let messages = vec![RoomMessage {
            from_user: self.from_user.clone(),
            message: self.message,
            message_id,
            send_time_ms: now.unix_ms,
        }];
        count(&mut state.counters.broadcasts);
        let event = Event::BroadcastMessage(BroadcastMessage { messages });
        state.tell_others(&room_key, &self.from_user, event, false);
        Ok(message_id)
    }
}

impl AdminCall for ServerBarrage {
    type Ok = String;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.0.room_id)
    }

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<String, AdminFault> {
        let Self(send) = self;
        let room_key = (app_id, send.room_id);
        let room = state.rooms.get_mut(&room_key).ok_or(AdminFault::NoRoom)?;
        let number = room.sent.next_id();
        let message_id = barrage_id(state.cloud.as_ref(), number);
        let message = RoomBarrage {
            from_user: send.from_user,
            message: send.message,
            message_id: message_id.clone(),
            send_time_ms: now.unix_ms,
        };
        state.whisper(&room_key, Words::Barrage(message.clone()));
        state.take_barrage(now, room_key, message);
        Ok(message_id)
    }
}

impl AdminCall for ServerCommand {
    type Ok = Vec<express_messages::ids::UserId>;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<Self::Ok, AdminFault> {
        let room_key = (app_id, self.room_id);
        if !state.rooms.contains_key(&room_key) {
            return Err(AdminFault::NoRoom);
        }
        // The name of a user who is there is known; who sends from outside has none.
        let named = state.visible(&room_key, &self.from_user);
        let from_user = named.unwrap_or_else(|| ZegoUser {
            user_id: self.from_user.clone(),
            user_name: String::new(),
        });
        let to_all = self.to_users.is_empty();
        let to_users = (!to_all).then(|| others_once(self.to_users, &from_user.user_id));
        let told = state.tell_command_to(&room_key, from_user, self.command, to_users);
        let absent = told.map_err(|error| {
            debug_assert_eq!(error.code, codes::IM_SEND_FAIL);
            AdminFault::NobodyThere
        })?;
        count(&mut state.counters.custom_commands);
        Ok(absent)
    }
}
