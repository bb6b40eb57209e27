//! The text of a token: version, base64, length fields.
//!
//! ```text
//! token  = "04" base64( packed )            standard alphabet, padded
//! packed = expire  i64 big-endian           unix seconds, in clear
//!          iv_len  u16 big-endian           16 (CBC) or 12 (GCM)
//!          iv      iv_len bytes
//!          ct_len  u16 big-endian
//!          ct      ct_len bytes             CBC: whole blocks; GCM: ciphertext, then the 16-byte tag
//!         [mode    u8]                      absent or 0: CBC, 1: GCM
//! ```
//!
//! The published CBC generators write no mode byte; the GCM one writes 1. The documented checker takes any other value
//! for CBC; this one takes only 0, because a byte that means nothing is a byte that somebody altered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cipher::{BLOCK_LEN, Cipher, Iv, TAG_LEN};
use crate::refusal::Reason;

const VERSION: &str = "04";
const MODE_CBC: u8 = 0;
const MODE_GCM: u8 = 1;
/// `{}`, the shortest JSON object.
const MIN_PLAIN_LEN: usize = 2;

/// Longest token that is made or read, in characters. The length fields would allow 87,000; this has room for a list of
/// several hundred streamIDs of ordinary length and bounds what a stranger can make us decrypt.
pub const MAX_TOKEN_CHARS: usize = 16_384;

/// A token taken apart but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// The expiry in clear, unix seconds.
    pub(crate) expire: i64,
    pub(crate) iv: Iv,
    pub(crate) ciphertext: Vec<u8>,
}

impl Packed {
    /// Writes the token; `None` if it would be longer than [`MAX_TOKEN_CHARS`].
    pub(crate) fn to_token(&self) -> Option<String> {
        let iv = self.iv.bytes();
        let mut packed = Vec::with_capacity(self.ciphertext.len() + iv.len() + 13);
        packed.extend(self.expire.to_be_bytes());
        for field in [iv, &self.ciphertext] {
            packed.extend(u16::try_from(field.len()).ok()?.to_be_bytes());
            packed.extend(field);
        }
        if self.iv.cipher() == Cipher::Gcm {
            packed.push(MODE_GCM);
        }
        let token = format!("{VERSION}{}", STANDARD.encode(packed));
        (token.len() <= MAX_TOKEN_CHARS).then_some(token)
    }

    /// Takes a token apart. All that it checks is visible to whoever holds the token.
    pub(crate) fn from_token(token: &str) -> Result<Self, Reason> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(Reason::TooLong(token.len()));
        }
        let body = token.strip_prefix(VERSION).ok_or(Reason::Version)?;
        let packed = STANDARD.decode(body).map_err(|_| Reason::Base64)?;
        let mut fields = Fields(&packed);
        let expire = i64::from_be_bytes(fields.array()?);
        let iv = fields.counted()?;
        let ciphertext = fields.counted()?;
        let iv = match fields.0 {
            [] | [MODE_CBC] => Iv::Cbc(sized(iv, Cipher::Cbc)?),
            [MODE_GCM] => Iv::Gcm(sized(iv, Cipher::Gcm)?),
            _ => return Err(Reason::Trailer),
        };
        check_ciphertext(iv.cipher(), ciphertext.len())?;
        Ok(Self {
            expire,
            iv,
            ciphertext: ciphertext.to_vec(),
        })
    }

    /// What is opened in place of a token of `token_len` characters that cannot be taken apart, so that it costs no less.
    pub(crate) fn decoy(token_len: usize) -> Self {
        let blocks = token_len.min(MAX_TOKEN_CHARS) / 4 * 3 / BLOCK_LEN;
        Self {
            expire: 0,
            iv: Iv::Cbc([0; BLOCK_LEN]),
            ciphertext: vec![0; blocks.max(1) * BLOCK_LEN],
        }
    }
}

fn sized<const N: usize>(iv: &[u8], cipher: Cipher) -> Result<[u8; N], Reason> {
    let fault = |_| Reason::IvLength { cipher, len: iv.len() };
    iv.try_into().map_err(fault)
}

fn check_ciphertext(cipher: Cipher, len: usize) -> Result<(), Reason> {
    let good = match cipher {
        Cipher::Cbc => len > 0 && len.is_multiple_of(BLOCK_LEN),
        Cipher::Gcm => len >= TAG_LEN + MIN_PLAIN_LEN,
    };
    if good {
        Ok(())
    } else {
        Err(Reason::CiphertextLength { cipher, len })
    }
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Reason::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        self.take(N)?.try_into().map_err(|_| Reason::Truncated)
    }

    fn counted(&mut self) -> Result<&'a [u8], Reason> {
        let len = u16::from_be_bytes(self.array()?);
        self.take(usize::from(len))
    }
}
