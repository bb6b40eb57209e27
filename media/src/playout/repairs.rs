//! The copies that packets bring of older frames (RFC 2198).

use bytes::Bytes;
use express_messages::red::read;

use crate::rtp::RtpPacketIn;

/// What is in a packet.
pub(super) struct Frames {
    /// Its own frame; the whole payload where it is not ours.
    pub(super) own: Bytes,
    /// Whether that frame is Opus of ours.
    pub(super) is_ours: bool,
    /// The whole payload of RED, for its copies.
    pub(super) red: Option<Bytes>,
}

impl Frames {
    /// Takes a packet of payload type `opus` or `red` apart.
    pub(super) fn of(packet: RtpPacketIn, opus: u8, red: Option<u8>) -> Self {
        let whole = packet.payload;
        if Some(packet.header.payload_type) != red {
            return Self {
                is_ours: packet.header.payload_type == opus,
                own: whole,
                red: None,
            };
        }
        match read(&whole).map(|blocks| blocks.own()) {
            Some(own) => Self {
                is_ours: own.payload_type == opus,
                own: whole.slice_ref(own.data),
                red: Some(whole),
            },
            None => Self {
                is_ours: false,
                own: whole,
                red: None,
            },
        }
    }
}

/// Which frames came as a copy already: only the first copy of a frame says when it could be played.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    newest: i64,
    /// Bit n: a copy of frame `newest - n` came.
    seen: u128,
}

impl Repairs {
    /// Notes a copy of the frame with this sequence number; whether it is the first. Of frames too old to know none is.
    pub(super) fn is_first(&mut self, sequence: i64) -> bool {
        if let Ok(ahead @ 1..) = u64::try_from(sequence - self.newest) {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0);
            self.newest = sequence;
        }
        let Some(bit) = u32::try_from(self.newest - sequence)
            .ok()
            .and_then(|behind| 1_u128.checked_shl(behind))
        else {
            return false;
        };
        let is_first = self.seen & bit == 0;
        self.seen |= bit;
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_copy_of_each_frame_counts_in_any_order() {
        let mut repairs = Repairs::default();
        for (sequence, is_first) in [
            (5, true),
            (5, false),
            (3, true),
            (4, true),
            (3, false),
            (200, true),
            (5, false),
            (199, true),
        ] {
            assert_eq!(repairs.is_first(sequence), is_first, "{sequence}");
        }
    }
}
