//! The client's half of ICE: one server address, checked and kept. RFC 8445 §7, RFC 7675 §5.1.

use std::net::SocketAddr;

use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, RawAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, MessageType, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;

use super::crypto;

/// Priority of a peer-reflexive candidate of the first component. RFC 8445 §7.1.1.
const PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// A user fragment and its password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `ice-ufrag`
    pub ufrag: String,
    /// `ice-pwd`
    pub password: String,
}

/// What a STUN message of the server was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A check of the server; this answers it.
    Check(Vec<u8>),
    /// The answer to our own.
    Confirmed,
    /// Something else, or not authentic.
    Nothing,
}

/// Both ends' credentials.
#[derive(Debug)]
pub(super) struct Ice {
    pub(super) local: Credentials,
    pub(super) remote: Credentials,
    tie_breaker: [u8; 8],
}

impl Ice {
    pub(super) fn new(local: Credentials, tie_breaker: [u8; 8]) -> Self {
        Self {
            local,
            remote: Credentials::default(),
            tie_breaker,
        }
    }

    /// A check that nominates: there is one address to choose from.
    pub(super) fn check(&self, transaction: [u8; 12]) -> Option<Vec<u8>> {
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        let content = [
            (ATTR_USERNAME, username.into_bytes()),
            (ATTR_PRIORITY, PRIORITY.to_be_bytes().to_vec()),
            (ATTR_ICE_CONTROLLING, self.tie_breaker.to_vec()),
            (ATTR_USE_CANDIDATE, Vec::new()),
        ];
        let content = content
            .into_iter()
            .map(|(typ, value)| Box::new(RawAttribute { typ, length: 0, value }) as Box<dyn Setter>);
        write(BINDING_REQUEST, transaction, &self.remote.password, content)
    }

    /// The same without knowing the password.
    pub(super) fn forged_check(&self, transaction: [u8; 12]) -> Option<Vec<u8>> {
        let stranger = Self {
            local: self.local.clone(),
            remote: Credentials {
                ufrag: self.remote.ufrag.clone(),
                password: "a password that is only guessed".into(),
            },
            tie_breaker: self.tie_breaker,
        };
        stranger.check(transaction)
    }

    /// Takes a STUN message that came from `server`.
    pub(super) fn handle(&self, datagram: &[u8], server: SocketAddr) -> Heard {
        let mut message = Message::default();
        if message.unmarshal_binary(datagram).is_err() {
            return Heard::Nothing;
        }
        let is_request = message.typ == BINDING_REQUEST;
        let password = if is_request {
            &self.local.password
        } else {
            &self.remote.password
        };
        let known = is_request || message.typ == BINDING_SUCCESS;
        if !known || MessageIntegrity::check(&mut message, password.as_bytes(), crypto()).is_err() {
            return Heard::Nothing;
        }
        if !is_request {
            return Heard::Confirmed;
        }
        let address = XorMappedAddress {
            ip: server.ip(),
            port: server.port(),
        };
        let content = std::iter::once(Box::new(address) as Box<dyn Setter>);
        write(BINDING_SUCCESS, message.transaction_id.0, password, content).map_or(Heard::Nothing, Heard::Check)
    }
}

fn write(
    typ: MessageType,
    transaction: [u8; 12],
    password: &str,
    content: impl Iterator<Item = Box<dyn Setter>>,
) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message.reset();
    message.typ = typ;
    message.transaction_id = TransactionId(transaction);
    message.write_header();
    for setter in content {
        setter.add_to(&mut message).ok()?;
    }
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto());
    integrity.add_to(&mut message).ok()?;
    FINGERPRINT.add_to(&mut message).ok()?;
    Some(message.raw)
}
