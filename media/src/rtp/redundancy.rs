//! The frames that were sent last, and payloads that carry some of them once more (RFC 2198).

use express_messages::red::{COPY_HEADER, CopySet, MAX_COPY, OWN_HEADER, copy_header, own_header};

/// The farthest copy, in steps.
const MAX_DISTANCE: usize = CopySet::MAX_DISTANCE as usize;

/// Frames that are kept: two packets of 10 ms for each step of the farthest copy.
const KEPT: usize = 2 * MAX_DISTANCE;

/// The last frames of one publication; allocates in [`Redundancy::new`] only.
pub(super) struct Redundancy {
    opus: u8,
    frames: Box<[Kept; KEPT]>,
    /// Where the next frame goes, and how many there are.
    next: usize,
    kept: usize,
}

#[derive(Clone, Copy)]
struct Kept {
    timestamp: u32,
    length: usize,
    bytes: [u8; MAX_COPY],
}

impl Redundancy {
    /// `opus` is the payload type of all frames.
    pub(super) fn new(opus: u8) -> Self {
        let empty = Kept {
            timestamp: 0,
            length: 0,
            bytes: [0; MAX_COPY],
        };
        Self {
            opus,
            frames: Box::new([empty; KEPT]),
            next: 0,
            kept: 0,
        }
    }

    /// What was sent does not belong to what comes.
    pub(super) fn clear(&mut self) {
        self.kept = 0;
    }

    /// Writes a payload of `frame` and its copies into `out`; `copies` says which, and how many packets make one of their steps (at
    /// most 2). `None`: there is nothing to copy yet, or no room.
    pub(super) fn write(&self, out: &mut [u8], timestamp: u32, frame: &[u8], copies: (CopySet, usize)) -> Option<usize> {
        let room = out.len().checked_sub(OWN_HEADER + frame.len())?;
        let mut chosen = [None; MAX_DISTANCE];
        let (mut count, mut used) = (0, 0);
        // The nearest first: where there is too little room, the farthest stay behind.
        for copy in copies
            .0
            .distances()
            .filter_map(|distance| self.back(usize::from(distance) * copies.1))
        {
            let header = copy_header(self.opus, timestamp.wrapping_sub(copy.timestamp), copy.length);
            let Some(header) = header.filter(|_| used + COPY_HEADER + copy.length <= room) else {
                continue;
            };
            chosen[count] = Some((header, copy));
            count += 1;
            used += COPY_HEADER + copy.length;
        }
        if count == 0 {
            return None;
        }
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            let end = at + bytes.len();
            out.get_mut(at..end)?.copy_from_slice(bytes);
            at = end;
            Some(end)
        };
        for (header, _) in chosen[..count].iter().rev().flatten() {
            put(header)?;
        }
        put(&own_header(self.opus))?;
        for (_, copy) in chosen[..count].iter().rev().flatten() {
            put(&copy.bytes[..copy.length])?;
        }
        put(frame)
    }

    /// Remembers a frame that was sent; one too long to be copied takes its place in the order.
    pub(super) fn note(&mut self, timestamp: u32, frame: &[u8]) {
        let kept = &mut self.frames[self.next];
        kept.timestamp = timestamp;
        kept.length = if frame.len() <= MAX_COPY { frame.len() } else { 0 };
        kept.bytes[..kept.length].copy_from_slice(&frame[..kept.length]);
        self.next = (self.next + 1) % KEPT;
        self.kept = (self.kept + 1).min(KEPT);
    }

    fn back(&self, distance: usize) -> Option<&Kept> {
        let is_kept = (1..=self.kept).contains(&distance);
        let index = (self.next + KEPT).checked_sub(distance)? % KEPT;
        self.frames.get(index).filter(|kept| is_kept && kept.length > 0)
    }
}

#[cfg(test)]
mod tests {
    use express_messages::red;

    use super::*;

    /// The copies in the payload of the last of `frames` frames, as (offset in ticks, what it is full of).
    fn copies_of(frames: u8, length: usize, room: usize, copies: CopySet) -> Option<Vec<(u32, u8)>> {
        let mut redundancy = Redundancy::new(111);
        let mut out = vec![0; room];
        let mut written = None;
        for n in 1..=frames {
            let (timestamp, frame) = (u32::from(n) * 960, vec![n; length]);
            written = redundancy.write(&mut out, timestamp, &frame, (copies, 1));
            redundancy.note(timestamp, &frame);
        }
        let blocks = red::read(&out[..written?]).unwrap();
        assert_eq!(blocks.own().data, vec![frames; length]);
        Some(blocks.map(|copy| (copy.offset, copy.data[0])).collect())
    }

    #[test]
    fn a_packet_carries_the_frames_of_its_distances() {
        let copies = CopySet::of(&[1, 4]);
        assert_eq!(copies_of(1, 40, 1_275, copies), None, "nothing was sent before");
        assert_eq!(copies_of(2, 40, 1_275, copies), Some(vec![(960, 1)]));
        assert_eq!(copies_of(30, 40, 1_275, copies), Some(vec![(3_840, 26), (960, 29)]));
        assert_eq!(copies_of(30, 40, 1_275, CopySet::of(&[16])), Some(vec![(15_360, 14)]));
    }

    #[test]
    fn where_there_is_no_room_the_farthest_copies_stay_behind() {
        assert_eq!(copies_of(9, 500, 1_275, CopySet::of(&[1, 4])), Some(vec![(960, 8)]));
        assert_eq!(copies_of(9, 700, 1_275, CopySet::of(&[1, 4])), None);
        assert_eq!(copies_of(9, 1_100, 4_000, CopySet::of(&[1])), None, "too long for RFC 2198");
    }

    #[test]
    fn of_short_frames_a_copy_is_as_far_back_in_time() {
        let mut redundancy = Redundancy::new(111);
        let mut out = [0; 100];
        for n in 1..40_u8 {
            redundancy.note(u32::from(n) * 480, &[n; 20]);
        }
        let copies = CopySet::of(&[3, CopySet::MAX_DISTANCE]);
        let length = redundancy.write(&mut out, 40 * 480, &[40; 20], (copies, 2)).unwrap();
        let offsets: Vec<_> = red::read(&out[..length])
            .unwrap()
            .map(|copy| (copy.offset, copy.data[0]))
            .collect();
        assert_eq!(offsets, [(32 * 480, 8), (6 * 480, 34)]);
    }
}
