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

/// How loud a local stream is.
#[derive(Debug, Clone, Default)]
pub struct LocalLevels {
    /// What it sends.
    pub sent: Level,
    /// What it captures, behind the volume and before media and mute.
    pub captured: Level,
}

#[derive(Debug)]
struct Meters {
    sent: Meter,
    captured: Meter,
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
    /// What is sent is captured still.
    captures_sent: bool,
    media: Media,
    block: AudioBlock,
    other: AudioBlock,
    volume: Ramp,
    mute: Ramp,
    monitor: Ramp,
    /// How loud what is captured is heard on the speaker.
    capture_monitor: Ramp,
    route: Route,
    meters: Meters,
    pub(super) sinks: Vec<SinkEntry>,
    /// They hear what is captured.
    pub(super) taps: Vec<SinkEntry>,
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
            captures_sent: true,
            media: Media::new(),
            block: AudioBlock::silent(channels),
            other: AudioBlock::silent(channels),
            volume: Ramp::at(1.0),
            mute: Ramp::at(1.0),
            monitor: Ramp::at(0.0),
            capture_monitor: Ramp::at(0.0),
            route: Route::default(),
            meters: Meters {
                sent: Meter::new(),
                captured: Meter::new(),
            },
            sinks: Vec::with_capacity(SINKS),
            taps: Vec::with_capacity(SINKS),
            leaving: false,
        }
    }

    /// Holds media that are mixed in back behind what is captured, by so many milliseconds.
    #[must_use]
    pub fn with_mixing_delay(mut self, delay_ms: u16) -> Self {
        self.media = Media::delayed(delay_ms);
        self
    }

    /// Where the control side reads how loud it is.
    pub fn levels(&self) -> LocalLevels {
        LocalLevels {
            sent: self.meters.sent.level(),
            captured: self.meters.captured.level(),
        }
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

    pub(super) fn set_capture_monitor(&mut self, gain: f32) {
        self.capture_monitor.set(gain);
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
        self.captures_sent = true;
        self.send(Some(captured))
    }

    /// Captures nothing any more.
    pub(super) fn stop_capture(&mut self) -> Option<Returned> {
        match self.waiting.take() {
            Some(waiting) => {
                self.captures_sent = false;
                Some(Returned::Capture(waiting))
            }
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
        self.capture_monitor.set(0.0);
    }

    /// Whether it may be taken away without a click.
    pub(super) fn has_left(&self) -> bool {
        self.leaving && self.monitor.is_silent() && self.capture_monitor.is_silent()
    }

    /// Makes the next block, gives it to the sinks and to its output.
    pub(super) fn make_block(&mut self, outputs: &mut Outputs, around: &mut Around<'_>) {
        self.fill_sent(around);
        self.fill_captured(around);
        self.route.mix(&self.other, &mut self.capture_monitor, outputs);
        self.give_captured(around);
        self.apply_volume();
        self.media.mix_into(&mut self.block, around);
        self.mute.apply(&mut self.block);
        self.meters.sent.measure(&self.block);
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

    /// Fills the other block with what is captured.
    fn fill_captured(&mut self, around: &mut Around<'_>) {
        match &mut self.waiting {
            // Taken whether it is heard or not, else it would be old once it is.
            Some(waiting) => waiting.fill(&mut self.other, around),
            None if self.captures_sent => self.other.copy_from(&self.block),
            None => self.other.samples_mut().fill(0.0),
        }
    }

    /// Gives what is captured to the taps and to its meter.
    fn give_captured(&mut self, around: &mut Around<'_>) {
        if !self.leaving && !self.taps.is_empty() {
            around.scratch.reset(self.other.channels());
            around.scratch.copy_from(&self.other);
            // A copy: it moves on where what is sent gets it.
            let mut mute = self.mute;
            mute.apply(around.scratch);
            for tap in &mut self.taps {
                tap.give(around.scratch, around.now, around.panics);
            }
        }
        let mut volume = self.volume;
        volume.apply(&mut self.other);
        self.meters.captured.measure(&self.other);
    }

    fn apply_volume(&mut self) {
        let (from, to) = self.volume.span();
        self.volume.apply(&mut self.block);
        if from > 1.0 || to > 1.0 {
            self.block.samples_mut().iter_mut().for_each(|s| *s = soft_clip(*s));
        }
    }
}
