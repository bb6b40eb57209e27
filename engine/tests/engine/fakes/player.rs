//! Stands in for PlayerActor.

use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use express_engine::{AudioBlock, PlayerState, PlayoutSource, StreamId, codes};
use express_messages::{
    ExitGuard,
    audio_device::{AttachSource, DetachSource},
    player::*,
    room::{PlayStream, RequestError, StopPlayStream},
};

use super::{Crash, Vanish, World, fake};

struct FakePlayer {
    world: World,
    stream_id: StreamId,
    peers: PlayerPeers,
    owner: ExitGuard<PlayerEvent>,
}
fake!(FakePlayer);

impl PlayerFactory for World {
    fn start(&self, options: PlayerOptions, events: Recipient<PlayerEvent>, peers: PlayerPeers) -> PlayerLink {
        self.check_curse("player");
        self.lock().players.insert(options.stream_id.to_string(), events.clone());
        let owner = ExitGuard::new(events, |panicked| PlayerEvent::Exited { panicked });
        let player = FakePlayer {
            world: self.clone(),
            stream_id: options.stream_id,
            peers,
            owner,
        };
        player.start().into()
    }
}

/// Half of full scale, always.
struct Constant;
impl PlayoutSource for Constant {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.samples_mut().fill(0.5);
    }
}

impl FakePlayer {
    fn tell(&self, state: PlayerState, code: i32, message: &str) {
        self.owner.tell(PlayerEvent::StateChanged {
            state,
            code,
            extended_data: message.into(),
        });
    }

    fn ask(&self, ctx: &mut Context<Self>) {
        let stream_id = self.stream_id.clone();
        let offer = "offer".into();
        let play = self
            .peers
            .play
            .send(PlayStream {
                stream_id,
                offer,
                loudest: None,
            })
            .into_actor(self);
        ctx.spawn(play.map(|answer, player, _| {
            if let Ok(Ok(_)) = answer {
                player.owner.tell(PlayerEvent::Negotiated);
                player.peers.attach.do_send(AttachSource {
                    stream_id: player.stream_id.clone(),
                    source: Box::new(Constant),
                });
                player.tell(PlayerState::Playing, 0, "");
            }
        }));
    }
}

impl Actor for FakePlayer {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        self.world.started(&format!("player {}", self.stream_id), ctx);
        self.tell(PlayerState::PlayRequesting, 0, "");
        self.ask(ctx);
        ctx.run_interval(Duration::from_secs(30), |_, _| {});
    }
}

impl Handler<StopPlayer> for FakePlayer {
    type Result = ();
    fn handle(&mut self, stop: StopPlayer, ctx: &mut Self::Context) {
        let stream_id = self.stream_id.clone();
        self.world.note(format!("stop player {stream_id} {}", stop.code));
        if self.world.obeys("player") {
            self.peers.detach.do_send(DetachSource(stream_id.clone()));
            self.peers.stop_play.do_send(StopPlayStream { stream_id });
            self.tell(PlayerState::NoPlay, stop.code, &stop.message);
            ctx.stop();
        }
    }
}
impl Handler<PlayerLinkRestored> for FakePlayer {
    type Result = ();
    fn handle(&mut self, restored: PlayerLinkRestored, _: &mut Self::Context) {
        self.world
            .note(format!("player {} restored {:?}", self.stream_id, restored.session));
    }
}
impl Handler<StreamAppeared> for FakePlayer {
    type Result = ();
    fn handle(&mut self, _: StreamAppeared, ctx: &mut Self::Context) {
        self.world.note(format!("player {} stream appeared", self.stream_id));
        self.ask(ctx);
    }
}
impl Handler<PlaybackEnded> for FakePlayer {
    type Result = ();
    fn handle(&mut self, ended: PlaybackEnded, ctx: &mut Self::Context) {
        self.world.note(format!("player {} ended {}", self.stream_id, ended.code));
        if ended.code == codes::PLAYER_STREAM_INTERRUPTED {
            self.tell(PlayerState::PlayRequesting, ended.code, &ended.message);
        } else {
            self.tell(PlayerState::NoPlay, ended.code, &ended.message);
            ctx.stop();
        }
    }
}
impl Handler<NoteUplink> for FakePlayer {
    type Result = ();
    fn handle(&mut self, NoteUplink(report): NoteUplink, _: &mut Self::Context) {
        self.world
            .note(format!("player {} uplink loses {}", self.stream_id, report.loss));
    }
}
impl Handler<MutePlayback> for FakePlayer {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, mute: MutePlayback, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("mute play {} {}", self.stream_id, mute.0));
        Ok(())
    }
}
