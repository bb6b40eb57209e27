//! The parts in their order.

use express_messages::{
    audio::{AudioBlock, MAX_CHANNELS},
    voice::{AiDenoiseMode, VoiceConfig},
};

use super::{
    VoiceReport,
    denoise::Denoise,
    echo::Echo,
    high_pass::HighPass,
    level::{Gain, Limit, Listener},
    noise::Noise,
    planes::Planes,
    slot::Slot,
};

/// The voice chain of one capture device.
///
/// For each 10 ms: first [`Self::render`] with what the speaker is given, then [`Self::capture`].
///
/// # Real time
/// About a quarter of a millisecond for a mono block. Its libraries allocate, and a part that is turned on is built where
/// [`Self::configure`] is called: on the pump's thread, never in a device callback.
#[derive(Debug)]
pub struct VoiceChain {
    config: VoiceConfig,
    mode: AiDenoiseMode,
    high_pass: Slot<HighPass>,
    echo: Slot<Echo>,
    noise: Slot<Noise>,
    denoise: Slot<Denoise>,
    listener: Slot<Listener>,
    gain: Slot<Gain>,
    limit: Slot<Limit>,
    block: Planes,
    report: VoiceReport,
}

impl VoiceChain {
    /// A chain for blocks of `channels` channels (1 or 2; anything else becomes the nearest of the two).
    ///
    /// Stereo goes through every part as stereo: AEC, ANS and AI denoise work on each side, AGC and limiter with one gain for
    /// both, speech is looked for on the left.
    pub fn new(config: VoiceConfig, channels: usize) -> Self {
        let channels = channels.clamp(1, MAX_CHANNELS);
        Self {
            config,
            mode: config.ai_denoise.unwrap_or_default(),
            high_pass: Slot::new(wants_high_pass(config), move || HighPass::new(channels)),
            echo: Slot::new(config.aec, move || Echo::new(channels)),
            noise: Slot::new(wants_noise(config), move || Noise::new(channels)),
            denoise: Slot::new(config.ai_denoise.is_some(), move || Denoise::new(channels)),
            listener: Slot::new(true, Listener::new),
            gain: Slot::new(config.agc, Gain::new),
            limit: Slot::new(true, Limit::new),
            block: Planes::silent(channels),
            report: VoiceReport::default(),
        }
    }

    /// Changes what works, from the next block on. Parts are faded in and out within a block; those that stay keep what they
    /// have learnt. AEC that is turned on again learns the room again, for about half a second.
    pub fn configure(&mut self, config: VoiceConfig) {
        self.config = config;
        self.mode = config.ai_denoise.unwrap_or(self.mode);
        self.high_pass.want(wants_high_pass(config));
        self.echo.want(config.aec);
        self.noise.want(wants_noise(config));
        self.denoise.want(config.ai_denoise.is_some());
        self.gain.want(config.agc);
    }

    /// Processes so many channels from now on, where that is more than before: begun anew, with the same report.
    pub(crate) fn widen(&mut self, channels: usize) {
        if channels > self.block.planes().len() {
            let report = self.report();
            *self = Self {
                report,
                ..Self::new(self.config, channels)
            };
        }
    }

    /// What works now.
    pub fn config(&self) -> VoiceConfig {
        self.config
    }

    /// Hears what the speaker is given, mono or stereo. Not calling it is as good as silence.
    pub fn render(&mut self, played: &AudioBlock) {
        self.echo.touch(|echo| echo.render(played));
    }

    /// Turns what the microphone heard into what is sent.
    ///
    /// Never gives anything but finite samples in −1.0..=1.0, and never fails: see [`VoiceReport`] for what went wrong. A
    /// block of another channel count is converted to the chain's.
    pub fn capture(&mut self, block: &mut AudioBlock) {
        self.report.add_non_finite(self.block.load(block));
        let before = self.block.level();
        self.clean();
        let speech_probability = self.listen();
        let limiter_level = self.limit.part().map_or(0.0, Limit::level);
        self.gain.run(&mut self.block, |gain, block| {
            gain.process(block, speech_probability, limiter_level);
            Ok(())
        });
        self.limit.run(&mut self.block, |limit, block| {
            limit.process(block);
            Ok(())
        });
        self.block.store(block);
        self.report.set_levels(before, self.block.level(), speech_probability);
        self.report.set_echo(self.echo.part().map(Echo::statistics));
        self.report.set_faults(self.faults());
    }

    /// Where the control side reads levels, echo statistics and faults.
    pub fn report(&self) -> VoiceReport {
        self.report.clone()
    }

    /// Takes out what is no voice.
    fn clean(&mut self) {
        let mode = self.mode;
        self.high_pass.run(&mut self.block, |high_pass, block| {
            high_pass.process(block);
            Ok(())
        });
        self.echo.run(&mut self.block, Echo::process);
        self.noise.run(&mut self.block, |noise, block| {
            noise.process(block);
            Ok(())
        });
        self.denoise.run(&mut self.block, |denoise, block| {
            denoise.process(block, mode);
            Ok(())
        });
    }

    /// How likely the block holds speech.
    fn listen(&mut self) -> f32 {
        let mut speech_probability = 0.0;
        let block = &self.block;
        self.listener.touch(|listener| {
            speech_probability = listener.speech_probability(block);
            Ok(())
        });
        speech_probability
    }

    fn faults(&self) -> u64 {
        self.high_pass.faults()
            + self.echo.faults()
            + self.noise.faults()
            + self.denoise.faults()
            + self.listener.faults()
            + self.gain.faults()
            + self.limit.faults()
    }
}

fn wants_high_pass(config: VoiceConfig) -> bool {
    config.high_pass || config.aec
}

fn wants_noise(config: VoiceConfig) -> bool {
    config.ans && config.ai_denoise.is_none()
}

#[cfg(test)]
mod tests;
