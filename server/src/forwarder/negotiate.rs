//! From an offer to a peer and its answer, without I/O.

use std::net::SocketAddr;

use rand::RngExt;

use super::dtls::ClientCertificates;
use super::peer::NewPeer;
use super::sdp::{AnswerParts, Credentials, Fingerprint, Offer, Role, write_answer};
use super::{NegotiateError, PeerId, StreamKey};

/// Characters of ICE credentials: RFC 8839 §5.4.
const ICE_CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// 8 characters of 6 bits: two sessions with one user fragment do not happen.
const UFRAG_CHARACTERS: usize = 8;
/// 144 bits; RFC 8445 §5.3 asks for 128.
const PASSWORD_CHARACTERS: usize = 24;

/// What is the same for all offers to one shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) offer_bytes: usize,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) candidates: &'a [SocketAddr],
}

/// Makes a peer of an offer and writes the answer.
///
/// # Errors
/// As [`Offer::parse`].
pub(crate) fn negotiate(
    offer_sdp: &str,
    role: Role,
    (id, stream): (PeerId, StreamKey),
    terms: Terms<'_>,
    rng: &mut impl RngExt,
) -> Result<(NewPeer, String), NegotiateError> {
    let offer = Offer::parse(offer_sdp, role, terms.offer_bytes)?;
    let local = fresh_credentials(rng);
    let new = NewPeer {
        id,
        stream,
        role,
        local,
        remote: offer.credentials.clone(),
        fingerprint: offer.fingerprint,
        certificates: ClientCertificates::Ecdsa,
        format: offer.format,
        ssrc: rng.random_range(1..=u32::MAX),
        // Also used as msid, where + and / have no place.
        cname: random_text(rng, UFRAG_CHARACTERS).replace(['+', '/'], "x"),
        nack: offer.has_nack(),
    };
    let sdp = write_answer(
        &offer,
        &AnswerParts {
            role,
            credentials: &new.local,
            fingerprint: terms.fingerprint,
            candidates: terms.candidates,
            ssrc: new.ssrc,
            cname: &new.cname,
            // Some parsers take it for a signed number.
            session_id: rng.random::<u64>() >> 1,
        },
    );
    Ok((new, sdp))
}

/// Credentials that nobody can guess.
pub(crate) fn fresh_credentials(rng: &mut impl RngExt) -> Credentials {
    Credentials {
        ufrag: random_text(rng, UFRAG_CHARACTERS),
        password: random_text(rng, PASSWORD_CHARACTERS),
    }
}

fn random_text(rng: &mut impl RngExt, length: usize) -> String {
    (0..length)
        .map(|_| char::from(ICE_CHARACTERS[rng.random_range(0..ICE_CHARACTERS.len())]))
        .collect()
}
