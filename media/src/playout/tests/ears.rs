//! What a listener would notice: clicks, gaps, the wrong pitch, the wrong level, delay.

/// Where the largest second difference is, and how large: 0.001 in a tone of 440 Hz at −10 dBFS, in a click the height of the
/// step.
pub(super) fn roughest(samples: &[f32]) -> (usize, f32) {
    let bends = samples.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs());
    bends.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// The onset of the tones of these tests measures 0.012, their burst losses 0.018; a step of 3 % of full scale is heard.
const CLICK: f32 = 0.025;

/// Nothing in a smooth signal bends as sharply as a click.
pub(super) fn assert_no_click(samples: &[f32]) {
    let (at, bend) = roughest(samples);
    assert!(bend < CLICK, "a click of {bend} at {:.3} s", at as f64 / 48_000.0);
}

/// Half a millisecond.
const CELL: usize = 24;
/// The pulses of the lowest voice are less than 13 ms apart.
const NEIGHBOURS: usize = 26;
/// Bends below this cannot be heard.
const FAINT: f32 = 0.003;

/// Where the most lonely bend is, and how much sharper it is than everything within 13 ms before and after: in speech sharp bends
/// come in company (pulses, bursts, hiss), a click stands alone.
pub(super) fn loneliest(samples: &[f32]) -> (usize, f32) {
    let bends: Vec<f32> = samples
        .windows(4)
        .map(|w| (w[0] - 3.0 * w[1] + 3.0 * w[2] - w[3]).abs())
        .collect();
    let cells: Vec<f32> = bends.chunks(CELL).map(|cell| cell.iter().fold(0.0, |a, b| a.max(*b))).collect();
    let sharpest = |from: usize, to: usize| cells[from.min(to)..to].iter().fold(0.0_f32, |a, b| a.max(*b));
    let lonely = (0..cells.len()).map(|n| {
        let before = sharpest(n.saturating_sub(NEIGHBOURS), n.saturating_sub(1));
        let after = sharpest(n + 2, (n + 2 + NEIGHBOURS).min(cells.len()));
        (n * CELL, cells[n] / (before.max(after) + FAINT))
    });
    lonely.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// Ordinary speech reaches LONELY_MAX.
const LONELY: f32 = 5.0;

/// Nothing in speech bends as sharply all alone as a click.
pub(super) fn assert_no_click_in_speech(samples: &[f32], what: &str) {
    let (at, times) = loneliest(samples);
    assert!(times < LONELY, "{what}: a click {times:.1} times as sharp as its neighbours at {:.3} s", at as f64 / 48_000.0);
}

pub(super) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// The longest stretch in ms that is quieter than `floor` (RMS over 5 ms), of a sound that never pauses.
pub(super) fn longest_gap_ms(samples: &[f32], floor: f32) -> usize {
    let (mut longest, mut current) = (0, 0);
    for window in samples.chunks_exact(240) {
        current = if rms(window) < floor { current + 5 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

/// The strongest of some frequencies around `hz`, by the Goertzel algorithm over the whole signal.
pub(super) fn pitch_near(samples: &[f32], hz: f32) -> f32 {
    let strength = |hz: f32| {
        let k = 2.0 * (std::f64::consts::TAU * f64::from(hz) / 48_000.0).cos();
        let (mut s1, mut s2) = (0.0_f64, 0.0_f64);
        for &sample in samples {
            let s = f64::from(sample) + k * s1 - s2;
            s2 = s1;
            s1 = s;
        }
        s1 * s1 + s2 * s2 - k * s1 * s2
    };
    let candidates = (-40..=40).map(|n| hz * (1.0 + n as f32 * 0.002_5));
    candidates.max_by(|a, b| strength(*a).total_cmp(&strength(*b))).unwrap_or(hz)
}

/// How many samples `heard` is behind `said`, up to `most`: the lag of the highest normalised correlation; and that.
pub(super) fn lag_of(said: &[f32], heard: &[f32], most: usize) -> (usize, f64) {
    // Every eighth sample of a smoothed signal first, then all around the best.
    let coarse = |s: &[f32]| -> Vec<f32> { s.chunks_exact(8).map(|c| c.iter().sum()).collect() };
    let (said8, heard8) = (coarse(said), coarse(heard));
    let (near, _) = best_lag(&said8, &heard8, 0, most / 8);
    best_lag(said, heard, (near * 8).saturating_sub(8), near * 8 + 8)
}

fn best_lag(said: &[f32], heard: &[f32], from: usize, to: usize) -> (usize, f64) {
    let likeness = |lag: usize| {
        let (mut product, mut a2, mut b2) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (a, b) in said.iter().zip(&heard[lag..]) {
            product += f64::from(a * b);
            a2 += f64::from(a * a);
            b2 += f64::from(b * b);
        }
        product / (a2 * b2).sqrt().max(1e-12)
    };
    let lags = (from..=to.min(heard.len() - 1)).map(|lag| (lag, likeness(lag)));
    lags.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

#[test]
fn the_ears_hear_a_click_a_gap_and_a_wrong_pitch() {
    let tone = super::sim::tone(440.0, 0.3, 1.0, 1);
    assert_no_click(&tone);
    assert_eq!(longest_gap_ms(&tone, 0.01), 0);
    assert!((pitch_near(&tone, 440.0) - 440.0).abs() < 1.0);
    assert!((pitch_near(&super::sim::tone(445.0, 0.3, 1.0, 1), 440.0) - 445.0).abs() < 1.5);

    let mut broken = tone.clone();
    broken.drain(10_000..10_030);
    assert!(roughest(&broken).1 > 0.05);
    let mut holed = tone.clone();
    holed[20_000..22_400].fill(0.0);
    assert!(longest_gap_ms(&holed, 0.01) >= 45);

    let noise: Vec<f32> = (0..24_000_u32)
        .map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7 - 0.8)
        .collect();
    let mut heard = vec![0.0; 777];
    heard.extend_from_slice(&noise);
    assert_eq!(lag_of(&noise[..20_000], &heard, 2_000).0, 777);
}

#[test]
fn the_ears_hear_a_click_in_speech() {
    for clip in ["jfk_male.wav", "libri103_female.wav", "libri26_male.wav", "libri40_female.wav"] {
        let said = super::sim::speech(clip);
        let (mut cut, mut heard, mut loud) = (0, 0, 0);
        println!("{clip}: {:?}", loneliest(&said));
        for at in (24_000..said.len() - 24_000).step_by(12_000) {
            let mut broken = said[at - 12_000..at + 12_000].to_vec();
            let step = (broken[12_000] - broken[12_240]).abs();
            broken.drain(12_000..12_240);
            cut += 1;
            if step > 0.02 {
                loud += 1;
                heard += usize::from(loneliest(&broken).1 > LONELY);
            }
        }
        println!("{clip}: {heard} of {loud} steps of {cut}");
        assert_no_click_in_speech(&said, clip);
    }
}
