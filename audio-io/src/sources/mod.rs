//! Where the sound of local streams comes from, besides microphones and what the application pushes.

mod feed;
mod tone;
mod wav;

pub(crate) use feed::{OpenedWav, open_wav};
pub(crate) use tone::Tone;
pub use wav::WavBlocks;
