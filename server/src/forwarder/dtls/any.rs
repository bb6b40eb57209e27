//! DTLS 1.2 by `rtc-dtls`, for clients whose certificate may be an RSA one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::BytesMut;
use dimpl::{DtlsCertificate, SrtpProfile};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_srtp::crypto::providers::AwsLcRsProvider;
use rtc_srtp::crypto::{RTCCryptoProvider, SignatureScheme};

use super::repeats::{FLIGHT_TIMEOUT, Repeats};
use super::{DtlsEvent, Fingerprint, IdentityError, fingerprint_of};
use crate::forwarder::srtp::SrtpKeys;

/// The library tells its sessions apart by address. Ours has one, whose address is the business of ICE and changes.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// RFC 5764 §4.2
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";
/// As `dimpl` prefers them.
const PROFILES: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
];

/// The configuration of all these sessions.
///
/// # Errors
/// [`IdentityError::AnyConfig`]: the library refuses it, or the key of the certificate.
pub(super) fn configuration(certificate: &DtlsCertificate) -> Result<HandshakeConfig, IdentityError> {
    let refused = |error: &dyn std::fmt::Display| IdentityError::AnyConfig(error.to_string());
    let provider = AwsLcRsProvider::new();
    let key = provider
        .crypto()
        .import_signing_key(SignatureScheme::EcdsaP256Sha256, &certificate.private_key)
        .map_err(|error| refused(&error))?;
    let chain = vec![certificate.certificate.clone().into()];
    ConfigBuilder::default()
        .with_crypto_provider(Arc::new(provider))
        .with_certificates(vec![Certificate::from_signing_key(chain, key)])
        // Self-signed ones are the rule: what counts is the fingerprint, which is compared when the handshake is over.
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_insecure_skip_verify(true)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        .with_srtp_protection_profiles(PROFILES.to_vec())
        .with_flight_interval(FLIGHT_TIMEOUT)
        .build(false, None)
        .map_err(|error| refused(&error))
}

/// One peer's DTLS.
pub(crate) struct AnySession {
    endpoint: Endpoint,
    expected: Fingerprint,
    connected: bool,
    ended: bool,
    repeats: Repeats,
}

impl std::fmt::Debug for AnySession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnySession")
            .field("connected", &self.connected)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl AnySession {
    pub(super) fn new(config: Arc<HandshakeConfig>, expected: Fingerprint) -> Self {
        Self {
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, Some(config)),
            expected,
            connected: false,
            ended: false,
            repeats: Repeats::default(),
        }
    }

    pub(super) fn handle(&mut self, datagram: &[u8], now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        if self.ended {
            return None;
        }
        let before = out.len();
        let was_connected = self.connected;
        let read = self.endpoint.read(now, PEER, None, BytesMut::from(datagram));
        self.drain(out);
        let event = match read {
            Ok(events) => events.into_iter().find_map(|event| self.judge(&event)),
            Err(error) if self.connected => {
                // Once connected, a datagram that is wrong is a stranger's or a late one.
                tracing::debug!(%error, "dtls datagram ignored");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "dtls session failed");
                Some(DtlsEvent::Failed)
            }
        };
        if matches!(event, Some(DtlsEvent::WrongCertificate)) {
            // Nothing more to a stranger, not even the rest of the handshake.
            out.truncate(before);
        }
        // Repetition is for handshakes; afterwards the library answers what the client repeats.
        if !was_connected {
            self.repeats.remember(&out[before..], now);
        }
        self.ended |= matches!(&event, Some(event) if !matches!(event, DtlsEvent::Connected(_)));
        event
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let library = self.library_timeout();
        [self.repeats.next(), library].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        if self.ended {
            return None;
        }
        self.repeats.take_due(now, out);
        if self.library_timeout().is_none_or(|due| due > now) {
            return None;
        }
        let before = out.len();
        let handled = self.endpoint.handle_timeout(PEER, now);
        self.drain(out);
        self.repeats.remember(&out[before..], now);
        handled.err().map(|error| {
            tracing::debug!(%error, "dtls session failed");
            self.ended = true;
            DtlsEvent::Failed
        })
    }

    pub(super) fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if !self.ended && self.connected {
            self.repeats.clear();
            let _ = self.endpoint.stop(now, PEER);
            self.drain(out);
        }
        self.ended = true;
    }

    /// When the library sends its flight again; once connected it does so only when the client repeats its own.
    fn library_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PEER).filter(|_| !self.connected)
    }

    fn judge(&mut self, event: &EndpointEvent) -> Option<DtlsEvent> {
        match event {
            EndpointEvent::HandshakeComplete => {
                let state = self.endpoint.get_connection_state(PEER)?;
                let certificate = state.peer_certificates.first().map(|first| fingerprint_of(first));
                let matches = certificate.is_some_and(|actual| verify_slices_are_equal(&actual, &self.expected).is_ok());
                if !matches {
                    return Some(DtlsEvent::WrongCertificate);
                }
                let keys = keys_of(state);
                self.connected = keys.is_some();
                Some(keys.map_or(DtlsEvent::Failed, DtlsEvent::Connected))
            }
            EndpointEvent::PeerClosed => Some(DtlsEvent::Closed),
            _ => None,
        }
    }

    fn drain(&mut self, out: &mut Vec<Vec<u8>>) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            out.push(transmit.message.to_vec());
        }
    }
}

