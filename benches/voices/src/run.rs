//! The chain over whole recordings.

use std::time::Duration;

use express_audio_io::processing::VoiceChain;
use express_messages::{
    audio::{AudioBlock, BLOCK_FRAMES},
    voice::{VoiceConfig, VoiceStatistics},
};
use nix::time::{ClockId, clock_gettime};

/// What came out of the chain.
#[derive(Debug)]
pub struct Processed {
    /// As long as the microphone's recording, in whole blocks; interleaved.
    pub samples: Vec<f32>,
    /// CPU time of each block: what else the machine did meanwhile does not count.
    pub times: Vec<Duration>,
    /// The chain's own statistics at the end.
    pub statistics: VoiceStatistics,
}

/// Median and 99th percentile of how long a block takes.
#[derive(Debug, Clone, Copy)]
pub struct Quantiles {
    /// Half of the blocks took less.
    pub median: Duration,
    /// One in a hundred took more.
    pub p99: Duration,
}

impl Processed {
    /// How long blocks took.
    pub fn quantiles(&self) -> Quantiles {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Quantiles {
            median: at(50),
            p99: at(99),
        }
    }
}

/// What this thread has computed so far.
///
/// # Panics
/// Where the system has no clock for that; the ones that this is built for have.
pub fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of the thread's CPU time");
    Duration::from(spent)
}

/// Runs what a microphone hears and what the speaker plays (silence behind its end), both mono, through a new chain of so many
/// `channels`; what comes out is interleaved.
pub fn process(config: VoiceConfig, channels: usize, mic: &[f32], played: &[f32]) -> Processed {
    let mut chain = VoiceChain::new(config, channels);
    let mut result = Processed {
        samples: Vec::with_capacity(mic.len()),
        times: Vec::with_capacity(mic.len() / BLOCK_FRAMES),
        statistics: VoiceStatistics::default(),
    };
    let (mut far, mut near, mut mono) = (AudioBlock::silent(2), AudioBlock::silent(channels), AudioBlock::silent(1));
    for (i, heard) in mic.chunks_exact(BLOCK_FRAMES).enumerate() {
        let from = played.len().min(i * BLOCK_FRAMES);
        let chunk = &played[from..played.len().min(from + BLOCK_FRAMES)];
        mono.reset(1);
        mono.samples_mut()[..chunk.len()].copy_from_slice(chunk);
        // The pump's mix is stereo.
        far.copy_from(&mono);
        mono.samples_mut().copy_from_slice(heard);
        near.copy_from(&mono);
        let begun = cpu_time();
        chain.render(&far);
        chain.capture(&mut near);
        result.times.push(cpu_time() - begun);
        result.samples.extend_from_slice(near.samples());
    }
    result.statistics = chain.report().read();
    result
}
