//! How loud streams are, and whether somebody speaks.

use actix::{Message, MessageResponse};

use crate::ids::{LocalStreamId, StreamId};

/// Asks how loud everything is now (`soundLevelUpdate`, `capturedSoundLevelUpdate` and their twins with voice activity).
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SoundLevels")]
pub struct GetSoundLevels;

/// How loud one stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SoundLevel {
    /// The peak of its last 2,048 samples, held and decaying, 0.0..=1.0 (the documented level is 100 times that).
    pub level: f32,
    /// Whether somebody speaks (`vad`).
    pub voice: bool,
}

/// How loud each stream is.
#[derive(Debug, Clone, Default, PartialEq, MessageResponse)]
pub struct SoundLevels {
    /// Local streams, as their sinks hear them: behind capture volume, media and mute.
    pub sent: Vec<(LocalStreamId, SoundLevel)>,
    /// Local streams, as they are captured: behind capture volume and the microphone's mute, before media and the stream's
    /// own mute.
    pub captured: Vec<(LocalStreamId, SoundLevel)>,
    /// Played streams, as their taps hear them: before the speaker's volume.
    pub played: Vec<(StreamId, SoundLevel)>,
}
