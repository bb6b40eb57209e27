//! One light client without sockets: ICE, DTLS, SRTP and RTCP of a WebRTC endpoint, and no codec.
//!
//! Datagrams and time in, datagrams out. It knows nothing of the server that it is measured with.

mod description;
mod ice;
mod reports;
mod srtp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use dimpl::certificate::{CertificateError, generate_self_signed_certificate};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rand::RngExt;
use rtc_rtp::header::{Extension, Header};
use rtc_srtp::crypto::providers::AwsLcRsProvider;
use rtc_srtp::crypto::{RTCCrypto, RTCCryptoProvider};

pub use self::description::AnswerError;
pub use self::ice::Credentials;
use self::ice::{Heard, Ice};
use self::reports::Account;
use self::srtp::Srtp;

/// Payload type of Opus in our offers.
pub(crate) const OPUS: u8 = 111;
/// Id of the audio level extension in our offers. RFC 6464.
pub(crate) const AUDIO_LEVEL: u8 = 1;
/// An unanswered check is repeated so often.
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// Consent is renewed so often. RFC 7675 §5.1.
const CONSENT_EVERY: Duration = Duration::from_secs(5);
/// Reports are sent so often.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Timestamp ticks of 20 ms. RFC 7587 §4.1.
const TICKS: u32 = 960;
/// Room for one DTLS record.
const RECORD_BYTES: usize = 4096;

fn crypto() -> &'static dyn RTCCrypto {
    static PROVIDER: AwsLcRsProvider = AwsLcRsProvider::new();
    PROVIDER.crypto()
}

/// What all clients of a process share; making it for each would cost more than a whole join.
#[derive(Clone)]
pub struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate could not be made.
    #[error("no certificate for the clients: {0}")]
    Certificate(#[from] CertificateError),
    /// The DTLS library refused its configuration.
    #[error("the clients' DTLS: {0}")]
    Config(#[from] dimpl::Error),
}

impl Identity {
    /// A fresh certificate.
    ///
    /// # Errors
    /// [`IdentityError`]
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self {
            config: Arc::new(Config::builder().build()?),
            certificate: generate_self_signed_certificate()?,
        })
    }
}

/// Which way media goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends, by WHIP.
    Publisher,
    /// Receives, by WHEP.
    Listener,
}

/// What a datagram of the server was.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// The payload of an RTP packet.
    Media(Bytes),
    /// The server ended the session by close_notify.
    Closed,
    /// Part of connecting, RTCP, or a STUN message.
    Other,
    /// Not authentic, or malformed.
    Refused,
}

/// One client.
#[derive(Debug)]
pub struct LightClient {
    role: Role,
    ice: Ice,
    server: Option<SocketAddr>,
    server_ssrc: Option<u32>,
    fingerprint: String,
    dtls: Dtls,
    dtls_due: Option<Instant>,
    dtls_began: bool,
    srtp: Option<Srtp>,
    connected: bool,
    ssrc: u32,
    account: Account,
    next_check: Option<Instant>,
    next_report: Option<Instant>,
    /// Part of a second by which this client's reports are behind those of others.
    phase: Duration,
}

impl LightClient {
    /// A client that speaks DTLS 1.2, as most programs do.
    pub fn new(role: Role, identity: &Identity, rng: &mut impl RngExt, now: Instant) -> Self {
        let mut dtls = Dtls::new_12(Arc::clone(&identity.config), identity.certificate.clone(), now);
        dtls.set_active(true);
        let local = Credentials {
            ufrag: format!("{:08x}", rng.random::<u32>()),
            password: format!("{:032x}", rng.random::<u128>()),
        };
        Self {
            role,
            ice: Ice::new(local, rng.random()),
            server: None,
            server_ssrc: None,
            fingerprint: identity.certificate.fingerprint_str(),
            dtls,
            dtls_due: None,
            dtls_began: false,
            srtp: None,
            connected: false,
            ssrc: rng.random_range(1..=u32::MAX),
            account: Account {
                timestamp: rng.random(),
                // With the first number low, nobody has to guess how often it wrapped.
                sequence: rng.random_range(0..0x4000),
                ..Account::default()
            },
            next_check: None,
            next_report: None,
            phase: Duration::from_millis(rng.random_range(0..1000)),
        }
    }

