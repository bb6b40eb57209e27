//! Local streams: what each captures and what it sends.

use std::collections::BTreeSet;

use express_messages::{ZegoError, audio_device::MediaId, codes, ids::LocalStreamId};

use super::{DeviceState, Effect, MONITOR_MAX, VOLUME_MAX, speakers::Hearing};
use crate::{
    gain::percent,
    pump::{LocalLevels, MicId, PumpCommand, SinkPlace, Slot, Voice},
};

/// The microphone that a local stream uses, and why that one.
#[derive(Debug, Clone)]
pub(crate) struct MicFeed {
    pub(crate) mic: MicId,
    /// The device that its user chose, `None` whatever is the default one.
    pub(crate) asked: Option<String>,
    /// What is done to its sound.
    pub(crate) voice: Voice,
}

/// `None` for any other source, and for none.
type Feed = Option<MicFeed>;

#[derive(Debug)]
pub(super) struct Local {
    /// Its source is ready and it is on the pump.
    pub(super) open: bool,
    sent: Feed,
    /// What is captured, where that is not what is sent.
    waiting: Option<Feed>,
    pub(super) media: BTreeSet<MediaId>,
    sent_audible: bool,
    capture_audible: bool,
    pub(super) hearing: Hearing,
    /// How loud it is, once it is open.
    pub(super) levels: LocalLevels,
}

impl Local {
    /// The microphones that it uses, each with its place.
    pub(super) fn feeds(&self) -> impl Iterator<Item = (Slot, &MicFeed)> {
        let sent = self.sent.iter().map(|feed| (Slot::Sent, feed));
        sent.chain(self.waiting.iter().flatten().map(|feed| (Slot::Waiting, feed)))
    }

    /// The same, to be changed.
    pub(super) fn feeds_mut(&mut self) -> impl Iterator<Item = &mut MicFeed> {
        self.sent.iter_mut().chain(self.waiting.iter_mut().flatten())
    }

    /// What it sends or captures is to be heard on the speaker, or neither.
    fn hear(&mut self) {
        self.hearing.audible = self.sent_audible || self.capture_audible;
    }

    pub(super) fn feed(&mut self, slot: Slot) -> Option<&mut MicFeed> {
        match slot {
            Slot::Sent => self.sent.as_mut(),
            Slot::Waiting => self.waiting.as_mut()?.as_mut(),
        }
    }

    /// The place of what is captured.
    pub(super) fn captured(&self) -> Slot {
        if self.waiting.is_some() { Slot::Waiting } else { Slot::Sent }
    }
}

impl DeviceState {
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
                sent_audible: false,
                capture_audible: false,
                hearing: Hearing::default(),
                levels: LocalLevels::default(),
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

    /// Its source is ready, and `levels` say how loud it is. False where it was closed meanwhile.
    pub(crate) fn opened(&mut self, id: LocalStreamId, feed: Feed, levels: LocalLevels) -> bool {
        let Some(local) = self.locals.get_mut(&id).filter(|local| !local.open) else {
            return false;
        };
        let mic = feed.as_ref().map(|feed| feed.mic);
        local.open = true;
        local.sent = feed;
        local.levels = levels;
        mic.into_iter().for_each(|mic| self.use_mic(mic));
        true
    }

    /// Another source is ready: a local stream captures it. Answers what follows, or `None` where the stream was closed
    /// meanwhile.
    pub(crate) fn captured(&mut self, id: LocalStreamId, feed: Feed) -> Option<Vec<Effect>> {
        let local = self.locals.get_mut(&id).filter(|local| local.open)?;
        let mic = feed.as_ref().map(|feed| feed.mic);
        let former = local.waiting.replace(feed).flatten();
        mic.into_iter().for_each(|mic| self.use_mic(mic));
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
        self.sinks
            .retain(|_, place| ![SinkPlace::Local(id), SinkPlace::Captured(id)].contains(place));
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
    pub(crate) fn is_open(&self, id: LocalStreamId) -> bool {
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
        local.sent_audible = audible;
        local.hear();
        let gain = if audible { percent(volume, MONITOR_MAX) } else { 0.0 };
        Some(PumpCommand::SetMonitor(id, gain))
    }

    /// Lets what a local stream captures be heard on the speaker.
    pub(crate) fn monitor_capture(&mut self, id: LocalStreamId, audible: bool, volume: u16) -> Option<PumpCommand> {
        let local = self.locals.get_mut(&id).filter(|local| local.open)?;
        local.capture_audible = audible;
        local.hear();
        let gain = if audible { percent(volume, MONITOR_MAX) } else { 0.0 };
        Some(PumpCommand::SetCaptureMonitor(id, gain))
    }
}

fn check_channels(channels: usize) -> Result<(), ZegoError> {
    if (1..=2).contains(&channels) {
        return Ok(());
    }
    let message = format!("sound of {channels} channels cannot be captured; use 1 or 2");
    Err(ZegoError::new(codes::INPUT_PARAM, message))
}
