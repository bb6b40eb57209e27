//! Reports: what publishers and listeners say of each other's packets, and what we say to them.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::super::counters::ShardCounters;
use super::super::held::Description;
use super::super::listener::Listener;
use super::super::peer::{Media, Peer, REPORT_EVERY};
use super::super::queue::SendQueue;
use super::super::rtcp::{self, ReceivedRtcp, SenderClock};
use super::super::summary::Uplink;
use super::super::tuple::Tuple;
use super::super::{ForwarderEvent, GoneReason, StreamKey};
use super::protect::note_loss;
use super::reports::LEAST_BETWEEN;
use super::stream::Stream;
use super::{Core, follow_path};

/// The rest of the server hears of a publisher's leg no more often.
const TELL_LEG_EVERY: Duration = Duration::from_secs(2);

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
        if received.goodbye {
            // The end of a connection is DTLS' close_notify, or silence: a stream may come back. A relay has no other goodbye.
            self.counters.goodbyes_received.one();
            if peer.relay.is_some() {
                self.lose(index, GoneReason::Closed);
                return;
            }
        }
        if peer.relay.is_some() {
            self.hear_clocks(index, &received, now);
        }
        let Some(peer) = self.peers.get(index).and_then(Option::as_deref) else {
            return;
        };
        match &peer.media {
            Media::Player(_) => self.handle_listener_rtcp(index, received, now),
            Media::Publisher(_) => self.handle_publisher_rtcp(index, received.sender_report, now),
        }
    }

    /// Only what is about the stream that we send to this listener counts.
    fn handle_listener_rtcp(&mut self, index: usize, received: ReceivedRtcp, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let ours = peer.ssrc;
        let listener = self.listeners.get(index).and_then(Option::as_ref);
        let (Media::Player(playing), Some(listener)) = (&mut peer.media, listener) else {
            return;
        };
        for block in received.reports.into_iter().filter(|block| block.ssrc == ours) {
            self.counters.receiver_reports.one();
            if self.limits.protection_kbit > 0 {
                note_loss(playing, listener, &block, now);
            }
            playing.listening.handle_report(block, now);
        }
        for block in received.losses.iter().filter(|block| block.ssrc == ours) {
            playing.listening.bursts.handle_report(block, now);
        }
        let nacks: Vec<_> = received.nacks.into_iter().filter(|nack| nack.media_ssrc == ours).collect();
        let numbers = || nacks.iter().flat_map(|nack| &nack.nacks).copied().flatten();
        for number in numbers() {
            playing.listening.bursts.handle_nacked(number, now);
        }
        self.protect(index, now);
        if !nacks.is_empty() {
            self.answer_nack(index, numbers(), now);
        }
    }

    /// The publisher's wall clock, on its RTP clock.
    fn handle_publisher_rtcp(&mut self, index: usize, told: Option<SenderClock>, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let Media::Publisher(publishing) = &mut peer.media else {
            return;
        };
        let reception = publishing.reception.as_mut();
        let (Some(clock), Some(reception)) = (told, reception) else {
            return;
        };
        if reception.ssrc() != clock.ssrc {
            return;
        }
        reception.handle_sender_report(clock.ntp, now);
        let (id, source, key) = (peer.id, publishing.source, peer.stream);
        if self.streams.get(&key).is_some_and(|stream| stream.publisher == Some(id)) {
            self.spread_publisher_clock(key, source, clock, now);
        }
    }

    /// Notes the publisher's clock for the listeners of a stream on this shard.
    pub(super) fn note_publisher_clock(&mut self, key: StreamKey, source: u64, clock: SenderClock, now: Instant) {
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.reports.set_publisher_clock(source, clock, &stream.players, now);
        }
    }

    /// What is due for the listeners of a stream on this shard when one of its packets was forwarded.
    pub(super) fn report_to_listeners(&mut self, key: StreamKey, description: &Description, now: Instant) {
        let uptime = now.saturating_duration_since(self.began);
        let Some(Stream { reports, players, .. }) = self.streams.get_mut(&key) else {
            return;
        };
        let (source, view) = (description.source, &description.view);
        reports.note_packet(source, view.ssrc, view.timestamp, uptime, now);
        let Some(clock) = reports.clock_at(now) else {
            return;
        };
        let mut send = |index: usize| {
            let peer = self.peers.get_mut(index).and_then(Option::as_deref_mut);
            let both = peer.zip(self.listeners.get(index).and_then(Option::as_ref));
            both.is_some_and(|both| send_sender_report(both, clock, now, &mut self.queue, &self.counters).is_some())
        };
        reports.send_first(players.len(), &mut send);
        for _ in 0..reports.turns_due(players.len(), now) {
            if let Some(&index) = players.get(reports.next_turn(players.len())) {
                send(index);
            }
        }
        if reports.summary_is_due(now) {
            self.protect_all(key, now);
            self.summarise(key, now);
        }
    }

    /// Tells the rest of the server what the listeners report, where that is news.
    fn summarise(&mut self, key: StreamKey, now: Instant) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        for &index in &stream.players {
            let peer = self.peers.get(index).and_then(Option::as_deref);
            let Some((peer, listener)) = peer.zip(self.listeners.get(index).and_then(Option::as_ref)) else {
                continue;
            };
            let Media::Player(playing) = &peer.media else {
                continue;
            };
            // Behind a relay its own node counts the listeners.
            if peer.srtp.is_some() && peer.relay.is_none() && !listener.paused {
                let listening = &playing.listening;
                let round_trip = listening.round_trip_time(now).or(peer.ice.round_trip_time());
                self.samples
                    .add(listening.loss(now), listening.bursts.mean_tenths(now), round_trip);
                if !listener.copies.current().is_empty() {
                    self.samples.add_copying();
                }
            }
        }
        let summary = self.samples.take();
        if stream.reports.is_news(summary, now) {
            self.events.push_back(ForwarderEvent::ListenersHeard {
                stream: key,
                shard: self.name,
                summary,
            });
        }
    }

    /// Asks a publisher that answers NACKs for what did not come: repaired here it is repaired for all listeners.
    pub(super) fn ask_for_missing(&mut self, index: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let round_trip = peer.ice.round_trip_time();
        let Media::Publisher(publishing) = &mut peer.media else {
            return;
        };
        let Some(reception) = &mut publishing.reception else {
            return;
        };
        let numbers = reception.take_missing(round_trip, now);
        if numbers.is_empty() {
            return;
        }
        let nack = rtcp::nack(peer.ssrc, &peer.cname, reception.ssrc(), &numbers);
        if send_rtcp(peer, nack, &mut self.queue, &self.counters).is_some() {
            self.counters.nacks_sent.add(numbers.len() as u64);
        }
    }

    /// Tells a publisher how its packets arrive, and the rest of the server where that changed.
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
        let Some(reception) = &mut publishing.reception else {
            return;
        };
        let Some(block) = reception.report(now) else {
            return;
        };
        self.counters.rtp_lost.add(reception.lost_lately());
        let leg = publishing
            .leg
            .measure(block.fraction_lost, block.jitter, peer.ice.round_trip_time());
        let lost = reception.take_uplink();
        if peer.relay.is_some() {
            self.counters.relay_lost.add(lost.lost.into());
            self.counters.relay_repaired.add(reception.take_repaired());
        }
        let uplink = Uplink::from(lost);
        let stream = peer.stream;
        if self
            .streams
            .get(&stream)
            .is_some_and(|stream| stream.publisher == Some(peer.id))
        {
            let told = publishing.told;
            if told.is_none_or(|(told, at)| told != leg && now.saturating_duration_since(at) >= TELL_LEG_EVERY) {
                publishing.told = Some((leg, now));
                self.events.push_back(ForwarderEvent::PublisherMeasured { stream, leg });
            }
            if uplink.loss_permille > 0 || publishing.uplink_told != Some(uplink) {
                publishing.uplink_told = Some(uplink);
                self.events.push_back(ForwarderEvent::UplinkMeasured { stream, uplink });
            }
        }
        let report = rtcp::receiver_report(peer.ssrc, &peer.cname, vec![block]);
        send_rtcp(peer, report, &mut self.queue, &self.counters);
    }
}

