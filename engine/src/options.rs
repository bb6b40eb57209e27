//! What calls are given: option structs with public fields and documented defaults.

mod scenario;
mod stream;
mod voice;

use std::time::Duration;

use express_messages::{ZegoError, codes, ids::EXTRA_INFO_MAX, types::ZegoUser};

pub(crate) use scenario::Preset;
pub(crate) use stream::feed;
pub use stream::{CustomSource, ZegoMicrophoneOptions, ZegoStreamOptions, ZegoStreamSource};
pub use voice::ZegoVoiceOptions;
pub(crate) use voice::usual_voice;

/// How to log in to a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZegoRoomConfig {
    /// Whether [`RoomUserUpdate`](crate::RoomUserUpdate) is wanted; off by default.
    #[doc(alias = "userUpdate")]
    pub user_update: bool,
    /// Most users in the room, 0 (the default) for no limit. Only the login that creates the room decides it.
    #[doc(alias = "maxMemberCount")]
    pub max_member_count: u32,
    /// Who plays a stream of the room hears it while it is one of so many loudest, 0 (the default) for always. Only the login
    /// that creates the room decides it, and [`ZegoPlayOptions::loudest`] goes before. An addition of this project: for rooms
    /// with many speakers, where each listener plays them all and gets few.
    #[doc(alias = "loudestStreams")]
    pub loudest_streams: u32,
}

/// What [`set_engine_config`](crate::ZegoExpressEngine::set_engine_config) changes; `None` changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZegoEngineConfig {
    /// How long a login or a reconnect is retried, 1 s to an hour; 20 min by default.
    #[doc(alias = "roomRetryTime")]
    pub room_retry_time: Option<Duration>,
    /// How long publishing or playing is retried, 1 s to an hour; 20 min by default.
    #[doc(alias = "streamRetryTime")]
    pub stream_retry_time: Option<Duration>,
    /// Most streams played at once, 1 to 50; 12 by default.
    #[doc(alias = "maxChannels")]
    pub max_channels: Option<usize>,
    /// Between two [`PublishQualityUpdate`](crate::PublishQualityUpdate), at least 1 s; 3 s by default.
    #[doc(alias = "publishQualityInterval")]
    pub publish_quality_interval: Option<Duration>,
    /// Between two [`PlayQualityUpdate`](crate::PlayQualityUpdate), at least 1 s; 3 s by default.
    #[doc(alias = "playQualityInterval")]
    pub play_quality_interval: Option<Duration>,
    /// How long what is mixed in is held back behind what is captured, in streams that are made from then on: 0 (the default) to
    /// 1 s, in whole milliseconds. For music that the microphone hears later than it was played.
    #[doc(alias = "mixingAudioDelay")]
    pub mixing_audio_delay: Option<Duration>,
    /// Whether what is played goes on when [`switch_room`](crate::ZegoExpressEngine::switch_room) leaves its room; off by default.
    #[doc(alias = "switchRoomNotStopPlay")]
    pub switch_room_not_stop_play: Option<bool>,
    /// Whether sound goes on while the signalling connection is away; on by default. `false`: from RECONNECTING on nothing is sent
    /// and nothing is played (PUBLISH_REQUESTING 1103050, PLAY_REQUESTING 1104029), and with RECONNECTED all starts afresh.
    #[doc(alias = "keepRtcWhenSignalDisconnected")]
    pub keep_rtc_when_signal_disconnected: Option<bool>,
}

/// What [`start_sound_level_monitor`](crate::ZegoExpressEngine::start_sound_level_monitor) tells, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZegoSoundLevelConfig {
    /// Between two reports, 100..=3000 ms; 1000 by default.
    #[doc(alias = "millisecond")]
    pub interval_ms: u32,
    /// Whether it is told too who speaks; off by default.
    #[doc(alias = "enableVAD")]
    pub enable_vad: bool,
}

impl Default for ZegoSoundLevelConfig {
    fn default() -> Self {
        Self {
            interval_ms: 1_000,
            enable_vad: false,
        }
    }
}

/// Who logs in, not yet checked: `login_room` does that, and reports what is wrong as documented.
///
/// Made from a [`ZegoUser`], from `"userID"`, or from `("userID", "userName")`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginUser {
    /// The user's id, at most 64 bytes; the same as in the token.
    #[doc(alias = "userID")]
    pub user_id: String,
    /// The name to show, at most 256 bytes; empty means the id.
    #[doc(alias = "userName")]
    pub user_name: String,
}

impl From<ZegoUser> for LoginUser {
    fn from(user: ZegoUser) -> Self {
        Self {
            user_id: user.user_id.into(),
            user_name: user.user_name,
        }
    }
}

impl From<&ZegoUser> for LoginUser {
    fn from(user: &ZegoUser) -> Self {
        user.clone().into()
    }
}

impl From<&str> for LoginUser {
    fn from(user_id: &str) -> Self {
        Self::from((user_id, ""))
    }
}

impl From<&String> for LoginUser {
    fn from(user_id: &String) -> Self {
        Self::from(user_id.as_str())
    }
}

