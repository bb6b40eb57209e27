//! From counters to the documented quality reports ([`ZegoPublishStats`], [`ZegoPlayStats`]): pure, one call per interval.

use std::time::{Duration, Instant};

use express_messages::{
    exceptions::{PlayInterval, PublishInterval},
    stats::{
        ListenerReport, QualityGrade, RecoveredFrames, UplinkReport, ZegoPlayAudioStats, ZegoPlayStats, ZegoPublishAudioStats,
        ZegoPublishStats, grade,
    },
};

use crate::{
    playout::PlayoutStats,
    rtp::{ReceiveSnapshot, SendSnapshot},
};

const CODEC: &str = "opus";
const SAMPLE_RATE_HZ: u32 = 48_000;
const SAMPLES_PER_MS: f64 = 48.0;

/// What a player knows when it reports.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlayQualityInput {
    /// Counters of the receiving pipeline.
    pub snapshot: ReceiveSnapshot,
    /// Largest sample of the interval ([`crate::rtp::ReceiveStats::take_peak_level`]).
    pub peak_level: f32,
    /// Round-trip time to the server, where known.
    pub round_trip_time: Option<Duration>,
    /// The way from the publisher to the server, where the server told.
    pub uplink: Option<UplinkReport>,
    /// Whether the stream is muted.
    pub muted: bool,
    /// Whether the transport is connected.
    pub connected: bool,
}

/// Makes one [`ZegoPlayStats`] after another out of the differences between snapshots.
#[derive(Debug, Clone)]
pub struct PlayQuality {
    since: Instant,
    last: ReceiveSnapshot,
}

impl PlayQuality {
    /// Starts at `now`, with nothing counted.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            last: ReceiveSnapshot::default(),
        }
    }

    /// The report for the interval since the last call (or since `new`), and what exceptions are judged by; call it every 3 s.
    ///
    /// # Source
    /// zego documentation of `playQualityUpdate`; W3C webrtc-stats §9.4 (RTCInboundRtpStreamStats).
    pub fn report(&mut self, now: Instant, input: &PlayQualityInput) -> (ZegoPlayStats, PlayInterval) {
        let seconds = seconds_between(self.since, now);
        let (new, old) = (input.snapshot.playout, self.last.playout);
        self.since = now;
        self.last = input.snapshot;

        let lost = new.packets_lost().saturating_sub(old.packets_lost());
        let expected = new.packets_expected.saturating_sub(old.packets_expected);
        let loss = fraction(lost as f64, expected as f64);
        let rtt_ms = input.round_trip_time.map(|rtt| rtt.as_secs_f64() * 1_000.0);
        let jitter_ms = new.jitter_us as f64 / 1_000.0;
        let delay_ms = mean_ms(&new, &old, |stats| stats.jitter_buffer_delay_sample_us);
        let recovered = recovered(&new);
        let heard = new.total_samples_received.saturating_sub(new.concealed_samples);
        let per_second = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };

        let stats = ZegoPlayStats {
            audio: ZegoPlayAudioStats {
                audio_bitrate: per_second(new.bytes_received.saturating_sub(old.bytes_received)) * 8.0 / 1_000.0,
                audio_codec: CODEC.to_owned(),
                audio_jitter: jitter_ms,
                audio_level: f64::from(input.peak_level).clamp(0.0, 1.0),
                audio_packets_lost: new.packets_lost(),
                audio_packets_lost_rate: loss,
                audio_quality: quality(rtt_ms, loss, Some(jitter_ms / 1_000.0), input.connected),
                audio_sampling_rate: SAMPLE_RATE_HZ,
                mute_state: mute_state(input.muted),
                audio_fps: per_second(new.packets_received.saturating_sub(old.packets_received)),
                audio_cumulative_decode_time: heard as f64 / SAMPLES_PER_MS,
                audio_cumulative_break_time: new.break_samples as f64 / SAMPLES_PER_MS,
                audio_cumulative_break_rate: fraction(new.break_samples as f64, new.total_samples_received as f64),
                jitter_buffer_delay_ms: delay_ms,
                concealed_samples: new.concealed_samples,
                total_samples_received: new.total_samples_received,
                packets_received: new.packets_received,
                packets_discarded: new.packets_late + new.packets_discarded + input.snapshot.ring_overruns,
                jitter_buffer_target_ms: mean_ms(&new, &old, |stats| stats.jitter_buffer_target_delay_sample_us),
                concealment_events: new.concealment_events,
                silent_concealed_samples: new.silent_concealed_samples,
                inserted_samples_for_deceleration: new.inserted_samples_for_deceleration,
                removed_samples_for_acceleration: new.removed_samples_for_acceleration,
                recovered_frames: recovered.total(),
                recovered,
                underflows: new.underruns,
            },
            peer_to_peer_delay: rtt_ms.map(|rtt| {
                let of_publisher = input.uplink.and_then(|uplink| uplink.rtt_ms).map_or(0.0, f64::from);
                (of_publisher + rtt) / 2.0 + delay_ms
            }),
            peer_to_peer_packet_lost_rate: input.uplink.map(|uplink| {
                let arrives = (1.0 - uplink.loss.clamp(0.0, 1.0)) * (1.0 - loss);
                1.0 - arrives
            }),
        };
        (stats, play_interval(seconds, &new, &old, input))
    }
}

/// What the server's receiver reports say about what we send (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RemoteReport {
    /// Packets lost since the start.
    pub packets_lost: i64,
    /// Interarrival jitter at the server.
    pub jitter: Duration,
}

