//! What stands in the first bytes of an Opus packet. RFC 6716 §3.

/// How long a packet is on the 48 kHz clock; `None`: it is no Opus packet.
///
/// # Source
/// RFC 6716 §3.1 (the TOC byte) and §3.2.5 (the frame count byte).
pub(crate) fn duration_ticks(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3f),
    };
    // A packet has at most 120 ms.
    Some(frame * frames).filter(|ticks| (1..=5_760).contains(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_packet_is_that_of_its_frames() {
        // TOC byte, frame count byte, ticks.
        let table = [
            ([0 << 3, 0], Some(480)),
            ([3 << 3, 0], Some(2_880)),
            ([13 << 3, 0], Some(960)),
            ([16 << 3, 0], Some(120)),
            ([31 << 3, 0], Some(960)),
            ([31 << 3 | 1, 0], Some(1_920)),
            ([31 << 3 | 3, 6], Some(5_760)),
            ([31 << 3 | 3, 7], None),
            ([31 << 3 | 3, 0], None),
        ];
        for (packet, ticks) in table {
            assert_eq!(duration_ticks(&packet), ticks, "{packet:?}");
        }
        assert_eq!(duration_ticks(&[31 << 3 | 3]), None);
        assert_eq!(duration_ticks(&[]), None);
    }
}
