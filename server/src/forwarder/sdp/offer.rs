//! What we take from an offer.

use std::io::Cursor;

use rtc_sdp::description::common::Attribute;
use rtc_sdp::extmap::{AUDIO_LEVEL_URI, ExtMap};
use rtc_sdp::{MediaDescription, SessionDescription};

use super::{Credentials, Fingerprint, LegFormat, NegotiateError, Role};

/// URI of the absolute capture time extension (draft, as WebRTC spells it).
const CAPTURE_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
/// URI of the mid extension. RFC 9143 §15.
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// One codec line group that the answer repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferedCodec {
    pub(crate) payload_type: u8,
    /// Values of its `a=rtpmap` and `a=fmtp` lines, word for word.
    pub(crate) rtpmap: String,
    pub(crate) fmtp: Vec<String>,
    /// Whether it has `a=rtcp-fb` `nack` (RFC 4585 §4.2), the one feedback that we support.
    pub(crate) nack: bool,
}

/// An m-line as the answer must mirror it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfferedLine {
    pub(crate) media: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) formats: Vec<String>,
    pub(crate) mid: Option<String>,
}

/// What an offer says that we use. Its candidates are not among it: we never send where an SDP points.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) credentials: Credentials,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) format: LegFormat,
    /// Opus and RED in the order of the offer.
    pub(crate) codecs: Vec<OfferedCodec>,
    /// Values of the `a=extmap` lines that we support, word for word.
    pub(crate) extmaps: Vec<String>,
    pub(crate) lines: Vec<OfferedLine>,
    /// Which of `lines` is the audio that we answer.
    pub(crate) audio: usize,
    /// Whether the audio is in the offer's BUNDLE group.
    pub(crate) bundled: bool,
}

impl Offer {
    /// Reads an offer for `role`.
    ///
    /// # Errors
    /// Every variant of [`NegotiateError`] that is about the offer.
    pub(crate) fn parse(text: &str, role: Role, max_bytes: usize) -> Result<Self, NegotiateError> {
        if text.len() > max_bytes {
            return Err(NegotiateError::TooLong(max_bytes));
        }
        let session = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes()))
            .map_err(|error| NegotiateError::Syntax(error.to_string()))?;
        let audio = session
            .media_descriptions
            .iter()
            .position(|line| line.media_name.media == "audio" && line.media_name.port.value != 0)
            .ok_or(NegotiateError::NoAudio)?;
        let line = &session.media_descriptions[audio];
        check_direction(&session, line, role)?;
        check_setup(&session, line)?;
        if !line.has_attribute("rtcp-mux") {
            return Err(NegotiateError::NoRtcpMux);
        }
        let (format, codecs) = codecs(line)?;
        let (format, extmaps) = extensions(line, format);
        let lines: Vec<_> = session.media_descriptions.iter().map(mirror).collect();
        let bundled = is_bundled(&session, lines[audio].mid.as_deref());
        Ok(Self {
            credentials: credentials(&session, line)?,
            fingerprint: fingerprint(&session, line)?,
            format,
            codecs,
            extmaps,
            lines,
            audio,
            bundled,
        })
    }
}

impl Offer {
    /// Whether NACK is offered for Opus: what one stream sends and asks for goes by its packets, not by their type.
    pub(crate) fn has_nack(&self) -> bool {
        let opus = self.codecs.iter().find(|codec| codec.payload_type == self.format.opus);
        opus.is_some_and(|codec| codec.nack)
    }
}

/// An attribute of the m-line or, where it has none, of the session.
fn value_of<'a>(session: &'a SessionDescription, line: &'a MediaDescription, key: &str) -> Option<&'a str> {
    let of_line = line.attribute(key).flatten();
    of_line.or_else(|| session.attribute(key).map(String::as_str))
}

fn check_direction(session: &SessionDescription, line: &MediaDescription, role: Role) -> Result<(), NegotiateError> {
    let has = |key| line.has_attribute(key);
    let own = ["sendrecv", "sendonly", "recvonly", "inactive"]
        .into_iter()
        .find(|key| has(key));
    let session_wide = || {
        ["sendonly", "recvonly", "inactive"]
            .into_iter()
            .find(|key| session.has_attribute(key))
    };
    // sendrecv is the default: RFC 8866 §6.7.
    let direction = own.or_else(session_wide).unwrap_or("sendrecv");
    let fits = match role {
        Role::Publisher => matches!(direction, "sendrecv" | "sendonly"),
        Role::Player => matches!(direction, "sendrecv" | "recvonly"),
    };
    fits.then_some(()).ok_or(NegotiateError::Direction)
}

fn check_setup(session: &SessionDescription, line: &MediaDescription) -> Result<(), NegotiateError> {
    match value_of(session, line, "setup") {
        Some("actpass" | "active") => Ok(()),
        _ => Err(NegotiateError::Setup),
    }
}

fn credentials(session: &SessionDescription, line: &MediaDescription) -> Result<Credentials, NegotiateError> {
    let field = |key| value_of(session, line, key).unwrap_or_default();
    Credentials::new(field("ice-ufrag"), field("ice-pwd"))
}

fn fingerprint(session: &SessionDescription, line: &MediaDescription) -> Result<Fingerprint, NegotiateError> {
    let all = |attributes: &[Attribute]| {
        attributes
            .iter()
            .filter(|attribute| attribute.key == "fingerprint")
            .find_map(|attribute| parse_fingerprint(attribute.value.as_deref()?))
    };
    all(&line.attributes)
        .or_else(|| all(&session.attributes))
        .ok_or(NegotiateError::Fingerprint)
}

