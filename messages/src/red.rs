//! Redundant audio (RFC 2198): one RTP payload that carries a frame and copies of older ones.
//!
//! ```text
//! |1| PT | offset (14) | length (10) |  one header of 4 bytes for each copy, the oldest first
//! |0| PT |                              one byte for the packet's own frame
//! copies, own frame
//! ```
//!
//! The offset is how much older a copy is than the packet, on the RTP clock. Reading and writing allocate nothing.

mod copy_set;

pub use copy_set::CopySet;

/// The greatest age that a header can say, in RTP ticks: 341 ms at 48 kHz.
pub const MAX_OFFSET: u32 = (1 << 14) - 1;
/// The greatest length of a copy in bytes.
pub const MAX_COPY: usize = (1 << 10) - 1;
/// Copies of one payload that are read; what a sender adds beyond is malformed to us.
pub const MAX_COPIES: usize = 16;
/// Length of the header of a copy.
pub const COPY_HEADER: usize = 4;
/// Length of the header of the packet's own frame.
pub const OWN_HEADER: usize = 1;

/// The bit that says that another header follows.
const MORE: u8 = 0x80;

/// One frame of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// RTP payload type, 0..=127.
    pub payload_type: u8,
    /// How much older it is than the packet's timestamp, in RTP ticks; 0 for the packet's own frame.
    pub offset: u32,
    /// The frame; may be empty.
    pub data: &'a [u8],
}

/// A payload that was read: its frames, the oldest copy first, the packet's own frame last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a> {
    headers: &'a [u8],
    own_type: u8,
    data: &'a [u8],
}

/// Reads a payload; all lengths are checked.
///
/// `None`: not RED as RFC 2198 §3 has it: a header or a copy is cut off, or there are more than [`MAX_COPIES`].
pub fn read(payload: &[u8]) -> Option<Blocks<'_>> {
    let mut copied = 0;
    for copies in 0..=MAX_COPIES {
        let at = copies * COPY_HEADER;
        let head = *payload.get(at)?;
        if head & MORE == 0 {
            let (headers, rest) = payload.split_at(at);
            let data = rest.get(OWN_HEADER..)?;
            return (copied <= data.len()).then_some(Blocks {
                headers,
                own_type: head,
                data,
            });
        }
        copied += length_in(payload.get(at..at + COPY_HEADER)?);
    }
    None
}

impl<'a> Blocks<'a> {
    /// How many copies there are.
    pub fn copies(&self) -> usize {
        self.headers.len() / COPY_HEADER
    }

    /// The packet's own frame.
    pub fn own(&self) -> Block<'a> {
        let copied: usize = self.headers.chunks_exact(COPY_HEADER).map(length_in).sum();
        Block {
            payload_type: self.own_type,
            offset: 0,
            // `read` has seen that the copies end before the data does.
            data: self.data.get(copied..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    /// The copies only, the oldest first; see [`Blocks::own`].
    fn next(&mut self) -> Option<Block<'a>> {
        let (header, headers) = self.headers.split_at_checked(COPY_HEADER)?;
        let (data, rest) = self.data.split_at_checked(length_in(header))?;
        (self.headers, self.data) = (headers, rest);
        Some(Block {
            payload_type: header[0] & !MORE,
            offset: u32::from(u16::from_be_bytes([header[1], header[2]]) >> 2),
            data,
        })
    }
}

/// The header of a copy; `None` where offset or length are more than it can say.
pub fn copy_header(payload_type: u8, offset: u32, length: usize) -> Option<[u8; COPY_HEADER]> {
    if offset > MAX_OFFSET || length > MAX_COPY {
        return None;
    }
    let bits = (u32::from(payload_type | MORE) << 24) | (offset << 10) | u32::try_from(length).ok()?;
    Some(bits.to_be_bytes())
}

/// The header of the packet's own frame.
pub fn own_header(payload_type: u8) -> [u8; OWN_HEADER] {
    [payload_type & !MORE]
}

fn length_in(header: &[u8]) -> usize {
    match header {
        [_, _, high, low] => usize::from(u16::from_be_bytes([high & 0x03, *low])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut payload = Vec::new();
        payload.extend(copy_header(111, 2_880, 3).unwrap());
        payload.extend(copy_header(111, MAX_OFFSET, 0).unwrap());
        payload.extend(own_header(111));
        payload.extend(b"oldown frame");
        let blocks = read(&payload).unwrap();
        let copies: Vec<_> = blocks.map(|copy| (copy.payload_type, copy.offset, copy.data)).collect();
        assert_eq!(copies, [(111, 2_880, &b"old"[..]), (111, MAX_OFFSET, &b""[..])]);
        assert_eq!(blocks.copies(), 2);
        assert_eq!((blocks.own().payload_type, blocks.own().data), (111, &b"own frame"[..]));
    }

    #[test]
    fn the_header_of_chromium_is_understood() {
        // One redundant block of 2 bytes, 960 ticks old.
        let blocks = read(&[0x80 | 111, 0x0f, 0x00, 0x02, 111, 1, 2, 3, 4, 5]).unwrap();
        let copy = { blocks }.next().unwrap();
        assert_eq!((copy.offset, copy.data), (960, &[1, 2][..]));
        assert_eq!(blocks.own().data, [3, 4, 5]);
    }

    #[test]
    fn what_is_cut_off_or_too_much_is_refused() {
        let cut: [&[u8]; 5] = [
            &[],
            &[0x80 | 111],
            &[0x80 | 111, 0, 0],
            &[0x80 | 111, 0, 0, 1],
            &[0x80 | 111, 0, 0, 3, 111, 1],
        ];
        for payload in cut {
            assert_eq!(read(payload), None, "{payload:?}");
        }
        let many = copy_header(111, 960, 0).unwrap().repeat(MAX_COPIES + 1);
        assert_eq!(read(&[&many[..], &[111]].concat()), None);
        assert!(read(&[&many[COPY_HEADER..], &[111]].concat()).is_some());
        assert_eq!(copy_header(111, MAX_OFFSET + 1, 0), None);
        assert_eq!(copy_header(111, 0, MAX_COPY + 1), None);
    }
}
