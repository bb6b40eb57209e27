//! The one playout device: when it is opened, and when it is tried again.

use std::time::{Duration, Instant};

use super::watch::{Observation, Watch};
use crate::devices::{DeviceFailure, StreamKey};

/// Waits between tries after a speaker was lost; then the next audible command tries again. A sound server moves its default
/// to another device within a second or two.
const TRIES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

#[derive(Debug, Default)]
enum Phase {
    /// Opened as soon as something is audible.
    #[default]
    Closed,
    Opening {
        key: StreamKey,
        tried: usize,
    },
    Open {
        key: StreamKey,
        name: String,
        watch: Watch,
    },
    /// Lost or not to be opened: tried at `at`, or with the next audible command.
    Waiting {
        at: Option<Instant>,
        tried: usize,
    },
}

/// The speaker's state machine.
#[derive(Debug, Default)]
pub(super) struct Speaker(Phase);

impl Speaker {
    /// Somebody wants something to be heard: reason enough for a new try.
    pub(super) fn asked(&mut self, audible: bool) {
        if audible && matches!(self.0, Phase::Waiting { at: None, .. }) {
            self.0 = Phase::Closed;
        }
    }

    /// Whether it should be opened now, given that something is audible.
    pub(super) fn wants_try(&self, now: Instant) -> bool {
        match &self.0 {
            Phase::Closed => true,
            Phase::Waiting { at, .. } => at.is_some_and(|at| now >= at),
            Phase::Opening { .. } | Phase::Open { .. } => false,
        }
    }

    /// It is being opened as `key`.
    pub(super) fn opening(&mut self, key: StreamKey) {
        let tried = match self.0 {
            // The try after the last wait is the last one.
            Phase::Waiting { tried, .. } => tried,
            Phase::Closed | Phase::Opening { .. } | Phase::Open { .. } => TRIES.len(),
        };
        self.0 = Phase::Opening { key, tried };
    }

    /// It runs. False where it was closed meanwhile.
    pub(super) fn opened(&mut self, key: StreamKey, name: String, now: Instant) -> bool {
        let expected = matches!(self.0, Phase::Opening { key: opening, .. } if opening == key);
        if expected {
            let watch = Watch::new(now);
            self.0 = Phase::Open { key, name, watch };
        }
        expected
    }

    /// It could not be opened.
    pub(super) fn not_opened(&mut self, key: StreamKey, now: Instant) {
        if let Phase::Opening { key: opening, tried } = self.0
            && opening == key
        {
            self.wait(tried, now);
        }
    }

    fn wait(&mut self, tried: usize, now: Instant) {
        let at = TRIES.get(tried).map(|wait| now + *wait);
        self.0 = Phase::Waiting { at, tried: tried + 1 };
    }

    /// Nothing is audible any more. Answers the device to close.
    pub(super) fn close(&mut self) -> Option<StreamKey> {
        match std::mem::take(&mut self.0) {
            Phase::Open { key, .. } => Some(key),
            // What is being opened finds that it is not wanted.
            Phase::Closed | Phase::Opening { .. } | Phase::Waiting { .. } => None,
        }
    }

    /// What its callbacks have reported; answers its failure and name, once.
    pub(super) fn observe(&mut self, key: StreamKey, seen: Observation, now: Instant) -> Option<(DeviceFailure, String)> {
        let Phase::Open { key: open, name, watch } = &mut self.0 else {
            return None;
        };
        if *open != key {
            return None;
        }
        let failure = watch.observe(seen, now)?;
        let name = std::mem::take(name);
        self.wait(0, now);
        Some((failure, name))
    }
}
