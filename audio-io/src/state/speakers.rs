//! Speakers: opened for the first stream that is to be heard on one, closed when none is, replaced where they fail or where
//! another is wanted.
//!
//! ```text
//!   stream asked for      its speaker is lost                          the default device becomes another
//!   the default device    the default device, at once                  moves there
//!   one device            the default device, and that one as soon     stays
//!                         as it is back
//! ```
//!
//! A stream moves when the other speaker takes sound: until then it is heard where it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use express_messages::{ZegoError, audio_device::HeardStream, codes, types::ZegoAudioDeviceType::Output as OUTPUT};

use super::{DeviceState, Effect, Observation, attempts::Attempts, watch::Watch};
use crate::{
    devices::{DeviceFailure, StreamKey},
    pump::{Audible, OutputId, PumpCommand},
};

/// A speaker that nobody is heard on is closed after this: its ring is played to the end by then, and who stops and plays again
/// finds it open.
const LINGER: Duration = Duration::from_millis(200);
/// How long a lost speaker is not tried, for the list of devices to say first whether it is still there.
const LOOK_FIRST: Duration = Duration::from_millis(100);

/// An open speaker.
#[derive(Debug)]
struct Speaker {
    device_id: String,
    name: String,
    /// What was asked for and turned out to be this one, `None` the default device.
    asked_as: Vec<Option<String>>,
    /// It has taken sound.
    has_begun: bool,
    unused_since: Option<Instant>,
    watch: Watch,
}

/// All speakers.
#[derive(Debug, Default)]
pub(super) struct Speakers {
    open: BTreeMap<OutputId, Speaker>,
    attempts: Attempts,
    /// Names of those that changed their format and are not open again: not told unless that fails.
    changing: Vec<String>,
}

impl Speakers {
    fn running(&self, wanted: Option<&str>) -> Option<OutputId> {
        let is_it = |speaker: &Speaker| {
            wanted == Some(&speaker.device_id) || speaker.asked_as.iter().any(|asked| asked.as_deref() == wanted)
        };
        self.open.iter().find(|(_, speaker)| is_it(speaker)).map(|(id, _)| *id)
    }

    /// The list of devices is another: what failed may work now.
    pub(super) fn try_again(&mut self) {
        self.attempts.try_again();
    }
}

/// Whether a stream is to be heard, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Hearing {
    pub(super) audible: bool,
    /// The device that its user chose, `None` whatever is the default one.
    asked: Option<String>,
    /// Where the pump has it; it may be closed by now.
    output: Option<OutputId>,
    /// Counts its user's choices.
    choices: u64,
}

/// A choice of a speaker that was begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice(u64);

/// What a choice of a speaker needs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChoiceNeeds {
    Nothing,
    /// The device must be listed: nothing is heard there yet.
    List,
    /// The device must be open.
    Open,
}

