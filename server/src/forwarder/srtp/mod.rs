//! SRTP and SRTCP of one peer. RFC 3711, RFC 5764 §4.2, RFC 7714.
//!
//! RTP of the AEAD profiles is what nearly every packet is: it is sealed and opened in place (`aead`). RTCP, and RTP of
//! the profiles of RFC 3711, is done by `rtc-srtp`.

mod aead;
mod receive;
mod send;

use bytes::BytesMut;
use dimpl::SrtpProfile;
use rtc_shared::error::Error;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use self::aead::AeadKey;
use self::receive::AeadReceiver;
pub(crate) use self::send::Sealer;
use super::rtp::{HeaderShape, RtpView};
use super::stun::crypto;

/// Bytes of the tag behind a packet of the AEAD profiles. RFC 7714 §13.
pub(crate) const TAG_BYTES: usize = 16;
/// Replay windows in packets: 2.5 s of 20 ms packets may come out of order. RFC 3711 §3.3.2 asks for 64 at least.
const REPLAY_WINDOW: usize = 128;
/// Sources that one peer may use, RTP and RTCP each.
const MAX_SOURCES: usize = 8;
/// Forged packets of unknown sources that one trial context sees before it is replaced: it remembers each source.
const TRIALS: u32 = 32;

/// Keys that a DTLS handshake gave, or a relay's terms.
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

    /// Keys of AEAD_AES_128_GCM that a relay's terms name: for what comes in, and for what goes out.
    pub(crate) fn of_relay(inbound: (Vec<u8>, Vec<u8>), outbound: (Vec<u8>, Vec<u8>)) -> Self {
        let ((client_key, client_salt), (server_key, server_salt)) = (inbound, outbound);
        Self {
            profile: ProtectionProfile::AeadAes128Gcm,
            client_key,
            client_salt,
            server_key,
            server_salt,
        }
    }

    /// The same keys as the other side sees them.
    #[cfg(any(test, feature = "fuzzing"))]
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

    fn receiver(&self) -> Result<RtpReceiver, Error> {
        Ok(match self.aead(&self.client_key, &self.client_salt)? {
            Some(key) => RtpReceiver::Aead(AeadReceiver::new(key)),
            None => RtpReceiver::Library(Box::new((Sources::default(), HeaderShape::new()))),
        })
    }

    fn sealer(&self) -> Result<Sealer, Error> {
        Ok(match self.aead(&self.server_key, &self.server_salt)? {
            Some(key) => Sealer::Aead(key),
            None => Sealer::Library(Box::new((self.outbound()?, HeaderShape::new()))),
        })
    }

    /// The RTP key of one direction; `None` where the profile is not of RFC 7714.
    fn aead(&self, key: &[u8], salt: &[u8]) -> Result<Option<AeadKey>, Error> {
        match self.profile {
            ProtectionProfile::AeadAes128Gcm | ProtectionProfile::AeadAes256Gcm => AeadKey::derive(key, salt)
                .map(Some)
                .ok_or(Error::SrtpMasterKeyLength(self.profile.key_len(), key.len())),
            _ => Ok(None),
        }
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

/// How RTP of this peer is opened.
enum RtpReceiver {
    Aead(AeadReceiver),
    /// In [`SrtpSession::inbound`], which has to know the sources that proved themselves.
    Library(Box<(Sources, HeaderShape)>),
}

/// Both directions of one peer.
///
/// `rtc-srtp` keeps state for every SSRC it is shown, authentic or not, and takes the first number it sees as the
/// beginning of the replay window. So the context in use sees only sources that proved themselves: a packet of an
/// unknown source is tried in a second context first ([`on_trial`]).
pub(crate) struct SrtpSession {
    keys: SrtpKeys,
    inbound: Context,
    outbound: Context,
    trial: Option<(Context, u32)>,
    receiver: RtpReceiver,
    rtcp_sources: Sources,
}

impl std::fmt::Debug for SrtpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpSession")
            .field("keys", &self.keys)
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
            receiver: keys.receiver()?,
            keys,
            trial: None,
            rtcp_sources: Sources::default(),
        })
    }

    /// What seals the RTP packets that this peer is sent.
    ///
    /// # Errors
    /// If the keys do not fit their profile.
    pub(crate) fn sealer(&self) -> Result<Sealer, Error> {
        self.keys.sealer()
    }

    /// Leaves the decrypted packet in `out`, header included; `None` if it is forged, replayed or of one source too many.
    pub(crate) fn unprotect_rtp(&mut self, packet: &[u8], view: &RtpView, out: &mut Vec<u8>) -> Option<()> {
        let library = match &mut self.receiver {
            RtpReceiver::Aead(receiver) => return receiver.open(packet, view, out),
            RtpReceiver::Library(library) => library,
        };
        let (sources, shape) = &mut **library;
        let header = shape.of(view);
        if !sources.contains(view.ssrc) {
            if sources.is_full() {
                return None;
            }
            on_trial(&self.keys, &mut self.trial, |trial| {
                trial.decrypt_rtp_with_header(packet, header).is_ok()
            })?;
            sources.admit(view.ssrc);
        }
        let decrypted = self.inbound.decrypt_rtp_with_header(packet, header).ok()?;
        out.clear();
        out.extend_from_slice(&decrypted);
        Some(())
    }

    /// The decrypted compound packet; `None` as in [`Self::unprotect_rtp`].
    pub(crate) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        if !self.rtcp_sources.contains(ssrc) {
            if self.rtcp_sources.is_full() {
                return None;
            }
            on_trial(&self.keys, &mut self.trial, |trial| trial.decrypt_rtcp(packet).is_ok())?;
            self.rtcp_sources.admit(ssrc);
        }
        self.inbound.decrypt_rtcp(packet).ok()
    }

    /// Encrypts a compound RTCP packet.
    pub(crate) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.outbound.encrypt_rtcp(packet).ok()
    }
}

/// Tries a packet of an unknown source in a context that is thrown away after [`TRIALS`] forged ones.
fn on_trial(keys: &SrtpKeys, trial: &mut Option<(Context, u32)>, authentic: impl FnOnce(&mut Context) -> bool) -> Option<()> {
    let (mut context, failed) = match trial.take() {
        Some(trial) => trial,
        None => (keys.trial().ok()?, 0),
    };
    if authentic(&mut context) {
        return Some(());
    }
    if failed + 1 < TRIALS {
        *trial = Some((context, failed + 1));
    }
    None
}

#[cfg(test)]
mod tests;