fn parse_fingerprint(value: &str) -> Option<Fingerprint> {
    let (algorithm, digits) = value.trim().split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut fingerprint = [0; 32];
    let mut pairs = digits.trim().split(':');
    for byte in &mut fingerprint {
        let is_hex = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        let pair = pairs.next().filter(is_hex)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(fingerprint)
}

/// The first Opus and the first RED around it.
fn codecs(line: &MediaDescription) -> Result<(LegFormat, Vec<OfferedCodec>), NegotiateError> {
    let known = line.codecs();
    let mut opus = None;
    let mut red = None;
    let mut kept = Vec::new();
    for format in &line.media_name.formats {
        let Some(codec) = format.parse().ok().and_then(|number: u8| known.get(&number)) else {
            continue;
        };
        let slot = match codec.name.to_ascii_lowercase().as_str() {
            "opus" => &mut opus,
            "red" => &mut red,
            _ => continue,
        };
        let stereo_48k = codec.clock_rate == 48_000 && codec.encoding_parameters == "2";
        // 64..=95 would be taken for RTCP: RFC 5761 §4.
        if slot.is_some() || !stereo_48k || !matches!(codec.payload_type, 0..=63 | 96..=127) {
            continue;
        }
        let lines = lines_of(line, codec.payload_type);
        let Some(rtpmap) = lines("rtpmap").into_iter().next() else {
            continue;
        };
        *slot = Some(codec.payload_type);
        kept.push(OfferedCodec {
            payload_type: codec.payload_type,
            rtpmap,
            fmtp: lines("fmtp"),
            nack: has_nack(line, codec.payload_type),
        });
    }
    let opus = opus.ok_or(NegotiateError::NoOpus)?;
    let format = LegFormat {
        opus,
        red: red.filter(|_| red_is_around(&kept, red, opus)),
        audio_level: None,
        capture_time: None,
    };
    kept.retain(|codec| codec.payload_type == opus || Some(codec.payload_type) == format.red);
    Ok((format, kept))
}

/// Whether the plain `nack` is offered for this payload type, or for all (`*`).
fn has_nack(line: &MediaDescription, payload_type: u8) -> bool {
    let feedback = line.attributes.iter().filter(|attribute| attribute.key == "rtcp-fb");
    feedback.filter_map(|attribute| attribute.value.as_deref()).any(|value| {
        let mut words = value.split_whitespace();
        let is_ours = words
            .next()
            .is_some_and(|word| word == "*" || word.parse() == Ok(payload_type));
        is_ours && words.eq(["nack"])
    })
}

/// Whether RED's fmtp (`111/111`, RFC 2198 §5) names our Opus and nothing else.
fn red_is_around(codecs: &[OfferedCodec], red: Option<u8>, opus: u8) -> bool {
    let Some(codec) = codecs.iter().find(|codec| Some(codec.payload_type) == red) else {
        return false;
    };
    let blocks = codec.fmtp.iter().filter_map(|line| line.split_whitespace().nth(1));
    blocks
        .into_iter()
        .all(|blocks| blocks.split('/').all(|block| block.parse() == Ok(opus)))
}

/// The values of the attribute lines `key` that begin with this payload type.
fn lines_of(line: &MediaDescription, payload_type: u8) -> impl Fn(&str) -> Vec<String> + '_ {
    move |key| {
        line.attributes
            .iter()
            .filter(|attribute| attribute.key == key)
            .filter_map(|attribute| attribute.value.as_deref())
            .filter(|value| {
                let number = value.split_whitespace().next();
                number.and_then(|number| number.parse().ok()) == Some(payload_type)
            })
            .map(str::to_owned)
            .collect()
    }
}

fn extensions(line: &MediaDescription, mut format: LegFormat) -> (LegFormat, Vec<String>) {
    let mut kept = Vec::new();
    let mut used = [false; 15];
    for attribute in line.attributes.iter().filter(|attribute| attribute.key == "extmap") {
        let Ok(map) = ExtMap::unmarshal(&mut Cursor::new(attribute.to_string())) else {
            continue;
        };
        // Ids above 14 would need the two-byte form (RFC 8285 §4.3), which nobody uses for these three.
        let Some(id) = u8::try_from(map.value).ok().filter(|id| (1..=14).contains(id)) else {
            continue;
        };
        let slot = match map.uri.as_ref().map(|uri| uri.as_str()) {
            Some(AUDIO_LEVEL_URI) => Some(&mut format.audio_level),
            Some(CAPTURE_TIME_URI) => Some(&mut format.capture_time),
            Some(MID_URI) => None,
            _ => continue,
        };
        if used[usize::from(id)] || slot.as_ref().is_some_and(|slot| slot.is_some()) {
            continue;
        }
        used[usize::from(id)] = true;
        if let Some(slot) = slot {
            *slot = Some(id);
        }
        kept.extend(attribute.value.clone());
    }
    (format, kept)
}

fn mirror(line: &MediaDescription) -> OfferedLine {
    OfferedLine {
        media: line.media_name.media.clone(),
        protocols: line.media_name.protos.clone(),
        formats: line.media_name.formats.clone(),
        mid: line.attribute("mid").flatten().map(str::to_owned),
    }
}

fn is_bundled(session: &SessionDescription, mid: Option<&str>) -> bool {
    let Some(mid) = mid else {
        return false;
    };
    let groups = session.attributes.iter().filter(|attribute| attribute.key == "group");
    groups.filter_map(|group| group.value.as_deref()).any(|group| {
        let mut words = group.split_whitespace();
        words.next() == Some("BUNDLE") && words.any(|word| word == mid)
    })
}
