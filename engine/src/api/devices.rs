//! Devices, and what this system can do.

use express_messages::{
    ZegoError,
    types::{ZegoDeviceInfo, ZegoDeviceInfos},
};
use serde::Serialize;

use super::ZegoExpressEngine;
use crate::{
    actor::state::Command,
    reply::Reply,
    streams::{ZegoHeardStream, ZegoLocalStream, use_output},
};

/// What `check_system_requirements` found.
#[doc(alias = "checkSystemRequirements")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ZegoCapabilityDetection {
    /// Whether streams can be published and played at all: always, this engine brings its own media stack.
    #[serde(rename = "webRTC")]
    pub web_rtc: bool,
    /// Whether sound of the application's own making can be published: always.
    pub custom_capture: bool,
    /// Always `false`: this is the audio SDK.
    pub camera: bool,
    /// Whether there is a microphone.
    pub microphone: bool,
    /// Always `false`: this is the audio SDK.
    pub screen_sharing: bool,
    /// Always all `false`: this is the audio SDK.
    pub video_codec: ZegoCodecSupport,
    /// Whether there is a speaker (an addition of ours).
    pub speaker: bool,
    /// Why something is missing, by the documented word of what is missing.
    pub err_info: Vec<(RequirementKind, ZegoError)>,
}

/// Which video codecs there are: none, this is the audio SDK.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ZegoCodecSupport {
    /// `false`.
    #[serde(rename = "H264")]
    pub h264: bool,
    /// `false`.
    #[serde(rename = "H265")]
    pub h265: bool,
    /// `false`.
    #[serde(rename = "VP8")]
    pub vp8: bool,
    /// `false`.
    #[serde(rename = "VP9")]
    pub vp9: bool,
}

/// One thing that `check_system_requirement` can look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum RequirementKind {
    /// Publishing and playing.
    #[serde(rename = "webRTC")]
    WebRtc,
    /// Sound of the application's own making.
    #[serde(rename = "customCapture")]
    CustomCapture,
    /// A camera.
    #[serde(rename = "camera")]
    Camera,
    /// A microphone.
    #[serde(rename = "microphone")]
    Microphone,
    /// Capture of the screen.
    #[serde(rename = "screenSharing")]
    ScreenSharing,
    /// The video codec H.264.
    H264,
    /// The video codec H.265.
    H265,
    /// The video codec VP8.
    #[serde(rename = "VP8")]
    Vp8,
}

impl ZegoCapabilityDetection {
    fn from_devices(devices: Result<ZegoDeviceInfos, ZegoError>) -> Self {
        let mut found = Self {
            web_rtc: true,
            custom_capture: true,
            ..Self::default()
        };
        match devices {
            Ok(devices) => {
                found.microphone = !devices.microphones.is_empty();
                found.speaker = !devices.speakers.is_empty();
                if !found.microphone {
                    let text = "no microphone is there; plug one in, or publish a file, a tone or pushed PCM";
                    let error = ZegoError::new(express_messages::codes::DEVICE_NOT_FOUND, text);
                    found.err_info.push((RequirementKind::Microphone, error));
                }
            }
            Err(error) => found.err_info.push((RequirementKind::Microphone, error)),
        }
        found
    }

    /// Whether one of the documented requirements is met.
    pub fn has(&self, kind: RequirementKind) -> bool {
        match kind {
            RequirementKind::WebRtc => self.web_rtc,
            RequirementKind::CustomCapture => self.custom_capture,
            RequirementKind::Camera => self.camera,
            RequirementKind::Microphone => self.microphone,
            RequirementKind::ScreenSharing => self.screen_sharing,
            RequirementKind::H264 => self.video_codec.h264,
            RequirementKind::H265 => self.video_codec.h265,
            RequirementKind::Vp8 => self.video_codec.vp8,
        }
    }
}

impl ZegoExpressEngine {
    /// Tells what this system can do. Nothing that is missing is an error: look at the fields.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "checkSystemRequirements")]
    pub fn check_system_requirements(&self) -> Reply<ZegoCapabilityDetection> {
        self.list_devices(|devices| Ok(ZegoCapabilityDetection::from_devices(devices)))
    }

    /// Tells whether one thing is there (the documented `checkSystemRequirements` with a type).
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "checkSystemRequirements")]
    pub fn check_system_requirement(&self, kind: RequirementKind) -> Reply<bool> {
        self.list_devices(move |devices| Ok(ZegoCapabilityDetection::from_devices(devices).has(kind)))
    }

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
