//! RTP, RTCP and STUN, one parser at a time.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use bytes::BytesMut;
use express_messages::red;
use rtc_stun::attributes::{ATTR_USERNAME, AttrType};
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_BINDING, MessageType,
};

use super::super::held::Description;
use super::super::numbering::{SequenceCompactor, Unwrapper};
use super::super::rebase::Rebase;
use super::super::recent::RecentPackets;
use super::super::red::compose_with_copies;
use super::super::rtcp as wire;
use super::super::rtp::{LegFormat, RtpView, compose, patch};
use super::super::stun::{self, Check, StunMessage, write_check, write_response};
use super::{number, piece};
use express_messages::red::CopySet;

/// What all STUN messages of these targets are sealed with.
const PASSWORD: &str = "passwordpasswordpassword";
/// Reports that one RTCP packet can hold. RFC 3550 §6.4.1: five bits count them.
const MOST_REPORTS: usize = 31;

/// Two legs' formats, then packets of one source, as they follow decryption.
pub fn rtp(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let (from, to) = (format(&mut input), format(&mut input));
    let mut listener = Leg::new(number(&mut input), number(&mut input));
    while !input.is_empty() {
        listener.take(
            piece(&mut input),
            from,
            to,
            Duration::from_millis(number::<u8>(&mut input).into()),
        );
    }
}

fn format(input: &mut Unstructured<'_>) -> LegFormat {
    let payload_type = |input: &mut Unstructured<'_>| number::<u8>(input) & 0x7f;
    let id = |input: &mut Unstructured<'_>| Some(number::<u8>(input) % 16).filter(|id| (1..=14).contains(id));
    LegFormat {
        opus: payload_type(input),
        red: Some(payload_type(input)).filter(|red| *red > 0),
        audio_level: id(input),
        capture_time: id(input),
    }
}

/// A listener's side of one source.
struct Leg {
    now: Instant,
    unwrapper: Unwrapper,
    compactor: SequenceCompactor,
    rebase: Rebase,
    sent: HashSet<u64>,
    out: Vec<u8>,
    recent: RecentPackets,
}

impl Leg {
    fn new(first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            now: Instant::now(),
            unwrapper: Unwrapper::default(),
            compactor: SequenceCompactor::default(),
            rebase: Rebase::new(first_sequence, first_timestamp),
            sent: HashSet::new(),
            out: Vec::new(),
            recent: RecentPackets::new(),
        }
    }

    fn take(&mut self, packet: &[u8], from: LegFormat, to: LegFormat, passed: Duration) {
        self.now += passed;
        let Some(view) = RtpView::parse(packet) else {
            return;
        };
        assert!(view.header_len <= packet.len());
        if let Some(id) = from.audio_level {
            let _ = view.audio_level(packet, id);
        }
        let extended = self.unwrapper.extend(view.sequence);
        let Some(payload) = view.payload(packet).filter(|payload| !payload.is_empty()) else {
            self.compactor.leave_out(extended);
            return;
        };
        let Some(sequence) = self.compactor.keep(extended) else {
            return;
        };
        let description = Description {
            view,
            payload: payload.clone(),
            format: from,
            source: 1,
            sequence,
        };
        self.copy(packet, &description, &to);
        let Some(header_len) = compose(&mut self.out, packet, &view, payload, &from, &to) else {
            return;
        };
        let Some(named) = self.rebase.map(1, sequence, view.timestamp, self.now) else {
            return;
        };
        assert!(self.sent.insert(named.index), "two packets are called {}", named.index);
        patch(&mut self.out, named.first, named.sequence(), named.timestamp, 5);
        let written = RtpView::parse(&self.out).expect("what is composed is RTP");
        assert_eq!(
            (written.header_len, written.sequence, written.timestamp, written.ssrc),
            (header_len, named.sequence(), named.timestamp, 5)
        );
        assert!(written.payload_type == to.opus || Some(written.payload_type) == to.red);
    }
}

