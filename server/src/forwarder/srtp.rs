//! SRTP and SRTCP of one peer, by `rtc-srtp`. RFC 3711, RFC 5764 §4.2, RFC 7714.

use bytes::BytesMut;
use dimpl::SrtpProfile;
use rtc_rtp::header::Header;
use rtc_shared::error::Error;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::stun::crypto;

/// Replay windows in packets: 2.5 s of 20 ms packets may come out of order. RFC 3711 §3.3.2 asks for 64 at least.
const REPLAY_WINDOW: usize = 128;
/// Sources that one peer may use, RTP and RTCP each.
const MAX_SOURCES: usize = 8;
/// Forged packets of unknown sources that one trial context sees before it is replaced: it remembers each source.
const TRIALS: u32 = 32;

/// Keys that a DTLS handshake gave.
pub(crate) struct SrtpKeys {
    profile: ProtectionProfile,
    client_key: Vec<u8>,
    client_salt: Vec<u8>,
    server_key: Vec<u8>,
    server_salt: Vec<u8>,
}

impl std::fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpKeys")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl SrtpKeys {
    /// Cuts exported keying material: client key, server key, client salt, server salt (RFC 5764 §4.2).
    pub(crate) fn from_exporter(material: &[u8], profile: SrtpProfile) -> Option<Self> {
        let profile = match profile {
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            SrtpProfile::AES128_CM_SHA1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            _ => return None,
        };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let part = |from: usize, len: usize| material.get(from..from + len).map(<[u8]>::to_vec);
        Some(Self {
            profile,
            client_key: part(0, key)?,
            server_key: part(key, key)?,
            client_salt: part(2 * key, salt)?,
            server_salt: part(2 * key + salt, salt)?,
        })
    }

    /// The same keys as the other side sees them.
    #[cfg(test)]
    pub(crate) fn swapped(self) -> Self {
        Self {
            profile: self.profile,
            client_key: self.server_key,
            client_salt: self.server_salt,
            server_key: self.client_key,
            server_salt: self.client_salt,
        }
    }

    fn inbound(&self) -> Result<Context, Error> {
        let rtp = srtp_replay_protection(REPLAY_WINDOW);
        let rtcp = srtcp_replay_protection(REPLAY_WINDOW);
        let (key, salt) = (&self.client_key, &self.client_salt);
        Context::new(key, salt, self.profile, Some(rtp), Some(rtcp), crypto())
    }

    /// For packets of unknown sources: without replay windows, which a forged packet would place.
    fn trial(&self) -> Result<Context, Error> {
        Context::new(&self.client_key, &self.client_salt, self.profile, None, None, crypto())
    }

    fn outbound(&self) -> Result<Context, Error> {
        let (key, salt) = (&self.server_key, &self.server_salt);
        Context::new(key, salt, self.profile, None, None, crypto())
    }
}

/// Sources that proved themselves, in a fixed place.
#[derive(Debug, Default)]
struct Sources {
    known: [u32; MAX_SOURCES],
    count: usize,
}

impl Sources {
    fn contains(&self, ssrc: u32) -> bool {
        self.known[..self.count].contains(&ssrc)
    }

    fn admit(&mut self, ssrc: u32) {
        if self.count < MAX_SOURCES {
            self.known[self.count] = ssrc;
            self.count += 1;
        }
    }

    fn is_full(&self) -> bool {
        self.count == MAX_SOURCES
    }
}

/// Both directions of one peer.
///
/// `rtc-srtp` keeps state for every SSRC it is shown, authentic or not, and takes the first number it sees as the
/// beginning of the replay window. So the context in use sees only sources that proved themselves: a packet of an
/// unknown source is tried in a second context first, which is thrown away after [`TRIALS`] forged ones.
pub(crate) struct SrtpSession {
    keys: SrtpKeys,
    inbound: Context,
    outbound: Context,
    trial: Option<(Context, u32)>,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl std::fmt::Debug for SrtpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpSession")
            .field("keys", &self.keys)
            .field("rtp_sources", &self.rtp_sources)
            .field("rtcp_sources", &self.rtcp_sources)
            .finish_non_exhaustive()
    }
}

impl SrtpSession {
    /// # Errors
    /// If the keys do not fit their profile.
    pub(crate) fn new(keys: SrtpKeys) -> Result<Self, Error> {
        Ok(Self {
            inbound: keys.inbound()?,
            outbound: keys.outbound()?,
            keys,
            trial: None,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        })
    }

