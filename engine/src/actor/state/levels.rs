//! How loud everything is (`setSoundLevelDelegate`): the audio device part measures, the state says who is told of.

use std::time::Duration;

use express_messages::{
    ZegoError,
    audio_device::{SoundLevel, SoundLevels},
    codes,
    ids::StreamId,
    types::SoundLevelType,
};

use super::{Command, EngineState, Step, Timer};
use crate::{
    events::{
        CapturedSoundLevelInfoUpdate, CapturedSoundLevelUpdate, SoundLevelInfoUpdate, SoundLevelUpdate, ZegoSoundLevelInfo,
        ZegoSoundLevelVadInfo,
    },
    options::ZegoSoundLevelConfig,
};

/// The delegate that is on; a later one has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delegate {
    number: u64,
    interval: Duration,
    /// Who speaks is told too.
    vad: bool,
}

impl EngineState {
    /// `setSoundLevelDelegate`, `startSoundLevelMonitor`. Turning it on again changes the interval.
    pub(crate) fn set_sound_level_delegate(
        &mut self,
        on: bool,
        config: &ZegoSoundLevelConfig,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let ms = config.interval_ms;
        if !(100..=3_000).contains(&ms) {
            let text = format!("the interval is {ms} ms; give 100 to 3000");
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        }
        let (number, interval) = (self.fresh(), Duration::from_millis(ms.into()));
        let vad = config.enable_vad;
        self.levels = on.then_some(Delegate { number, interval, vad });
        if on {
            out.command(Command::After(interval, Timer::SoundLevels(number)));
        }
        Ok(())
    }

    pub(super) fn on_sound_levels_due(&self, number: u64, out: &mut Step) {
        let Some(delegate) = self.levels.filter(|delegate| delegate.number == number) else {
            return;
        };
        if self.alive().is_ok() {
            out.command(Command::ReadSoundLevels(number));
            out.command(Command::After(delegate.interval, Timer::SoundLevels(number)));
        }
    }

    /// The audio device part told how loud everything is; nothing, where it is gone.
    pub(crate) fn on_sound_levels(&self, number: u64, levels: &SoundLevels, out: &mut Step) {
        let Some(delegate) = self.levels.filter(|delegate| delegate.number == number) else {
            return;
        };
        if self.alive().is_err() {
            return;
        }
        let streams = self.stream_levels(levels);
        let captured = || levels.captured.iter().map(|(_, level)| level);
        let sound_level = percent(captured().fold(0.0, |loudest, level| level.level.max(loudest)));
        if !streams.is_empty() {
            let sound_level_list = streams.iter().map(info).collect();
            out.emit(SoundLevelUpdate { sound_level_list });
        }
        out.emit(CapturedSoundLevelUpdate { sound_level });
        if !delegate.vad {
            return;
        }
        if !streams.is_empty() {
            let sound_level_info_list = streams.iter().map(vad_info).collect();
            out.emit(SoundLevelInfoUpdate { sound_level_info_list });
        }
        let vad = captured().any(|level| level.voice);
        out.emit(CapturedSoundLevelInfoUpdate { sound_level, vad });
    }

    /// How loud all published, then all played streams are.
    fn stream_levels(&self, levels: &SoundLevels) -> Vec<StreamLevel<'_>> {
        let published = self.publications.iter().map(|publication| {
            let local = publication.local_stream();
            let level = levels.sent.iter().find(|(id, _)| *id == local);
            (publication.stream_id(), level.map(|(_, level)| *level), SoundLevelType::Push)
        });
        let played = self.playbacks.iter().map(|playback| {
            let id = playback.stream_id();
            let level = levels.played.iter().find(|(stream_id, _)| stream_id == id);
            let heard = level.filter(|_| !self.is_remote_muted(playback));
            (id, heard.map(|(_, level)| *level), SoundLevelType::Pull)
        });
        let all = published.chain(played);
        all.map(|(stream_id, level, stream_type)| StreamLevel {
            stream_id,
            level: level.unwrap_or_default(),
            stream_type,
        })
        .collect()
    }
}

struct StreamLevel<'a> {
    stream_id: &'a StreamId,
    level: SoundLevel,
    stream_type: SoundLevelType,
}

fn info(stream: &StreamLevel<'_>) -> ZegoSoundLevelInfo {
    ZegoSoundLevelInfo {
        stream_id: stream.stream_id.clone(),
        sound_level: percent(stream.level.level),
        stream_type: stream.stream_type,
    }
}

fn vad_info(stream: &StreamLevel<'_>) -> ZegoSoundLevelVadInfo {
    ZegoSoundLevelVadInfo {
        stream_id: stream.stream_id.clone(),
        sound_level: percent(stream.level.level),
        vad: stream.level.voice,
        stream_type: stream.stream_type,
    }
}

/// Whatever a part says, it is told as 0..=100.
fn percent(level: f32) -> f64 {
    let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.0 };
    100.0 * f64::from(level)
}