/// Seals a compound packet for a peer and queues it. `None`: there is no packet, or no key or path yet.
pub(super) fn send_rtcp(
    peer: &mut Peer,
    packet: Option<BytesMut>,
    queue: &mut SendQueue,
    counters: &ShardCounters,
) -> Option<()> {
    let to = peer.ice.selected()?;
    let data = peer.srtp.as_mut()?.protect_rtcp(&packet?)?;
    queue.push(to, &data);
    counters.rtcp_sent.one();
    Some(())
}

/// Tells a listener the stream's wall clock on the listener's own RTP clock, unless it was told a moment ago.
fn send_sender_report(
    (peer, listener): (&mut Peer, &Listener),
    (source, clock): (u64, SenderClock),
    now: Instant,
    queue: &mut SendQueue,
    counters: &ShardCounters,
) -> Option<()> {
    let last = peer.listening()?.last_sender_report();
    let was_told = last.is_some_and(|last| now.saturating_duration_since(last) < LEAST_BETWEEN);
    if was_told || listener.paused {
        return None;
    }
    let clock = SenderClock {
        ssrc: peer.ssrc,
        ntp: clock.ntp,
        rtp: listener.rebase.timestamp_of(source, clock.rtp)?,
    };
    let report = rtcp::sender_report(clock, &peer.cname, listener.packets, listener.octets);
    send_rtcp(peer, report, queue, counters)?;
    peer.listening()?.note_sender_report(clock.ntp, now);
    Some(())
}
