//! What can be done about sound that is missing before the first packet that waits.
//!
//! The best first: a copy of the frame (RFC 2198) waits in the store as if it were the packet, so nothing is missing then; then
//! in-band FEC, which knows the one frame before its packet; then deep redundancy (DRED), which knows many, but roughly; then
//! what the decoder invents.

use std::ops::Range;

use super::store::Waiting;
use crate::codec::{CodecError, Dred, SHORTEST_FRAME_SAMPLES};

/// The least that is filled.
pub(super) const GRID: i64 = SHORTEST_FRAME_SAMPLES as i64;

/// How the beginning of a gap is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// All of it from the in-band FEC of the first packet.
    Fec,
    /// These frames from the deep redundancy of the first packet, which is so many samples away.
    Dred { frames: usize, back: usize },
    /// These frames with what the decoder invents.
    Invent(usize),
}

/// Chooses, and keeps the deep redundancy that was read last.
#[derive(Debug)]
pub(super) struct Recovery {
    dred: Dred,
    /// Which packet it was read of: its media time, and whether it is a copy.
    read_of: Option<(i64, bool)>,
    reach: Range<i64>,
}

impl Recovery {
    pub(super) fn new() -> Result<Self, CodecError> {
        Ok(Self {
            dred: Dred::new()?,
            read_of: None,
            reach: 0..0,
        })
    }

    /// What to do where `gap` samples, [`GRID`] or more, are missing before `first`; invented is no more than `most` at a time.
    pub(super) fn remedy(&mut self, first: &Waiting, gap: i64, most: i64) -> Remedy {
        let by_fec = if first.shape.has_fec { first.samples() } else { 0 };
        if gap == by_fec {
            return Remedy::Fec;
        }
        // What is before the frame that FEC knows, or all where FEC would play some of it twice.
        let before = if gap > by_fec { gap - by_fec } else { gap };
        let whole = |samples: i64| (samples.min(before) / GRID * GRID).max(GRID);
        let frames = whole(first.samples());
        let reach = self.read(first, gap);
        if gap <= reach.end && gap - frames >= reach.start {
            // All of these are positive and at most 120 ms, so the casts are exact.
            return Remedy::Dred {
                frames: frames as usize,
                back: gap as usize,
            };
        }
        Remedy::Invent(whole(most) as usize)
    }

    /// What was read for the last [`Remedy::Dred`].
    pub(super) fn dred(&self) -> &Dred {
        &self.dred
    }

    /// How far the deep redundancy of `first` goes; each packet is read once, when it is first asked.
    fn read(&mut self, first: &Waiting, gap: i64) -> Range<i64> {
        let packet = Some((first.place.time, first.is_copy));
        if self.read_of != packet {
            self.read_of = packet;
            let reach = self.dred.read(&first.payload, usize::try_from(gap).unwrap_or(0));
            // At most a few seconds of samples, so the casts are exact.
            self.reach = reach.start as i64..reach.end as i64;
        }
        self.reach.clone()
    }
}
