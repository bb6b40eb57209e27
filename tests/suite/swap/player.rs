//! A stranger in the player role.

use std::time::Instant;

use actix::{Actor, ActorContext, Context, Handler, Recipient};
use express_engine::SAMPLE_RATE;
use express_messages::{
    ExitGuard,
    audio::{AudioBlock, PlayoutSource},
    audio_device::{AttachSource, DetachSource},
    player::{
        MutePlayback, NoteUplink, PlaybackEnded, PlayerEvent, PlayerFactory, PlayerLink, PlayerLinkRestored, PlayerOptions,
        PlayerPeers, StopPlayer, StreamAppeared,
    },
    room::RequestError,
    types::PlayerState,
};
use express_tests::simulation::{Simulation, settle, sleep};

/// 440 Hz, forever.
struct Hum(u32);

impl PlayoutSource for Hum {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.reset(1);
        for sample in out.samples_mut() {
            *sample = 0.5 * (self.0 as f32 * 440.0 * std::f32::consts::TAU / SAMPLE_RATE as f32).sin();
            self.0 = (self.0 + 1) % SAMPLE_RATE;
        }
    }
}

/// Whatever is to be played, it hums.
struct HummingPlayer {
    owner: ExitGuard<PlayerEvent>,
    options: PlayerOptions,
    peers: PlayerPeers,
}

impl HummingPlayer {
    fn tell(&self, state: PlayerState, code: i32) {
        let extended_data = String::new();
        self.owner.tell(PlayerEvent::StateChanged {
            state,
            code,
            extended_data,
        });
    }
}

impl Actor for HummingPlayer {
    type Context = Context<Self>;
    fn started(&mut self, _: &mut Self::Context) {
        self.tell(PlayerState::PlayRequesting, 0);
        let (stream_id, source) = (self.options.stream_id.clone(), Box::new(Hum(0)));
        self.peers.attach.do_send(AttachSource { stream_id, source });
        self.owner.tell(PlayerEvent::Negotiated);
        self.tell(PlayerState::Playing, 0);
    }
}

impl Handler<StopPlayer> for HummingPlayer {
    type Result = ();
    fn handle(&mut self, stop: StopPlayer, context: &mut Self::Context) {
        self.peers.detach.do_send(DetachSource(self.options.stream_id.clone()));
        self.tell(PlayerState::NoPlay, stop.code);
        context.stop();
    }
}

impl Handler<MutePlayback> for HummingPlayer {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, _: MutePlayback, _: &mut Self::Context) -> Self::Result {
        Err(RequestError::Disconnected)
    }
}

macro_rules! ignore {
    ($($message:ty)*) => {
        $(impl Handler<$message> for HummingPlayer {
            type Result = ();
            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        })*
    };
}

ignore!(PlayerLinkRestored StreamAppeared PlaybackEnded NoteUplink);

struct HummingPlayers;

impl PlayerFactory for HummingPlayers {
    fn start(&self, options: PlayerOptions, events: Recipient<PlayerEvent>, peers: PlayerPeers) -> PlayerLink {
        let owner = ExitGuard::new(events, |panicked| PlayerEvent::Exited { panicked });
        HummingPlayer { owner, options, peers }.start().into()
    }
}

#[actix::test]
async fn a_stranger_as_player_is_heard_through_the_real_pump() {
    let simulation = Simulation::start();
    let alice = simulation.member_with("alice", |builder| builder.player(HummingPlayers));
    alice.login("room", 60).await;
    let ear = alice.listen("nobody-publishes-it").await;
    sleep(2.0).await;
    assert!(ear.amplitude(440.0) > 0.45, "{}", ear.amplitude(440.0));
    let play = |state: &str| format!("play nobody-publishes-it {state}");
    assert_eq!(alice.told.take()[2..], [play("PLAY_REQUESTING 0"), play("PLAYING 0")]);
    let refused = alice.zg.mute_play_stream_audio("nobody-publishes-it", true).await;
    assert_eq!(refused.unwrap_err().code, 1000017, "the stranger's answer reaches the caller");

    alice.zg.stop_playing_stream("nobody-publishes-it").unwrap();
    settle().await;
    assert_eq!(alice.told.take(), [play("NO_PLAY 0")]);
    let (blocks, _) = ear.blocks();
    sleep(1.0).await;
    assert_eq!(ear.blocks().0, blocks, "a stopped stream is not heard");
    assert_eq!(simulation.server().await.plays, 0, "the server was not asked");
    let remains = alice.destroy();
    settle().await;
    remains.assert_gone();
}