fn keys_of(state: &State) -> Option<SrtpKeys> {
    let profile = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => SrtpProfile::AEAD_AES_256_GCM,
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AEAD_AES_128_GCM,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::AES128_CM_SHA1_80,
        _ => return None,
    };
    let material = state.export_keying_material(EXPORTER_LABEL, &[], profile.keying_material_len());
    SrtpKeys::from_exporter(material.ok()?.as_ref(), profile)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};

    use super::super::DtlsIdentity;
    use super::super::repeats::REPEATS;
    use super::*;
    use crate::forwarder::rtcp::goodbye;
    use crate::forwarder::srtp::SrtpSession;

    /// A client by the same library, and the fingerprint of its certificate.
    fn client(algorithm: &'static SignatureAlgorithm, now: Instant) -> (Endpoint, Fingerprint) {
        let provider = AwsLcRsProvider::new();
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        let scheme = match algorithm == &PKCS_RSA_SHA256 {
            true => SignatureScheme::RsaPkcs1Sha256,
            false => SignatureScheme::EcdsaP256Sha256,
        };
        let key = provider.crypto().import_signing_key(scheme, &pair.serialize_der()).unwrap();
        let fingerprint = fingerprint_of(certificate.der());
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::new(provider))
            .with_certificates(vec![Certificate::from_signing_key(vec![certificate.der().clone()], key)])
            .with_insecure_skip_verify(true)
            .with_srtp_protection_profiles(PROFILES.to_vec())
            .build(true, Some(PEER))
            .unwrap();
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, None);
        endpoint.connect(now, PEER, Arc::new(config), None).unwrap();
        (endpoint, fingerprint)
    }

    /// Carries datagrams to and fro until there are no more; what the server said, and whether the client is connected.
    fn talk(client: &mut Endpoint, server: &mut AnySession, now: Instant) -> (Vec<DtlsEvent>, bool) {
        let mut events = Vec::new();
        let mut connected = false;
        while let Some(transmit) = client.poll_transmit() {
            let mut out = Vec::new();
            events.extend(server.handle(&transmit.message, now, &mut out));
            for datagram in out {
                let said = client.read(now, PEER, None, BytesMut::from(&datagram[..]));
                let said = said.into_iter().flatten();
                connected |= said
                    .into_iter()
                    .any(|event| matches!(event, EndpointEvent::HandshakeComplete));
            }
        }
        (events, connected)
    }

    fn server(expected: Fingerprint) -> AnySession {
        AnySession::new(DtlsIdentity::generate().unwrap().any, expected)
    }

    #[test]
    fn clients_with_rsa_and_with_ecdsa_certificates_connect_and_have_our_keys() {
        for algorithm in [&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256] {
            let now = Instant::now();
            let (mut client, fingerprint) = client(algorithm, now);
            let mut server = server(fingerprint);
            let (mut events, connected) = talk(&mut client, &mut server, now);
            assert!(connected);
            let Some(DtlsEvent::Connected(keys)) = events.pop() else {
                panic!("{algorithm:?}: {events:?}");
            };
            let theirs = keys_of(client.get_connection_state(PEER).unwrap()).unwrap();
            let (mut theirs, mut ours) = (SrtpSession::new(theirs.swapped()).unwrap(), SrtpSession::new(keys).unwrap());
            let packet = goodbye(7, "client").unwrap();
            let sent = theirs.protect_rtcp(&packet).unwrap();
            assert_eq!(ours.unprotect_rtcp(&sent).unwrap()[..], packet[..]);
            let mut out = Vec::new();
            while let Some(due) = server.next_timeout() {
                assert!(server.handle_timeout(due, &mut out).is_none());
            }
            assert_eq!(out.len(), 2, "the last flight once more, and once more");
        }
    }

    #[test]
    fn a_certificate_that_the_offer_does_not_name_gets_nothing_more() {
        let now = Instant::now();
        let (mut client, _) = client(&PKCS_RSA_SHA256, now);
        let mut server = server([7; 32]);
        let (events, connected) = talk(&mut client, &mut server, now);
        assert!(matches!(events.as_slice(), [DtlsEvent::WrongCertificate]), "{events:?}");
        assert!(!connected);
    }

    #[test]
    fn a_flight_that_is_lost_is_sent_again_and_a_client_that_never_answers_is_given_up() {
        let mut now = Instant::now();
        let (mut client, fingerprint) = client(&PKCS_RSA_SHA256, now);
        let mut server = server(fingerprint);
        let mut out = Vec::new();
        // The cookie, which is answered, and a flight, which is lost.
        for _ in 0..2 {
            out.clear();
            let hello = client.poll_transmit().unwrap();
            assert!(server.handle(&hello.message, now, &mut out).is_none());
            if let [verify] = out.as_slice() {
                let _ = client.read(now, PEER, None, BytesMut::from(&verify[..]));
            }
        }
        let lost = out.len();
        for after in REPEATS {
            let due = server.next_timeout().unwrap();
            assert_eq!(due, now + after);
            out.clear();
            assert!(server.handle_timeout(due, &mut out).is_none());
            assert_eq!(out.len(), lost);
        }
        let due = server.next_timeout().unwrap();
        assert_eq!(due, now + FLIGHT_TIMEOUT);
        out.clear();
        assert!(server.handle_timeout(due, &mut out).is_none());
        assert_eq!(out.len(), lost);
        let mut gone = false;
        for _ in 0..100 {
            let Some(due) = server.next_timeout() else { break };
            now = due;
            gone |= matches!(server.handle_timeout(now, &mut out), Some(DtlsEvent::Failed));
        }
        assert!(gone);
    }

    #[test]
    fn close_notify_goes_both_ways() {
        let now = Instant::now();
        let (mut client, fingerprint) = client(&PKCS_RSA_SHA256, now);
        let mut server = server(fingerprint);
        talk(&mut client, &mut server, now);
        let _ = client.stop(now, PEER);
        assert!(matches!(
            talk(&mut client, &mut server, now).0.as_slice(),
            [DtlsEvent::Closed]
        ));
        let mut out = Vec::new();
        server.close(now, &mut out);
        assert!(out.is_empty(), "it is over already");
    }
}
