//! A local stream on the pump: what it captures, its gains, its sinks.

use std::{fmt, time::Instant};

use express_messages::{
    audio::{AudioBlock, CaptureSink},
    audio_device::SinkId,
    ids::LocalStreamId,
};

use super::{
    MicId, OutputId, Returned, Slot,
    capture::{Around, Capture},
    guarded,
    media::Media,
    outputs::{Outputs, Route},
};
use crate::{
    gain::Ramp,
    meter::{Level, Meter},
    mixer::soft_clip,
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

/// A local stream on the pump.
#[derive(Debug)]
pub struct LocalStream {
    id: LocalStreamId,
    /// What its sinks hear.
    sent: Option<Capture>,
    /// What was heard before, while it fades out.
    faded: Option<Capture>,
    /// Fades what is sent in.
    fade: Ramp,
    /// What is captured, where that is not what is sent.
    waiting: Option<Capture>,
    media: Media,
    block: AudioBlock,
    other: AudioBlock,
    volume: Ramp,
    mute: Ramp,
    monitor: Ramp,
    route: Route,
    meter: Meter,
    pub(super) sinks: Vec<SinkEntry>,
    pub(super) leaving: bool,
}

impl LocalStream {
    /// A stream that captures and sends `capture`, or nothing; its sinks get `channels` (1 or 2).
    pub fn new(id: LocalStreamId, capture: Option<Capture>, channels: usize) -> Self {
        Self {
            id,
            sent: capture,
            faded: None,
            fade: Ramp::at(1.0),
            waiting: None,
            media: Media::new(),
            block: AudioBlock::silent(channels),
            other: AudioBlock::silent(channels),
            volume: Ramp::at(1.0),
            mute: Ramp::at(1.0),
            monitor: Ramp::at(0.0),
            route: Route::default(),
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
    pub(super) fn set_mic(&mut self, slot: Slot, mic: MicId) {
        let capture = match slot {
            Slot::Sent => &mut self.sent,
            Slot::Waiting => &mut self.waiting,
        };
        if let Some(capture) = capture {
            capture.set_mic(mic);
        }
    }

    /// Whether it needs that microphone.
    pub(super) fn uses(&self, mic: MicId) -> bool {
        let captures = [&self.sent, &self.faded, &self.waiting];
        captures.into_iter().flatten().any(|capture| capture.uses(mic))
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

    pub(super) fn set_output(&mut self, output: OutputId) {
        self.route.set(output);
    }

    /// Captures `capture`, which its sinks do not hear yet; gives back what was captured and never heard.
    pub(super) fn capture(&mut self, capture: Capture) -> Option<Returned> {
        self.waiting.replace(capture).map(Returned::Capture)
    }

    /// Lets the sinks hear what is captured.
    pub(super) fn send_captured(&mut self) -> Option<Returned> {
        let captured = self.waiting.take()?;
        self.send(Some(captured))
    }

    /// Captures nothing any more.
    pub(super) fn stop_capture(&mut self) -> Option<Returned> {
        match self.waiting.take() {
            Some(waiting) => Some(Returned::Capture(waiting)),
            None => self.send(None),
        }
    }

    fn send(&mut self, next: Option<Capture>) -> Option<Returned> {
        let former = std::mem::replace(&mut self.sent, next);
        let is_unheard = self.fade.span().0 == 0.0;
        if is_unheard {
            return former.map(Returned::Capture);
        }
        self.faded = former;
        self.fade = Ramp::at(0.0);
        self.fade.set(1.0);
        None
    }

    /// Gives back what was sent or mixed in before, once it has faded out.
    pub(super) fn settle(&mut self) -> Option<Returned> {
        let has_faded = self.fade.span().0 == 1.0;
        let faded = self.faded.take_if(|_| has_faded).map(Returned::Capture);
        faded.or_else(|| self.media.settle())
    }

    pub(super) fn media(&mut self) -> &mut Media {
        &mut self.media
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

    /// Makes the next block, gives it to the sinks and to its output.
    pub(super) fn make_block(&mut self, outputs: &mut Outputs, around: &mut Around<'_>) {
        self.fill_sent(around);
        if let Some(waiting) = &mut self.waiting {
            // Taken whether it is heard or not, else it would be old once it is.
            waiting.fill(&mut self.other, around);
        }
        self.apply_volume();
        self.media.mix_into(&mut self.block, around);
        self.mute.apply(&mut self.block);
        self.meter.measure(&self.block);
        if !self.leaving {
            for sink in &mut self.sinks {
                sink.give(&self.block, around.now, around.panics);
            }
        }
        self.route.mix(&self.block, &mut self.monitor, outputs);
        self.route.finish();
    }

    /// Fills the block with what is sent, faded over from what was sent before.
    fn fill_sent(&mut self, around: &mut Around<'_>) {
        match &mut self.sent {
            Some(sent) => sent.fill(&mut self.block, around),
            None => self.block.samples_mut().fill(0.0),
        }
        self.fade.apply(&mut self.block);
        if let Some(faded) = &mut self.faded {
            faded.fill(&mut self.other, around);
            let mut out = Ramp::at(1.0);
            out.set(0.0);
            out.apply(&mut self.other);
            let sum = self.block.samples_mut().iter_mut().zip(self.other.samples());
            sum.for_each(|(sample, old)| *sample += old);
        }
    }

    fn apply_volume(&mut self) {
        let (from, to) = self.volume.span();
        self.volume.apply(&mut self.block);
        if from > 1.0 || to > 1.0 {
            self.block.samples_mut().iter_mut().for_each(|s| *s = soft_clip(*s));
        }
    }
}
