//! The AEAD framing of SRTP over aws-lc-rs, in place. RFC 7714 (AES-GCM), RFC 3711 §4.3 (key derivation).
//!
//! `rtc-srtp` returns a new buffer for each packet and looks the source up in a map; that is more than the encryption
//! itself takes. So RTP of the GCM profiles is framed here, and nothing else: the cipher and the pseudo-random function
//! are those of aws-lc-rs.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// Bytes of the session salt. RFC 7714 §12.
const SALT_BYTES: usize = 12;
/// Longest key: that of AES-256.
const MAX_KEY_BYTES: usize = 32;
/// The packet index is a rollover counter of 32 bits and a sequence number of 16. RFC 3711 §3.3.1.
const INDEX_LIMIT: u64 = 1 << 48;
/// Labels of the key derivation. RFC 3711 §4.3.1.
const LABEL_ENCRYPTION: u8 = 0;
const LABEL_SALT: u8 = 2;

/// Session key and salt for the RTP of one direction.
pub(crate) struct AeadKey {
    key: LessSafeKey,
    salt: [u8; SALT_BYTES],
}

impl AeadKey {
    /// Derives the session key from a master key of 16 or 32 bytes (AES-128 or AES-256) and a master salt of 12.
    ///
    /// `None`: lengths that the profiles of RFC 7714 do not have.
    pub(super) fn derive(master_key: &[u8], master_salt: &[u8]) -> Option<Self> {
        let mut key = [0; MAX_KEY_BYTES];
        let key = key.get_mut(..master_key.len())?;
        let mut salt = [0; SALT_BYTES];
        if master_salt.len() != SALT_BYTES {
            return None;
        }
        derive(master_key, master_salt, LABEL_ENCRYPTION, key)?;
        derive(master_key, master_salt, LABEL_SALT, &mut salt)?;
        Self::from_session(key, salt)
    }

    fn from_session(key: &[u8], salt: [u8; SALT_BYTES]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Self { key, salt })
    }

    /// Encrypts what follows the first `header_len` bytes of `packet`, in place; the tag is to be appended to it.
    ///
    /// The index is the nonce (RFC 7714 §8.1): it must never come with another packet. `None`: the header is longer than
    /// the packet, or the index beyond what one key may protect (RFC 3711 §9.2).
    pub(super) fn seal(&self, ssrc: u32, index: u64, packet: &mut [u8], header_len: usize) -> Option<Tag> {
        let (header, payload) = packet.split_at_mut_checked(header_len)?;
        let nonce = self.nonce(ssrc, index)?;
        self.key.seal_in_place_separate_tag(nonce, Aad::from(header), payload).ok()
    }

    /// Decrypts `packet` in place and cuts its tag off. `None`: it is not authentic; its bytes are then void.
    pub(super) fn open(&self, ssrc: u32, index: u64, packet: &mut Vec<u8>, header_len: usize) -> Option<()> {
        let (header, payload) = packet.split_at_mut_checked(header_len)?;
        let nonce = self.nonce(ssrc, index)?;
        let plain = self.key.open_in_place(nonce, Aad::from(header), payload).ok()?.len();
        packet.truncate(header_len + plain);
        Some(())
    }

    /// Two zero bytes, SSRC and packet index, exclusive-ored with the salt. RFC 7714 §8.1.
    fn nonce(&self, ssrc: u32, index: u64) -> Option<Nonce> {
        if index >= INDEX_LIMIT {
            return None;
        }
        let counter = (u128::from(ssrc) << 48) | u128::from(index);
        let [_, _, _, _, counter @ ..] = counter.to_be_bytes();
        let mut nonce = self.salt;
        for (byte, counter) in nonce.iter_mut().zip(counter) {
            *byte ^= counter;
        }
        Some(Nonce::assume_unique_for_key(nonce))
    }
}

/// Fills `out` by the AES-CM pseudo-random function, at a key derivation rate of 0. RFC 3711 §4.3.3, RFC 6188 §3.
fn derive(master_key: &[u8], master_salt: &[u8], label: u8, out: &mut [u8]) -> Option<()> {
    let algorithm = match master_key.len() {
        16 => &AES_128,
        32 => &AES_256,
        _ => return None,
    };
    let mut block = [0; 16];
    block.get_mut(..master_salt.len())?.copy_from_slice(master_salt);
    block[7] ^= label;
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master_key).ok()?).ok()?;
    out.fill(0);
    let counter = EncryptionContext::Iv128(FixedLength::from(block));
    key.less_safe_encrypt(out, counter).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
            .collect()
    }

    /// RFC 7714 §16.1.1 and §16.2.1: the packet, its key, and what becomes of it.
    #[test]
    fn packets_are_sealed_and_opened_as_rfc_7714_shows() {
        let plain = bytes(
            "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
        );
        let sealed_128 = "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
            36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
        let sealed_256 = "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
            1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13";
        let salt: [u8; 12] = bytes("51756964 2070726f 2071756f").try_into().unwrap();
        for (key_len, expected) in [(16, sealed_128), (32, sealed_256)] {
            let key: Vec<u8> = (0..key_len).collect();
            let key = AeadKey::from_session(&key, salt).unwrap();
            let mut packet = plain.clone();
            let tag = key.seal(0x5501_a0b2, 0xf17b, &mut packet, 12).unwrap();
            packet.extend_from_slice(tag.as_ref());
            assert_eq!(packet, bytes(expected));
            key.open(0x5501_a0b2, 0xf17b, &mut packet, 12).unwrap();
            assert_eq!(packet, plain);
        }
    }

    /// RFC 3711 appendix B.3 and RFC 6188 §7.2. Their salts have 14 bytes, those of RFC 7714 end in two zero bytes.
    #[test]
    fn keys_are_derived_as_the_rfcs_show() {
        let shown = [
            (
                "E1F97A0D3E018BE0D64FA32C06DE4139",
                "0EC675AD498AFEEBB6960B3AABE6",
                "C61E7A93744F39EE10734AFE3FF7A087",
                "30CBBC08863D8C85D49DB34A9AE1",
            ),
            (
                "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6",
                "3B04803DE51EE7C96423AB5B78D2",
                "5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4",
                "FA31791685CA444A9E07C6C64E93",
            ),
        ];
        for (master_key, master_salt, key, salt) in shown {
            for (label, expected) in [(LABEL_ENCRYPTION, bytes(key)), (LABEL_SALT, bytes(salt))] {
                let mut out = vec![0; expected.len()];
                derive(&bytes(master_key), &bytes(master_salt), label, &mut out).unwrap();
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn what_no_profile_has_is_refused() {
        assert!(AeadKey::derive(&[0; 24], &[0; 12]).is_none());
        assert!(AeadKey::derive(&[0; 64], &[0; 12]).is_none());
        assert!(AeadKey::derive(&[0; 16], &[0; 14]).is_none());
        let key = AeadKey::derive(&[0; 16], &[0; 12]).unwrap();
        assert!(key.seal(1, INDEX_LIMIT, &mut [0; 20], 12).is_none());
        assert!(key.seal(1, 0, &mut [0; 20], 21).is_none());
        for length in 0..12 + 16 {
            assert!(key.open(1, 0, &mut vec![0; length], 12).is_none(), "{length}");
        }
    }
}
