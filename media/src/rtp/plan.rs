//! How the next frames are encoded and protected: one word that the controller writes and the pump reads.

use std::sync::atomic::{AtomicU64, Ordering};

use express_messages::red::CopySet;

/// The most frames in one packet: what Opus allows (RFC 6716 §3.2.5), 120 ms.
pub(super) const MAX_FRAMES: usize = 6;

/// Most deep redundancy that libopus knows, in frames of 10 ms.
const MAX_DRED_FRAMES: u8 = 104;

/// Loss that deep redundancy is made against where the plan does not say: libopus gives it no bits at all against none.
const DRED_AGAINST: u8 = 20;

/// How frames are encoded and protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendPlan {
    /// What encoder and copies may use together, in bit/s of RTP payload, 6,000..=510,000.
    pub bits_per_second: u32,
    /// Copies of older frames (RFC 2198), in steps of 20 ms. Of a stream of 20 ms frames a step is a packet, of 10 ms frames it is
    /// two: a copy comes as late, and outlives as long a burst, either way.
    pub copies: CopySet,
    /// In-band FEC (Opus LBRR) against so many percent of loss, 0..=100; 0: none.
    pub fec_against: u8,
    /// No sound above 8 kHz: at low bitrates the bits are better spent below.
    pub wideband: bool,
    /// Units of 20 ms in one packet, 1..=6: more than 1 where a link is too slow for the headers of each. With 1 a packet is
    /// one frame, of 10 ms where the stream has those.
    pub frames: u8,
    /// Nothing is sent, though media time goes on: a queue on the link has to go first.
    pub held: bool,
    /// Deep redundancy (DRED) of so many frames of 10 ms in each packet, 0..=104; 0: none. Copies travel without it.
    ///
    /// The controller leaves it out: beside a copy it gained 0.01 to 0.03 PESQ on bursts of 20 and 30 % at 48 and 64 kbit/s, at
    /// the price of 0.02 to 0.17 PLCMOS, and on random loss it cost 0.03 to 0.05 PESQ, for its bits are missing in the frames.
    pub dred_frames: u8,
}

impl SendPlan {
    /// All bits for the frames themselves.
    pub fn plain(bits_per_second: u32) -> Self {
        Self {
            bits_per_second,
            copies: CopySet::NONE,
            fec_against: 0,
            wideband: false,
            frames: 1,
            held: false,
            dred_frames: 0,
        }
    }

    /// The loss that the encoder is told of, in percent.
    pub(crate) fn loss_percent(&self) -> u8 {
        let least = if self.dred_frames > 0 { DRED_AGAINST } else { 0 };
        self.fec_against.clamp(least, 100)
    }
}

/// A plan in one word, so that its reader never sees half of one.
#[derive(Debug)]
pub(super) struct SharedPlan(AtomicU64);

impl SharedPlan {
    pub(super) fn new(plan: SendPlan) -> Self {
        Self(AtomicU64::new(pack(plan)))
    }

    pub(super) fn store(&self, plan: SendPlan) {
        self.0.store(pack(plan), Ordering::Relaxed);
    }

    pub(super) fn load(&self) -> SendPlan {
        unpack(self.0.load(Ordering::Relaxed))
    }
}

fn pack(plan: SendPlan) -> u64 {
    let bits = u64::from(plan.bits_per_second.clamp(6_000, 510_000));
    let dred = u64::from(plan.dred_frames.min(MAX_DRED_FRAMES));
    let fec = u64::from(plan.fec_against.min(100));
    let frames = u64::from(plan.frames.clamp(1, MAX_FRAMES as u8));
    let flags = u64::from(plan.wideband) << 48 | frames << 49 | dred << 52 | u64::from(plan.held) << 59;
    bits | u64::from(plan.copies.bits()) << 24 | fec << 40 | flags
}

fn unpack(word: u64) -> SendPlan {
    SendPlan {
        bits_per_second: (word & 0xff_ffff) as u32,
        copies: CopySet::from_bits((word >> 24 & 0xffff) as u16),
        fec_against: (word >> 40 & 0xff) as u8,
        wideband: word >> 48 & 1 == 1,
        frames: (word >> 49 & 7) as u8,
        dred_frames: (word >> 52 & 0x7f) as u8,
        held: word >> 59 & 1 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_its_word() {
        let plan = SendPlan {
            bits_per_second: 510_000,
            copies: CopySet::of(&[1, 4, 16, 17, 0]),
            fec_against: 100,
            wideband: true,
            frames: 6,
            held: true,
            dred_frames: 104,
        };
        assert_eq!(unpack(pack(plan)), plan);
        assert_eq!(unpack(pack(SendPlan::plain(1))), SendPlan::plain(6_000));
    }
}
