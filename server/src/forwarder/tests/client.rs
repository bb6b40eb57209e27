//! A small WebRTC client without sockets, for tests of the forwarder.
//!
//! It uses the protocol crates only, nothing of the server, so that what the server does is judged from outside.
//! The allocation test includes this file, too.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use rtc_rtp::header::Header;
use rtc_shared::marshal::Marshal;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::providers::AwsLcRsProvider;
use rtc_srtp::crypto::{RTCCrypto, RTCCryptoProvider};
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, MessageType, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

fn crypto() -> &'static dyn RTCCrypto {
    static PROVIDER: AwsLcRsProvider = AwsLcRsProvider::new();
    PROVIDER.crypto()
}

/// Numbers that a client offers.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    pub opus: u8,
    pub red: Option<u8>,
    pub audio_level: Option<u8>,
}

/// What most tests offer.
pub const USUAL: Numbers = Numbers {
    opus: 111,
    red: None,
    audio_level: Some(1),
};

/// The client end of one peer connection.
pub struct TestClient {
    pub address: SocketAddr,
    pub ufrag: String,
    pub password: String,
    pub server_ufrag: String,
    pub server_password: String,
    pub server_ssrc: Option<u32>,
    /// Whether connectivity checks of the server are answered.
    pub answers_checks: bool,
    pub numbers: Numbers,
    /// Whether NACK is offered.
    pub nack: bool,
    pub certificate: DtlsCertificate,
    pub dtls: Dtls,
    dtls_started: bool,
    pub connected: bool,
    pub closed: bool,
    send: Option<Context>,
    receive: Option<Context>,
    /// Decrypted RTP packets in the order of arrival.
    pub rtp: Vec<(Header, Vec<u8>)>,
    /// Decrypted RTCP compound packets.
    pub rtcp: Vec<Vec<u8>>,
    /// Connectivity checks that the server sent, answered or not.
    pub checks: Vec<Vec<u8>>,
    /// Success responses of the server.
    pub responses: usize,
    /// What the last of them says that our address is.
    pub mapped: Option<SocketAddr>,
    /// STUN messages of the server whose MESSAGE-INTEGRITY was wrong, SRTP that did not decrypt.
    pub refused: usize,
    next_transaction: u8,
}

impl TestClient {
    /// A client as the `webrtc` crate is: DTLS 1.2.
    pub fn new(address: SocketAddr, numbers: Numbers, now: Instant) -> Self {
        Self::with(address, numbers, now, Dtls::new_12)
    }

    /// A client with a DTLS version of one's choice.
    pub fn with(
        address: SocketAddr,
        numbers: Numbers,
        now: Instant,
        version: fn(Arc<Config>, DtlsCertificate, Instant) -> Dtls,
    ) -> Self {
        let certificate = generate_self_signed_certificate().unwrap();
        let config = Config::builder().build().unwrap();
        let mut dtls = version(Arc::new(config), certificate.clone(), now);
        dtls.set_active(true);
        Self {
            ufrag: format!("u{:04x}", address.port()),
            password: format!("passwordpasswordpassword{}", address.port()),
            address,
            server_ufrag: String::new(),
            server_password: String::new(),
            server_ssrc: None,
            answers_checks: true,
            numbers,
            nack: false,
            certificate,
            dtls,
            dtls_started: false,
            connected: false,
            closed: false,
            send: None,
            receive: None,
            rtp: Vec::new(),
            rtcp: Vec::new(),
            checks: Vec::new(),
            responses: 0,
            mapped: None,
            refused: 0,
            next_transaction: 0,
        }
    }

    /// An offer; `direction` is `sendonly` or `recvonly`.
    pub fn offer(&self, direction: &str) -> String {
        let fingerprint = self.certificate.fingerprint_str();
        let Numbers { opus, red, audio_level } = self.numbers;
        let mut lines = vec![
            "v=0".to_owned(),
            "o=- 1 1 IN IP4 127.0.0.1".to_owned(),
            "s=-".to_owned(),
            "t=0 0".to_owned(),
            "a=group:BUNDLE 0".to_owned(),
            match red {
                Some(red) => format!("m=audio 9 UDP/TLS/RTP/SAVPF {opus} {red}"),
                None => format!("m=audio 9 UDP/TLS/RTP/SAVPF {opus}"),
            },
            "c=IN IP4 0.0.0.0".to_owned(),
            // A candidate that points at somebody else: nothing may ever be sent there.
            "a=candidate:1 1 udp 2130706431 192.0.2.66 666 typ host".to_owned(),
            format!("a=ice-ufrag:{}", self.ufrag),
            format!("a=ice-pwd:{}", self.password),
            format!("a=fingerprint:sha-256 {fingerprint}"),
            "a=setup:actpass".to_owned(),
            "a=mid:0".to_owned(),
            format!("a={direction}"),
            "a=rtcp-mux".to_owned(),
            format!("a=rtpmap:{opus} opus/48000/2"),
            format!("a=fmtp:{opus} minptime=10;useinbandfec=1"),
        ];
        if let Some(red) = red {
            lines.push(format!("a=rtpmap:{red} red/48000/2"));
            lines.push(format!("a=fmtp:{red} {opus}/{opus}"));
        }
        if self.nack {
            lines.push(format!("a=rtcp-fb:{opus} nack"));
        }
        if let Some(id) = audio_level {
            lines.push(format!("a=extmap:{id} urn:ietf:params:rtp-hdrext:ssrc-audio-level"));
        }
        lines.push(String::new());
        lines.join("\r\n")
    }

