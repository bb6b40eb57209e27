//! Stands in for RoomActor.

use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient};
use express_engine::{RoomStateChangedReason as Reason, UserId, ZegoError, codes};
use express_messages::{ExitGuard, ice::IceServer, room::*};

use super::{Crash, Vanish, World, fake};

struct FakeRoom {
    world: World,
    owner: ExitGuard<RoomEvent>,
}
fake!(FakeRoom);

impl RoomFactory for World {
    fn start(&self, options: RoomOptions, events: Recipient<RoomEvent>, _: RoomPeers) -> RoomLink {
        self.check_curse("room");
        self.note(format!(
            "login {} {} {}",
            options.room_id, options.user.user_id, options.user_update
        ));
        self.lock().room = Some(events.clone());
        let owner = ExitGuard::new(events, |panicked| RoomEvent::Exited { panicked });
        let world = self.clone();
        FakeRoom { world, owner }.start().into()
    }

    fn reach(&self, servers: &[String]) -> Reach {
        self.note(format!("reach {servers:?}"));
        let answer = self.lock().reach.clone();
        Box::pin(async move {
            match answer {
                Some(answer) => Some(answer),
                None => std::future::pending().await,
            }
        })
    }
}

impl FakeRoom {
    fn tell(&self, reason: Reason, code: i32) {
        let extended_data = if code == 0 { "" } else { "why" }.into();
        self.owner.tell(RoomEvent::StateChanged {
            reason,
            code,
            extended_data,
        });
    }
}

impl Actor for FakeRoom {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        self.world.started("room", ctx);
        self.tell(Reason::Logining, 0);
        let login = self.world.lock().login;
        if let Some((reason, code)) = login {
            self.tell(reason, code);
        }
        // As real rooms do: only a stop ends it.
        ctx.run_interval(Duration::from_secs(30), |_, _| {});
    }
}

impl Handler<Logout> for FakeRoom {
    type Result = ();
    fn handle(&mut self, _: Logout, ctx: &mut Self::Context) {
        self.world.note("logout");
        if self.world.obeys("room") {
            self.tell(Reason::Logout, 0);
            ctx.stop();
        }
    }
}
impl Handler<StopRoom> for FakeRoom {
    type Result = ();
    fn handle(&mut self, _: StopRoom, ctx: &mut Self::Context) {
        self.world.note("stop room");
        if self.world.obeys("room") {
            ctx.stop();
        }
    }
}
impl Handler<RenewToken> for FakeRoom {
    type Result = Result<(), ZegoError>;
    fn handle(&mut self, renew: RenewToken, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("renew {}", renew.token));
        Ok(())
    }
}
impl Handler<PublishStream> for FakeRoom {
    type Result = Result<SdpAnswer, RequestError>;
    fn handle(&mut self, publish: PublishStream, _: &mut Self::Context) -> Self::Result {
        self.world
            .note(format!("publish {} {:?}", publish.stream_id, publish.extra_info));
        Ok(SdpAnswer {
            sdp: "answer".into(),
            loudest: 0,
        })
    }
}
impl Handler<UnpublishStream> for FakeRoom {
    type Result = ();
    fn handle(&mut self, unpublish: UnpublishStream, _: &mut Self::Context) {
        self.world.note(format!("unpublish {}", unpublish.stream_id));
    }
}
impl Handler<PlayStream> for FakeRoom {
    type Result = Result<SdpAnswer, RequestError>;
    fn handle(&mut self, play: PlayStream, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("play {}", play.stream_id));
        if self.world.lock().missing.contains(play.stream_id.as_str()) {
            return Err(RequestError::Refused {
                code: codes::PLAYER_STREAM_NOT_EXIST,
                message: "no such stream".into(),
                retry_after: Some(Duration::from_secs(2)),
            });
        }
        Ok(SdpAnswer {
            sdp: "answer".into(),
            loudest: 0,
        })
    }
}
impl Handler<StopPlayStream> for FakeRoom {
    type Result = ();
    fn handle(&mut self, stop: StopPlayStream, _: &mut Self::Context) {
        self.world.note(format!("stop play {}", stop.stream_id));
    }
}
impl Handler<PausePlayStream> for FakeRoom {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, pause: PausePlayStream, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("pause {} {}", pause.stream_id, pause.paused));
        Ok(())
    }
}
impl Handler<MuteStream> for FakeRoom {
    type Result = ();
    fn handle(&mut self, mute: MuteStream, _: &mut Self::Context) {
        self.world.note(format!("mute stream {} {}", mute.stream_id, mute.muted));
    }
}
impl Handler<SetStreamExtraInfo> for FakeRoom {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, set: SetStreamExtraInfo, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("extra info {} {:?}", set.stream_id, set.extra_info));
        self.world.answer_talk(())
    }
}
impl Handler<SetRoomExtraInfo> for FakeRoom {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, set: SetRoomExtraInfo, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("room info {}={}", set.key, set.value));
        self.world.answer_talk(())
    }
}
impl Handler<SendBroadcastMessage> for FakeRoom {
    type Result = Result<u64, RequestError>;
    fn handle(&mut self, send: SendBroadcastMessage, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("broadcast {:?}", send.message));
        self.world.answer_talk(42)
    }
}
impl Handler<SendBarrageMessage> for FakeRoom {
    type Result = Result<String, RequestError>;
    fn handle(&mut self, send: SendBarrageMessage, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("barrage {:?}", send.message));
        self.world.answer_talk("7".into())
    }
}
impl Handler<SendCustomCommand> for FakeRoom {
    type Result = Result<Vec<UserId>, RequestError>;
    fn handle(&mut self, send: SendCustomCommand, _: &mut Self::Context) -> Self::Result {
        let users: Vec<_> = send.to_users.iter().map(UserId::as_str).collect();
        self.world.note(format!("command {:?} to {}", send.command, users.join(",")));
        self.world.answer_talk(send.to_users.into_iter().skip(1).collect())
    }
}
impl Handler<ReportQuality> for FakeRoom {
    type Result = ();
    fn handle(&mut self, report: ReportQuality, _: &mut Self::Context) {
        let (up, down) = (i8::from(report.up), i8::from(report.down));
        self.world.note(format!("quality {up} {down}"));
    }
}

impl Handler<GetIceServers> for FakeRoom {
    type Result = Vec<IceServer>;
    fn handle(&mut self, _: GetIceServers, _: &mut Self::Context) -> Self::Result {
        Vec::new()
    }
}
