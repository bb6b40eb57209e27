//! Whole engines on a virtual network, in virtual time, on one arbiter: what the tests of `suite/` are told with.
//!
//! ```no_run
//! # use express_tests::simulation::Simulation;
//! # async fn sketch() {
//! let simulation = Simulation::start();
//! let alice = simulation.member("alice");
//! alice.login("room", 3_600).await;
//! alice.publish_tone("a", 440.0).await;
//! # }
//! ```

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use actix::Addr;
use express_audio_io::{AudioIo, PumpDrive};
use express_engine::{
    EngineBuilder, EngineCounters, PlayerStateUpdate, PublisherStateUpdate, RoomStateChanged, RoomStreamUpdate, RoomUserUpdate,
    TokenWillExpire, WeakEngine, ZegoError, ZegoExpressEngine, ZegoFrames, ZegoLocalStream, ZegoRoomConfig, ZegoStreamOptions,
};
use express_examples::hearing;
use express_media::MediaParts;
use express_server::rooms::{GetCounters, RoomsActor, RoomsCounters};
use express_signalling::room::Signalling;
use futures::StreamExt;
use tokio::time::Instant;

use crate::{
    tokens::{APP_ID, token_made_at},
    virtual_net::{Line, LineConnector, LineTransports, VirtualNet, virtual_time},
};

/// One way between a client and the server.
pub const DELAY: Duration = Duration::from_millis(20);
/// What an ear keeps: the last second.
const MEMORY: usize = 48_000;

/// Simulations of this process that may run side by side: all, or one that measures the process.
static SIDE_BY_SIDE: RwLock<()> = RwLock::new(());

/// Held as long as a simulation lives.
#[derive(Debug)]
enum Place {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

/// A server, a network, and a clock that stands still unless everybody waits.
#[derive(Debug)]
pub struct Simulation {
    /// The network.
    pub net: VirtualNet,
    rooms: Addr<RoomsActor>,
    started: Instant,
    _place: Place,
}

impl Simulation {
    /// Pauses the clock of this runtime and starts a server. Call it inside `#[actix::test]`.
    pub fn start() -> Self {
        let guard = SIDE_BY_SIDE.read().unwrap_or_else(PoisonError::into_inner);
        Self::start_in(Place::Shared { _guard: guard })
    }

    /// As [`start`](Self::start), while no other simulation of this process runs.
    pub fn start_alone() -> Self {
        let guard = SIDE_BY_SIDE.write().unwrap_or_else(PoisonError::into_inner);
        Self::start_in(Place::Alone { _guard: guard })
    }

    fn start_in(place: Place) -> Self {
        tokio::time::pause();
        let (net, rooms) = VirtualNet::start(DELAY);
        Self {
            net,
            rooms,
            started: Instant::now(),
            _place: place,
        }
    }

    /// Virtual seconds since the start.
    pub fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// What the server counted.
    pub async fn server(&self) -> RoomsCounters {
        self.rooms.send(GetCounters).await.expect("the rooms run")
    }

    /// An engine of `user` with the project's own parts, on a line of its own.
    pub fn member(&self, user: &str) -> Member {
        self.member_with(user, |builder| builder)
    }

    /// As [`member`](Self::member), where `change` may take other parts or times.
    pub fn member_with(&self, user: &str, change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Member {
        let (line, connector, transports) = self.net.line();
        let audio = Arc::new(());
        let traces = Traces {
            connector: Arc::downgrade(&connector),
            transports: Arc::downgrade(&transports),
            audio: Arc::downgrade(&audio),
        };
        let media = MediaParts::with_transports(transports);
        let devices = AudioIo {
            drive: PumpDrive::Arbiter,
            ..AudioIo::with_backend(move || {
                let _held = &audio;
                Box::new(express_audio_io::devices::NoDevices)
            })
        };
        let builder = ZegoExpressEngine::builder(APP_ID, "ws://virtual.invalid")
            .room(Signalling::with_connector(connector).seeded(1))
            .publisher(media.clone())
            .player(media)
            .audio_device(devices);
        let zg = change(builder).build_on_current_arbiter().expect("an actix system runs here");
        let told = Told::by(&zg, self.started);
        Member {
            user: user.into(),
            line,
            told,
            traces,
            zg,
        }
    }
}

/// Lets everything run that needs no time to pass but the network's.
pub async fn settle() {
    sleep(0.5).await;
}

/// Virtual seconds.
pub async fn sleep(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// One user with an engine.
#[derive(Debug)]
pub struct Member {
    /// The userID.
    pub user: String,
    /// Its access to the network.
    pub line: Line,
    /// Everything its callbacks were told.
    pub told: Told,
    /// The engine.
    pub zg: ZegoExpressEngine,
    traces: Traces,
}

impl Member {
    /// Logs in with a token that is good for `ttl_s` seconds.
    ///
    /// # Panics
    /// When that fails.
    pub async fn login(&self, room: &str, ttl_s: i64) {
        self.try_login(room, ttl_s).await.expect("the room takes everybody");
    }

    /// As [`login`](Self::login), which may fail.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn try_login(&self, room: &str, ttl_s: i64) -> Result<(), ZegoError> {
        let config = ZegoRoomConfig {
            user_update: true,
            ..Default::default()
        };
        let token = self.token(ttl_s);
        self.zg.login_room(room, token, &*self.user, config).await
    }

    /// A token for this user, good for `ttl_s` virtual seconds from now.
    pub fn token(&self, ttl_s: i64) -> String {
        let now = virtual_time().duration_since(UNIX_EPOCH).expect("simulations begin in 2025");
        let made_at = i64::try_from(now.as_secs()).expect("and do not last for ages");
        token_made_at(&self.user, made_at, ttl_s, None)
    }

    /// Publishes a sine.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn publish_tone(&self, stream: &str, frequency_hz: f32) -> ZegoLocalStream {
        let local = self.zg.create_zego_stream(ZegoStreamOptions::tone(frequency_hz)).await;
        let local = local.expect("a tone needs no device");
        let publishing = self.zg.start_publishing_stream(stream, &local, Default::default());
        publishing.expect("nothing is published yet");
        local
    }

