//! Making an engine, with the parts of this project or with a stranger's.

use std::{fmt, sync::Arc};

use actix::{Actor, System};
use express_messages::{
    ZegoError, audio_device::AudioDeviceFactory, codes, ids::InstanceId, player::PlayerFactory, publisher::PublisherFactory,
    room::RoomFactory, timings::Timings, types::ZegoScenario,
};
#[cfg(feature = "default-parts")]
use express_signalling::room::{Authorities, Signalling};
use tokio::runtime::Handle;

use crate::{
    actor::{EngineActor, Parts, state::Settings},
    api::ZegoExpressEngine,
    options::ZegoEngineConfig,
    runtime::{serve_callbacks, start_threads},
    server_address::{self, ServerAddresses},
    shared::Shared,
};

/// Most streams played at once, unless the builder says otherwise.
const DEFAULT_MAX_CHANNELS: usize = 12;
/// The most that the builder may say.
pub(crate) const MAX_CHANNELS_LIMIT: usize = 50;

/// Makes a [`ZegoExpressEngine`] of chosen parts: see [`ZegoExpressEngine::builder`].
///
/// Each role can be played by a stranger who implements its factory; the roles' messages are in `express_messages`. Here
/// the rooms are of our own making (the whole of such a part is in `examples/` and in this crate's tests):
///
/// ```
/// use express_engine::ZegoExpressEngine;
/// use express_messages::room::{RoomFactory, RoomEvent, RoomLink, RoomOptions, RoomPeers};
/// # use express_messages::testkit::Recorder;
/// # use express_messages::{publisher::*, player::*, audio_device::*, room::*};
/// use actix::Recipient;
///
/// struct MyRooms;
///
/// impl RoomFactory for MyRooms {
///     fn start(&self, options: RoomOptions, events: Recipient<RoomEvent>, _: RoomPeers) -> RoomLink {
///         // Start an actor that handles the commands of a room and tells `events` what happens.
///         # let _ = (options, events);
///         # unimplemented!()
///     }
/// }
/// # struct NoParts;
/// # impl PublisherFactory for NoParts {
/// #     fn start(&self, _: PublisherOptions, _: Recipient<PublisherEvent>, _: PublisherPeers) -> PublisherLink { unimplemented!() }
/// # }
/// # impl PlayerFactory for NoParts {
/// #     fn start(&self, _: PlayerOptions, _: Recipient<PlayerEvent>, _: PlayerPeers) -> PlayerLink { unimplemented!() }
/// # }
/// # impl AudioDeviceFactory for NoParts {
/// #     fn start(&self, _: AudioDeviceOptions, _: Recipient<AudioDeviceEvent>, _: AudioDevicePeers) -> AudioDeviceLink { unimplemented!() }
/// # }
///
/// let builder = ZegoExpressEngine::builder(1, "ws://127.0.0.1:8080").room(MyRooms);
/// # let builder = builder.publisher(NoParts).player(NoParts).audio_device(NoParts);
/// let engine = builder.max_channels(20).build()?;
/// engine.destroy_engine();
/// # Ok::<(), express_engine::ZegoError>(())
/// ```
pub struct EngineBuilder {
    app_id: u32,
    servers: Vec<String>,
    timings: Timings,
    max_channels: usize,
    scenario: ZegoScenario,
    recipe: Recipe,
    /// What was wrong with an argument; told by `build`.
    wrong: Option<ZegoError>,
}

/// The parts as far as they were given.
#[derive(Default)]
pub(crate) struct Recipe {
    room: Option<Box<dyn RoomFactory>>,
    publisher: Option<Box<dyn PublisherFactory>>,
    player: Option<Box<dyn PlayerFactory>>,
    audio_device: Option<Box<dyn AudioDeviceFactory>>,
    /// Whose certificates the room part of this project trusts.
    #[cfg(feature = "default-parts")]
    authorities: Authorities,
}

impl EngineBuilder {
    pub(crate) fn new(app_id: u32, server: impl ServerAddresses) -> Self {
        Self {
            app_id,
            servers: server.addresses(),
            timings: Timings::default(),
            max_channels: DEFAULT_MAX_CHANNELS,
            scenario: ZegoScenario::default(),
            recipe: Recipe::default(),
            wrong: None,
        }
    }

    /// Who logs in to rooms.
    #[must_use]
    pub fn room(mut self, factory: impl RoomFactory + 'static) -> Self {
        self.recipe.room = Some(Box::new(factory));
        self
    }

    /// Who publishes streams.
    #[must_use]
    pub fn publisher(mut self, factory: impl PublisherFactory + 'static) -> Self {
        self.recipe.publisher = Some(Box::new(factory));
        self
    }

    /// Who plays streams.
    #[must_use]
    pub fn player(mut self, factory: impl PlayerFactory + 'static) -> Self {
        self.recipe.player = Some(Box::new(factory));
        self
    }

    /// Who captures, mixes and plays sound.
    #[must_use]
    pub fn audio_device(mut self, factory: impl AudioDeviceFactory + 'static) -> Self {
        self.recipe.audio_device = Some(Box::new(factory));
        self
    }

