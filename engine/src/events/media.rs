//! Events of streams and devices.

use express_messages::{
    audio_device::MediaId,
    exceptions::StreamException,
    ids::{LocalStreamId, StreamId},
    stats::{QualityGrade, ZegoPlayStats, ZegoPublishStats},
    types::{PlayerState, PublisherState, RemoteMicStatus, SoundLevelType, ZegoAudioDeviceType, ZegoDeviceInfo, ZegoUpdateType},
};
use serde::Serialize;

use super::documented;

/// The state of a published stream changed. NO_PUBLISH with a code other than 0 is final: the SDK retries no more.
#[doc(alias = "publisherStateUpdate")]
#[doc(alias = "onPublisherStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PublisherStateUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The new state.
    pub state: PublisherState,
    /// 0, or why the state is not what was asked for.
    pub error_code: i32,
    /// Text, often empty.
    pub extended_data: String,
}

/// The state of a played stream changed. NO_PLAY with a code other than 0 is final: the SDK retries no more.
#[doc(alias = "playerStateUpdate")]
#[doc(alias = "onPlayerStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlayerStateUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The new state.
    pub state: PlayerState,
    /// 0, or why the state is not what was asked for.
    pub error_code: i32,
    /// Text, often empty.
    pub extended_data: String,
}

/// How well a published stream is sent; every 3 s while PUBLISHING.
#[doc(alias = "publishQualityUpdate")]
#[doc(alias = "onPublisherQualityUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PublishQualityUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The figures.
    pub stats: ZegoPublishStats,
}

/// How well a played stream arrives; every 3 s while PLAYING.
#[doc(alias = "playQualityUpdate")]
#[doc(alias = "onPlayerQualityUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlayQualityUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The figures.
    pub stats: ZegoPlayStats,
}

/// Something is wrong with the sound of a stream that is PUBLISHING or PLAYING, or right again. Each is told once, an exception
/// when it has held for two quality intervals (6 s), its recovery with the first good one.
///
/// | code | recovery | of a stream that is | what |
/// |---|---|---|---|
/// | 1002 | 2002 | published | a microphone captures nothing to hear |
/// | 1005 | 2005 | published | less than half of what was asked for is sent |
/// | 1006 | 2006 | played | what comes is silence, though its publisher did not mute it |
/// | 1007 | 2007 | played | less than half of what comes can be decoded |
///
/// What is silent on purpose (muted, paused, DTX, not among the loudest) is no exception.
#[doc(alias = "exceptionUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExceptionUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// What is wrong, or right again.
    pub exception: StreamException,
}

/// A device, or the part of the engine that drives the devices, failed while it was in use.
#[doc(alias = "deviceError")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeviceError {
    /// 1006006 unplugged; of a microphone also 1106007 after that, it is back within 2 s, and 1106009, it is there but gives no
    /// sound any more; 1006001 otherwise.
    pub error_code: i32,
    /// Name of the device; empty where it was not one device alone.
    pub device_name: String,
}

/// A microphone or speaker came or went: one event for each device. Told while a callback for it is registered or a device is
/// open, within about 250 ms; what is there at that moment is not told, see
/// [`enum_devices`](crate::ZegoExpressEngine::enum_devices).
#[doc(alias = "audioDeviceStateChanged")]
#[doc(alias = "onAudioDeviceStateChanged")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AudioDeviceStateChanged {
    /// Came or went.
    pub update_type: ZegoUpdateType,
    /// Microphone or speaker.
    pub device_type: ZegoAudioDeviceType,
    /// The device.
    #[serde(serialize_with = "documented::device_info")]
    pub device_info: ZegoDeviceInfo,
}

/// A local stream from a file that does not repeat came to its end; silence follows. An addition of ours, for bots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LocalSourceEnded {
    /// The local stream, see [`ZegoLocalStream::id`](crate::ZegoLocalStream::id).
    #[serde(serialize_with = "documented::local_stream")]
    pub local_stream: LocalStreamId,
}

/// A file that is mixed into a local stream and does not repeat came to its end, and is mixed in no longer. An addition of
/// ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MixingAudioEnded {
    /// The local stream, see [`ZegoLocalStream::id`](crate::ZegoLocalStream::id).
    #[serde(serialize_with = "documented::local_stream")]
    pub local_stream: LocalStreamId,
    /// The medium, see [`ZegoMediaSource::id`](crate::ZegoMediaSource::id).
    #[serde(serialize_with = "documented::media")]
    pub media: MediaId,
}

