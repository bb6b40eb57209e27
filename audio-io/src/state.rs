//! What exists, and which devices must therefore be open. No actix, no I/O; time is an argument.
//!
//! ```text
//!             a stream needs it                  opened
//!   CLOSED ───────────────────────────► TRIED ───────────────► OPEN
//!     ▲                                 │   ▲                   │ │
//!     │              failed: after 0.25, │   │ lost: told once,  │ │ no stream needs it
//!     │        0.5, 1, 2, 2 … s, and with └───┴───────────────────┘ │
//!     │      each change of the list                               │
//!     └────────────────────────────────────────────────────────────┘
//! ```

mod attempts;
mod inventory;
mod locals;
mod losses;
mod media;
mod mics;
mod speakers;
mod voice;
mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use express_messages::{
    audio_device::{AudioDeviceEvent, SinkId, SoundLevels},
    ids::{LocalStreamId, StreamId},
    types::ZegoAudioDeviceType,
};

use crate::{
    devices::{DeviceList, StreamKey},
    gain::percent,
    meter::Level,
    pump::{MicId, OutputId, Playout, PlayoutId, PumpCommand, SinkPlace},
};
use inventory::Inventory;
use locals::Local;
pub(crate) use locals::MicFeed;
use losses::Loss;
use mics::Mics;
pub(crate) use speakers::{Choice, ChoiceNeeds};
use speakers::{Hearing, Speakers};
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
    /// Open a microphone, `None` the default one, for streams that need another.
    OpenMic(StreamKey, Option<String>),
    /// Open a speaker, `None` the default one.
    OpenSpeaker(OutputId, Option<String>),
    /// Close a device.
    Close(StreamKey),
    /// Look at the list of devices now.
    Look,
    /// Look at it now and from time to time.
    StartWatch,
    /// No longer.
    StopWatch,
    /// Tell the owner.
    Tell(AudioDeviceEvent),
}

impl Effect {
    /// Tells that a device does not work, by its documented code.
    fn device_error(code: i32, device_name: String) -> Self {
        Self::Tell(AudioDeviceEvent::DeviceError { code, device_name })
    }
}

#[derive(Debug)]
struct Played {
    id: PlayoutId,
    hearing: Hearing,
    level: Level,
}

/// What exists.
#[derive(Debug, Default)]
pub(crate) struct DeviceState {
    locals: HashMap<LocalStreamId, Local>,
    playouts: HashMap<StreamId, Played>,
    sinks: BTreeMap<SinkId, SinkPlace>,
    mics: Mics,
    losses: Vec<Loss>,
    speakers: Speakers,
    inventory: Inventory,
    /// Somebody wants to hear of changes even while no device is open.
    is_listened_to: bool,
    watches: bool,
    pump_runs: bool,
    stopped: bool,
    last_id: u64,
}

impl DeviceState {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The played stream `stream`, made on its first mention.
    pub(crate) fn playout(&mut self, stream: &StreamId) -> (PlayoutId, Option<PumpCommand>) {
        if let Some(played) = self.playouts.get(stream) {
            return (played.id, None);
        }
        let id = PlayoutId(self.next_id());
        let playout = Playout::new(id, 0.0);
        let (hearing, level) = (Hearing::default(), playout.level());
        self.playouts.insert(stream.clone(), Played { id, hearing, level });
        (id, Some(PumpCommand::AddPlayout(Box::new(playout))))
    }

    /// The played stream `stream`, if it was mentioned.
    pub(crate) fn known_playout(&self, stream: &StreamId) -> Option<PlayoutId> {
        self.playouts.get(stream).map(|played| played.id)
    }

