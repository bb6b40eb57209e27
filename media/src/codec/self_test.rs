//! Whether Opus works on this machine.

use express_messages::{audio::SAMPLE_RATE, publisher::EncoderOptions};

use super::{CodecError, Decoder, Encoder};

/// 20 ms at 48 kHz.
const FRAME: usize = 960;
/// Peak of the tone.
const AMPLITUDE: f32 = 0.5;
/// The decoder's effort: what it does without any extra.
const COMPLEXITY: i32 = 0;
/// Room for a packet (RFC 6716 section 3.2.1: at most 1,275 bytes for a frame).
const PACKET: usize = 1_275;

/// Encodes 20 ms of a tone and decodes them.
///
/// # Errors
/// - [`CodecError::Create`], [`CodecError::Encode`], [`CodecError::Decode`] — libopus refuses
/// - [`CodecError::Distorted`] — what comes out is not about as loud as what went in
pub fn self_test() -> Result<(), CodecError> {
    let step = 440.0 * std::f32::consts::TAU / SAMPLE_RATE as f32;
    let tone: Vec<f32> = (0..FRAME).map(|n| AMPLITUDE * (n as f32 * step).sin()).collect();
    let (mut packet, mut sound) = ([0; PACKET], [0.0; FRAME]);
    let length = Encoder::new(&EncoderOptions::default())?.encode(&tone, &mut packet)?;
    let frames = Decoder::new(1, COMPLEXITY)?.decode(&packet[..length], &mut sound)?;
    let peak = sound[..frames].iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let percent = (100.0 * peak / AMPLITUDE) as u32;
    // A frame alone, without one before it, is not exact.
    match (25..=400).contains(&percent) {
        true => Ok(()),
        false => Err(CodecError::Distorted { percent }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_works_here() {
        assert_eq!(self_test(), Ok(()));
    }
}
