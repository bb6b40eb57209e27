//! Acoustic echo cancellation: AEC3.

use express_messages::audio::{AudioBlock, SAMPLE_RATE};
use sonora::{
    AudioProcessing, AudioProcessingStats, Config, StreamConfig,
    config::{EchoCanceller, MaxProcessingRate, Pipeline},
};

use super::{
    planes::{Plane, Planes},
    slot::Refused,
};

/// Channels of what is played: the mix is stereo. AEC3 finds out by itself whether both sides say the same.
const RENDER_CHANNELS: usize = 2;

#[derive(Debug)]
pub(super) struct Echo {
    canceller: AudioProcessing,
}

impl Echo {
    pub(super) fn new(channels: usize) -> Self {
        let config = Config {
            pipeline: Pipeline {
                // Its default of 32 kHz would remove everything over 16 kHz.
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            echo_canceller: Some(EchoCanceller {
                // The chain's own high-pass comes first.
                enforce_high_pass_filtering: false,
                ..EchoCanceller::default()
            }),
            ..Config::default()
        };
        let canceller = AudioProcessing::builder()
            .config(config)
            .capture_config(StreamConfig::new(SAMPLE_RATE, channels as u16))
            .render_config(StreamConfig::new(SAMPLE_RATE, RENDER_CHANNELS as u16))
            .echo_detector(true)
            .build();
        Self { canceller }
    }

    /// Hears what is played.
    pub(super) fn render(&mut self, played: &AudioBlock) -> Result<(), Refused> {
        let mut planes = Planes::silent(RENDER_CHANNELS);
        // The mixer lets nothing through that is not finite.
        planes.load(played);
        let mut unused = Planes::silent(RENDER_CHANNELS);
        let ([left, right], [unused_left, unused_right]) = (pair(planes.planes_mut())?, pair(unused.planes_mut())?);
        self.canceller
            .process_render_f32(&[&left[..], &right[..]], &mut [&mut unused_left[..], &mut unused_right[..]])
            .map_err(|_| Refused)
    }

    /// Takes the echo out of `block`.
    pub(super) fn process(&mut self, block: &mut Planes) -> Result<(), Refused> {
        let heard = block.clone();
        let done = match (heard.planes(), block.planes_mut()) {
            ([mono], [out]) => self.canceller.process_capture_f32(&[&mono[..]], &mut [&mut out[..]]),
            ([left, right], [out_left, out_right]) => self
                .canceller
                .process_capture_f32(&[&left[..], &right[..]], &mut [&mut out_left[..], &mut out_right[..]]),
            _ => return Err(Refused),
        };
        done.map_err(|_| Refused)
    }

    pub(super) fn statistics(&self) -> &AudioProcessingStats {
        self.canceller.statistics()
    }
}

fn pair(planes: &mut [Plane]) -> Result<[&mut Plane; RENDER_CHANNELS], Refused> {
    match planes {
        [left, right] => Ok([left, right]),
        _ => Err(Refused),
    }
}
