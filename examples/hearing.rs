//! Compares what was heard with what was said: delay, likeness, gaps.
//!
//! Both are mono at 48 kHz. The comparison goes word by word (pieces of 400 ms), because an adaptive playout may stretch
//! time by some milliseconds between two words without anybody hearing it.

use crate::wav::SAMPLE_RATE;

/// Pieces are compared on every 12th (averaged) sample: 4 kHz.
const DECIMATION: usize = 12;
/// The common delay is searched on every 4th of those: 1 kHz is enough for it, and 16 times as fast.
const COARSER: usize = 4;
/// A short sound is looked for on every 4th sample (12 kHz), then on each around the place that was found.
const FINER: usize = 4;
/// How far around, in samples.
const REACH: isize = 12;
/// Length of one compared piece.
const PIECE_MS: usize = 400;
/// How far a piece may stand from the common delay.
const STRETCH_MS: usize = 150;
/// Envelope resolution of the search for gaps.
const SLOT_MS: usize = 5;
/// Quieter than this peak is a pause between words, not speech.
const ACTIVE_PEAK: f32 = 0.02;
/// Heard so much quieter than said is a gap.
const GAP_RATIO: f32 = 0.06;

/// What a listener would say about a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Where in the recording the first said sample lies, in milliseconds, to about 1 ms; negative when the recording starts
    /// later.
    pub delay_ms: f64,
    /// Likeness of the waveforms, −1..=1, weighted by loudness; above 0.8 it is the same speech.
    pub correlation: f64,
    /// Longest stretch in which something was said and next to nothing heard, in milliseconds.
    pub longest_gap_ms: f64,
    /// How much of what was said lies inside the recording, in seconds.
    pub compared_s: f64,
}

/// Compares a recording with the original; `None` when one of them is silent or too short.
///
/// `max_delay_s` bounds the search for the delay, both ways.
pub fn compare(said: &[f32], heard: &[f32], max_delay_s: f64) -> Option<Heard> {
    let (coarse_said, coarse_heard) = (decimate(said, DECIMATION), decimate(heard, DECIMATION));
    let coarse_rate = SAMPLE_RATE as usize / DECIMATION;
    let reach = (max_delay_s * (coarse_rate / COARSER) as f64) as isize;
    let (lag, _) = best_lag(
        &decimate(&coarse_said, COARSER),
        &decimate(&coarse_heard, COARSER),
        -reach..=reach,
    )?;
    let lag = lag * COARSER as isize;

    let piece = coarse_rate * PIECE_MS / 1000;
    let stretch = (coarse_rate * STRETCH_MS / 1000) as isize;
    let (mut weighted, mut weight, mut samples) = (0.0, 0.0, 0);
    let mut slots = Vec::new();
    for (index, part) in coarse_said.chunks_exact(piece).enumerate() {
        let at = (index * piece) as isize;
        if at + lag < 0 || at + lag + piece as isize > coarse_heard.len() as isize {
            continue;
        }
        samples += piece;
        let near = at + lag - stretch..=at + lag + stretch;
        let energy: f64 = part.iter().map(|s| f64::from(s * s)).sum();
        let (place, likeness) = best_lag(part, &coarse_heard, near).unwrap_or((at + lag, 0.0));
        weighted += likeness * energy;
        weight += energy;
        compare_slots(
            said,
            heard,
            index * piece * DECIMATION,
            place * DECIMATION as isize,
            piece * DECIMATION,
            &mut slots,
        );
    }
    if weight <= 0.0 {
        return None;
    }
    Some(Heard {
        delay_ms: lag as f64 * 1000.0 / coarse_rate as f64,
        correlation: weighted / weight,
        longest_gap_ms: (longest_run(&slots) * SLOT_MS) as f64,
        compared_s: samples as f64 / coarse_rate as f64,
    })
}

/// Where in `heard` the short sound `said` begins, in samples, and how alike both are there (normalised correlation, −1..=1): a
/// matched filter. `None` where `heard` is shorter or silent.
pub fn place_of(said: &[f32], heard: &[f32]) -> Option<(usize, f64)> {
    let room = isize::try_from(heard.len().checked_sub(said.len())?).ok()?;
    let coarse = room / FINER as isize;
    let (near, _) = best_lag(&decimate(said, FINER), &decimate(heard, FINER), 0..=coarse)?;
    let near = near * FINER as isize;
    let (place, likeness) = best_lag(said, heard, (near - REACH).max(0)..=(near + REACH).min(room))?;
    Some((usize::try_from(place).ok()?, likeness))
}

/// Root of the mean square of `samples`, 0 for none.
pub fn rms(samples: &[f32]) -> f32 {
    let sum: f32 = samples.iter().map(|s| s * s).sum();
    (sum / samples.len().max(1) as f32).sqrt()
}

/// Peak of one frequency in `samples` (Goertzel), in the amplitude of a sine.
pub fn tone_amplitude(samples: &[f32], frequency_hz: f64) -> f64 {
    let step = std::f64::consts::TAU * frequency_hz / f64::from(SAMPLE_RATE);
    let (re, im) = samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, &s)| {
        let (sin, cos) = (step * n as f64).sin_cos();
        (re + f64::from(s) * cos, im + f64::from(s) * sin)
    });
    2.0 * re.hypot(im) / samples.len().max(1) as f64
}

