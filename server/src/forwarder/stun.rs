//! The three STUN messages of ICE, read and written with `rtc-stun`. RFC 8489, RFC 8445 §7.

use std::net::SocketAddr;

use rtc_srtp::crypto::providers::AwsLcRsProvider;
use rtc_srtp::crypto::{RTCCrypto, RTCCryptoProvider};
use rtc_stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY, ATTR_USE_CANDIDATE,
    ATTR_USERNAME, AttrType,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_REQUEST, BINDING_SUCCESS, CLASS_ERROR_RESPONSE, CLASS_SUCCESS_RESPONSE, METHOD_BINDING, Message, MessageType, Setter,
    TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;

/// Longest STUN message that is looked at. Those of ICE have about 100 bytes.
const MAX_MESSAGE: usize = 1024;
/// Size of a MESSAGE-INTEGRITY value (HMAC-SHA1). RFC 8489 §14.5.
const INTEGRITY_BYTES: usize = 20;
/// Our candidates' PRIORITY as peer-reflexive ones would have it. RFC 8445 §7.1.1.
const CHECK_PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;

/// Twelve bytes that tie a response to its request.
pub(crate) type TransactionBytes = [u8; 12];

/// The cryptography that `rtc-stun` and `rtc-srtp` are given: aws-lc-rs, as everywhere.
pub(crate) fn crypto() -> &'static dyn RTCCrypto {
    static PROVIDER: AwsLcRsProvider = AwsLcRsProvider::new();
    PROVIDER.crypto()
}

/// Which kind of message this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StunKind {
    /// A Binding request.
    Request,
    /// A Binding success response.
    Success,
    /// A Binding error response.
    Failure,
}

/// A parsed STUN message; nothing in it is to be believed before [`StunMessage::is_authentic`].
#[derive(Debug)]
pub(crate) struct StunMessage {
    message: Message,
    kind: StunKind,
}

impl StunMessage {
    /// Reads a datagram into this value's buffers; `None`: not a STUN message of ICE.
    ///
    /// MESSAGE-INTEGRITY and FINGERPRINT must be the last two attributes: what came behind the first would not be
    /// covered by it (RFC 8489 §14.5), and ICE sends both (RFC 8445 §7.1.1 and §7.2.2).
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        if datagram.len() > MAX_MESSAGE {
            return None;
        }
        let mut message = Message::default();
        message.unmarshal_binary(datagram).ok()?;
        let declared = usize::try_from(message.length).ok()?;
        if message.raw.len() != declared + 20 {
            return None;
        }
        let kind = match message.typ {
            BINDING_REQUEST => StunKind::Request,
            MessageType {
                method: METHOD_BINDING,
                class: CLASS_SUCCESS_RESPONSE,
            } => StunKind::Success,
            MessageType {
                method: METHOD_BINDING,
                class: CLASS_ERROR_RESPONSE,
            } => StunKind::Failure,
            _ => return None,
        };
        let [.., integrity, fingerprint] = message.attributes.0.as_slice() else {
            return None;
        };
        let is_closed = integrity.typ == ATTR_MESSAGE_INTEGRITY
            && integrity.value.len() == INTEGRITY_BYTES
            && fingerprint.typ == ATTR_FINGERPRINT
            && message
                .attributes
                .0
                .iter()
                .filter(|a| a.typ == ATTR_MESSAGE_INTEGRITY)
                .count()
                == 1;
        (is_closed && FINGERPRINT.check(&message).is_ok()).then_some(Self { message, kind })
    }

    pub(crate) fn kind(&self) -> StunKind {
        self.kind
    }

    pub(crate) fn transaction(&self) -> TransactionBytes {
        self.message.transaction_id.0
    }

    /// Whether MESSAGE-INTEGRITY was made with `password`.
    pub(crate) fn is_authentic(&mut self, password: &str) -> bool {
        MessageIntegrity::check(&mut self.message, password.as_bytes(), crypto()).is_ok()
    }

    /// The two user fragments of USERNAME: the receiver's (ours), then the sender's.
    pub(crate) fn fragments(&self) -> Option<(&str, &str)> {
        let username = self.value(ATTR_USERNAME)?;
        std::str::from_utf8(username).ok()?.split_once(':')
    }

    /// Whether the sender nominates this pair.
    pub(crate) fn nominates(&self) -> bool {
        self.value(ATTR_USE_CANDIDATE).is_some()
    }

    /// Whether the sender says that we control the session.
    pub(crate) fn sender_is_controlled(&self) -> bool {
        self.value(ATTR_ICE_CONTROLLED).is_some()
    }

    fn value(&self, attribute: AttrType) -> Option<&[u8]> {
        let mut all = self.message.attributes.0.iter();
        all.find(|candidate| candidate.typ == attribute)
            .map(|found| found.value.as_slice())
    }
}

/// The success response to a request from `from`.
pub(crate) fn write_response(transaction: TransactionBytes, from: SocketAddr, password: &str) -> Option<Vec<u8>> {
    let address = XorMappedAddress {
        ip: from.ip(),
        port: from.port(),
    };
    write(BINDING_SUCCESS, transaction, password, vec![Box::new(address)])
}

/// What [`write_check`] says about itself.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) transaction: TransactionBytes,
    /// `remote fragment:local fragment`.
    pub(crate) username: &'a str,
    /// The remote side's password.
    pub(crate) password: &'a str,
    /// The client said that it is controlled: then we are the one to nominate.
    pub(crate) controlling: bool,
    pub(crate) tie_breaker: u64,
}

/// A connectivity check of our own. RFC 8445 §7.2.2.
pub(crate) fn write_check(check: &Check<'_>) -> Option<Vec<u8>> {
    let mut setters: Vec<Box<dyn Setter>> = vec![
        raw(ATTR_USERNAME, check.username.as_bytes()),
        raw(ATTR_PRIORITY, &CHECK_PRIORITY.to_be_bytes()),
    ];
    let tie_breaker = check.tie_breaker.to_be_bytes();
    if check.controlling {
        setters.push(raw(ATTR_ICE_CONTROLLING, &tie_breaker));
        setters.push(raw(ATTR_USE_CANDIDATE, &[]));
    } else {
        setters.push(raw(ATTR_ICE_CONTROLLED, &tie_breaker));
    }
    write(BINDING_REQUEST, check.transaction, check.password, setters)
}

/// An attribute of these bytes.
pub(crate) fn raw(attribute: AttrType, value: &[u8]) -> Box<dyn Setter> {
    Box::new(rtc_stun::attributes::RawAttribute {
        typ: attribute,
        length: 0,
        value: value.to_vec(),
    })
}

/// Writes a message with these attributes, and behind them MESSAGE-INTEGRITY and FINGERPRINT.
pub(crate) fn write(
    typ: MessageType,
    transaction: TransactionBytes,
    password: &str,
    content: Vec<Box<dyn Setter>>,
) -> Option<Vec<u8>> {
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto());
    let mut message = Message::new();
    message.reset();
    message.typ = typ;
    message.transaction_id = TransactionId(transaction);
    message.write_header();
    for setter in content {
        setter.add_to(&mut message).ok()?;
    }
    integrity.add_to(&mut message).ok()?;
    FINGERPRINT.add_to(&mut message).ok()?;
    Some(message.raw)
}
