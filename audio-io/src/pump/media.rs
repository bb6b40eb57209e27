//! What is mixed into a local stream.

use express_messages::{
    audio::{AudioBlock, PlayoutSource},
    audio_device::{MAX_MIXED_MEDIA, MediaId},
};

use super::{
    Returned,
    capture::{Around, Guarded},
};
use crate::{gain::Ramp, mixer::Mixer};

/// Room for media from the start: as many as may be, while as many fade out.
const MEDIA: usize = 2 * MAX_MIXED_MEDIA;

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
    mixer: Mixer,
}

impl Media {
    pub(super) fn new() -> Self {
        Self {
            media: Vec::with_capacity(MEDIA),
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
        if self.media.is_empty() && self.mixer.is_at_rest() {
            return;
        }
        self.mixer.clear();
        self.mixer.add(block, &mut Ramp::at(1.0));
        for medium in &mut self.media {
            around.scratch.reset(2);
            medium.source.fill(around.scratch, around.now, around.panics);
            self.mixer.add(around.scratch, &mut medium.gain);
        }
        block.copy_from(self.mixer.finish());
    }
}
