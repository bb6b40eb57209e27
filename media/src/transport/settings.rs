//! What our peer connections speak: Opus and its copies, the audio level, GCM, quick ICE.

use std::time::Duration;

use rtc::{
    ice::mdns::MulticastDnsMode,
    interceptor::Registry,
    peer_connection::configuration::media_engine::MIME_TYPE_OPUS,
    rtp_transceiver::{
        RTCRtpTransceiverDirection,
        rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind},
    },
    sdp::extmap::AUDIO_LEVEL_URI,
};
use webrtc::{
    error::Result,
    peer_connection::{MediaEngine, SettingEngine, SettingEngineBuilder, SrtpProtectionProfile, configure_rtcp_reports},
};

use super::{OPUS_PAYLOAD_TYPE, RED_PAYLOAD_TYPE, reach::FALLBACK_AFTER};

/// Redundant audio (RFC 2198), as browsers name it. The crate has no name for it.
pub(super) const MIME_TYPE_RED: &str = "audio/red";

/// Time between two connectivity checks of a pair, and how many before the pair is given up (30 s). The defaults of the
/// crate (200 ms) cost 200 to 400 ms at each connect.
const ICE_CHECKS: (Duration, u16) = (Duration::from_millis(20), 1_500);

/// Consent checks (RFC 7675) of a publisher: each measures the round trip, by which it sees a queue grow. That is 2 kbit/s.
const MEASURED_EVERY: Duration = Duration::from_millis(500);

/// Opus as RFC 7587 §7 names it; the clock rate is always 48 kHz and the channels always 2.
pub(super) fn opus(channels: usize) -> RTCRtpCodec {
    let stereo = if channels >= 2 { ";stereo=1;sprop-stereo=1" } else { "" };
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: format!("minptime=10;useinbandfec=1{stereo}"),
        rtcp_feedback: Vec::new(),
    }
}

/// Redundant audio whose frames are all [`opus`] (RFC 2198 §5).
fn red() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RED.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        rtcp_feedback: Vec::new(),
    }
}

/// Opus, the same with copies of older frames, and for a sender the audio level (RFC 6464).
pub(super) fn media_engine(channels: usize, sends: bool) -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    for (rtp_codec, payload_type) in [(opus(channels), OPUS_PAYLOAD_TYPE), (red(), RED_PAYLOAD_TYPE)] {
        let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
        engine.register_codec(codec, RtpCodecKind::Audio)?;
    }
    if sends {
        let level = RTCRtpHeaderExtensionCapability {
            uri: AUDIO_LEVEL_URI.to_owned(),
        };
        let direction = Some(RTCRtpTransceiverDirection::Sendonly);
        engine.register_header_extension(level, RtpCodecKind::Audio, direction)?;
    }
    Ok(engine)
}

/// Receiver and sender reports and nothing else: the crate's default set asks for video's feedback.
pub(super) fn interceptors() -> Registry {
    configure_rtcp_reports(Registry::new())
}

/// Quick ICE, loopback allowed, no multicast DNS, AES-GCM before AES-CM; for a sender a round trip that is always fresh.
pub(super) fn setting_engine(sends: bool) -> SettingEngine {
    SettingEngineBuilder::new()
        .with_ice_timeouts(None, None, sends.then_some(MEASURED_EVERY))
        .with_ice_connection_attempts(Some(ICE_CHECKS.0), Some(ICE_CHECKS.1))
        .with_relay_acceptance_min_wait(Some(FALLBACK_AFTER))
        .with_include_loopback_candidate(true)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .build()
}
