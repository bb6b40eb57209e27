//! The two ciphers of token04, over aws-lc-rs.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use serde::{Deserialize, Serialize};

use crate::secret::{RandomError, Secret, random_bytes};

/// Bytes of an AES block, and of the CBC initialisation vector.
pub(crate) const BLOCK_LEN: usize = 16;
/// Bytes of the GCM nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes of the GCM tag, which stands after the ciphertext.
pub(crate) const TAG_LEN: usize = 16;

/// How a token is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cipher {
    /// AES-256-CBC with PKCS#7 padding: what most published generators make. It has no MAC, so whoever holds a token can
    /// alter bits of it; [`verify`](crate::verify()) says what that is worth.
    Cbc,
    /// AES-256-GCM: a token altered in any bit does not open. Prefer it where you choose.
    Gcm,
}

impl Cipher {
    /// The word of the command line and of configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cbc => "cbc",
            Self::Gcm => "gcm",
        }
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Cipher {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "cbc" => Ok(Self::Cbc),
            "gcm" => Ok(Self::Gcm),
            _ => Err("a cipher is cbc or gcm".into()),
        }
    }
}

/// A set of ciphers; collect it from an iterator of [`Cipher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ciphers {
    cbc: bool,
    gcm: bool,
}

impl Ciphers {
    /// Both.
    pub const ALL: Self = Self { cbc: true, gcm: true };

    /// Whether the set has this one.
    pub fn contains(self, cipher: Cipher) -> bool {
        match cipher {
            Cipher::Cbc => self.cbc,
            Cipher::Gcm => self.gcm,
        }
    }

    /// Whether the set is empty, so that no token can pass.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl FromIterator<Cipher> for Ciphers {
    fn from_iter<I: IntoIterator<Item = Cipher>>(ciphers: I) -> Self {
        let mut set = Self::default();
        for cipher in ciphers {
            match cipher {
                Cipher::Cbc => set.cbc = true,
                Cipher::Gcm => set.gcm = true,
            }
        }
        set
    }
}

/// The initialisation vector of one token, and with it the choice of cipher.
///
/// Never use one twice with the same secret: under GCM that gives away what the tag protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iv {
    /// For AES-256-CBC.
    Cbc([u8; BLOCK_LEN]),
    /// For AES-256-GCM.
    Gcm([u8; NONCE_LEN]),
}

impl Iv {
    /// Draws one from the system's generator.
    ///
    /// # Errors
    /// [`RandomError`] if the operating system gives no randomness.
    pub fn random(cipher: Cipher) -> Result<Self, RandomError> {
        Ok(match cipher {
            Cipher::Cbc => Self::Cbc(random_bytes()?),
            Cipher::Gcm => Self::Gcm(random_bytes()?),
        })
    }

    /// The cipher it is for.
    pub fn cipher(&self) -> Cipher {
        match self {
            Self::Cbc(_) => Cipher::Cbc,
            Self::Gcm(_) => Cipher::Gcm,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Cbc(iv) => iv,
            Self::Gcm(nonce) => nonce,
        }
    }
}

/// Encrypts `plain`; CBC pads it, GCM appends its tag.
pub(crate) fn seal(secret: &Secret, iv: &Iv, plain: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
    let mut text = plain;
    match iv {
        Iv::Cbc(iv) => {
            let key = UnboundCipherKey::new(&AES_256, secret.key())?;
            let context = EncryptionContext::Iv128(FixedLength::from(iv));
            PaddedBlockEncryptingKey::cbc_pkcs7(key)?.less_safe_encrypt(&mut text, context)?;
        }
        Iv::Gcm(nonce) => {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            gcm_key(secret)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut text)?;
        }
    }
    Ok(text)
}

/// Decrypts with CBC and leaves the padding in place: see [`Padding`] for why.
pub(crate) fn open_cbc(secret: &Secret, iv: &[u8; BLOCK_LEN], ciphertext: &mut [u8]) -> Result<(), Unspecified> {
    let key = UnboundCipherKey::new(&AES_256, secret.key())?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    DecryptingKey::cbc(key)?.decrypt(ciphertext, context)?;
    Ok(())
}

/// Checks the tag, decrypts with GCM and cuts the tag off.
pub(crate) fn open_gcm(secret: &Secret, nonce: &[u8; NONCE_LEN], ciphertext: &mut Vec<u8>) -> Result<(), Unspecified> {
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plain_len = gcm_key(secret)?.open_in_place(nonce, Aad::empty(), ciphertext)?.len();
    ciphertext.truncate(plain_len);
    Ok(())
}

fn gcm_key(secret: &Secret) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.key())?))
}

/// The PKCS#7 padding at the end of a decrypted text, judged without a branch on what was decrypted.
///
/// The judgement is kept and asked for only when the content has been read to its end, so that good and bad padding
/// take the same steps until nothing is left to learn from them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Padding {
    len: u8,
    fault: u8,
}

impl Padding {
    /// Looks at the last block; every block makes the same 16 steps.
    pub(crate) fn of(block: &[u8; BLOCK_LEN]) -> Self {
        let len = block[BLOCK_LEN - 1];
        let mut fault = mask_less(len, 1) | mask_less(BLOCK_LEN as u8, len);
        for (byte, from_end) in block.iter().zip((1..=BLOCK_LEN as u8).rev()) {
            let is_padding = !mask_less(len, from_end);
            fault |= is_padding & (byte ^ len);
        }
        Self { len, fault }
    }

    /// Whether it is well formed and exactly `len` bytes long.
    pub(crate) fn is_exactly(self, len: usize) -> bool {
        black_box(self.fault) == 0 && usize::from(self.len) == len
    }
}

/// 0xFF if `a < b`, else 0, by arithmetic.
fn mask_less(a: u8, b: u8) -> u8 {
    black_box((u16::from(a).wrapping_sub(u16::from(b)) >> 8) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_padding(block: &[u8; 16]) -> Option<usize> {
        (0..=255).find(|len| Padding::of(block).is_exactly(*len))
    }

    #[test]
    fn padding_is_what_pkcs7_says_for_every_last_byte() {
        for len in 0..=255_u8 {
            let good = (1..=16).contains(&len);
            assert_eq!(is_padding(&[len; 16]), good.then_some(usize::from(len)), "{len}");
        }
    }

    #[test]
    fn one_wrong_byte_anywhere_in_the_padding_spoils_it_and_none_before_it_does() {
        for len in 1..=16_u8 {
            for spoiled in 0..15 {
                let mut block = [len; 16];
                block[spoiled] ^= 0x80;
                let inside = spoiled >= 16 - usize::from(len);
                assert_eq!(is_padding(&block).is_none(), inside, "len {len}, byte {spoiled}");
            }
        }
    }

    #[test]
    fn the_set_of_ciphers_is_what_was_collected() {
        let gcm: Ciphers = [Cipher::Gcm].into_iter().collect();
        assert!(gcm.contains(Cipher::Gcm) && !gcm.contains(Cipher::Cbc) && !gcm.is_empty());
        let all: Ciphers = [Cipher::Cbc, Cipher::Gcm].into_iter().collect();
        assert_eq!(all, Ciphers::ALL);
        assert!(Ciphers::from_iter([]).is_empty());
    }

    #[test]
    fn a_cipher_is_spelled_as_it_is_read() {
        for cipher in [Cipher::Cbc, Cipher::Gcm] {
            assert_eq!(cipher.to_string().parse(), Ok(cipher));
        }
        assert!("CBC".parse::<Cipher>().is_err());
    }
}
