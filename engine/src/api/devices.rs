//! Devices.

use express_messages::{
    ZegoError,
    types::{ZegoDeviceInfo, ZegoDeviceInfos},
};

use super::ZegoExpressEngine;
use crate::{
    actor::state::Command,
    reply::Reply,
    streams::{ZegoHeardStream, ZegoLocalStream, use_output},
};

impl ZegoExpressEngine {
    /// All devices. No device at all is an ordinary answer.
    ///
    /// # Errors
    /// 1103011: the system does not list them.
    #[doc(alias = "enumDevices")]
    pub fn enum_devices(&self) -> Reply<ZegoDeviceInfos> {
        self.list_devices(|devices| devices)
    }

    /// The microphones, the default one first.
    ///
    /// # Errors
    /// 1103011: the system does not list them.
    #[doc(alias = "getMicrophones")]
    pub fn get_microphones(&self) -> Reply<Vec<ZegoDeviceInfo>> {
        self.list_devices(|devices| devices.map(|devices| devices.microphones))
    }

    /// The speakers, the default one first.
    ///
    /// # Errors
    /// 1103011: the system does not list them.
    #[doc(alias = "getSpeakers")]
    pub fn get_speakers(&self) -> Reply<Vec<ZegoDeviceInfo>> {
        self.list_devices(|devices| devices.map(|devices| devices.speakers))
    }

    /// The cameras: none, this is the audio SDK.
    ///
    /// # Errors
    /// 1103011: the system does not list them.
    #[doc(alias = "getCameras")]
    pub fn get_cameras(&self) -> Reply<Vec<ZegoDeviceInfo>> {
        self.list_devices(|devices| devices.map(|devices| devices.cameras))
    }

    /// Lets a local stream of a microphone capture another one, also while it is published. The new one is opened first: there
    /// is no gap, and where it cannot be used the old one goes on. The stream stays there when the system's default changes.
    ///
    /// # Errors
    /// - 1103044: it is of another engine, or was destroyed; 1103046: it captures no microphone
    /// - 1103048: no such device; 1103064: not allowed; 1103065: busy; 1103066: no usable format; 1103061: anything else
    #[doc(alias = "useAudioDevice")]
    pub fn use_audio_device(&self, stream: &ZegoLocalStream, device_id: impl Into<String>) -> Reply<()> {
        let (id, device_id) = (stream.id_in(self.shared()), device_id.into());
        self.shared().call(
            |state, call, _, out| state.use_audio_device(id, device_id, call, out),
            |()| (),
        )
    }

    /// Lets a stream be heard on another speaker, by its id from [`get_speakers`](Self::get_speakers); `""` is whatever is the
    /// default one, as at first. Streams may be heard on different speakers at a time. The speaker is opened first: there is no
    /// gap, and where it cannot be used the stream is heard where it was.
    ///
    /// While a chosen speaker is unplugged the stream is heard on the default one, and on the chosen one again as soon as that
    /// is back.
    ///
    /// # Errors
    /// - 1103093: no such speaker, or it cannot be opened; or the stream is of another engine
    /// - 1000018: the local stream was destroyed; 1104044: the played one was stopped
    /// - 1006001: the audio device part failed
    #[doc(alias = "useAudioOutputDevice")]
    pub fn use_audio_output_device<'a>(&self, stream: impl Into<ZegoHeardStream<'a>>, device_id: impl Into<String>) -> Reply<()> {
        let engine = self.shared();
        use_output(engine, stream.into().heard_in(engine), device_id.into())
    }

    /// Whether a stream whose microphone was chosen by its id takes the default one when that is unplugged; not at first. It
    /// stays there. Without this it is silent until its microphone is back. (A stream of the default microphone always takes
    /// whatever is the default one.)
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "enableAutoSwitchDevice")]
    pub fn enable_auto_switch_device(&self, microphone: bool) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.enable_auto_switch(microphone, out))
    }

    fn list_devices<T: Send + 'static>(
        &self,
        answer: impl FnOnce(Result<ZegoDeviceInfos, ZegoError>) -> Result<T, ZegoError> + Send + 'static,
    ) -> Reply<T> {
        self.shared().ask(|done| Command::ListDevices(done.and_then(answer)))
    }
}
