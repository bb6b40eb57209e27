//! Making tokens, in a business server.

use thiserror::Error;

use crate::cipher::{Cipher, Iv, seal};
use crate::claims::{Claims, Privileges, length_fault};
use crate::layout::{MAX_TOKEN_CHARS, Packed};
use crate::secret::{RandomError, Secret, random_bytes};
use crate::wire::write_claims;

/// What a business server decides about a token; the rest is time and randomness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The AppID it is for; not 0.
    pub app_id: u32,
    /// The userID it is for.
    pub user_id: String,
    /// How long it is good, in seconds; more than 0. A cloud may have an upper bound
    /// ([`Policy::max_ttl_s`](crate::Policy::max_ttl_s)).
    pub ttl_s: i64,
    /// What the user may do; `None` makes a basic token, which permits everything.
    pub privileges: Option<Privileges>,
}

impl Grant {
    /// The claims of a token made now.
    ///
    /// - `nonce`: any number; 31 random bits are customary
    /// - `now`: unix seconds
    pub fn claims(&self, nonce: i64, now: i64) -> Claims {
        Claims {
            app_id: self.app_id,
            user_id: self.user_id.clone(),
            nonce,
            ctime: now,
            expire: now.saturating_add(self.ttl_s),
            privileges: self.privileges.clone(),
        }
    }
}

/// Seals claims into a token. The same arguments give the same token.
///
/// # Errors
/// [`IssueError`]: whatever [`verify`](crate::verify()) would refuse under every policy is not made, nor what a verifier
/// could take for something else than was meant.
///
/// # Source
/// The checks of the documented generators, see [`IssueError::generator_code`]; key order app_id, user_id, nonce, ctime,
/// expire, payload.
pub fn issue(claims: &Claims, secret: &Secret, iv: &Iv) -> Result<String, IssueError> {
    check(claims)?;
    let plain = write_claims(claims).map_err(|_| IssueError::Sealing)?;
    // Longer than the token may be, and then its ciphertext too: refused before a length field could overflow.
    if plain.len() > MAX_TOKEN_CHARS {
        return Err(IssueError::TooLong);
    }
    let ciphertext = seal(secret, iv, plain).map_err(|_| IssueError::Sealing)?;
    let packed = Packed {
        expire: claims.expire,
        iv: *iv,
        ciphertext,
    };
    packed.to_token().ok_or(IssueError::TooLong)
}

/// Seals a grant into a token made now, with nonce and initialisation vector from the system's generator.
///
/// - `now`: unix seconds
///
/// # Errors
/// As [`issue`], and [`IssueError::Random`].
pub fn issue_random(grant: &Grant, secret: &Secret, cipher: Cipher, now: i64) -> Result<String, IssueError> {
    // 31 bits, which every published generator and every reader of a 32-bit number can hold.
    let nonce = u32::from_be_bytes(random_bytes()?) >> 1;
    let claims = grant.claims(i64::from(nonce), now);
    issue(&claims, secret, &Iv::random(cipher)?)
}

fn check(claims: &Claims) -> Result<(), IssueError> {
    if claims.app_id == 0 {
        return Err(IssueError::AppId);
    }
    match length_fault(claims) {
        Some("user_id") => return Err(IssueError::UserId),
        Some(field) => return Err(IssueError::Length(field)),
        None => {}
    }
    if claims.expire <= claims.ctime {
        return Err(IssueError::Ttl);
    }
    let streams = claims.privileges.as_ref().and_then(|p| p.streams.as_ref());
    if streams.is_some_and(Vec::is_empty) {
        return Err(IssueError::EmptyStreams);
    }
    Ok(())
}

/// Why a token is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The AppID is 0.
    #[error("app_id may not be 0")]
    AppId,
    /// The userID is empty or longer than 64 characters.
    #[error("user_id must have 1 to 64 characters")]
    UserId,
    /// The token would end before it begins.
    #[error("the token must live longer than 0 seconds")]
    Ttl,
    /// Another id is empty or too long; names the field.
    #[error("the length of {0} is out of bounds")]
    Length(&'static str),
    /// The list of streamIDs is empty: documented verifiers read that as "any stream". Deny publishing instead, or use
    /// `None`.
    #[error("an empty stream list would permit every stream; name one or deny publishing")]
    EmptyStreams,
    /// It would be longer than [`MAX_TOKEN_CHARS`](crate::MAX_TOKEN_CHARS): too many streamIDs.
    #[error("the token would be longer than {MAX_TOKEN_CHARS} characters")]
    TooLong,
    /// The operating system gave no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The cipher failed: our bug, please report.
    #[error("sealing failed; this is a bug, please report it")]
    Sealing,
}

impl IssueError {
    /// The number that the documented generators give for this failure, -1 where they know none. (A bad secret is 5:
    /// [`SecretError::generator_code`](crate::SecretError::generator_code).)
    pub fn generator_code(&self) -> i32 {
        match self {
            Self::AppId => 1,
            Self::UserId => 3,
            Self::Ttl => 6,
            _ => -1,
        }
    }
}
