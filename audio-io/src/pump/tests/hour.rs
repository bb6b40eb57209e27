//! An hour of virtual time with a microphone and a speaker whose clocks are 300 ppm off, one fast and one slow, and whose
//! callbacks come up to 8 ms late.

use std::f64::consts::TAU;

use super::*;

const HOUR: u32 = 360_000;
/// Ticks in which the pump may find out how late the devices are: 5 s.
const FOUND: u32 = 500;
/// When everything has settled, in seconds.
const SETTLED: usize = 60;
/// A tone whose period is longer than the delay, which so is its phase.
const TONE_HZ: f64 = 5.0;
const MS_PER_TURN: f64 = 1_000.0 / TONE_HZ;
const PERIOD_S: f64 = 0.02;
const FRAMES: usize = 960;

/// A sine by a rotation for each sample.
struct Phasor {
    now: (f64, f64),
    step: (f64, f64),
}

impl Phasor {
    /// [`TONE_HZ`] on the true clock, sampled by one that is `ppm` fast.
    fn new(ppm: f64) -> Self {
        let step = TAU * TONE_HZ / (f64::from(RATE) * (1.0 + ppm * 1e-6));
        Self {
            now: (1.0, 0.0),
            step: (step.cos(), step.sin()),
        }
    }

    fn next(&mut self) -> (f64, f64) {
        let (a, b) = (self.now, self.step);
        // Renormalised, as an hour of roundings would otherwise be heard.
        let (re, im) = (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
        let scale = 1.5 - 0.5 * (re * re + im * im);
        self.now = (re * scale, im * scale);
        a
    }
}

/// When the callbacks of a device come.
struct Callbacks {
    ppm: f64,
    count: u32,
    seed: u64,
}

impl Callbacks {
    fn new(ppm: f64, seed: u64) -> Self {
        Self { ppm, count: 0, seed }
    }

