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

/// So much sharper than everything around it a bend stands alone.
const LONELY: f32 = 4.0;

/// Where bends stand alone, and how much sharper they are than everything within 13 ms before and after: in speech sharp bends
/// come in company (pulses, bursts, hiss), a click has none.
pub(super) fn lonely_bends(samples: &[f32]) -> Vec<(usize, f32)> {
    let bends = samples.windows(4).map(|w| (w[0] - 3.0 * w[1] + 3.0 * w[2] - w[3]).abs());
    let bends: Vec<f32> = bends.collect();
    let sharpest = |bends: &[f32]| bends.iter().fold(0.0_f32, |most, bend| most.max(*bend));
    let cells: Vec<f32> = bends.chunks(CELL).map(sharpest).collect();
    let times = |n: usize| {
        let before = &cells[n.saturating_sub(NEIGHBOURS)..n.saturating_sub(1)];
        let after = cells.get(n + 2..(n + 2 + NEIGHBOURS).min(cells.len())).unwrap_or_default();
        cells[n] / (sharpest(before).max(sharpest(after)) + FAINT)
    };
    let all = (0..cells.len()).map(|n| (n * CELL, times(n)));
    all.filter(|(_, times)| *times > LONELY).collect()
}

/// Speech has clicks of its own, of lips and of old recordings: what is heard has no others than its `original`, which is at most
/// half a second from it, but for the `later` seconds by which it may have been held up.
pub(super) fn new_clicks(heard: &[f32], original: &[f32], later: f64) -> Vec<(usize, f32)> {
    let known = lonely_bends(original);
    let mut clicks = lonely_bends(heard);
    clicks.retain(|(at, times)| {
        let is_near = |other: f64| (*at as f64 - other).abs() < 24_000.0;
        !known.iter().any(|(other, others)| {
            let other = *other as f64;
            2.0 * others > *times && (is_near(other) || is_near(other + later * 48_000.0))
        })
    });
    clicks
}

/// Nothing that was heard clicks where the `original` does not.
pub(super) fn assert_no_new_click(heard: &[f32], original: &[f32], later: f64, what: &str) {
    let clicks = new_clicks(heard, original, later);
    assert!(
        clicks.is_empty(),
        "{what}: clicks (sample, times as sharp as all around) {clicks:?}"
    );
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
    for clip in [
        "jfk_male.wav",
        "libri103_female.wav",
        "libri26_male.wav",
        "libri40_female.wav",
    ] {
        let said = super::sim::speech(clip);
        let (mut heard, mut clicks) = (0, 0);
        for at in (24_000..said.len() - 24_000).step_by(6_000) {
            let original = &said[at - 12_000..at + 12_000];
            let mut broken = original.to_vec();
            broken.drain(12_000..12_240);
            // Where both ends happen to meet there is no click.
            if (original[12_000] - original[12_240]).abs() > 0.03 {
                clicks += 1;
                heard += usize::from(!new_clicks(&broken, original, 0.0).is_empty());
            }
        }
        println!("{clip}: {heard} of {clicks} clicks");
        assert!(clicks > 5 && heard * 10 >= clicks * 7, "{clip}: {heard} of {clicks}");
        assert_no_new_click(&said, &said, 0.0, clip);
    }
}
