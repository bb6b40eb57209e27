//! The secret that a business server and the cloud share.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;
use thiserror::Error;

/// Length of a secret, in bytes. The bytes themselves are the AES-256 key; a secret that looks like hexadecimal is
/// not decoded.
pub const SECRET_LEN: usize = 32;

/// 64 characters, so that six random bits choose one without bias.
const ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// The secret of one AppID ("ServerSecret"): exactly 32 bytes of text.
///
/// It is both the key that seals tokens and the key that opens them: whoever has it can be any user. `Debug` does not
/// show it and there is no `Display`; [`Secret::expose`] is the one way to its text.
#[derive(Clone)]
pub struct Secret([u8; SECRET_LEN]);

impl Secret {
    /// Takes the secret's text.
    ///
    /// # Errors
    /// [`SecretError::Length`] unless it is 32 bytes, [`SecretError::NotAscii`] unless it is printable ASCII: other
    /// text is one that a configuration file or a console has altered on the way.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let bytes: [u8; SECRET_LEN] = text.as_bytes().try_into().map_err(|_| SecretError::Length(text.len()))?;
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(SecretError::NotAscii);
        }
        Ok(Self(bytes))
    }

    /// Makes a secret of 192 random bits from the system's generator.
    ///
    /// # Errors
    /// [`RandomError`] if the operating system gives no randomness; there is nothing to do but to give up.
    pub fn random() -> Result<Self, RandomError> {
        Ok(Self::from_random(random_bytes()?))
    }

    /// Makes a secret from 32 random bytes, of which it uses six bits each.
    pub fn from_random(random: [u8; SECRET_LEN]) -> Self {
        Self(random.map(|byte| ALPHABET[usize::from(byte & 63)]))
    }

    /// The secret's text, for the one place that has to show or store it.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).expect("every constructor admits ASCII only")
    }

    pub(crate) fn key(&self) -> &[u8; SECRET_LEN] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Secret {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        Self::new(&text)
    }
}

/// Why a text is no secret. Never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is not 32 bytes long; holds the length found.
    #[error("the secret must be {SECRET_LEN} characters, this one has {0} bytes")]
    Length(usize),
    /// It has a space, a control character or something outside ASCII.
    #[error("the secret must be printable ASCII without spaces")]
    NotAscii,
}

impl SecretError {
    /// The number that the documented generators give for this failure.
    pub fn generator_code(&self) -> i32 {
        5
    }
}

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operating system gave no randomness")]
pub struct RandomError;

/// `N` bytes from the system's generator.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_exactly_32_printable_bytes() {
        let table = [
            ("", Err(SecretError::Length(0))),
            ("0123456789abcdef0123456789abcde", Err(SecretError::Length(31))),
            ("0123456789abcdef0123456789abcdef", Ok(())),
            ("0123456789abcdef0123456789abcdef0", Err(SecretError::Length(33))),
            ("0123456789abcdef 123456789abcdef", Err(SecretError::NotAscii)),
            ("0123456789abcdef\n123456789abcdef", Err(SecretError::NotAscii)),
            ("é123456789abcdef0123456789abcde", Err(SecretError::NotAscii)),
        ];
        for (text, want) in table {
            assert_eq!(Secret::new(text).map(|_| ()), want, "{text:?}");
        }
        assert_eq!(SecretError::NotAscii.generator_code(), 5);
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn every_random_byte_gives_a_character_that_new_accepts() {
        for start in 0..8 {
            let random = std::array::from_fn(|i| start * 32 + i as u8);
            let secret = Secret::from_random(random);
            assert!(Secret::new(secret.expose()).is_ok());
        }
    }

    #[test]
    fn two_random_secrets_differ() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a.expose(), b.expose());
    }
}
