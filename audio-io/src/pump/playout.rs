//! A played stream on the pump: its source, its taps, how loud it is.

use std::time::Instant;

use express_messages::audio::{AudioBlock, Effort, PlayoutSource};

use super::{
    OutputId, PlayoutId, Returned,
    capture::Guarded,
    local::{SINKS, SinkEntry},
    outputs::{Outputs, Route},
};
use crate::{
    gain::Ramp,
    meter::{Level, Meter},
};

/// What is left of a stream's loudness for its rank after a block in which it was silent: half after 0.5 s, so that a pause for
/// breath costs no rank.
const FORGET: f32 = 0.986;

/// What comes after the present source.
#[derive(Debug)]
enum Next {
    /// The present one stays.
    Same,
    /// This one, or none, as soon as the present one has faded out.
    Swap(Option<Guarded>),
}

/// A played stream on the pump.
#[derive(Debug)]
pub struct Playout {
    id: PlayoutId,
    source: Option<Guarded>,
    next: Next,
    /// How loud it is heard.
    gain: Ramp,
    route: Route,
    /// Fades one source out and the next one in.
    fade: Ramp,
    meter: Meter,
    /// Recent peak, as loud as it was heard.
    loudness: f32,
    effort: Effort,
    pub(super) taps: Vec<SinkEntry>,
    leaving: bool,
}

impl Playout {
    /// A stream without a source, heard with `gain` (0 is not audible) once it has one.
    pub fn new(id: PlayoutId, gain: f32) -> Self {
        Self {
            id,
            source: None,
            next: Next::Same,
            gain: Ramp::at(gain),
            route: Route::default(),
            fade: Ramp::at(1.0),
            meter: Meter::new(),
            loudness: 0.0,
            effort: Effort::default(),
            taps: Vec::with_capacity(SINKS),
            leaving: false,
        }
    }

    /// How loud it is to its taps.
    pub fn level(&self) -> Level {
        self.meter.level()
    }

    pub(super) fn id(&self) -> PlayoutId {
        self.id
    }

    /// How loud it was of late to whoever hears its speaker, and what it may compute.
    pub(super) fn standing(&self) -> (f32, Effort) {
        (self.loudness, self.effort)
    }

    /// What it may compute from the next block on.
    pub(super) fn set_effort(&mut self, effort: Effort) {
        self.effort = effort;
    }

    pub(super) fn set_gain(&mut self, gain: f32) {
        if !self.leaving {
            self.gain.set(gain);
        }
    }

    pub(super) fn set_output(&mut self, output: OutputId) {
        self.route.set(output);
    }

    /// Takes `source` in place of the present one; gives back one that waited and was never heard.
    pub(super) fn set_source(&mut self, source: Option<Box<dyn PlayoutSource>>) -> Option<Returned> {
        self.fade.set(0.0);
        match std::mem::replace(&mut self.next, Next::Swap(source.map(Guarded::new))) {
            Next::Swap(Some(waiting)) => Some(Returned::Source(waiting.into_inner())),
            Next::Swap(None) | Next::Same => None,
        }
    }

    /// Begins to leave: silent to its taps at once, and to the speaker within a block.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        self.gain.set(0.0);
    }

    /// Whether it may be taken away without a click.
    pub(super) fn has_left(&self) -> bool {
        self.leaving && self.is_unheard()
    }

    fn is_unheard(&self) -> bool {
        self.source.is_none() || self.gain.is_silent() || self.fade.is_silent()
    }

    /// Changes the source where that cannot be heard (any more); gives back the old one.
    pub(super) fn settle(&mut self) -> Option<Returned> {
        if matches!(self.next, Next::Same) || !self.is_unheard() {
            return None;
        }
        let Next::Swap(next) = std::mem::replace(&mut self.next, Next::Same) else {
            return None;
        };
        self.fade = Ramp::at(0.0);
        self.fade.set(1.0);
        let old = std::mem::replace(&mut self.source, next);
        old.map(|source| Returned::Source(source.into_inner()))
    }

    /// Asks the source for its block, whether it is heard or not, gives it to the taps and to its output. `scratch` is
    /// overwritten.
    pub(super) fn make_block(&mut self, scratch: &mut AudioBlock, outputs: &mut Outputs, now: Instant, panics: &mut u64) {
        scratch.reset(1);
        if let Some(source) = &mut self.source {
            source.set_effort(self.effort, panics);
            source.fill(scratch, now, panics);
        }
        self.meter.measure(scratch);
        self.loudness = (self.loudness * FORGET).max(self.meter.newest_peak() * self.gain.span().1);
        if !self.leaving {
            for tap in &mut self.taps {
                tap.give(scratch, now, panics);
            }
        }
        self.fade.apply(scratch);
        self.route.mix(scratch, &mut self.gain, outputs);
        self.route.finish();
    }
}
