//! Prints what the voice chain makes of echo in simulated rooms and what it costs for each 10 ms.
//!
//! `cargo run --release -p express-bench-voices`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use express_audio_io::processing::VoiceChain;
use express_bench_voices::{Fault, RATE, ROOMS, Talk, clip, cpu_time, echo_of, echo_reduction_db, process};
use express_messages::voice::{AiDenoiseMode, VoiceConfig};

/// Echo in simulated rooms, and time for each 10 ms.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the far end says
    #[arg(long, default_value = "tests/speech/libri26_male.wav")]
    far: PathBuf,
    /// Rounds of each configuration, turn by turn; 0: nothing is timed and no room shown, the files of `--out` alone are written
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Clips of what the near end says
    #[arg(long, default_value = "tests/speech")]
    near: PathBuf,
    /// Where to write what microphone and chain give, for `score.py`; nothing is written without it
    #[arg(long)]
    out: Option<PathBuf>,
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

fn run(arguments: &Arguments) -> Result<(), Fault> {
    let far = clip(&arguments.far)?;
    if let Some(out) = &arguments.out {
        write_talks(&arguments.near, &far, out)?;
    }
    if arguments.rounds == 0 {
        return Ok(());
    }
    echo_table(&far)?;
    time_table(&far, arguments.rounds)
}

/// Writes `CLIP.TALK.mic.wav` and what each chain makes of it, `CLIP.TALK.CHAIN.wav`.
fn write_talks(near: &Path, far: &[f32], out: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(out)?;
    for entry in std::fs::read_dir(near)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wav") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let said = clip(&path)?;
        let talks = [
            ("clean", Talk::clean(&said)),
            ("noise", Talk::noisy(&said)),
            ("double-dry", Talk::double(&said, far, ROOMS[0])?),
            ("double-wet", Talk::double(&said, far, ROOMS[8])?),
        ];
        for (talk, Talk { mic, played }) in talks {
            write(&out.join(format!("{name}.{talk}.mic.wav")), &mic)?;
            for (chain, config) in [("default", VoiceConfig::default()), ("ai", with_ai())] {
                let heard = process(config, 1, &mic, &played).samples;
                write(&out.join(format!("{name}.{talk}.{chain}.wav")), &heard)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, samples: &[f32]) -> Result<(), Fault> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    Ok(writer.finalize()?)
}

fn echo_table(far: &[f32]) -> Result<(), Fault> {
    println!("| room | echo down, s 2 to 8 | with AI denoise | delay found |\n|---|---|---|---|");
    for room in ROOMS {
        let mic = echo_of(&room.echo(far)?, &[]);
        let ai = process(with_ai(), 1, &mic, far);
        let default = process(VoiceConfig::default(), 1, &mic, far);
        let down = |samples: &[f32]| echo_reduction_db(&mic, samples, 2, 8);
        let delay = default.statistics.echo_delay_ms.unwrap_or_default();
        println!(
            "| {room} | {:.1} dB | {:.1} dB | {delay} ms |",
            down(&default.samples),
            down(&ai.samples)
        );
    }
    Ok(())
}

/// One after the other in each round, so that a busy machine is unjust to all alike.
fn time_table(far: &[f32], rounds: usize) -> Result<(), Fault> {
    let alone = VoiceConfig {
        aec: true,
        ..VoiceConfig::OFF
    };
    let configs = [
        ("mono: nothing (the floor)", VoiceConfig::OFF, 1),
        ("mono: AEC alone", alone, 1),
        ("mono: default", VoiceConfig::default(), 1),
        ("mono: with AI denoise", with_ai(), 1),
        ("stereo: default", VoiceConfig::default(), 2),
        ("stereo: with AI denoise", with_ai(), 2),
    ];
    let mic = echo_of(&ROOMS[3].echo(far)?, far);
    let mut best = configs.map(|_| None);
    for _ in 0..rounds {
        for ((_, config, channels), best) in configs.iter().zip(&mut best) {
            let taken = process(*config, *channels, &mic, far).quantiles();
            if best.is_none_or(|(median, _)| taken.median < median) {
                *best = Some((taken.median, taken.p99));
            }
        }
    }
    println!("\n| chain | median of CPU time for 10 ms | p99 | best of {rounds} rounds |\n|---|---|---|---|");
    for ((name, ..), (median, p99)) in configs.iter().zip(best.into_iter().flatten()) {
        println!("| {name} | {} us | {} us | |", median.as_micros(), p99.as_micros());
    }
    let built = (0..10 * rounds).map(|_| build_time()).max().unwrap_or_default();
    println!(
        "\nTurning all of it on at once, which builds each part, takes {} us at most.",
        built.as_micros()
    );
    Ok(())
}

/// How long the block in which everything is turned on is held up by that.
fn build_time() -> Duration {
    let mut chain = VoiceChain::new(VoiceConfig::OFF, 1);
    let begun = cpu_time();
    chain.configure(with_ai());
    cpu_time() - begun
}

fn with_ai() -> VoiceConfig {
    VoiceConfig {
        ai_denoise: Some(AiDenoiseMode::Ai),
        ..VoiceConfig::default()
    }
}
