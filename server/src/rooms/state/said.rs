//! What is said to a room over several nodes: in one order for all of them, or past it where it may be lost.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::UserId;
use express_messages::types::ZegoUser;
use express_signalling::protocol::{
    BroadcastMessage, CustomCommand, Event, RoomExtraInfoUpdate, SendBroadcastMessageOk, ServerFrame, SetRoomExtraInfoOk,
    WireError,
};

use super::records::{RoomKey, SessionKey, Stream, Timer};
use super::{Now, RoomsState};
use crate::rooms::SharedEvent;
use crate::rooms::admin::AdminFault;
use crate::rooms::cloud::{Fact, Saying, Wish, Words};
use crate::rooms::effect::{ConnectionId, Effect, Ticket};

/// Texts that wait for their order at a time.
const MAX_SAYS: usize = 10_000;
/// The cloud answers sooner; this is for the case that it does not.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a text that was not said is worth another try.
const SAY_RETRY: Duration = Duration::from_secs(1);

/// Who waits until a text is said.
#[derive(Debug)]
pub(super) enum Waiter {
    /// A request.
    Socket {
        connection: ConnectionId,
        id: u64,
        /// It is answered with the number of the message; else with the time of the extra info.
        is_numbered: bool,
    },
    /// A call of a business server.
    Call,
}

impl RoomsState {
    /// Says something to the room in the order of its home, and answers the request then.
    pub(super) fn say_for(
        &mut self,
        (connection, id): (ConnectionId, u64),
        room: RoomKey,
        saying: Saying,
    ) -> Result<(), WireError> {
        let is_numbered = matches!(saying, Saying::Broadcast(_));
        let waiter = Waiter::Socket {
            connection,
            id,
            is_numbered,
        };
        let asked = self.ask_to_say(waiter, room, saying);
        asked.map(|_| ()).ok_or_else(|| not_said(is_numbered))
    }

    /// The same for a call of a business server, which goes on under the ticket.
    pub(super) fn say_for_call(&mut self, room: RoomKey, saying: Saying) -> Result<Ticket, AdminFault> {
        self.ask_to_say(Waiter::Call, room, saying).ok_or(AdminFault::NotTaken)
    }

    fn ask_to_say(&mut self, waiter: Waiter, room: RoomKey, saying: Saying) -> Option<Ticket> {
        let ticket = Ticket(self.new_number());
        let cloud = self.cloud.as_mut().filter(|cloud| cloud.says.len() < MAX_SAYS)?;
        cloud.says.insert(ticket, waiter);
        let at = self.in_a(PATIENCE);
        self.timers.set(Timer::Said(ticket), at);
        self.wish(Wish::Say { ticket, room, saying });
        Some(ticket)
    }

    /// It was said, or was not.
    pub(super) fn said_for(&mut self, ticket: Ticket, outcome: Result<u64, ()>) {
        self.timers.clear(Timer::Said(ticket));
        let Some(waiter) = self.cloud.as_mut().and_then(|cloud| cloud.says.remove(&ticket)) else {
            return;
        };
        let Waiter::Socket {
            connection,
            id,
            is_numbered,
        } = waiter
        else {
            return self.effects.push(Effect::CallGoesOn(ticket, outcome));
        };
        match outcome {
            Ok(message_id) if is_numbered => {
                self.reply(connection, ServerFrame::ok(id, &SendBroadcastMessageOk { message_id }));
            }
            Ok(update_time_ms) => self.reply(connection, ServerFrame::ok(id, &SetRoomExtraInfoOk { update_time_ms })),
            Err(()) => self.refuse(connection, id, not_said(is_numbered)),
        }
    }

