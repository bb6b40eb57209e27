//! Sources of local streams, as something that can be opened again when the audio device part is started afresh.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, TryLockError},
    time::Instant,
};

use express_messages::{
    audio::{AudioBlock, PlayoutSource},
    audio_device::CaptureSource,
    voice::VoiceConfig,
};

/// Where the sound of a local stream comes from; each clone opens the same.
#[derive(Clone)]
pub(crate) enum SourceSpec {
    Microphone { device_id: Option<String>, voice: VoiceConfig },
    Screen { voice: VoiceConfig },
    Wav { path: PathBuf, repeat: bool },
    Tone { frequency_hz: f32, amplitude: f32 },
    Custom(Arc<Mutex<dyn PlayoutSource>>),
}

/// A source, and with how many channels it is captured.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    pub(crate) source: SourceSpec,
    pub(crate) channels: usize,
}

impl SourceSpec {
    pub(crate) fn custom(source: impl PlayoutSource + 'static) -> Self {
        Self::Custom(Arc::new(Mutex::new(source)))
    }

    pub(crate) fn is_microphone(&self) -> bool {
        matches!(self, Self::Microphone { .. })
    }

    /// Another microphone is captured now.
    pub(crate) fn set_microphone(&mut self, chosen: String) {
        if let Self::Microphone { device_id, .. } = self {
            *device_id = Some(chosen);
        }
    }

    /// What is done to its sound, where it is a microphone's.
    pub(crate) fn voice(&mut self) -> Option<&mut VoiceConfig> {
        match self {
            Self::Microphone { voice, .. } => Some(voice),
            Self::Screen { .. } | Self::Wav { .. } | Self::Tone { .. } | Self::Custom(_) => None,
        }
    }

    /// What the audio device part opens.
    pub(crate) fn open(&self) -> CaptureSource {
        match self.clone() {
            Self::Microphone { device_id, voice } => CaptureSource::Microphone { device_id, voice },
            Self::Screen { voice } => CaptureSource::Screen { voice },
            Self::Wav { path, repeat } => CaptureSource::Wav { path, repeat },
            Self::Tone { frequency_hz, amplitude } => CaptureSource::Tone { frequency_hz, amplitude },
            Self::Custom(source) => CaptureSource::Pushed(Box::new(SharedSource(source))),
        }
    }
}

impl fmt::Debug for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Custom(_) => f.write_str("Custom"),
            other => other.open().fmt(f),
        }
    }
}

/// A source that a former pump may still hold. Only one pump asks at a time, so the lock is free in practice.
struct SharedSource(Arc<Mutex<dyn PlayoutSource>>);

impl PlayoutSource for SharedSource {
    fn next_block(&mut self, out: &mut AudioBlock, now: Instant) {
        match self.0.try_lock() {
            Ok(mut source) => source.next_block(out, now),
            // A block of silence while a dying pump is still inside; a source that panicked stays silent.
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => {}
        }
    }
}
