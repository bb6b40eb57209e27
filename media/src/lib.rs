//! PublisherActor and PlayerActor of Express Audio, and the pipelines under them: codec, playout, RTP, transport.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
mod parts;
mod player;
pub mod playout;
mod publisher;
pub mod quality;
mod retry;
pub mod rtp;
pub mod transport;

pub use parts::MediaParts;
