//! Media: one authentic packet in, one copy for each listener out.

use std::net::SocketAddr;
use std::time::Instant;

use super::super::peer::{Media, Peer, Publishing, REPORT_EVERY};
use super::super::reception::Reception;
use super::super::rtcp::{self, SenderClock};
use super::super::rtp::{LegFormat, RtpView, compose, patch};
use super::super::{ForwarderEvent, PeerId};
use super::{Core, Stream, Transmit};

/// One packet of a publisher, decrypted, on its way to the listeners.
struct Incoming<'a> {
    packet: &'a [u8],
    view: RtpView,
    payload: std::ops::Range<usize>,
    format: LegFormat,
    source: u64,
    /// Its number in the source without what we leave out.
    sequence: u64,
}

impl Core {
    /// Takes a datagram that looks like SRTP or SRTCP from a proved address.
    pub(super) fn handle_srtp(&mut self, datagram: &[u8], from: SocketAddr, index: usize, now: Instant) {
        // RFC 5761 §4: the second byte tells RTCP from RTP.
        if matches!(datagram.get(1), Some(192..=223)) {
            self.handle_rtcp(datagram, from, index, now);
        } else {
            self.handle_rtp(datagram, from, index, now);
        }
    }

    fn handle_rtp(&mut self, datagram: &[u8], from: SocketAddr, index: usize, now: Instant) {
        let Some(view) = RtpView::parse(datagram) else {
            self.counters.malformed.one();
            return;
        };
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let shape = self.shape.of(&view);
        let Some(packet) = peer.srtp.as_mut().and_then(|srtp| srtp.unprotect_rtp(datagram, shape)) else {
            self.counters.srtp_refused.one();
            return;
        };
        peer.hear(from, now);
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
        let is_media = view.payload_type == format.opus || Some(view.payload_type) == format.red;
        let payload = view.payload(&packet).filter(|payload| is_media && !payload.is_empty());
        let sequence = match payload {
            Some(_) => publishing.compactor.keep(extended),
            None => {
                publishing.compactor.leave_out(extended);
                self.counters.rtp_without_media.one();
                None
            }
        };
        let source = publishing.source;
        if begins == Begins::Peer {
            self.events.push_back(ForwarderEvent::MediaStarted { peer: id });
            self.arm(index);
        }
        let (Some(payload), Some(sequence)) = (payload, sequence) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if !is_current(stream, id) {
            self.counters.rtp_unexpected.one();
            return;
        }
        let players = std::mem::take(&mut stream.players);
        let incoming = Incoming {
            packet: &packet,
            view,
            payload,
            format,
            source,
            sequence,
        };
        self.forward(&incoming, &players, now);
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.players = players;
        }
    }

    fn forward(&mut self, incoming: &Incoming<'_>, players: &[usize], now: Instant) {
        let mut written_for: Option<(LegFormat, Option<usize>)> = None;
        let mut sent = 0;
        for &index in players {
            let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
                continue;
            };
            // Listeners with the same numbers share one composed packet.
            let header_len = match written_for {
                Some((format, header_len)) if format == peer.format => header_len,
                _ => {
                    let header_len = compose(
                        &mut self.scratch,
                        incoming.packet,
                        &incoming.view,
                        incoming.payload.clone(),
                        &incoming.format,
                        &peer.format,
                    );
                    written_for = Some((peer.format, header_len));
                    header_len
                }
            };
            let Some(header_len) = header_len else {
                continue;
            };
            if let Some(transmit) = self.copy_for(index, incoming, header_len, now) {
                self.transmits.push_back(transmit);
                sent += 1;
            }
        }
        self.counters.rtp_forwarded.add(sent);
        self.counters
            .rtp_not_forwarded
            .add((players.len() as u64).saturating_sub(sent));
    }

    /// The packet in `scratch` as this listener gets it.
    fn copy_for(&mut self, index: usize, incoming: &Incoming<'_>, header_len: usize, now: Instant) -> Option<Transmit> {
        let peer = self.peers.get_mut(index)?.as_deref_mut()?;
        let Media::Player(playing) = &mut peer.media else {
            return None;
        };
        let srtp = peer.srtp.as_mut().filter(|_| !playing.paused)?;
        let to = peer.ice.selected()?;
        let view = &incoming.view;
        let as_sent = playing.rebase.map(incoming.source, incoming.sequence, view.timestamp, now)?;
        let marker = view.marker || as_sent.first;
        patch(&mut self.scratch, marker, as_sent.sequence, as_sent.timestamp, peer.ssrc);
        let shape = self.shape.composed(peer.ssrc, as_sent.sequence, header_len);
        let data = srtp.protect_rtp(&self.scratch, shape)?;
        playing.packets = playing.packets.wrapping_add(1);
        let octets = u32::try_from(self.scratch.len() - header_len).unwrap_or(u32::MAX);
        playing.octets = playing.octets.wrapping_add(octets);
        Some(Transmit { to, data })
    }

    fn handle_rtcp(&mut self, datagram: &[u8], from: SocketAddr, index: usize, now: Instant) {
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let packet = peer.srtp.as_mut().and_then(|srtp| srtp.unprotect_rtcp(datagram));
        let Some(packet) = packet else {
            self.counters.srtp_refused.one();
            return;
        };
        peer.hear(from, now);
        self.counters.rtcp_received.one();
        let Some(received) = rtcp::read(&packet) else {
            self.counters.malformed.one();
            return;
        };
        match &mut peer.media {
            Media::Player(_) => {
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
                    self.forward_sender_report(key, source, clock);
                }
            }
        }
    }

    /// Tells every listener of a stream the publisher's wall clock on the listener's own RTP clock.
    fn forward_sender_report(&mut self, key: super::super::StreamKey, source: u64, clock: SenderClock) {
        let players = self.streams.get(&key).map(|stream| stream.players.as_slice());
        for &index in players.unwrap_or_default() {
            let peer = self.peers.get_mut(index).and_then(Option::as_deref_mut);
            let report = peer.and_then(|peer| sender_report_for(peer, source, clock));
            if let Some(transmit) = report {
                self.counters.rtcp_sent.one();
                self.transmits.push_back(transmit);
            }
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
            self.transmits.push_back(Transmit { to, data });
        }
    }
}

fn sender_report_for(peer: &mut Peer, source: u64, clock: SenderClock) -> Option<Transmit> {
    let Media::Player(playing) = &mut peer.media else {
        return None;
    };
    let srtp = peer.srtp.as_mut().filter(|_| !playing.paused)?;
    let to = peer.ice.selected()?;
    let clock = SenderClock {
        ssrc: peer.ssrc,
        ntp: clock.ntp,
        rtp: playing.rebase.timestamp_of(source, clock.rtp)?,
    };
    let report = rtcp::sender_report(clock, &peer.cname, playing.packets, playing.octets)?;
    let data = srtp.protect_rtcp(&report)?;
    Some(Transmit { to, data })
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
    publishing.reception = Some(Reception::new(ssrc, now));
    publishing.compactor = Default::default();
    publishing.next_report = publishing.next_report.or(Some(now + REPORT_EVERY));
    Some(begins)
}

/// Whether this publisher is the one that is heard: a newer one takes over with its first packet.
fn is_current(stream: &mut Stream, publisher: PeerId) -> bool {
    if stream.publisher.is_none_or(|current| current < publisher) {
        stream.publisher = Some(publisher);
    }
    stream.publisher == Some(publisher)
}
