//! What this system can do.

use express_messages::{ZegoError, codes, types::ZegoDeviceInfos};
use serde::Serialize;

use super::ZegoExpressEngine;
use crate::{
    actor::{
        ExactLook, Findings,
        state::{Command, EngineState},
    },
    reply::Reply,
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
    /// Whether there is a microphone; of an exact look, whether it opens.
    pub microphone: bool,
    /// Always `false`: not looked at. Whether the sound of a screen can be captured is known when
    /// [`ZegoStreamOptions::screen`](crate::ZegoStreamOptions::screen) is opened: 1103048 where it cannot.
    pub screen_sharing: bool,
    /// Always all `false`: this is the audio SDK.
    pub video_codec: ZegoCodecSupport,
    /// Whether there is a speaker (an addition of ours, as all that follow but `err_info`).
    pub speaker: bool,
    /// Whether Opus works here: 20 ms are encoded and decoded. `None`: another publisher part, which cannot tell.
    pub codec: Option<bool>,
    /// Of an exact look, whether a server takes a signalling connection: its name, TCP, TLS and the WebSocket. `None`: not looked at,
    /// or another room part, which cannot tell.
    pub server: Option<bool>,
    /// Of an exact look, whether datagrams get to that server's media ports, and answers back. `None`: not looked at, or the server
    /// does not say where its ports are.
    pub udp: Option<bool>,
    /// The same for TCP connections (RFC 6544), by which calls go where UDP is blocked. `None` also where the server takes none.
    pub tcp: Option<bool>,
    /// Why something is missing and what to do, by the documented word of what is missing.
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
    /// A speaker (an addition of ours, as all that follow).
    #[serde(rename = "speaker")]
    Speaker,
    /// Opus.
    #[serde(rename = "codec")]
    Codec,
    /// The server's signalling.
    #[serde(rename = "server")]
    Server,
    /// The server's media over UDP.
    #[serde(rename = "udp")]
    Udp,
    /// The server's media over TCP.
    #[serde(rename = "tcp")]
    Tcp,
}

impl ZegoCapabilityDetection {
    fn of(findings: Findings) -> Self {
        let mut found = Self {
            web_rtc: true,
            custom_capture: true,
            ..Self::default()
        };
        found.take_devices(findings.devices, findings.microphone);
        found.codec = found.take(RequirementKind::Codec, findings.codec);
        found.server = found.take(RequirementKind::Server, findings.server);
        found.udp = found.take(RequirementKind::Udp, findings.ways.udp);
        found.tcp = found.take(RequirementKind::Tcp, findings.ways.tcp);
        found.web_rtc = found.codec != Some(false);
        found
    }

    fn take_devices(&mut self, devices: Result<ZegoDeviceInfos, ZegoError>, opened: Option<Result<(), ZegoError>>) {
        let devices = match devices {
            Ok(devices) => devices,
            Err(error) => {
                let kinds = [RequirementKind::Microphone, RequirementKind::Speaker];
                return self.err_info.extend(kinds.map(|kind| (kind, error.clone())));
            }
        };
        self.microphone = !devices.microphones.is_empty();
        self.speaker = !devices.speakers.is_empty();
        if !self.microphone {
            let text = "no microphone is there; plug one in, or publish a file, a tone or pushed PCM";
            self.missing(RequirementKind::Microphone, text);
        }
        if !self.speaker {
            let text = "no speaker is there; plug one in, or take what is played as PCM (ZegoRemoteStream::frames)";
            self.missing(RequirementKind::Speaker, text);
        }
        if let Some(opens) = self.take(RequirementKind::Microphone, opened) {
            self.microphone = opens;
        }
    }

    fn missing(&mut self, kind: RequirementKind, text: &str) {
        self.err_info.push((kind, ZegoError::new(codes::DEVICE_NOT_FOUND, text)));
    }

    /// Whether something works, with its error kept.
    fn take(&mut self, kind: RequirementKind, result: Option<Result<(), ZegoError>>) -> Option<bool> {
        result.map(|result| match result {
            Ok(()) => true,
            Err(error) => {
                self.err_info.push((kind, error));
                false
            }
        })
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
            RequirementKind::Speaker => self.speaker,
            RequirementKind::Codec => self.codec == Some(true),
            RequirementKind::Server => self.server == Some(true),
            RequirementKind::Udp => self.udp == Some(true),
            RequirementKind::Tcp => self.tcp == Some(true),
        }
    }
}

