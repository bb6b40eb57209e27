//! RTP of one peer on its way in, for the AEAD profiles: authenticated first, remembered after.

use rtc_shared::replay_detector::{ReplayDetector, SlidingWindowDetector};

use super::aead::AeadKey;
use super::{MAX_SOURCES, REPLAY_WINDOW};
use crate::forwarder::rtp::RtpView;

/// Opens packets; keeps what is known of each source that proved itself.
pub(super) struct AeadReceiver {
    key: AeadKey,
    sources: Vec<Source>,
}

struct Source {
    ssrc: u32,
    /// Highest authentic packet index. RFC 3711 §3.3.1: rollover counter and sequence number.
    highest: u64,
    window: SlidingWindowDetector,
}

impl AeadReceiver {
    pub(super) fn new(key: AeadKey) -> Self {
        Self {
            key,
            sources: Vec::new(),
        }
    }

    /// Leaves the decrypted packet in `out`; `None` if it is forged, replayed or of one source too many.
    pub(super) fn open(&mut self, packet: &[u8], view: &RtpView, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        out.extend_from_slice(packet);
        let known = self.sources.iter_mut().find(|source| source.ssrc == view.ssrc);
        if let Some(source) = known {
            let index = estimate(source.highest, view.sequence);
            if !source.window.check(index) {
                return None;
            }
            self.key.open(view.ssrc, index, out, view.header_len)?;
            source.accept(index);
            return Some(());
        }
        if self.sources.len() == MAX_SOURCES {
            return None;
        }
        // RFC 3711 §3.3.1: a source begins with the rollover counter at 0.
        let index = u64::from(view.sequence);
        self.key.open(view.ssrc, index, out, view.header_len)?;
        let mut source = Source {
            ssrc: view.ssrc,
            highest: index,
            window: SlidingWindowDetector::new(REPLAY_WINDOW, u64::MAX),
        };
        source.window.check(index);
        source.accept(index);
        self.sources.push(source);
        Some(())
    }
}

impl Source {
    /// Notes the packet that was checked last.
    fn accept(&mut self, index: u64) {
        self.window.accept();
        self.highest = self.highest.max(index);
    }
}

/// The packet index that `sequence` stands for, next to the highest so far. RFC 3711 §3.3.1 and appendix A.
fn estimate(highest: u64, sequence: u16) -> u64 {
    let step = sequence.wrapping_sub((highest & 0xffff) as u16) as i16;
    // Nothing was sent before the first rollover: there the number can only be ahead.
    highest.checked_add_signed(i64::from(step)).unwrap_or(u64::from(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_follows_rollovers_in_both_directions() {
        assert_eq!(estimate(65_535, 0), 65_536);
        assert_eq!(estimate(65_537, 65_535), 65_535);
        assert_eq!(estimate((7 << 16) + 3, 65_530), (6 << 16) + 65_530);
        assert_eq!(estimate(3, 65_530), 65_530, "nothing lies before the beginning");
    }
}
