//! What exists, and which devices must therefore be open. No actix, no I/O; time is an argument.
//!
//! ```text
//!                 something audible                 opened
//!   CLOSED ───────────────────────────► OPENING ───────────────► OPEN
//!     ▲ ▲                                  │                      │ │
//!     │ └── failed: WAITS for the next ────┘   nothing audible    │ │ lost: reported once,
//!     │     audible command, or the next try                      │ │ tried again after 1, 2, 4, 8 s
//!     └───────────────────────────────────────────────────────────┴─┘        (the speaker)
//! ```

mod media;
mod mics;
mod speaker;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use express_messages::{
    ZegoError,
    audio_device::{AudioDeviceEvent, MediaId, SinkId, SoundLevels},
    codes,
    ids::{LocalStreamId, StreamId},
};

use crate::{
    devices::{DeviceFailure, StreamKey},
    gain::percent,
    meter::Level,
    pump::{MicId, Playout, PlayoutId, PumpCommand, SinkPlace},
};
use mics::Mic;
use speaker::Speaker;
pub(crate) use watch::Observation;

/// Documented maximum of a capture or playout volume, in percent.
const VOLUME_MAX: u16 = 200;
/// Documented maximum of a local stream's own volume, in percent.
const MONITOR_MAX: u16 = 100;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Begin to move sound.
    StartPump,
    /// Nothing is left to be moved.
    StopPump,
    /// Tell the pump.
    Pump(PumpCommand),
    /// Open the default speaker.
    OpenSpeaker(StreamKey),
    /// Close a device.
    Close(StreamKey),
    /// Tell the owner.
    Tell(AudioDeviceEvent),
}

#[derive(Debug)]
struct Local {
    /// Its source is ready and it is on the pump.
    open: bool,
    sent: Feed,
    /// What is captured, where that is not what is sent.
    waiting: Option<Feed>,
    media: BTreeSet<MediaId>,
    audible: bool,
    /// How loud it is, once it is open.
    level: Level,
}

/// The microphone that a local stream uses; `None` for any other source, and for none.
type Feed = Option<MicId>;

#[derive(Debug)]
struct Played {
    id: PlayoutId,
    audible: bool,
    level: Level,
}

/// What exists.
#[derive(Debug, Default)]
pub(crate) struct DeviceState {
    locals: HashMap<LocalStreamId, Local>,
    playouts: HashMap<StreamId, Played>,
    sinks: BTreeMap<SinkId, SinkPlace>,
    mics: BTreeMap<MicId, Mic>,
    mics_muted: bool,
    speaker: Speaker,
    pump_runs: bool,
    stopped: bool,
    last_id: u64,
}

impl DeviceState {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Reserves `id` for a stream whose source is being opened.
    ///
    /// # Errors
    /// 1100001 where it is in use or `channels` is not 1 or 2; 1000001 after the end.
    pub(crate) fn begin_open(&mut self, id: LocalStreamId, channels: usize) -> Result<(), ZegoError> {
        if self.stopped {
            return Err(ZegoError::new(
                codes::ENGINE_NOT_CREATED,
                "the audio device actor has stopped",
            ));
        }
        check_channels(channels)?;
        if self.locals.contains_key(&id) {
            let message = format!("local stream {} is in use; close it first", id.0);
            return Err(ZegoError::new(codes::INPUT_PARAM, message));
        }
        self.locals.insert(
            id,
            Local {
                open: false,
                sent: None,
                waiting: None,
                media: BTreeSet::new(),
                audible: false,
                level: Level::default(),
            },
        );
        Ok(())
    }

    /// Its source could not be opened.
    pub(crate) fn abort_open(&mut self, id: LocalStreamId) {
        if self.locals.get(&id).is_some_and(|local| !local.open) {
            self.locals.remove(&id);
        }
    }

    /// Its source is ready, and `level` says how loud it is. False where it was closed meanwhile.
    pub(crate) fn opened(&mut self, id: LocalStreamId, mic: Option<MicId>, level: Level) -> bool {
        let Some(local) = self.locals.get_mut(&id).filter(|local| !local.open) else {
            return false;
        };
        local.open = true;
        local.sent = mic;
        local.level = level;
        self.use_mic(mic);
        true
    }

    /// Another source is ready: a local stream captures it. Answers what follows, or `None` where the stream was closed
    /// meanwhile.
    pub(crate) fn captured(&mut self, id: LocalStreamId, mic: Option<MicId>) -> Option<Vec<Effect>> {
        let local = self.locals.get_mut(&id).filter(|local| local.open)?;
        let former = local.waiting.replace(mic).flatten();
        self.use_mic(mic);
        Some(self.release_feed(former))
    }

