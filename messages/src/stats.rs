//! Documented statistics of published and played streams, and the documented grades.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// A quality grade; the number is the documented one of the web SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "i8", try_from = "i8")]
#[non_exhaustive]
pub enum QualityGrade {
    /// −1: not known.
    Unknown,
    /// 0.
    Excellent,
    /// 1.
    Good,
    /// 2.
    Medium,
    /// 3.
    Bad,
    /// 4: very bad, or the connection is away.
    Die,
}

impl From<QualityGrade> for i8 {
    fn from(grade: QualityGrade) -> Self {
        match grade {
            QualityGrade::Unknown => -1,
            QualityGrade::Excellent => 0,
            QualityGrade::Good => 1,
            QualityGrade::Medium => 2,
            QualityGrade::Bad => 3,
            QualityGrade::Die => 4,
        }
    }
}

impl TryFrom<i8> for QualityGrade {
    type Error = String;
    fn try_from(number: i8) -> Result<Self, String> {
        Ok(match number {
            -1 => Self::Unknown,
            0 => Self::Excellent,
            1 => Self::Good,
            2 => Self::Medium,
            3 => Self::Bad,
            4 => Self::Die,
            _ => return Err(format!("{number} is no grade; grades are -1 to 4")),
        })
    }
}

/// Computes the grade as the documented web SDK does (rtt, loss and jitter scores of 0..100, then thresholds).
///
/// - `rtt_ms`: round-trip time in milliseconds
/// - `loss`: fraction of packets lost, 0..=1
/// - `jitter_s`: interarrival jitter in **seconds** where known
/// - `connected`: `false` gives [`QualityGrade::Die`]
pub fn grade(rtt_ms: f64, loss: f64, jitter_s: Option<f64>, connected: bool) -> QualityGrade {
    if !connected {
        return QualityGrade::Die;
    }
    let rtt = if rtt_ms < 600.0 {
        97.0 - (0.09 * rtt_ms.max(0.0)).powf(1.1)
    } else {
        18.0 * (0.002 * (600.0 - rtt_ms)).exp()
    };
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let score = match jitter_s {
        Some(jitter) => {
            let loss = if percent <= 40.0 { 96.0 - percent.powf(1.22) } else { 1.0 };
            let jitter = if jitter <= 50.0 {
                98.0 - jitter.max(0.0).powf(1.15)
            } else {
                1.0
            };
            0.15 * jitter + 0.85 * rtt.min(loss)
        }
        None => {
            let loss = if percent <= 55.0 {
                99.0 - (0.8 * percent).powf(1.18)
            } else {
                1.0
            };
            rtt.min(loss)
        }
    };
    match score {
        s if s >= 85.0 => QualityGrade::Excellent,
        s if s >= 60.0 => QualityGrade::Good,
        s if s >= 30.0 => QualityGrade::Medium,
        s if s >= 1.0 => QualityGrade::Bad,
        _ => QualityGrade::Die,
    }
}

/// What one user reported of its own network (`networkQuality`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuality {
    /// Who.
    pub user_id: UserId,
    /// Of what it publishes.
    pub up: QualityGrade,
    /// Of what it plays.
    pub down: QualityGrade,
}

/// How a published stream arrives at the server and at its listeners (an addition of ours; the server tells every 500 ms while something
/// is lost, and every 5 s while all is well).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerReport {
    /// Listeners that are connected and not paused, whether they report or not.
    pub listeners: u32,
    /// The greatest fraction lost between the server and a listener, 0..=1; `None`: nobody reports.
    pub loss_worst: Option<f64>,
    /// The median of these fractions.
    pub loss_median: Option<f64>,
    /// The greatest mean length of a run of lost packets, in packets; `None`: nothing was lost lately, or nobody tells.
    pub burst_worst: Option<f64>,
    /// The median of these lengths.
    pub burst_median: Option<f64>,
    /// The median round-trip time between server and listener in milliseconds; `None`: not measured.
    pub rtt_median_ms: Option<u32>,
    /// The fraction lost between the publisher and the server in the last 500 ms, before anything was repaired, 0..=1; `None`: not
    /// measured, or an older server.
    pub uplink_loss: Option<f64>,
    /// The mean length of a run of lost packets there, in packets, 1 or more; `None`: nothing was lost, or not measured.
    pub uplink_burst: Option<f64>,
    /// Listeners that the server sends copies of older frames now, because they lose packets.
    pub copying: u32,
}

