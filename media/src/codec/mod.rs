//! Opus (RFC 6716): 48 kHz in and out, frames of 10 or 20 ms on the sending side, whatever arrives on the receiving side.
//!
//! Encoder and decoder are our own small wrappers of libopus, since deep concealment, speech enhancement and deep redundancy
//! (libopus 1.5 and later) are reached by settings and calls that no safe crate offers.

mod encoder;
mod ffi;
mod self_test;

pub use encoder::Encoder;
#[cfg(test)]
pub(crate) use ffi::encoder::{Application, RawEncoder, Setting};
pub use ffi::{Decoder, MAX_PACKET_SAMPLES, PacketShape, dred::Dred, inspect};
pub(crate) use ffi::{SHORTEST_FRAME_SAMPLES, encoder::strip_extensions};
pub use self_test::self_test;

/// Why libopus refused something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The encoder or decoder could not be made: out of memory, or a build of libopus without what we need (give up).
    #[error("opus cannot be set up: {operation} answered {code}")]
    Create {
        /// The libopus call.
        operation: &'static str,
        /// Its answer, a negative number of `opus_defines.h`.
        code: i32,
    },
    /// A frame could not be encoded; it is skipped (carry on).
    #[error("a frame could not be encoded: opus answered {code}")]
    Encode {
        /// libopus' answer.
        code: i32,
    },
    /// What was encoded and decoded is not what it was (give up: this build or machine is broken).
    #[error("opus made {percent} percent of a tone")]
    Distorted {
        /// Peak of what came out, of that of what went in.
        percent: u32,
    },
    /// A packet is no valid Opus packet, or longer than the 120 ms that RFC 6716 allows (count it, conceal, carry on).
    #[error("a packet could not be decoded: opus answered {code}")]
    Decode {
        /// libopus' answer.
        code: i32,
    },
}
