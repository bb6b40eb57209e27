//! Media: the clients' connections, the server's ends of them, and whether sound comes through.

use std::collections::BTreeMap;
use std::time::Duration;

use express_media::transport::TransportEvent;
use express_server::forwarder::{Answer, ForwarderEvent, GoneReason, PeerId, StreamKey};
use express_server::rooms::Negotiation;

use crate::agenda::Due;
use crate::world::World;

/// How often connections look whether they live, and players whether they hear.
pub(crate) const TICK: Duration = Duration::from_millis(500);
/// A client's ICE tells after so long that it hears nothing.
const DISCONNECTED: Duration = Duration::from_secs(5);
/// The server gives a silent peer up after so long, and one that never connected.
const CONSENT: Duration = Duration::from_secs(15);
const NEVER: Duration = Duration::from_secs(30);

/// What an offer says; the number of its transport follows.
pub(crate) const OFFER: &str = "offer ";
/// What an answer says; the number of its peer follows.
const ANSWER: &str = "answer ";

/// A client's end of a media connection.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) client: usize,
    /// Which life of the client, which part of it, and which try of that.
    pub(crate) life: u32,
    pub(crate) part: u64,
    pub(crate) attempt: u32,
    pub(crate) peer: Option<PeerId>,
    connected: bool,
    told_lost: bool,
    /// When the server was heard last.
    pub(crate) heard: Duration,
}

/// The server's end.
#[derive(Debug)]
struct Peer {
    transport: u64,
    stream: StreamKey,
    publishes: bool,
    paused: bool,
    connected: bool,
    heard: Duration,
}

/// All ends at the server.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: BTreeMap<PeerId, Peer>,
    now: Duration,
    last: u64,
}

impl Peers {
    /// Answers an offer as the forwarder does.
    pub(crate) fn answer(&mut self, negotiation: &Negotiation) -> Answer {
        // A fresh server must not answer to the names of an older one.
        self.last = self.last.max(u64::try_from(self.now.as_micros()).unwrap_or_default()) + 1;
        let transport = negotiation.offer.strip_prefix(OFFER).and_then(|number| number.parse().ok());
        let peer = Peer {
            transport: transport.unwrap_or_default(),
            stream: negotiation.stream,
            publishes: negotiation.wish.is_publish(),
            paused: false,
            connected: false,
            heard: self.now,
        };
        let id = PeerId::new(self.last);
        self.peers.insert(id, peer);
        Answer {
            peer: id,
            sdp: format!("{ANSWER}{}", self.last),
        }
    }

    pub(crate) fn pause(&mut self, peer: PeerId, paused: bool) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.paused = paused;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }
}

impl World {
    /// A client makes a connection and its offer.
    pub(crate) fn open_transport(&mut self, client: usize, part: u64, attempt: u32) -> u64 {
        let number = self.number();
        let transport = Transport {
            client,
            life: self.clients[client].life,
            part,
            attempt,
            peer: None,
            connected: false,
            told_lost: false,
            heard: self.now,
        };
        self.transports.insert(number, transport);
        number
    }

    /// The server's answer is applied: the connection comes about after a while.
    pub(crate) fn apply_answer(&mut self, number: u64, answer: &str) {
        let peer = answer.strip_prefix(ANSWER).and_then(|number| number.parse().ok());
        if let Some(transport) = self.transports.get_mut(&number) {
            transport.peer = peer.map(PeerId::new);
            let wait = self.lines[transport.client].delay * 4;
            self.agenda.note(self.now + wait, Due::Connect(number));
        }
    }

    /// Whether packets pass between a client and the server.
    fn has_media(&self, client: usize) -> bool {
        let (line, client) = (&self.lines[client], &self.clients[client]);
        !line.cut && !line.no_media && client.running && !client.asleep
    }

    /// The other end, if packets reach it.
    fn reached(&self, transport: &Transport) -> Option<PeerId> {
        let peer = transport.peer.filter(|peer| self.server.peers.peers.contains_key(peer))?;
        self.has_media(transport.client).then_some(peer)
    }

    pub(crate) fn connect(&mut self, number: u64) {
        let Some(transport) = self.transports.get(&number) else {
            return;
        };
        let Some(id) = self.reached(transport) else {
            return self.agenda.note(self.now + TICK, Due::Connect(number));
        };
        if transport.connected {
            return;
        }
        let now = self.now;
        if let Some(peer) = self.server.peers.peers.get_mut(&id) {
            (peer.connected, peer.heard) = (true, now);
        }
        if let Some(transport) = self.transports.get_mut(&number) {
            (transport.connected, transport.heard) = (true, now);
        }
        self.tell_part(number, TransportEvent::Connected);
        self.on_server(|state, now| state.on_media(now, ForwarderEvent::Connected { peer: id }));
    }

    /// The client closes its end, and the server hears the goodbye if the line is there.
    pub(crate) fn close_transport(&mut self, number: u64) {
        let Some(transport) = self.transports.remove(&number) else {
            return;
        };
        if let Some(peer) = self.reached(&transport) {
            let delay = self.lines[transport.client].delay;
            self.agenda.note(self.now + delay, Due::Goodbye(peer));
        }
    }

    pub(crate) fn goodbye(&mut self, peer: PeerId) {
        self.peer_gone(peer, GoneReason::Closed);
    }

