//! The packets that pipelines and transport exchange.

use bytes::Bytes;

/// The fields of an RTP header that matter to audio (RFC 3550 §5.1). CSRCs and extensions are the transport's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RtpHeader {
    /// First packet of a talk spurt (RFC 3551 §4.1).
    pub marker: bool,
    /// 0..=127.
    pub payload_type: u8,
    /// Wraps at 2^16.
    pub sequence_number: u16,
    /// Media time in 1/48 000 s (RFC 7587 §4.1); wraps at 2^32.
    pub timestamp: u32,
    /// The source.
    pub ssrc: u32,
}

/// A packet to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacketOut {
    /// Its header.
    pub header: RtpHeader,
    /// One Opus packet.
    pub payload: Bytes,
    /// Loudness of its sound in −dBov, 0 (loudest) to 127 (silence): the value of the RFC 6464 header extension.
    pub audio_level_dbov: u8,
}

/// A packet that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacketIn {
    /// Its header.
    pub header: RtpHeader,
    /// Its payload without padding; empty for a packet of padding alone.
    pub payload: Bytes,
}

impl From<RtpPacketOut> for RtpPacketIn {
    /// The packet as it arrives, whatever is between: for networks inside one process.
    fn from(packet: RtpPacketOut) -> Self {
        Self {
            header: packet.header,
            payload: packet.payload,
        }
    }
}

/// Loudness of `samples` (all channels) in −dBov: 0 is the RMS of a full-scale square wave, 127 is silence.
///
/// # Source
/// RFC 6464 §3; RFC 6465 §4 (how the value is computed).
pub fn audio_level_dbov(samples: &[f32]) -> u8 {
    let mut energy = 0.0_f64;
    for &sample in samples {
        if sample.is_finite() {
            energy += f64::from(sample) * f64::from(sample);
        }
    }
    if energy <= 0.0 {
        return 127;
    }
    let dbov = 10.0 * (energy / samples.len() as f64).log10();
    // The clamp bounds the value, so the cast is exact.
    (-dbov).round().clamp(0.0, 127.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audio_level_is_minus_dbov() {
        let square = vec![1.0; 960];
        let sine: Vec<f32> = (0..960).map(|n| (n as f32 * 0.1 * std::f32::consts::TAU).sin()).collect();
        let table = [
            (square.clone(), 0),
            (sine, 3),
            (square.iter().map(|s| s * 0.1).collect(), 20),
            (square.iter().map(|s| s * 4.0).collect(), 0),
            (vec![0.0; 960], 127),
            (vec![1e-9; 960], 127),
            (vec![f32::NAN; 960], 127),
            (Vec::new(), 127),
        ];
        for (samples, expected) in table {
            assert_eq!(audio_level_dbov(&samples), expected);
        }
    }
}
