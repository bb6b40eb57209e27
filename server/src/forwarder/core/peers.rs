//! Peers come, change and go.

use std::cmp::Reverse;
use std::time::Instant;

use rand::RngExt;

use super::super::listener::Listener;
use super::super::peer::{Media, NewPeer, Peer, Placement};
use super::super::rebase::Rebase;
use super::super::sdp::Credentials;
use super::super::{ForwarderEvent, GoneReason, PeerId, rtcp};
use super::Core;
use super::feedback::send_rtcp;
use express_messages::red::CopySet;

/// Entries that the timers may have for each peer, and beyond, before those that count no more are looked for.
const TIMERS_PER_PEER: usize = 4;
const SOME_TIMERS: usize = 256;

impl Core {
    pub(super) fn add(&mut self, new: NewPeer, now: Instant) {
        let tie_breaker = self.rng.random();
        let (place, nack, ufrag) = (new.place, new.nack, new.local.ufrag.clone());
        let peer = Box::new(Peer::new(new, &self.identity, tie_breaker, now));
        let index = self.seat(peer, place, nack);
        self.by_ufrag.insert(ufrag, index);
        self.arm(index);
    }

    /// Gives a new peer its place in the tables.
    pub(super) fn seat(&mut self, peer: Box<Peer>, place: Placement, nack: bool) -> usize {
        let rebase = Rebase::new(self.rng.random(), self.rng.random());
        let (id, key) = (peer.id, peer.stream);
        let listener = match peer.media {
            Media::Player(_) => Some(Listener::new(peer.format, peer.ssrc, place.loudest, rebase)),
            Media::Publisher(_) => None,
        };
        let is_player = listener.is_some();
        let index = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.listeners.push(None);
            self.peers.len() - 1
        });
        self.peers[index] = Some(peer);
        self.listeners[index] = listener;
        self.by_id.insert(id, index);
        let stream = self.stream_entry(key, place);
        if is_player {
            stream.add_player(index, place.loudest, nack);
            self.players_changed(key);
        } else {
            stream.publishers += 1;
        }
        self.counters.peers_added.one();
        index
    }

    pub(super) fn restart_ice(&mut self, id: PeerId, (local, remote): (Credentials, Credentials)) {
        let index = self.by_id.get(&id).copied();
        let Some((index, peer)) = index.and_then(|index| Some((index, self.peers.get_mut(index)?.as_deref_mut()?))) else {
            return;
        };
        if peer.relay.is_some() {
            return;
        }
        self.by_ufrag.remove(peer.ice.local_ufrag());
        self.by_ufrag.insert(local.ufrag.clone(), index);
        peer.ice.restart(local, remote);
        self.counters.ice_restarts.one();
    }

    pub(super) fn set_paused(&mut self, id: PeerId, paused: bool) {
        let index = self.by_id.get(&id).copied();
        let listener = index.and_then(|index| self.listeners.get_mut(index)?.as_mut());
        if let Some(listener) = listener {
            listener.paused = paused;
            if paused {
                listener.rebase.pause();
            }
        }
    }

    /// A peer went by itself.
    pub(super) fn lose(&mut self, index: usize, reason: GoneReason) {
        if matches!(reason, GoneReason::DtlsFailed | GoneReason::WrongCertificate) {
            self.counters.dtls_failed.one();
        }
        if let Some(peer) = self.forget(index) {
            self.events.push_back(ForwarderEvent::Gone { peer, reason });
        }
    }

    pub(super) fn say_goodbye(&mut self, index: usize, now: Instant) {
        let mut records = std::mem::take(&mut self.records);
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_deref_mut) else {
            self.records = records;
            return;
        };
        peer.dtls.close(now, &mut records);
        let bye = rtcp::goodbye(peer.ssrc, &peer.cname);
        send_rtcp(peer, bye, &mut self.queue, &self.counters);
        self.send_records(index, &mut records);
        self.records = records;
    }

    pub(super) fn forget(&mut self, index: usize) -> Option<PeerId> {
        let mut peer = self.peers.get_mut(index)?.take()?;
        let listener = self.listeners.get_mut(index).and_then(Option::take);
        self.free.push(index);
        self.by_id.remove(&peer.id);
        self.by_ufrag.remove(peer.ice.local_ufrag());
        for address in peer.ice.addresses() {
            self.unroute(address, index);
        }
        self.counters.peers_removed.one();
        self.end_relay(&mut peer, listener.as_ref(), index);
        self.leave_stream(&peer, listener.as_ref(), index);
        self.sweep_timers();
        Some(peer.id)
    }

    fn leave_stream(&mut self, peer: &Peer, listener: Option<&Listener>, index: usize) {
        let Some(stream) = self.streams.get_mut(&peer.stream) else {
            return;
        };
        if let Some(listener) = listener {
            stream.remove_player(index, listener.loudest);
            let copies = listener.copies.current();
            stream.copies.change(copies, CopySet::NONE);
            self.counters.protection_ended.add(u64::from(!copies.is_empty()));
            self.players_changed(peer.stream);
        } else {
            stream.publishers = stream.publishers.saturating_sub(1);
            if stream.publisher == Some(peer.id) {
                stream.publisher = None;
                self.groups.fall_silent(stream.group, peer.stream);
            }
        }
        self.drop_stream_if_empty(peer.stream);
    }

    /// How many timers there are, those that count no more among them.
    #[cfg(test)]
    pub(crate) fn timers_kept(&self) -> usize {
        self.timers.len()
    }

    /// Lets go of timers that count no more: where peers come and go fast, those of the gone would outnumber the others until they
    /// are due. Each peer has one that counts, so this costs each removed peer the same, however many there are.
    fn sweep_timers(&mut self) {
        if self.timers.len() <= TIMERS_PER_PEER * self.by_id.len() + SOME_TIMERS {
            return;
        }
        let peers = &self.peers;
        self.timers.retain(|Reverse((at, index, id))| {
            let peer = peers.get(*index).and_then(Option::as_deref);
            peer.is_some_and(|peer| peer.id == *id && peer.armed == Some(*at))
        });
    }

    pub(super) fn handle_peer_timeout(&mut self, index: usize, now: Instant) {
        let (connect, consent) = (self.limits.connect_timeout, self.limits.consent_timeout);
        let Some(peer) = self.peer_mut(index) else {
            return;
        };
        if peer.gives_up(connect, consent) <= now {
            let reason = match peer.srtp {
                Some(_) => GoneReason::ConsentLost,
                None => GoneReason::NeverConnected,
            };
            self.lose(index, reason);
            return;
        }
        self.check_paths(index, now);
        self.send_report_if_due(index, now);
        self.say_if_due(index, now);
        self.run_dtls(index, None, now);
    }
}
