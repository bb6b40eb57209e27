//! A WAV file as blocks, for tools that work on files.

use std::path::Path;

use express_messages::{
    ZegoError,
    audio::{AudioBlock, SAMPLE_RATE},
};

use super::WavDecoder;

/// A WAV file as 10 ms blocks at 48 kHz, one or two channels; the last one is filled up with silence. Reads and resamples in
/// the caller's thread.
pub struct WavBlocks {
    decoder: WavDecoder,
}

impl WavBlocks {
    /// Opens `path`: 8 to 192 kHz, 16, 24 or 32 bit integer or 32 bit float; more than two channels are mixed to two.
    ///
    /// # Errors
    /// INPUT_PARAM (1100001) where the file cannot be read, which says why.
    pub fn open(path: &Path) -> Result<Self, ZegoError> {
        let decoder = WavDecoder::open(path, false)?;
        Ok(Self { decoder })
    }

    /// Channels of every block, 1 or 2.
    pub fn channels(&self) -> usize {
        self.decoder.channels()
    }
}

impl Iterator for WavBlocks {
    type Item = AudioBlock;

    fn next(&mut self) -> Option<AudioBlock> {
        let mut block = AudioBlock::silent(self.channels());
        let frames = self.decoder.next(block.samples_mut());
        (frames > 0).then_some(block)
    }
}

impl std::fmt::Debug for WavBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WavBlocks")
            .field("channels", &self.channels())
            .field("sample_rate", &SAMPLE_RATE)
            .finish_non_exhaustive()
    }
}