    /// Whether the next one has come at `now`, in s: by its own clock, and late by as much as chance says.
    fn come(&mut self, now: f64) -> bool {
        let due = f64::from(self.count) * PERIOD_S / (1.0 + self.ppm * 1e-6);
        let comes = due + 0.008 * chance(self.seed, self.count) <= now;
        self.count += u32::from(comes);
        comes
    }
}

/// 0..1, the same for the same arguments (splitmix64).
fn chance(seed: u64, n: u32) -> f64 {
    let mut x = seed.wrapping_add(u64::from(n)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// What was heard in each second.
#[derive(Default)]
struct Seconds {
    delays_ms: Vec<f64>,
    /// How far each ring stood from its target, in ms: microphone, speaker.
    off_ms: Vec<[f64; 2]>,
    steepest: f32,
}

/// So many ticks with both clocks off by so much, in ppm.
fn hear(ticks: u32, mic_ppm: f64, speaker_ppm: f64) -> Seconds {
    let mut bench = Bench::new();
    let mut speaker = bench.speaker(RATE);
    let mono = DeviceFormat {
        channels: 1,
        ..format(RATE)
    };
    let (mut microphone, port) = input_port(mono);
    let mic = MicId(1);
    bench
        .port
        .send(PumpCommand::AddMic(Box::new(MicInput::new(mic, port, false).unwrap())));
    let local = LocalStreamId(1);
    let stream = LocalStream::new(local, Some(Capture::of_mic(mic, 1)), 1);
    bench.port.send(PumpCommand::AddLocal(Box::new(stream)));
    bench.port.send(PumpCommand::SetMonitor(local, 1.0));
    bench.port.send(PumpCommand::SetOutput(Audible::Local(local), SPEAKER));

    let (mut said, mut reference) = (Phasor::new(mic_ppm), Phasor::new(speaker_ppm));
    let (mut mic_calls, mut speaker_calls) = (Callbacks::new(mic_ppm, 1), Callbacks::new(speaker_ppm, 2));
    let mut seconds = Seconds::default();
    let (mut samples, mut out) = (vec![0.0f32; FRAMES], vec![0.0f32; 2 * FRAMES]);
    let (mut re, mut im, mut callbacks, mut last) = (0.0, 0.0, 0, 0.0f32);
    let start = bench.now;
    let dry = |microphone: &InputCallback, speaker: &OutputCallback| {
        [microphone.health(), speaker.health()].map(|health| health.ring().underruns())
    };
    let mut dry_at_first = [0; 2];
    for tick in 0..ticks {
        if tick == FOUND {
            dry_at_first = dry(&microphone, &speaker);
        }
        // The pump wakes up to 2 ms late.
        let now = f64::from(tick) * 0.01 + 0.002 * chance(3, tick);
        while mic_calls.come(now) {
            samples.fill_with(|| (0.5 * said.next().1) as f32);
            microphone.take(&samples);
        }
        while speaker_calls.come(now) {
            speaker.fill(&mut out);
            for frame in out.chunks_exact(2) {
                let (cos, sin) = reference.next();
                re += f64::from(frame[0]) * sin;
                im += f64::from(frame[0]) * cos;
                if seconds.delays_ms.len() >= SETTLED {
                    seconds.steepest = seconds.steepest.max((frame[0] - last).abs());
                }
                last = frame[0];
            }
            callbacks += 1;
            // A second by the speaker's clock.
            if callbacks == 50 {
                seconds.delays_ms.push((-im.atan2(re) / TAU).rem_euclid(1.0) * MS_PER_TURN);
                let off = [microphone.health(), speaker.health()]
                    .map(|health| (f64::from(health.measured().ring_fill()) - f64::from(health.measured().ring_target())) / 48.0);
                seconds.off_ms.push(off);
                (re, im, callbacks) = (0.0, 0.0, 0);
            }
        }
        bench.now = start + Duration::from_secs_f64(now);
        bench.core.tick(bench.now);
    }
    // So much jitter is found out by a gap.
    assert!(
        dry_at_first.iter().all(|gaps| *gaps <= 1),
        "microphone and speaker in the first 5 s: {dry_at_first:?}"
    );
    assert_eq!(dry(&microphone, &speaker), dry_at_first, "a ring ran dry after the first 5 s");
    assert_eq!(microphone.health().ring().overrun_frames(), 0);
    seconds
}

fn is_without_a_fault(ticks: u32, mic_ppm: f64, speaker_ppm: f64) {
    let heard = hear(ticks, mic_ppm, speaker_ppm);
    let settled = &heard.delays_ms[SETTLED..];
    assert!(
        settled.len() > ticks as usize / 100 - SETTLED - 5,
        "{} seconds",
        settled.len()
    );
    let mut sorted = settled.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    let means = |which: usize| heard.off_ms[SETTLED..].iter().map(move |off| off[which]);
    let extremes = |which: usize| means(which).fold((f64::MAX, f64::MIN), |(low, high), off| (low.min(off), high.max(off)));
    let (mic, speaker) = (extremes(0), extremes(1));
    println!(
        "{mic_ppm:+} and {speaker_ppm:+} ppm: delay {median:.1} ms, {least:.1} to {most:.1}; ring against target: microphone {:.1} to {:.1}, \
         speaker {:.1} to {:.1} ms; steepest step {:.6}",
        mic.0, mic.1, speaker.0, speaker.1, heard.steepest
    );
    assert!(
        median - least < 5.0 && most - median < 5.0,
        "{least:.1} {median:.1} {most:.1} ms"
    );
    // A click would be a step; that of the tone itself is 0.000 33.
    assert!(heard.steepest < 0.000_4, "{}", heard.steepest);
}

#[test]
fn an_hour_with_a_slow_microphone_and_a_fast_speaker_has_no_gap_no_click_and_one_delay() {
    is_without_a_fault(HOUR, -300.0, 300.0);
}

#[test]
fn clocks_that_are_off_the_other_way_or_the_same_way_are_followed_as_well() {
    for (mic_ppm, speaker_ppm) in [(300.0, -300.0), (300.0, 300.0), (-300.0, -300.0)] {
        is_without_a_fault(HOUR / 20, mic_ppm, speaker_ppm);
    }
}
