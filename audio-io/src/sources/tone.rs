//! A sine.

use std::time::Instant;

use express_messages::{
    ZegoError,
    audio::{AudioBlock, PlayoutSource, SAMPLE_RATE},
    codes,
};

/// A mono sine that begins at phase 0.
#[derive(Debug)]
pub(crate) struct Tone {
    step: f64,
    phase: f64,
    amplitude: f32,
}

impl Tone {
    /// A tone of 20..=20,000 Hz with a peak of 0..=1.
    ///
    /// # Errors
    /// 1100001 for a value outside of that.
    pub(crate) fn new(frequency_hz: f32, amplitude: f32) -> Result<Self, ZegoError> {
        if !(20.0..=20_000.0).contains(&frequency_hz) || !(0.0..=1.0).contains(&amplitude) {
            let message =
                format!("a tone of {frequency_hz} Hz with amplitude {amplitude} cannot be made; use 20 to 20000 Hz and 0 to 1");
            return Err(ZegoError::new(codes::INPUT_PARAM, message));
        }
        Ok(Self {
            step: f64::from(frequency_hz) / f64::from(SAMPLE_RATE),
            phase: 0.0,
            amplitude,
        })
    }
}

impl PlayoutSource for Tone {
    fn next_block(&mut self, out: &mut AudioBlock, _: Instant) {
        out.reset(1);
        for sample in out.samples_mut() {
            *sample = (self.phase * std::f64::consts::TAU).sin() as f32 * self.amplitude;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_its_frequency_and_level_without_a_seam_between_blocks() {
        let mut tone = Tone::new(1_000.0, 0.5).unwrap();
        let mut block = AudioBlock::silent(1);
        let mut samples = Vec::new();
        for _ in 0..100 {
            tone.next_block(&mut block, Instant::now());
            samples.extend_from_slice(block.samples());
        }
        for (i, s) in samples.iter().enumerate() {
            let wanted = 0.5 * (std::f64::consts::TAU * 1_000.0 * i as f64 / 48_000.0).sin();
            assert!((f64::from(*s) - wanted).abs() < 1e-4, "sample {i}");
        }
    }

    #[test]
    fn a_tone_that_cannot_be_heard_or_made_is_refused() {
        for (frequency, amplitude) in [
            (19.9, 0.5),
            (20_001.0, 0.5),
            (1_000.0, -0.1),
            (1_000.0, 1.1),
            (f32::NAN, 0.5),
            (440.0, f32::NAN),
        ] {
            assert_eq!(
                Tone::new(frequency, amplitude).unwrap_err().code,
                1100001,
                "{frequency} {amplitude}"
            );
        }
    }
}
