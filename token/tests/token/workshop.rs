//! Seals any text whatever, as a forger who has the secret could, without the crate under test.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use express_token::{Cipher, Policy, Reason, Secret, Verified, verify};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const TTL: i64 = 3600;

pub(crate) fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

/// Claims of alice in AppID 1, made now, for an hour.
pub(crate) fn claims() -> serde_json::Value {
    serde_json::json!({
        "app_id": 1, "user_id": "alice", "nonce": 5, "ctime": NOW, "expire": NOW + TTL, "payload": "",
    })
}

/// The claims with one field changed.
pub(crate) fn claims_with(field: &str, value: impl Into<serde_json::Value>) -> serde_json::Value {
    let mut claims = claims();
    claims[field] = value.into();
    claims
}

pub(crate) fn pad(plain: &str) -> Vec<u8> {
    let len = 16 - plain.len() % 16;
    [plain.as_bytes(), &vec![len as u8; len]].concat()
}

pub(crate) fn cbc_ciphertext(padded: &[u8]) -> Vec<u8> {
    let key = UnboundCipherKey::new(&AES_256, SECRET.as_bytes()).unwrap();
    let context = EncryptionContext::Iv128([9; 16].into());
    let mut text = padded.to_vec();
    EncryptingKey::cbc(key)
        .unwrap()
        .less_safe_encrypt(&mut text, context)
        .unwrap();
    text
}

pub(crate) fn gcm_ciphertext(plain: &str) -> Vec<u8> {
    let key = UnboundKey::new(&AES_256_GCM, SECRET.as_bytes()).unwrap();
    let mut text = plain.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([9; 12]);
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::empty(), &mut text)
        .unwrap();
    text
}

/// Packs fields that may be as wrong as the caller likes.
pub(crate) fn pack(expire: i64, iv: &[u8], ciphertext: &[u8], trailer: &[u8]) -> Vec<u8> {
    let mut packed = expire.to_be_bytes().to_vec();
    for field in [iv, ciphertext] {
        packed.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        packed.extend(field);
    }
    packed.extend(trailer);
    packed
}

pub(crate) fn text(packed: &[u8]) -> String {
    format!("04{}", STANDARD.encode(packed))
}

/// A token of any plain text, with the clear expiry that goes with [`claims`].
pub(crate) fn sealed(plain: &str, cipher: Cipher) -> String {
    sealed_until(plain, NOW + TTL, cipher)
}

pub(crate) fn sealed_until(plain: &str, expire: i64, cipher: Cipher) -> String {
    text(&match cipher {
        Cipher::Cbc => pack(expire, &[9; 16], &cbc_ciphertext(&pad(plain)), &[]),
        Cipher::Gcm => pack(expire, &[9; 12], &gcm_ciphertext(plain), &[1]),
    })
}

/// Judges for alice in AppID 1, now, by the default policy.
pub(crate) fn judge(token: &str) -> Result<Verified, Reason> {
    judge_at(token, NOW)
}

pub(crate) fn judge_at(token: &str, now: i64) -> Result<Verified, Reason> {
    verify(token, &secret(), &Policy::new(1), "alice", now).map_err(|refusal| {
        let expired = matches!(refusal.reason(), Reason::Expired { .. });
        let told = if expired {
            (1_102_018, "token expired")
        } else {
            (1_102_016, "token rejected")
        };
        assert_eq!((refusal.code(), refusal.to_string().as_str()), told, "told to the client");
        refusal.reason().clone()
    })
}
