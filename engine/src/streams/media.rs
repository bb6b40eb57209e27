//! What is mixed into local streams.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use express_messages::{audio::PlayoutSource, audio_device::MediaId};

use super::{SourceSpec, ZegoPcmWriter, pcm_channel};

static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// Something that [`start_mixing_audio`](crate::ZegoExpressEngine::start_mixing_audio) mixes into a local stream: music, an
/// effect, another voice. Clones name the same medium.
#[derive(Debug, Clone)]
pub struct ZegoMediaSource {
    id: MediaId,
    source: SourceSpec,
}

impl ZegoMediaSource {
    fn of(source: SourceSpec) -> Self {
        let id = MediaId(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1);
        Self { id, source }
    }

    /// A WAV file, once; [`MixingAudioEnded`](crate::MixingAudioEnded) tells of its end. 8 to 192 kHz, 16, 24 or 32 bit
    /// integer or 32 bit float, any number of channels.
    pub fn wav(path: impl Into<PathBuf>) -> Self {
        let (path, repeat) = (path.into(), false);
        Self::of(SourceSpec::Wav { path, repeat })
    }

    /// A WAV file, again and again.
    pub fn wav_loop(path: impl Into<PathBuf>) -> Self {
        let (path, repeat) = (path.into(), true);
        Self::of(SourceSpec::Wav { path, repeat })
    }

    /// PCM that the application pushes: 48 kHz, `channel_count` (1 or 2) interleaved channels. One stream at a time can have
    /// it, and nothing is taken while none has; the writer is closed when the last clone of the medium is gone.
    pub fn pushed(channel_count: usize) -> (Self, ZegoPcmWriter) {
        let (source, writer) = pcm_channel(channel_count);
        (Self::custom(source), writer)
    }

    /// Sound from any [`PlayoutSource`], asked for 10 ms at a time on the pump's thread. It must never block. One stream at a
    /// time can have it.
    pub fn custom(source: impl PlayoutSource + 'static) -> Self {
        Self::of(SourceSpec::custom(source))
    }

    /// Its name in this process, as [`MixingAudioEnded`](crate::MixingAudioEnded) tells it.
    pub fn id(&self) -> MediaId {
        self.id
    }

    pub(crate) fn source(&self) -> &SourceSpec {
        &self.source
    }

    /// Only one stream can take what it gives.
    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.source, SourceSpec::Custom(_))
    }
}

impl PartialEq for ZegoMediaSource {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ZegoMediaSource {}
