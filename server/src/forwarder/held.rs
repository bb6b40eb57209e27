//! The last packets of a ranked stream, kept for listeners who did not get them.
//!
//! The voice flag of a speaker comes some frames behind the first sound. So when a stream rises into the loudest N of
//! a listener, the packets of the last [`ONSET`] go out first, in their order: no first syllable is clipped.
//!
//! Each packet remembers the best rank under which it was sent: listeners with an N above that have it. Ranks only
//! worsen from one packet to the next, because a better one sends the kept packets out under it, too. So one number
//! says of a packet who gets it, and one (the predecessor's) for whom it begins anew.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::rtp::{LegFormat, RtpView};

/// So much is sent from before the packet that gives a stream its place.
pub(crate) const ONSET: Duration = Duration::from_millis(100);
/// Packets kept at most: that time in frames of 10 ms.
const MOST: usize = 10;
/// N of a listener who wants every stream.
pub(crate) const EVERYTHING: u32 = u32::MAX;

/// Which listeners of a stream a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    /// The packet's place among the room's speakers: only for those who want more than so many loudest.
    rank: u32,
    /// Those who want more than so many have it already.
    until: u32,
    /// Those who want at most so many did not get the packet before this one.
    before: u32,
}

impl Audience {
    /// Everybody.
    pub(crate) const ALL: Self = Self {
        rank: 0,
        until: EVERYTHING,
        before: 0,
    };

    /// Whether a listener who wants the `loudest` gets the packet.
    pub(crate) fn has(self, loudest: u32) -> bool {
        self.rank < loudest && loudest <= self.until
    }

    /// Whether one of several listeners may get the packet: `most` is the largest number that one of them wants,
    /// `limited` says whether one of them wants less than everything.
    pub(crate) fn has_any_of(self, most: u32, limited: bool) -> bool {
        self.rank < most && (limited || !self.is_late())
    }

    /// Whether such a listener did not get the packet before: its numbers go on without a gap.
    pub(crate) fn begins_for(self, loudest: u32) -> bool {
        loudest <= self.before
    }

    /// Whether the packet was held back and is sent now to those only who did not get it.
    pub(crate) fn is_late(self) -> bool {
        self.until != EVERYTHING
    }
}

/// What is known of a decrypted packet.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) view: RtpView,
    pub(crate) payload: Range<usize>,
    pub(crate) format: LegFormat,
    pub(crate) source: u64,
    /// Its number in the source without what we leave out.
    pub(crate) sequence: u64,
}

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    description: Description,
    at: Instant,
    /// The best rank under which it was sent.
    sent_as: u32,
}

/// The packets kept of one stream. Its buffers are used again: it allocates no more once it was full.
#[derive(Debug, Default)]
pub(crate) struct Held {
    kept: VecDeque<Kept>,
    spare: Vec<Vec<u8>>,
    /// The rank under which the packet before the kept ones was sent.
    let_go: u32,
}

impl Held {
    /// Lets go of packets that are too old, and of those of another source.
    pub(crate) fn forget(&mut self, source: u64, now: Instant) {
        while let Some(oldest) = self.kept.front() {
            let is_old = now.saturating_duration_since(oldest.at) > ONSET;
            if !is_old && oldest.description.source == source {
                return;
            }
            self.let_go_of_oldest();
        }
    }

    /// Calls `send` for each kept packet that was not yet sent under a rank as good as this, oldest first.
    pub(crate) fn release(&mut self, rank: u32, mut send: impl FnMut(&[u8], &Description, Audience)) {
        let mut before = self.let_go;
        for kept in &mut self.kept {
            if kept.sent_as > rank {
                let until = kept.sent_as;
                send(&kept.bytes, &kept.description, Audience { rank, until, before });
                kept.sent_as = rank;
            }
            before = kept.sent_as;
        }
    }

    /// Who a packet of this rank is for, which comes behind the kept ones.
    pub(crate) fn audience(&self, rank: u32) -> Audience {
        Audience {
            rank,
            until: EVERYTHING,
            before: self.kept.back().map_or(self.let_go, |kept| kept.sent_as),
        }
    }

    /// Keeps a packet that was sent under this rank.
    pub(crate) fn keep(&mut self, packet: &[u8], description: Description, rank: u32, now: Instant) {
        if self.kept.len() >= MOST {
            self.let_go_of_oldest();
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(packet);
        self.kept.push_back(Kept {
            bytes,
            description,
            at: now,
            sent_as: rank,
        });
    }

    fn let_go_of_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.let_go = oldest.sent_as;
            self.spare.push(oldest.bytes);
        }
    }
}
