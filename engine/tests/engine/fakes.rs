//! Strangers for the four roles: obedient by default, and disobedient where a test says so.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use express_engine::{
    EngineBuilder, PlayerState, PublisherState, RoomStateChangedReason as Reason, StreamId, ZegoDeviceInfo, ZegoDeviceInfos,
    ZegoError, ZegoExpressEngine, ZegoPublishStats, codes,
};
use express_messages::{
    ExitGuard,
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    audio_device::*,
    ids::LocalStreamId,
    player::*,
    publisher::*,
    room::*,
    stats::{QualityGrade, ZegoPublishAudioStats},
};

/// Makes the actor that gets it panic.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Crash;

/// Makes the actor that gets it stop without a word.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Vanish;

/// What happened to the parts, and how they are to behave.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Inner>>);

#[derive(Default)]
pub(crate) struct Inner {
    /// What the parts were told, in order.
    pub(crate) log: Vec<String>,
    /// The answer to a login: `None` is none at all.
    pub(crate) login: Option<(Reason, i32)>,
    /// The answer to opening a local stream; 0 is fine.
    pub(crate) open_code: i32,
    /// The answer to opening comes after this time.
    pub(crate) open_after: Duration,
    /// Streams that the server does not give to players.
    pub(crate) missing: HashSet<String>,
    /// Parts that do not react to being stopped: "room", "publisher", "player", "device".
    pub(crate) deaf: HashSet<&'static str>,
    /// Parts whose factory panics.
    pub(crate) cursed: HashSet<&'static str>,
    pub(crate) room: Option<Recipient<RoomEvent>>,
    pub(crate) publishers: HashMap<String, Recipient<PublisherEvent>>,
    pub(crate) players: HashMap<String, Recipient<PlayerEvent>>,
    pub(crate) device: Option<Recipient<AudioDeviceEvent>>,
    crash: HashMap<String, Recipient<Crash>>,
    vanish: HashMap<String, Recipient<Vanish>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self::default();
        world.lock().login = Some((Reason::Logined, 0));
        world
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note(&self, text: impl Into<String>) {
        self.lock().log.push(text.into());
    }

    /// What the parts were told since the last call.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    pub(crate) fn builder(&self) -> EngineBuilder {
        ZegoExpressEngine::builder(1, "ws://127.0.0.1:1")
            .room(self.clone())
            .publisher(self.clone())
            .player(self.clone())
            .audio_device(self.clone())
    }

    /// An engine with threads of its own.
    pub(crate) fn engine(&self) -> ZegoExpressEngine {
        self.builder().build().unwrap()
    }

    /// An engine on this test's arbiter.
    pub(crate) fn local_engine(&self) -> ZegoExpressEngine {
        self.builder().build_on_current_arbiter().unwrap()
    }

    /// Lets a part panic: "room", "publisher s1", "player s1", "device".
    pub(crate) fn crash(&self, part: &str) {
        let crash = self.lock().crash[part].clone();
        crash.do_send(Crash);
    }

    /// Lets a part stop without having been told to.
    pub(crate) fn vanish(&self, part: &str) {
        let vanish = self.lock().vanish[part].clone();
        vanish.do_send(Vanish);
    }

    /// Lets the room part report something.
    pub(crate) fn room_says(&self, event: RoomEvent) {
        let room = self.lock().room.clone();
        room.unwrap().do_send(event);
    }

    pub(crate) fn room_state(&self, reason: Reason, code: i32) {
        let extended_data = if code == 0 { "" } else { "why" }.into();
        self.room_says(RoomEvent::StateChanged {
            reason,
            code,
            extended_data,
        });
    }

    fn started<A>(&self, part: &str, ctx: &Context<A>)
    where
        A: Actor<Context = Context<A>> + Handler<Crash> + Handler<Vanish>,
    {
        self.note(format!("{part} starts"));
        let mut inner = self.lock();
        inner.crash.insert(part.into(), ctx.address().recipient());
        inner.vanish.insert(part.into(), ctx.address().recipient());
    }

    /// Whether a part is to stop now.
    fn obeys(&self, kind: &str) -> bool {
        !self.lock().deaf.contains(kind)
    }

    fn check_curse(&self, kind: &str) {
        let cursed = self.lock().cursed.contains(kind);
        assert!(!cursed, "this factory panics, as the test wants");
    }
}

