//! Reports: what publishers and listeners say of each other's packets, and what we say to them.

use std::time::Instant;

use super::super::StreamKey;
use super::super::listener::Listener;
use super::super::peer::{Media, Peer, REPORT_EVERY};
use super::super::queue::SendQueue;
use super::super::rtcp::{self, SenderClock};
use super::super::tuple::Tuple;
use super::{Core, follow_path};

impl Core {
    pub(super) fn handle_rtcp(&mut self, datagram: &[u8], from: Tuple, index: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let packet = peer.srtp.as_mut().and_then(|srtp| srtp.unprotect_rtcp(datagram));
        let Some(packet) = packet else {
            self.counters.srtp_refused.one();
            return;
        };
        peer.hear(from, now);
        follow_path(&mut self.listeners, index, peer);
        self.counters.rtcp_received.one();
        let Some(received) = rtcp::read(&packet) else {
            self.counters.malformed.one();
            return;
        };
        match &mut peer.media {
            Media::Player => {
                let ours = received.reports.iter().filter(|block| block.ssrc == peer.ssrc).count();
                self.counters.receiver_reports.add(ours as u64);
            }
            Media::Publisher(publishing) => {
                let Some(clock) = received.sender_report else {
                    return;
                };
                let Some(reception) = &mut publishing.reception else {
                    return;
                };
                if reception.ssrc() != clock.ssrc {
                    return;
                }
                reception.handle_sender_report(clock.ntp, now);
                let (id, source, key) = (peer.id, publishing.source, peer.stream);
                if self.streams.get(&key).is_some_and(|stream| stream.publisher == Some(id)) {
                    self.spread_sender_report(key, source, clock);
                }
            }
        }
    }

    /// Tells every listener of a stream on this shard the publisher's wall clock on the listener's own RTP clock.
    pub(super) fn forward_sender_report(&mut self, key: StreamKey, source: u64, clock: SenderClock) {
        let players = self.streams.get(&key).map(|stream| stream.players.as_slice());
        for &index in players.unwrap_or_default() {
            let peer = self.peers.get_mut(index).and_then(Option::as_deref_mut);
            let listener = self.listeners.get(index).and_then(Option::as_ref);
            let sent = peer
                .zip(listener)
                .and_then(|(peer, listener)| send_sender_report(peer, listener, source, clock, &mut self.queue));
            self.counters.rtcp_sent.add(u64::from(sent.is_some()));
        }
    }

    /// Tells a publisher how its packets arrive.
    pub(super) fn send_report_if_due(&mut self, index: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let Media::Publisher(publishing) = &mut peer.media else {
            return;
        };
        if publishing.next_report.is_none_or(|due| due > now) {
            return;
        }
        publishing.next_report = Some(now + REPORT_EVERY);
        let block = publishing.reception.as_mut().and_then(|reception| reception.report(now));
        let data = block
            .and_then(|block| rtcp::receiver_report(peer.ssrc, &peer.cname, vec![block]))
            .and_then(|report| peer.srtp.as_mut()?.protect_rtcp(&report));
        if let (Some(data), Some(to)) = (data, peer.ice.selected()) {
            self.counters.rtcp_sent.one();
            self.queue.push(to, &data);
        }
    }
}

fn send_sender_report(
    peer: &mut Peer,
    listener: &Listener,
    source: u64,
    clock: SenderClock,
    queue: &mut SendQueue,
) -> Option<()> {
    let srtp = peer.srtp.as_mut().filter(|_| !listener.paused)?;
    let to = listener.path?;
    let clock = SenderClock {
        ssrc: peer.ssrc,
        ntp: clock.ntp,
        rtp: listener.rebase.timestamp_of(source, clock.rtp)?,
    };
    let report = rtcp::sender_report(clock, &peer.cname, listener.packets, listener.octets)?;
    let data = srtp.protect_rtcp(&report)?;
    queue.push(to, &data);
    Some(())
}
