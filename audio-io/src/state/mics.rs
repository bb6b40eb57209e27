//! Microphones: opened by the first stream that needs one, closed with the last, replaced where they fail or where another is
//! wanted.
//!
//! ```text
//!   stream asked for      its microphone is lost             the default device becomes another
//!   the default device    the default device, at once        moves there
//!   one device            that one, as soon as it is back    stays
//!     with auto-switch    the default device, at once        stays
//! ```
//!
//! The sound of a screen is a microphone here that nobody gets who did not ask for it, and who did gets no other.
//!
//! A stream moves when the other microphone runs: until then it has the old one, or silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use express_messages::{ids::LocalStreamId, types::ZegoAudioDeviceType};

use super::{DeviceState, Effect, MicFeed, attempts::Attempts, losses::Loss, voice::Chain, watch::Watch};
use crate::{
    devices::{DeviceFailure, SCREEN, StreamKey},
    pump::{MicId, PumpCommand, Slot, Voice},
};

/// An open microphone, or one that failed.
#[derive(Debug)]
pub(super) struct Mic {
    pub(super) device_id: String,
    name: String,
    users: usize,
    /// It failed: its streams are silent until they have another.
    pub(super) lost: bool,
    pub(super) chain: Option<Chain>,
    watch: Watch,
}

/// All microphones.
#[derive(Debug, Default)]
pub(super) struct Mics {
    pub(super) open: BTreeMap<MicId, Mic>,
    /// No stream is to have them any more, but the pump may not have made the change yet: closed when it gives them back.
    retiring: BTreeSet<MicId>,
    attempts: Attempts,
    /// What the streams that wait for a microphone want to be done to its sound.
    pub(super) awaited: BTreeMap<StreamKey, Voice>,
    /// Whether a stream of a chosen device that is gone takes the default one.
    auto_switch: bool,
    muted: bool,
}

impl Mics {
    /// A microphone that runs and is `device_id`, or any that runs.
    fn running(&self, device_id: Option<&str>) -> Option<MicId> {
        // The sound of a screen is captured only by who asks for it.
        let is_it = |mic: &Mic| !mic.lost && device_id.map_or(mic.device_id != SCREEN, |id| mic.device_id == id);
        self.open.iter().find(|(_, mic)| is_it(mic)).map(|(id, _)| *id)
    }

    /// The list of devices is another: what failed may work now.
    pub(super) fn try_again(&mut self) {
        self.attempts.try_again();
    }
}

impl DeviceState {
    /// A microphone that is open already and is what a stream that asks for `device_id` should have.
    pub(crate) fn find_mic(&self, device_id: Option<&str>) -> Option<MicId> {
        if let Some(id) = device_id.or_else(|| self.inventory.default_device(ZegoAudioDeviceType::Input)) {
            return self.mics.running(Some(id));
        }
        // Nobody has looked yet: what was opened as the default one is the default one.
        let feeds = self.locals.values().filter(|local| local.open).flat_map(super::Local::feeds);
        let mut in_use = feeds.filter(|(_, feed)| feed.asked.is_none()).map(|(_, feed)| feed.mic);
        in_use.find(|id| self.mics.open.get(id).is_some_and(|mic| !mic.lost))
    }

    /// A name for a microphone that is to be opened.
    pub(crate) fn new_mic(&mut self) -> MicId {
        MicId(self.next_id())
    }

    /// The microphone `id` runs. Answers the one to use: `id`, or another that is the same device, opened meanwhile.
    pub(crate) fn mic_opened(&mut self, id: MicId, device_id: String, name: String, now: Instant) -> MicId {
        if let Some(other) = self.mics.running(Some(&device_id)) {
            return other;
        }
        let back = self.losses.iter_mut().filter(|loss| loss.device_id == device_id);
        back.for_each(Loss::reopened);
        let mic = Mic {
            device_id,
            name,
            users: 0,
            lost: false,
            chain: None,
            watch: Watch::new(now),
        };
        self.mics.open.insert(id, mic);
        id
    }

    /// Closes a microphone that nobody uses.
    pub(crate) fn drop_unused_mic(&mut self, id: MicId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.mics.open.get(&id).is_some_and(|mic| mic.users == 0) {
            self.close_mic(id, &mut effects);
        }
        effects
    }

