//! Whether somebody speaks (the documented `vad`), by energy: a voice goes up and down within a fifth of a second, noise of a fan
//! or a road stays as it is. Music counts as a voice. The page has the same rule (`web/sdk/media/voice.js`).

use express_messages::audio::AudioBlock;

use crate::mixer::finite;

/// Blocks of 10 ms that one look takes in: 170 of the 200 ms between two.
const WINDOW: usize = 17;
/// Nobody hears less, as root mean square: -54 dBFS.
const SILENCE: f32 = 0.002;
/// So much louder than the noise is a voice: 9 dB.
const OVER_NOISE: f32 = 2.8;
/// So much of a look must be loud; a knock on the table is shorter.
const LEAST_LOUD: f32 = 0.2;
/// Looks that tell how loud the noise is: nobody speaks for 3 s without a breath.
const NOISE_LOOKS: usize = 15;
/// A pause between two words may be so many looks long.
const HANGOVER_LOOKS: u32 = 2;
/// Samples that are summed side by side.
const LANES: usize = 8;

/// One stream's voice.
///
/// # Real time
/// Computes only.
#[derive(Debug)]
pub(crate) struct VoiceActivity {
    /// How loud the last blocks were, in any order.
    loudness: [f32; WINDOW],
    /// The quietest block of each of the last looks, in any order.
    quietest: [f32; NOISE_LOOKS],
    blocks: usize,
    looks: usize,
    quiet_looks: u32,
}

impl VoiceActivity {
    pub(crate) fn new() -> Self {
        Self {
            loudness: [0.0; WINDOW],
            quietest: [f32::INFINITY; NOISE_LOOKS],
            blocks: 0,
            looks: 0,
            quiet_looks: HANGOVER_LOOKS,
        }
    }

    /// Takes the next block.
    pub(crate) fn note(&mut self, block: &AudioBlock) {
        self.loudness[self.blocks % WINDOW] = root_mean_square(block);
        self.blocks = self.blocks.wrapping_add(1);
    }

    /// Looks at the last blocks, every 200 ms: whether they hold a voice, or hardly ceased to.
    pub(crate) fn look(&mut self) -> bool {
        self.quietest[self.looks % NOISE_LOOKS] = smallest(&self.loudness);
        self.looks = self.looks.wrapping_add(1);
        let threshold = SILENCE.max(OVER_NOISE * smallest(&self.quietest));
        let loud = self.loudness.iter().filter(|block| **block > threshold).count();
        let is_loud = loud as f32 >= LEAST_LOUD * WINDOW as f32;
        self.quiet_looks = if is_loud { 0 } else { self.quiet_looks.saturating_add(1) };
        self.quiet_looks < HANGOVER_LOOKS
    }
}

fn smallest(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::INFINITY, f32::min)
}

/// Of the mean of all channels.
fn root_mean_square(block: &AudioBlock) -> f32 {
    let channels = block.channels();
    let mut squares = [0.0f32; LANES];
    for frames in block.samples().chunks_exact(LANES * channels) {
        for (square, frame) in squares.iter_mut().zip(frames.chunks_exact(channels)) {
            let mean = frame.iter().sum::<f32>() / channels as f32;
            *square += mean * mean;
        }
    }
    let frames = block.samples().len() / channels;
    finite((squares.iter().sum::<f32>() / frames as f32).sqrt())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use express_messages::audio::BLOCK_FRAMES;

    use super::*;
    use crate::hearing::rms;

    const SPEAKERS: [&str; 4] = ["jfk_male", "libri103_female", "libri26_male", "libri40_female"];
    const BLOCKS_PER_LOOK: usize = 20;

    fn speech(name: &str) -> Vec<f32> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/speech/{name}.wav"));
        let samples = hound::WavReader::open(path).unwrap().into_samples::<i16>();
        samples.map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
    }

    /// White noise, the same each time.
    fn noise(length: usize, level: f32) -> Vec<f32> {
        let mut seed = 1u64;
        let mut next = || {
            seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
            level * 12f32.sqrt() * (seed as f32 / (1u64 << 31) as f32 - 0.5)
        };
        (0..length).map(|_| next()).collect()
    }

    /// What each look says of `samples`, given on so many channels.
    fn looks(samples: &[f32], channels: usize) -> Vec<bool> {
        let mut voice = VoiceActivity::new();
        let mut looks = Vec::new();
        for (n, mono) in samples.chunks_exact(BLOCK_FRAMES).enumerate() {
            let mut block = AudioBlock::silent(channels);
            for (frame, sample) in block.samples_mut().chunks_exact_mut(channels).zip(mono) {
                frame.fill(*sample);
            }
            voice.note(&block);
            if (n + 1) % BLOCKS_PER_LOOK == 0 {
                looks.push(voice.look());
            }
        }
        looks
    }

    fn share(samples: &[f32]) -> f32 {
        let looks = looks(samples, 1);
        looks.iter().filter(|voice| **voice).count() as f32 / looks.len() as f32
    }

    #[test]
    fn who_reads_aloud_is_a_voice_most_of_the_time_in_a_quiet_room_and_15_db_above_noise() {
        for name in SPEAKERS {
            let said = speech(name);
            let around = noise(said.len(), rms(&said) * 10f32.powf(-15.0 / 20.0));
            let in_noise: Vec<f32> = said.iter().zip(&around).map(|(said, around)| said + around).collect();
            assert!(share(&said) > 0.75, "{name}: {}", share(&said));
            assert!(share(&in_noise) > 0.65, "{name} in noise: {}", share(&in_noise));
        }
    }

    #[test]
    fn silence_and_steady_noise_are_none_however_loud_nor_is_what_is_no_number() {
        for level in [0.0, 0.001, 0.01, 0.05, 0.2, f32::NAN] {
            assert_eq!(share(&noise(240_000, level)), 0.0, "{level}");
        }
    }

    #[test]
    fn a_knock_on_the_table_is_none() {
        let mut knocks = noise(240_000, 0.001);
        for start in (4_000..knocks.len()).step_by(24_000) {
            knocks[start..start + 400].fill(0.8);
        }
        assert_eq!(share(&knocks), 0.0);
    }

    #[test]
    fn a_voice_is_over_within_half_a_second_of_its_last_word_and_not_in_the_pause_between_two_words() {
        let look = BLOCKS_PER_LOOK * BLOCK_FRAMES;
        let loud = (0..look).map(|n| {
            if n % 2_400 < 1_440 {
                0.2 * (n as f32 / 20.0).sin()
            } else {
                0.0
            }
        });
        let samples: Vec<f32> = loud.chain(std::iter::repeat_n(0.0, 2 * look)).collect();
        for channels in [1, 2] {
            assert_eq!(looks(&samples, channels), [true, true, false], "{channels}");
        }
    }
}
