//! How loud everything is (`setSoundLevelDelegate`): the audio device part measures, the state says who is told of.

use std::time::Duration;

use express_messages::{ZegoError, audio_device::SoundLevels, codes, ids::StreamId, types::SoundLevelType};

use super::{Command, EngineState, Step, Timer};
use crate::events::{CapturedSoundLevelUpdate, SoundLevelUpdate, ZegoSoundLevelInfo};

/// The interval where none is given.
const DEFAULT_INTERVAL_MS: u32 = 1_000;

/// The delegate that is on; a later one has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delegate {
    number: u64,
    interval: Duration,
}

impl EngineState {
    /// `setSoundLevelDelegate`. Turning it on again changes the interval.
    pub(crate) fn set_sound_level_delegate(
        &mut self,
        on: bool,
        interval_ms: Option<u32>,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let ms = interval_ms.unwrap_or(DEFAULT_INTERVAL_MS);
        if !(100..=3_000).contains(&ms) {
            let text = format!("the interval is {ms} ms; give 100 to 3000");
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        }
        let interval = Duration::from_millis(ms.into());
        let number = self.fresh();
        self.levels = on.then_some(Delegate { number, interval });
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
        if self.alive().is_err() || self.levels.is_none_or(|delegate| delegate.number != number) {
            return;
        }
        let published = self.publications.iter().map(|publication| {
            let local = publication.local_stream();
            let level = levels.local.iter().find(|(id, _)| *id == local);
            info(publication.stream_id(), level.map(|(_, level)| *level), SoundLevelType::Push)
        });
        let played = self.playbacks.iter().map(|playback| {
            let id = playback.stream_id();
            let level = levels.played.iter().find(|(stream_id, _)| stream_id == id);
            let heard = level.filter(|_| !self.is_remote_muted(playback));
            info(id, heard.map(|(_, level)| *level), SoundLevelType::Pull)
        });
        let sound_level_list: Vec<_> = published.chain(played).collect();
        if !sound_level_list.is_empty() {
            out.emit(SoundLevelUpdate { sound_level_list });
        }
        let loudest = levels.local.iter().fold(0.0, |loudest, (_, level)| level.max(loudest));
        out.emit(CapturedSoundLevelUpdate {
            sound_level: percent(loudest),
        });
    }
}

fn info(stream_id: &StreamId, level: Option<f32>, stream_type: SoundLevelType) -> ZegoSoundLevelInfo {
    ZegoSoundLevelInfo {
        stream_id: stream_id.clone(),
        sound_level: percent(level.unwrap_or(0.0)),
        stream_type,
    }
}

/// Whatever a part says, it is told as 0..=100.
fn percent(level: f32) -> f64 {
    let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.0 };
    100.0 * f64::from(level)
}
