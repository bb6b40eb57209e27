//! What a local stream captures: a microphone, or a source that is called.

use std::{fmt, time::Instant};

use express_messages::audio::{AudioBlock, Effort, PlayoutSource};

use super::{MicId, guarded, mic::MicInput};
use crate::{gain::cross_fade, mixer::finite};

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

/// Something that can be captured: a microphone or a source.
#[derive(Debug)]
pub struct Capture {
    from: From,
    channels: usize,
}

#[derive(Debug)]
enum From {
    Mic {
        id: MicId,
        /// The one to fade to as soon as it gives sound.
        next: Option<MicId>,
    },
    Source(Guarded),
}

impl Capture {
    /// A microphone, captured with `channels` (1 or 2).
    pub fn of_mic(mic: MicId, channels: usize) -> Self {
        let from = From::Mic { id: mic, next: None };
        Self { from, channels }
    }

    /// Anything else, captured with `channels` (1 or 2).
    pub fn of_source(source: Box<dyn PlayoutSource>, channels: usize) -> Self {
        let from = From::Source(Guarded::new(source));
        Self { from, channels }
    }

    pub(super) fn set_mic(&mut self, mic: MicId) {
        if let From::Mic { id, next } = &mut self.from {
            *next = (*id != mic).then_some(mic);
        }
    }

    pub(super) fn uses(&self, mic: MicId) -> bool {
        matches!(&self.from, From::Mic { id, next } if *id == mic || *next == Some(mic))
    }

    /// Fills `out` with the next block, converted to its channels; silence where the microphone is gone.
    pub(super) fn fill(&mut self, out: &mut AudioBlock, around: &mut Around<'_>) {
        match &mut self.from {
            From::Mic { id, next } => {
                convert(around.block_of(*id), self.channels, out);
                let runs = |next: &MicId| around.mics.iter().any(|mic| mic.id() == *next && mic.gives_sound());
                if let Some(other) = next.take_if(|next| runs(next)) {
                    let mut taken_over = AudioBlock::silent(out.channels());
                    convert(around.block_of(other), self.channels, &mut taken_over);
                    cross_fade(out, &taken_over);
                    *id = other;
                }
            }
            From::Source(source) => {
                around.scratch.reset(self.channels);
                source.fill(around.scratch, around.now, around.panics);
                convert(Some(around.scratch), self.channels, out);
            }
        }
    }
}

/// Copies `block`, captured with so many channels, to `out`; silence for none.
fn convert(block: Option<&AudioBlock>, channels: usize, out: &mut AudioBlock) {
    match block {
        Some(stereo) if channels == 1 && stereo.channels() == 2 => {
            let mut mono = AudioBlock::silent(1);
            mono.copy_from(stereo);
            out.copy_from(&mono);
        }
        Some(block) => out.copy_from(block),
        None => out.samples_mut().fill(0.0),
    }
}

/// What making a block needs of the rest of the pump.
pub(super) struct Around<'a> {
    pub(super) mics: &'a [Box<MicInput>],
    /// Overwritten.
    pub(super) scratch: &'a mut AudioBlock,
    pub(super) now: Instant,
    pub(super) panics: &'a mut u64,
}

impl Around<'_> {
    /// What that microphone captured, if it is there.
    fn block_of(&self, id: MicId) -> Option<&AudioBlock> {
        self.mics.iter().find(|mic| mic.id() == id).map(|mic| mic.block())
    }
}