    /// A local stream's sinks hear what is captured.
    pub(crate) fn send_captured(&mut self, id: LocalStreamId) -> Vec<Effect> {
        let Some(local) = self.locals.get_mut(&id) else {
            return Vec::new();
        };
        let Some(captured) = local.waiting.take() else {
            return Vec::new();
        };
        let former = std::mem::replace(&mut local.sent, captured);
        let mut effects = vec![Effect::Pump(PumpCommand::SendCaptured(id))];
        effects.extend(self.release_feed(former));
        effects
    }

    /// A local stream captures nothing any more.
    pub(crate) fn stop_capture(&mut self, id: LocalStreamId) -> Vec<Effect> {
        let Some(local) = self.locals.get_mut(&id).filter(|local| local.open) else {
            return Vec::new();
        };
        let captured = match local.waiting.take() {
            Some(waiting) => waiting,
            None => local.sent.take(),
        };
        let mut effects = vec![Effect::Pump(PumpCommand::StopCapture(id))];
        effects.extend(self.release_feed(captured));
        effects
    }

    /// Closes a local stream.
    pub(crate) fn close_local(&mut self, id: LocalStreamId) -> Vec<Effect> {
        let Some(local) = self.locals.remove(&id) else {
            return Vec::new();
        };
        self.sinks.retain(|_, place| *place != SinkPlace::Local(id));
        let mut effects = Vec::new();
        if local.open {
            effects.push(Effect::Pump(PumpCommand::RemoveLocal(id)));
        }
        for feed in [local.sent, local.waiting.flatten()] {
            effects.extend(self.release_feed(feed));
        }
        effects
    }

    /// Whether a local stream can take commands.
    fn is_open(&self, id: LocalStreamId) -> bool {
        self.locals.get(&id).is_some_and(|local| local.open)
    }

    /// # Errors
    /// 1000018 where a local stream is not open.
    pub(crate) fn require_open(&self, id: LocalStreamId) -> Result<(), ZegoError> {
        if self.is_open(id) {
            return Ok(());
        }
        let text = format!("there is no local stream {}; open it first", id.0);
        Err(ZegoError::new(codes::LOCALSTREAM_WRONG, text))
    }

    /// # Errors
    /// 1000018 where a local stream is not open, 1100001 where `channels` is not 1 or 2.
    pub(crate) fn may_capture(&self, id: LocalStreamId, channels: usize) -> Result<(), ZegoError> {
        check_channels(channels)?;
        self.require_open(id)
    }

    /// Sets the capture gain of a local stream.
    pub(crate) fn set_volume(&self, id: LocalStreamId, volume: u16) -> Option<PumpCommand> {
        self.is_open(id)
            .then(|| PumpCommand::SetVolume(id, percent(volume, VOLUME_MAX)))
    }

    /// Lets a local stream be heard on the speaker.
    pub(crate) fn monitor(&mut self, id: LocalStreamId, audible: bool, volume: u16) -> Option<PumpCommand> {
        let local = self.locals.get_mut(&id).filter(|local| local.open)?;
        local.audible = audible;
        self.speaker.asked(audible);
        let gain = if audible { percent(volume, MONITOR_MAX) } else { 0.0 };
        Some(PumpCommand::SetMonitor(id, gain))
    }

    /// The played stream `stream`, made on its first mention.
    pub(crate) fn playout(&mut self, stream: &StreamId) -> (PlayoutId, Option<PumpCommand>) {
        if let Some(played) = self.playouts.get(stream) {
            return (played.id, None);
        }
        let id = PlayoutId(self.next_id());
        let playout = Playout::new(id, 0.0);
        let (audible, level) = (false, playout.level());
        self.playouts.insert(stream.clone(), Played { id, audible, level });
        (id, Some(PumpCommand::AddPlayout(Box::new(playout))))
    }

    /// The played stream `stream`, if it was mentioned.
    pub(crate) fn known_playout(&self, stream: &StreamId) -> Option<PlayoutId> {
        self.playouts.get(stream).map(|played| played.id)
    }

    /// Sets how a played stream, which was mentioned before, is heard.
    pub(crate) fn set_playout(&mut self, stream: &StreamId, audible: bool, volume: u16) -> Option<PumpCommand> {
        let played = self.playouts.get_mut(stream)?;
        played.audible = audible;
        self.speaker.asked(audible);
        let gain = if audible { percent(volume, VOLUME_MAX) } else { 0.0 };
        Some(PumpCommand::SetGain(played.id, gain))
    }

    /// Forgets a played stream; answers the taps that went with it.
    pub(crate) fn forget_playout(&mut self, stream: &StreamId) -> (Vec<Effect>, Vec<SinkId>) {
        let Some(played) = self.playouts.remove(stream) else {
            return (Vec::new(), Vec::new());
        };
        let place = SinkPlace::Playout(played.id);
        let gone = self.sinks.iter().filter(|(_, at)| **at == place).map(|(id, _)| *id).collect();
        self.sinks.retain(|_, at| *at != place);
        (vec![Effect::Pump(PumpCommand::RemovePlayout(played.id))], gone)
    }

