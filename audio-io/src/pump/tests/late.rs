//! Devices that come late and then all at once, as sound servers on a busy machine do.

use super::*;

/// The steepest step of a 500 Hz tone of 0.5 is 0.033, and what fades beside it adds a little; a cut would be one of up to 0.5.
const SMOOTH: f32 = 0.045;

#[test]
fn a_speaker_that_asks_for_three_periods_at_once_is_met_with_a_fade_and_the_next_time_with_sound() {
    let mut bench = Bench::new();
    let mut speaker = bench.speaker(RATE);
    bench.play(1, 1.0, tone(500.0, 0.5));
    bench.listen(&mut speaker, RATE, 400);
    let mut missing = Vec::new();
    for _ in 0..3 {
        let mut heard = Vec::new();
        for _ in 0..3 {
            let mut out = vec![0.0f32; 1_920];
            speaker.fill(&mut out);
            heard.extend(out.chunks_exact(2).map(|frame| frame[0]));
        }
        heard.extend(bench.listen(&mut speaker, RATE, 1_000));
        assert!(steepest(&heard) < SMOOTH, "{}", steepest(&heard));
        missing.push(speaker.health().ring().underruns());
    }
    assert!(missing[0] > 0, "more than the ring holds without a warning");
    assert_eq!(missing[1..], [missing[0]; 2]);
    let prepared = speaker.health().measured().ring_target();
    bench.listen(&mut speaker, RATE, 31_000);
    let quiet = speaker.health().measured().ring_target();
    assert!(prepared >= 3 * 960 && quiet == 1_440, "{prepared}, then {quiet}");
}

#[test]
fn a_microphone_that_comes_late_is_captured_with_a_fade_and_the_next_time_without_a_gap() {
    let mut bench = Bench::new();
    let (mic, mut callback) = bench.mic(RATE);
    let local = LocalStreamId(1);
    let stream = LocalStream::new(local, Some(Capture::of_mic(mic, 1)), 1);
    bench.port.send(PumpCommand::AddLocal(Box::new(stream)));
    let heard = bench.tap(SinkPlace::Local(local));
    let mut phase = 0.0f64;
    let mut say = |callback: &mut InputCallback| {
        let samples: Vec<f32> = (0..960)
            .flat_map(|_| {
                phase += std::f64::consts::TAU * 500.0 / f64::from(RATE);
                [(phase.sin() * 0.5) as f32; 2]
            })
            .collect();
        callback.take(&samples);
    };
    let mut gaps = Vec::new();
    for _ in 0..3 {
        for _ in 0..250 {
            say(&mut callback);
            bench.tick(10);
            bench.tick(10);
        }
        // 60 ms late.
        (0..6).for_each(|_| {
            bench.tick(10);
        });
        (0..3).for_each(|_| say(&mut callback));
        gaps.push(callback.health().ring().underruns());
    }
    assert_eq!(gaps, [1, 1, 1]);
    assert!(steepest(&heard.samples()) < SMOOTH, "{}", steepest(&heard.samples()));
}
