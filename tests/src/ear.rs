//! Listens to a played tone: when it could be heard, and when not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use express_engine::ZegoFrames;
use express_examples::hearing;

use crate::processes::PATIENCE;

/// What is weaker than this is silence; a tone of the engine is ten times louder.
const QUIET: f32 = 0.03;
/// A block of the engine.
const BLOCK: Duration = Duration::from_millis(10);
/// A tone that is there for so many blocks is back.
const IS_BACK: usize = 30;

/// What is kept to tell one tone from another: a quarter of a second.
const KEPT: usize = 12_000;

/// What came so far.
#[derive(Debug, Default)]
struct Heard {
    /// Of each block when it came and whether it was a sound.
    blocks: Vec<(Instant, bool)>,
    /// The first channel of what came last.
    latest: VecDeque<f32>,
}

/// Hears one stream until it is dropped or the stream is stopped.
#[derive(Debug)]
pub struct Ear {
    heard: Arc<Mutex<Heard>>,
    wanted: Arc<()>,
    thread: Option<JoinHandle<()>>,
}

/// Silence in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silence {
    /// The longest without a pause.
    pub longest: Duration,
    /// All of it.
    pub total: Duration,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ms at a stretch, {} ms in all",
            self.longest.as_millis(),
            self.total.as_millis()
        )
    }
}

impl Ear {
    /// Begins to listen.
    pub fn of(mut frames: ZegoFrames) -> Self {
        let heard = Arc::<Mutex<Heard>>::default();
        let wanted = Arc::new(());
        let (notes, is_wanted) = (Arc::clone(&heard), Arc::downgrade(&wanted));
        let thread = std::thread::spawn(move || {
            while is_wanted.strong_count() > 0 {
                let Ok(Some(item)) = frames.recv_timeout(PATIENCE) else {
                    return;
                };
                // A reader that was away too long has lost blocks; the sound goes on behind them.
                if let Ok(block) = item {
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    notes.blocks.push((Instant::now(), block.peak() > QUIET));
                    let frames = block.samples().chunks_exact(block.channels());
                    notes.latest.extend(frames.map(|frame| frame[0]));
                    let more = notes.latest.len().saturating_sub(KEPT);
                    notes.latest.drain(..more);
                }
            }
        });
        Self {
            heard,
            wanted,
            thread: Some(thread),
        }
    }

    /// Silence between these moments.
    pub fn silence(&self, from: Instant, until: Instant) -> Silence {
        let heard = self.heard();
        let mut found = Silence::default();
        let mut run = Duration::ZERO;
        for (_, sounds) in heard.blocks.iter().filter(|(at, _)| (from..until).contains(at)) {
            run = if *sounds { Duration::ZERO } else { run + BLOCK };
            found.longest = found.longest.max(run);
            found.total += if *sounds { Duration::ZERO } else { BLOCK };
        }
        found
    }

    /// The amplitude of this tone in what was heard last.
    pub fn amplitude_of(&self, hz: f32) -> f64 {
        let latest: Vec<f32> = self.heard().latest.iter().copied().collect();
        hearing::tone_amplitude(&latest, f64::from(hz))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the tone is heard without a pause.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_for_sound(&self, what: &str) {
        self.wait_until(what, |heard| {
            heard.len() >= IS_BACK && heard.iter().rev().take(IS_BACK).all(|(_, sounds)| *sounds)
        });
    }

    /// Waits until the tone that fell silent behind `since` is heard again.
    ///
    /// # Panics
    /// When it does neither in time.
    pub fn wait_for_return(&self, since: Instant, what: &str) {
        let fell_silent = |(at, sounds): &(Instant, bool)| *at > since && !sounds;
        self.wait_until(what, |heard| {
            heard.iter().any(fell_silent) && heard.iter().rev().take(IS_BACK).all(|(_, sounds)| *sounds)
        });
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&[(Instant, bool)]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.heard().blocks) {
            assert!(Instant::now() < deadline, "{what}: no sound");
            // Blocks are counted as they come.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.wanted = Arc::new(());
        if let Some(thread) = self.thread.take() {
            // It ends with the next block, or as the stream has.
            let _ = thread.join();
        }
    }
}
