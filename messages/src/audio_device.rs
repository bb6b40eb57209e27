//! The audio device role: local streams in, played streams out. Commands, events, link and factory of AudioDeviceActor.

mod capture;
mod levels;
mod mixing;

use std::{fmt, path::PathBuf};

use actix::{Message, Recipient};

pub use self::{
    capture::{CaptureSource, GetCaptureDevice, MonitorCapture, ReplaceCapture, SendCaptured, StopCapture, TapCapture},
    levels::{GetSoundLevels, SoundLevel, SoundLevels},
    mixing::{MAX_MIXED_MEDIA, MediaId, SetMixingVolume, StartMixing, StopMixing},
};
use crate::{
    ZegoError,
    audio::{CaptureSink, PlayoutSource},
    ids::{LocalStreamId, StreamId},
    role_link::role_link,
    types::{ZegoAudioDeviceType, ZegoDeviceInfo, ZegoDeviceInfos, ZegoUpdateType},
    voice::{VoiceConfig, VoiceStatistics},
};

/// Lists the devices (`enumDevices`).
#[derive(Debug, Message)]
#[rtype(result = "Result<ZegoDeviceInfos, ZegoError>")]
pub struct ListDevices;

/// Opens the source of a local stream (`createZegoStream`).
///
/// Errors: 1103061, 1103064, 1103065, 1103066 or 1103048 for a device, 1100001 for a file or a tone that cannot be used.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct OpenLocalStream {
    /// The new stream's name; not in use.
    pub id: LocalStreamId,
    /// Where its sound comes from.
    pub source: CaptureSource,
    /// Channels its sinks get, 1 or 2.
    pub channels: usize,
    /// How long media that are mixed in are held back behind what is captured, in ms; more than
    /// [`MAX_MIXING_DELAY_MS`] counts as that.
    pub mixing_delay_ms: u16,
}

/// Most that mixed media are held back, in ms (`mixingAudioDelay`).
pub const MAX_MIXING_DELAY_MS: u16 = 1_000;

/// Closes a local stream; its sinks hear nothing more. Unknown ids are ignored.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CloseLocalStream(pub LocalStreamId);

/// Sets the gain of what a local stream captures (`setCaptureVolume`).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetCaptureVolume {
    /// The local stream.
    pub id: LocalStreamId,
    /// 0..=200 percent.
    pub percent: u16,
}

/// Silences everything of one local stream (`mutePublishStreamAudio`); blocks of silence go on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MuteLocalStream {
    /// The local stream.
    pub id: LocalStreamId,
    /// Silent or not.
    pub muted: bool,
}

/// Silences what microphones capture, for all local streams (`muteMicrophone`).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MuteMicrophone(pub bool);

/// Lets the user hear a local stream on the speaker (`playAudio`, `stopAudio`, `setVolume` of a local stream).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MonitorLocalStream {
    /// The local stream.
    pub id: LocalStreamId,
    /// Heard or not.
    pub audible: bool,
    /// 0..=100 percent.
    pub percent: u16,
}

/// Names one sink at one local stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SinkId(pub u64);

/// Gives a local stream one more sink. Answers the name to detach it by, or 1000018 where there is no such local stream.
#[derive(Message)]
#[rtype(result = "Result<SinkId, ZegoError>")]
pub struct AttachSink {
    /// The local stream.
    pub local_stream: LocalStreamId,
    /// Called on the pump's thread every 10 ms. It is dropped on a thread of the control side.
    pub sink: Box<dyn CaptureSink>,
}

impl fmt::Debug for AttachSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachSink({:?})", self.local_stream)
    }
}

/// Takes a sink away. Unknown ids are ignored.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct DetachSink(pub SinkId);

/// Gives the pump the sound of a played stream. It is asked for a block every 10 ms, and heard when made audible by
/// [`SetPlayout`]. A second source of the same stream replaces the first; its settings and taps stay.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AttachSource {
    /// The played stream.
    pub stream_id: StreamId,
    /// Called on the pump's thread every 10 ms. It is dropped on a thread of the control side.
    pub source: Box<dyn PlayoutSource>,
}

