//! Offer in, answer out. RFC 8829 (JSEP), RFC 9429, for one audio m-line of Opus.
//!
//! `rtc-sdp` reads and writes the text; here is what we take from an offer and what we say to it.

mod answer;
mod offer;

pub(crate) use answer::{AnswerParts, write_answer};
pub(crate) use offer::Offer;

use super::rtp::LegFormat;

/// Why an offer got no answer.
///
/// All but [`Busy`](Self::Busy), [`TooManyPeers`](Self::TooManyPeers) and [`Stopped`](Self::Stopped) say that the
/// same offer would be refused again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiateError {
    /// The offer is longer than [`ForwarderLimits::offer_bytes`](super::ForwarderLimits::offer_bytes).
    #[error("the offer is longer than {0} bytes")]
    TooLong(usize),
    /// Not SDP (RFC 8866).
    #[error("the offer is not SDP: {0}")]
    Syntax(String),
    /// No audio m-line that is not rejected already.
    #[error("the offer has no audio")]
    NoAudio,
    /// The audio m-line has no Opus at 48 kHz (RFC 7587).
    #[error("the offer's audio has no opus/48000/2")]
    NoOpus,
    /// ICE credentials are missing or have a length or characters that RFC 8839 §5.4 forbids.
    #[error("the offer has no usable ice-ufrag and ice-pwd")]
    IceCredentials,
    /// No certificate fingerprint by SHA-256 (RFC 8122).
    #[error("the offer has no usable sha-256 fingerprint")]
    Fingerprint,
    /// `a=setup:passive` or none: we are the DTLS server, the client must be able to begin.
    #[error("the offer's a=setup must be actpass or active")]
    Setup,
    /// RTP and RTCP must share a port (RFC 5761, RFC 8834 §4.5).
    #[error("the offer has no rtcp-mux")]
    NoRtcpMux,
    /// A publisher's offer must send audio, a player's must receive it.
    #[error("the offer's direction does not fit")]
    Direction,
    /// The terms of a relay are of another version, or nobody can send by them.
    #[error("the relay's terms are of no use")]
    RelayTerms,
    /// [`ForwarderLimits::peers`](super::ForwarderLimits::peers) are connected.
    #[error("too many peers")]
    TooManyPeers,
    /// The shard's queue of commands is full: try again in a moment.
    #[error("the forwarder is busy")]
    Busy,
    /// The forwarder was stopped.
    #[error("the forwarder has stopped")]
    Stopped,
}

/// What the peer does with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends it to us.
    Publisher,
    /// Receives it from us.
    Player,
}

/// ICE user fragment and password of one side. RFC 8839 §5.4.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl Credentials {
    /// Takes a fragment of 4 to 256 and a password of 22 to 256 characters out of letters, digits, `+` and `/`.
    ///
    /// # Errors
    /// [`NegotiateError::IceCredentials`]: other lengths or characters.
    pub fn new(ufrag: &str, password: &str) -> Result<Self, NegotiateError> {
        let is_ice = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        };
        let good = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&password.len()) && is_ice(ufrag) && is_ice(password);
        good.then(|| Self {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
        })
        .ok_or(NegotiateError::IceCredentials)
    }

    /// The user fragment: the value of `a=ice-ufrag`.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password: the value of `a=ice-pwd`.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the password: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.ufrag)
    }
}

/// A SHA-256 certificate fingerprint. RFC 8122 §5.
pub(crate) type Fingerprint = [u8; 32];

#[cfg(test)]
mod tests;