impl Leg {
    /// The same with copies of every older packet that may be copied.
    fn copy(&mut self, packet: &[u8], description: &Description, to: &LegFormat) {
        let all: Vec<u8> = (1..=CopySet::MAX_DISTANCE).collect();
        let copies = self.recent.store(packet, description, CopySet::of(&all));
        let composed = compose_with_copies(&mut self.out, (packet, description), to, copies, &self.recent);
        let Some((header_len, added)) = composed else {
            return;
        };
        let again = self.recent.store(packet, description, CopySet::NONE);
        assert_eq!(again, copies, "what a packet carries is settled once");
        if added.copies > 0 {
            let red = red::read(&self.out[header_len..]).expect("what is composed is RED");
            assert_eq!(red.copies(), added.copies as usize);
        }
    }
}

/// A compound packet after decryption.
pub fn rtcp(data: &[u8]) {
    let Some(received) = wire::read(&BytesMut::from(data)) else {
        return;
    };
    let reports: Vec<_> = received.reports.into_iter().take(MOST_REPORTS).collect();
    let Some(written) = wire::receiver_report(5, "fuzz", reports.clone()) else {
        return;
    };
    let again = wire::read(&written).expect("what is written is RTCP");
    assert_eq!(again.reports, reports);
}

/// A datagram, or what is to be sealed: see the first byte.
pub fn stun(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    match first % 3 {
        0 => drop(read(rest)),
        1 => {
            let mut input = Unstructured::new(rest);
            let classes = [CLASS_REQUEST, CLASS_INDICATION, CLASS_SUCCESS_RESPONSE, CLASS_ERROR_RESPONSE];
            let typ = MessageType {
                method: METHOD_BINDING,
                class: classes[usize::from(number::<u8>(&mut input) & 3)],
            };
            if let Some(message) = sealed(&mut input, typ, [1; 12], None, PASSWORD) {
                read(&message);
            }
        }
        _ => write(rest),
    }
}

/// Reads a message and answers it, as the server does.
fn read(datagram: &[u8]) -> Option<StunMessage> {
    let mut message = StunMessage::parse(datagram)?;
    let _ = (message.fragments(), message.nominates(), message.sender_is_controlled());
    let _ = message.is_authentic(PASSWORD);
    let from = SocketAddr::from(([127, 0, 0, 1], 7000));
    let answer = write_response(message.transaction(), from, PASSWORD).expect("a response can be written");
    assert!(StunMessage::parse(&answer).is_some_and(|mut answer| answer.is_authentic(PASSWORD)));
    Some(message)
}

/// Writes a check with a user name that is anything.
fn write(username: &[u8]) {
    let username: String = String::from_utf8_lossy(username).chars().take(256).collect();
    let check = Check {
        transaction: [9; 12],
        username: &username,
        password: PASSWORD,
        controlling: true,
        tie_breaker: 1,
    };
    // USERNAME has at most 513 bytes: RFC 8489 §14.3.
    if let Some(written) = write_check(&check).filter(|_| username.len() <= 513) {
        let message = read(&written).expect("what is written is STUN");
        assert_eq!(message.fragments(), username.split_once(':'));
    }
}

/// A message with attributes out of the input, and a right MESSAGE-INTEGRITY and FINGERPRINT: what only who knows the
/// password can send.
pub(super) fn sealed(
    input: &mut Unstructured<'_>,
    typ: MessageType,
    transaction: [u8; 12],
    username: Option<&str>,
    password: &str,
) -> Option<Vec<u8>> {
    let mut content: Vec<_> = username
        .map(|username| stun::raw(ATTR_USERNAME, username.as_bytes()))
        .into_iter()
        .collect();
    for _ in 0..number::<u8>(input) % 8 {
        let attribute = AttrType(number(input));
        let value = piece(input);
        content.push(stun::raw(attribute, value.get(..256).unwrap_or(value)));
    }
    stun::write(typ, transaction, password, content)
}