    /// The offer, complete: there are no candidates in it, a server learns the address from the first check.
    pub fn offer(&self) -> String {
        description::offer(self.role, &self.ice.local, &self.fingerprint)
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// [`AnswerError`]: what is missing in it.
    pub fn accept(&mut self, answer: &str) -> Result<(), AnswerError> {
        let taken = description::read_answer(answer)?;
        self.ice.remote = taken.credentials;
        self.server = Some(taken.candidate);
        self.server_ssrc = taken.ssrc;
        Ok(())
    }

    /// Where datagrams go; `None` before the answer.
    pub fn server(&self) -> Option<SocketAddr> {
        self.server
    }

    /// Whether DTLS is done.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Begins to connect: the first check.
    pub fn start(&mut self, now: Instant, rng: &mut impl RngExt, out: &mut Vec<Vec<u8>>) {
        self.check(now, rng, out);
    }

    /// Takes a datagram of the server; `out` gets what is to be sent. `wall_ns`: when it came, ns since 1970.
    pub fn handle(&mut self, datagram: &[u8], (now, wall_ns): (Instant, u64), out: &mut Vec<Vec<u8>>) -> Received {
        match datagram.first() {
            Some(0..=3) => self.handle_stun(datagram, now, out),
            Some(20..=63) => self.handle_dtls(datagram, now, out),
            Some(128..=191) => self.handle_srtp(datagram, wall_ns),
            _ => Received::Refused,
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls_due.filter(|_| !self.connected);
        [self.next_check, self.next_report, dtls].into_iter().flatten().min()
    }

    /// Does what is due: checks, consent, retransmissions, reports.
    pub fn handle_timeout(&mut self, (now, wall_ns): (Instant, u64), rng: &mut impl RngExt, out: &mut Vec<Vec<u8>>) {
        if self.next_check.is_some_and(|due| due <= now) {
            self.check(now, rng, out);
        }
        if !self.connected && self.dtls_due.is_some_and(|due| due <= now) {
            let _ = self.dtls.handle_timeout(now);
            self.drain_dtls(now, out);
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.next_report = Some(now + REPORT_EVERY);
            out.extend(self.report(wall_ns));
        }
    }

    /// Has the next check be due now: its path may be another.
    pub fn check_now(&mut self, now: Instant) {
        self.next_check = self.next_check.map(|due| due.min(now));
    }

    /// An encrypted packet that follows the last by 20 ms; `None` before the connection is there.
    pub fn packet(&mut self, payload: &[u8]) -> Option<BytesMut> {
        let srtp = self.srtp.as_mut().filter(|_| self.connected)?;
        let account = &mut self.account;
        account.sequence = account.sequence.wrapping_add(1);
        account.timestamp = account.timestamp.wrapping_add(TICKS);
        let header = header(self.ssrc, account.sequence as u16, account.timestamp, account.packets == 0);
        account.packets = account.packets.wrapping_add(1);
        account.octets = account.octets.wrapping_add(payload.len() as u32);
        srtp.seal(&header, payload)
    }

    /// Asks for the last 17 packets again, which came; `None` before the connection is there, or a packet.
    pub fn nack(&mut self) -> Option<BytesMut> {
        let nack = reports::nack(self.ssrc, self.server_ssrc?, &self.account)?;
        self.srtp.as_mut()?.seal_rtcp(&nack)
    }

    /// What a stranger can send in this client's name, who saw its checks and does not know the password: a check, the
    /// beginning of a handshake, a packet under keys of its own making.
    pub fn forgeries(&self, identity: &Identity, rng: &mut impl RngExt, now: Instant) -> Vec<Vec<u8>> {
        let mut forgeries = Vec::new();
        forgeries.extend(self.ice.forged_check(rng.random()));
        let mut stranger = Self::new(self.role, identity, rng, now);
        let _ = stranger.dtls.handle_timeout(now);
        stranger.drain_dtls(now, &mut forgeries);
        let mut packet = vec![0x90, OPUS];
        packet.extend_from_slice(&rng.random::<[u8; 32]>());
        packet.extend_from_slice(&rng.random::<[u8; 32]>());
        forgeries.push(packet);
        forgeries
    }

    /// Says goodbye: close_notify.
    pub fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        let _ = self.dtls.close();
        self.drain_dtls(now, out);
        self.connected = false;
        self.next_check = None;
        self.next_report = None;
    }

    fn check(&mut self, now: Instant, rng: &mut impl RngExt, out: &mut Vec<Vec<u8>>) {
        out.extend(self.ice.check(rng.random()));
        let again = if self.dtls_began { CONSENT_EVERY } else { CHECK_EVERY };
        self.next_check = Some(now + again);
    }

    fn handle_stun(&mut self, datagram: &[u8], now: Instant, out: &mut Vec<Vec<u8>>) -> Received {
        let Some(server) = self.server else {
            return Received::Refused;
        };
        match self.ice.handle(datagram, server) {
            Heard::Nothing => return Received::Refused,
            Heard::Check(answer) => out.push(answer),
            Heard::Confirmed if !self.dtls_began => {
                self.dtls_began = true;
                self.next_check = Some(now + CONSENT_EVERY);
                let _ = self.dtls.handle_timeout(now);
                self.drain_dtls(now, out);
            }
            Heard::Confirmed => {}
        }
        Received::Other
    }

    fn handle_dtls(&mut self, datagram: &[u8], now: Instant, out: &mut Vec<Vec<u8>>) -> Received {
        // The library's clock moves only by handle_timeout, which must precede the packet.
        let _ = self.dtls.handle_timeout(now);
        if self.dtls.handle_packet(datagram).is_err() {
            return Received::Refused;
        }
        if self.drain_dtls(now, out) {
            return Received::Closed;
        }
        Received::Other
    }

    /// Takes what the library has to say; `true` if the server said goodbye.
    fn drain_dtls(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) -> bool {
        let mut buffer = [0; RECORD_BYTES];
        let mut closed = false;
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::Connected => self.connected = true,
                Output::KeyingMaterial(material, profile) => {
                    self.srtp = Srtp::new(&material, profile);
                    self.next_report = Some(now + self.phase);
                }
                Output::CloseNotify => closed = true,
                Output::Timeout(due) => {
                    self.dtls_due = Some(due);
                    return closed;
                }
                _ => {}
            }
        }
    }

    fn handle_srtp(&mut self, datagram: &[u8], wall_ns: u64) -> Received {
        let Some(srtp) = &mut self.srtp else {
            return Received::Refused;
        };
        // RFC 5761 §4: the second byte tells RTCP from RTP.
        if matches!(datagram.get(1), Some(192..=223)) {
            return match srtp.open_rtcp(datagram) {
                Some(packet) => {
                    self.account.hear(&packet, wall_ns);
                    Received::Other
                }
                None => Received::Refused,
            };
        }
        match srtp.open(datagram) {
            Some((header, payload)) => {
                self.account.receive(header.sequence_number);
                // A server that did not say its SSRC is known by what it sends.
                self.server_ssrc.get_or_insert(header.ssrc);
                Received::Media(payload.freeze())
            }
            None => Received::Refused,
        }
    }

    fn report(&mut self, wall_ns: u64) -> Option<Vec<u8>> {
        let report = match self.role {
            Role::Publisher if self.account.packets > 0 => reports::sender(self.ssrc, &self.account, wall_ns),
            Role::Publisher => reports::receiver(self.ssrc, None, &self.account, wall_ns),
            Role::Listener => reports::receiver(self.ssrc, self.server_ssrc, &self.account, wall_ns),
        };
        let sealed = self.srtp.as_mut()?.seal_rtcp(&report?)?;
        Some(sealed.to_vec())
    }
}

/// The header of a packet of speech: Opus with an audio level, as browsers send it.
pub(crate) fn header(ssrc: u32, sequence_number: u16, timestamp: u32, marker: bool) -> Header {
    Header {
        version: 2,
        marker,
        payload_type: OPUS,
        ssrc,
        sequence_number,
        timestamp,
        extension: true,
        extension_profile: 0xbede,
        extensions: vec![Extension {
            id: AUDIO_LEVEL,
            payload: Bytes::from_static(&[0x80 | 30]),
        }],
        ..Header::default()
    }
}
