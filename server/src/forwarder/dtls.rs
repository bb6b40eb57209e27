//! DTLS server side of one peer: handshake, keys for SRTP, close_notify. RFC 5764, RFC 8827 §6.5.
//!
//! Two libraries do it. `dimpl` speaks DTLS 1.3, too, and knows ECDSA certificates only; `rtc-dtls` speaks 1.2 and takes RSA
//! ones, which GStreamer and other programs have. Which a client has is seen when it is too late to change, so it is decided
//! by how the client came: see [`ClientCertificates`].

mod any;
mod ecdsa;
mod repeats;

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use dimpl::certificate::{CertificateError, generate_self_signed_certificate};
use dimpl::{Config, DtlsCertificate};
use rtc_dtls::config::HandshakeConfig;

use self::any::AnySession;
use self::ecdsa::EcdsaSession;
use super::sdp::Fingerprint;
use super::srtp::SrtpKeys;

/// Which certificates a client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// ECDSA (P-256 or P-384), over DTLS 1.2 or 1.3: RFC 8827 §6.5 makes every WebRTC client have one.
    Ecdsa,
    /// ECDSA or RSA (2048 bits or more), over DTLS 1.2.
    Any,
}

/// What all DTLS sessions of a forwarder share: building one configuration for each would cost a millisecond.
#[derive(Clone)]
pub(crate) struct DtlsIdentity {
    ecdsa: Arc<Config>,
    any: Arc<HandshakeConfig>,
    certificate: DtlsCertificate,
    fingerprint: Fingerprint,
}

impl std::fmt::Debug for DtlsIdentity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DtlsIdentity").finish_non_exhaustive()
    }
}

impl DtlsIdentity {
    /// A fresh self-signed certificate (RFC 8827 §6.5 wants no more).
    ///
    /// # Errors
    /// If the certificate cannot be made or a configuration is refused.
    pub(crate) fn generate() -> Result<Self, IdentityError> {
        let certificate = generate_self_signed_certificate()?;
        Ok(Self {
            ecdsa: Arc::new(ecdsa::configuration()?),
            any: Arc::new(any::configuration(&certificate)?),
            fingerprint: fingerprint_of(&certificate.certificate),
            certificate,
        })
    }

    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The key pair or the certificate could not be made.
    #[error("no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The DTLS library refused its configuration.
    #[error("dtls configuration: {0}")]
    Config(#[from] dimpl::Error),
    /// The other DTLS library refused its configuration, or the key.
    #[error("dtls 1.2 configuration: {0}")]
    AnyConfig(String),
}

/// What a DTLS session wants done.
#[derive(Debug)]
pub(crate) enum DtlsEvent {
    /// The handshake is complete and the certificate is the one of the offer.
    Connected(SrtpKeys),
    /// The peer sent close_notify.
    Closed,
    /// The certificate is not the one that the offer names: somebody else is answering.
    WrongCertificate,
    /// The handshake failed or the session broke.
    Failed,
}

/// One peer's DTLS.
#[derive(Debug)]
pub(crate) enum DtlsSession {
    Ecdsa(Box<EcdsaSession>),
    Any(Box<AnySession>),
    /// None: a relay's keys were told.
    Told,
}

impl DtlsSession {
    /// - `expected`: the fingerprint that the client's offer names
    pub(crate) fn new(identity: &DtlsIdentity, certificates: ClientCertificates, expected: Fingerprint, now: Instant) -> Self {
        match certificates {
            ClientCertificates::Ecdsa => {
                let config = Arc::clone(&identity.ecdsa);
                let session = EcdsaSession::new(config, identity.certificate.clone(), expected, now);
                Self::Ecdsa(Box::new(session))
            }
            ClientCertificates::Any => Self::Any(Box::new(AnySession::new(Arc::clone(&identity.any), expected))),
        }
    }

    /// Takes a datagram from a validated address; `out` gets what is to be sent.
    pub(crate) fn handle(&mut self, datagram: &[u8], now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        match self {
            Self::Ecdsa(session) => session.handle(datagram, now, out),
            Self::Any(session) => session.handle(datagram, now, out),
            Self::Told => None,
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Ecdsa(session) => session.next_timeout(),
            Self::Any(session) => session.next_timeout(),
            Self::Told => None,
        }
    }

    /// Repeats and retransmits what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        match self {
            Self::Ecdsa(session) => session.handle_timeout(now, out),
            Self::Any(session) => session.handle_timeout(now, out),
            Self::Told => None,
        }
    }

    /// Ends the session: a connected peer gets close_notify.
    pub(crate) fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        match self {
            Self::Ecdsa(session) => session.close(now, out),
            Self::Any(session) => session.close(now, out),
            Self::Told => {}
        }
    }
}

fn fingerprint_of(certificate: &[u8]) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
    fingerprint
}
