//! The server API sends texts to a room, or to some of it.

use express_messages::codes;
use express_messages::types::ZegoUser;
use express_signalling::protocol::{BroadcastMessage, CustomCommand, Event, RoomBarrage, RoomMessage};

use super::messages::others_once;
use super::{Now, RoomsState};
use crate::rooms::SharedEvent;
use crate::rooms::admin::{AdminCall, AdminFault, ServerBarrage, ServerBroadcast, ServerCommand};
use crate::rooms::counters::count;

impl AdminCall for ServerBroadcast {
    type Ok = u64;

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<u64, AdminFault> {
        let room_key = (app_id, self.room_id);
        let room = state.rooms.get_mut(&room_key).ok_or(AdminFault::NoRoom)?;
        let message_id = room.sent.next_id();
        let message = RoomMessage {
            from_user: self.from_user.clone(),
            message: self.message,
            message_id,
            send_time_ms: now.unix_ms,
        };
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
        let message_id = room.sent.next_id().to_string();
        let message = RoomBarrage {
            from_user: send.from_user,
            message: send.message,
            message_id: message_id.clone(),
            send_time_ms: now.unix_ms,
        };
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
        let named = state.session_in(&room_key, &self.from_user);
        let named = named
            .and_then(|key| state.sessions.get(&key))
            .map(|session| session.user.clone());
        let from_user = named.unwrap_or_else(|| ZegoUser {
            user_id: self.from_user.clone(),
            user_name: String::new(),
        });
        let event = SharedEvent::new(Event::CustomCommand(CustomCommand {
            from_user: from_user.clone(),
            command: self.command,
        }));
        let absent = if self.to_users.is_empty() {
            state.tell_others(&room_key, &from_user, event, false);
            Vec::new()
        } else {
            let to_users = others_once(self.to_users, &from_user.user_id);
            let told = state.tell_users_listed(&room_key, to_users, &event);
            told.map_err(|error| {
                debug_assert_eq!(error.code, codes::IM_SEND_FAIL);
                AdminFault::NobodyThere
            })?
        };
        count(&mut state.counters.custom_commands);
        Ok(absent)
    }
}
