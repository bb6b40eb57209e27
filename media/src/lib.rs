//! PublisherActor and PlayerActor of Express Audio, and the pipelines under them: codec, playout, RTP, transport.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
pub mod playout;
pub mod quality;
pub mod rtp;
