//! `setEngineConfig`.

use std::time::Duration;

use express_messages::{ZegoError, timings::Timings};

use super::{EngineState, Settings};
use crate::{builder::MAX_CHANNELS_LIMIT, options::ZegoEngineConfig};

const SHORTEST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(3_600);
const SHORTEST_QUALITY: Duration = Duration::from_secs(1);

impl EngineState {
    /// `setEngineConfig`: values out of range are brought into it, as documented; what is left out stays.
    pub(crate) fn set_engine_config(&mut self, config: &ZegoEngineConfig) -> Result<(), ZegoError> {
        self.alive()?;
        self.settings.apply(config);
        Ok(())
    }
}

impl Settings {
    fn apply(&mut self, config: &ZegoEngineConfig) {
        let retry = |time: Duration| time.clamp(SHORTEST_RETRY, LONGEST_RETRY);
        if let Some(time) = config.room_retry_time {
            self.timings.room_retry_time = retry(time);
        }
        if let Some(time) = config.stream_retry_time {
            self.timings.stream_retry_time = retry(time);
        }
        if let Some(count) = config.max_channels {
            self.max_channels = count.clamp(1, MAX_CHANNELS_LIMIT);
        }
        let quality = |new: Option<Duration>, old| new.map(|time| time.max(SHORTEST_QUALITY)).or(old);
        let kept = &mut self.config;
        kept.publish_quality_interval = quality(config.publish_quality_interval, kept.publish_quality_interval);
        kept.play_quality_interval = quality(config.play_quality_interval, kept.play_quality_interval);
        kept.switch_room_not_stop_play = config.switch_room_not_stop_play.or(kept.switch_room_not_stop_play);
    }

    /// Of a publisher that starts now.
    pub(super) fn publish_timings(&self) -> Timings {
        self.with_quality(self.config.publish_quality_interval)
    }

    /// Of a player that starts now.
    pub(super) fn play_timings(&self) -> Timings {
        self.with_quality(self.config.play_quality_interval)
    }

    fn with_quality(&self, interval: Option<Duration>) -> Timings {
        let mut timings = self.timings.clone();
        timings.quality_interval = interval.unwrap_or(timings.quality_interval);
        timings
    }
}
