//! What a caller notices of the chain when its input, its parts or its configuration change.

use std::path::Path;

use express_messages::audio::BLOCK_FRAMES;

use super::*;
use crate::{WavBlocks, hearing::rms};

/// Blocks between what is played and its echo: 50 ms.
const ECHO_BLOCKS: usize = 5;

fn speech() -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/speech/libri26_male.wav");
    let blocks = WavBlocks::open(&path).unwrap();
    blocks.flat_map(|block| block.samples().to_vec()).collect()
}

fn mono(samples: &[f32]) -> AudioBlock {
    let mut block = AudioBlock::silent(1);
    block.samples_mut()[..samples.len()].copy_from_slice(samples);
    block
}

fn db(ratio: f32) -> f32 {
    20.0 * ratio.max(1e-9).log10()
}

/// A chain whose speaker plays speech into its microphone.
struct Desk {
    chain: VoiceChain,
    played: Vec<AudioBlock>,
    at: usize,
}

impl Desk {
    fn new(config: VoiceConfig) -> Self {
        let played = speech().chunks_exact(BLOCK_FRAMES).map(mono).collect();
        Self {
            chain: VoiceChain::new(config, 1),
            played,
            at: 0,
        }
    }

    fn heard(&self) -> AudioBlock {
        let mut echo = self
            .at
            .checked_sub(ECHO_BLOCKS)
            .map_or_else(|| mono(&[]), |from| self.played[from].clone());
        echo.scale(0.5);
        echo
    }

    /// The next block out of the chain.
    fn step(&mut self) -> AudioBlock {
        let mut block = self.heard();
        self.chain.render(&self.played[self.at]);
        self.chain.capture(&mut block);
        self.at += 1;
        block
    }

    /// By how much the echo is down over the next blocks.
    fn reduction_db(&mut self, blocks: usize) -> f32 {
        let (mut heard, mut out) = (Vec::new(), Vec::new());
        for _ in 0..blocks {
            heard.extend_from_slice(self.heard().samples());
            out.extend_from_slice(self.step().samples());
        }
        db(rms(&heard) / rms(&out).max(1e-9))
    }
}

/// Makes the canceller swallow what poisons it for good.
fn poison(chain: &mut VoiceChain) {
    chain.echo.touch(|echo| {
        let mut block = Planes::silent(1);
        block.planes_mut()[0].fill(f32::NAN);
        echo.process(&mut block)
    });
}

#[test]
fn an_echo_is_cancelled_again_after_the_canceller_was_poisoned_and_no_block_is_missing() {
    let mut desk = Desk::new(VoiceConfig::default());
    desk.reduction_db(200);
    assert!(desk.reduction_db(100) > 30.0);
    poison(&mut desk.chain);
    let report = desk.chain.report();
    let mut blocks = 0;
    while report.read().faults == 0 && blocks < 10 {
        let loudness = desk.step().peak();
        assert!(loudness.is_finite() && loudness <= 1.0);
        blocks += 1;
    }
    assert_eq!(report.read().faults, 1, "noticed after {blocks} blocks");
    desk.reduction_db(150);
    let reduction = desk.reduction_db(100);
    assert!(reduction > 30.0, "{reduction} dB");
    assert_eq!(report.read().faults, 1);
}

#[test]
fn whatever_comes_in_what_comes_out_is_finite_and_within_full_scale() {
    let square = |i: usize| if (i / 50).is_multiple_of(2) { 1.0 } else { -1.0 };
    let waves: [&dyn Fn(usize) -> f32; 9] = [
        &|_| f32::NAN,
        &|_| f32::INFINITY,
        &|i| if i % 7 == 0 { f32::NEG_INFINITY } else { 0.1 },
        &|_| f32::MIN_POSITIVE / 8.0,
        &|_| 1.0,
        &square,
        &|i| 1e30 * square(i),
        &|_| f32::MAX,
        &|_| 0.0,
    ];
    let ai = VoiceConfig {
        ai_denoise: Some(AiDenoiseMode::AiBalanced),
        ..VoiceConfig::default()
    };
    for (config, channels) in [
        (VoiceConfig::default(), 1),
        (ai, 1),
        (VoiceConfig::default(), 2),
        (VoiceConfig::OFF, 2),
    ] {
        let mut chain = VoiceChain::new(config, channels);
        for (number, wave) in waves.iter().enumerate() {
            for _ in 0..20 {
                let mut block = AudioBlock::silent(channels);
                block.samples_mut().iter_mut().enumerate().for_each(|(i, s)| *s = wave(i));
                // What is played may be as bad.
                chain.render(&block);
                chain.capture(&mut block);
                let safe = block.samples().iter().all(|s| s.is_finite() && s.abs() <= 1.0);
                assert!(safe, "wave {number} of {config:?}");
            }
        }
        let statistics = chain.report().read();
        assert_eq!(statistics.faults, 0, "{config:?}");
        let bad = (20 * BLOCK_FRAMES * channels) as u64;
        assert!(statistics.non_finite_samples >= 2 * bad, "{}", statistics.non_finite_samples);
    }
}

