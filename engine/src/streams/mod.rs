//! Handles of streams, and the sound that crosses between them and the application.

mod audio_frames;
mod frames;
mod heard;
mod local;
mod media;
mod pcm;
mod remote;
mod source;

pub(crate) use audio_frames::{FrameListener, FrameMaker, frame_listener};
pub use audio_frames::{ZegoAudioFrame, ZegoAudioFrameCallback, ZegoAudioFrameOptions, ZegoAudioSamples};
pub use frames::ZegoFrames;
pub(crate) use frames::{FrameTap, frames};
pub use heard::ZegoHeardStream;
pub(crate) use heard::use_output;
pub use local::ZegoLocalStream;
pub use media::ZegoMediaSource;
pub use pcm::ZegoPcmWriter;
pub(crate) use pcm::pcm_channel;
pub use remote::{ZegoRecording, ZegoRemoteStream};
pub(crate) use source::{Feed, SourceSpec};
