//! What the screen shows and what keys do: pure. Events and keys come in, [`Intent`]s go out; time is an argument.

mod keys;
mod people;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use express_engine::{
    PublisherState, RoomStateChangedReason, SoundLevelType, StreamId, ZegoDeviceInfo, ZegoDeviceInfos, ZegoEvent,
    ZegoPublishStats,
};
pub(crate) use people::{Person, grade_word};
use serde::Serialize;

use crate::fact::{Fact, Outcome};

/// Louder than this is speech, as the engine documents its levels.
const SPEECH_LEVEL: f64 = 10.0;
/// Somebody speaks for so long after the last loud level: pauses between words are no silence.
const SPEAKS_FOR: Duration = Duration::from_millis(600);
/// Lines of the past that are kept.
const KEPT_LINES: usize = 200;
/// Push to talk: terminals tell of a pressed key again and again, and most do not tell of its release. The first repetition
/// comes after half a second or a little more.
const TALKS_FOR: Duration = Duration::from_millis(800);

/// Something to do, which the model itself cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Play a stream on the speaker.
    Play(StreamId),
    /// Stop playing it.
    StopPlaying(StreamId),
    /// Mute or open what is published.
    Mute(bool),
    /// How loud a played stream is, percent.
    Volume(StreamId, u16),
    /// List the devices.
    ListDevices,
    /// Speak through another microphone.
    UseMicrophone(ZegoDeviceInfo),
    /// Hear everybody on another speaker.
    UseSpeaker(ZegoDeviceInfo),
    /// Send a line to everybody.
    Say(String),
    /// Get a new token and show it.
    RenewToken,
    /// Leave.
    Quit,
}

/// Which part of the screen has the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The call.
    Call,
    /// A line is being typed.
    Typing(String),
    /// A device is being chosen; which one of [`Model::choices`].
    Devices(usize),
    /// Figures of whom is chosen.
    Statistics,
    /// What keys do.
    Help,
}

/// How the call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ending {
    /// As it was asked for.
    Left,
    /// The login was refused, or nobody answered in time.
    LoginFailed(String),
    /// The server put us out, or the connection could not be made again.
    PutOut(String),
}

/// Who we are and where; for the heading.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    /// The room.
    pub(crate) room: String,
    /// Our userID.
    pub(crate) user: String,
    /// The server's address.
    pub(crate) server: String,
}

/// The whole state of the screen.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) identity: Identity,
    /// Where the login stands; `None` before its first event.
    pub(crate) room: Option<RoomStateChangedReason>,
    pub(crate) publishing: Option<PublisherState>,
    pub(crate) own_level: f64,
    pub(crate) own_stats: Option<ZegoPublishStats>,
    pub(crate) muted: bool,
    /// Push to talk is on.
    pub(crate) push_to_talk: bool,
    /// Where our sound comes from, for people.
    pub(crate) source: String,
    /// The speaker that was chosen, for people; `None`: the default one.
    pub(crate) speaker: Option<String>,
    pub(crate) devices: ZegoDeviceInfos,
    pub(crate) people: Vec<Person>,
    /// Index in `people`.
    pub(crate) chosen: usize,
    pub(crate) mode: Mode,
    /// What happened, the newest last.
    pub(crate) lines: VecDeque<String>,
    pub(crate) ending: Option<Ending>,
    /// Of the last tick or key.
    pub(crate) now: Duration,
    own_speech: Option<Duration>,
    talk_until: Option<Duration>,
    /// Whether the devices were asked for; from then on the engine tells of changes.
    listed: bool,
}

