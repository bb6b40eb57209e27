//! The example `process`, over files as a user has them.
#![allow(clippy::unwrap_used)]

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const RATE: usize = 48_000;
/// From what the speaker plays to its echo: 80 ms.
const DELAY: usize = 3_840;

/// The built example.
fn process() -> PathBuf {
    // A test runs in target/release/deps, an example in target/release/examples.
    let this = env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("examples/process");
    assert!(path.is_file(), "process is not built; run `cargo build --release --examples`");
    path
}

fn run(mic: &Path, far: &Path, out: &Path, options: &[&str]) -> Output {
    let files = [("--mic", mic), ("--far", far), ("--out", out)];
    let mut command = Command::new(process());
    for (name, path) in files {
        command.arg(name).arg(path);
    }
    command.args(options).output().unwrap()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("express-process-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn speech() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/speech/libri26_male.wav")
}

/// What a microphone hears of that speech 80 ms later, in 16 bit.
fn write_echo(path: &Path) -> Vec<f32> {
    let mut speech = hound::WavReader::open(speech()).unwrap();
    let said = speech.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0);
    let echo: Vec<f32> = std::iter::repeat_n(0.0, DELAY)
        .chain(said.map(|sample| 0.5 * sample))
        .collect();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in &echo {
        writer.write_sample((sample * 32_767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    echo
}

/// By how many dB what was written is weaker than the echo over seconds 2 to 8.
fn reduction_db(echo: &[f32], out: &Path) -> f32 {
    let samples: Vec<f32> = hound::WavReader::open(out)
        .unwrap()
        .samples::<f32>()
        .map(Result::unwrap)
        .collect();
    let energy = |samples: &[f32]| samples[2 * RATE..8 * RATE].iter().map(|s| s * s).sum::<f32>();
    10.0 * (energy(echo) / energy(&samples).max(1e-9)).log10()
}

#[test]
fn the_chain_that_ships_takes_an_echo_out_of_a_file_and_leaves_it_where_that_is_asked_for() {
    let folder = Folder::new("echo");
    let (mic, out) = (folder.0.join("mic.wav"), folder.0.join("clean.wav"));
    let echo = write_echo(&mic);
    for options in [&[][..], &["--ai-denoise"], &["--no-ans", "--no-agc"]] {
        let ran = run(&mic, &speech(), &out, options);
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert!(told.contains("   8 s") && told.contains("0 faults"), "{told}");
        let reduction = reduction_db(&echo, &out);
        assert!(reduction >= 33.0, "{options:?}: {reduction:.1} dB");
    }
    run(&mic, &speech(), &out, &["--no-aec", "--no-ans", "--no-agc"]);
    let reduction = reduction_db(&echo, &out);
    assert!(reduction.abs() < 1.0, "{reduction:.1} dB");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new("missing");
    let out = folder.0.join("clean.wav");
    let ran = run(&folder.0.join("nothing.wav"), &speech(), &out, &[]);
    assert!(!ran.status.success() && !out.exists());
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(told.contains("nothing.wav"), "{told}");
}
