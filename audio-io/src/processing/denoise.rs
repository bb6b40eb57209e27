//! Denoising by a neural network: RNNoise.

use express_messages::{audio::BLOCK_FRAMES, voice::AiDenoiseMode};
use nnnoiseless::DenoiseState;

use super::planes::{FULL_SCALE, Plane, Planes};

/// What is left of a noise in the balanced mode: −12 dB.
const BALANCED_FLOOR: f32 = 0.25;

struct Channel {
    state: Box<DenoiseState<'static>>,
    /// The block before, as the network's output comes a block late.
    before: Plane,
}

pub(super) struct Denoise {
    channels: Vec<Channel>,
}

impl Denoise {
    pub(super) fn new(channels: usize) -> Self {
        let channel = || Channel {
            state: DenoiseState::new(),
            before: [0.0; BLOCK_FRAMES],
        };
        Self {
            channels: (0..channels).map(|_| channel()).collect(),
        }
    }

    pub(super) fn process(&mut self, block: &mut Planes, mode: AiDenoiseMode) {
        let floor = match mode {
            AiDenoiseMode::Ai => 0.0,
            AiDenoiseMode::AiBalanced => BALANCED_FLOOR,
        };
        block.scale(FULL_SCALE);
        for (channel, plane) in self.channels.iter_mut().zip(block.planes_mut()) {
            let heard = *plane;
            channel.state.process_frame(plane, &heard);
            if floor > 0.0 {
                for (out, dry) in plane.iter_mut().zip(&channel.before) {
                    *out += floor * (dry - *out);
                }
            }
            channel.before = heard;
        }
        block.scale(1.0 / FULL_SCALE);
    }
}
