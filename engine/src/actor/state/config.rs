//! `setEngineConfig`.

use std::time::Duration;

use express_messages::{ZegoError, audio_device::MAX_MIXING_DELAY_MS, timings::Timings};

use super::{EngineState, Settings};
use crate::{builder::MAX_CHANNELS_LIMIT, options::ZegoEngineConfig};

const SHORTEST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(3_600);
const SHORTEST_QUALITY: Duration = Duration::from_secs(1);
const LONGEST_MIXING_DELAY: Duration = Duration::from_millis(MAX_MIXING_DELAY_MS as u64);

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
        let mixing_delay = config.mixing_audio_delay.map(|delay| delay.min(LONGEST_MIXING_DELAY));
        self.config.mixing_audio_delay = mixing_delay.or(self.config.mixing_audio_delay);
        let quality = |new: Option<Duration>, old| new.map(|time| time.max(SHORTEST_QUALITY)).or(old);
        let kept = &mut self.config;
        kept.publish_quality_interval = quality(config.publish_quality_interval, kept.publish_quality_interval);
        kept.play_quality_interval = quality(config.play_quality_interval, kept.play_quality_interval);
        let keep_rtc = config.keep_rtc_when_signal_disconnected;
        kept.keep_rtc_when_signal_disconnected = keep_rtc.or(kept.keep_rtc_when_signal_disconnected);
        kept.switch_room_not_stop_play = config.switch_room_not_stop_play.or(kept.switch_room_not_stop_play);
    }

    /// Of a local stream that is made now.
    pub(super) fn mixing_delay_ms(&self) -> u16 {
        let delay = self.config.mixing_audio_delay.unwrap_or_default();
        u16::try_from(delay.as_millis()).unwrap_or(MAX_MIXING_DELAY_MS)
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

#[cfg(test)]
mod tests {
    use express_messages::{ids::InstanceId, types::ZegoScenario};

    use super::*;

    fn settings() -> Settings {
        Settings {
            app_id: 1,
            servers: Vec::new(),
            timings: Timings::default(),
            max_channels: 12,
            scenario: ZegoScenario::default(),
            instance: InstanceId::new([1; 16]),
            config: ZegoEngineConfig::default(),
        }
    }

    fn secs(n: u64) -> Option<Duration> {
        Some(Duration::from_secs(n))
    }

    #[test]
    fn values_out_of_range_are_brought_into_it_and_what_is_left_out_stays() {
        for (given, taken, quality, channels) in [(0, 1, 1, 1), (60, 60, 60, 50), (9_999, 3_600, 9_999, 50)] {
            let mut settings = settings();
            settings.apply(&ZegoEngineConfig {
                room_retry_time: secs(given),
                stream_retry_time: secs(given),
                max_channels: usize::try_from(given).ok(),
                publish_quality_interval: secs(given),
                play_quality_interval: secs(given),
                mixing_audio_delay: secs(given),
                switch_room_not_stop_play: Some(true),
                keep_rtc_when_signal_disconnected: Some(false),
            });
            settings.apply(&ZegoEngineConfig::default());
            let timings = &settings.timings;
            assert_eq!(
                (Some(timings.room_retry_time), Some(timings.stream_retry_time)),
                (secs(taken), secs(taken))
            );
            assert_eq!(settings.max_channels, channels);
            assert_eq!(u64::from(settings.mixing_delay_ms()), 1_000 * given.min(1));
            assert_eq!(Some(settings.publish_timings().quality_interval), secs(quality));
            assert_eq!(Some(settings.play_timings().quality_interval), secs(quality));
            assert_eq!(settings.config.switch_room_not_stop_play, Some(true));
            assert_eq!(settings.config.keep_rtc_when_signal_disconnected, Some(false));
        }
    }

    #[test]
    fn each_kind_of_stream_has_its_own_interval_and_by_default_that_of_the_table() {
        let mut settings = settings();
        settings.apply(&ZegoEngineConfig {
            publish_quality_interval: secs(7),
            ..ZegoEngineConfig::default()
        });
        assert_eq!(Some(settings.publish_timings().quality_interval), secs(7));
        assert_eq!(Some(settings.play_timings().quality_interval), secs(3));
    }
}