    /// A socket is gone, and who waited with it.
    pub(super) fn forget_waiters(&mut self, connection: ConnectionId) {
        let Some(cloud) = &mut self.cloud else { return };
        let is_gone = |waiter: &Waiter| matches!(waiter, Waiter::Socket { connection: of, .. } if *of == connection);
        let gone = cloud.says.iter().filter(|(_, waiter)| is_gone(waiter));
        for ticket in gone.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            cloud.says.remove(&ticket);
            self.timers.clear(Timer::Said(ticket));
        }
    }

    /// Something was said: the members of this node hear it.
    pub(super) fn said(&mut self, room_key: &RoomKey, saying: Saying) {
        match saying {
            Saying::Broadcast(message) => {
                let from = message.from_user.clone();
                let messages = vec![message];
                let event = Event::BroadcastMessage(BroadcastMessage { messages });
                self.tell_others(room_key, &from, event, false);
            }
            Saying::Info(info) => {
                let room = self.rooms.get_mut(room_key);
                if room.is_some_and(|room| room.info.take(info.clone())) {
                    let user = info.update_user.clone();
                    let event = Event::RoomExtraInfoUpdate(RoomExtraInfoUpdate { infos: vec![info] });
                    self.tell_others(room_key, &user, event, false);
                }
            }
            Saying::Command {
                from_user,
                command,
                to_users,
            } => {
                let command = CustomCommand {
                    from_user: from_user.clone(),
                    command,
                };
                let event = SharedEvent::new(Event::CustomCommand(command));
                if to_users.is_empty() {
                    return self.tell_others(room_key, &from_user, event, false);
                }
                for user in to_users {
                    if let Some(key) = self.session_in(room_key, &user) {
                        self.tell_command(key, &event);
                    }
                }
            }
        }
    }

    /// Tells a command to those of its users who are on other nodes.
    ///
    /// - `to_users`: `None`: it is for everybody
    pub(super) fn command_elsewhere(
        &mut self,
        room_key: &RoomKey,
        from_user: ZegoUser,
        command: String,
        to_users: Option<Vec<UserId>>,
    ) {
        if to_users.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let saying = Saying::Command {
            from_user,
            command,
            to_users: to_users.unwrap_or_default(),
        };
        self.tell_nodes(room_key, Fact::Said(saying));
    }

    /// Something that may be lost was said on another node.
    pub(super) fn whispered(&mut self, now: Now, room_key: RoomKey, words: Words) {
        let Some(room) = self.rooms.get_mut(&room_key) else {
            return;
        };
        match words {
            Words::Barrage(message) => self.take_barrage(now, room_key, message),
            Words::Quality(quality) => {
                room.waiting.add_quality_elsewhere(quality);
                self.gather_notices(now, room_key);
            }
            Words::Leg(stream_id, leg) => {
                let key = self.stream_key(room_key.0, &stream_id);
                let is_there = |stream: &Stream| stream.origin.is_some() && stream.room == room_key;
                if let Some(key) = key.filter(|key| self.streams.get(key).is_some_and(is_there)) {
                    self.leg_changed(now, key, leg);
                }
            }
        }
    }

    /// Whispers to the other nodes of a room, if there are any.
    pub(super) fn whisper(&mut self, room: &RoomKey, words: Words) {
        let has_others = |room: &super::Room| !room.elsewhere.members.is_empty();
        if self.cloud.is_some() && self.rooms.get(room).is_some_and(has_others) {
            self.wish(Wish::Whisper(room.clone(), words));
        }
    }

    fn tell_command(&mut self, key: SessionKey, event: &SharedEvent) {
        if self.sessions.get(&key).is_some_and(super::messages::takes_commands) {
            self.tell(key, event.clone());
        } else {
            crate::rooms::counters::count(&mut self.counters.commands_not_kept);
        }
    }
}

fn not_said(is_text: bool) -> WireError {
    let code = if is_text {
        codes::IM_SEND_FAIL
    } else {
        codes::ROOM_INNER_ERROR
    };
    WireError::retry(code, "the cloud has not taken it; send it a little later", SAY_RETRY)
}