    /// Sets how a played stream, which was mentioned before, is heard.
    pub(crate) fn set_playout(&mut self, stream: &StreamId, audible: bool, volume: u16) -> Option<PumpCommand> {
        let played = self.playouts.get_mut(stream)?;
        played.hearing.audible = audible;
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
        let open = || self.locals.iter().filter(|(_, local)| local.open);
        SoundLevels {
            sent: open().map(|(id, local)| (*id, local.levels.sent.read())).collect(),
            captured: open().map(|(id, local)| (*id, local.levels.captured.read())).collect(),
            played: self
                .playouts
                .iter()
                .map(|(id, played)| (id.clone(), played.level.read()))
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

    /// What a device's callbacks have reported so far.
    pub(crate) fn observe(&mut self, key: StreamKey, seen: Observation, now: Instant) -> Vec<Effect> {
        self.observe_speaker(OutputId(key.0), seen, now)
            .unwrap_or_else(|| self.observe_mic(MicId(key.0), seen, now))
    }

    fn wants_pump(&self) -> bool {
        !self.stopped && (!self.playouts.is_empty() || self.locals.values().any(|local| local.open))
    }

    fn wants_speaker(&self) -> bool {
        let local = self.locals.values().any(|local| local.open && local.hearing.audible);
        !self.stopped && (local || self.playouts.values().any(|played| played.hearing.audible))
    }

    fn wants_watch(&self) -> bool {
        !self.stopped && (self.is_listened_to || self.uses_mics() || self.wants_speaker())
    }

    /// Somebody wants to hear of changes even while no device is open, or nobody does.
    pub(crate) fn listen(&mut self, wanted: bool) {
        self.is_listened_to = wanted;
    }

    /// Whether a microphone is open or missed, or its loss is not yet told.
    fn uses_mics(&self) -> bool {
        !self.mics.open.is_empty() || !self.losses.is_empty()
    }

    /// What a look at the list of devices showed; `None` where the list could not be read.
    pub(crate) fn devices_listed(&mut self, list: Option<DeviceList>, now: Instant) -> Vec<Effect> {
        if !self.watches {
            return Vec::new();
        }
        let changes = list.map(|list| self.inventory.update(list)).unwrap_or_default();
        if !changes.is_empty() {
            self.mics.try_again();
            self.speakers.try_again();
        }
        let mut effects = Vec::new();
        for change in changes {
            let gone = inventory::gone_device(&change).map(|(device_type, id)| (device_type, id.to_owned()));
            effects.push(Effect::Tell(change));
            effects.extend(match gone {
                Some((ZegoAudioDeviceType::Input, id)) => self.mic_vanished(&id, now),
                Some((_, id)) => self.speaker_vanished(&id, now),
                None => Vec::new(),
            });
        }
        effects.extend(self.tell_losses(now));
        effects.extend(self.move_streams(now));
        effects
    }

    fn tell_losses(&mut self, now: Instant) -> Vec<Effect> {
        let Self { losses, inventory, .. } = self;
        let mut told = Vec::new();
        losses.retain_mut(|loss| {
            let code = loss.judge(inventory.lists(&loss.device_id), now);
            told.extend(code.map(|code| Effect::device_error(code, loss.name.clone())));
            !loss.is_over()
        });
        told
    }

    /// Starts the pump where a stream exists. Before any command for it.
    pub(crate) fn start_pump(&mut self) -> Option<Effect> {
        let start = !self.pump_runs && self.wants_pump();
        self.pump_runs |= start;
        start.then_some(Effect::StartPump)
    }

    /// Opens and closes what has become wanted or unwanted. After each command, and from time to time.
    pub(crate) fn reconcile(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = self.route_streams(now);
        if self.watches != self.wants_watch() {
            self.watches = !self.watches;
            self.inventory.forget();
            effects.push(if self.watches { Effect::StartWatch } else { Effect::StopWatch });
        }
        if self.pump_runs && !self.wants_pump() {
            self.pump_runs = false;
            effects.push(Effect::StopPump);
            effects.extend(self.close_retiring());
            effects.extend(self.close_speakers());
        }
        effects
    }

    /// The end: nothing is wanted any more.
    pub(crate) fn stop(&mut self) {
        *self = Self {
            stopped: true,
            pump_runs: self.pump_runs,
            watches: self.watches,
            last_id: self.last_id,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests;
