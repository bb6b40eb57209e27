//! What is mixed into a local stream.

use express_messages::{
    audio::{AudioBlock, PlayoutSource, SAMPLE_RATE},
    audio_device::{MAX_MIXED_MEDIA, MAX_MIXING_DELAY_MS, MediaId},
};

use super::{
    Returned,
    capture::{Around, Guarded},
};
use crate::{gain::Ramp, mixer::Mixer};

/// Room for media from the start: as many as may be, while as many fade out.
const MEDIA: usize = 2 * MAX_MIXED_MEDIA;
const FRAMES_PER_MS: usize = SAMPLE_RATE as usize / 1_000;

/// A medium that is mixed into a local stream.
#[derive(Debug)]
pub struct Medium {
    id: MediaId,
    source: Guarded,
    gain: Ramp,
    leaving: bool,
}

impl Medium {
    /// Fades in to `gain`.
    pub fn new(id: MediaId, source: Box<dyn PlayoutSource>, gain: f32) -> Self {
        let mut ramp = Ramp::at(0.0);
        ramp.set(gain);
        Self {
            id,
            source: Guarded::new(source),
            gain: ramp,
            leaving: false,
        }
    }
}

/// The media of one local stream, and the limiter of their sum.
#[derive(Debug)]
pub(super) struct Media {
    media: Vec<Medium>,
    sum: AudioBlock,
    delay: DelayLine,
    mixer: Mixer,
}

impl Media {
    pub(super) fn new() -> Self {
        Self::delayed(0)
    }

    /// Held back by so many milliseconds.
    pub(super) fn delayed(delay_ms: u16) -> Self {
        Self {
            media: Vec::with_capacity(MEDIA),
            sum: AudioBlock::silent(2),
            delay: DelayLine::new(delay_ms.min(MAX_MIXING_DELAY_MS)),
            mixer: Mixer::new(),
        }
    }

    pub(super) fn add(&mut self, medium: Medium) {
        self.media.push(medium);
    }

    /// Fades a medium out.
    pub(super) fn remove(&mut self, id: MediaId) {
        if let Some(medium) = self.find(id) {
            medium.leaving = true;
            medium.gain.set(0.0);
        }
    }

    pub(super) fn set_gain(&mut self, id: MediaId, gain: f32) {
        if let Some(medium) = self.find(id) {
            medium.gain.set(gain);
        }
    }

    /// One that leaves is as good as gone: its name may be in use again.
    fn find(&mut self, id: MediaId) -> Option<&mut Medium> {
        self.media.iter_mut().find(|medium| medium.id == id && !medium.leaving)
    }

    /// Gives back a medium that has faded out.
    pub(super) fn settle(&mut self) -> Option<Returned> {
        let has_left = |medium: &Medium| medium.leaving && medium.gain.is_silent();
        let at = self.media.iter().position(has_left)?;
        Some(Returned::Medium(self.media.swap_remove(at)))
    }

    /// Adds all media to `block`, and limits the sum; without any it stays as it is, bit by bit.
    pub(super) fn mix_into(&mut self, block: &mut AudioBlock, around: &mut Around<'_>) {
        if self.media.is_empty() && self.delay.is_empty() && self.mixer.is_at_rest() {
            return;
        }
        self.sum.reset(2);
        for medium in &mut self.media {
            around.scratch.reset(2);
            medium.source.fill(around.scratch, around.now, around.panics);
            medium.gain.apply(around.scratch);
            add(&mut self.sum, around.scratch);
        }
        self.delay.pass(&mut self.sum, !self.media.is_empty());
        self.mixer.clear();
        self.mixer.add(block, &mut Ramp::at(1.0));
        self.mixer.add(&self.sum, &mut Ramp::at(1.0));
        block.copy_from(self.mixer.finish());
    }
}

/// Adds `block` to stereo `sum`; mono goes to both sides.
fn add(sum: &mut AudioBlock, block: &AudioBlock) {
    let channels = block.channels();
    let frames = sum
        .samples_mut()
        .chunks_exact_mut(2)
        .zip(block.samples().chunks_exact(channels));
    for (out, frame) in frames {
        out[0] += frame[0];
        out[1] += frame[channels - 1];
    }
}

/// Holds stereo blocks back.
#[derive(Debug)]
struct DelayLine {
    ring: Vec<f32>,
    at: usize,
    /// Samples until nothing but silence is held.
    left: usize,
}

impl DelayLine {
    fn new(delay_ms: u16) -> Self {
        Self {
            ring: vec![0.0; usize::from(delay_ms) * FRAMES_PER_MS * 2],
            at: 0,
            left: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Puts what is to be heard now in place of `block`, which is kept; `sounds`: it is not silent on purpose.
    fn pass(&mut self, block: &mut AudioBlock, sounds: bool) {
        for sample in block.samples_mut() {
            if let Some(kept) = self.ring.get_mut(self.at) {
                std::mem::swap(kept, sample);
                self.at = (self.at + 1) % self.ring.len();
            }
        }
        self.left = if sounds {
            self.ring.len()
        } else {
            self.left.saturating_sub(block.samples().len())
        };
    }
}