impl fmt::Debug for AttachSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttachSource({})", self.stream_id)
    }
}

/// Takes the sound of a played stream away; its settings and taps stay until [`ForgetPlayout`].
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DetachSource(pub StreamId);

/// Sets how a played stream is heard on the speaker. May come before its source.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct SetPlayout {
    /// The played stream.
    pub stream_id: StreamId,
    /// Heard on the speaker; decoded and tapped in any case.
    pub audible: bool,
    /// 0..=200 percent.
    pub percent: u16,
}

/// Gives copies of a played stream's sound to `tap` (`frames()`, a WAV file). May come before its source.
#[derive(Message)]
#[rtype(result = "SinkId")]
pub struct TapPlayout {
    /// The played stream.
    pub stream_id: StreamId,
    /// Called on the pump's thread every 10 ms, before the speaker's volume.
    pub tap: Box<dyn CaptureSink>,
}

impl fmt::Debug for TapPlayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapPlayout({})", self.stream_id)
    }
}

/// Writes what a played stream sounds like to a WAV file (48 kHz, 16 bit, 1 or 2 channels) until [`DetachSink`],
/// [`ForgetPlayout`] or the end of the actor; the file is complete when that command was answered.
///
/// Errors: 1100001 when the file cannot be made.
#[derive(Debug, Message)]
#[rtype(result = "Result<SinkId, ZegoError>")]
pub struct RecordPlayout {
    /// The played stream.
    pub stream_id: StreamId,
    /// The file to write.
    pub path: PathBuf,
    /// 1 or 2.
    pub channels: usize,
}

/// Forgets everything of a played stream: source, settings, taps (stopPlayingStream).
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ForgetPlayout(pub StreamId);

/// Whether the list of devices is watched also while none is open, because somebody wants to hear of changes
/// (`audioDeviceStateChanged`). Not at first; while a device is open it is watched in any case.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WatchDevices(pub bool);

/// Lets a local stream capture another microphone (`useAudioDevice`). It is opened first; until it gives sound, and where it
/// cannot be opened, the stream has the former one.
///
/// Errors: as [`OpenLocalStream`] for a device; 1103046 where the stream is none of a microphone, 1103044 where there is no
/// such stream.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct SetCaptureDevice {
    /// The local stream.
    pub id: LocalStreamId,
    /// The device's id from [`ListDevices`].
    pub device_id: String,
}

/// A stream that can be heard on a speaker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeardStream {
    /// A local stream, while it is monitored.
    Local(LocalStreamId),
    /// A played stream.
    Played(StreamId),
}

/// Lets a stream be heard on another speaker (`useAudioOutputDevice`), also one that is not audible now. The speaker is opened
/// first; where that fails the stream is heard where it was. While a chosen speaker is gone the stream is heard on the default
/// one, and on the chosen one again as soon as that is back.
///
/// Errors: 1103093 where the speaker is not there or cannot be opened; 1000018 where there is no such local stream, 1104044
/// where the played stream is forgotten meanwhile.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct SetOutputDevice {
    /// The stream.
    pub stream: HeardStream,
    /// The device's id from [`ListDevices`]; `None` is whatever is the default one, as at first.
    pub device_id: Option<String>,
}

/// Whether a stream whose chosen microphone is gone takes the default one (`enableAutoSwitchDevice`). Not at first.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetAutoSwitch(pub bool);

/// Changes what is done to the sound of the microphone that a local stream captures (`setAudioConfig`, `enableAiDenoise`,
/// `setAiDenoiseMode`), without a click; parts of the voice chain that stay keep what they have learnt. It counts for all
/// streams that capture that device. Streams without a microphone, and unknown ones, are left alone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetVoice {
    /// The local stream.
    pub id: LocalStreamId,
    /// What is done from now on.
    pub voice: VoiceConfig,
}

/// Asks what the voice chain of the microphone that a local stream captures reports; `None` where it captures none.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<VoiceStatistics>")]
pub struct GetVoiceStatistics(pub LocalStreamId);

