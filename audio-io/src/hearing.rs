//! What tests hear in samples.

/// How loud `samples` are, as root mean square; 0.0 where there are none.
pub(crate) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
