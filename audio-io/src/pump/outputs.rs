//! The open playout devices, and which of them a stream is heard on.

use std::time::Instant;

use express_messages::audio::AudioBlock;

use super::{OutputId, clock::MasterView, speaker::SpeakerOut};
use crate::gain::Ramp;

/// Room for outputs from the start; more than that allocates once, when one is added.
const OUTPUTS: usize = 8;

/// All open outputs, in the order in which they were opened: the first is the master.
#[derive(Debug)]
// Boxes, as they come and go through rings.
#[allow(clippy::vec_box)]
pub(super) struct Outputs {
    open: Vec<Box<SpeakerOut>>,
    heard: AudioBlock,
}

impl Outputs {
    pub(super) fn new() -> Self {
        Self {
            open: Vec::with_capacity(OUTPUTS),
            heard: AudioBlock::silent(2),
        }
    }

    pub(super) fn add(&mut self, mut speaker: Box<SpeakerOut>) {
        if self.open.is_empty() {
            speaker.begin_as_master();
        }
        self.open.push(speaker);
    }

    pub(super) fn remove(&mut self, id: OutputId) -> Option<Box<SpeakerOut>> {
        let at = self.open.iter().position(|speaker| speaker.id() == id)?;
        // The others keep their order: a follower becomes the master only by being the oldest.
        Some(self.open.remove(at))
    }

    /// What the clock wants to know of the master.
    pub(super) fn master(&mut self, now: Instant) -> Option<MasterView> {
        self.open.first_mut().map(|master| master.view(now))
    }

    /// Begins a new block.
    pub(super) fn clear(&mut self) {
        self.open.iter_mut().for_each(|speaker| speaker.mixer().clear());
    }

    /// Gives each device its mix, the master only if it `runs`. Answers what is heard: the sum of them, silence where there is
    /// none.
    pub(super) fn finish(&mut self, now: Instant, master_runs: bool) -> &AudioBlock {
        self.heard.reset(2);
        for (at, speaker) in self.open.iter_mut().enumerate() {
            let mix = match at {
                0 if master_runs => speaker.lead(),
                0 => continue,
                _ => speaker.follow(now),
            };
            let sum = self.heard.samples_mut().iter_mut().zip(mix.samples());
            sum.for_each(|(sum, sample)| *sum += sample);
        }
        &self.heard
    }

    fn mix(&mut self, output: Option<OutputId>, block: &AudioBlock, mut gain: Ramp) {
        let speaker = self.open.iter_mut().find(|speaker| Some(speaker.id()) == output);
        if let Some(speaker) = speaker {
            speaker.mixer().add(block, &mut gain);
        }
    }
}

/// Which output a stream is heard on: another one by a fade on both within one block.
#[derive(Debug, Default)]
pub(super) struct Route {
    present: Option<OutputId>,
    next: Option<OutputId>,
}

impl Route {
    pub(super) fn set(&mut self, output: OutputId) {
        self.next = Some(output);
    }

    /// Adds `block`, as loud as `gain`, which moves on by a block, to what the stream's output plays.
    pub(super) fn mix(&self, block: &AudioBlock, gain: &mut Ramp, outputs: &mut Outputs) {
        let (_, to) = gain.span();
        if self.present == self.next {
            outputs.mix(self.present, block, *gain);
        } else {
            let mut fade_out = *gain;
            fade_out.set(0.0);
            outputs.mix(self.present, block, fade_out);
            let mut fade_in = Ramp::at(0.0);
            fade_in.set(to);
            outputs.mix(self.next, block, fade_in);
        }
        gain.finish();
    }

    /// The block is made: what has faded in is the present one.
    pub(super) fn finish(&mut self) {
        self.present = self.next;
    }
}
