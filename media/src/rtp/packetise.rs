//! Numbers and times of the packets of one publication.

use super::RtpHeader;

/// Up to this many bytes a packet says "silence" and nothing else (RFC 6716 §3.1: a TOC byte without a frame).
const DTX_PAYLOAD: usize = 2;

/// Where the RTP stream starts; random values, as RFC 3550 §5.1 asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpStart {
    /// The source.
    pub ssrc: u32,
    /// Payload type of Opus, as negotiated.
    pub payload_type: u8,
    /// Of the first packet. Keep it below 2^15, so that SRTP's roll-over counter starts at 0 on both sides.
    pub sequence: u16,
    /// Of the first captured sample.
    pub timestamp: u32,
}

/// Gives packets their sequence numbers and media times, and leaves out what DTX need not send.
#[derive(Debug)]
pub(super) struct Packetiser {
    next: RtpHeader,
    in_dtx: bool,
}

impl Packetiser {
    pub(super) fn new(start: RtpStart) -> Self {
        Self {
            next: RtpHeader {
                marker: true,
                payload_type: start.payload_type,
                sequence_number: start.sequence,
                timestamp: start.timestamp,
                ssrc: start.ssrc,
            },
            in_dtx: false,
        }
    }

    /// Media time passes without a frame.
    pub(super) fn skip(&mut self, samples: usize) {
        // At most one packet, so the cast is exact.
        self.next.timestamp = self.next.timestamp.wrapping_add(samples as u32);
    }

    /// The next packet begins a talk spurt.
    pub(super) fn start_spurt(&mut self) {
        self.next.marker = true;
        self.in_dtx = false;
    }

    /// The header for a frame of `samples` that takes `length` bytes; `None` where nothing need be sent.
    ///
    /// The first frame of a silence is sent, so that the receiver knows a silence from a loss; the others are not.
    pub(super) fn next(&mut self, samples: usize, length: usize) -> Option<RtpHeader> {
        let silent = length <= DTX_PAYLOAD;
        let skip = silent && self.in_dtx;
        if self.in_dtx && !silent {
            self.next.marker = true;
        }
        self.in_dtx = silent;
        let header = self.next;
        self.skip(samples);
        if skip {
            return None;
        }
        self.next.marker = false;
        self.next.sequence_number = self.next.sequence_number.wrapping_add(1);
        Some(header)
    }
}