impl Model {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            room: None,
            publishing: None,
            own_level: 0.0,
            own_stats: None,
            muted: false,
            push_to_talk: false,
            source: "being opened".into(),
            speaker: None,
            devices: ZegoDeviceInfos::default(),
            people: Vec::new(),
            chosen: 0,
            mode: Mode::Call,
            lines: VecDeque::new(),
            ending: None,
            now: Duration::ZERO,
            own_speech: None,
            talk_until: None,
            listed: false,
        }
    }

    /// How many are here, ourselves included.
    pub(crate) fn here(&self) -> usize {
        let others: HashSet<_> = self.people.iter().map(|person| &person.user_id).collect();
        others.len() + 1
    }

    /// Whether we speak now.
    pub(crate) fn speaks(&self) -> bool {
        !self.muted && within(self.own_speech, self.now)
    }

    /// Time passes: push to talk ends; with the first tick the devices are listed.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<Intent> {
        self.now = now;
        let mut intents = Vec::new();
        if self.talk_until.is_some_and(|until| now >= until) {
            self.talk_until = None;
            intents.extend(self.set_muted(true));
        }
        if !std::mem::replace(&mut self.listed, true) {
            intents.push(Intent::ListDevices);
        }
        intents
    }

    /// An event of the engine.
    pub(crate) fn event(&mut self, event: &ZegoEvent, now: Duration) -> Vec<Intent> {
        self.now = now;
        match event {
            ZegoEvent::RoomStateChanged(e) => self.room_state(e.reason, event.to_string()),
            ZegoEvent::RoomUserUpdate(e) => {
                self.users(e.update_type, &e.user_list);
                self.line(event.to_string());
            }
            ZegoEvent::RoomStreamUpdate(e) => return self.streams(e.update_type, &e.stream_list),
            ZegoEvent::RemoteMicStatusUpdate(e) => self.mic_status(&e.stream_id, e.status),
            ZegoEvent::PublisherStateUpdate(e) => {
                self.publishing = Some(e.state);
                self.line(event.to_string());
            }
            ZegoEvent::PlayerStateUpdate(e) => {
                self.playing(&e.stream_id, e.state);
                if e.error_code != 0 {
                    self.line(event.to_string());
                }
            }
            ZegoEvent::PlayQualityUpdate(e) => self.quality(&e.stream_id, &e.stats),
            ZegoEvent::PublishQualityUpdate(e) => self.own_stats = Some(e.stats.clone()),
            ZegoEvent::SoundLevelUpdate(e) => {
                for info in e
                    .sound_level_list
                    .iter()
                    .filter(|info| info.stream_type == SoundLevelType::Pull)
                {
                    self.level(&info.stream_id, info.sound_level);
                }
            }
            ZegoEvent::CapturedSoundLevelUpdate(e) => self.captured(e.sound_level),
            ZegoEvent::ImRecvBroadcastMessage(e) => {
                for message in &e.message_list {
                    self.line(format!("{}: {}", message.from_user.user_name, message.message));
                }
            }
            ZegoEvent::AudioDeviceStateChanged(_) => {
                return self.devices_changed(event.to_string());
            }
            ZegoEvent::TokenWillExpire(_) => {
                self.line(format!("the token ends soon; a new one is fetched ({})", self.identity.room));
                return vec![Intent::RenewToken];
            }
            // Figures that are shown elsewhere or are of no use here.
            ZegoEvent::RoomStateUpdate(_) | ZegoEvent::NetworkQuality(_) | ZegoEvent::RoomOnlineUserCountUpdate(_) => {}
            _ => self.line(event.to_string()),
        }
        Vec::new()
    }

    /// What came of an intent.
    pub(crate) fn fact(&mut self, fact: &Fact) {
        match &fact.outcome {
            Outcome::Source(source) => {
                self.line(format!("speaking: {source}"));
                self.source = source.clone();
            }
            Outcome::Speaker(speaker) => {
                self.line(format!("hearing on: {speaker}"));
                self.speaker = Some(speaker.clone());
            }
            Outcome::Devices(devices) => {
                self.devices = devices.clone();
                let last = self.choices().count().saturating_sub(1);
                if let Mode::Devices(chosen) = &mut self.mode {
                    *chosen = (*chosen).min(last);
                }
            }
            Outcome::Said(text) => self.line(format!("{}: {text}", self.identity.user)),
            Outcome::Failed(error) => self.line(format!("{}: {error}", fact.what)),
            Outcome::Done => {}
        }
    }

    /// Mutes or opens, where that is a change.
    pub(crate) fn set_muted(&mut self, muted: bool) -> Option<Intent> {
        let changed = self.muted != muted;
        self.muted = muted;
        changed.then_some(Intent::Mute(muted))
    }

    /// What the list of devices offers: the microphones, then the speakers.
    pub(crate) fn choices(&self) -> impl Iterator<Item = Intent> + '_ {
        let microphones = self.devices.microphones.iter().cloned().map(Intent::UseMicrophone);
        microphones.chain(self.devices.speakers.iter().cloned().map(Intent::UseSpeaker))
    }

    /// The microphone with this id, by its name where it is known.
    pub(crate) fn microphone(&self, device_id: String) -> ZegoDeviceInfo {
        named(&self.devices.microphones, device_id)
    }

    /// The same of a speaker.
    pub(crate) fn speaker(&self, device_id: String) -> ZegoDeviceInfo {
        named(&self.devices.speakers, device_id)
    }

    /// How a call ended whose time is over.
    pub(crate) fn time_over(&self) -> Ending {
        use RoomStateChangedReason::{Logined, Reconnected, Reconnecting};
        match self.room {
            Some(Logined | Reconnected | Reconnecting) => Ending::Left,
            _ => Ending::LoginFailed("nobody answered the login before --seconds were over".into()),
        }
    }

    /// Adds a line of what happened.
    pub(crate) fn line(&mut self, text: String) {
        self.lines.push_back(text);
        if self.lines.len() > KEPT_LINES {
            self.lines.pop_front();
        }
    }

    fn room_state(&mut self, reason: RoomStateChangedReason, text: String) {
        self.room = Some(reason);
        self.line(text.clone());
        match reason {
            RoomStateChangedReason::LoginFailed => self.ending = Some(Ending::LoginFailed(text)),
            RoomStateChangedReason::Kickout | RoomStateChangedReason::ReconnectFailed => self.ending = Some(Ending::PutOut(text)),
            _ => {}
        }
    }

    /// Something was plugged in or pulled out: the list is made anew.
    fn devices_changed(&mut self, text: String) -> Vec<Intent> {
        self.line(text);
        vec![Intent::ListDevices]
    }

    fn captured(&mut self, level: f64) {
        self.own_level = level;
        if level >= SPEECH_LEVEL {
            self.own_speech = Some(self.now);
        }
    }
}

fn named(devices: &[ZegoDeviceInfo], device_id: String) -> ZegoDeviceInfo {
    let known = devices.iter().find(|device| device.device_id == device_id).cloned();
    known.unwrap_or_else(|| ZegoDeviceInfo {
        device_name: device_id.clone(),
        device_id,
    })
}

fn within(spoke: Option<Duration>, now: Duration) -> bool {
    spoke.is_some_and(|at| now.saturating_sub(at) <= SPEAKS_FOR)
}
