//! What we say to an offer.

use std::fmt::Write as _;
use std::net::SocketAddr;

use rtc_sdp::description::common::{Address, Attribute, ConnectionInformation};
use rtc_sdp::description::media::{MediaDescription, MediaName, RangedPort};
use rtc_sdp::description::session::{Origin, SessionDescription, TimeDescription, Timing};

use super::offer::{Offer, OfferedLine};
use super::{Credentials, Fingerprint, Role};

/// Priority of the first host candidate. RFC 8445 §5.1.2.1: type 126, component 1.
const HOST_PRIORITY: u32 = (126 << 24) | (65_535 << 8) | 255;

/// Priority of the first TCP candidate, below all others: type 90 (as browsers have it), then RFC 6544 §4.2: direction
/// preference 4 (a passive host candidate) and 13 bits of our own.
const TCP_PRIORITY: u32 = (90 << 24) | (((4 << 13) | 8_191) << 8) | 255;

/// Our side of the answer.
#[derive(Clone, Debug)]
pub(crate) struct AnswerParts<'a> {
    pub(crate) role: Role,
    pub(crate) credentials: &'a Credentials,
    pub(crate) fingerprint: &'a Fingerprint,
    /// Where the shard that owns the peer listens, best first.
    pub(crate) candidates: &'a [SocketAddr],
    /// Where TCP connections for it are taken, best first.
    pub(crate) tcp_candidates: &'a [SocketAddr],
    /// For a player: the SSRC of what it will receive.
    pub(crate) ssrc: u32,
    pub(crate) cname: &'a str,
    pub(crate) session_id: u64,
}

/// Writes the answer: the audio line accepted, every other line rejected with port 0 (RFC 3264 §6).
pub(crate) fn write_answer(offer: &Offer, parts: &AnswerParts<'_>) -> String {
    let lines = offer.lines.iter().enumerate().map(|(index, line)| {
        if index == offer.audio {
            accepted(offer, line, parts)
        } else {
            rejected(line)
        }
    });
    let mut attributes = Vec::new();
    let mid = offer.lines.get(offer.audio).and_then(|line| line.mid.as_deref());
    if let (true, Some(mid)) = (offer.bundled, mid) {
        attributes.push(with("group", format!("BUNDLE {mid}")));
    }
    attributes.push(with("msid-semantic", " WMS *".to_owned()));
    SessionDescription {
        version: 0,
        origin: Origin {
            username: "-".to_owned(),
            session_id: parts.session_id,
            session_version: 1,
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            unicast_address: "127.0.0.1".to_owned(),
        },
        session_name: "-".to_owned(),
        time_descriptions: vec![TimeDescription {
            timing: Timing {
                start_time: 0,
                stop_time: 0,
            },
            repeat_times: Vec::new(),
        }],
        attributes,
        media_descriptions: lines.collect(),
        ..SessionDescription::default()
    }
    .marshal()
}

fn accepted(offer: &Offer, line: &OfferedLine, parts: &AnswerParts<'_>) -> MediaDescription {
    let mut attributes = Vec::new();
    for (index, address) in parts.candidates.iter().enumerate() {
        attributes.push(with("candidate", candidate(index, *address)));
    }
    for (index, address) in parts.tcp_candidates.iter().enumerate() {
        let text = tcp_candidate(index, parts.candidates.len() + index + 1, *address);
        attributes.push(with("candidate", text));
    }
    attributes.push(flag("end-of-candidates"));
    attributes.push(with("ice-ufrag", parts.credentials.ufrag.clone()));
    attributes.push(with("ice-pwd", parts.credentials.password.clone()));
    attributes.push(with("fingerprint", fingerprint_text(parts.fingerprint)));
    attributes.push(with("setup", "passive".to_owned()));
    attributes.extend(line.mid.clone().map(|mid| with("mid", mid)));
    attributes.extend(offer.extmaps.iter().cloned().map(|map| with("extmap", map)));
    match parts.role {
        Role::Publisher => attributes.push(flag("recvonly")),
        Role::Player => {
            attributes.push(flag("sendonly"));
            attributes.push(with("msid", format!("{0} {0}", parts.cname)));
        }
    }
    attributes.push(flag("rtcp-mux"));
    for codec in &offer.codecs {
        attributes.push(with("rtpmap", codec.rtpmap.clone()));
        attributes.extend(codec.fmtp.iter().cloned().map(|fmtp| with("fmtp", fmtp)));
        attributes.extend(codec.nack.then(|| with("rtcp-fb", format!("{} nack", codec.payload_type))));
    }
    if parts.role == Role::Player {
        attributes.push(with("ssrc", format!("{} cname:{}", parts.ssrc, parts.cname)));
        attributes.push(with("ssrc", format!("{} msid:{1} {1}", parts.ssrc, parts.cname)));
    }
    let first = parts.candidates.first();
    MediaDescription {
        media_name: MediaName {
            media: line.media.clone(),
            port: RangedPort {
                value: first.map_or(9, |address| address.port() as isize),
                range: None,
            },
            protos: line.protocols.clone(),
            formats: offer.codecs.iter().map(|codec| codec.payload_type.to_string()).collect(),
        },
        connection_information: Some(connection(first)),
        attributes,
        ..MediaDescription::default()
    }
}

fn rejected(line: &OfferedLine) -> MediaDescription {
    let mut attributes: Vec<_> = line.mid.clone().map(|mid| with("mid", mid)).into_iter().collect();
    attributes.push(flag("inactive"));
    MediaDescription {
        media_name: MediaName {
            media: line.media.clone(),
            port: RangedPort { value: 0, range: None },
            protos: line.protocols.clone(),
            formats: line.formats.clone(),
        },
        connection_information: Some(connection(None)),
        attributes,
        ..MediaDescription::default()
    }
}

/// One host candidate; earlier ones are preferred. RFC 8839 §5.1.
fn candidate(index: usize, address: SocketAddr) -> String {
    let step = u32::try_from(index).unwrap_or(u32::MAX).min(65_535) << 8;
    let priority = HOST_PRIORITY - step;
    let (ip, port) = (address.ip(), address.port());
    format!("{} 1 udp {priority} {ip} {port} typ host", index + 1)
}

/// One passive TCP candidate: clients connect to it. RFC 6544 §4.5.
fn tcp_candidate(index: usize, foundation: usize, address: SocketAddr) -> String {
    let step = u32::try_from(index).unwrap_or(u32::MAX).min(8_191) << 8;
    let priority = TCP_PRIORITY - step;
    let (ip, port) = (address.ip(), address.port());
    format!("{foundation} 1 tcp {priority} {ip} {port} typ host tcptype passive")
}

fn connection(address: Option<&SocketAddr>) -> ConnectionInformation {
    let (address_type, text) = match address {
        Some(address) if address.is_ipv6() => ("IP6", address.ip().to_string()),
        Some(address) => ("IP4", address.ip().to_string()),
        None => ("IP4", "0.0.0.0".to_owned()),
    };
    ConnectionInformation {
        network_type: "IN".to_owned(),
        address_type: address_type.to_owned(),
        address: Some(Address {
            address: text,
            ttl: None,
            range: None,
        }),
    }
}

fn fingerprint_text(fingerprint: &Fingerprint) -> String {
    let mut text = "sha-256 ".to_owned();
    for (index, byte) in fingerprint.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        // Writing into a String cannot fail.
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}

fn with(key: &str, value: String) -> Attribute {
    Attribute::new(key.to_owned(), Some(value))
}

fn flag(key: &str) -> Attribute {
    Attribute::new(key.to_owned(), None)
}
