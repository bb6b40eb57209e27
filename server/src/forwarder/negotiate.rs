//! From an offer to a peer and its answer, without I/O.

use std::net::SocketAddr;

use rand::RngExt;

use super::dtls::ClientCertificates;
use super::peer::{NewPeer, Placement};
use super::sdp::{AnswerParts, Credentials, Fingerprint, Offer, Role, write_answer};
use super::{NegotiateError, PeerId, StreamKey};

/// Characters of ICE credentials: RFC 8839 §5.4.
const ICE_CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// 8 characters of 6 bits: two sessions with one user fragment do not happen.
const UFRAG_CHARACTERS: usize = 8;
/// Shards that the two characters before them can name.
pub(crate) const MAX_SHARDS: usize = ICE_CHARACTERS.len() * ICE_CHARACTERS.len();
/// 144 bits; RFC 8445 §5.3 asks for 128.
const PASSWORD_CHARACTERS: usize = 24;

/// What is the same for all offers to one shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) offer_bytes: usize,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) candidates: &'a [SocketAddr],
    /// Where TCP connections are taken for all shards.
    pub(crate) tcp_candidates: &'a [SocketAddr],
    /// The number of the shard.
    pub(crate) shard: usize,
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
    let local = fresh_credentials(terms.shard, rng);
    let new = NewPeer {
        id,
        stream,
        place: Placement::default(),
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
            tcp_candidates: terms.tcp_candidates,
            ssrc: new.ssrc,
            cname: &new.cname,
            // Some parsers take it for a signed number.
            session_id: rng.random::<u64>() >> 1,
        },
    );
    Ok((new, sdp))
}

/// Credentials that nobody can guess, whose user fragment begins with the number of the shard: a TCP connection is
/// taken before it is known whom it is for.
pub(crate) fn fresh_credentials(shard: usize, rng: &mut impl RngExt) -> Credentials {
    let digits = [shard / ICE_CHARACTERS.len(), shard].map(|digit| digit % ICE_CHARACTERS.len());
    let mut ufrag: String = digits.iter().map(|digit| char::from(ICE_CHARACTERS[*digit])).collect();
    ufrag.push_str(&random_text(rng, UFRAG_CHARACTERS));
    Credentials {
        ufrag,
        password: random_text(rng, PASSWORD_CHARACTERS),
    }
}

/// The shard of a user fragment by [`fresh_credentials`]; whether there is such a fragment is another question.
pub(crate) fn shard_of(ufrag: &str) -> Option<usize> {
    let digit = |index: usize| {
        let character = ufrag.as_bytes().get(index)?;
        ICE_CHARACTERS.iter().position(|candidate| candidate == character)
    };
    Some(digit(0)? * ICE_CHARACTERS.len() + digit(1)?)
}

fn random_text(rng: &mut impl RngExt, length: usize) -> String {
    (0..length)
        .map(|_| char::from(ICE_CHARACTERS[rng.random_range(0..ICE_CHARACTERS.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_fragment_names_its_shard() {
        let mut rng = rand::rng();
        for shard in [0, 1, 63, 64, 65, MAX_SHARDS - 1] {
            assert_eq!(shard_of(fresh_credentials(shard, &mut rng).ufrag()), Some(shard));
        }
        assert_eq!((shard_of(""), shard_of("A"), shard_of("-A")), (None, None, None));
    }
}
