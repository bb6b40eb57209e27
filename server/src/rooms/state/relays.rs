//! Streams of other nodes are fetched while somebody here plays them: one relay for each, and one that takes its place.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::records::{PeerUse, Stream, StreamName, Timer};
use super::{NegotiateError, Now, RoomsState};
use crate::forwarder::{PeerId, RelayTerms, StreamKey};
use crate::rooms::cloud::{NodeName, RelayRefusal, Wish};
use crate::rooms::effect::Effect;

/// How long a relay without listeners stays: one may come back.
const IDLE: Duration = Duration::from_secs(5);
/// How long what is being replaced is kept while its successor is not connected.
pub(super) const REPLACED: Duration = Duration::from_secs(10);
/// When a relay that failed is tried again: the last one for ever.
const RETRIES_S: [u64; 4] = [1, 2, 4, 5];

/// The relays of one stream.
#[derive(Debug, Default)]
pub(in crate::rooms) struct Relays {
    /// The newest one that brings it here.
    taken: Option<RelayIn>,
    /// The one that it replaces.
    former: Option<RelayIn>,
    /// The media plane is being asked for one.
    asked: bool,
    /// Failures since the last one that worked.
    failures: usize,
    /// Those that carry it to other nodes.
    pub(super) outs: BTreeMap<NodeName, RelayOut>,
}

/// A relay that brings a stream here.
#[derive(Debug)]
struct RelayIn {
    peer: PeerId,
    /// Names it to the other node.
    ssrc: u32,
    node: NodeName,
    /// When the stream that it brings was created: one that its user published anew is another.
    created_ms: u64,
    /// It brings the stream while that is one of so many loudest; 0: always.
    loudest: u32,
    connected: bool,
}

/// A relay that carries a stream to another node.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelayOut {
    pub(super) peer: PeerId,
    /// The one that it replaces, until it is connected.
    pub(super) former: Option<PeerId>,
}

impl Relays {
    /// The media connections of all of them that bring the stream here.
    pub(super) fn ins(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.taken.iter().chain(&self.former).map(|relay| relay.peer)
    }

    /// The media connections that carry it elsewhere.
    pub(super) fn out_peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.outs.values().flat_map(|out| std::iter::once(out.peer).chain(out.former))
    }

    /// Whether the newest brings what is wanted from where it is.
    fn fit(&self, origin: &NodeName, created_ms: u64, loudest: u32) -> bool {
        // A node that has begun anew has none of the relays that it had before.
        let is_this_one = |relay: &RelayIn| relay.node == *origin && relay.created_ms == created_ms;
        let fits = |relay: &RelayIn| is_this_one(relay) && covers(relay.loudest, loudest);
        self.taken.as_ref().is_some_and(fits)
    }
}

/// Whether who is sent a stream while it is one of `sent` loudest hears it whenever it is one of `wanted`; 0: always.
fn covers(sent: u32, wanted: u32) -> bool {
    sent == 0 || (wanted != 0 && wanted <= sent)
}

impl RoomsState {
    /// Somebody began or ceased to play a stream, or it is another node's: see to its relay before the call ends.
    pub(super) fn listeners_changed(&mut self, key: StreamKey) {
        if let Some(cloud) = &mut self.cloud {
            cloud.listeners_changed.insert(key);
        }
    }

    pub(super) fn follow_listeners(&mut self) {
        let by_resource = std::mem::take(&mut self.hosted.changed);
        let Some(cloud) = &mut self.cloud else { return };
        let mut changed = std::mem::take(&mut cloud.listeners_changed);
        changed.extend(by_resource);
        for key in changed {
            self.follow_listeners_of(key);
        }
    }

    fn follow_listeners_of(&mut self, key: StreamKey) {
        let wanted = self.loudest_wanted(key);
        let idle_at = self.in_a(IDLE);
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let Some(origin) = &stream.origin else { return };
        let relays = &mut stream.relays;
        let Some(loudest) = wanted else {
            self.timers.clear(Timer::Relay(key));
            if relays.ins().next().is_some() && !self.timers.is_set(&Timer::RelayIdle(key)) {
                self.timers.set(Timer::RelayIdle(key), idle_at);
            }
            let room = stream.room.clone();
            return self.observe_a_while(&room);
        };
        self.timers.clear(Timer::RelayIdle(key));
        if relays.fit(origin, stream.created_ms, loudest) || relays.asked || self.timers.is_set(&Timer::Relay(key)) {
            return;
        }
        relays.asked = true;
        let group = stream.group;
        self.effects.push(Effect::TakeRelay { stream: key, group });
    }

    /// Of how many loudest its players want to hear a stream (0: always); `None`: nobody plays it.
    pub(super) fn loudest_wanted(&self, key: StreamKey) -> Option<u32> {
        let sessions = self.streams.get(&key).into_iter().flat_map(|stream| &stream.players);
        let plays = sessions.filter_map(|session| self.sessions.get(session)?.playing.get(&key));
        let by_socket = plays.map(|play| play.loudest);
        let hosted = self.hosted.of_stream(key).filter(|resource| !resource.publish);
        let wanted = by_socket.chain(hosted.map(|resource| resource.loudest));
        wanted.reduce(|one, other| if covers(one, other) { one } else { other })
    }

    /// The media plane answered [`Effect::TakeRelay`].
    pub fn on_relay_taken(
        &mut self,
        now: Now,
        stream: StreamKey,
        outcome: Result<(PeerId, RelayTerms), NegotiateError>,
    ) -> Vec<Effect> {
        self.note_time(now);
        let known = self.streams.get_mut(&stream).filter(|stream| stream.origin.is_some());
        let is_known = known.map(|stream| stream.relays.asked = false).is_some();
        match (outcome, self.loudest_wanted(stream).filter(|_| is_known)) {
            (Ok((peer, terms)), Some(loudest)) => self.relay_taken(stream, peer, terms, loudest),
            (Ok((peer, _)), None) => self.effects.push(Effect::RemovePeer(peer)),
            (Err(error), Some(_)) => {
                tracing::info!(%error, "no relay for a stream of another node");
                self.take_relay_later(stream);
            }
            (Err(_), None) => {}
        }
        self.take_effects()
    }

