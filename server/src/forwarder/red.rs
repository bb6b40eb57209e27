//! Redundant audio (RFC 2198) on its way through: passed on, taken away, or added for a listener that loses packets.

use express_messages::red::{self, COPY_HEADER, MAX_COPY, MAX_OFFSET, OWN_HEADER};

use super::held::Description;
use super::opus;
use super::recent::{RecentPackets, Remembered};
use super::rtp::{LegFormat, begin_packet};
use express_messages::red::CopySet;

/// A payload with copies is not longer than this: with all headers it fits the smallest MTU of IPv6 (1,280 bytes).
const MAX_PAYLOAD: usize = 1_150;

/// Changes the block payload types inside a RED payload from one leg's Opus number to the other's.
///
/// `None`: not RED as RFC 2198 §3 has it, or a block of something else than Opus.
pub(super) fn renumber(payload: &mut [u8], from: u8, to: u8) -> Option<()> {
    let mut blocks = red::read(payload)?;
    let copies = blocks.copies();
    if blocks.own().payload_type != from || blocks.any(|copy| copy.payload_type != from) {
        return None;
    }
    for copy in 0..=copies {
        let head = payload.get_mut(copy * COPY_HEADER)?;
        *head = (*head & 0x80) | to;
    }
    Some(())
}

/// The packet's own frame of a RED payload; `None`: there is none, or not of this Opus.
pub(super) fn own_of(payload: &[u8], opus: u8) -> Option<&[u8]> {
    let own = red::read(payload)?.own();
    (own.payload_type == opus && !own.data.is_empty()).then_some(own.data)
}

/// The Opus frame that a packet is about, out of RED or not.
pub(super) fn own_frame<'a>(packet: &'a [u8], description: &Description) -> Option<&'a [u8]> {
    let payload = packet.get(description.payload.clone())?;
    let format = &description.format;
    if format.red == Some(description.view.payload_type) {
        own_of(payload, format.opus)
    } else {
        Some(payload)
    }
}

/// Whether `older`, which came `distance` packets earlier, may be copied into a packet.
///
/// Not where silence lies between that was not sent (DTX): nobody misses that frame. Not what RFC 2198 §3 cannot say.
pub(super) fn may_copy(packet: (&[u8], &Description), older: &Remembered<'_>, distance: u8) -> bool {
    let frames = own_frame(packet.0, packet.1).zip(own_frame(older.packet, older.description));
    let lengths = frames.and_then(|(own, copy)| {
        let longest = opus::duration_ticks(own)?.max(opus::duration_ticks(copy)?);
        (copy.len() <= MAX_COPY).then_some(longest)
    });
    let age = age_of(packet.1, older.description);
    lengths.is_some_and(|longest| (1..=MAX_OFFSET.min(longest * u32::from(distance))).contains(&age))
}

/// What copies cost beside the packet itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) copies: u32,
    pub(super) bytes: u32,
}

/// Writes into `out` the packet with copies of older ones, as a listener of format `to` gets it; only
/// [`patch`](super::rtp::patch) remains to be done. Gives the header length, and what was added.
///
/// The same packet and the same set always give the same bytes. `None`: the listener has no RED, or one of the copies is
/// forgotten.
pub(super) fn compose_with_copies(
    out: &mut Vec<u8>,
    (packet, description): (&[u8], &Description),
    to: &LegFormat,
    wanted: CopySet,
    recent: &RecentPackets,
) -> Option<(usize, Added)> {
    let payload_type = to.red?;
    let own = own_frame(packet, description)?;
    let copy_at = |distance: u8| {
        let older = recent.get(description.source, description.sequence.checked_sub(u64::from(distance))?)?;
        Some((
            age_of(description, older.description),
            own_frame(older.packet, older.description)?,
        ))
    };
    let mut fitting = CopySet::NONE;
    let mut added = Added::default();
    let mut is_new = false;
    let mut left = MAX_PAYLOAD.saturating_sub(OWN_HEADER + own.len());
    for distance in wanted.distances() {
        let (age, copy) = copy_at(distance)?;
        let bytes = COPY_HEADER + copy.len();
        if bytes <= left {
            left -= bytes;
            fitting = fitting.with(distance);
            added.copies += 1;
            added.bytes = added.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            is_new |= !has_copy(packet, description, age);
        }
    }
    if !is_new {
        // The publisher's own copies cover as much, or nothing fits: the packet as it is.
        let header_len = super::rtp::compose(
            out,
            packet,
            &description.view,
            description.payload.clone(),
            &description.format,
            to,
        )?;
        return Some((header_len, Added::default()));
    }
    let header_len = begin_packet(out, payload_type, packet, &description.view, &description.format, to);
    // The oldest first: RFC 2198 §3.
    for distance in fitting.distances().rev() {
        let (age, copy) = copy_at(distance)?;
        out.extend(red::copy_header(to.opus, age, copy.len())?);
    }
    out.extend(red::own_header(to.opus));
    for distance in fitting.distances().rev() {
        out.extend_from_slice(copy_at(distance)?.1);
    }
    out.extend_from_slice(own);
    Some((header_len, added))
}

