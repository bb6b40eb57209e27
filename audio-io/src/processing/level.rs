//! Speech, its level, and the gain and limit that follow from it: the parts of WebRTC's AGC2.

use express_messages::audio::{BLOCK_FRAMES, SAMPLE_RATE};
use sonora_agc2::{
    adaptive_digital_gain_controller::{AdaptiveDigitalGainController, FrameInfo},
    common::{ADJACENT_SPEECH_FRAMES_THRESHOLD, SATURATION_PROTECTOR_INITIAL_HEADROOM_DB, float_s16_to_dbfs},
    limiter::Limiter,
    noise_level_estimator::NoiseLevelEstimator,
    saturation_protector::SaturationProtector,
    speech_level_estimator::{AdaptiveDigitalConfig, SpeechLevelEstimator},
    vad_wrapper::VoiceActivityDetectorWrapper,
};

use super::planes::{FULL_SCALE, Plane, Planes};

/// It begins with no gain, where WebRTC begins with 15 dB: turning AGC on is then no jump, and what is left of an echo before
/// the canceller has learnt the room is not made louder.
const GAIN: AdaptiveDigitalConfig = AdaptiveDigitalConfig {
    headroom_db: 5.0,
    max_gain_db: 30.0,
    initial_gain_db: 0.0,
    max_gain_change_db_per_second: 6.0,
    max_output_noise_level_dbfs: -50.0,
};

/// Tells speech from other sound.
#[derive(Debug)]
pub(super) struct Listener {
    detector: VoiceActivityDetectorWrapper,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self {
            detector: VoiceActivityDetectorWrapper::new(sonora_simd::detect_backend(), SAMPLE_RATE as i32),
        }
    }

    /// The likelihood that the first channel of `block` holds speech.
    pub(super) fn speech_probability(&mut self, block: &Planes) -> f32 {
        let mut plane: Plane = block.planes()[0];
        plane.iter_mut().for_each(|s| *s *= FULL_SCALE);
        self.detector.analyze(&plane).clamp(0.0, 1.0)
    }
}

/// Automatic gain control.
#[derive(Debug)]
pub(super) struct Gain {
    noise: NoiseLevelEstimator,
    speech: SpeechLevelEstimator,
    headroom: SaturationProtector,
    controller: AdaptiveDigitalGainController,
}

impl Gain {
    pub(super) fn new() -> Self {
        let speech_frames = ADJACENT_SPEECH_FRAMES_THRESHOLD;
        Self {
            noise: NoiseLevelEstimator::default(),
            speech: SpeechLevelEstimator::new(&GAIN, speech_frames),
            headroom: SaturationProtector::new(SATURATION_PROTECTOR_INITIAL_HEADROOM_DB, speech_frames),
            controller: AdaptiveDigitalGainController::new(GAIN, speech_frames),
        }
    }

    /// Applies the gain that the speech so far asks for. `limiter_level` is that of [`Limit::level`] for the block before.
    pub(super) fn process(&mut self, block: &mut Planes, speech_probability: f32, limiter_level: f32) {
        let level = block.level();
        let dbfs = |level: f32| float_s16_to_dbfs(level * FULL_SCALE);
        block.with_slices(|channels| {
            self.speech.update(dbfs(level.rms), speech_probability);
            let speech_level_dbfs = self.speech.level_dbfs();
            self.headroom.analyze(speech_probability, dbfs(level.peak), speech_level_dbfs);
            let noise_rms_dbfs = match channels {
                [mono] => self.noise.analyze(&[mono]),
                [left, right] => self.noise.analyze(&[left, right]),
                _ => return,
            };
            let info = FrameInfo {
                speech_probability,
                speech_level_dbfs,
                speech_level_reliable: self.speech.is_confident(),
                noise_rms_dbfs,
                headroom_db: self.headroom.headroom_db(),
                limiter_envelope_dbfs: float_s16_to_dbfs(limiter_level),
            };
            self.controller.process(&info, channels);
        });
    }
}

/// Keeps peaks under full scale without a hard edge.
#[derive(Debug)]
pub(super) struct Limit {
    limiter: Limiter,
}

impl Limit {
    pub(super) fn new() -> Self {
        Self {
            limiter: Limiter::new(BLOCK_FRAMES),
        }
    }

    pub(super) fn process(&mut self, block: &mut Planes) {
        block.with_slices(|channels| self.limiter.process(channels));
    }

    /// The level that it found last, at 16 bit scale.
    pub(super) fn level(&self) -> f32 {
        self.limiter.last_audio_level()
    }
}