macro_rules! fake {
    ($name:ident) => {
        impl Handler<Crash> for $name {
            type Result = ();
            fn handle(&mut self, _: Crash, _: &mut Self::Context) {
                panic!("crashed by the test");
            }
        }
        impl Handler<Vanish> for $name {
            type Result = ();
            fn handle(&mut self, _: Vanish, ctx: &mut Self::Context) {
                ctx.stop();
            }
        }
    };
}

// ---- room ----

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
        Ok(SdpAnswer { sdp: "answer".into() })
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
        Ok(SdpAnswer { sdp: "answer".into() })
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

// ---- publisher ----

struct FakePublisher {
    world: World,
    options: PublisherOptions,
    peers: PublisherPeers,
    owner: ExitGuard<PublisherEvent>,
}
fake!(FakePublisher);

impl PublisherFactory for World {
    fn start(&self, options: PublisherOptions, events: Recipient<PublisherEvent>, peers: PublisherPeers) -> PublisherLink {
        self.check_curse("publisher");
        self.lock().publishers.insert(options.stream_id.to_string(), events.clone());
        let owner = ExitGuard::new(events, |panicked| PublisherEvent::Exited { panicked });
        let world = self.clone();
        let publisher = FakePublisher {
            world,
            options,
            peers,
            owner,
        };
        publisher.start().into()
    }
}

/// Hears a local stream and forgets it.
struct Deaf;
impl CaptureSink for Deaf {
    fn on_block(&mut self, _: &AudioBlock, _: Instant) {}
}

impl FakePublisher {
    fn tell(&self, state: PublisherState, code: i32, message: &str) {
        self.owner.tell(PublisherEvent::StateChanged {
            state,
            code,
            extended_data: message.into(),
        });
    }
}

impl Actor for FakePublisher {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        let options = &self.options;
        let settings = format!(
            "{} kbit/s {} ch dtx {} muted {}",
            options.encoder.bitrate_kbps, options.encoder.channels, options.encoder.dtx, options.muted
        );
        self.world.started(&format!("publisher {}", options.stream_id), ctx);
        self.world.note(settings);
        self.tell(PublisherState::PublishRequesting, 0, "");
        let attach = self.peers.attach.send(AttachSink {
            local_stream: options.local_stream,
            sink: Box::new(Deaf),
        });
        let publish = self.peers.publish.send(PublishStream {
            stream_id: options.stream_id.clone(),
            offer: "offer".into(),
            extra_info: options.extra_info.clone(),
        });
        let both = async move { (attach.await, publish.await) };
        ctx.spawn(both.into_actor(self).map(|(attached, published), publisher, _| {
            if matches!((attached, published), (Ok(Ok(_)), Ok(Ok(_)))) {
                publisher.tell(PublisherState::Publishing, 0, "");
            }
        }));
        ctx.run_interval(Duration::from_secs(3), |publisher, _| {
            publisher.owner.tell(PublisherEvent::Quality(publish_stats(48.0)));
        });
    }
}

impl Handler<StopPublisher> for FakePublisher {
    type Result = ();
    fn handle(&mut self, stop: StopPublisher, ctx: &mut Self::Context) {
        let stream_id = self.options.stream_id.clone();
        self.world.note(format!("stop publisher {stream_id} {}", stop.code));
        if self.world.obeys("publisher") {
            self.peers.unpublish.do_send(UnpublishStream { stream_id });
            self.tell(PublisherState::NoPublish, stop.code, &stop.message);
            ctx.stop();
        }
    }
}
impl Handler<PublisherLinkRestored> for FakePublisher {
    type Result = ();
    fn handle(&mut self, restored: PublisherLinkRestored, _: &mut Self::Context) {
        self.world
            .note(format!("publisher {} restored {}", self.options.stream_id, restored.resumed));
    }
}
impl Handler<NotePublisherMuted> for FakePublisher {
    type Result = ();
    fn handle(&mut self, note: NotePublisherMuted, _: &mut Self::Context) {
        self.world
            .note(format!("publisher {} muted {}", self.options.stream_id, note.0));
    }
}

