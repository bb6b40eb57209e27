//! RTP headers, read and rewritten in place.
//!
//! `rtc-rtp` parses a header into vectors; on the path of every packet that would allocate. So this file only
//! looks at the bytes it must route by and writes the bytes that differ for each listener. The one value of
//! `rtc-rtp` that is needed, the header that `rtc-srtp` asks for, is kept and reused ([`HeaderShape`]).

use std::ops::Range;

use bytes::Bytes;
use rtc_rtp::header::{EXTENSION_PROFILE_ONE_BYTE, EXTENSION_PROFILE_TWO_BYTE, Extension, Header};

use super::red;

/// Length of the fixed RTP header in bytes. RFC 3550 §5.1.
pub(crate) const FIXED_HEADER: usize = 12;

/// Longest header-extension block that is accepted, in bytes. Ours need 24; a longer block is a hostile packet.
const MAX_EXTENSION_BYTES: usize = 1024;

/// What [`HeaderShape`] shows `rtc-srtp` in place of an extension block: only its length matters there.
static EXTENSION_STAND_IN: [u8; MAX_EXTENSION_BYTES] = [0; MAX_EXTENSION_BYTES];

/// The numbers that one leg (publisher or listener) negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LegFormat {
    /// Payload type of Opus.
    pub(crate) opus: u8,
    /// Payload type of RED (RFC 2198) around that Opus, if offered.
    pub(crate) red: Option<u8>,
    /// Header-extension id of the audio level (RFC 6464), 1..=14.
    pub(crate) audio_level: Option<u8>,
    /// Header-extension id of the absolute capture time, 1..=14.
    pub(crate) capture_time: Option<u8>,
}

/// Where things are in one RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpView {
    /// Whether the payload ends in padding (the P bit).
    pub(crate) padded: bool,
    /// The marker bit.
    pub(crate) marker: bool,
    /// Payload type.
    pub(crate) payload_type: u8,
    /// Sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// Synchronisation source.
    pub(crate) ssrc: u32,
    /// Bytes before the payload, contributing sources and extensions included.
    pub(crate) header_len: usize,
    csrc_count: usize,
    extension: Option<ExtensionBlock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ExtensionBlock {
    profile: u16,
    start: usize,
    len: usize,
}

impl RtpView {
    /// Looks at a packet, encrypted or not: the header is always in the clear.
    ///
    /// # Source
    /// RFC 3550 §5.1 and §5.3.1.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let fixed = packet.first_chunk::<FIXED_HEADER>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let csrc_count = usize::from(fixed[0] & 0x0f);
        let mut header_len = FIXED_HEADER + 4 * csrc_count;
        let mut extension = None;
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(header_len..header_len + 4)?;
            let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            if len > MAX_EXTENSION_BYTES {
                return None;
            }
            extension = Some(ExtensionBlock {
                profile: u16::from_be_bytes([head[0], head[1]]),
                start: header_len + 4,
                len,
            });
            header_len += 4 + len;
        }
        (packet.len() >= header_len).then_some(Self {
            padded: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            header_len,
            csrc_count,
            extension,
        })
    }

    /// Where the payload of a decrypted packet lies, padding left out; `None` if the padding is nonsense.
    pub(crate) fn payload(&self, packet: &[u8]) -> Option<Range<usize>> {
        let padding = if self.padded { usize::from(*packet.last()?).max(1) } else { 0 };
        let end = packet.len().checked_sub(padding)?;
        (end >= self.header_len).then_some(self.header_len..end)
    }

    /// The byte of the audio level, where extension `id` is that. RFC 6464 §3.
    pub(crate) fn audio_level(&self, packet: &[u8], id: u8) -> Option<u8> {
        self.extension(packet, id)?.first().copied()
    }

    /// The value of the header extension `id`, in either form of RFC 8285.
    fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        let block = self.extension?;
        let mut rest = packet.get(block.start..block.start + block.len)?;
        while let Some((&first, tail)) = rest.split_first() {
            if first == 0 {
                rest = tail;
                continue;
            }
            let (element, len, body) = match block.profile {
                EXTENSION_PROFILE_ONE_BYTE if first >> 4 == 15 => return None,
                EXTENSION_PROFILE_ONE_BYTE => (first >> 4, usize::from(first & 0x0f) + 1, tail),
                EXTENSION_PROFILE_TWO_BYTE => {
                    let (&len, body) = tail.split_first()?;
                    (first, usize::from(len), body)
                }
                _ => return None,
            };
            let value = body.get(..len)?;
            if element == id {
                return Some(value);
            }
            rest = &body[len..];
        }
        None
    }
}

/// The header value that `rtc-srtp` takes: it reads the SSRC, the sequence number and the length, nothing else.
///
/// One is kept and changed for each packet, so that none is built from vectors on the way.
#[derive(Debug)]
pub(crate) struct HeaderShape(Header);

impl HeaderShape {
    pub(crate) fn new() -> Self {
        Self(Header {
            version: 2,
            csrc: Vec::with_capacity(15),
            extensions: vec![Extension {
                id: 0,
                payload: Bytes::new(),
            }],
            ..Header::default()
        })
    }

