//! What a packet carries instead of speech: which stream, the how-manyth packet, and when it was sent.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a payload: 20 ms of speech at 40 kbit/s.
pub const PAYLOAD_BYTES: usize = 100;
/// How often a publisher sends.
pub const PACKET_EVERY: std::time::Duration = std::time::Duration::from_millis(20);
/// Begins every payload, so that somebody else's media is not counted.
const MAGIC: [u8; 4] = *b"xabf";

/// The content of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The stream, by a number that is unlike any other of this load process.
    pub stream: u32,
    /// Counts the packets of the stream, from 0.
    pub counter: u64,
    /// Nanoseconds since 1970 when it was handed to the kernel.
    pub sent_ns: u64,
}

impl Stamp {
    /// As a payload.
    pub fn write(self) -> [u8; PAYLOAD_BYTES] {
        let mut payload = [0x5a; PAYLOAD_BYTES];
        payload[..4].copy_from_slice(&MAGIC);
        payload[4..8].copy_from_slice(&self.stream.to_be_bytes());
        payload[8..16].copy_from_slice(&self.counter.to_be_bytes());
        payload[16..24].copy_from_slice(&self.sent_ns.to_be_bytes());
        payload
    }

    /// Out of a payload; `None`: it is none of ours.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let number = |from: usize| Some(u64::from_be_bytes(payload.get(from..from + 8)?.try_into().ok()?));
        if payload.len() != PAYLOAD_BYTES || payload.get(..4)? != MAGIC {
            return None;
        }
        Some(Self {
            stream: u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?),
            counter: number(8)?,
            sent_ns: number(16)?,
        })
    }
}

/// Nanoseconds since 1970: the clock that the kernel stamps received datagrams with.
pub fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_other_payloads_are_not_taken_for_one() {
        let stamp = Stamp {
            stream: 7,
            counter: 1 << 40,
            sent_ns: u64::MAX,
        };
        let payload = stamp.write();
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..99]), None);
        assert_eq!(Stamp::read(&[0; PAYLOAD_BYTES]), None);
    }
}