/// How a played stream arrives at the server: the publisher's part of the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UplinkReport {
    /// Round-trip time between publisher and server in milliseconds; `None`: not measured.
    pub rtt_ms: Option<u32>,
    /// Fraction lost on the way and not repaired in time, 0..=1.
    pub loss: f64,
    /// Interarrival jitter in milliseconds (RFC 3550 6.4.1).
    pub jitter_ms: u32,
}

/// Audio part of [`ZegoPublishStats`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZegoPublishAudioStats {
    /// Sent RTP payload, kbit/s, over the last interval.
    pub audio_bitrate: f64,
    /// Always "opus".
    pub audio_codec: String,
    /// Packets that the server reports lost since the start.
    pub audio_packets_lost: i64,
    /// Fraction lost over the last interval, 0..=1.
    pub audio_packets_lost_rate: f64,
    /// '0' not muted, '1' muted, as documented.
    pub mute_state: String,
    /// Audio frames sent a second (documented name `audioFPS`).
    #[serde(rename = "audioFPS")]
    pub audio_fps: f64,
    /// The grade.
    pub audio_quality: QualityGrade,
    /// Round-trip time to the server in milliseconds, where known (W3C `roundTripTime`; an addition of ours).
    pub round_trip_time_ms: Option<f64>,
}

/// What `publishQualityUpdate` reports every 3 s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZegoPublishStats {
    /// The audio part; there is no video part in this SDK.
    pub audio: ZegoPublishAudioStats,
    /// How the stream arrives at its listeners, as the server told last; `None` until it tells (an addition of ours).
    pub listeners: Option<ListenerReport>,
}

/// Audio part of [`ZegoPlayStats`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZegoPlayAudioStats {
    /// Received RTP payload, kbit/s, over the last interval.
    pub audio_bitrate: f64,
    /// Always "opus".
    pub audio_codec: String,
    /// Interarrival jitter in milliseconds (RFC 3550 6.4.1).
    pub audio_jitter: f64,
    /// Loudness of what was decoded, 0..=1 (peak over the last interval).
    pub audio_level: f64,
    /// Packets lost since the start (signed, as in RFC 3550: duplicates may make it negative).
    pub audio_packets_lost: i64,
    /// Fraction lost over the last interval, 0..=1.
    pub audio_packets_lost_rate: f64,
    /// The grade.
    pub audio_quality: QualityGrade,
    /// Always 48000.
    pub audio_sampling_rate: u32,
    /// '0' not muted, '1' muted, as documented.
    pub mute_state: String,
    /// Audio frames received a second (documented name `audioFPS`).
    #[serde(rename = "audioFPS")]
    pub audio_fps: f64,
    /// Sound given out since the start, milliseconds of decoded audio.
    pub audio_cumulative_decode_time: f64,
    /// Milliseconds of breaks (concealed for more than 200 ms at a stretch) since the start.
    pub audio_cumulative_break_time: f64,
    /// Break time over play time, 0..=1.
    pub audio_cumulative_break_rate: f64,
    /// Current delay of the jitter buffer in milliseconds (an addition of ours).
    pub jitter_buffer_delay_ms: f64,
    /// Samples per channel that were concealed since the start (W3C `concealedSamples`; an addition of ours).
    pub concealed_samples: u64,
    /// Samples per channel given out since the start (W3C `totalSamplesReceived`; an addition of ours).
    pub total_samples_received: u64,
    /// Packets received since the start (an addition of ours).
    pub packets_received: u64,
    /// Packets that came after their time to play (an addition of ours).
    pub packets_discarded: u64,
    /// Delay that the jitter buffer aimed at, in milliseconds: mean over the interval, as `jitter_buffer_delay_ms` (W3C
    /// `jitterBufferTargetDelay` over `jitterBufferEmittedCount`; an addition of ours, as all that follow).
    pub jitter_buffer_target_ms: f64,
    /// Stretches of concealed samples since the start (W3C `concealmentEvents`).
    pub concealment_events: u64,
    /// Concealed samples per channel that were silent, because the concealment had faded out (W3C `silentConcealedSamples`).
    pub silent_concealed_samples: u64,
    /// Samples per channel added since the start to play slower (W3C `insertedSamplesForDeceleration`).
    pub inserted_samples_for_deceleration: u64,
    /// Samples per channel taken out since the start to play faster (W3C `removedSamplesForAcceleration`).
    pub removed_samples_for_acceleration: u64,
    /// Frames played since the start though their packet was missing: the sum of `recovered`.
    pub recovered_frames: u64,
    /// What repaired them.
    pub recovered: RecoveredFrames,
    /// Times since the start that the buffer had run empty.
    pub underflows: u64,
}

