//! Judging tokens, in the cloud.

use crate::cipher::{BLOCK_LEN, Cipher, Ciphers, Iv, Padding, open_cbc, open_gcm};
use crate::claims::{Claims, length_fault};
use crate::layout::Packed;
use crate::policy::Policy;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::wire::{WireClaims, decoy_claims, read_claims, read_payload};

/// A token that was good for this user when it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    claims: Claims,
}

impl Verified {
    /// Whether it opens this room: always for a basic token.
    ///
    /// # Errors
    /// [`Reason::LoginDenied`], [`Reason::Room`]; both are [`TOKEN_ERROR`](crate::TOKEN_ERROR) to the client, like every
    /// token that is meant for something else.
    pub fn may_login(&self, room_id: &str) -> Result<(), Refusal> {
        let Some(privileges) = &self.claims.privileges else {
            return Ok(());
        };
        if privileges.room_id != room_id {
            return Err(Refusal::new(Reason::Room(privileges.room_id.clone())));
        }
        if !privileges.login {
            return Err(Refusal::new(Reason::LoginDenied));
        }
        Ok(())
    }

    /// Whether it permits this stream to be published: always for a basic token. Does not look at the room, in which
    /// the user already is.
    ///
    /// # Errors
    /// [`Reason::PublishDenied`], [`Reason::Stream`].
    pub fn may_publish(&self, stream_id: &str) -> Result<(), Refusal> {
        let Some(privileges) = &self.claims.privileges else {
            return Ok(());
        };
        if !privileges.publish {
            return Err(Refusal::new(Reason::PublishDenied));
        }
        let listed = |list: &Vec<String>| list.iter().any(|id| id == stream_id);
        if !privileges.streams.as_ref().is_none_or(listed) {
            return Err(Refusal::new(Reason::Stream));
        }
        Ok(())
    }

    /// The first second at which it is no longer good, unix seconds.
    pub fn expires_at(&self) -> i64 {
        self.claims.expire
    }

    /// Whether it is no longer good at `now`, unix seconds.
    pub fn is_expired(&self, now: i64) -> bool {
        is_expired(&self.claims, now)
    }

    /// All that it says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// Judges a token that `user_id` shows at `now`.
///
/// - `user_id`: the userID that the user logs in with; must be the token's
/// - `now`: unix seconds
///
/// It is good from `ctime` (less [`Policy::max_clock_ahead_s`]) until the second before `expire`. Room and streams are
/// asked of the answer.
///
/// # Errors
/// [`Refusal`], which tells a client one of two things; [`Refusal::reason`] tells the operator which of many.
///
/// # What a forger can learn
/// Every refusal comes after the same steps: one decryption, one reading of whole claims, one of a whole payload, one
/// judgement of everything; what a bad token does not have is taken from a decoy. Padding is judged without branches,
/// and only after the claims were read, whose reading never depends on it. So neither the answer nor the path shows
/// whether padding was good (test `every_refusal_takes_the_same_steps`). What remains is how far into a garbled text the
/// JSON reader gets, about a microsecond at most; limit the rate of failed logins.
///
/// CBC has no MAC, so these steps cannot prove that a CBC token is unaltered. The initialisation vector lets its holder
/// choose the first 16 bytes of the text. In tokens of this crate and of all published generators but one those are
/// `{"app_id":` and a part of the AppID, which is checked; the Java one writes the userID first, and there a user can
/// become another whose userID differs in its first four characters only. Accept [`Cipher::Gcm`] alone to end that.
pub fn verify(token: &str, secret: &Secret, policy: &Policy, user_id: &str, now: i64) -> Result<Verified, Refusal> {
    let opened = open(token, secret, policy.ciphers);
    let judgement = judge(&opened, policy, user_id, now);
    conclude(opened, judgement)
}

/// Judges a token whose bearer says nothing of who he is: he is the token's user. All else is as in [`verify`].
///
/// # Errors
/// As [`verify`].
pub fn verify_bearer(token: &str, secret: &Secret, policy: &Policy, now: i64) -> Result<Verified, Refusal> {
    let opened = open(token, secret, policy.ciphers);
    let judgement = judge(&opened, policy, &opened.claims.user_id, now);
    conclude(opened, judgement)
}

fn conclude(opened: Opened, judgement: Option<Reason>) -> Result<Verified, Refusal> {
    match opened.fault.or(judgement) {
        Some(reason) => Err(Refusal::new(reason)),
        None => Ok(Verified { claims: opened.claims }),
    }
}

/// What a token says and how it is sealed, whether or not it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What it says.
    pub claims: Claims,
    /// The expiry in clear, which a client reads, unix seconds.
    pub outer_expire: i64,
    /// How it is sealed.
    pub cipher: Cipher,
}