/// How good the network is: this user's own with userID "" first, then that of others, as they report it themselves.
///
/// Every 3 s while something is published or played. Others are told of while a stream of theirs that is in the same room is
/// played, from their first report on.
#[doc(alias = "networkQuality")]
#[doc(alias = "onNetworkQuality")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NetworkQuality {
    /// Who; empty: this user.
    #[serde(rename = "userID")]
    pub user_id: String,
    /// Of what is published: the worst of all. −1 where nothing is, nothing is known yet or more than one report is missing,
    /// 4 where more than three are.
    pub upstream_quality: QualityGrade,
    /// Likewise of what is played.
    pub downstream_quality: QualityGrade,
}

/// A publisher muted its stream or lets it be heard again. Told of streams of others in the room, and of those that are played
/// here; once of a stream that comes muted.
#[doc(alias = "remoteMicStatusUpdate")]
#[doc(alias = "onRemoteMicStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RemoteMicStatusUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// Heard or muted.
    pub status: RemoteMicStatus,
}

/// How loud all published, then all played streams are; every interval that
/// [`set_sound_level_delegate`](crate::ZegoExpressEngine::set_sound_level_delegate) was given. Not told while there is none.
#[doc(alias = "soundLevelUpdate")]
#[doc(alias = "onRemoteSoundLevelUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SoundLevelUpdate {
    /// In the order in which they were begun; never empty.
    pub sound_level_list: Vec<ZegoSoundLevelInfo>,
}

/// How loud one stream is: an item of [`SoundLevelUpdate`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ZegoSoundLevelInfo {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// 0.0..=100.0: the peak of the last 2,048 samples, looked at every 200 ms, held and decaying. Speech is usually over 10.
    /// Of a published stream as it is sent: behind its volume, what is mixed in and its mute; of a played one before its playout volume, 0 while its publisher
    /// muted it.
    pub sound_level: f64,
    /// Published or played.
    #[serde(rename = "type")]
    #[doc(alias = "type")]
    pub stream_type: SoundLevelType,
}

/// How loud the loudest captured sound is, published or not: behind capture volume and the microphone's mute, without what is
/// mixed in, and whether [`mute_publish_stream_audio`](crate::ZegoExpressEngine::mute_publish_stream_audio) lets it be heard or
/// not. Every interval that [`set_sound_level_delegate`](crate::ZegoExpressEngine::set_sound_level_delegate) was given, also
/// while nothing is captured.
#[doc(alias = "capturedSoundLevelUpdate")]
#[doc(alias = "onCapturedSoundLevelUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CapturedSoundLevelUpdate {
    /// 0.0..=100.0, as in [`ZegoSoundLevelInfo`]; 0 where nothing is captured.
    pub sound_level: f64,
}

/// As [`SoundLevelUpdate`], right behind it, with who speaks; where
/// [`start_sound_level_monitor`](crate::ZegoExpressEngine::start_sound_level_monitor) was asked for that.
#[doc(alias = "soundLevelInfoUpdate")]
#[doc(alias = "onRemoteSoundLevelInfoUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SoundLevelInfoUpdate {
    /// In the order in which they were begun; never empty.
    pub sound_level_info_list: Vec<ZegoSoundLevelVadInfo>,
}

/// How loud one stream is, and whether somebody speaks: an item of [`SoundLevelInfoUpdate`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ZegoSoundLevelVadInfo {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// As in [`ZegoSoundLevelInfo`].
    pub sound_level: f64,
    /// Whether there is a voice in it; 0 or 1 as JSON.
    #[serde(serialize_with = "documented::flag")]
    pub vad: bool,
    /// Published or played.
    #[serde(rename = "type")]
    #[doc(alias = "type")]
    pub stream_type: SoundLevelType,
}

/// As [`CapturedSoundLevelUpdate`], right behind it, with whether somebody speaks; where
/// [`start_sound_level_monitor`](crate::ZegoExpressEngine::start_sound_level_monitor) was asked for that.
#[doc(alias = "capturedSoundLevelInfoUpdate")]
#[doc(alias = "onCapturedSoundLevelInfoUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CapturedSoundLevelInfoUpdate {
    /// As in [`CapturedSoundLevelUpdate`].
    pub sound_level: f64,
    /// Whether there is a voice in what is captured; 0 or 1 as JSON.
    #[serde(serialize_with = "documented::flag")]
    pub vad: bool,
}