    /// One more use of a microphone.
    pub(super) fn use_mic(&mut self, id: MicId) {
        if let Some(mic) = self.mics.open.get_mut(&id) {
            mic.users += 1;
        }
    }

    /// One use less. Answers whether it was the last one.
    fn leave_mic(&mut self, id: MicId) -> bool {
        let Some(mic) = self.mics.open.get_mut(&id) else {
            return false;
        };
        mic.users = mic.users.saturating_sub(1);
        mic.users == 0
    }

    /// What `feed` used is used once less; closed with its last use.
    pub(super) fn release_feed(&mut self, feed: Option<MicFeed>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(feed) = feed.filter(|feed| self.leave_mic(feed.mic)) {
            self.close_mic(feed.mic, &mut effects);
        }
        effects
    }

    fn close_mic(&mut self, id: MicId, effects: &mut Vec<Effect>) {
        if let Some(mic) = self.mics.open.remove(&id) {
            effects.push(Effect::Pump(PumpCommand::RemoveMic(id)));
            if !mic.lost {
                effects.push(Effect::Close(StreamKey(id.0)));
            }
        }
    }

    /// What the callbacks of microphone `id` have reported so far: its failure, once.
    pub(super) fn observe_mic(&mut self, id: MicId, seen: super::Observation, now: Instant) -> Vec<Effect> {
        let mic = self.mics.open.get_mut(&id).filter(|mic| !mic.lost);
        match mic.and_then(|mic| mic.watch.observe(seen, now)) {
            Some(failure) => {
                let mut effects = self.lose_mic(id, failure, now);
                if failure == DeviceFailure::Changed {
                    effects.extend(self.move_streams(now));
                } else {
                    // Whether it is still there decides what to tell and where to go.
                    effects.push(Effect::Look);
                }
                effects
            }
            None => Vec::new(),
        }
    }

    /// The microphone that is `device_id` is gone from the list.
    pub(super) fn mic_vanished(&mut self, device_id: &str, now: Instant) -> Vec<Effect> {
        match self.mics.running(Some(device_id)) {
            Some(id) => self.lose_mic(id, DeviceFailure::Unplugged, now),
            None => Vec::new(),
        }
    }

    fn lose_mic(&mut self, id: MicId, failure: DeviceFailure, now: Instant) -> Vec<Effect> {
        let Some(mic) = self.mics.open.get_mut(&id) else {
            return Vec::new();
        };
        mic.lost = true;
        if self.mics.attempts.lost(StreamKey(id.0), mic.watch.age(now), now) {
            self.losses
                .push(Loss::new(mic.device_id.clone(), mic.name.clone(), failure, now));
        }
        vec![Effect::Close(StreamKey(id.0))]
    }

    /// Whether a stream of a chosen microphone that is gone takes the default one.
    pub(crate) fn set_auto_switch(&mut self, wanted: bool, now: Instant) -> Vec<Effect> {
        self.mics.auto_switch = wanted;
        self.move_streams(now)
    }

    /// Gives each stream the microphone that it should have, and opens those that are needed for that.
    pub(super) fn move_streams(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let locals = self.locals.iter().filter(|(_, local)| local.open);
        let feeds = locals.flat_map(|(id, local)| local.feeds().map(move |(slot, feed)| (*id, slot, feed.clone())));
        let mut feeds: Vec<_> = feeds.collect();
        feeds.sort_unstable_by_key(|(id, slot, _)| (*id, *slot));
        for (id, slot, feed) in feeds {
            let Some(wanted) = self.other_device(&feed) else { continue };
            match self.mics.running(wanted.as_deref()) {
                Some(mic) => self.move_stream(id, slot, mic, &mut effects),
                None => self.try_to_open(wanted, feed.voice, now, &mut effects),
            }
        }
        effects
    }

    /// The device that a stream should have in place of its present one; `Some(None)` is the default one, whatever it is.
    fn other_device(&self, feed: &MicFeed) -> Option<Option<String>> {
        let present = self.mics.open.get(&feed.mic)?;
        let default = self.inventory.default_device(ZegoAudioDeviceType::Input);
        match &feed.asked {
            None if present.lost => Some(default.map(Into::into)),
            None => default.filter(|id| *id != present.device_id).map(|id| Some(id.into())),
            Some(_) if !present.lost => None,
            Some(asked) if self.mics.auto_switch && asked != SCREEN && !self.inventory.lists(asked) => {
                Some(default.map(Into::into))
            }
            Some(asked) => Some(Some(asked.clone())),
        }
    }