    /// The decrypted packet, header included; `None` if it is forged, replayed or of one source too many.
    pub(crate) fn unprotect_rtp(&mut self, packet: &[u8], header: &Header) -> Option<BytesMut> {
        if !self.rtp_sources.contains(header.ssrc) {
            if self.rtp_sources.is_full() {
                return None;
            }
            self.on_trial(|trial| trial.decrypt_rtp_with_header(packet, header).is_ok())?;
            self.rtp_sources.admit(header.ssrc);
        }
        self.inbound.decrypt_rtp_with_header(packet, header).ok()
    }

    /// The decrypted compound packet; `None` as in [`Self::unprotect_rtp`].
    pub(crate) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        if !self.rtcp_sources.contains(ssrc) {
            if self.rtcp_sources.is_full() {
                return None;
            }
            self.on_trial(|trial| trial.decrypt_rtcp(packet).is_ok())?;
            self.rtcp_sources.admit(ssrc);
        }
        self.inbound.decrypt_rtcp(packet).ok()
    }

    /// Encrypts a whole RTP packet; allocates the returned buffer and nothing else.
    pub(crate) fn protect_rtp(&mut self, packet: &[u8], header: &Header) -> Option<BytesMut> {
        self.outbound.encrypt_rtp_with_header(packet, header).ok()
    }

    /// Encrypts a compound RTCP packet.
    pub(crate) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtcp(packet).ok()
    }

    fn on_trial(&mut self, authentic: impl FnOnce(&mut Context) -> bool) -> Option<()> {
        let (mut context, failed) = match self.trial.take() {
            Some(trial) => trial,
            None => (self.keys.trial().ok()?, 0),
        };
        if authentic(&mut context) {
            return Some(());
        }
        if failed + 1 < TRIALS {
            self.trial = Some((context, failed + 1));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rtc_shared::marshal::Marshal;

    use super::*;

    fn pair(profile: SrtpProfile) -> (SrtpSession, SrtpSession) {
        let material: Vec<u8> = (0..profile.keying_material_len()).map(|n| n as u8).collect();
        let keys = || SrtpKeys::from_exporter(&material, profile).unwrap();
        let client = SrtpSession::new(keys().swapped()).unwrap();
        (client, SrtpSession::new(keys()).unwrap())
    }

    fn packet(ssrc: u32, sequence_number: u16) -> (Header, Vec<u8>) {
        let header = Header {
            version: 2,
            ssrc,
            sequence_number,
            ..Header::default()
        };
        let mut bytes = header.marshal().unwrap().to_vec();
        bytes.extend_from_slice(b"speech");
        (header, bytes)
    }

    #[test]
    fn every_profile_carries_a_packet_and_refuses_it_twice() {
        for profile in SrtpProfile::ALL {
            let (mut client, mut server) = pair(*profile);
            let (header, bytes) = packet(1, 5);
            let sent = client.protect_rtp(&bytes, &header).unwrap();
            let received = server.unprotect_rtp(&sent, &header).unwrap();
            assert_eq!(received[..], bytes[..], "{profile}");
            assert!(server.unprotect_rtp(&sent, &header).is_none(), "replayed, {profile}");
        }
    }

    #[test]
    fn a_forged_first_packet_does_not_move_the_window() {
        let (mut client, mut server) = pair(SrtpProfile::AEAD_AES_128_GCM);
        for sequence in [40_000, 300, 65_000, 6] {
            let (header, forged) = packet(1, sequence);
            let forged = [forged, vec![0; 16]].concat();
            assert!(server.unprotect_rtp(&forged, &header).is_none());
        }
        let (header, bytes) = packet(1, 5);
        let sent = client.protect_rtp(&bytes, &header).unwrap();
        assert!(server.unprotect_rtp(&sent, &header).is_some());
    }

    #[test]
    fn forged_sources_leave_nothing_behind_and_authentic_ones_are_limited() {
        let (mut client, mut server) = pair(SrtpProfile::AEAD_AES_128_GCM);
        for ssrc in 0..1000 {
            let (header, forged) = packet(ssrc, 1);
            assert!(server.unprotect_rtp(&[forged, vec![0; 16]].concat(), &header).is_none());
        }
        assert_eq!(server.rtp_sources.count, 0);
        assert!(server.trial.as_ref().is_none_or(|(_, failed)| *failed < TRIALS));
        let accepted = (0..20)
            .filter(|ssrc| {
                let (header, bytes) = packet(*ssrc, 1);
                let sent = client.protect_rtp(&bytes, &header).unwrap();
                server.unprotect_rtp(&sent, &header).is_some()
            })
            .count();
        assert_eq!(accepted, MAX_SOURCES);
    }
}