impl DeviceState {
    fn hearing(&mut self, stream: &HeardStream) -> Result<&mut Hearing, ZegoError> {
        match stream {
            HeardStream::Local(id) => {
                self.require_open(*id)?;
                self.locals.get_mut(id).map(|local| &mut local.hearing)
            }
            HeardStream::Played(id) => self.playouts.get_mut(id).map(|played| &mut played.hearing),
        }
        .ok_or_else(|| {
            let text = format!("{stream:?} is no longer there; choose a speaker for a stream that is played");
            ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text)
        })
    }

    /// A user chooses a speaker, `None` the default one, for a stream.
    ///
    /// # Errors
    /// 1000018 or 1104044 where there is no such stream.
    pub(crate) fn begin_choice(
        &mut self,
        stream: &HeardStream,
        device_id: Option<&str>,
    ) -> Result<(Choice, ChoiceNeeds), ZegoError> {
        let is_there = device_id.is_none() || self.speakers.running(device_id).is_some();
        let hearing = self.hearing(stream)?;
        hearing.choices += 1;
        let needs = match (is_there, hearing.audible) {
            (true, _) => ChoiceNeeds::Nothing,
            (false, true) => ChoiceNeeds::Open,
            (false, false) => ChoiceNeeds::List,
        };
        Ok((Choice(hearing.choices), needs))
    }

    /// The speaker that was chosen is there. A later choice has overtaken an earlier one.
    ///
    /// # Errors
    /// 1000018 or 1104044 where there is no such stream any more.
    pub(crate) fn end_choice(
        &mut self,
        stream: &HeardStream,
        device_id: Option<String>,
        choice: Choice,
    ) -> Result<(), ZegoError> {
        let hearing = self.hearing(stream)?;
        if hearing.choices == choice.0 {
            hearing.asked = device_id;
        }
        Ok(())
    }

    /// A name for a speaker that is to be opened.
    pub(crate) fn new_output(&mut self) -> OutputId {
        OutputId(self.next_id())
    }

    /// Whether a speaker runs that is `device_id`.
    pub(crate) fn has_speaker(&self, device_id: &str) -> bool {
        self.speakers.running(Some(device_id)).is_some()
    }

    /// Speaker `id`, opened as `wanted`, runs. False where it is not needed: nothing is to be heard any more, or that device was
    /// opened meanwhile.
    pub(crate) fn speaker_opened(
        &mut self,
        id: OutputId,
        wanted: Option<String>,
        device_id: String,
        name: String,
        now: Instant,
    ) -> bool {
        self.speakers.attempts.opened(StreamKey(id.0));
        if !self.wants_speaker() {
            return false;
        }
        if let Some(other) = self.speakers.running(Some(&device_id)) {
            let asked_as = self.speakers.open.get_mut(&other).map(|speaker| &mut speaker.asked_as);
            asked_as.into_iter().for_each(|asked_as| asked_as.push(wanted.clone()));
            return false;
        }
        self.speakers.changing.retain(|changing| *changing != name);
        let speaker = Speaker {
            device_id,
            name,
            asked_as: vec![wanted],
            has_begun: false,
            unused_since: None,
            watch: Watch::new(now),
        };
        self.speakers.open.insert(id, speaker);
        true
    }

    /// It could not be opened: tried again later.
    pub(crate) fn speaker_not_opened(&mut self, id: OutputId, now: Instant) -> Vec<Effect> {
        self.speakers.attempts.not_opened(StreamKey(id.0), now);
        let lost = std::mem::take(&mut self.speakers.changing).into_iter();
        lost.map(|name| Effect::device_error(codes::DEVICE_UNPLUGGED, name)).collect()
    }

    /// What the callbacks of speaker `id` have reported so far; `None` where there is no such speaker.
    pub(super) fn observe_speaker(&mut self, id: OutputId, seen: Observation, now: Instant) -> Option<Vec<Effect>> {
        let speaker = self.speakers.open.get_mut(&id)?;
        speaker.has_begun |= seen.frames > 0;
        let failure = speaker.watch.observe(seen, now);
        Some(failure.map_or_else(Vec::new, |failure| self.lose_speaker(id, failure, now)))
    }

    /// The speaker that is `device_id` is gone from the list.
    pub(super) fn speaker_vanished(&mut self, device_id: &str, now: Instant) -> Vec<Effect> {
        match self.speakers.running(Some(device_id)) {
            Some(id) => self.lose_speaker(id, DeviceFailure::Unplugged, now),
            None => Vec::new(),
        }
    }

    fn lose_speaker(&mut self, id: OutputId, failure: DeviceFailure, now: Instant) -> Vec<Effect> {
        let Some(speaker) = self.speakers.open.remove(&id) else {
            return Vec::new();
        };
        let key = StreamKey(id.0);
        let is_news = self.speakers.attempts.lost(key, speaker.watch.age(now), now);
        let mut effects = vec![Effect::Pump(PumpCommand::RemoveSpeaker(id)), Effect::Close(key)];
        if failure == DeviceFailure::Changed {
            self.speakers.changing.push(speaker.name);
            return effects;
        }
        self.speakers.attempts.hold(&speaker.device_id, now + LOOK_FIRST);
        if is_news {
            effects.push(Effect::device_error(code_of(failure), speaker.name));
        }
        effects.push(Effect::Look);
        effects
    }

    /// Lets each audible stream be heard where it should be; opens the speakers that are needed for that, and closes those that
    /// are not.
    pub(super) fn route_streams(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut used = BTreeSet::new();
        for (stream, hearing) in self.heard_streams() {
            let wanted = self.speaker_for(hearing.asked.as_deref(), now, &mut effects);
            let present = hearing.output.filter(|id| self.speakers.open.contains_key(id));
            used.extend(wanted);
            // It stays where it is until the other one takes sound.
            let is_ready = |id: &OutputId| self.speakers.open.get(id).is_some_and(|speaker| speaker.has_begun);
            let Some(to) = wanted.filter(|id| present.is_none() || is_ready(id)).or(present) else {
                continue;
            };
            used.insert(to);
            if hearing.output != Some(to) {
                self.note_output(stream, to);
                effects.push(Effect::Pump(PumpCommand::SetOutput(stream, to)));
            }
        }
        if !self.wants_speaker() {
            self.speakers.changing.clear();
        }
        self.close_unused(&used, now, &mut effects);
        effects
    }

    fn heard_streams(&self) -> Vec<(Audible, Hearing)> {
        if self.stopped {
            return Vec::new();
        }
        let open = self.locals.iter().filter(|(_, local)| local.open);
        let locals = open.map(|(id, local)| (Audible::Local(*id), &local.hearing));
        let played = self
            .playouts
            .values()
            .map(|played| (Audible::Played(played.id), &played.hearing));
        let heard = locals.chain(played).filter(|(_, hearing)| hearing.audible);
        let mut heard: Vec<_> = heard.map(|(stream, hearing)| (stream, hearing.clone())).collect();
        heard.sort_unstable_by_key(|(stream, _)| *stream);
        heard
    }

    fn note_output(&mut self, stream: Audible, to: OutputId) {
        let hearing = match stream {
            Audible::Local(id) => self.locals.get_mut(&id).map(|local| &mut local.hearing),
            Audible::Played(id) => {
                let mut played = self.playouts.values_mut();
                played.find(|played| played.id == id).map(|played| &mut played.hearing)
            }
        };
        if let Some(hearing) = hearing {
            hearing.output = Some(to);
        }
    }

    /// The open speaker that a stream that asked for `asked` should have; what would be better is being opened.
    fn speaker_for(&mut self, asked: Option<&str>, now: Instant, effects: &mut Vec<Effect>) -> Option<OutputId> {
        if let Some(id) = asked.filter(|id| !self.inventory.lacks(OUTPUT, id)) {
            let running = self.speakers.running(Some(id));
            if running.is_some() {
                return running;
            }
            self.try_speaker(Some(id.into()), now, effects);
            if !self.speakers.attempts.is_waiting(Some(id), now) {
                return None;
            }
        }
        let default = self.inventory.default_device(OUTPUT).map(str::to_owned);
        let running = self.speakers.running(default.as_deref());
        if running.is_none() && (default.is_some() || !self.inventory.is_known()) {
            self.try_speaker(default, now, effects);
        }
        running
    }

    fn try_speaker(&mut self, device: Option<String>, now: Instant, effects: &mut Vec<Effect>) {
        if !self.speakers.attempts.may_begin(device.as_deref(), now) {
            return;
        }
        let id = self.new_output();
        self.speakers.attempts.begin(device.clone(), StreamKey(id.0));
        effects.push(Effect::OpenSpeaker(id, device));
    }

    fn close_unused(&mut self, used: &BTreeSet<OutputId>, now: Instant, effects: &mut Vec<Effect>) {
        self.speakers.open.retain(|id, speaker| {
            if used.contains(id) {
                speaker.unused_since = None;
                return true;
            }
            let since = *speaker.unused_since.get_or_insert(now);
            let stays = now.saturating_duration_since(since) < LINGER;
            if !stays {
                effects.push(Effect::Pump(PumpCommand::RemoveSpeaker(*id)));
                effects.push(Effect::Close(StreamKey(id.0)));
            }
            stays
        });
    }

    /// The pump ends, and with it its end of every speaker.
    pub(super) fn close_speakers(&mut self) -> impl Iterator<Item = Effect> + use<> {
        let open = std::mem::take(&mut self.speakers.open);
        open.into_keys().map(|id| Effect::Close(StreamKey(id.0)))
    }
}

/// The documented code of a speaker's failure.
fn code_of(failure: DeviceFailure) -> i32 {
    match failure {
        DeviceFailure::Unplugged => codes::DEVICE_UNPLUGGED,
        DeviceFailure::Failed | DeviceFailure::Changed => codes::DEVICE_GENERIC,
    }
}
