//! A publisher's packet: authenticated, decrypted, counted, and handed to the listeners.

use std::time::Instant;

use super::super::ForwarderEvent;
use super::super::held::Description;
use super::super::peer::{Media, Publishing, REPORT_EVERY};
use super::super::reception::Reception;
use super::super::rtp::RtpView;
use super::super::tuple::Tuple;
use super::stream::Stream;
use super::{Core, follow_path};

impl Core {
    /// Takes a datagram that looks like SRTP or SRTCP from a proved address.
    pub(super) fn handle_srtp(&mut self, datagram: &[u8], from: Tuple, index: usize, now: Instant) {
        // RFC 5761 §4: the second byte tells RTCP from RTP.
        if matches!(datagram.get(1), Some(192..=223)) {
            self.handle_rtcp(datagram, from, index, now);
        } else {
            self.handle_rtp(datagram, from, index, now);
        }
    }

    fn handle_rtp(&mut self, datagram: &[u8], from: Tuple, index: usize, now: Instant) {
        let mut packet = std::mem::take(&mut self.decrypted);
        self.take_in(datagram, &mut packet, from, index, now);
        self.decrypted = packet;
    }

    /// Decrypts a packet into `packet` and hands it on.
    fn take_in(&mut self, datagram: &[u8], packet: &mut Vec<u8>, from: Tuple, index: usize, now: Instant) {
        let Some(view) = RtpView::parse(datagram) else {
            self.counters.malformed.one();
            return;
        };
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let opened = peer
            .srtp
            .as_mut()
            .and_then(|srtp| srtp.unprotect_rtp(datagram, &view, packet));
        if opened.is_none() {
            self.counters.srtp_refused.one();
            return;
        }
        peer.hear(from, now);
        follow_path(&mut self.listeners, index, peer);
        let Media::Publisher(publishing) = &mut peer.media else {
            self.counters.rtp_unexpected.one();
            return;
        };
        self.counters.rtp_received.one();
        let (id, format, key) = (peer.id, peer.format, peer.stream);
        let Some(begins) = follow_source(publishing, view.ssrc, &mut self.next_source, now) else {
            self.counters.rtp_unexpected.one();
            return;
        };
        let Some(reception) = &mut publishing.reception else {
            return;
        };
        let extended = reception.handle_rtp(view.sequence, view.timestamp, now);
        self.counters.rtp_late.add(u64::from(reception.is_late(extended)));
        if !self.policer.admit_media(&mut publishing.budget, datagram.len(), now) {
            self.counters.rtp_flooding.one();
            return;
        }
        let is_media = view.payload_type == format.opus || Some(view.payload_type) == format.red;
        let payload = view.payload(packet).filter(|payload| is_media && !payload.is_empty());
        let sequence = match payload {
            Some(_) => publishing.compactor.keep(extended),
            None => {
                publishing.compactor.leave_out(extended);
                self.counters.rtp_without_media.one();
                None
            }
        };
        let source = publishing.source;
        if format.red.is_some() && (sequence.is_some() || payload.is_none()) {
            publishing.timeline.note(extended, view.timestamp);
        }
        let may_repair = Some(view.payload_type) == format.red && !publishing.timeline.is_whole();
        if begins == Begins::Peer {
            self.events.push_back(ForwarderEvent::MediaStarted { peer: id });
            self.arm(index);
        }
        let description = payload.zip(sequence).map(|(payload, sequence)| Description {
            view,
            payload,
            format,
            source,
            sequence,
        });
        let is_current = |stream: &mut Stream| stream.is_current(id);
        let is_heard = description.is_some() && self.streams.get_mut(&key).is_some_and(is_current);
        if let Some(description) = description.as_ref().filter(|_| is_heard && may_repair) {
            self.repair(index, key, packet, description, now);
        }
        self.ask_for_missing(index, now);
        match description {
            Some(description) if is_heard => self.spread(key, packet, description, now),
            Some(_) => self.counters.rtp_unexpected.one(),
            None => {}
        }
    }
}

/// What a packet begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    Nothing,
    /// A new SSRC of a publisher that sent before.
    Source,
    /// The publisher's media.
    Peer,
}

/// Keeps to the newest SSRC of a publisher; `None`: this packet is of an older one.
fn follow_source(publishing: &mut Publishing, ssrc: u32, next_source: &mut u64, now: Instant) -> Option<Begins> {
    let begins = match &publishing.reception {
        Some(reception) if reception.ssrc() == ssrc => return Some(Begins::Nothing),
        Some(_) if publishing.past.contains(&ssrc) => return None,
        Some(reception) => {
            // Bounded: SRTP admits a handful of sources for each peer.
            publishing.past.push(reception.ssrc());
            Begins::Source
        }
        None => Begins::Peer,
    };
    *next_source = next_source.wrapping_add(1);
    publishing.source = *next_source;
    publishing.reception = Some(Reception::new(ssrc, now).repaired(publishing.nack));
    publishing.compactor = Default::default();
    publishing.timeline = Default::default();
    publishing.next_report = publishing.next_report.or(Some(now + REPORT_EVERY));
    Some(begins)
}
