//! How the engine starts the audio device role.

use std::fmt;

use actix::{Actor, Recipient};
use express_messages::audio_device::{
    AudioDeviceEvent, AudioDeviceFactory, AudioDeviceLink, AudioDeviceOptions, AudioDevicePeers,
};

use crate::{
    actor::AudioDeviceActor,
    devices::{AudioBackend, CpalBackend, NoDevices},
};

/// What moves the pump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PumpDrive {
    /// A thread of its own, `zego-pump`, in real time. Files and devices have their own threads too.
    #[default]
    Thread,
    /// The actor itself, by a timer of its arbiter: everything runs in the actor's own thread. For tests in virtual time
    /// (`tokio::time::pause`).
    Arbiter,
}

/// The default [`AudioDeviceFactory`]: starts an [`AudioDeviceActor`].
///
/// ```
/// use express_audio_io::{AudioIo, PumpDrive};
///
/// // What the engine uses by itself:
/// let factory = AudioIo::new();
/// // What a test in virtual time uses:
/// let factory = AudioIo {
///     drive: PumpDrive::Arbiter,
///     ..AudioIo::without_devices()
/// };
/// # drop(factory);
/// ```
pub struct AudioIo {
    /// What moves the pump.
    pub drive: PumpDrive,
    /// Makes the backend of each actor that is started.
    pub backend: Box<dyn Fn() -> Box<dyn AudioBackend> + Send>,
}

impl fmt::Debug for AudioIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioIo").field("drive", &self.drive).finish_non_exhaustive()
    }
}

impl Default for AudioIo {
    fn default() -> Self {
        Self::new()
    }
}

impl AudioIo {
    /// The devices of this machine, a pump thread of its own.
    pub fn new() -> Self {
        Self::with_backend(|| Box::new(CpalBackend::new()))
    }

    /// As on a machine without a sound card.
    pub fn without_devices() -> Self {
        Self::with_backend(|| Box::new(NoDevices))
    }

    /// The devices of another backend.
    pub fn with_backend(backend: impl Fn() -> Box<dyn AudioBackend> + Send + 'static) -> Self {
        Self {
            drive: PumpDrive::Thread,
            backend: Box::new(backend),
        }
    }
}

impl AudioDeviceFactory for AudioIo {
    fn start(&self, _: AudioDeviceOptions, events: Recipient<AudioDeviceEvent>, _: AudioDevicePeers) -> AudioDeviceLink {
        AudioDeviceActor::new((self.backend)(), self.drive, events).start().into()
    }
}
