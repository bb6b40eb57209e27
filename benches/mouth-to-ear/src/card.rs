//! A sound card without a sound card: one thread that calls both callbacks each 10 ms, says chirps and hears them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use express_audio_io::devices::{DeviceFormat, scripted::ScriptedDevices};
use express_messages::audio::{BLOCK_FRAMES, BLOCK_MS, SAMPLE_RATE};

use crate::track::{Passed, Track, chirp};

/// What both devices hand over in one callback.
pub(crate) const PERIOD: Duration = Duration::from_millis(BLOCK_MS);
const MICROPHONE: &str = "microphone";
const SPEAKER: &str = "speaker";

/// What a card did until it was stopped.
pub(crate) struct CardTrack {
    /// When each chirp was handed over by the microphone: the moment of the callback, and the place in it.
    pub(crate) said: Vec<Instant>,
    /// What the speaker took, at the moment of each callback.
    pub(crate) heard: Track,
}

/// A running card. Its clock is that of the machine: callbacks at absolute deadlines, counted at them however late they are made.
pub(crate) struct Card {
    /// The backend of the engine that speaks.
    pub(crate) microphone: ScriptedDevices,
    /// The backend of the engine that listens.
    pub(crate) speaker: ScriptedDevices,
    speaks: Arc<AtomicBool>,
    stops: Arc<AtomicBool>,
    thread: JoinHandle<CardTrack>,
}

impl Card {
    /// Starts a card that says a chirp every `every` (a multiple of 10 ms) once it was told to speak.
    pub(crate) fn start(every: Duration) -> Self {
        let format = |channels| DeviceFormat {
            rate_hz: SAMPLE_RATE,
            channels,
            period_frames: BLOCK_FRAMES,
        };
        let microphone = ScriptedDevices::new().with_microphone(MICROPHONE, format(1));
        let speaker = ScriptedDevices::new().with_speaker(SPEAKER, format(2));
        let (speaks, stops) = (Arc::default(), Arc::default());
        let mut card = Running {
            microphone: microphone.clone(),
            speaker: speaker.clone(),
            rhythm: Rhythm::new(every),
            track: CardTrack {
                said: Vec::new(),
                heard: Track::default(),
            },
        };
        let (speaking, stopped) = (Arc::clone(&speaks), Arc::clone(&stops));
        let thread = thread::spawn(move || {
            card.run(&speaking, &stopped);
            card.track
        });
        Self {
            microphone,
            speaker,
            speaks,
            stops,
            thread,
        }
    }

    /// Says chirps, or only silence.
    pub(crate) fn speak(&self, speaks: bool) {
        self.speaks.store(speaks, Ordering::Release);
    }

    /// Stops it; `None` if it panicked.
    pub(crate) fn stop(self) -> Option<CardTrack> {
        self.stops.store(true, Ordering::Release);
        self.thread.join().ok()
    }
}

struct Running {
    microphone: ScriptedDevices,
    speaker: ScriptedDevices,
    rhythm: Rhythm,
    track: CardTrack,
}

impl Running {
    fn run(&mut self, speaks: &AtomicBool, stops: &AtomicBool) {
        let mut due = Instant::now();
        while !stops.load(Ordering::Acquire) {
            self.callbacks(due, speaks.load(Ordering::Acquire));
            due += PERIOD;
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
    }

    fn callbacks(&mut self, at: Instant, speaks: bool) {
        let (block, begins) = self.rhythm.next(speaks);
        if self.microphone.push(MICROPHONE, block) && begins {
            self.track.said.push(at);
        }
        let played = self.speaker.pull(SPEAKER, BLOCK_FRAMES);
        if !played.is_empty() {
            self.track.heard.push(&Passed::new(at, &played, 2));
        }
    }
}

/// A chirp, a pause, a chirp.
struct Rhythm {
    round: Vec<f32>,
    next: usize,
}

impl Rhythm {
    fn new(every: Duration) -> Self {
        let mut round = chirp();
        round.resize((every.as_millis() / PERIOD.as_millis()) as usize * BLOCK_FRAMES, 0.0);
        Self { round, next: 0 }
    }

    /// The next 10 ms, and whether a chirp begins with them. One that has begun is said to its end.
    fn next(&mut self, speaks: bool) -> (&[f32], bool) {
        let begins = self.next == 0;
        let block = self.next..self.next + BLOCK_FRAMES;
        if begins && !speaks {
            // The end of a round is silence.
            return (&self.round[self.round.len() - BLOCK_FRAMES..], false);
        }
        self.next = block.end % self.round.len();
        (&self.round[block], begins)
    }
}