    fn relay_taken(&mut self, key: StreamKey, peer: PeerId, terms: RelayTerms, loudest: u32) {
        let replaced_at = self.in_a(REPLACED);
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let Some(node) = stream.origin.clone() else { return };
        let relay = RelayIn {
            peer,
            ssrc: terms.ssrc(),
            node: node.clone(),
            created_ms: stream.created_ms,
            loudest,
            connected: false,
        };
        let superseded = match stream.relays.taken.replace(relay) {
            Some(taken) if taken.connected => stream.relays.former.replace(taken),
            other => other,
        };
        if stream.relays.former.is_some() {
            self.timers.set(Timer::RelayFormer(key), replaced_at);
        }
        let name = stream.name.clone();
        self.peers.insert(peer, PeerUse::RelayIn(key));
        if let Some(superseded) = superseded {
            self.remove_peer(superseded.peer);
        }
        self.wish(Wish::AskRelay {
            node,
            stream: name,
            terms,
            loudest,
        });
    }

    fn take_relay_later(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let failures = stream.relays.failures;
        stream.relays.failures = failures.saturating_add(1);
        let wait = RETRIES_S.get(failures).or(RETRIES_S.last()).copied().unwrap_or(1);
        let at = self.in_a(Duration::from_secs(wait));
        self.timers.set(Timer::Relay(key), at);
    }

    /// The other node answered.
    pub(super) fn relay_answered(
        &mut self,
        (app_id, stream_id): &StreamName,
        ssrc: u32,
        answer: Result<SocketAddr, RelayRefusal>,
    ) {
        let Some(key) = self.stream_key(*app_id, stream_id) else {
            return;
        };
        let taken = self.streams.get(&key).and_then(|stream| stream.relays.taken.as_ref());
        let Some(peer) = taken.filter(|relay| relay.ssrc == ssrc).map(|relay| relay.peer) else {
            return;
        };
        match answer {
            Ok(from) => self.effects.push(Effect::SetRelaySource { peer, from }),
            Err(refusal) => {
                tracing::debug!(?refusal, %stream_id, "a node does not send a stream");
                self.relay_in_gone(peer, key);
                self.remove_peer(peer);
            }
        }
    }

    /// The relay works: what it replaces goes.
    pub(super) fn relay_in_connected(&mut self, peer: PeerId, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if let Some(taken) = stream.relays.taken.as_mut().filter(|relay| relay.peer == peer) {
            taken.connected = true;
            stream.relays.failures = 0;
            self.drop_replaced(key);
        }
    }

    /// A relay is no more: the one that it replaces goes on, and another is tried.
    pub(super) fn relay_in_gone(&mut self, peer: PeerId, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let relays = &mut stream.relays;
        if relays.former.as_ref().is_some_and(|relay| relay.peer == peer) {
            relays.former = None;
        } else if relays.taken.as_ref().is_some_and(|relay| relay.peer == peer) {
            relays.taken = relays.former.take();
            if stream.origin.is_some() {
                self.take_relay_later(key);
                self.listeners_changed(key);
            }
        }
    }

    /// What brought a stream here before goes: the former relay, and on a stream that has left this node its publisher and the
    /// relays to other nodes.
    pub(super) fn drop_replaced(&mut self, key: StreamKey) {
        self.timers.clear(Timer::RelayFormer(key));
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let mut replaced: Vec<PeerId> = stream.relays.former.take().map(|relay| relay.peer).into_iter().collect();
        if stream.origin.is_some() {
            replaced.extend(stream.media.take().into_iter().chain(stream.next.take()));
            replaced.extend(stream.relays.out_peers());
            stream.relays.outs.clear();
            self.end_publishing_resources(key);
        }
        for peer in replaced {
            self.remove_peer(peer);
        }
    }

    /// The stream is published here now.
    pub(super) fn drop_relays_in(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let peers: Vec<PeerId> = stream.relays.ins().collect();
        (stream.relays.taken, stream.relays.former) = (None, None);
        for timer in [Timer::Relay(key), Timer::RelayIdle(key), Timer::RelayFormer(key)] {
            self.timers.clear(timer);
        }
        for peer in peers {
            self.remove_peer(peer);
        }
    }

    /// Nobody has played a stream for a while.
    pub(super) fn relay_idle_due(&mut self, key: StreamKey) {
        if self.loudest_wanted(key).is_none() {
            let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.origin.is_some()) else {
                return;
            };
            let peers: Vec<PeerId> = stream.relays.ins().collect();
            (stream.relays.taken, stream.relays.former) = (None, None);
            for peer in peers {
                self.remove_peer(peer);
            }
        }
    }

    /// The relays of a stream that is out of the tables.
    pub(super) fn end_relays(&mut self, key: StreamKey, stream: &Stream) {
        if self.cloud.is_none() {
            return;
        }
        for timer in [Timer::Relay(key), Timer::RelayIdle(key), Timer::RelayFormer(key)] {
            self.timers.clear(timer);
        }
        for peer in stream.relays.ins().chain(stream.relays.out_peers()) {
            self.remove_peer(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn always_covers_all_and_more_covers_less() {
        assert!(covers(0, 0) && covers(0, 3) && covers(3, 3) && covers(3, 2));
        assert!(!covers(3, 0) && !covers(2, 3));
    }
}
