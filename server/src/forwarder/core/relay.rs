//! Relays on their shard: how they come, are told apart, keep each other alive and are counted. Their media is as everybody's.

use std::time::Instant;

use super::super::counters::ShardCounters;
use super::super::held::EVERYTHING;
use super::super::listener::Listener;
use super::super::peer::Peer;
use super::super::relay::{NewRelay, RelaySide, SAY_EVERY, round_trip};
use super::super::rtcp::{self, ReceivedRtcp};
use super::super::rtp::RtpView;
use super::super::sdp::Role;
use super::super::srtp::{SrtpSession, TAG_BYTES};
use super::super::tuple::Tuple;
use super::super::{ForwarderEvent, GoneReason, PeerId};
use super::feedback::send_rtcp;
use super::reports::ntp_of;
use super::{Core, follow_path};

impl Core {
    /// One side of a relay comes.
    pub(super) fn add_relay(&mut self, new: NewRelay, now: Instant) {
        let (place, role, keys, name) = (new.place, new.role, new.keys(), new.name.ssrc());
        let index = self.seat(Box::new(Peer::of_relay(new, now)), place, true);
        self.by_relay.insert(name, index);
        let begun = match role {
            Role::Publisher => &self.counters.relays_in_begun,
            Role::Player => &self.counters.relays_out_begun,
        };
        begun.one();
        let Ok(srtp) = SrtpSession::new(keys) else {
            self.lose(index, GoneReason::DtlsFailed);
            return;
        };
        match role {
            // What comes tells whether it works.
            Role::Publisher => {
                if let Some(peer) = self.peer_mut(index) {
                    peer.srtp = Some(srtp);
                }
                self.arm(index);
            }
            Role::Player => {
                if let Some(peer) = self.peers.get(index).and_then(Option::as_deref) {
                    follow_path(&mut self.listeners, index, peer);
                }
                self.connect(index, srtp, now);
                self.mark_connected(index);
            }
        }
    }

    /// Where the other side's packets will come from: what is said to it goes there.
    pub(super) fn set_relay_source(&mut self, id: PeerId, source: Tuple, now: Instant) {
        let Some(&index) = self.by_id.get(&id) else {
            return;
        };
        if let Some(peer) = self.peer_mut(index) {
            peer.ice.set_fixed_path(source);
            if let Some(relay) = &mut peer.relay {
                relay.next_say = now;
            }
        }
        self.arm(index);
    }

    /// A player wants the stream while it is one of so many loudest, from now on.
    pub(super) fn set_loudest(&mut self, id: PeerId, loudest: u32) {
        let Some(&index) = self.by_id.get(&id) else {
            return;
        };
        let Some(peer) = self.peers.get(index).and_then(Option::as_deref) else {
            return;
        };
        let listener = self.listeners.get_mut(index).and_then(Option::as_mut);
        let (Some(listener), Some(stream)) = (listener, self.streams.get_mut(&peer.stream)) else {
            return;
        };
        let before = std::mem::replace(&mut listener.loudest, loudest);
        if before == loudest {
            return;
        }
        // It may have missed some: the numbers go on without a gap.
        listener.rebase.pause();
        stream.change_wanted(before, loudest);
        let key = peer.stream;
        self.players_changed(key);
    }

    /// The relay that a datagram claims to be of: by the SSRC of RTP, the sender's of RTCP, both in clear (RFC 3711 §3.1 and §3.4).
    pub(super) fn relay_named_in(&self, datagram: &[u8], from: Tuple) -> Option<usize> {
        if self.by_relay.is_empty() || !from.is_udp() || !matches!(datagram.first(), Some(128..=191)) {
            return None;
        }
        let at = if is_rtcp(datagram) { 4 } else { 8 };
        let ssrc = u32::from_be_bytes(*datagram.get(at..)?.first_chunk()?);
        self.by_relay.get(&ssrc).copied()
    }

