//! Commands that tell the others something, and wait for the server's answer.

use actix::{ActorFutureExt, AsyncContext, Context, Message, Recipient, WrapFuture};
use express_messages::{
    ZegoError, codes,
    ids::UserId,
    publisher::SetPublisherExtraInfo,
    room::{RequestError, RoomLink, SendBarrageMessage, SendBroadcastMessage, SendCustomCommand, SetRoomExtraInfo},
};

use super::{engine_actor::EngineActor, state::LifeId};
use crate::reply::{Completion, part_gone};

impl EngineActor {
    pub(super) fn broadcast(&self, room: LifeId, message: String, done: Completion<u64>, ctx: &mut Context<Self>) {
        self.send(room, SendBroadcastMessage { message }, |room| &room.broadcast, done, ctx);
    }

    pub(super) fn barrage(&self, room: LifeId, message: String, done: Completion<String>, ctx: &mut Context<Self>) {
        self.send(room, SendBarrageMessage { message }, |room| &room.barrage, done, ctx);
    }

    pub(super) fn custom_command(
        &self,
        room: LifeId,
        command: SendCustomCommand,
        done: Completion<Vec<UserId>>,
        ctx: &mut Context<Self>,
    ) {
        self.send(room, command, |room| &room.command, done, ctx);
    }

    fn send<M, T>(
        &self,
        room: LifeId,
        message: M,
        of: impl FnOnce(&RoomLink) -> &Recipient<M>,
        done: Completion<T>,
        ctx: &mut Context<Self>,
    ) where
        M: Message<Result = Result<T, RequestError>> + Send + 'static,
        T: Send + 'static,
    {
        let Some(room) = self.rooms.get(&room) else {
            return done.complete(Err(not_sent(RequestError::Disconnected)));
        };
        let answer = of(room).send(message).into_actor(self);
        ctx.spawn(answer.map(|answer, _, _| {
            let answer = answer.unwrap_or(Err(RequestError::Disconnected));
            done.complete(answer.map_err(not_sent));
        }));
    }

    pub(super) fn set_room_info(&self, room: LifeId, info: SetRoomExtraInfo, done: Completion<()>, ctx: &mut Context<Self>) {
        let Some(room) = self.rooms.get(&room) else {
            return done.complete(Err(not_attached(RequestError::Disconnected)));
        };
        let answer = room.room_info.send(info).into_actor(self);
        ctx.spawn(answer.map(|answer, _, _| {
            let answer = answer.unwrap_or(Err(RequestError::Disconnected));
            done.complete(answer.map_err(not_attached));
        }));
    }

    pub(super) fn set_extra_info(&self, life: LifeId, extra_info: String, done: Completion<()>, ctx: &mut Context<Self>) {
        let Some(publisher) = self.publishers.get(&life) else {
            return done.complete(Err(part_gone()));
        };
        let set = SetPublisherExtraInfo(extra_info.clone());
        let answer = publisher.extra_info.send(set).into_actor(self);
        ctx.spawn(answer.map(move |answer, engine, _| {
            let Ok(answer) = answer else {
                return done.complete(Err(part_gone()));
            };
            if answer.is_ok() {
                engine
                    .shared
                    .report(|state, _, _| state.on_extra_info_taken(life, extra_info));
            }
            done.complete(answer.map_err(not_attached));
        }));
    }
}

/// A message is never sent again by itself, so whatever is no refusal is "not sent".
fn not_sent(error: RequestError) -> ZegoError {
    match error {
        RequestError::Refused { code, message, .. } => ZegoError::new(code, message),
        other => ZegoError::new(codes::IM_SEND_FAIL, format!("{other}; send it again if it may arrive twice")),
    }
}

fn not_attached(error: RequestError) -> ZegoError {
    match error {
        RequestError::Refused { code, message, .. } => ZegoError::new(code, message),
        RequestError::TimedOut => ZegoError::new(codes::TIMEOUT, "the server did not answer in time; set it again"),
        other => ZegoError::new(codes::NETWORK_BROKEN, format!("{other}; set it again when the link is back")),
    }
}