    /// How loud everything is now.
    pub(crate) fn sound_levels(&self) -> SoundLevels {
        let open = self.locals.iter().filter(|(_, local)| local.open);
        SoundLevels {
            local: open.map(|(id, local)| (*id, local.level.get())).collect(),
            played: self
                .playouts
                .iter()
                .map(|(id, played)| (id.clone(), played.level.get()))
                .collect(),
        }
    }

    /// Names a new sink at `place`.
    pub(crate) fn add_sink(&mut self, place: SinkPlace) -> SinkId {
        let id = SinkId(self.next_id());
        self.sinks.insert(id, place);
        id
    }

    /// Takes a sink away.
    pub(crate) fn remove_sink(&mut self, id: SinkId) -> Option<PumpCommand> {
        let place = self.sinks.remove(&id)?;
        Some(PumpCommand::RemoveSink(place, id))
    }

    /// The speaker runs as `key`. False where it is not wanted (any more).
    pub(crate) fn speaker_opened(&mut self, key: StreamKey, name: String, now: Instant) -> bool {
        self.wants_speaker() && self.speaker.opened(key, name, now)
    }

    /// The speaker could not be opened as `key`, or is not wanted.
    pub(crate) fn speaker_not_opened(&mut self, key: StreamKey, now: Instant) {
        self.speaker.not_opened(key, now);
    }

    /// What a device's callbacks have reported so far.
    pub(crate) fn observe(&mut self, key: StreamKey, seen: Observation, now: Instant) -> Vec<Effect> {
        if let Some((failure, device_name)) = self.speaker.observe(key, seen, now) {
            return vec![
                Effect::Pump(PumpCommand::RemoveSpeaker),
                Effect::Close(key),
                device_error(failure, device_name),
            ];
        }
        let id = MicId(key.0);
        let Some(mic) = self.mics.get_mut(&id).filter(|mic| !mic.lost) else {
            return Vec::new();
        };
        let Some(failure) = mic.watch.observe(seen, now) else {
            return Vec::new();
        };
        mic.lost = true;
        let name = mic.name.clone();
        vec![
            Effect::Pump(PumpCommand::RemoveMic(id)),
            Effect::Close(key),
            device_error(failure, name),
        ]
    }

    fn wants_pump(&self) -> bool {
        !self.stopped && (!self.playouts.is_empty() || self.locals.values().any(|local| local.open))
    }

    fn wants_speaker(&self) -> bool {
        let local = self.locals.values().any(|local| local.open && local.audible);
        !self.stopped && (local || self.playouts.values().any(|played| played.audible))
    }

    /// Starts the pump where a stream exists. Before any command for it.
    pub(crate) fn start_pump(&mut self) -> Option<Effect> {
        let start = !self.pump_runs && self.wants_pump();
        self.pump_runs |= start;
        start.then_some(Effect::StartPump)
    }

    /// Opens and closes what has become wanted or unwanted. After each command, and from time to time.
    pub(crate) fn reconcile(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.wants_speaker() {
            if self.speaker.wants_try(now) {
                let key = StreamKey(self.next_id());
                self.speaker.opening(key);
                effects.push(Effect::OpenSpeaker(key));
            }
        } else if let Some(key) = self.speaker.close() {
            effects.push(Effect::Pump(PumpCommand::RemoveSpeaker));
            effects.push(Effect::Close(key));
        }
        if self.pump_runs && !self.wants_pump() {
            self.pump_runs = false;
            effects.push(Effect::StopPump);
        }
        effects
    }

    /// The end: nothing is wanted any more.
    pub(crate) fn stop(&mut self) {
        *self = Self {
            stopped: true,
            pump_runs: self.pump_runs,
            last_id: self.last_id,
            ..Self::default()
        };
    }
}

fn check_channels(channels: usize) -> Result<(), ZegoError> {
    if (1..=2).contains(&channels) {
        return Ok(());
    }
    let message = format!("sound of {channels} channels cannot be captured; use 1 or 2");
    Err(ZegoError::new(codes::INPUT_PARAM, message))
}

fn device_error(failure: DeviceFailure, device_name: String) -> Effect {
    let code = match failure {
        DeviceFailure::Unplugged => codes::DEVICE_UNPLUGGED,
        DeviceFailure::Failed => codes::DEVICE_GENERIC,
    };
    Effect::Tell(AudioDeviceEvent::DeviceError { code, device_name })
}

#[cfg(test)]
mod tests;
