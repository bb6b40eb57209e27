//! DTLS 1.2 and 1.3 by `dimpl`, for clients with an ECDSA certificate: all browsers and our own engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use dimpl::{Config, Dtls, DtlsCertificate, Output};

use super::repeats::{FLIGHT_TIMEOUT, Repeats};
use super::{DtlsEvent, Fingerprint, fingerprint_of};
use crate::forwarder::srtp::SrtpKeys;

/// Retransmissions of a flight; repetitions of the client use them up, too.
const FLIGHT_RETRIES: usize = 12;
/// The whole handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest record that is asked for.
const BUFFER_BYTES: usize = 4096;

/// The configuration of all these sessions.
///
/// # Errors
/// If the library refuses it.
pub(super) fn configuration() -> Result<Config, dimpl::Error> {
    Config::builder()
        // An address is answered only when it proved that it receives, so the cookie would prove nothing new.
        .use_server_cookie(false)
        .flight_start_rto(FLIGHT_TIMEOUT)
        .flight_retries(FLIGHT_RETRIES)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .build()
}

/// One peer's DTLS.
#[derive(Debug)]
pub(crate) struct EcdsaSession {
    dtls: Dtls,
    expected: Fingerprint,
    certificate_matches: bool,
    keys: Option<SrtpKeys>,
    connected: bool,
    ended: bool,
    repeats: Repeats,
    library_timeout: Option<Instant>,
}

impl EcdsaSession {
    pub(crate) fn new(config: Arc<Config>, certificate: DtlsCertificate, expected: Fingerprint, now: Instant) -> Self {
        Self {
            dtls: Dtls::new_auto(config, certificate, now),
            expected,
            certificate_matches: false,
            keys: None,
            connected: false,
            ended: false,
            repeats: Repeats::default(),
            library_timeout: None,
        }
    }

    /// Takes a datagram from a validated address; `out` gets what is to be sent.
    pub(crate) fn handle(&mut self, datagram: &[u8], now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        if self.ended {
            return None;
        }
        // The library's clock moves only by handle_timeout, which must precede the packet.
        let handled = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(datagram));
        let event = self.drain(now, out);
        self.end_on_error(handled, event)
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        [self.repeats.next(), self.library_timeout].into_iter().flatten().min()
    }

    /// Repeats and retransmits what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        if self.ended {
            return None;
        }
        self.repeats.take_due(now, out);
        if self.library_timeout.is_none_or(|due| due > now) {
            return None;
        }
        let handled = self.dtls.handle_timeout(now);
        let event = self.drain(now, out);
        self.end_on_error(handled, event)
    }

    /// Ends the session: a connected peer gets close_notify.
    pub(crate) fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if !self.ended && self.dtls.close().is_ok() && self.connected {
            self.repeats.clear();
            self.drain(now, out);
        }
        self.ended = true;
    }

    fn end_on_error(&mut self, handled: Result<(), dimpl::Error>, event: Option<DtlsEvent>) -> Option<DtlsEvent> {
        let event = match handled {
            Ok(()) => event,
            Err(error) => {
                tracing::debug!(%error, "dtls session failed");
                event.or(Some(DtlsEvent::Failed))
            }
        };
        if matches!(&event, Some(event) if !matches!(event, DtlsEvent::Connected(_))) {
            self.ended = true;
            self.repeats.clear();
        }
        event
    }

    /// Takes everything the library has to say.
    fn drain(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> Option<DtlsEvent> {
        let before = out.len();
        let mut buffer = [0u8; BUFFER_BYTES];
        let mut event = None;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::Timeout(at) => {
                    self.library_timeout = Some(at);
                    break;
                }
                Output::PeerCert(certificate) => {
                    let actual = fingerprint_of(certificate);
                    self.certificate_matches = verify_slices_are_equal(&actual, &self.expected).is_ok();
                    if !self.certificate_matches {
                        event = Some(DtlsEvent::WrongCertificate);
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    self.keys = SrtpKeys::from_exporter(&material, profile);
                }
                Output::Connected => self.connected = true,
                Output::CloseNotify => event = event.or(Some(DtlsEvent::Closed)),
                Output::BufferTooSmall { .. } => {
                    event = event.or(Some(DtlsEvent::Failed));
                    break;
                }
                _ => {}
            }
        }
        if matches!(event, Some(DtlsEvent::WrongCertificate)) {
            // Nothing more to a stranger, not even the rest of the handshake.
            out.truncate(before);
            return event;
        }
        // Repetition is for handshakes; afterwards only alerts are sent, once.
        if !self.connected || self.keys.is_some() {
            self.repeats.remember(&out[before..], now);
        }
        if self.connected && self.certificate_matches && event.is_none() {
            return self.keys.take().map(DtlsEvent::Connected);
        }
        event
    }
}
