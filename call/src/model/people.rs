//! Who is here, and what is heard of them.

use std::time::Duration;

use express_engine::{
    PlayerState, QualityGrade, RemoteMicStatus, StreamId, UserId, ZegoPlayStats, ZegoStream, ZegoUpdateType, ZegoUser,
};

use super::{Intent, Model, SPEECH_LEVEL, within};

/// Loudest that a played stream can be made, percent.
const LOUDEST: u16 = 200;

/// A row of the screen: somebody who is here, with one stream or none. Who publishes several has a row for each.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) user_id: UserId,
    pub(crate) name: String,
    pub(crate) voice: Option<Voice>,
}

/// A stream that is played.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(crate) stream_id: StreamId,
    pub(crate) state: Option<PlayerState>,
    pub(crate) muted: bool,
    /// 0 to 100.
    pub(crate) level: f64,
    /// Percent.
    pub(crate) volume: u16,
    pub(crate) stats: Option<ZegoPlayStats>,
    spoke: Option<Duration>,
}

impl Voice {
    fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            state: None,
            muted: false,
            level: 0.0,
            volume: 100,
            stats: None,
            spoke: None,
        }
    }

    fn set_volume(&mut self, percent: u16) -> Intent {
        self.volume = percent.min(LOUDEST);
        Intent::Volume(self.stream_id.clone(), self.volume)
    }

    /// The word for what is heard.
    pub(crate) fn mark(&self, now: Duration) -> &'static str {
        match self.state {
            _ if self.muted => "muted",
            Some(PlayerState::Playing) if within(self.spoke, now) => "speaking",
            Some(PlayerState::Playing) => "quiet",
            Some(PlayerState::NoPlay) => "not heard",
            _ => "connecting",
        }
    }
}

impl Person {
    /// The word for what is heard.
    pub(crate) fn mark(&self, now: Duration) -> &'static str {
        self.voice.as_ref().map_or("listening", |voice| voice.mark(now))
    }
}

/// The word for a grade.
pub(crate) fn grade_word(grade: QualityGrade) -> &'static str {
    match grade {
        QualityGrade::Excellent => "excellent",
        QualityGrade::Good => "good",
        QualityGrade::Medium => "medium",
        QualityGrade::Bad => "bad",
        QualityGrade::Die => "very bad",
        _ => "-",
    }
}

impl Model {
    pub(super) fn users(&mut self, update: ZegoUpdateType, users: &[ZegoUser]) {
        for user in users {
            if update == ZegoUpdateType::Delete {
                self.people.retain(|person| person.user_id != user.user_id);
            } else if !self.people.iter().any(|person| person.user_id == user.user_id) {
                self.people.push(Person {
                    user_id: user.user_id.clone(),
                    name: user.user_name.clone(),
                    voice: None,
                });
            }
        }
        self.keep_choice();
    }

    pub(super) fn streams(&mut self, update: ZegoUpdateType, streams: &[ZegoStream]) -> Vec<Intent> {
        let mut intents = Vec::new();
        for stream in streams {
            if update == ZegoUpdateType::Delete {
                self.remove_stream(stream);
                intents.push(Intent::StopPlaying(stream.stream_id.clone()));
            } else if self.voice(&stream.stream_id).is_none() {
                self.add_stream(stream);
                intents.push(Intent::Play(stream.stream_id.clone()));
            }
        }
        self.keep_choice();
        intents
    }

    fn add_stream(&mut self, stream: &ZegoStream) {
        let voice = Some(Voice::new(stream.stream_id.clone()));
        let first = self.people.iter().position(|person| person.user_id == stream.user.user_id);
        if let Some(person) = first
            .and_then(|index| self.people.get_mut(index))
            .filter(|person| person.voice.is_none())
        {
            person.voice = voice;
            return;
        }
        let behind = first.map_or(self.people.len(), |index| index + 1);
        self.people.insert(
            behind,
            Person {
                user_id: stream.user.user_id.clone(),
                name: stream.user.user_name.clone(),
                voice,
            },
        );
    }

    fn remove_stream(&mut self, stream: &ZegoStream) {
        let rows = self
            .people
            .iter()
            .filter(|person| person.user_id == stream.user.user_id)
            .count();
        let is_it = |person: &Person| person.voice.as_ref().is_some_and(|voice| voice.stream_id == stream.stream_id);
        if rows > 1 {
            self.people.retain(|person| !is_it(person));
        } else if let Some(person) = self.people.iter_mut().find(|person| is_it(person)) {
            // Its user is told of on its own when it leaves.
            person.voice = None;
        }
    }

    fn voice(&mut self, stream_id: &StreamId) -> Option<&mut Voice> {
        let mut voices = self.people.iter_mut().filter_map(|person| person.voice.as_mut());
        voices.find(|voice| voice.stream_id == *stream_id)
    }

    pub(super) fn level(&mut self, stream_id: &StreamId, level: f64) {
        let now = self.now;
        if let Some(voice) = self.voice(stream_id) {
            voice.level = level;
            if level >= SPEECH_LEVEL {
                voice.spoke = Some(now);
            }
        }
    }

    pub(super) fn playing(&mut self, stream_id: &StreamId, state: PlayerState) {
        if let Some(voice) = self.voice(stream_id) {
            voice.state = Some(state);
        }
    }

    pub(super) fn quality(&mut self, stream_id: &StreamId, stats: &ZegoPlayStats) {
        if let Some(voice) = self.voice(stream_id) {
            voice.stats = Some(stats.clone());
        }
    }

    pub(super) fn mic_status(&mut self, stream_id: &StreamId, status: RemoteMicStatus) {
        if let Some(voice) = self.voice(stream_id) {
            voice.muted = status == RemoteMicStatus::Mute;
        }
    }

    /// Makes whom is chosen louder or quieter by so many percent.
    pub(super) fn louder(&mut self, percent: i16) -> Option<Intent> {
        let voice = self.people.get_mut(self.chosen)?.voice.as_mut()?;
        Some(voice.set_volume(voice.volume.saturating_add_signed(percent)))
    }

    /// Makes all streams of a user so loud.
    pub(crate) fn set_volume(&mut self, user_id: &str, percent: u16) -> Vec<Intent> {
        let of_user = self.people.iter_mut().filter(|person| person.user_id.as_str() == user_id);
        of_user
            .filter_map(|person| Some(person.voice.as_mut()?.set_volume(percent)))
            .collect()
    }

    /// People come and go; somebody is chosen while anybody is there.
    fn keep_choice(&mut self) {
        self.chosen = self.chosen.min(self.people.len().saturating_sub(1));
    }
}