fn decimate(samples: &[f32], factor: usize) -> Vec<f32> {
    samples
        .chunks_exact(factor)
        .map(|c| c.iter().sum::<f32>() / factor as f32)
        .collect()
}

/// The place in `hay` where `needle` fits best, and the normalised correlation there.
fn best_lag(needle: &[f32], hay: &[f32], lags: std::ops::RangeInclusive<isize>) -> Option<(isize, f64)> {
    lags.filter_map(|lag| Some((lag, correlation_at(needle, hay, lag)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn correlation_at(needle: &[f32], hay: &[f32], lag: isize) -> Option<f64> {
    let from = usize::try_from(-lag).unwrap_or(0);
    let start = usize::try_from(lag).unwrap_or(0);
    let count = needle.len().saturating_sub(from).min(hay.len().saturating_sub(start));
    // A short overlap always looks alike; half the needle must be there.
    if count * 2 < needle.len() || count == 0 {
        return None;
    }
    let (mut product, mut a, mut b) = (0.0f32, 0.0f32, 0.0f32);
    for (x, y) in needle[from..from + count].iter().zip(&hay[start..start + count]) {
        product += x * y;
        a += x * x;
        b += y * y;
    }
    let norm = (f64::from(a) * f64::from(b)).sqrt();
    (norm > 1e-9).then(|| f64::from(product) / norm)
}

/// Adds one `true` for each slot in which something was said and next to nothing heard.
fn compare_slots(said: &[f32], heard: &[f32], from: usize, place: isize, len: usize, slots: &mut Vec<bool>) {
    let slot = SAMPLE_RATE as usize * SLOT_MS / 1000;
    for offset in (0..len).step_by(slot) {
        let original = peak(said, (from + offset) as isize, slot);
        // One slot of grace around: alignment is not exact to the sample.
        let copy = peak(heard, place + offset as isize - slot as isize / 2, 2 * slot);
        slots.push(original > ACTIVE_PEAK && copy < original * GAP_RATIO);
    }
}

fn peak(samples: &[f32], from: isize, len: usize) -> f32 {
    let start = usize::try_from(from).unwrap_or(0).min(samples.len());
    let end = (start + len).min(samples.len());
    samples[start..end].iter().fold(0.0, |peak, s| s.abs().max(peak))
}

fn longest_run(slots: &[bool]) -> usize {
    slots.split(|gap| !gap).map(<[bool]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise with the rhythm of words.
    fn speech() -> Vec<f32> {
        (0..SAMPLE_RATE as usize * 4)
            .map(|n| {
                let loud = if (n / 9_600) % 3 == 2 { 0.0 } else { 0.3 };
                // Low-passed by holding each value for 24 samples: 1 kHz, as in a voice.
                let mut held = (n as u32 / 24).wrapping_mul(2_654_435_761);
                held ^= held >> 15;
                loud * (f64::from(held) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
            })
            .collect()
    }

    #[test]
    fn a_delayed_copy_is_recognised_with_its_delay() {
        let said = speech();
        let mut heard = vec![0.0; 4_800];
        heard.extend(said.iter().map(|s| s * 0.5));
        let result = compare(&said, &heard, 1.0).unwrap();
        assert!((result.delay_ms - 100.0).abs() < 1.0, "{result:?}");
        assert!(result.correlation > 0.99, "{result:?}");
        assert_eq!(result.longest_gap_ms, 0.0);
    }

    #[test]
    fn a_hole_is_a_gap_of_its_length() {
        let said = speech();
        let mut heard = said.clone();
        heard[2_000..2_000 + 4_800].fill(0.0);
        let result = compare(&said, &heard, 1.0).unwrap();
        assert!((80.0..=105.0).contains(&result.longest_gap_ms), "{result:?}");
    }

    #[test]
    fn a_short_sound_is_found_to_the_sample() {
        // From 0.4 to 4 kHz in 100 ms.
        let sweep = |t: f32| (std::f32::consts::TAU * (400.0 * t + 18_000.0 * t * t)).sin();
        let said: Vec<f32> = (0..4_800).map(|n| sweep(n as f32 / SAMPLE_RATE as f32)).collect();
        let mut heard = vec![0.0; 10_007];
        heard.extend(said.iter().map(|s| s * 0.2));
        heard.resize(30_000, 0.0);
        let (place, likeness) = place_of(&said, &heard).unwrap();
        assert!(place == 10_007 && likeness > 0.999, "{place} {likeness}");
        assert!(place_of(&said, &heard[..100]).is_none() && place_of(&said[..480], &[0.0; 960]).is_none());
    }

    #[test]
    fn other_sound_is_not_the_same_speech() {
        let said = speech();
        let heard: Vec<f32> = said.iter().rev().copied().collect();
        assert!(compare(&said, &heard, 1.0).is_none_or(|r| r.correlation < 0.5));
        assert!(compare(&said, &vec![0.0; said.len()], 1.0).is_none());
    }

    #[test]
    fn the_amplitude_of_a_tone_is_measured() {
        let tone: Vec<f32> = (0..48_000)
            .map(|n| 0.25 * (n as f32 * 440.0 * std::f32::consts::TAU / 48_000.0).sin())
            .collect();
        assert!((tone_amplitude(&tone, 440.0) - 0.25).abs() < 0.01);
        assert!(tone_amplitude(&tone, 880.0) < 0.01);
    }
}
