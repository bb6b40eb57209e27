//! Why a token is refused: what an operator is told, and the little that a client is.

use std::fmt;

use thiserror::Error;

use crate::cipher::Cipher;

/// The documented code for a token that is rejected, whatever is wrong with it.
pub const TOKEN_ERROR: u32 = 1_102_016;
/// The documented code for a token that is right and too old.
pub const TOKEN_EXPIRED: u32 = 1_102_018;

/// A refused token.
///
/// `Display`, [`Refusal::code`] and [`Refusal::client_message`] say only what a client may know. `Debug` and
/// [`Refusal::reason`] say all and belong in the operator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Reason);

impl Refusal {
    pub(crate) fn new(reason: Reason) -> Self {
        Self(reason)
    }

    /// [`TOKEN_EXPIRED`] for a token that is merely old, [`TOKEN_ERROR`] for all others.
    pub fn code(&self) -> u32 {
        match self.0 {
            Reason::Expired { .. } => TOKEN_EXPIRED,
            _ => TOKEN_ERROR,
        }
    }

    /// The text that goes with [`Refusal::code`]; one for each code.
    pub fn client_message(&self) -> &'static str {
        match self.0 {
            Reason::Expired { .. } => "token expired",
            _ => "token rejected",
        }
    }

    /// What is really wrong. For the operator only: a client that learns it can use the server to forge tokens.
    pub fn reason(&self) -> &Reason {
        &self.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.client_message())
    }
}

impl std::error::Error for Refusal {}

/// What is wrong with a token, for an operator.
///
/// Several may hold at once; the first in this order is reported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than [`MAX_TOKEN_CHARS`](crate::MAX_TOKEN_CHARS); holds the length found, in bytes.
    #[error("the token is {0} characters long, more than any token may be")]
    TooLong(usize),
    /// It does not begin with `04`.
    #[error("the token does not begin with the version \"04\"")]
    Version,
    /// What follows the version is not padded standard base64.
    #[error("the token is not base64 after its version")]
    Base64,
    /// A length field points beyond the end.
    #[error("the token is shorter than its length fields say")]
    Truncated,
    /// There is more after the ciphertext than one mode byte of value 0 (CBC) or 1 (GCM).
    #[error("the token has an unknown cipher mode or surplus bytes at its end")]
    Trailer,
    /// The initialisation vector is not of its cipher's length (16 CBC, 12 GCM); holds the length found.
    #[error("the initialisation vector of {cipher} may not be {len} bytes")]
    IvLength {
        /// The cipher that the token names.
        cipher: Cipher,
        /// The length found, in bytes.
        len: usize,
    },
    /// The ciphertext is no whole number of blocks, or too short; holds the length found.
    #[error("a ciphertext of {cipher} may not be {len} bytes")]
    CiphertextLength {
        /// The cipher that the token names.
        cipher: Cipher,
        /// The length found, in bytes.
        len: usize,
    },
    /// This AppID does not accept the cipher.
    #[error("the cipher {0} is not accepted")]
    CipherNotAccepted(Cipher),
    /// The GCM tag is wrong: another secret, or the token was altered.
    #[error("the token does not open with this secret")]
    Tag,
    /// What it holds is not the claims as JSON. With CBC this is also what another secret looks like.
    #[error("the token does not open with this secret, or its content is bad: {0}")]
    Json(String),
    /// The claims are there but the padding after them is wrong.
    #[error("the padding is wrong")]
    Padding,
    /// The payload is neither empty nor a privilege payload.
    #[error("the payload is bad: {0}")]
    Payload(String),
    /// An id is empty or too long; names the field.
    #[error("the length of {0} is out of bounds")]
    Length(&'static str),
    /// The AppID is another one; holds the token's.
    #[error("the token is for app_id {0}")]
    AppId(u32),
    /// The userID is another one; holds the token's.
    #[error("the token is for user_id {0:?}")]
    UserId(String),
    /// The expiry in clear and the sealed one differ.
    #[error("the token says outside that it expires at {outer} and inside at {inner}")]
    OuterExpire {
        /// In clear, unix seconds.
        outer: i64,
        /// Sealed, unix seconds.
        inner: i64,
    },
    /// It ends before it begins.
    #[error("expire is not after ctime")]
    NoLife,
    /// It lives longer than the AppID permits.
    #[error("the token lives {ttl_s} s, more than the permitted {max_ttl_s} s")]
    TooLongLife {
        /// `expire - ctime`, seconds.
        ttl_s: i64,
        /// The permitted maximum, seconds.
        max_ttl_s: i64,
    },
    /// It was made in the future.
    #[error("ctime lies {ahead_s} s ahead of the clock")]
    ClockAhead {
        /// `ctime - now`, seconds.
        ahead_s: i64,
    },
    /// All else is right and it is too old.
    #[error("the token expired {ago_s} s ago")]
    Expired {
        /// `now - expire`, seconds; 0 in the very second.
        ago_s: i64,
    },
    /// Its privileges do not include login.
    #[error("the token does not permit login")]
    LoginDenied,
    /// Its privileges are for another room; holds the token's.
    #[error("the token is for room {0:?}")]
    Room(String),
    /// Its privileges do not include publishing.
    #[error("the token does not permit publishing")]
    PublishDenied,
    /// Its list of streamIDs does not have this one.
    #[error("the token does not permit this stream")]
    Stream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_one_of_two_things() {
        let expired = Refusal::new(Reason::Expired { ago_s: 1 });
        assert_eq!((expired.code(), expired.to_string().as_str()), (1_102_018, "token expired"));
        let others = [
            Reason::TooLong(9),
            Reason::Version,
            Reason::Base64,
            Reason::Tag,
            Reason::Json("secret detail".into()),
            Reason::Padding,
            Reason::UserId("alice".into()),
            Reason::LoginDenied,
            Reason::Room("lobby".into()),
            Reason::Stream,
        ];
        for reason in others {
            let refusal = Refusal::new(reason);
            assert_eq!(refusal.code(), 1_102_016);
            assert_eq!(refusal.to_string(), "token rejected");
        }
    }
}
