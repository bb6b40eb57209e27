//! Microphones: opened by the first stream that needs one, closed with the last.

use std::time::Instant;

use super::{DeviceState, Effect, Feed, watch::Watch};
use crate::{
    devices::StreamKey,
    pump::{MicId, PumpCommand},
};

/// An open microphone, or one that failed.
#[derive(Debug)]
pub(super) struct Mic {
    pub(super) device_id: String,
    pub(super) name: String,
    /// What the first opener asked for.
    pub(super) asked: Option<String>,
    pub(super) users: usize,
    /// It failed: its streams are silent, and a new stream opens it anew.
    pub(super) lost: bool,
    pub(super) watch: Watch,
}

impl DeviceState {
    /// A microphone that is open already and answers to `device_id`.
    pub(crate) fn find_mic(&self, device_id: Option<&str>) -> Option<MicId> {
        let answers = |mic: &Mic| !mic.lost && (mic.asked.as_deref() == device_id || Some(&*mic.device_id) == device_id);
        self.mics.iter().find(|(_, mic)| answers(mic)).map(|(id, _)| *id)
    }

    /// A name for a microphone that is to be opened.
    pub(crate) fn new_mic(&mut self) -> MicId {
        MicId(self.next_id())
    }

    /// The microphone `id` runs. Answers the one to use: `id`, or another that is the same device, opened meanwhile.
    pub(crate) fn mic_opened(
        &mut self,
        id: MicId,
        asked: Option<String>,
        device_id: String,
        name: String,
        now: Instant,
    ) -> MicId {
        let same = |mic: &Mic| !mic.lost && mic.device_id == device_id;
        if let Some((&other, _)) = self.mics.iter().find(|(_, mic)| same(mic)) {
            return other;
        }
        let mic = Mic {
            device_id,
            name,
            asked,
            users: 0,
            lost: false,
            watch: Watch::new(now),
        };
        self.mics.insert(id, mic);
        id
    }

    /// Closes a microphone that nobody uses.
    pub(crate) fn drop_unused_mic(&mut self, id: MicId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.mics.get(&id).is_some_and(|mic| mic.users == 0) {
            self.close_mic(id, &mut effects);
        }
        effects
    }

    /// One more use of `mic`.
    pub(super) fn use_mic(&mut self, mic: Feed) {
        if let Some(mic) = mic.and_then(|mic| self.mics.get_mut(&mic)) {
            mic.users += 1;
        }
    }

    /// One use of `mic` less.
    pub(super) fn release_feed(&mut self, mic: Feed) -> Vec<Effect> {
        let Some((id, mic)) = mic.and_then(|id| Some((id, self.mics.get_mut(&id)?))) else {
            return Vec::new();
        };
        mic.users = mic.users.saturating_sub(1);
        self.drop_unused_mic(id)
    }

    fn close_mic(&mut self, id: MicId, effects: &mut Vec<Effect>) {
        if let Some(mic) = self.mics.remove(&id)
            && !mic.lost
        {
            effects.push(Effect::Pump(PumpCommand::RemoveMic(id)));
            effects.push(Effect::Close(StreamKey(id.0)));
        }
    }

    /// Silences all microphones, or not.
    pub(crate) fn mute_mics(&mut self, muted: bool) -> PumpCommand {
        self.mics_muted = muted;
        PumpCommand::MuteMics(muted)
    }

    /// Whether all microphones are silent.
    pub(crate) fn mics_muted(&self) -> bool {
        self.mics_muted
    }
}
