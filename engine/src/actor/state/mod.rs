//! Every decision of the engine, without actors, threads or clocks.
//!
//! [`EngineState`] knows the rooms, the published and played streams, the local streams and the audio device part. Each
//! method decides one call or one report and notes in a [`Step`] what follows: events for the application, commands that
//! EngineActor carries out in order, and answers to calls. Calls are decided on the caller's thread, reports on the control
//! thread, all under one lock; so decisions, events and commands have one order.
//!
//! A started part is a [`LifeId`]. What was told to stop moves to `ending` at once, and nothing it reports counts any more;
//! the state that the application sees changes with the call, not with the part's answer. A successor with the same name
//! (the same streamID, the next login) starts when its predecessor is gone.

mod command;
mod config;
mod device;
mod end;
mod farewell;
mod levels;
mod life;
mod local;
mod mute_play;
mod network;
mod output;
mod play;
mod play_moves;
mod publish;
mod room;
mod rooms;
mod seen;
mod switch;
mod talk;
mod token_form;

use std::collections::BTreeMap;

use express_messages::{
    ZegoError,
    ids::{InstanceId, LocalStreamId, StreamId},
    timings::Timings,
    types::ZegoScenario,
};

pub(crate) use command::{CallId, Command, LifeId, PlayId, Step, TapKey, Timer};
use device::Device;
use end::End;
use levels::Delegate;
use life::Slot;
use local::LocalStream;
pub(crate) use local::check_percent;
use network::Network;
pub(crate) use output::Heard;
use play::Playback;
use publish::Publication;
pub(crate) use room::LoginRequest;
use rooms::Rooms;
pub(crate) use switch::SwitchRequest;
pub(crate) use talk::check_users;

use super::{ExactLook, throttle::Throttled};
use crate::{options::ZegoEngineConfig, reply::engine_gone};

/// What does not change while an engine lives.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) app_id: u32,
    pub(crate) servers: Vec<String>,
    pub(crate) timings: Timings,
    /// Most streams played at once.
    pub(crate) max_channels: usize,
    /// What the next rooms are used for.
    pub(crate) scenario: ZegoScenario,
    /// Names this engine's life to servers, in multi-room mode.
    pub(crate) instance: InstanceId,
    /// What `setEngineConfig` said of quality reports and of switchRoom; the rest of it is above.
    pub(crate) config: ZegoEngineConfig,
}

/// Everything the engine knows.
#[derive(Debug)]
pub(crate) struct EngineState {
    settings: Settings,
    end: End,
    next_id: u64,
    rooms: Rooms,
    publications: Vec<Publication>,
    playbacks: Vec<Playback>,
    locals: BTreeMap<LocalStreamId, LocalStream>,
    microphone: Throttled,
    /// `muteAllPlayAudioStreams`.
    all_muted: bool,
    network: Network,
    levels: Option<Delegate>,
    device: Device,
    ending: BTreeMap<LifeId, Slot>,
    stops_unanswered: u64,
    restarts: u64,
}

impl EngineState {
    /// A new engine; the first command starts the audio device part.
    pub(crate) fn new(settings: Settings, out: &mut Step) -> Self {
        let mut state = Self {
            rooms: Rooms::new(settings.instance.clone()),
            settings,
            end: End::Alive,
            next_id: 0,
            publications: Vec::new(),
            playbacks: Vec::new(),
            locals: BTreeMap::new(),
            microphone: Throttled::new(false),
            all_muted: false,
            network: Network::default(),
            levels: None,
            device: Device::default(),
            ending: BTreeMap::new(),
            stops_unanswered: 0,
            restarts: 0,
        };
        state.start_device(out);
        state
    }

    /// What an exact look at this system needs.
    pub(crate) fn exact_look(&mut self) -> Result<ExactLook, ZegoError> {
        self.alive()?;
        let captures = self.locals.keys().any(|id| self.is_microphone(*id));
        Ok(ExactLook {
            id: (!captures).then(|| LocalStreamId(self.fresh())),
            servers: self.settings.servers.clone(),
        })
    }

    /// A number that this engine never used before.
    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Names a call that will be answered later.
    pub(crate) fn new_call(&mut self) -> CallId {
        CallId(self.fresh())
    }

    /// # Errors
    /// 1000001 once the engine was destroyed.
    pub(crate) fn alive(&self) -> Result<(), ZegoError> {
        match self.end {
            End::Alive => Ok(()),
            _ => Err(engine_gone()),
        }
    }

    /// Counters of the state: stops without an answer, restarts.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.stops_unanswered, self.restarts)
    }

    fn publication(&mut self, stream_id: &StreamId) -> Option<&mut Publication> {
        self.publications.iter_mut().find(|p| p.stream_id() == stream_id)
    }

    fn playback(&mut self, stream_id: &StreamId) -> Option<&mut Playback> {
        self.playbacks.iter_mut().find(|p| p.stream_id() == stream_id)
    }
}

#[cfg(test)]
mod tests;