    fn move_stream(&mut self, id: LocalStreamId, slot: Slot, to: MicId, effects: &mut Vec<Effect>) {
        let feed = self.locals.get_mut(&id).and_then(|local| local.feed(slot));
        let Some(feed) = feed else { return };
        let (from, voice) = (std::mem::replace(&mut feed.mic, to), feed.voice);
        if let (Some(asked), Some(mic)) = (&mut feed.asked, self.mics.open.get(&to)) {
            // One that was switched by itself stays there, too.
            asked.clone_from(&mic.device_id);
        }
        self.use_mic(to);
        effects.extend(self.ask_voice(to, voice));
        effects.push(Effect::Pump(PumpCommand::SetMic(id, slot, to)));
        if self.leave_mic(from)
            && let Some(mic) = self.mics.open.remove(&from)
        {
            effects.push(Effect::Pump(PumpCommand::RemoveMic(from)));
            if !mic.lost {
                self.mics.retiring.insert(from);
            }
        }
    }

    fn try_to_open(&mut self, device: Option<String>, voice: Voice, now: Instant, effects: &mut Vec<Effect>) {
        if !self.mics.attempts.may_begin(device.as_deref(), now) {
            return;
        }
        let key = StreamKey(self.next_id());
        self.mics.attempts.begin(device.clone(), key);
        self.mics.awaited.insert(key, voice);
        effects.push(Effect::OpenMic(key, device));
    }

    /// A microphone that streams needed runs, and the pump has it.
    pub(crate) fn reopened(&mut self, key: StreamKey, now: Instant) -> Vec<Effect> {
        self.mics.attempts.opened(key);
        self.move_streams(now)
    }

    /// It could not be opened: tried again later.
    pub(crate) fn not_reopened(&mut self, key: StreamKey, now: Instant) {
        self.mics.attempts.not_opened(key, now);
        self.losses.iter_mut().for_each(Loss::not_reopened);
    }

    /// Captures microphone `to`, which the stream's user chose, in place of another.
    pub(crate) fn choose_mic(&mut self, id: LocalStreamId, device_id: String, to: MicId) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(local) = self.locals.get_mut(&id).filter(|local| local.open) else {
            return effects;
        };
        let slot = local.captured();
        let Some(feed) = local.feed(slot) else { return effects };
        feed.asked = Some(device_id);
        if feed.mic != to {
            self.move_stream(id, slot, to, &mut effects);
        }
        effects
    }

    /// The id of the microphone that a local stream captures.
    pub(crate) fn captured_device(&self, id: LocalStreamId) -> Option<String> {
        let mic = self.mics.open.get(&self.captured_mic(id)?.mic)?;
        Some(mic.device_id.clone()).filter(|id| id != SCREEN)
    }

    /// Whether a local stream captures a microphone.
    pub(crate) fn is_mic_stream(&self, id: LocalStreamId) -> bool {
        self.captured_mic(id)
            .is_some_and(|feed| feed.asked.as_deref() != Some(SCREEN))
    }

    /// The microphone that a local stream captures.
    pub(super) fn captured_mic(&self, id: LocalStreamId) -> Option<&MicFeed> {
        let local = self.locals.get(&id).filter(|local| local.open)?;
        let captured = local.captured();
        let mut feeds = local.feeds();
        feeds.find(|(slot, _)| *slot == captured).map(|(_, feed)| feed)
    }

    /// The pump has no stream of microphone `id` any more.
    pub(crate) fn mic_returned(&mut self, id: MicId) -> Option<Effect> {
        self.mics.retiring.remove(&id).then_some(Effect::Close(StreamKey(id.0)))
    }

    /// The pump ends, and with it every use of what was retiring.
    pub(super) fn close_retiring(&mut self) -> impl Iterator<Item = Effect> + use<> {
        let retiring = std::mem::take(&mut self.mics.retiring);
        retiring.into_iter().map(|id| Effect::Close(StreamKey(id.0)))
    }

    /// Silences all microphones, or not.
    pub(crate) fn mute_mics(&mut self, muted: bool) -> PumpCommand {
        self.mics.muted = muted;
        PumpCommand::MuteMics(muted)
    }

    /// Whether all microphones are silent.
    pub(crate) fn mics_muted(&self) -> bool {
        self.mics.muted
    }
}
