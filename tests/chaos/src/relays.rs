//! Relays: streams on their way from node to node, and whether sound comes in by them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use express_server::forwarder::{ForwarderEvent, PeerId, RelayTerms, StreamKey};
use express_server::rooms::WantedRelay;

use crate::agenda::Due;
use crate::media::{Peers, Use};
use crate::world::World;

/// How long packets are on their way between nodes.
const WAY: Duration = Duration::from_millis(10);
/// Of every relay's addresses.
const PORT: u16 = 4000;

/// An address that says which connection is there.
fn address_of(peer: PeerId) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from(u128::from(peer.number()))), PORT)
}

fn peer_at(address: SocketAddr) -> Option<PeerId> {
    match address.ip() {
        IpAddr::V6(ip) => u64::try_from(u128::from(ip)).ok().map(PeerId::new),
        IpAddr::V4(_) => None,
    }
}

impl Peers {
    /// Makes ready for a stream of another node.
    pub(crate) fn take_relay(&mut self, stream: StreamKey) -> (PeerId, RelayTerms) {
        let peer = self.add(Use::RelayIn(None), stream);
        let number = u8::try_from(peer.number() % 256).unwrap_or_default();
        (peer, RelayTerms::known(address_of(peer), number))
    }

    /// Sends a stream to another node.
    pub(crate) fn send_relay(&mut self, wanted: &WantedRelay) -> (PeerId, SocketAddr) {
        let to = peer_at(wanted.terms.address()).unwrap_or(PeerId::new(0));
        let peer = self.add(Use::RelayOut(to), wanted.stream);
        (peer, address_of(peer))
    }
}

impl World {
    /// It is known where a relay's packets come from.
    pub(crate) fn relay_source(&mut self, peer: PeerId, from: SocketAddr) {
        let node = self.node_of(peer);
        if let Some(relay) = self.servers[node].peers.peers.get_mut(&peer) {
            relay.of = Use::RelayIn(peer_at(from));
            self.agenda.note(self.now + WAY, Due::Relay(peer));
        }
    }

    /// The end that sends to this one, if packets come through.
    fn sender_of(&self, peer: PeerId) -> Option<PeerId> {
        let taken = self.servers[self.node_of(peer)].peers.peers.get(&peer)?;
        let Use::RelayIn(Some(sender)) = taken.of else { return None };
        let sent = self.servers[self.node_of(sender)].peers.peers.get(&sender)?;
        let passes = !self.cloud.as_ref()?.is_media_cut(self.node_of(peer), self.node_of(sender));
        (passes && sent.of == Use::RelayOut(peer)).then_some(sender)
    }

    /// Both ends of each relay look whether they hear each other.
    pub(crate) fn relay_tick(&mut self) {
        if self.cloud.is_none() {
            return;
        }
        let all = self.servers.iter().flat_map(|server| &server.peers.peers);
        let taken = all.filter(|(_, peer)| matches!(peer.of, Use::RelayIn(Some(_))));
        for peer in taken.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.relay_tick_of(peer);
        }
    }

    pub(crate) fn relay_tick_of(&mut self, peer: PeerId) {
        let Some(sender) = self.sender_of(peer) else { return };
        let now = self.now;
        for end in [sender, peer] {
            let node = self.node_of(end);
            let Some(known) = self.servers[node].peers.peers.get_mut(&end) else {
                continue;
            };
            known.heard = now;
            if !std::mem::replace(&mut known.connected, true) {
                let label = &self.servers[node].label;
                self.trace.note(now, || format!("{label}: relay {end:?} is connected"));
                *self.told.entry("relays").or_default() += 1;
                self.on_server(node, |state, now| {
                    state.on_media(now, ForwarderEvent::Connected { peer: end })
                });
            }
        }
    }

    /// One end of a relay is gone, and says so to the other.
    pub(crate) fn relay_goodbye(&mut self, node: usize, other: Option<PeerId>) {
        let Some(other) = other.filter(|other| {
            let cloud = self.cloud.as_ref();
            cloud.is_some_and(|cloud| !cloud.is_media_cut(node, self.node_of(*other)))
        }) else {
            return;
        };
        self.agenda.note(self.now + WAY, Due::Goodbye(other));
    }

    /// Whether a stream's sound comes to a node: from a publisher there, or by a relay.
    ///
    /// - `hops`: how many nodes it may come over
    pub(crate) fn comes_in(&self, node: usize, stream: StreamKey, hops: usize) -> bool {
        let peers = self.servers[node].peers.peers.iter().rev();
        let sources = peers.filter(|(_, peer)| peer.connected && peer.stream == stream);
        let mut sources = sources.filter(|(_, peer)| matches!(peer.of, Use::Publish(_) | Use::RelayIn(_)));
        let brings = |id: PeerId, of: Use| match of {
            Use::Publish(transport) => self.sends(transport),
            _ => hops > 0 && self.relay_brings(id, hops - 1),
        };
        match self.cloud {
            // The newest connection of the publisher that is there is the one that counts.
            None => sources.next().is_some_and(|(id, peer)| brings(*id, peer.of)),
            // Where streams move, whichever brings packets.
            Some(_) => sources.any(|(id, peer)| brings(*id, peer.of)),
        }
    }

    fn relay_brings(&self, peer: PeerId, hops: usize) -> bool {
        let Some(sender) = self.sender_of(peer) else { return false };
        let node = self.node_of(sender);
        let stream = self.servers[node].peers.peers.get(&sender).map(|sent| sent.stream);
        stream.is_some_and(|stream| self.comes_in(node, stream, hops))
    }
}
