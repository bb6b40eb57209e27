//! What is mixed into a local stream.

use actix::Message;

use super::CaptureSource;
use crate::{ZegoError, ids::LocalStreamId};

/// Names one medium that is mixed into local streams; the owner chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaId(pub u64);

/// Most media in one local stream (documented).
pub const MAX_MIXED_MEDIA: usize = 6;

/// Mixes a medium into a local stream (`startMixingAudio`): behind capture volume and microphone mute, before
/// [`MuteLocalStream`](super::MuteLocalStream). The sum is limited to −1 dBFS. It ends with [`StopMixing`], also where its file has ended.
///
/// Errors: 1000018 where there is no such local stream; 1100001 for a file or tone that cannot be used, a medium that is mixed
/// in already, more than [`MAX_MIXED_MEDIA`], or one that was stopped before it was open.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ZegoError>")]
pub struct StartMixing {
    /// The local stream.
    pub id: LocalStreamId,
    /// The medium's name, not in use in that stream.
    pub media: MediaId,
    /// Its sound: a file, a tone or pushed PCM.
    pub source: CaptureSource,
    /// 0..=100 percent.
    pub percent: u16,
}

/// Mixes a medium in no longer. Unknown names are ignored.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StopMixing {
    /// The local stream.
    pub id: LocalStreamId,
    /// The medium.
    pub media: MediaId,
}

/// Sets how loud a medium is mixed in (`setMixingAudioVolume`). Unknown names are ignored.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetMixingVolume {
    /// The local stream.
    pub id: LocalStreamId,
    /// The medium.
    pub media: MediaId,
    /// 0..=100 percent.
    pub percent: u16,
}
