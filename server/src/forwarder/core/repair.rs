//! Packets that a publisher lost, out of the copies that it sent of them (RFC 2198).

use std::time::Instant;

use express_messages::red::{self, Block};

use super::super::StreamKey;
use super::super::held::Description;
use super::super::peer::Media;
use super::super::rtp::{FIXED_HEADER, RtpView, write_repaired};
use super::Core;

impl Core {
    /// Forwards what is missing of a publisher and stands in this packet of RED, each under its own number. The packet itself, if
    /// it comes after all, is then one that was there before.
    pub(super) fn repair(&mut self, index: usize, key: StreamKey, packet: &[u8], description: &Description, now: Instant) {
        let Some(blocks) = packet.get(description.payload.clone()).and_then(red::read) else {
            return;
        };
        let mut repaired = std::mem::take(&mut self.repaired);
        for copy in blocks.filter(|copy| copy.payload_type == description.format.opus && !copy.data.is_empty()) {
            if let Some(description) = self.take_copy(index, &copy, description, &mut repaired, now) {
                self.counters.rtp_repaired.one();
                self.spread(key, &repaired, description, now);
            }
        }
        self.repaired = repaired;
    }

    /// Writes the packet that a copy is of into `repaired`; `None`: it is there already, or it cannot be told which it is.
    fn take_copy(
        &mut self,
        index: usize,
        copy: &Block<'_>,
        of: &Description,
        repaired: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Description> {
        let peer = self.peers.get_mut(index)?.as_deref_mut()?;
        let Media::Publisher(publishing) = &mut peer.media else {
            return None;
        };
        let extended = publishing.timeline.missing(of.view.timestamp, copy.offset)?;
        // Each one goes out to every listener, as if it had come by itself: it counts as that.
        let length = FIXED_HEADER + copy.data.len();
        if !self.policer.admit_media(&mut publishing.budget, length, now) {
            self.counters.rtp_flooding.one();
            return None;
        }
        let sequence = publishing.compactor.keep(extended)?;
        let timestamp = of.view.timestamp.wrapping_sub(copy.offset);
        publishing.timeline.note(extended, timestamp);
        if let Some(reception) = &mut publishing.reception {
            reception.note_repaired(extended);
        }
        let names = (of.view.ssrc, (extended & 0xffff) as u16, timestamp);
        write_repaired(repaired, of.format.opus, names, copy.data);
        Some(Description {
            view: RtpView::parse(repaired)?,
            payload: FIXED_HEADER..repaired.len(),
            format: of.format,
            source: of.source,
            sequence,
        })
    }
}