pub(crate) fn publish_stats(kbps: f64) -> ZegoPublishStats {
    ZegoPublishStats {
        audio: ZegoPublishAudioStats {
            audio_bitrate: kbps,
            audio_codec: "opus".into(),
            audio_packets_lost: 0,
            audio_packets_lost_rate: 0.0,
            mute_state: "0".into(),
            audio_fps: 50.0,
            audio_quality: QualityGrade::Excellent,
            round_trip_time_ms: None,
        },
    }
}

// ---- player ----

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
        let play = self.peers.play.send(PlayStream { stream_id, offer }).into_actor(self);
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
            .note(format!("player {} restored {}", self.stream_id, restored.resumed));
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
impl Handler<MutePlayback> for FakePlayer {
    type Result = Result<(), RequestError>;
    fn handle(&mut self, mute: MutePlayback, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("mute play {} {}", self.stream_id, mute.0));
        Ok(())
    }
}

// ---- audio device ----

#[derive(Default)]
struct Played {
    source: Option<Box<dyn PlayoutSource>>,
    taps: Vec<(SinkId, Box<dyn CaptureSink>)>,
}

struct FakeDevice {
    world: World,
    locals: HashMap<LocalStreamId, Option<Box<dyn PlayoutSource>>>,
    played: HashMap<StreamId, Played>,
    next_sink: u64,
    _owner: ExitGuard<AudioDeviceEvent>,
}
fake!(FakeDevice);

impl AudioDeviceFactory for World {
    fn start(&self, _: AudioDeviceOptions, events: Recipient<AudioDeviceEvent>, _: AudioDevicePeers) -> AudioDeviceLink {
        self.check_curse("device");
        self.lock().device = Some(events.clone());
        let owner = ExitGuard::new(events, |panicked| AudioDeviceEvent::Exited { panicked });
        let device = FakeDevice {
            world: self.clone(),
            locals: HashMap::new(),
            played: HashMap::new(),
            next_sink: 0,
            _owner: owner,
        };
        device.start().into()
    }
}

impl FakeDevice {
    fn sink(&mut self) -> SinkId {
        self.next_sink += 1;
        SinkId(self.next_sink)
    }

    /// A pump that runs on the arbiter.
    fn pump(&mut self, _: &mut Context<Self>) {
        let now = Instant::now();
        for source in self.locals.values_mut().flatten() {
            source.next_block(&mut AudioBlock::silent(1), now);
        }
        for played in self.played.values_mut() {
            let mut block = AudioBlock::silent(1);
            if let Some(source) = &mut played.source {
                source.next_block(&mut block, now);
            }
            for (_, tap) in &mut played.taps {
                tap.on_block(&block, now);
            }
        }
    }
}

impl Actor for FakeDevice {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        self.world.started("device", ctx);
        ctx.run_interval(Duration::from_millis(10), Self::pump);
    }
}