/// Opens a token without judging it, for an operator's tool. Never let its answer reach a client.
///
/// # Errors
/// The [`Reason`] if it cannot be opened.
pub fn inspect(token: &str, secret: &Secret) -> Result<Inspection, Reason> {
    let opened = open(token, secret, Ciphers::ALL);
    match opened.fault {
        Some(reason) => Err(reason),
        None => Ok(Inspection {
            claims: opened.claims,
            outer_expire: opened.outer_expire,
            cipher: opened.cipher,
        }),
    }
}

/// A token after all its layers: its claims, or a decoy's and the fault.
struct Opened {
    claims: Claims,
    outer_expire: i64,
    cipher: Cipher,
    fault: Option<Reason>,
}

fn open(token: &str, secret: &Secret, accepted: Ciphers) -> Opened {
    let (packed, layout_fault) = match Packed::from_token(token) {
        Ok(packed) => (packed, None),
        Err(reason) => (Packed::decoy(token.len()), Some(reason)),
    };
    let (outer_expire, cipher) = (packed.expire, packed.iv.cipher());
    let cipher_fault = (!accepted.contains(cipher)).then_some(Reason::CipherNotAccepted(cipher));
    let (wire, seal_fault) = unseal(packed, secret);
    let (claims, payload_fault) = complete(wire);
    Opened {
        claims,
        outer_expire,
        cipher,
        fault: layout_fault.or(cipher_fault).or(seal_fault).or(payload_fault),
    }
}

/// Decrypts and reads the claims; a fault comes with a decoy's claims.
fn unseal(packed: Packed, secret: &Secret) -> (WireClaims, Option<Reason>) {
    #[cfg(test)]
    crate::work::note(crate::work::Step::Decrypt);
    let mut text = packed.ciphertext;
    let opened = match packed.iv {
        Iv::Cbc(iv) => open_cbc(secret, &iv, &mut text),
        Iv::Gcm(nonce) => open_gcm(secret, &nonce, &mut text),
    };
    let read = match opened {
        Ok(()) => read_sealed(&text, packed.iv.cipher()),
        Err(_) => Err(Reason::Tag),
    };
    read.unwrap_or_else(|reason| (decoy_claims(), Some(reason)))
}

/// Reads the claims first and asks then whether exactly the padding follows them.
fn read_sealed(text: &[u8], cipher: Cipher) -> Result<(WireClaims, Option<Reason>), Reason> {
    let padding = match cipher {
        Cipher::Cbc => text.last_chunk::<BLOCK_LEN>().map(Padding::of),
        Cipher::Gcm => None,
    };
    let (wire, end) = read_claims(text).map_err(Reason::Json)?;
    let rest = text.len().saturating_sub(end);
    let fault = match padding {
        Some(padding) => (!padding.is_exactly(rest)).then_some(Reason::Padding),
        None => (rest != 0).then(|| Reason::Json("text after the object".into())),
    };
    Ok((wire, fault))
}

/// Reads the payload and puts the claims together.
fn complete(wire: WireClaims) -> (Claims, Option<Reason>) {
    let (privileges, fault) = match read_payload(&wire.payload) {
        Ok(privileges) => (privileges, None),
        Err(problem) => (None, Some(Reason::Payload(problem))),
    };
    let claims = Claims {
        app_id: wire.app_id,
        user_id: wire.user_id,
        nonce: wire.nonce,
        ctime: wire.ctime,
        expire: wire.expire,
        privileges,
    };
    (claims, fault)
}

/// All that can be wrong with what a token says; every check is made, the first fault counts, expiry comes last.
fn judge(opened: &Opened, policy: &Policy, user_id: &str, now: i64) -> Option<Reason> {
    #[cfg(test)]
    crate::work::note(crate::work::Step::Judge);
    let claims = &opened.claims;
    let (outer, inner) = (opened.outer_expire, claims.expire);
    let ttl_s = claims.expire.saturating_sub(claims.ctime);
    let ahead_s = claims.ctime.saturating_sub(now);
    let max_ttl_s = policy.max_ttl_s;
    let faults = [
        length_fault(claims).map(Reason::Length),
        (claims.app_id != policy.app_id).then_some(Reason::AppId(claims.app_id)),
        (claims.user_id != user_id).then(|| Reason::UserId(claims.user_id.clone())),
        (outer != inner).then_some(Reason::OuterExpire { outer, inner }),
        (ttl_s <= 0).then_some(Reason::NoLife),
        (ttl_s > max_ttl_s).then_some(Reason::TooLongLife { ttl_s, max_ttl_s }),
        (ahead_s > policy.max_clock_ahead_s).then_some(Reason::ClockAhead { ahead_s }),
        is_expired(claims, now).then_some(Reason::Expired {
            ago_s: now.saturating_sub(inner),
        }),
    ];
    faults.into_iter().flatten().next()
}

fn is_expired(claims: &Claims, now: i64) -> bool {
    now >= claims.expire
}