    /// Plays a stream and listens to it.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn listen(&self, stream: &str) -> Ear {
        let remote = self.zg.start_playing_stream(stream, Default::default()).await;
        Ear::at(remote.expect("the stream can be played").frames())
    }

    /// Destroys the engine and lets go of its last handle; what should be gone then.
    pub fn destroy(self) -> Remains {
        self.zg.destroy_engine();
        Remains {
            user: self.user,
            counters: self.zg.counters(),
            engine: self.zg.downgrade(),
            traces: self.traces,
        }
    }
}

/// Dead with what they belong to: RoomActor and its factory; publishers, players and theirs; the audio device's factory.
/// EngineActor owns the factories, so it is gone too.
#[derive(Debug)]
struct Traces {
    connector: Weak<LineConnector>,
    transports: Weak<LineTransports>,
    audio: Weak<()>,
}

/// What a destroyed engine may have left behind.
#[derive(Debug)]
pub struct Remains {
    user: String,
    counters: EngineCounters,
    engine: WeakEngine,
    traces: Traces,
}

impl Remains {
    /// # Panics
    /// When an actor or a handle is left, or when something had gone wrong quietly.
    pub fn assert_gone(&self) {
        let user = &self.user;
        assert!(self.engine.upgrade().is_none(), "{user}: a handle of the engine is left");
        assert_eq!(
            self.traces.connector.strong_count(),
            0,
            "{user}: a room or the engine actor is left"
        );
        assert_eq!(
            self.traces.transports.strong_count(),
            0,
            "{user}: a publisher or a player is left"
        );
        assert_eq!(self.traces.audio.strong_count(), 0, "{user}: the audio device part is left");
        assert_eq!(self.counters, EngineCounters::default(), "{user}");
    }
}

/// What callbacks were told, with the virtual second of each.
#[derive(Debug, Clone)]
pub struct Told(Arc<Mutex<Vec<(f64, String)>>>);

impl Told {
    fn by(zg: &ZegoExpressEngine, started: Instant) -> Self {
        let told = Self(Arc::default());
        let note = |told: &Self| {
            let told = told.clone();
            move |text: String| told.lock().push((started.elapsed().as_secs_f64(), text))
        };
        let room = note(&told);
        zg.on(move |e: &RoomStateChanged| room(format!("room {} {}", e.reason, e.error_code)));
        let users = note(&told);
        zg.on(move |e: &RoomUserUpdate| {
            let ids: Vec<_> = e.user_list.iter().map(|user| user.user_id.as_str()).collect();
            users(format!("users {} {}", e.update_type, ids.join(",")));
        });
        let streams = note(&told);
        zg.on(move |e: &RoomStreamUpdate| {
            let ids: Vec<_> = e.stream_list.iter().map(|stream| stream.stream_id.as_str()).collect();
            streams(format!("streams {} {}", e.update_type, ids.join(",")));
        });
        let token = note(&told);
        zg.on(move |e: &TokenWillExpire| token(format!("token {}", e.remain_time_in_second)));
        let publisher = note(&told);
        zg.on(move |e: &PublisherStateUpdate| publisher(format!("publish {} {} {}", e.stream_id, e.state, e.error_code)));
        let player = note(&told);
        zg.on(move |e: &PlayerStateUpdate| player(format!("play {} {} {}", e.stream_id, e.state, e.error_code)));
        told
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(f64, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told since the last call, with its times.
    pub fn take_timed(&self) -> Vec<(f64, String)> {
        std::mem::take(&mut *self.lock())
    }

    /// What was told since the last call.
    pub fn take(&self) -> Vec<String> {
        self.take_timed().into_iter().map(|(_, text)| text).collect()
    }
}

/// Someone who listens to a played stream all the time, and remembers the last second.
#[derive(Debug, Clone)]
pub struct Ear(Arc<Heard>);

#[derive(Debug, Default)]
struct Heard {
    samples: Mutex<VecDeque<f32>>,
    blocks: AtomicU64,
    lost: AtomicU64,
}

impl Ear {
    /// Listens until the stream ends.
    pub fn at(mut frames: ZegoFrames) -> Self {
        let heard = Arc::new(Heard::default());
        let memory = Arc::clone(&heard);
        actix::spawn(async move {
            while let Some(item) = frames.next().await {
                match item {
                    Ok(block) => memory.note(block.samples().chunks_exact(block.channels()).map(|frame| frame[0])),
                    Err(lagged) => drop(memory.lost.fetch_add(lagged.0, Ordering::Relaxed)),
                }
            }
        });
        Self(heard)
    }

    /// Loudness of one frequency in the last second, as the amplitude of a sine.
    pub fn amplitude(&self, frequency_hz: f32) -> f64 {
        let samples: Vec<f32> = self
            .0
            .samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect();
        hearing::tone_amplitude(&samples, f64::from(frequency_hz))
    }

    /// Blocks of 10 ms that were heard so far, and that were lost because nobody took them.
    pub fn blocks(&self) -> (u64, u64) {
        (self.0.blocks.load(Ordering::Relaxed), self.0.lost.load(Ordering::Relaxed))
    }
}

impl Heard {
    fn note(&self, block: impl Iterator<Item = f32>) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.extend(block);
        let surplus = samples.len().saturating_sub(MEMORY);
        samples.drain(..surplus);
        self.blocks.fetch_add(1, Ordering::Relaxed);
    }
}