impl Handler<ListDevices> for FakeDevice {
    type Result = Result<ZegoDeviceInfos, ZegoError>;
    fn handle(&mut self, _: ListDevices, _: &mut Self::Context) -> Self::Result {
        let device = |name: &str| ZegoDeviceInfo {
            device_name: name.into(),
            device_id: name.to_lowercase(),
        };
        Ok(ZegoDeviceInfos {
            microphones: vec![device("Microphone")],
            speakers: vec![device("Speaker"), device("Headset")],
            cameras: vec![],
        })
    }
}
impl Handler<OpenLocalStream> for FakeDevice {
    type Result = actix::ResponseActFuture<Self, Result<(), ZegoError>>;
    fn handle(&mut self, open: OpenLocalStream, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("open {:?} {} ch", open.source, open.channels));
        let (code, after) = {
            let world = self.world.lock();
            (world.open_code, world.open_after)
        };
        let wait = async move {
            if after > Duration::ZERO {
                tokio::time::sleep(after).await;
            }
        };
        Box::pin(wait.into_actor(self).map(move |(), device, _| {
            if code != 0 {
                return Err(ZegoError::new(code, "it cannot be opened"));
            }
            let source = match open.source {
                CaptureSource::Pushed(source) => Some(source),
                _ => None,
            };
            device.locals.insert(open.id, source);
            Ok(())
        }))
    }
}
impl Handler<CloseLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, close: CloseLocalStream, _: &mut Self::Context) {
        self.world.note("close");
        self.locals.remove(&close.0);
    }
}
impl Handler<SetCaptureVolume> for FakeDevice {
    type Result = ();
    fn handle(&mut self, volume: SetCaptureVolume, _: &mut Self::Context) {
        self.world.note(format!("capture volume {}", volume.percent));
    }
}
impl Handler<MuteLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, mute: MuteLocalStream, _: &mut Self::Context) {
        self.world.note(format!("mute local {}", mute.muted));
    }
}
impl Handler<MuteMicrophone> for FakeDevice {
    type Result = ();
    fn handle(&mut self, mute: MuteMicrophone, _: &mut Self::Context) {
        self.world.note(format!("mute microphone {}", mute.0));
    }
}
impl Handler<MonitorLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, monitor: MonitorLocalStream, _: &mut Self::Context) {
        self.world.note(format!("monitor {} {}", monitor.audible, monitor.percent));
    }
}
impl Handler<AttachSink> for FakeDevice {
    type Result = Result<SinkId, ZegoError>;
    fn handle(&mut self, attach: AttachSink, _: &mut Self::Context) -> Self::Result {
        if self.locals.contains_key(&attach.local_stream) {
            return Ok(self.sink());
        }
        Err(ZegoError::new(codes::LOCALSTREAM_WRONG, "no such local stream"))
    }
}
impl Handler<DetachSink> for FakeDevice {
    type Result = ();
    fn handle(&mut self, detach: DetachSink, _: &mut Self::Context) {
        self.world.note("detach");
        for played in self.played.values_mut() {
            played.taps.retain(|(id, _)| *id != detach.0);
        }
    }
}
impl Handler<AttachSource> for FakeDevice {
    type Result = ();
    fn handle(&mut self, attach: AttachSource, _: &mut Self::Context) {
        self.played.entry(attach.stream_id).or_default().source = Some(attach.source);
    }
}
impl Handler<DetachSource> for FakeDevice {
    type Result = ();
    fn handle(&mut self, detach: DetachSource, _: &mut Self::Context) {
        if let Some(played) = self.played.get_mut(&detach.0) {
            played.source = None;
        }
    }
}
impl Handler<SetPlayout> for FakeDevice {
    type Result = ();
    fn handle(&mut self, set: SetPlayout, _: &mut Self::Context) {
        self.world
            .note(format!("playout {} {} {}", set.stream_id, set.audible, set.percent));
    }
}
impl Handler<TapPlayout> for FakeDevice {
    type Result = actix::MessageResult<TapPlayout>;
    fn handle(&mut self, tap: TapPlayout, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("tap {}", tap.stream_id));
        let sink = self.sink();
        self.played.entry(tap.stream_id).or_default().taps.push((sink, tap.tap));
        actix::MessageResult(sink)
    }
}
impl Handler<RecordPlayout> for FakeDevice {
    type Result = Result<SinkId, ZegoError>;
    fn handle(&mut self, record: RecordPlayout, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!(
            "record {} {} {} ch",
            record.stream_id,
            record.path.display(),
            record.channels
        ));
        if record.path.starts_with("/forbidden") {
            return Err(ZegoError::new(codes::INPUT_PARAM, "the file cannot be made"));
        }
        Ok(self.sink())
    }
}
impl Handler<ForgetPlayout> for FakeDevice {
    type Result = ();
    fn handle(&mut self, forget: ForgetPlayout, _: &mut Self::Context) {
        self.world.note(format!("forget {}", forget.0));
        self.played.remove(&forget.0);
    }
}
impl Handler<StopAudioDevice> for FakeDevice {
    type Result = ();
    fn handle(&mut self, _: StopAudioDevice, ctx: &mut Self::Context) {
        self.world.note("stop device");
        if self.world.obeys("device") {
            ctx.stop();
        }
    }
}
