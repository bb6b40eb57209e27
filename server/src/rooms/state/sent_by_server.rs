//! The server API sends texts to a room, or to some of it.

use express_messages::codes;
use express_messages::types::ZegoUser;
use express_signalling::protocol::{BroadcastMessage, Event, RoomBarrage, RoomMessage};

use super::messages::{barrage_id, others_once};
use super::{Now, RoomsState};
use crate::rooms::admin::{AdminCall, AdminFault, ServerBarrage, ServerBroadcast, ServerCommand};
use crate::rooms::cloud::{Saying, Words};
use crate::rooms::counters::count;

impl AdminCall for ServerBroadcast {
    type Ok = u64;

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<u64, AdminFault> {
        let room_key = (app_id, self.room_id);
        let room = state.rooms.get_mut(&room_key).ok_or(AdminFault::NoRoom)?;
        let message_id = match &state.cloud {
            // The home of the room will number it; who asked cannot wait for that, and gets a number that is like none of those.
            Some(_) => now.unix_ms,
            None => room.sent.next_id(),
        };
        let message = RoomMessage {
            from_user: self.from_user.clone(),
            message: self.message,
            message_id,
            send_time_ms: now.unix_ms,
        };
        if state.cloud.is_some() {
            count(&mut state.counters.broadcasts);
            state.say(room_key, Saying::Broadcast(message));
            return Ok(message_id);
        }
        let messages = vec![message];
        count(&mut state.counters.broadcasts);
        let event = Event::BroadcastMessage(BroadcastMessage { messages });
        state.tell_others(&room_key, &self.from_user, event, false);
        Ok(message_id)
    }
}

impl AdminCall for ServerBarrage {
    type Ok = String;

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