/// Frames played though their packet was missing, by what repaired them; since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecoveredFrames {
    /// A copy of the frame itself, from the publisher or added by the server (RFC 2198).
    pub red: u64,
    /// The in-band FEC of the next packet (RFC 6716 section 2.1.7): the frame at a lower bitrate.
    pub fec: u64,
    /// Deep redundancy of a later packet (DRED): the frame as speech parameters.
    pub dred: u64,
}

impl RecoveredFrames {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.red + self.fec + self.dred
    }
}

/// What `playQualityUpdate` reports every 3 s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZegoPlayStats {
    /// The audio part; there is no video part in this SDK.
    pub audio: ZegoPlayAudioStats,
    /// Half the round-trip time between both peers (the server's to each, added) plus the jitter buffer's delay, milliseconds. Until
    /// the server tells the publisher's part it is without it; `None` while not known.
    pub peer_to_peer_delay: Option<f64>,
    /// Fraction lost between both peers, 0..=1; `None` while not known.
    pub peer_to_peer_packet_lost_rate: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_follow_the_documented_formulas() {
        let table = [
            (0.0, 0.0, Some(0.0), QualityGrade::Excellent),
            (100.0, 0.0, None, QualityGrade::Excellent),
            (250.0, 0.0, None, QualityGrade::Good),
            (300.0, 0.0, None, QualityGrade::Medium),
            (0.0, 0.10, Some(0.01), QualityGrade::Good),
            (0.0, 0.20, Some(0.01), QualityGrade::Good),
            (0.0, 0.30, Some(0.01), QualityGrade::Medium),
            (0.0, 0.60, None, QualityGrade::Bad),
            (2_500.0, 0.0, None, QualityGrade::Die),
        ];
        for (rtt, loss, jitter, expected) in table {
            assert_eq!(grade(rtt, loss, jitter, true), expected, "rtt {rtt} loss {loss}");
        }
        assert_eq!(grade(0.0, 0.0, None, false), QualityGrade::Die);
    }

    #[test]
    fn grades_travel_as_the_documented_numbers() {
        assert_eq!(serde_json::to_string(&QualityGrade::Unknown).unwrap(), "-1");
        assert_eq!(serde_json::from_str::<QualityGrade>("4").unwrap(), QualityGrade::Die);
        assert!(serde_json::from_str::<QualityGrade>("5").is_err());
    }

    #[test]
    fn what_repaired_a_stream_is_told_by_its_name_and_adds_up() {
        let recovered = RecoveredFrames { red: 5, fec: 2, dred: 1 };
        assert_eq!(recovered.total(), 8);
        let json = serde_json::json!({"red": 5, "fec": 2, "dred": 1});
        assert_eq!(serde_json::to_value(recovered).unwrap(), json);
    }
}
