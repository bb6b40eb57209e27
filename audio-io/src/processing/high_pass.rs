//! The high-pass of WebRTC: 100 Hz, sixth order.

use express_messages::audio::{BLOCK_FRAMES, SAMPLE_RATE};
use sonora::high_pass_filter::HighPassFilter;

use super::planes::Planes;

#[derive(Debug)]
pub(super) struct HighPass {
    filter: HighPassFilter,
    buffers: Vec<Vec<f32>>,
}

impl HighPass {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            filter: HighPassFilter::new(SAMPLE_RATE as i32, channels),
            buffers: vec![vec![0.0; BLOCK_FRAMES]; channels],
        }
    }

    pub(super) fn process(&mut self, block: &mut Planes) {
        for (buffer, plane) in self.buffers.iter_mut().zip(block.planes()) {
            buffer.copy_from_slice(plane);
        }
        self.filter.process_channels(&mut self.buffers);
        for (buffer, plane) in self.buffers.iter().zip(block.planes_mut()) {
            plane.copy_from_slice(buffer);
        }
    }
}