#[test]
fn turning_noise_suppression_and_gain_on_and_off_leaves_the_echo_cancelled() {
    let mut desk = Desk::new(VoiceConfig::default());
    desk.reduction_db(300);
    let changes = [
        VoiceConfig {
            ans: false,
            ..VoiceConfig::default()
        },
        VoiceConfig {
            agc: false,
            ..VoiceConfig::default()
        },
        VoiceConfig {
            ai_denoise: Some(AiDenoiseMode::Ai),
            ..VoiceConfig::default()
        },
        VoiceConfig::default(),
    ];
    for config in changes {
        desk.chain.configure(config);
        let reduction = desk.reduction_db(100);
        assert!(reduction > 25.0, "{reduction} dB right after {config:?}");
    }
    desk.chain.configure(VoiceConfig {
        aec: false,
        ans: false,
        ..VoiceConfig::default()
    });
    assert!(desk.reduction_db(100) < 6.0, "an echo is heard where AEC is off");
}

#[test]
fn changes_while_a_tone_is_heard_do_not_click() {
    let steps = |config: &dyn Fn(usize) -> VoiceConfig| {
        let mut chain = VoiceChain::new(config(0), 1);
        let (mut last, mut steepest) = (0.0f32, 0.0f32);
        for number in 0..400 {
            let tone = |i: usize| 0.2 * (std::f32::consts::TAU * 300.0 * (number * BLOCK_FRAMES + i) as f32 / 48_000.0).sin();
            let mut block = mono(&std::array::from_fn::<_, BLOCK_FRAMES, _>(tone));
            chain.configure(config(number));
            chain.render(&AudioBlock::silent(2));
            chain.capture(&mut block);
            for sample in block.samples() {
                // The first half second is the beginning of the sound, not a change.
                if number >= 50 {
                    steepest = steepest.max((sample - last).abs());
                }
                last = *sample;
            }
        }
        steepest
    };
    let toggled = |number: usize| VoiceConfig {
        aec: (number / 40).is_multiple_of(2),
        ans: (number / 50).is_multiple_of(2),
        agc: (number / 60).is_multiple_of(2),
        ai_denoise: (!(number / 70).is_multiple_of(2)).then_some(AiDenoiseMode::Ai),
        high_pass: (number / 80).is_multiple_of(2),
    };
    let tone_itself = 0.2 * std::f32::consts::TAU * 300.0 / 48_000.0;
    let steepest = steps(&toggled);
    assert!(
        steepest < 2.5 * tone_itself,
        "{steepest} where the tone itself has {tone_itself}"
    );
}

#[test]
fn quiet_speech_is_brought_up_and_loud_speech_left_alone() {
    let level_of = |dbfs: f32| {
        let speech = speech();
        let gain = 10f32.powf(dbfs / 20.0) / rms(&speech);
        let mut chain = VoiceChain::new(VoiceConfig::default(), 1);
        let mut out = Vec::new();
        for _ in 0..2 {
            for chunk in speech.chunks_exact(BLOCK_FRAMES) {
                let mut block = mono(chunk);
                block.scale(gain);
                chain.capture(&mut block);
                out.extend_from_slice(block.samples());
            }
        }
        assert!(out.iter().all(|s| s.abs() < 1.0), "clipped at {dbfs} dBFS");
        db(rms(&out[out.len() / 2..]))
    };
    // Its peaks are 20 dB higher.
    let (quiet, loud) = (level_of(-35.0), level_of(-22.0));
    println!("-35 dBFS becomes {quiet:.1}, -22 dBFS becomes {loud:.1}");
    assert!(quiet > -29.0, "{quiet}");
    assert!((loud + 22.0).abs() < 3.0, "{loud}");
}

#[test]
fn speech_is_told_to_be_likely_and_silence_is_not() {
    let mut chain = VoiceChain::new(VoiceConfig::default(), 1);
    let mut likely = |samples: &[f32]| {
        chain.capture(&mut mono(samples));
        chain.report().read().speech_probability >= 0.5
    };
    let speech = speech();
    let told = speech.chunks_exact(BLOCK_FRAMES).filter(|chunk| likely(chunk)).count();
    let all = speech.len() / BLOCK_FRAMES;
    // A third of it is pauses between syllables.
    assert!(told * 2 > all, "{told} of {all}");
    let told = (0..100).filter(|_| likely(&[])).count();
    assert!(told < 20, "{told} of 100");
}

#[test]
fn a_block_of_other_channels_is_converted_to_those_of_the_chain() {
    let mut chain = VoiceChain::new(VoiceConfig::OFF, 2);
    let mut block = mono(&[0.25; BLOCK_FRAMES]);
    chain.capture(&mut block);
    assert_eq!(block.channels(), 2);
    assert!(block.samples().iter().all(|s| (s - 0.25).abs() < 1e-3));
}