    /// Takes a datagram that claims to be of this relay.
    ///
    /// Whoever sends from where the relay is known to be is believed to be it until it fails; anybody else pays as a stranger does.
    pub(super) fn handle_relayed(&mut self, datagram: &[u8], from: Tuple, index: usize, now: Instant) {
        let is_known = self.peer_mut(index).is_some_and(|peer| peer.ice.is_fixed_to(from));
        if !is_known && !self.admit_stranger(from, now) {
            return;
        }
        let events = self.events.len();
        self.handle_srtp(datagram, from, index, now);
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        if !peer.ice.take_heard() {
            self.counters.relay_refused.one();
            if is_known {
                self.admit_stranger(from, now);
            }
            return;
        }
        if !is_rtcp(datagram)
            && let Some(view) = RtpView::parse(datagram)
        {
            let octets = datagram.len().saturating_sub(view.header_len + TAG_BYTES);
            self.counters.relay_packets_received.one();
            self.counters.bytes_relay_received.add(octets as u64);
        }
        if let Some(peer) = self.mark_connected(index) {
            // Before what its first packet brought about.
            self.events.insert(events, ForwarderEvent::Connected { peer });
            self.counters.peers_connected.one();
        }
    }

    /// A relay that is known to work from now on; `None`: it was known already.
    fn mark_connected(&mut self, index: usize) -> Option<PeerId> {
        let peer = self.peer_mut(index)?;
        let relay = peer.relay.as_mut()?;
        let is_new = !std::mem::replace(&mut relay.is_connected, true);
        is_new.then_some(peer.id)
    }

    /// Takes what the other side of a relay says of the clocks.
    pub(super) fn hear_clocks(&mut self, index: usize, received: &ReceivedRtcp, now: Instant) {
        let ntp = ntp_of(now.saturating_duration_since(self.began));
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(relay) = &mut peer.relay else {
            return;
        };
        if let Some(reference) = received.reference {
            relay.hear_reference(reference, now);
        }
        let mut echoes = received.echoes.iter();
        let echo = echoes.find(|echo| echo.ssrc == peer.ssrc);
        if let Some(time) = echo.and_then(|echo| round_trip((echo.last_rr, echo.dlrr), ntp)) {
            peer.ice.note_fixed_round_trip(time);
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.counters.relay_round_trips.one();
            self.counters.relay_round_trip_us.add(micros);
        }
    }

    /// Says something to the other side of a relay if it is time: silence would end it.
    pub(super) fn say_if_due(&mut self, index: usize, now: Instant) {
        let reference = ntp_of(now.saturating_duration_since(self.began));
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(relay) = peer.relay.as_mut().filter(|relay| relay.next_say <= now) else {
            return;
        };
        relay.next_say = now + SAY_EVERY;
        let (to, echo) = (relay.name.ssrc(), relay.echo(now));
        if let Some(listener) = self.listeners.get(index).and_then(Option::as_ref) {
            self.counters.count_sent(relay, listener);
        }
        let clocks = rtcp::clocks((peer.ssrc, &peer.cname), reference, to, echo);
        send_rtcp(peer, clocks, &mut self.queue, &self.counters);
    }

    /// A peer goes: what it was as a relay.
    pub(super) fn end_relay(&mut self, peer: &mut Peer, listener: Option<&Listener>, index: usize) {
        let Some(relay) = &mut peer.relay else {
            return;
        };
        let name = relay.name.ssrc();
        if self.by_relay.get(&name) == Some(&index) {
            self.by_relay.remove(&name);
        }
        match listener {
            Some(listener) => {
                self.counters.count_sent(relay, listener);
                self.counters.relays_out_ended.one();
            }
            None => self.counters.relays_in_ended.one(),
        }
    }
}

impl ShardCounters {
    /// Counts what a relay sent since it was counted last.
    fn count_sent(&self, relay: &mut RelaySide, listener: &Listener) {
        let (packets, octets) = relay.take_sent(listener.packets, listener.octets);
        self.relay_packets_sent.add(packets.into());
        self.bytes_relay_sent.add(octets.into());
    }
}

/// How a wish for so many loudest is kept; 0: every stream.
pub(crate) fn wanted(loudest: u32) -> u32 {
    if loudest == 0 { EVERYTHING } else { loudest }
}

/// RFC 5761 §4: the second byte tells RTCP from RTP.
fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}