    /// Takes from an answer what a client needs.
    pub fn accept(&mut self, answer: &str) {
        let value = |key: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().to_owned()
        };
        self.server_ufrag = value("a=ice-ufrag:");
        self.server_password = value("a=ice-pwd:");
        self.server_ssrc = value("a=ssrc:").split(' ').next().and_then(|ssrc| ssrc.parse().ok());
    }

    /// A connectivity check.
    pub fn request(&mut self, nominate: bool) -> Vec<u8> {
        let username = format!("{}:{}", self.server_ufrag, self.ufrag);
        let password = self.server_password.clone();
        self.request_as(&username, &password, nominate, true)
    }

    /// A connectivity check with somebody's credentials.
    pub fn request_as(&mut self, username: &str, password: &str, nominate: bool, controlling: bool) -> Vec<u8> {
        let role = if controlling {
            ATTR_ICE_CONTROLLING
        } else {
            ATTR_ICE_CONTROLLED
        };
        let mut content = vec![
            (ATTR_USERNAME, username.as_bytes().to_vec()),
            (ATTR_PRIORITY, vec![0x6e, 0, 0, 1]),
            (role, vec![7; 8]),
        ];
        if nominate {
            content.push((ATTR_USE_CANDIDATE, Vec::new()));
        }
        let setters = content
            .into_iter()
            .map(|(typ, value)| Box::new(RawAttribute { typ, length: 0, value }) as Box<dyn Setter>);
        self.next_transaction = self.next_transaction.wrapping_add(1);
        let transaction = [self.next_transaction; 12];
        stun(BINDING_REQUEST, transaction, password, setters.collect())
    }

    /// Takes a datagram of the server and gives what the client sends for it.
    pub fn handle(&mut self, datagram: &[u8], server: SocketAddr, now: Instant) -> Vec<Vec<u8>> {
        match datagram.first() {
            Some(0..=3) => self.handle_stun(datagram, server),
            Some(20..=63) => {
                let _ = self.dtls.handle_timeout(now);
                let _ = self.dtls.handle_packet(datagram);
                self.drain_dtls()
            }
            Some(128..=191) => {
                self.handle_srtp(datagram);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The ClientHello.
    pub fn start_dtls(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.dtls_started = true;
        let _ = self.dtls.handle_timeout(now);
        self.drain_dtls()
    }

    /// Retransmissions that are due.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if !self.dtls_started {
            return Vec::new();
        }
        let _ = self.dtls.handle_timeout(now);
        self.drain_dtls()
    }

    /// Says goodbye by DTLS.
    pub fn close(&mut self) -> Vec<Vec<u8>> {
        let _ = self.dtls.close();
        self.drain_dtls()
    }

    /// An encrypted RTP packet; `extension` is one one-byte-form element block, padded to words.
    pub fn rtp_packet(&mut self, (ssrc, sequence, timestamp): (u32, u16, u32), extension: &[u8], payload: &[u8]) -> Vec<u8> {
        let payload_type = self.numbers.opus;
        self.rtp_as(payload_type, (ssrc, sequence, timestamp), extension, payload, 0)
    }

    /// The same with any payload type and with padding.
    pub fn rtp_as(
        &mut self,
        payload_type: u8,
        (ssrc, sequence_number, timestamp): (u32, u16, u32),
        extension: &[u8],
        payload: &[u8],
        padding: u8,
    ) -> Vec<u8> {
        let mut header = Header {
            version: 2,
            payload_type,
            ssrc,
            sequence_number,
            timestamp,
            padding: padding > 0,
            ..Header::default()
        };
        if !extension.is_empty() {
            header.extension = true;
            header.extension_profile = 0xbede;
            let id = extension[0] >> 4;
            let payload = bytes::Bytes::copy_from_slice(&extension[1..]);
            header.extensions = vec![rtc_rtp::header::Extension { id, payload }];
        }
        let mut packet = header.marshal().unwrap().to_vec();
        packet.extend_from_slice(payload);
        if padding > 0 {
            packet.resize(packet.len() + usize::from(padding), 0);
            *packet.last_mut().unwrap() = padding;
        }
        let send = self.send.as_mut().unwrap();
        send.encrypt_rtp_with_header(&packet, &header).unwrap().to_vec()
    }

    /// An encrypted RTCP packet.
    pub fn rtcp_packet(&mut self, packet: &[u8]) -> Vec<u8> {
        self.send.as_mut().unwrap().encrypt_rtcp(packet).unwrap().to_vec()
    }

    fn handle_stun(&mut self, datagram: &[u8], server: SocketAddr) -> Vec<Vec<u8>> {
        let mut message = Message::default();
        message.unmarshal_binary(datagram).unwrap();
        if message.typ == BINDING_REQUEST {
            self.checks.push(datagram.to_vec());
            if MessageIntegrity::check(&mut message, self.password.as_bytes(), crypto()).is_err() {
                self.refused += 1;
                return Vec::new();
            }
            let address = XorMappedAddress {
                ip: server.ip(),
                port: server.port(),
            };
            let answer = stun(
                BINDING_SUCCESS,
                message.transaction_id.0,
                &self.password,
                vec![Box::new(address)],
            );
            return if self.answers_checks { vec![answer] } else { Vec::new() };
        }
        let password = self.server_password.as_bytes();
        match MessageIntegrity::check(&mut message, password, crypto()) {
            Ok(()) => {
                let mut mapped = XorMappedAddress::default();
                mapped.get_from(&message).unwrap();
                self.mapped = Some(SocketAddr::new(mapped.ip, mapped.port));
                self.responses += 1;
            }
            Err(_) => self.refused += 1,
        }
        Vec::new()
    }

    fn handle_srtp(&mut self, datagram: &[u8]) {
        let Some(receive) = &mut self.receive else {
            self.refused += 1;
            return;
        };
        if matches!(datagram.get(1), Some(192..=223)) {
            match receive.decrypt_rtcp(datagram) {
                Ok(packet) => self.rtcp.push(packet.to_vec()),
                Err(_) => self.refused += 1,
            }
            return;
        }
        let mut rest = datagram;
        let Ok(header) = rtc_shared::marshal::Unmarshal::unmarshal(&mut rest) else {
            self.refused += 1;
            return;
        };
        match receive.decrypt_rtp(datagram) {
            Ok(packet) => {
                let start = rtc_shared::marshal::MarshalSize::marshal_size(&header);
                self.rtp.push((header, packet[start..].to_vec()));
            }
            Err(_) => self.refused += 1,
        }
    }

    fn drain_dtls(&mut self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut buffer = vec![0; 4096];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => out.push(packet.to_vec()),
                Output::Timeout(_) => return out,
                Output::Connected => self.connected = true,
                Output::CloseNotify => self.closed = true,
                Output::KeyingMaterial(material, profile) => self.take_keys(&material, profile),
                _ => {}
            }
        }
    }

    fn take_keys(&mut self, material: &[u8], profile: SrtpProfile) {
        let profile = match profile {
            SrtpProfile::AEAD_AES_128_GCM => ProtectionProfile::AeadAes128Gcm,
            SrtpProfile::AEAD_AES_256_GCM => ProtectionProfile::AeadAes256Gcm,
            _ => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let context = |key_at: usize, salt_at: usize| {
            let (key, salt) = (&material[key_at..key_at + key], &material[salt_at..salt_at + salt]);
            Context::new(key, salt, profile, None, None, crypto()).unwrap()
        };
        self.send = Some(context(0, 2 * key));
        self.receive = Some(context(key, 2 * key + salt));
    }
}

/// A STUN message with MESSAGE-INTEGRITY and FINGERPRINT.
pub fn stun(typ: MessageType, transaction: [u8; 12], password: &str, content: Vec<Box<dyn Setter>>) -> Vec<u8> {
    let mut message = Message::new();
    message.reset();
    message.typ = typ;
    message.transaction_id = TransactionId(transaction);
    message.write_header();
    for setter in content {
        setter.add_to(&mut message).unwrap();
    }
    let password = password.to_owned();
    MessageIntegrity::new_short_term_integrity_with_provider(password, crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}
