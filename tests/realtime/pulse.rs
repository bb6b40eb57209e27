//! A real sound daemon in place of a sound card: from the microphone of one process to the speaker of another.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use express_examples::{hearing, wav};
use express_tests::{
    processes::{PATIENCE, Process, Server, example_arguments, program, work_folder},
    scores::{clip, mean_pesq, python},
};

const SPEECH: &str = "jfk_male";
const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/start_pulse.sh");

/// A private PulseAudio with a speaker and a microphone, ended when dropped.
struct Pulse {
    environment: (String, String),
    pid: String,
}

impl Pulse {
    fn start(folder: &Path) -> Self {
        let output = Command::new(START).arg(folder).output().expect("the script runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let server = text.trim().strip_prefix("PULSE_SERVER=");
        let server = server.unwrap_or_else(|| panic!("no sound daemon: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let pid = std::fs::read_to_string(folder.join("pa.pid")).expect("the script leaves the daemon's id");
        Self {
            environment: ("PULSE_SERVER".into(), server.into()),
            pid: pid.trim().into(),
        }
    }

    fn example(&self, name: &str, arguments: &[String], folder: &Path) -> Process {
        let log = folder.join(format!("{name}.log"));
        Process::start_in(
            &program(&format!("examples/{name}")),
            arguments,
            &log,
            std::slice::from_ref(&self.environment),
        )
    }

    fn tool(&self, name: &str, arguments: &[&str], output: Stdio) -> Killed {
        let mut command = Command::new(name);
        let (key, value) = &self.environment;
        command
            .args(arguments)
            .env(key, value)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null());
        Killed(command.spawn().expect("pulseaudio-utils are installed"))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        // The daemon may have ended by itself.
        let _ = Command::new("kill").arg(&self.pid).status();
    }
}

/// A tool that is ended when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A machine that stops for a moment is heard, too.
const TRIES: usize = 3;
/// The daemon wakes late at times on both sides, and rings that run empty are heard: clear speech, not the best.
const PESQ: f64 = 2.2;

#[test]
fn what_is_said_into_a_microphone_comes_out_of_the_speaker_of_another_process() {
    let folder = work_folder("pulse");
    let pulse = Pulse::start(&folder);
    let server = Server::start(&folder);
    let publisher = pulse.example("publish", &example_arguments(&server, "pulse", "alice", "mic", &[]), &folder);
    publisher.line("PUBLISHING", |line| line.contains("\"PUBLISHING\""));
    let python = python();
    let is_speech = (1..=TRIES).any(|attempt| {
        let heard = speak_and_record(&pulse, &server, &folder);
        let said = wav::read_mono(&clip(SPEECH)).unwrap();
        let result = hearing::compare(&said, &wav::read_mono(&heard).unwrap(), 5.0).expect("something came out of the speaker");
        let pesq = mean_pesq(&python, &[clip(SPEECH)], &heard);
        println!(
            "try {attempt} of {TRIES}, microphone to speaker: PESQ-WB {pesq:.2}, longest gap {:.0} ms in {:.1} s, correlation {:.3}",
            result.longest_gap_ms, result.compared_s, result.correlation
        );
        pesq >= PESQ
    });
    assert!(is_speech, "in no try PESQ-WB {PESQ} or better");
}

/// Speech into the microphone; what came out of the speaker meanwhile, as a WAV file.
fn speak_and_record(pulse: &Pulse, server: &Server, folder: &Path) -> PathBuf {
    let played = folder.join("played.wav");
    let play = ["--wav", played.to_str().unwrap(), "--speaker", "--seconds", "11"];
    let mut player = pulse.example("play", &example_arguments(server, "pulse", "bob", "mic", &play), folder);
    player.line("PLAYING", |line| line.contains("\"PLAYING\""));

    let raw = folder.join("speaker.raw");
    let recorder = pulse.tool(
        "parec",
        &[
            "--raw",
            "--device=test_speaker.monitor",
            "--rate=48000",
            "--channels=1",
            "--format=s16le",
        ],
        std::fs::File::create(&raw).unwrap().into(),
    );
    let said = clip(SPEECH);
    let speaker = pulse.tool(
        "paplay",
        &["--device=test_microphone_feed", said.to_str().unwrap()],
        Stdio::null(),
    );
    assert!(
        player.wait(PATIENCE + Duration::from_secs(11)).success(),
        "{}",
        player.log_text()
    );
    drop((speaker, recorder));

    let bytes = std::fs::read(&raw).unwrap();
    let samples: Vec<f32> = bytes
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
        .collect();
    let heard = folder.join("speaker.wav");
    wav::write_mono(&heard, &samples).unwrap();
    heard
}
