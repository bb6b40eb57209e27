//! The voice chain that ships, over files: for tuning, and to hear what it does.
//!
//! `cargo run --release --example process -- --mic mic.wav --far far.wav --out clean.wav`
//!
//! Prints a line for each second (how much weaker the sound left the chain, levels before and after, what the canceller
//! reports) and how long a block of 10 ms took.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use express_audio_io::{
    WavBlocks,
    processing::{VoiceChain, VoiceReport},
};
use express_messages::{
    audio::{AudioBlock, SAMPLE_RATE},
    voice::{AiDenoiseMode, VoiceConfig},
};

/// Any WAV of 8 to 192 kHz is read; 48 kHz, 32 bit float is written.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the microphone heard
    #[arg(long)]
    mic: PathBuf,
    /// What the speaker played meanwhile; silence without it
    #[arg(long)]
    far: Option<PathBuf>,
    /// Where to write what would be sent
    #[arg(long)]
    out: PathBuf,
    /// Leave echo in
    #[arg(long)]
    no_aec: bool,
    /// Leave noise in
    #[arg(long)]
    no_ans: bool,
    /// Leave the level as it is
    #[arg(long)]
    no_agc: bool,
    /// Take noise out by a neural network
    #[arg(long)]
    ai_denoise: bool,
    /// At most 12 dB of it (with --ai-denoise)
    #[arg(long, requires = "ai_denoise")]
    balanced: bool,
}

impl Arguments {
    fn config(&self) -> VoiceConfig {
        let mode = if self.balanced {
            AiDenoiseMode::AiBalanced
        } else {
            AiDenoiseMode::Ai
        };
        VoiceConfig {
            aec: !self.no_aec,
            ans: !self.no_ans,
            agc: !self.no_agc,
            ai_denoise: self.ai_denoise.then_some(mode),
            high_pass: true,
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mic = WavBlocks::open(&arguments.mic)?;
    let mut far = arguments.far.as_deref().map(WavBlocks::open).transpose()?;
    let mut out = create(&arguments.out, mic.channels())?;
    let mut chain = VoiceChain::new(arguments.config(), mic.channels());
    let report = chain.report();
    let (mut times, mut second) = (Vec::new(), Second::default());
    for mut block in mic {
        let played = far.as_mut().and_then(Iterator::next).unwrap_or_else(|| AudioBlock::silent(2));
        second.before += energy(&block);
        let begun = Instant::now();
        chain.render(&played);
        chain.capture(&mut block);
        times.push(begun.elapsed());
        second.after += energy(&block);
        for sample in block.samples() {
            out.write_sample(*sample)?;
        }
        if times.len() % 100 == 0 {
            second.print(times.len() / 100, &report);
            second = Second::default();
        }
    }
    out.finalize()?;
    print_times(times, &report);
    Ok(())
}

fn create(path: &Path, channels: usize) -> Result<hound::WavWriter<std::io::BufWriter<std::fs::File>>, String> {
    let spec = hound::WavSpec {
        channels: channels as u16,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    hound::WavWriter::create(path, spec).map_err(|error| format!("{}: {error}", path.display()))
}

fn energy(block: &AudioBlock) -> f64 {
    let samples = block.samples();
    let finite = samples.iter().filter(|s| s.is_finite());
    finite.map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64
}

/// Mean energy of a second's blocks, times 100.
#[derive(Debug, Default)]
struct Second {
    before: f64,
    after: f64,
}

impl Second {
    fn print(&self, number: usize, report: &VoiceReport) {
        let db = |energy: f64| 10.0 * (energy / 100.0).max(1e-12).log10();
        let (before, after) = (db(self.before), db(self.after));
        let statistics = report.read();
        print!(
            "{number:4} s  before {before:6.1} dBFS  after {after:6.1} dBFS  down {:5.1} dB",
            before - after
        );
        if let (Some(delay), Some(left)) = (statistics.echo_delay_ms, statistics.residual_echo_likelihood) {
            print!("  echo delay {delay:3} ms, residual likelihood {left:.2}");
        }
        println!("  speech {:.2}", statistics.speech_probability);
    }
}

fn print_times(mut times: Vec<Duration>, report: &VoiceReport) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let statistics = report.read();
    println!(
        "{} blocks, time for 10 ms: median {} us, p99 {} us; {} faults, {} samples were not finite",
        times.len(),
        at(50).as_micros(),
        at(99).as_micros(),
        statistics.faults,
        statistics.non_finite_samples
    );
}