    /// Trusts, for `wss://` and `https://` servers, the certificate authorities in `pem` beside the public ones: for a company
    /// with an authority of its own. One certificate or several, as RFC 7468 writes them (`-----BEGIN CERTIFICATE-----`); may
    /// be called again for more. [`build`](Self::build) refuses what holds no certificate.
    ///
    /// It counts for this project's room part; a stranger in that role brings its own.
    #[cfg(feature = "default-parts")]
    #[must_use]
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.recipe.authorities.add_pem(pem.as_ref()) {
            let text = format!("root_certificate: {error}");
            self.wrong.get_or_insert(ZegoError::new(codes::INPUT_PARAM, text));
        }
        self
    }

    /// Budgets, intervals and back-off; the documented ones by default.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Most streams played at once, 1..=50; 12 by default. Further ones are refused with 1104045.
    #[doc(alias = "maxChannels")]
    #[must_use]
    pub fn max_channels(mut self, max_channels: usize) -> Self {
        self.max_channels = max_channels;
        self
    }

    /// What rooms are used for: see [`set_room_scenario`](ZegoExpressEngine::set_room_scenario), which may change it.
    #[must_use]
    pub fn scenario(mut self, scenario: ZegoScenario) -> Self {
        self.scenario = scenario;
        self
    }

    /// Makes the engine and starts its threads.
    ///
    /// # Errors
    /// - 1101000: the AppID is 0
    /// - 1100001: the server's address or a root certificate cannot be used, or `max_channels` is not 1..=50
    /// - 1101003: a part is missing (only without the feature `default-parts`)
    /// - 1000001: the threads cannot be started
    pub fn build(self) -> Result<ZegoExpressEngine, ZegoError> {
        let (settings, recipe) = self.check()?;
        let shared = Arc::new(Shared::new(settings));
        start_threads(recipe, &shared)?;
        Ok(ZegoExpressEngine::new_handle(shared))
    }

    /// Makes the engine on the caller's actix arbiter, without a thread of its own: EngineActor, the parts and the callbacks
    /// all run there, and take turns with the caller's own tasks.
    ///
    /// So a whole engine with its parts can be driven in tokio's paused time: an hour passes in milliseconds, and every run
    /// is the same. In return nothing here may block: await a [`Reply`](crate::Reply), never `wait()` for it (which is
    /// refused), and know that `destroy_engine` returns before the parts have ended.
    ///
    /// # Errors
    /// As [`build`](Self::build); 1100001 where no actix system runs on this thread.
    pub fn build_on_current_arbiter(self) -> Result<ZegoExpressEngine, ZegoError> {
        let (settings, recipe) = self.check()?;
        let (Some(_), Ok(handle)) = (System::try_current(), Handle::try_current()) else {
            let text = "no actix system runs on this thread; call it inside #[actix::main] or #[actix::test]";
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        };
        let shared = Arc::new(Shared::new(settings));
        let actor = EngineActor::new(Arc::clone(&shared), recipe.complete(&handle), false).start();
        shared.started(actor);
        let callbacks = Arc::clone(&shared);
        actix::spawn(async move { serve_callbacks(&callbacks).await });
        Ok(ZegoExpressEngine::new_handle(shared))
    }

    fn check(self) -> Result<(Settings, Recipe), ZegoError> {
        if self.app_id == 0 {
            let text = "the AppID is 0; take yours from the server's configuration";
            return Err(ZegoError::new(codes::INIT_SDK_WRONG, text));
        }
        let servers = server_address::normalise(&self.servers)?;
        if !(1..=MAX_CHANNELS_LIMIT).contains(&self.max_channels) {
            let text = format!("max_channels is {}; give 1 to {MAX_CHANNELS_LIMIT}", self.max_channels);
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        }
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        self.recipe.check()?;
        let settings = Settings {
            app_id: self.app_id,
            servers,
            timings: self.timings,
            max_channels: self.max_channels,
            scenario: self.scenario,
            instance: InstanceId::new(rand::random()),
            config: ZegoEngineConfig::default(),
        };
        Ok((settings, self.recipe))
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("app_id", &self.app_id)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "default-parts")]
impl Recipe {
    /// Nothing can be missing.
    fn check(&self) -> Result<(), ZegoError> {
        Ok(())
    }

    /// Whether a part will want a runtime for sockets.
    pub(crate) fn needs_media(&self) -> bool {
        self.room.is_none() || self.publisher.is_none() || self.player.is_none()
    }

    /// Fills in the parts of this project; their sockets live on `media`.
    pub(crate) fn complete(self, media: &Handle) -> Parts {
        let signalling = || Box::new(Signalling::trusting(media.clone(), self.authorities));
        let streams = express_media::MediaParts::new(media.clone());
        let devices = || Box::new(express_audio_io::AudioIo::new());
        Parts {
            room: self.room.unwrap_or_else(|| signalling()),
            publisher: self.publisher.unwrap_or_else(|| Box::new(streams.clone())),
            player: self.player.unwrap_or_else(|| Box::new(streams)),
            audio_device: self.audio_device.unwrap_or_else(|| devices()),
        }
    }
}

#[cfg(not(feature = "default-parts"))]
impl Recipe {
    /// All four parts have to be given.
    fn check(&self) -> Result<(), ZegoError> {
        let given = [
            ("room", self.room.is_some()),
            ("publisher", self.publisher.is_some()),
            ("player", self.player.is_some()),
            ("audio_device", self.audio_device.is_some()),
        ];
        match given.iter().find(|(_, given)| !given) {
            None => Ok(()),
            Some((part, _)) => {
                let text = format!("no {part} part: give the builder one, or compile with the feature default-parts");
                Err(ZegoError::new(codes::MODULE_NOT_IMPORTED, text))
            }
        }
    }

    /// Strangers bring what they need.
    pub(crate) fn needs_media(&self) -> bool {
        false
    }

    pub(crate) fn complete(self, _: &Handle) -> Parts {
        let given = "Recipe::check found all four parts before";
        Parts {
            room: self.room.expect(given),
            publisher: self.publisher.expect(given),
            player: self.player.expect(given),
            audio_device: self.audio_device.expect(given),
        }
    }
}