impl From<String> for LoginUser {
    fn from(user_id: String) -> Self {
        Self::from((user_id, ""))
    }
}

impl<I: Into<String>, N: Into<String>> From<(I, N)> for LoginUser {
    fn from((user_id, user_name): (I, N)) -> Self {
        Self {
            user_id: user_id.into(),
            user_name: user_name.into(),
        }
    }
}

/// What [`update_publishing_stream`](crate::ZegoExpressEngine::update_publishing_stream) is to send anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ZegoStreamUpdateType {
    /// 0: refused with 1100001, as this is the audio SDK.
    Video = 0,
    /// 1.
    #[default]
    Audio = 1,
    /// 2: of which there is sound alone.
    AudioAndVideo = 2,
}

impl ZegoStreamUpdateType {
    pub(crate) fn check(self) -> Result<(), ZegoError> {
        match self {
            Self::Audio | Self::AudioAndVideo => Ok(()),
            Self::Video => {
                let text = "this is the audio SDK: there is no video to update; give Audio";
                Err(ZegoError::new(codes::INPUT_PARAM, text))
            }
        }
    }
}

/// How to publish a stream (`startPublishingStream`).
#[doc(alias = "ZegoPublishOption")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZegoPublishOptions {
    /// Discontinuous transmission: silence costs next to nothing. Off by default.
    #[doc(alias = "enableDTX")]
    pub enable_dtx: bool,
    /// What to attach to the stream for everybody in the room, at most 1,024 bytes.
    #[doc(alias = "extraInfo")]
    pub extra_info: String,
    /// The room to publish in: needed after [`enable_multi_room`](crate::ZegoExpressEngine::enable_multi_room), else the room that
    /// is logged in to.
    #[doc(alias = "roomID")]
    pub room_id: Option<String>,
}

impl ZegoPublishOptions {
    pub(crate) fn check(&self) -> Result<(), ZegoError> {
        if self.extra_info.len() > EXTRA_INFO_MAX {
            let text = format!(
                "extraInfo has {} bytes; at most {EXTRA_INFO_MAX} are allowed",
                self.extra_info.len()
            );
            return Err(ZegoError::new(codes::PUBLISHER_EXTRA_INFO_TOO_LONG, text));
        }
        Ok(())
    }
}

/// How to play a stream (`startPlayingStream`).
#[doc(alias = "ZegoWebPlayOption")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZegoPlayOptions {
    /// Least delay of the jitter buffer, more than 0 and at most 4 s; `None` (the default) leaves it to the network.
    /// Without effect under `enable_low_latency`.
    #[doc(alias = "jitterBufferTarget")]
    pub jitter_buffer_target: Option<Duration>,
    /// Smallest delay, at the price of more concealment on a bad network. Off by default.
    #[doc(alias = "enableLowLatency")]
    pub enable_low_latency: bool,
    /// To hear the stream only while it is one of so many loudest of its room; `Some(0)`: always, `None` (the default): as the
    /// room has it ([`ZegoRoomConfig::loudest_streams`]). A speaker who begins is heard from 100 ms before, and one who stops
    /// keeps its place for 2 s. An addition of this project.
    pub loudest: Option<u32>,
    /// The room to play through, after [`enable_multi_room`](crate::ZegoExpressEngine::enable_multi_room). `None` (the default): the
    /// one that lists the stream, else the first that is logged in.
    #[doc(alias = "roomID")]
    pub room_id: Option<String>,
}

impl ZegoPlayOptions {
    pub(crate) fn check(&self) -> Result<(), ZegoError> {
        match self.jitter_buffer_target {
            Some(target) if target.is_zero() || target > Duration::from_secs(4) => Err(ZegoError::new(
                codes::PLAYER_PARAM,
                format!("jitterBufferTarget is {target:?}; give more than 0 and at most 4 s"),
            )),
            _ => Ok(()),
        }
    }

    /// The target that counts.
    pub(crate) fn target(&self) -> Option<Duration> {
        self.jitter_buffer_target.filter(|_| !self.enable_low_latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jitter_buffer_target_is_more_than_zero_and_at_most_four_seconds() {
        let with = |target| ZegoPlayOptions {
            jitter_buffer_target: Some(target),
            ..Default::default()
        };
        assert_eq!(with(Duration::ZERO).check().unwrap_err().code, 1104001);
        assert_eq!(with(Duration::from_millis(4_001)).check().unwrap_err().code, 1104001);
        assert!(with(Duration::from_millis(1)).check().is_ok());
        assert!(with(Duration::from_secs(4)).check().is_ok());
    }

    #[test]
    fn low_latency_takes_the_jitter_buffer_target_away() {
        let mut options = ZegoPlayOptions {
            jitter_buffer_target: Some(Duration::from_millis(200)),
            ..Default::default()
        };
        assert_eq!(options.target(), Some(Duration::from_millis(200)));
        options.enable_low_latency = true;
        assert_eq!(options.target(), None);
    }
}