    /// The shape of a received packet.
    pub(crate) fn of(&mut self, view: &RtpView) -> &Header {
        self.0.csrc.clear();
        self.0.csrc.resize(view.csrc_count, 0);
        self.fill(view.ssrc, view.sequence, view.extension.map(|e| e.len))
    }

    /// The shape of a packet that [`compose`] wrote: `header_len` is what it returned.
    pub(crate) fn composed(&mut self, ssrc: u32, sequence: u16, header_len: usize) -> &Header {
        self.0.csrc.clear();
        let block = header_len.saturating_sub(FIXED_HEADER);
        self.fill(ssrc, sequence, block.checked_sub(4))
    }

    fn fill(&mut self, ssrc: u32, sequence: u16, extension: Option<usize>) -> &Header {
        self.0.ssrc = ssrc;
        self.0.sequence_number = sequence;
        self.0.extension = extension.is_some();
        let len = extension.unwrap_or(0).min(MAX_EXTENSION_BYTES);
        if let Some(stand_in) = self.0.extensions.first_mut() {
            stand_in.payload = Bytes::from_static(&EXTENSION_STAND_IN[..len]);
        }
        &self.0
    }
}

/// Writes into `out` the packet as a listener of format `to` gets it: only [`patch`] remains to be done.
///
/// Contributing sources, padding and extensions the listener did not negotiate are left out. A listener without
/// RED gets the packet's own frame alone. Returns the header length; `None` if this listener cannot take the packet.
pub(crate) fn compose(
    out: &mut Vec<u8>,
    packet: &[u8],
    view: &RtpView,
    payload: Range<usize>,
    from: &LegFormat,
    to: &LegFormat,
) -> Option<usize> {
    let payload = packet.get(payload)?;
    let is_red = from.red == Some(view.payload_type);
    if !is_red && view.payload_type != from.opus {
        return None;
    }
    let payload_type = to.red.filter(|_| is_red).unwrap_or(to.opus);
    let header_len = begin_packet(out, payload_type, packet, view, from, to);
    match to.red {
        Some(_) if is_red => {
            out.extend_from_slice(payload);
            red::renumber(out.get_mut(header_len..)?, from.opus, to.opus)?;
        }
        _ if is_red => out.extend_from_slice(red::own_of(payload, from.opus)?),
        _ => out.extend_from_slice(payload),
    }
    Some(header_len)
}

