//! The voice chain: what a microphone hears becomes what others should hear of it.
//!
//! ```text
//! microphone ─ sanitise ─ high-pass ─ AEC ─┬─ ANS ────────┬─ speech? ─ AGC ─ limiter ─ out
//!                                     ▲    └─ AI denoise ─┘
//! what the speaker is given ──────────┘
//! ```
//!
//! AEC, ANS, AGC and limiter are those of `sonora`, a port of WebRTC's; AI denoise is `nnnoiseless`, a port of RNNoise.
//! Each is a part of its own that is faded in and out within a block, so that a change of one leaves the others, and what
//! they learnt, alone. A part that fails is replaced and counted; its input passes meanwhile, so no block is ever missing.
//!
//! ```
//! use express_audio_io::processing::VoiceChain;
//! use express_messages::{audio::AudioBlock, voice::VoiceConfig};
//!
//! let mut chain = VoiceChain::new(VoiceConfig::default(), 1);
//! let report = chain.report();
//! let (played, mut heard) = (AudioBlock::silent(2), AudioBlock::silent(1));
//! chain.render(&played);
//! chain.capture(&mut heard);
//! assert_eq!(report.read().faults, 0);
//! ```
//!
//! # Real time
//! About a quarter of a millisecond for each block. The libraries allocate: on the pump's thread, never in a device callback.

mod chain;
mod denoise;
mod echo;
mod high_pass;
mod level;
mod noise;
mod planes;
mod report;
mod slot;

pub use chain::VoiceChain;
pub use report::VoiceReport;
