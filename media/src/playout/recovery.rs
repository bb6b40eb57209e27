//! What can be done about sound that is missing before the first packet that waits.
//!
//! The best first: a copy of the frame (RFC 2198) waits in the store as if it were the packet, so nothing is missing then; then
//! in-band FEC, which knows the one frame before its packet; then deep redundancy (DRED), which knows many, but roughly; then
//! what the decoder invents.

use std::ops::Range;

use super::store::{PacketStore, Waiting};
use crate::codec::{CodecError, Dred, SHORTEST_FRAME_SAMPLES};

/// The least that is filled.
pub(super) const GRID: i64 = SHORTEST_FRAME_SAMPLES as i64;

/// How the beginning of a gap is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// All of it from the in-band FEC of the first packet.
    Fec,
    /// These frames from the deep redundancy of a packet that is so many samples away.
    Dred { frames: usize, back: usize },
    /// These frames with what the decoder invents.
    Invent(usize),
}

/// Chooses, and keeps the deep redundancy that was read last.
#[derive(Debug)]
pub(super) struct Recovery {
    dred: Dred,
    /// Media time of the packet that it was read of.
    read_of: Option<i64>,
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

    /// What to do where `gap` samples, [`GRID`] or more, are missing before the first packet of `store`; invented is no more than
    /// `most` at a time. An empty store has no remedy.
    pub(super) fn remedy(&mut self, store: &PacketStore, gap: i64, most: i64) -> Remedy {
        let Some(first) = store.first() else {
            return Remedy::Invent(GRID as usize);
        };
        let by_fec = if first.shape.has_fec { first.samples() } else { 0 };
        if gap == by_fec {
            return Remedy::Fec;
        }
        // What is before the frame that FEC knows, or all where FEC would play some of it twice.
        let before = if gap > by_fec { gap - by_fec } else { gap };
        let whole = |samples: i64| (samples.min(before) / GRID * GRID).max(GRID);
        let frames = whole(first.samples());
        // Copies travel without deep redundancy; that of the first packet of its own reaches beyond them.
        if let Some(own) = store.first_own().filter(|own| !own.place.restart) {
            let back = gap + own.place.time - first.place.time;
            let reach = self.read(own, back);
            if back <= reach.end && back - frames >= reach.start {
                // All of these are positive and at most a few seconds, so the casts are exact.
                return Remedy::Dred {
                    frames: frames as usize,
                    back: back as usize,
                };
            }
        }
        Remedy::Invent(whole(most) as usize)
    }

    /// What was read for the last [`Remedy::Dred`].
    pub(super) fn dred(&self) -> &Dred {
        &self.dred
    }

    /// How far the deep redundancy of `packet` goes; each packet is read once, when it is first asked.
    fn read(&mut self, packet: &Waiting, back: i64) -> Range<i64> {
        let time = Some(packet.place.time);
        if self.read_of != time {
            self.read_of = time;
            let reach = self.dred.read(&packet.payload, usize::try_from(back).unwrap_or(0));
            // At most a few seconds of samples, so the casts are exact.
            self.reach = reach.start as i64..reach.end as i64;
        }
        self.reach.clone()
    }
}