/// Writes the header of a packet as a listener of format `to` gets it into `out`, and nothing else; gives its length.
pub(crate) fn begin_packet(
    out: &mut Vec<u8>,
    payload_type: u8,
    packet: &[u8],
    view: &RtpView,
    from: &LegFormat,
    to: &LegFormat,
) -> usize {
    out.clear();
    out.extend_from_slice(&[0x80, payload_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    write_extensions(out, packet, view, from, to);
    out.len()
}

/// Writes into `out` a packet of a publisher that did not come, around a copy of its frame that did.
pub(crate) fn write_repaired(out: &mut Vec<u8>, opus: u8, (ssrc, sequence, timestamp): (u32, u16, u32), frame: &[u8]) {
    out.clear();
    out.extend_from_slice(&[0x80, opus, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    patch(out, false, sequence, timestamp, ssrc);
    out.extend_from_slice(frame);
}

/// Writes what differs from listener to listener over the fixed header of a composed packet.
pub(crate) fn patch(out: &mut [u8], marker: bool, sequence: u16, timestamp: u32, ssrc: u32) {
    if let Some(fixed) = out.first_chunk_mut::<FIXED_HEADER>() {
        fixed[1] = (fixed[1] & 0x7f) | (u8::from(marker) << 7);
        fixed[2..4].copy_from_slice(&sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }
}

/// Appends the extension block in the one-byte form of RFC 8285 §4.2, or nothing.
fn write_extensions(out: &mut Vec<u8>, packet: &[u8], view: &RtpView, from: &LegFormat, to: &LegFormat) {
    let pairs = [(from.audio_level, to.audio_level), (from.capture_time, to.capture_time)];
    let block = out.len();
    for (theirs, ours) in pairs {
        let (Some(theirs), Some(ours)) = (theirs, ours) else {
            continue;
        };
        let value = view.extension(packet, theirs).unwrap_or_default();
        let Ok(len @ 1..=16) = u8::try_from(value.len()) else {
            continue;
        };
        if out.len() == block {
            out.extend_from_slice(&EXTENSION_PROFILE_ONE_BYTE.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        out.push(ours << 4 | (len - 1));
        out.extend_from_slice(value);
    }
    if out.len() == block {
        return;
    }
    out[0] |= 0x10;
    let padded = out.len().next_multiple_of(4);
    out.resize(padded, 0);
    // At most two elements of 17 bytes each: the count of words fits one byte.
    out[block + 3] = u8::try_from((padded - block - 4) / 4).unwrap_or(u8::MAX);
}

#[cfg(test)]
mod tests {
    use rtc_shared::marshal::MarshalSize;

    use super::*;

    const PUBLISHER: LegFormat = LegFormat {
        opus: 111,
        red: Some(63),
        audio_level: Some(1),
        capture_time: Some(3),
    };

    fn packet(payload_type: u8, extension: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80, 0x80 | payload_type, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5];
        if !extension.is_empty() {
            bytes[0] |= 0x10;
            bytes.extend_from_slice(&[0xbe, 0xde, 0, u8::try_from(extension.len() / 4).unwrap()]);
            bytes.extend_from_slice(extension);
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    fn composed(bytes: &[u8], to: &LegFormat) -> Option<Vec<u8>> {
        let view = RtpView::parse(bytes)?;
        let mut out = Vec::new();
        compose(&mut out, bytes, &view, view.payload(bytes)?, &PUBLISHER, to)?;
        Some(out)
    }

    #[test]
    fn a_listener_gets_its_own_payload_type_and_extension_ids() {
        let listener = LegFormat {
            opus: 96,
            red: None,
            audio_level: Some(5),
            capture_time: None,
        };
        let bytes = packet(111, &[0x10, 0x85, 0x20, 0x01], b"opus");
        let mut out = composed(&bytes, &listener).unwrap();
        patch(&mut out, true, 0x1234, 0x0102_0304, 0x0a0b_0c0d);
        let expected = [
            0x90,
            0x80 | 96,
            0x12,
            0x34,
            1,
            2,
            3,
            4,
            0x0a,
            0x0b,
            0x0c,
            0x0d,
            0xbe,
            0xde,
            0,
            1,
            0x50,
            0x85,
            0,
            0,
            b'o',
            b'p',
            b'u',
            b's',
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn extensions_of_both_forms_are_found_and_a_lying_length_is_not_followed() {
        let mut two_byte = packet(111, &[3, 2, 7, 8, 1, 1, 0x55, 0], b"x");
        two_byte[12..14].copy_from_slice(&[0x10, 0x00]);
        let view = RtpView::parse(&two_byte).unwrap();
        assert_eq!(view.extension(&two_byte, 3), Some(&[7, 8][..]));
        assert_eq!(view.extension(&two_byte, 1), Some(&[0x55][..]));
        let lying = packet(111, &[0x1f, 0, 0, 0], b"x");
        let view = RtpView::parse(&lying).unwrap();
        assert_eq!(view.extension(&lying, 1), None);
    }

    #[test]
    fn red_is_renumbered_for_who_has_red_and_unpacked_for_who_has_not() {
        // One redundant block of 2 bytes, 960 ticks old, then the primary.
        let red = [0x80 | 111, 0x0f, 0x00, 0x02, 111, 1, 2, 3, 4, 5];
        let bytes = packet(63, &[], &red);
        let with = LegFormat {
            opus: 96,
            red: Some(97),
            audio_level: None,
            capture_time: None,
        };
        let out = composed(&bytes, &with).unwrap();
        assert_eq!(out[1], 97);
        assert_eq!(out[12..], [0x80 | 96, 0x0f, 0x00, 0x02, 96, 1, 2, 3, 4, 5]);
        let out = composed(&bytes, &LegFormat { red: None, ..with }).unwrap();
        assert_eq!(out[1], 96);
        assert_eq!(out[12..], [3, 4, 5]);
    }

    #[test]
    fn malformed_red_and_foreign_payload_types_are_not_forwarded() {
        let plain = LegFormat { red: None, ..PUBLISHER };
        for red in [&[0x80 | 111, 0, 0][..], &[], &[0x80 | 111, 0, 3, 255, 111], &[96, 1]] {
            assert_eq!(composed(&packet(63, &[], red), &plain), None, "{red:?}");
        }
        assert_eq!(composed(&packet(0, &[], b"pcmu"), &plain), None);
    }

    #[test]
    fn padding_is_cut_off_and_absurd_padding_refused() {
        let mut bytes = packet(111, &[], &[9, 9, 0, 0, 3]);
        bytes[0] |= 0x20;
        let view = RtpView::parse(&bytes).unwrap();
        assert_eq!(view.payload(&bytes), Some(12..14));
        bytes[16] = 200;
        assert_eq!(view.payload(&bytes), None);
    }

    #[test]
    fn the_shape_is_as_long_as_the_header() {
        let mut shape = HeaderShape::new();
        let mut bytes = packet(111, &[0x10, 0x85, 0, 0], b"opus");
        let view = RtpView::parse(&bytes).unwrap();
        assert_eq!(shape.of(&view).marshal_size(), view.header_len);
        assert_eq!(shape.composed(1, 2, 20).marshal_size(), 20);
        assert_eq!(shape.composed(1, 2, 12).marshal_size(), 12);
        bytes[0] |= 0x0f;
        bytes.resize(200, 0);
        // With 15 contributing sources the extension length is read elsewhere; whatever it is, both must agree.
        if let Some(view) = RtpView::parse(&bytes) {
            assert_eq!(shape.of(&view).marshal_size(), view.header_len);
        }
    }
}