    fn peer_gone(&mut self, peer: PeerId, reason: GoneReason) {
        if self.server.peers.peers.remove(&peer).is_some() {
            self.trace.note(self.now, || format!("server: {peer:?} is gone: {reason:?}"));
            self.on_server(|state, now| state.on_media(now, ForwarderEvent::Gone { peer, reason }));
        }
    }

    /// The rooms end a media connection; the client hears the goodbye if the line is there.
    pub(crate) fn remove_peer(&mut self, peer: PeerId) {
        let Some(peer) = self.server.peers.peers.remove(&peer) else {
            return;
        };
        if let Some(transport) = self.transports.get(&peer.transport)
            && self.has_media(transport.client)
        {
            let delay = self.lines[transport.client].delay;
            self.agenda.note(self.now + delay, Due::PeerClosed(peer.transport));
        }
    }

    pub(crate) fn peer_closed(&mut self, number: u64) {
        if self.transports.get(&number).is_some_and(|transport| transport.connected) {
            self.tell_part(number, TransportEvent::Closed);
        }
    }

    fn tell_part(&mut self, number: u64, event: TransportEvent) {
        let Some(transport) = self.transports.get(&number) else {
            return;
        };
        let (client, part, attempt) = (transport.client, transport.part, transport.attempt);
        self.trace
            .note(self.now, || format!("c{client} part {part} try {attempt}: {event:?}"));
        self.on_part(client, part, |machine, now, random| {
            machine.on_transport(attempt, event, now, random)
        });
    }

    /// Whether a player's connection brings sound now: its publisher sends, and both lines are there.
    pub(crate) fn hears(&self, number: u64) -> bool {
        let Some(transport) = self.transports.get(&number).filter(|transport| transport.connected) else {
            return false;
        };
        let Some(id) = self.reached(transport) else { return false };
        let peers = &self.server.peers.peers;
        let player = &peers[&id];
        if player.paused || !player.connected {
            return false;
        }
        // The newest connection of the publisher that is there is the one that counts.
        let source = |(_, peer): &(&PeerId, &Peer)| peer.publishes && peer.connected && peer.stream == player.stream;
        let Some((_, source)) = peers.iter().rev().find(source) else {
            return false;
        };
        self.sends(source.transport)
    }

    /// Whether a publisher's connection brings its sound to the server.
    pub(crate) fn sends(&self, number: u64) -> bool {
        let Some(transport) = self.transports.get(&number).filter(|transport| transport.connected) else {
            return false;
        };
        let part = self.clients[transport.client].parts.get(&transport.part);
        self.reached(transport).is_some() && part.is_some_and(|part| part.sending && part.transport == Some(number))
    }

    /// Both ends look whether they hear each other.
    pub(crate) fn media_tick(&mut self) {
        self.server.peers.now = self.now;
        self.drop_dead_transports();
        for number in self.transports.keys().copied().collect::<Vec<_>>() {
            self.watch_transport(number);
        }
        self.watch_peers();
        for client in 0..self.clients.len() {
            self.wake_listeners(client);
        }
        self.agenda.note(self.now + TICK, Due::Media);
    }

    fn drop_dead_transports(&mut self) {
        let clients = &self.clients;
        self.transports.retain(|_, transport| {
            let client = &clients[transport.client];
            client.running && client.life == transport.life
        });
    }

    fn watch_transport(&mut self, number: u64) {
        let Some(transport) = self.transports.get(&number).filter(|transport| transport.connected) else {
            return;
        };
        if self.clients[transport.client].asleep {
            return;
        }
        let (reached, told_lost, heard) = (self.reached(transport), transport.told_lost, transport.heard);
        let now = self.now;
        if let Some(peer) = reached.and_then(|id| self.server.peers.peers.get_mut(&id)) {
            peer.heard = now;
        }
        let lost = reached.is_none() && now.saturating_sub(heard) >= DISCONNECTED;
        if let Some(transport) = self.transports.get_mut(&number) {
            if reached.is_some() {
                transport.heard = now;
            }
            transport.told_lost = lost;
        }
        match (told_lost, lost) {
            (false, true) => self.tell_part(number, TransportEvent::Disconnected),
            (true, false) => self.tell_part(number, TransportEvent::Connected),
            _ => {}
        }
    }

    fn watch_peers(&mut self) {
        let now = self.now;
        let gone = |peer: &Peer| {
            let (patience, reason) = match peer.connected {
                true => (CONSENT, GoneReason::ConsentLost),
                false => (NEVER, GoneReason::NeverConnected),
            };
            (now.saturating_sub(peer.heard) >= patience).then_some(reason)
        };
        let gone: Vec<_> = self
            .server
            .peers
            .peers
            .iter()
            .filter_map(|(id, peer)| gone(peer).map(|reason| (*id, reason)))
            .collect();
        for (peer, reason) in gone {
            self.peer_gone(peer, reason);
        }
    }

    /// Players that wait for a packet get one.
    fn wake_listeners(&mut self, client: usize) {
        let waiting = |(life, part): (&u64, &crate::machine::Part)| Some((*life, part.awaiting?, part.transport?));
        let waiting: Vec<_> = self.clients[client].parts.iter().filter_map(waiting).collect();
        for (life, attempt, transport) in waiting {
            if self.hears(transport) {
                if let Some(part) = self.clients[client].parts.get_mut(&life) {
                    part.awaiting = None;
                }
                self.on_part(client, life, |machine, now, _| machine.on_decoded(attempt, now));
            }
        }
    }
}
