//! A real sound daemon in place of a sound card: PulseAudio with a speaker and a microphone that tests play to, listen at, and
//! pull out.

use std::{
    io::Read,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::scores::output;

const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/start_pulse.sh");
const RATE: f64 = 48_000.0;

/// A private PulseAudio with a speaker and a microphone, ended when dropped.
#[derive(Debug)]
pub struct Pulse {
    environment: (String, String),
    pid: String,
}

/// A device that was pulled out, and how to plug it in again.
#[derive(Debug)]
pub struct Unplugged {
    module: String,
    arguments: String,
}

impl Pulse {
    /// Starts a daemon whose files are in `folder`.
    ///
    /// # Panics
    /// Where there is no `pulseaudio`: `tests/tools/setup.sh test` installs it.
    pub fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        let started = Command::new(START).arg(folder).output().expect("the script runs");
        let text = String::from_utf8_lossy(&started.stdout).into_owned();
        let server = text.trim().strip_prefix("PULSE_SERVER=");
        let server = server.unwrap_or_else(|| panic!("no sound daemon: {text}{}", String::from_utf8_lossy(&started.stderr)));
        let pid = std::fs::read_to_string(folder.join("pa.pid")).expect("the script leaves the daemon's id");
        Self {
            environment: ("PULSE_SERVER".into(), server.into()),
            pid: pid.trim().into(),
        }
    }

    /// What a process needs in its environment to use this daemon.
    pub fn environment(&self) -> (String, String) {
        self.environment.clone()
    }

    /// Plays a WAV file into the microphone.
    pub fn say(&self, wav: &Path) -> Tool {
        let mut paplay = self.command("paplay");
        paplay.arg("--device=test_microphone_feed").arg(wav).stdout(Stdio::null());
        Tool(paplay.spawn().expect("pulseaudio-utils are installed"))
    }

    /// Records what the speaker plays.
    pub fn listen(&self) -> Recorder {
        self.record("test_speaker.monitor")
    }

    /// Records what the microphone hears.
    pub fn listen_to_microphone(&self) -> Recorder {
        self.record("test_microphone_feed.monitor")
    }

    fn record(&self, source: &str) -> Recorder {
        let mut parec = self.command("parec");
        parec.args(["--raw", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20"]);
        let parec = parec.arg(format!("--device={source}")).stdout(Stdio::piped());
        let mut child = parec.spawn().expect("pulseaudio-utils are installed");
        let stdout = child.stdout.take().expect("it is piped");
        Recorder {
            tool: Tool(child),
            reader: std::thread::spawn(move || Recording::read(stdout)),
        }
    }

    /// Pulls out the device of this name (`test_speaker`, `test_microphone`).
    ///
    /// # Panics
    /// Where it is not there.
    pub fn unplug(&self, device: &str) -> Unplugged {
        let modules = output(self.command("pactl").args(["list", "short", "modules"]));
        let is_it = |arguments: &str| {
            arguments
                .split(' ')
                .any(|argument| argument.ends_with(&format!("_name={device}")))
        };
        let line = modules
            .lines()
            .find(|line| is_it(line.split('\t').nth(2).unwrap_or_default()));
        let mut fields = line.unwrap_or_else(|| panic!("no {device} in {modules}")).split('\t');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        let (index, module, arguments) = (field(), field(), field());
        output(self.command("pactl").args(["unload-module", &index]));
        Unplugged { module, arguments }
    }

    /// Plugs in what was pulled out.
    pub fn plug(&self, device: &Unplugged) {
        let mut pactl = self.command("pactl");
        output(pactl.args(["load-module", &device.module]).args(device.arguments.split(' ')));
    }

    /// How many connections the daemon has, that of the question among them; it takes 64.
    pub fn connections(&self) -> usize {
        output(self.command("pactl").args(["list", "short", "clients"]))
            .lines()
            .count()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        let (key, value) = &self.environment;
        command.env(key, value).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        // The daemon may have ended by itself.
        let _ = Command::new("kill").arg(&self.pid).status();
    }
}

/// A tool that is ended when dropped.
#[derive(Debug)]
pub struct Tool(Child);

impl Tool {
    /// Waits for its end.
    pub fn finish(mut self) {
        // One that is gone has ended.
        let _ = self.0.wait();
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A recording that goes on.
#[derive(Debug)]
pub struct Recorder {
    tool: Tool,
    reader: JoinHandle<Recording>,
}

impl Recorder {
    /// What was heard until now, or until its device was pulled out.
    pub fn stop(self) -> Recording {
        drop(self.tool);
        self.reader.join().expect("the reader does not panic")
    }
}

/// What was recorded.
#[derive(Debug)]
pub struct Recording {
    /// Mono at 48 kHz.
    pub samples: Vec<f32>,
    /// When its first sample was recorded: the least delay of all that was read counts.
    pub began: Instant,
}

impl Recording {
    fn read(mut from: ChildStdout) -> Self {
        let (mut bytes, mut began) = (Vec::new(), None::<Instant>);
        let mut buffer = [0; 16_384];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
            let length = Duration::from_secs_f64(bytes.len() as f64 / 2.0 / RATE);
            let at = Instant::now()
                .checked_sub(length)
                .expect("the clock is older than the recording");
            began = Some(began.map_or(at, |before| before.min(at)));
        }
        let pairs = bytes.chunks_exact(2);
        Self {
            samples: pairs
                .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
                .collect(),
            began: began.unwrap_or_else(Instant::now),
        }
    }

    /// When the sample at so many milliseconds was recorded.
    pub fn at_ms(&self, ms: f64) -> Instant {
        self.began + Duration::from_secs_f64(ms.max(0.0) / 1_000.0)
    }

    /// When something was heard for the first time from `since` on.
    pub fn first_sound_since(&self, since: Instant) -> Option<Instant> {
        let skip = (since.saturating_duration_since(self.began).as_secs_f64() * RATE) as usize;
        let heard = self.samples.iter().skip(skip).position(|sample| sample.abs() > 0.02)?;
        Some(self.at_ms((skip + heard) as f64 * 1_000.0 / RATE))
    }
}
