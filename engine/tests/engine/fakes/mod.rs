//! Strangers for the four roles: obedient by default, and disobedient where a test says so.

mod device;
mod player;
mod publisher;
mod room;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use express_engine::{EngineBuilder, RoomStateChangedReason as Reason, ZegoError, ZegoExpressEngine};
use express_messages::{audio_device::*, player::*, publisher::*, room::*, voice::VoiceStatistics};

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
    /// Whether servers can be reached: `None` is no answer at all.
    pub(crate) reach: Option<Result<MediaPorts, ZegoError>>,
    /// Which ways to the media ports are open.
    pub(crate) ways: MediaWays,
    /// The answer to opening a local stream; 0 is fine.
    pub(crate) open_code: i32,
    /// The answer to opening comes after this time.
    pub(crate) open_after: Duration,
    /// What goes wrong with a message or an extra info.
    pub(crate) talk_error: Option<RequestError>,
    /// How loud the device part says everything is.
    pub(crate) levels: SoundLevels,
    /// What the device part says of a microphone's voice chain.
    pub(crate) voice: Option<VoiceStatistics>,
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

    fn answer_talk<T>(&self, answer: T) -> Result<T, RequestError> {
        self.lock().talk_error.clone().map_or(Ok(answer), Err)
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

/// Lets an actor panic or stop when a test says so.
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
use fake;
pub(crate) use publisher::publish_stats;
