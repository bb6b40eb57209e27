//! PublisherActor and PlayerActor of Express Audio, and the pipelines under them: codec, playout, RTP, transport.
//!
//! ```text
//!  pump ─ SendPipeline ─ ring ─► MediaTransport ─► server ─► MediaTransport ─ ring ─► ReceivePipeline ─ pump
//!              ▲                       ▲                           ▲                        ▲
//!              └──── PublisherActor ───┘                           └───── PlayerActor ──────┘
//! ```
//!
//! The actors decide and connect; no packet and no block of sound passes through them. Each try to connect is one
//! transport, and the pipelines outlive them all, so numbers, statistics and the jitter buffer go on over a reconnect.
//!
//! | look for | in |
//! |---|---|
//! | the factories that the engine takes | [`MediaParts`] |
//! | a network of one's own in place of WebRTC | [`transport::TransportFactory`] |
//! | sound to packets and back | [`rtp::send_pipeline`], [`rtp::receive_pipeline`] |
//! | the jitter buffer | [`playout`] |
//! | what a sender does about its network | [`control`] |
//! | Opus | [`codec`] |
//! | the documented quality reports | [`quality`] |
//!
//! ```
//! use express_media::MediaParts;
//! use express_messages::{player::PlayerFactory, publisher::PublisherFactory};
//!
//! let runtime = tokio::runtime::Runtime::new()?;
//! let parts = MediaParts::new(runtime.handle().clone());
//! let publisher: Box<dyn PublisherFactory> = Box::new(parts.clone());
//! let player: Box<dyn PlayerFactory> = Box::new(parts);
//! # Ok::<(), std::io::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod codec;
pub mod control;
mod former;
mod parts;
mod player;
pub mod playout;
mod publisher;
#[cfg(feature = "chaos")]
#[doc(hidden)]
pub mod pure;
pub mod quality;
mod retry;
pub mod rtp;
pub mod transport;

pub use parts::MediaParts;
