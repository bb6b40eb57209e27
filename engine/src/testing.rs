//! Values for unit tests.

use express_messages::stats::{QualityGrade, ZegoPublishAudioStats, ZegoPublishStats};

/// A report with one telling figure.
pub(crate) fn publish_stats(kbps: f64) -> ZegoPublishStats {
    ZegoPublishStats {
        audio: ZegoPublishAudioStats {
            audio_bitrate: kbps,
            audio_codec: "opus".into(),
            audio_packets_lost: 0,
            audio_packets_lost_rate: 0.0,
            mute_state: "0".into(),
            audio_fps: 50.0,
            audio_quality: QualityGrade::Excellent,
            round_trip_time_ms: None,
        },
        listeners: None,
    }
}
