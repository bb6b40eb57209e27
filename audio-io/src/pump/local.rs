//! A local stream on the pump: one source, its gains, its sinks.

use std::{fmt, time::Instant};

use express_messages::{
    audio::{AudioBlock, CaptureSink, Effort, PlayoutSource},
    audio_device::SinkId,
    ids::LocalStreamId,
};

use super::{MicId, Returned, guarded, mic::MicInput};
use crate::{
    gain::{Ramp, cross_fade},
    meter::{Level, Meter},
    mixer::{Mixer, finite, soft_clip},
};

/// Room for sinks that a stream has from the start; more than that allocates once, when the sink is added.
pub(super) const SINKS: usize = 8;

/// One sink and its name.
pub struct SinkEntry {
    id: SinkId,
    sink: Box<dyn CaptureSink>,
    /// It panicked: never called again.
    dead: bool,
}

impl SinkEntry {
    /// Names `sink`.
    pub fn new(id: SinkId, sink: Box<dyn CaptureSink>) -> Self {
        Self { id, sink, dead: false }
    }

    pub(super) fn give(&mut self, block: &AudioBlock, now: Instant, panics: &mut u64) {
        if !self.dead {
            self.dead = guarded(panics, || self.sink.on_block(block, now));
        }
    }
}

impl fmt::Debug for SinkEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinkEntry({:?})", self.id)
    }
}

/// Takes the sink `id` out of `sinks`.
pub(super) fn take_sink(sinks: &mut Vec<SinkEntry>, id: SinkId) -> Option<Returned> {
    let at = sinks.iter().position(|entry| entry.id == id)?;
    // The order of sinks means nothing, so nothing needs to move up.
    Some(Returned::Sink(sinks.swap_remove(at)))
}

/// A foreign source that is called until it panics.
pub(super) struct Guarded {
    source: Box<dyn PlayoutSource>,
    effort: Effort,
    dead: bool,
}

impl Guarded {
    pub(super) fn new(source: Box<dyn PlayoutSource>) -> Self {
        Self {
            source,
            effort: Effort::default(),
            dead: false,
        }
    }

    /// How much the source may compute from now on.
    pub(super) fn set_effort(&mut self, effort: Effort, panics: &mut u64) {
        if self.effort != effort && !self.dead {
            self.effort = effort;
            self.dead = guarded(panics, || self.source.set_effort(effort));
        }
    }

    /// Fills `block`, which is silent: silence where the source panicked, or gave what is no number.
    pub(super) fn fill(&mut self, block: &mut AudioBlock, now: Instant, panics: &mut u64) {
        if self.dead {
            return;
        }
        self.dead = guarded(panics, || self.source.next_block(block, now));
        if self.dead {
            block.reset(block.channels());
        }
        block.samples_mut().iter_mut().for_each(|s| *s = finite(*s));
    }

    pub(super) fn into_inner(self) -> Box<dyn PlayoutSource> {
        self.source
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guarded(dead: {})", self.dead)
    }
}

/// What a local stream captures.
#[derive(Debug)]
enum Capture {
    Mic {
        id: MicId,
        /// The one to fade to as soon as it gives sound.
        next: Option<MicId>,
    },
    Source(Guarded),
}

/// Copies what `id` captured to `block`, silence where there is no such microphone.
fn copy_mic(mics: &[Box<MicInput>], id: MicId, block: &mut AudioBlock) {
    match mics.iter().find(|mic| mic.id() == id) {
        Some(mic) => block.copy_from(mic.block()),
        None => block.samples_mut().fill(0.0),
    }
}

/// A local stream on the pump.
#[derive(Debug)]
pub struct LocalStream {
    id: LocalStreamId,
    capture: Capture,
    block: AudioBlock,
    volume: Ramp,
    mute: Ramp,
    monitor: Ramp,
    meter: Meter,
    pub(super) sinks: Vec<SinkEntry>,
    pub(super) leaving: bool,
}

impl LocalStream {
    /// A stream of a microphone.
    pub fn of_mic(id: LocalStreamId, mic: MicId, channels: usize) -> Self {
        Self::new(id, Capture::Mic { id: mic, next: None }, channels)
    }

    /// A stream of anything else.
    pub fn of_source(id: LocalStreamId, source: Box<dyn PlayoutSource>, channels: usize) -> Self {
        Self::new(id, Capture::Source(Guarded::new(source)), channels)
    }

    fn new(id: LocalStreamId, capture: Capture, channels: usize) -> Self {
        Self {
            id,
            capture,
            block: AudioBlock::silent(channels),
            volume: Ramp::at(1.0),
            mute: Ramp::at(1.0),
            monitor: Ramp::at(0.0),
            meter: Meter::new(),
            sinks: Vec::with_capacity(SINKS),
            leaving: false,
        }
    }

    /// How loud it is to its sinks.
    pub fn level(&self) -> Level {
        self.meter.level()
    }

    pub(super) fn id(&self) -> LocalStreamId {
        self.id
    }

    /// Fades to another microphone as soon as that one gives sound.
    pub(super) fn set_mic(&mut self, mic: MicId) {
        if let Capture::Mic { id, next } = &mut self.capture {
            *next = (*id != mic).then_some(mic);
        }
    }

    /// Whether it needs that microphone.
    pub(super) fn uses(&self, mic: MicId) -> bool {
        matches!(&self.capture, Capture::Mic { id, next } if *id == mic || *next == Some(mic))
    }

    pub(super) fn set_volume(&mut self, gain: f32) {
        self.volume.set(gain);
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.mute.set(if muted { 0.0 } else { 1.0 });
    }

    pub(super) fn set_monitor(&mut self, gain: f32) {
        self.monitor.set(gain);
    }

    /// Begins to leave: silent to its sinks at once, and to the speaker within a block.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        self.monitor.set(0.0);
    }

    /// Whether it may be taken away without a click.
    pub(super) fn has_left(&self) -> bool {
        self.leaving && self.monitor.is_silent()
    }

    /// Makes the next block, gives it to the sinks and to `mixer`. `scratch` is overwritten.
    pub(super) fn make_block(
        &mut self,
        mics: &[Box<MicInput>],
        scratch: &mut AudioBlock,
        mixer: &mut Mixer,
        now: Instant,
        panics: &mut u64,
    ) {
        match &mut self.capture {
            Capture::Mic { id, next } => {
                copy_mic(mics, *id, &mut self.block);
                let runs = |next: &MicId| mics.iter().any(|mic| mic.id() == *next && mic.gives_sound());
                if let Some(other) = next.take_if(|next| runs(next)) {
                    scratch.reset(self.block.channels());
                    copy_mic(mics, other, scratch);
                    cross_fade(&mut self.block, scratch);
                    *id = other;
                }
            }
            Capture::Source(source) => {
                scratch.reset(self.block.channels());
                source.fill(scratch, now, panics);
                self.block.copy_from(scratch);
            }
        }
        self.apply_gains();
        self.meter.measure(&self.block);
        if !self.leaving {
            for sink in &mut self.sinks {
                sink.give(&self.block, now, panics);
            }
        }
        mixer.add(&self.block, &mut self.monitor);
    }

    fn apply_gains(&mut self) {
        let (from, to) = self.volume.span();
        self.volume.apply(&mut self.block);
        if from > 1.0 || to > 1.0 {
            self.block.samples_mut().iter_mut().for_each(|s| *s = soft_clip(*s));
        }
        self.mute.apply(&mut self.block);
    }
}
