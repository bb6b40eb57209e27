//! A call between a machine behind a [firewall](crate::firewall) and one in the open, and what a fault between them costs:
//! how long each hears nothing, when the one inside learns of it, what the one outside sees.
//!
//! Both speak a tone without a pause, so whatever is silent in a recording is the fault's.

use std::{
    f32::consts::TAU,
    fmt,
    net::UdpSocket,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use express_examples::{hearing, wav};

use crate::{
    firewall::Inside,
    processes::{PATIENCE, Process, Server, example, example_arguments, park, program, work_folder},
};

const RATE: usize = 48_000;
/// Silence is counted in blocks of 10 ms.
const BLOCK: usize = RATE / 100;
/// Amplitude of the tone; what is ten times weaker is silence.
const LOUD: f32 = 0.3;
/// Before the fault: a client that just connected still tries its addresses.
const SETTLED: Duration = Duration::from_secs(3);
const HZ: f32 = 440.0;
const ROOM: &str = "faults";

/// What a fault did.
#[derive(Debug, Clone)]
pub struct Damage {
    /// What happened.
    pub fault: String,
    /// How long it lasted; zero for what happens in an instant.
    pub lasted: Duration,
    /// Silence in what the machine inside heard.
    pub inside_heard_nothing: Duration,
    /// Silence in what the machine outside heard.
    pub outside_heard_nothing: Duration,
    /// From the fault to RECONNECTING inside; none where it was not told.
    pub reconnecting: Option<Duration>,
    /// From the fault to RECONNECTED inside.
    pub reconnected: Option<Duration>,
    /// The room's and the player's events outside, in their order.
    pub others_saw: Vec<String>,
}

impl Damage {
    /// The head of the table whose rows these are.
    pub const HEAD: &str = "| fault | lasted | silence inside | silence outside | RECONNECTING | RECONNECTED | what others saw |\n\
                            |---|---|---|---|---|---|---|";

    /// The longer silence of both, beyond the fault itself.
    pub fn silence_beyond(&self) -> Duration {
        let heard_nothing = self.inside_heard_nothing.max(self.outside_heard_nothing);
        heard_nothing.saturating_sub(self.lasted)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |after: Option<Duration>| after.map_or("not told".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
        let others = match self.others_saw.is_empty() {
            true => "nothing".to_owned(),
            false => self.others_saw.join(", "),
        };
        write!(
            f,
            "| {} | {} s | {:.2} s | {:.2} s | {} | {} | {others} |",
            self.fault,
            self.lasted.as_secs(),
            self.inside_heard_nothing.as_secs_f64(),
            self.outside_heard_nothing.as_secs_f64(),
            told(self.reconnecting),
            told(self.reconnected),
        )
    }
}

/// alice and bob sit inside, carol and dave outside; alice speaks to dave, and carol to bob.
#[derive(Debug)]
pub struct Call {
    folder: PathBuf,
    listeners: [Process; 2],
    speakers: [Process; 2],
    _server: Server,
    /// The machine inside.
    pub inside: Inside,
    seconds: u64,
}

impl Call {
    /// Everybody hears what they should; the recordings go on for `seconds` from here. `prepare` makes the network what it is
    /// from the beginning.
    ///
    /// # Panics
    /// Where nobody can hear, or a network namespace cannot be made.
    pub fn start(name: &str, prepare: impl FnOnce(&Inside), seconds: u64) -> Self {
        let folder = work_folder(&format!("faults-{name}"));
        let inside = Inside::new(name);
        prepare(&inside);
        let tone = folder.join("tone.wav");
        write_tone(&tone, HZ);
        let media = format!(
            "udp = \"{0}:{1}\"\ntcp = \"same\"",
            inside.outside,
            free_port(&inside.outside)
        );
        let server = Server::start_reachable(&folder, &format!("{}:0", inside.outside), &media, "");
        let (tone, total) = (text(&tone), (seconds + SETTLED.as_secs()).to_string());
        let speak = ["--wav", tone, "--loop"];
        let start_inside = |name: &str, user: &str, stream: &str, more: &[&str]| {
            let arguments = example_arguments(&server, ROOM, user, stream, more);
            inside.start(
                &program(&format!("examples/{name}")),
                &arguments,
                &folder.join(format!("{user}.log")),
            )
        };
        let speakers = [
            start_inside("publish", "alice", "a", &speak),
            example("publish", &server, ROOM, "carol", "c", &folder, &speak),
        ];
        let heard = ["bob", "dave"].map(|user| recording(&folder, user));
        let listen = |file: usize| ["--wav", text(&heard[file]), "--seconds", &total];
        let listeners = [
            start_inside("play", "bob", "c", &listen(0)),
            example("play", &server, ROOM, "dave", "a", &folder, &listen(1)),
        ];
        for speaker in &speakers {
            speaker.line("PUBLISHING", |line| line.contains("\"PUBLISHING\""));
        }
        for listener in &listeners {
            listener.line("PLAYING", |line| line.contains("\"PLAYING\""));
        }
        park(SETTLED);
        let call = Self {
            folder,
            listeners,
            speakers,
            _server: server,
            inside,
            seconds: seconds + SETTLED.as_secs(),
        };
        // What was told before the fault is not its doing.
        call.processes().for_each(|process| drop(process.lines()));
        call
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.listeners.iter().chain(&self.speakers)
    }

    /// Does `fault`, undoes it after `lasted`, and waits for the recordings.
    ///
    /// # Panics
    /// When a listener gave up, or does not end.
    pub fn suffer(mut self, what: &str, lasted: Duration, fault: impl FnOnce(&Inside), undo: impl FnOnce(&Inside)) -> Damage {
        let began = Instant::now();
        fault(&self.inside);
        if !lasted.is_zero() {
            park(lasted.saturating_sub(began.elapsed()));
        }
        undo(&self.inside);
        for listener in &mut self.listeners {
            let ended = listener.wait(PATIENCE + Duration::from_secs(self.seconds));
            assert!(ended.success(), "{what}: {}", listener.log_text());
        }
        let inside = told(&self.listeners[0], began).chain(told(&self.speakers[0], began));
        let (mut reconnecting, mut reconnected) = (None, None);
        for (after, line) in inside {
            match room_state(&line) {
                Some("RECONNECTING") => reconnecting = Some(reconnecting.map_or(after, |first: Duration| first.min(after))),
                Some("RECONNECTED") => reconnected = reconnected.max(Some(after)),
                _ => {}
            }
        }
        let outside = told(&self.listeners[1], began).chain(told(&self.speakers[1], began));
        let heard = |user: &str| silence(&recording(&self.folder, user), self.seconds);
        Damage {
            fault: what.to_owned(),
            lasted,
            inside_heard_nothing: heard("bob"),
            outside_heard_nothing: heard("dave"),
            reconnecting,
            reconnected,
            others_saw: outside.filter_map(|(_, line)| notable(&line)).collect(),
        }
    }
}

fn told(process: &Process, began: Instant) -> impl Iterator<Item = (Duration, String)> {
    let lines = process.lines().into_iter();
    lines.map(move |(at, line)| (at.saturating_duration_since(began), line))
}

/// The reason of a `roomStateChanged`.
fn room_state(line: &str) -> Option<&'static str> {
    let reasons = ["RECONNECTING", "RECONNECTED", "RECONNECT_FAILED", "KICKOUT"];
    reasons.into_iter().find(|reason| line.contains(&format!("\"{reason}\"")))
}

/// What a user of the SDK outside would notice.
fn notable(line: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let name = event["event"].as_str()?;
    match name {
        "roomStateChanged" => room_state(line).map(str::to_owned),
        "roomStreamUpdate" => Some(format!("streams {}", event["updateType"].as_str()?)),
        "playerStateUpdate" | "publisherStateUpdate" => {
            let state = event["state"].as_str()?;
            (state != "NO_PLAY").then(|| format!("{state} {}", event["errorCode"]))
        }
        _ => None,
    }
}

fn recording(folder: &Path, user: &str) -> PathBuf {
    folder.join(format!("{user}.wav"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder is UTF-8")
}

/// A second of a tone, which can be repeated without a click where `hz` is whole.
///
/// # Panics
/// Where the file cannot be written.
pub fn write_tone(path: &Path, hz: f32) {
    let tone: Vec<f32> = (0..RATE).map(|n| LOUD * (TAU * hz * n as f32 / RATE as f32).sin()).collect();
    wav::write_mono(path, &tone).expect("the folder can be written");
}

/// All silence in a recording of so many seconds, but for its first, in which the delay settles. What is missing at its end
/// counts as well.
///
/// # Panics
/// Where there is no recording.
pub fn silence(file: &Path, seconds: u64) -> Duration {
    let heard = wav::read_mono(file).expect("the listener has recorded");
    let blocks = heard[RATE.min(heard.len())..].chunks_exact(BLOCK);
    let silent = blocks.filter(|block| hearing::rms(block) < LOUD / 10.0).count() * BLOCK;
    let missing = (RATE * seconds as usize).saturating_sub(heard.len());
    Duration::from_secs_f64((silent + missing) as f64 / RATE as f64)
}

/// A port that nobody has at `address` now.
fn free_port(address: &str) -> u16 {
    UdpSocket::bind((address, 0))
        .and_then(|socket| socket.local_addr())
        .expect("the address is this machine's")
        .port()
}