/// How much older the second one is, in RTP ticks; a newer one is very old.
fn age_of(packet: &Description, older: &Description) -> u32 {
    packet.view.timestamp.wrapping_sub(older.view.timestamp)
}

/// Whether the publisher itself put a copy of this age into the packet.
fn has_copy(packet: &[u8], description: &Description, age: u32) -> bool {
    if description.format.red != Some(description.view.payload_type) {
        return false;
    }
    let blocks = packet.get(description.payload.clone()).and_then(red::read);
    blocks.is_some_and(|mut blocks| blocks.any(|copy| copy.offset == age && !copy.data.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::super::rtp::RtpView;
    use super::*;

    const FORMAT: LegFormat = LegFormat {
        opus: 111,
        red: Some(63),
        audio_level: None,
        capture_time: None,
    };

    /// Packet `sequence` with a frame of 20 ms that has so many bytes.
    fn packet(sequence: u64, length: usize) -> (Vec<u8>, Description) {
        let timestamp = u32::try_from(sequence).unwrap() * 960;
        let mut bytes = vec![0x80, 111, 0, 0];
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 0, 5, 0x78]);
        bytes.resize(12 + length, sequence as u8);
        let description = Description {
            view: RtpView::parse(&bytes).unwrap(),
            payload: 12..bytes.len(),
            format: FORMAT,
            source: 1,
            sequence,
        };
        (bytes, description)
    }

    /// The last of these packets with copies at these distances: the ages of those that it has.
    fn ages(lengths: &[usize], wanted: &[u8]) -> Option<Vec<u32>> {
        let mut recent = RecentPackets::new();
        let packets: Vec<_> = lengths
            .iter()
            .zip(100..)
            .map(|(length, sequence)| packet(sequence, *length))
            .collect();
        let mut may = CopySet::NONE;
        for (bytes, description) in &packets {
            may = recent.store(bytes, description, CopySet::of(wanted));
        }
        let (bytes, description) = packets.last()?;
        let mut out = Vec::new();
        let (header_len, added) = compose_with_copies(&mut out, (bytes, description), &FORMAT, may, &recent)?;
        assert!(out.len() <= 12 + MAX_PAYLOAD.max(bytes.len()));
        if added.copies == 0 {
            assert_eq!(out[header_len..], bytes[12..]);
            return Some(Vec::new());
        }
        let blocks = red::read(&out[header_len..]).unwrap();
        let copied = blocks.map(|copy| copy.data.len() + COPY_HEADER).sum::<usize>();
        assert_eq!((blocks.copies(), copied), (added.copies as usize, added.bytes as usize));
        Some(blocks.map(|copy| copy.offset).collect())
    }

    #[test]
    fn copies_that_do_not_fit_a_datagram_or_a_header_are_left_out() {
        // Lengths of the frames, the distances, and the ages of the copies.
        let table: [(&[usize], &[u8], &[u32]); 6] = [
            (&[60; 5], &[2, 4], &[3_840, 1_920]),
            (&[60; 3], &[2, 4], &[1_920]),
            (&[400, 400, 400], &[1, 2], &[960]),
            (&[1_023, 60, 100], &[1, 2], &[960]),
            (&[1_024, 60], &[1], &[]),
            (&[1_200, 1_200], &[1], &[]),
        ];
        for (lengths, wanted, expected) in table {
            assert_eq!(ages(lengths, wanted).unwrap(), expected, "{lengths:?} {wanted:?}");
        }
    }

    #[test]
    fn a_listener_without_red_and_a_copy_that_is_forgotten_give_nothing() {
        let mut recent = RecentPackets::new();
        let (old, new) = (packet(100, 60), packet(101, 60));
        recent.store(&old.0, &old.1, CopySet::NONE);
        let wanted = CopySet::of(&[1]);
        assert_eq!(recent.store(&new.0, &new.1, wanted), wanted);
        let plain = LegFormat { red: None, ..FORMAT };
        let mut out = Vec::new();
        let mut compose = |to, recent: &RecentPackets| compose_with_copies(&mut out, (&new.0, &new.1), to, wanted, recent);
        assert!(compose(&FORMAT, &recent).is_some());
        assert!(compose(&plain, &recent).is_none());
        let much_later = packet(164, 60);
        recent.store(&much_later.0, &much_later.1, CopySet::NONE);
        assert!(compose(&FORMAT, &recent).is_none(), "its place is taken");
    }
}