impl ZegoExpressEngine {
    /// Tells what this system can do (the documented level 0): lists the devices and tries the codec, opens nothing and connects to
    /// nothing. Nothing that is missing is an error: look at the fields.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "checkSystemRequirements")]
    pub fn check_system_requirements(&self) -> Reply<ZegoCapabilityDetection> {
        self.check_system(|state| state.alive().map(|()| None), |found| found)
    }

    /// As [`check_system_requirements`](Self::check_system_requirements), exactly (the documented level 1): the default microphone
    /// is opened for a moment, which a system may ask its user about, and the servers are connected to, without a login; the one that
    /// answers first is asked for its media ports, and they are tried. Answers within 3 s, whatever devices and network do.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "checkSystemRequirements")]
    pub fn check_system_requirements_exactly(&self) -> Reply<ZegoCapabilityDetection> {
        self.check_system(|state| state.exact_look().map(Some), |found| found)
    }

    /// Tells whether one thing is there (the documented `checkSystemRequirements` with a type); of the network, whether it can be
    /// reached, for which there is an exact look.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "checkSystemRequirements")]
    pub fn check_system_requirement(&self, kind: RequirementKind) -> Reply<bool> {
        let answer = move |found: ZegoCapabilityDetection| found.has(kind);
        match kind {
            RequirementKind::Server | RequirementKind::Udp | RequirementKind::Tcp => {
                self.check_system(|state| state.exact_look().map(Some), answer)
            }
            _ => self.check_system(|state| state.alive().map(|()| None), answer),
        }
    }

    fn check_system<T: Send + 'static>(
        &self,
        exact: impl FnOnce(&mut EngineState) -> Result<Option<ExactLook>, ZegoError>,
        answer: impl FnOnce(ZegoCapabilityDetection) -> T + Send + 'static,
    ) -> Reply<T> {
        self.shared().ask_whom(exact, |exact, done| Command::CheckSystem {
            exact,
            done: done.map(|findings| answer(ZegoCapabilityDetection::of(findings))),
        })
    }
}

#[cfg(test)]
mod tests {
    use express_messages::{publisher::MediaWays, types::ZegoDeviceInfo};

    use super::*;

    fn devices(count: usize) -> ZegoDeviceInfos {
        let device = ZegoDeviceInfo {
            device_name: "built-in".into(),
            device_id: "0".into(),
        };
        ZegoDeviceInfos {
            microphones: vec![device.clone(); count],
            speakers: vec![device; count],
            cameras: Vec::new(),
        }
    }

    fn kinds(found: &ZegoCapabilityDetection) -> Vec<RequirementKind> {
        found.err_info.iter().map(|(kind, _)| *kind).collect()
    }

    #[test]
    fn what_works_is_true_and_what_was_not_looked_at_is_not_known() {
        let found = ZegoCapabilityDetection::of(Findings {
            devices: Ok(devices(1)),
            microphone: None,
            server: None,
            ways: MediaWays::default(),
            codec: Some(Ok(())),
        });
        assert!(found.web_rtc && found.microphone && found.speaker && found.err_info.is_empty());
        assert_eq!((found.codec, found.server), (Some(true), None));
    }

    #[test]
    fn what_is_missing_is_false_with_its_reason_and_advice() {
        let refused = |code| Some(Err(ZegoError::new(code, "why")));
        let found = ZegoCapabilityDetection::of(Findings {
            devices: Ok(devices(1)),
            microphone: refused(1103064),
            server: refused(1000017),
            ways: MediaWays {
                udp: refused(1103028),
                tcp: Some(Ok(())),
            },
            codec: refused(1101003),
        });
        assert!(found.speaker && !found.microphone && !found.web_rtc);
        assert_eq!((found.codec, found.server), (Some(false), Some(false)));
        assert_eq!((found.udp, found.tcp), (Some(false), Some(true)));
        assert_eq!(
            kinds(&found),
            [
                RequirementKind::Microphone,
                RequirementKind::Codec,
                RequirementKind::Server,
                RequirementKind::Udp
            ]
        );
        let none = ZegoCapabilityDetection::of(Findings {
            devices: Ok(devices(0)),
            microphone: None,
            server: None,
            ways: MediaWays::default(),
            codec: None,
        });
        assert_eq!(kinds(&none), [RequirementKind::Microphone, RequirementKind::Speaker]);
        assert!(none.err_info[0].1.message.contains("plug one in"));
    }
}