/// Closes all devices and ends the actor. Sent by EngineActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopAudioDevice;

/// What the audio device role tells its owner.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum AudioDeviceEvent {
    /// A device failed while in use (`deviceError`).
    DeviceError {
        /// 1006006 unplugged; of a microphone also 1106007 after that, back within 2 s, and 1106009, there but silent for ever;
        /// 1006001 otherwise.
        code: i32,
        /// Name of the device.
        device_name: String,
    },
    /// A device came or went (`audioDeviceStateChanged`): one event for each. What is there when watching begins is not told.
    DeviceChanged {
        /// Came or went.
        update_type: ZegoUpdateType,
        /// Microphone or speaker.
        device_type: ZegoAudioDeviceType,
        /// As [`ListDevices`] lists, or listed, it.
        info: ZegoDeviceInfo,
    },
    /// A local stream from a file that does not repeat has come to its end; silence follows.
    SourceEnded(LocalStreamId),
    /// A file that is mixed into a local stream and does not repeat has come to its end; silence follows.
    MixingEnded(LocalStreamId, MediaId),
    /// The actor is gone; always the last event.
    Exited {
        /// By a panic.
        panicked: bool,
    },
}

role_link!(
    /// How to command the audio device role, whoever plays it.
    AudioDeviceLink {
        /// List devices.
        list_devices: ListDevices,
        /// Open a local stream.
        open: OpenLocalStream,
        /// Close a local stream.
        close: CloseLocalStream,
        /// Capture gain.
        capture_volume: SetCaptureVolume,
        /// Mute a local stream.
        mute_local: MuteLocalStream,
        /// Mute all microphones.
        mute_microphone: MuteMicrophone,
        /// Monitor a local stream.
        monitor: MonitorLocalStream,
        /// Add a sink.
        attach_sink: AttachSink,
        /// Remove a sink or tap.
        detach_sink: DetachSink,
        /// Add the sound of a played stream.
        attach_source: AttachSource,
        /// Remove it.
        detach_source: DetachSource,
        /// Audible and how loud.
        set_playout: SetPlayout,
        /// Copy a played stream.
        tap_playout: TapPlayout,
        /// Record a played stream.
        record_playout: RecordPlayout,
        /// Forget a played stream.
        forget_playout: ForgetPlayout,
        /// How loud everything is.
        sound_levels: GetSoundLevels,
        /// Watch the list of devices.
        watch: WatchDevices,
        /// Another microphone for a local stream.
        capture_device: SetCaptureDevice,
        /// What a lost microphone leads to.
        auto_switch: SetAutoSwitch,
        /// Another speaker for a stream.
        output_device: SetOutputDevice,
        /// What is done to a microphone's sound.
        voice: SetVoice,
        /// What came of it.
        voice_statistics: GetVoiceStatistics,
        /// End.
        stop: StopAudioDevice,

        /// Capture another source.
        replace_capture: ReplaceCapture,
        /// Send what is captured.
        send_captured: SendCaptured,
        /// Capture nothing.
        stop_capture: StopCapture,
        /// Copy what is captured.
        tap_capture: TapCapture,
        /// Monitor what is captured.
        monitor_capture: MonitorCapture,
        /// Which microphone is captured.
        captured_device: GetCaptureDevice,
        /// Mix a medium in.
        start_mixing: StartMixing,
        /// Mix it in no longer.
        stop_mixing: StopMixing,
        /// How loud it is.
        mixing_volume: SetMixingVolume,
    }
);

/// What the audio device role needs to start.
#[derive(Debug, Clone, Default)]
pub struct AudioDeviceOptions {}

/// What it may ask of others: nothing.
#[derive(Debug, Clone, Default)]
pub struct AudioDevicePeers {}

/// Starts the audio device role. Runs on the engine's control thread, inside its actix system.
pub trait AudioDeviceFactory: Send {
    /// Starts it. No device is opened before a stream needs one.
    fn start(&self, options: AudioDeviceOptions, events: Recipient<AudioDeviceEvent>, peers: AudioDevicePeers)
    -> AudioDeviceLink;
}