/// What a publisher knows when it reports.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PublishQualityInput {
    /// Counters of the sending pipeline.
    pub snapshot: SendSnapshot,
    /// The latest report of the server, where one came.
    pub remote: Option<RemoteReport>,
    /// Round-trip time to the server, where known.
    pub round_trip_time: Option<Duration>,
    /// Largest sample of the interval ([`crate::rtp::SendStats::take_peak_level`]).
    pub peak_level: f32,
    /// What the application asked for, kbit/s.
    pub asked_kbps: f64,
    /// What the sender aims at now, kbit/s of payload.
    pub target_kbps: f64,
    /// How the stream arrives at its listeners, where the server told lately.
    pub listeners: Option<ListenerReport>,
    /// Whether the stream is muted.
    pub muted: bool,
    /// Whether the transport is connected.
    pub connected: bool,
}

/// Makes one [`ZegoPublishStats`] after another out of the differences between snapshots.
#[derive(Debug, Clone)]
pub struct PublishQuality {
    since: Instant,
    last: SendSnapshot,
    lost: i64,
}

impl PublishQuality {
    /// Starts at `now`, with nothing counted.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            last: SendSnapshot::default(),
            lost: 0,
        }
    }

    /// The report for the interval since the last call (or since `new`), and what exceptions are judged by; call it every 3 s.
    ///
    /// # Source
    /// zego documentation of `publishQualityUpdate`; W3C webrtc-stats §9.8, §9.6.
    pub fn report(&mut self, now: Instant, input: &PublishQualityInput) -> (ZegoPublishStats, PublishInterval) {
        let seconds = seconds_between(self.since, now);
        let (new, old) = (input.snapshot, self.last);
        // Without a new report nothing more is known to be lost; a new transport starts again at zero.
        let lost_now = input.remote.map_or(self.lost, |remote| remote.packets_lost);
        let lost = lost_now.saturating_sub(self.lost);
        self.since = now;
        self.last = new;
        self.lost = lost_now;

        let sent = new.packets.saturating_sub(old.packets);
        let loss = fraction(lost as f64, sent as f64);
        let rtt_ms = input.round_trip_time.map(|rtt| rtt.as_secs_f64() * 1_000.0);
        let jitter_s = input.remote.map(|remote| remote.jitter.as_secs_f64());
        let per_second = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };

        let stats = ZegoPublishStats {
            audio: ZegoPublishAudioStats {
                audio_bitrate: per_second(new.payload_bytes.saturating_sub(old.payload_bytes)) * 8.0 / 1_000.0,
                audio_codec: CODEC.to_owned(),
                audio_packets_lost: lost_now,
                audio_packets_lost_rate: loss,
                mute_state: mute_state(input.muted),
                audio_fps: per_second(sent),
                audio_quality: quality(rtt_ms, loss, jitter_s, input.connected),
                round_trip_time_ms: rtt_ms,
            },
            listeners: input.listeners,
        };
        (stats, publish_interval(&new, &old, input))
    }
}

fn play_interval(seconds: f64, new: &PlayoutStats, old: &PlayoutStats, input: &PlayQualityInput) -> PlayInterval {
    let in_time = |stats: &PlayoutStats| {
        stats
            .packets_received
            .saturating_sub(stats.packets_late + stats.packets_duplicated)
    };
    PlayInterval {
        paused: input.muted,
        publisher_muted: false,
        seconds,
        packets_received: in_time(new).saturating_sub(in_time(old)),
        packets_decoded: new.packets_played.saturating_sub(old.packets_played),
        level: f64::from(input.peak_level),
    }
}

fn publish_interval(new: &SendSnapshot, old: &SendSnapshot, input: &PublishQualityInput) -> PublishInterval {
    let due = |snapshot: &SendSnapshot| snapshot.frames.saturating_sub(snapshot.dtx_frames);
    PublishInterval {
        muted: input.muted,
        capture_level: Some(f64::from(input.peak_level)),
        packets_due: Some(due(new).saturating_sub(due(old))),
        packets_sent: new.packets.saturating_sub(old.packets),
        target_kbps: Some(input.target_kbps),
        asked_kbps: input.asked_kbps,
    }
}

/// What repaired missing frames; the playout engine counts each frame once.
fn recovered(stats: &PlayoutStats) -> RecoveredFrames {
    RecoveredFrames {
        red: stats.red_frames,
        fec: stats.fec_frames,
        dred: stats.dred_frames,
    }
}

/// The documented grade; −1 (unknown) while connected and no round-trip time is known.
fn quality(rtt_ms: Option<f64>, loss: f64, jitter_s: Option<f64>, connected: bool) -> QualityGrade {
    match rtt_ms {
        None if connected => QualityGrade::Unknown,
        rtt => grade(rtt.unwrap_or(0.0), loss, jitter_s, connected),
    }
}

/// Mean of a time that the jitter buffer sums up over the samples it emits, for those of the interval; of the whole life where
/// the interval has none.
fn mean_ms(new: &PlayoutStats, old: &PlayoutStats, sum_us: impl Fn(&PlayoutStats) -> u64) -> f64 {
    let emitted = new
        .jitter_buffer_emitted_count
        .saturating_sub(old.jitter_buffer_emitted_count);
    let (sum, emitted) = if emitted > 0 {
        (sum_us(new).saturating_sub(sum_us(old)), emitted)
    } else {
        (sum_us(new), new.jitter_buffer_emitted_count.max(1))
    };
    sum as f64 / emitted as f64 / 1_000.0
}

fn mute_state(muted: bool) -> String {
    if muted { "1" } else { "0" }.to_owned()
}

fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn seconds_between(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}

#[cfg(test)]
mod tests;
