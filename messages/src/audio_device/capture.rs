//! What a local stream captures.

use std::{fmt, path::PathBuf};

use actix::Message;

use super::SinkId;
use crate::{
    ZegoError,
    audio::{CaptureSink, PlayoutSource},
    ids::LocalStreamId,
    voice::VoiceConfig,
};

/// Where the sound of a local stream comes from.
#[non_exhaustive]
pub enum CaptureSource {
    /// Nowhere yet: silence, until [`ReplaceCapture`] and [`SendCaptured`].
    Nothing,
    /// A capture device; `None` is the default one.
    Microphone {
        /// Its id from [`ListDevices`](super::ListDevices).
        device_id: Option<String>,
        /// What is done to its sound. A device has one voice chain for all streams that capture it: what was asked for last
        /// counts.
        voice: VoiceConfig,
    },
    /// What the default speaker plays, this engine's own sound included: the sound of the screen (`screen.audio`). No
    /// microphone: [`MuteMicrophone`](super::MuteMicrophone) does not silence it. Where the system has none: 1103048.
    Screen {
        /// What is done to its sound, likewise.
        voice: VoiceConfig,
    },
    /// A WAV file (8 to 192 kHz, 16, 24 or 32 bit integer or 32 bit float, any channel count; more than 2 are mixed down).
    Wav {
        /// The file.
        path: PathBuf,
        /// Start again at its end; else silence follows.
        repeat: bool,
    },
    /// PCM that the application pushes: asked for one block every 10 ms.
    Pushed(Box<dyn PlayoutSource>),
    /// A sine.
    Tone {
        /// Its frequency in Hz, 20..=20,000.
        frequency_hz: f32,
        /// Its peak, 0..=1.
        amplitude: f32,
    },
}

impl fmt::Debug for CaptureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Microphone { device_id, .. } => f.debug_struct("Microphone").field("device_id", device_id).finish(),
            Self::Screen { .. } => f.write_str("Screen"),
            Self::Wav { path, repeat } => f.debug_struct("Wav").field("path", path).field("repeat", repeat).finish(),
            Self::Pushed(_) => f.write_str("Pushed"),
            Self::Tone { frequency_hz, amplitude } => write!(f, "Tone({frequency_hz} Hz, {amplitude})"),
        }
    }
}

/// Captures another source with a local stream (`startCaptureMicrophone`, `startCaptureCustomAudio`). What the stream's sinks
/// hear stays as it is until [`SendCaptured`]; a source that was captured and never sent is closed.
///
/// Errors: those of [`OpenLocalStream`](super::OpenLocalStream), then what was captured goes on; 1000018 where there is no such local
/// stream (any more).
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct ReplaceCapture {
    /// The local stream.
    pub id: LocalStreamId,
    /// Where its sound comes from, from now on.
    pub source: CaptureSource,
    /// Channels that are captured, 1 or 2; the sinks get as many as the stream has.
    pub channels: usize,
}

/// Lets a local stream's sinks hear what is captured (`updatePublishingStream`): faded over, and what was sent is closed.
/// Without effect where that is so already.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SendCaptured(pub LocalStreamId);

/// Closes what a local stream captures (`stopCaptureAudio`). Where its sinks hear that, they hear silence from then on; what
/// they hear else goes on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StopCapture(pub LocalStreamId);

/// Gives copies of what a local stream captures to `tap` (`setCaptureAudioFrameCallback`): before capture volume and media,
/// silent while the stream or its microphone is muted, and with as many channels as the stream has. Taken away by
/// [`DetachSink`](super::DetachSink).
///
/// Errors: 1000018 where there is no such local stream.
#[derive(Message)]
#[rtype(result = "Result<SinkId, ZegoError>")]
pub struct TapCapture {
    /// The local stream.
    pub id: LocalStreamId,
    /// Called on the pump's thread every 10 ms. It is dropped on a thread of the control side.
    pub tap: Box<dyn CaptureSink>,
}

impl fmt::Debug for TapCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapCapture({:?})", self.id)
    }
}

/// Lets the user hear what a local stream captures, before volume, media and its mute (`playCaptureAudio`,
/// `stopPlayCaptureAudio`); what it sends is heard by [`MonitorLocalStream`](super::MonitorLocalStream).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MonitorCapture {
    /// The local stream.
    pub id: LocalStreamId,
    /// Heard or not.
    pub audible: bool,
    /// 0..=100 percent.
    pub percent: u16,
}

/// Asks which microphone a local stream captures now, by the id of [`ListDevices`](super::ListDevices) (`audioDeviceId`);
/// `None` where it captures none.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<String>")]
pub struct GetCaptureDevice(pub LocalStreamId);
