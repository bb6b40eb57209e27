//! The client's SRTP: both directions, by `rtc-srtp`. RFC 5764 §4.2.

use bytes::BytesMut;
use dimpl::SrtpProfile;
use rtc_rtp::header::Header;
use rtc_shared::marshal::{Marshal, MarshalSize, Unmarshal};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::crypto;

/// Both directions of one client. There is no replay window: what comes twice is to be counted, not hidden.
pub(super) struct Srtp {
    send: Context,
    receive: Context,
}

impl Srtp {
    /// From exported keying material: client key, server key, client salt, server salt.
    pub(super) fn new(material: &[u8], profile: SrtpProfile) -> Option<Self> {
        let profile = match profile {
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            _ => return None,
        };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let context = |key_at: usize, salt_at: usize| {
            let (key, salt) = (material.get(key_at..key_at + key)?, material.get(salt_at..salt_at + salt)?);
            Context::new(key, salt, profile, None, None, crypto()).ok()
        };
        Some(Self {
            send: context(0, 2 * key)?,
            receive: context(key, 2 * key + salt)?,
        })
    }

    pub(super) fn seal(&mut self, header: &Header, payload: &[u8]) -> Option<BytesMut> {
        let mut packet = header.marshal().ok()?.to_vec();
        packet.extend_from_slice(payload);
        self.send.encrypt_rtp_with_header(&packet, header).ok()
    }

    /// The header and the payload of a packet.
    pub(super) fn open(&mut self, datagram: &[u8]) -> Option<(Header, BytesMut)> {
        let mut rest = datagram;
        let header = Header::unmarshal(&mut rest).ok()?;
        let mut packet = self.receive.decrypt_rtp_with_header(datagram, &header).ok()?;
        let start = header.marshal_size();
        (start <= packet.len()).then(|| (header, packet.split_off(start)))
    }

    pub(super) fn seal_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.send.encrypt_rtcp(packet).ok()
    }

    pub(super) fn open_rtcp(&mut self, datagram: &[u8]) -> Option<BytesMut> {
        self.receive.decrypt_rtcp(datagram).ok()
    }
}

impl std::fmt::Debug for Srtp {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Srtp").finish_non_exhaustive()
    }
}
