//! Media: the clients' connections, the server's ends of them, and whether sound comes through.

use std::collections::BTreeMap;
use std::time::Duration;

use express_media::transport::TransportEvent;
use express_server::forwarder::{Answer, ForwarderEvent, GoneReason, PeerId, StreamKey};
use express_server::rooms::Negotiation;

use crate::agenda::Due;
use crate::machine::Part;
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

/// What a connection of a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A client sends a stream on it, over this transport.
    Publish(u64),
    /// A client hears one.
    Play(u64),
    /// Another node sends one, from this end.
    RelayIn(Option<PeerId>),
    /// Another node hears one, at this end.
    RelayOut(PeerId),
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) of: Use,
    pub(crate) stream: StreamKey,
    paused: bool,
    pub(crate) connected: bool,
    pub(crate) heard: Duration,
}

/// All ends at one server.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    now: Duration,
    last: u64,
    /// Which server it is, and of how many: the names of their ends differ.
    server: (u64, u64),
}

impl Peers {
    pub(crate) fn new(server: usize, of: usize) -> Self {
        Self {
            peers: BTreeMap::new(),
            now: Duration::ZERO,
            last: 0,
            server: (server as u64, of as u64),
        }
    }

    /// The server is gone, and all its ends.
    pub(crate) fn all_gone(&mut self, now: Duration) {
        let (server, of) = self.server;
        *self = Self::new(server as usize, of as usize);
        if of > 1 {
            self.now = now;
        }
    }

    /// Adds an end; its name.
    pub(crate) fn add(&mut self, of: Use, stream: StreamKey) -> PeerId {
        // A fresh server must not answer to the names of an older one.
        self.last = self.last.max(u64::try_from(self.now.as_micros()).unwrap_or_default()) + 1;
        let peer = Peer {
            of,
            stream,
            paused: false,
            connected: false,
            heard: self.now,
        };
        let (server, servers) = self.server;
        let id = PeerId::new(self.last * servers + server);
        self.peers.insert(id, peer);
        id
    }

    /// Answers an offer as the forwarder does.
    pub(crate) fn answer(&mut self, negotiation: &Negotiation) -> Answer {
        let transport = negotiation.offer.strip_prefix(OFFER).and_then(|number| number.parse().ok());
        let transport = transport.unwrap_or_default();
        let of = match negotiation.wish.is_publish() {
            true => Use::Publish(transport),
            false => Use::Play(transport),
        };
        let peer = self.add(of, negotiation.stream);
        Answer {
            peer,
            sdp: format!("{ANSWER}{}", peer.number()),
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

    /// The server that a connection's end belongs to.
    pub(crate) fn node_of(&self, peer: PeerId) -> usize {
        usize::try_from(peer.number() % self.servers.len() as u64).unwrap_or_default()
    }

    fn peers_of(&self, peer: PeerId) -> &BTreeMap<PeerId, Peer> {
        &self.servers[self.node_of(peer)].peers.peers
    }

    /// The other end, if packets reach it.
    fn reached(&self, transport: &Transport) -> Option<PeerId> {
        let peer = transport.peer.filter(|peer| self.peers_of(*peer).contains_key(peer))?;
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
        let node = self.node_of(id);
        if let Some(peer) = self.servers[node].peers.peers.get_mut(&id) {
            (peer.connected, peer.heard) = (true, now);
        }
        if let Some(transport) = self.transports.get_mut(&number) {
            (transport.connected, transport.heard) = (true, now);
        }
        self.tell_part(number, TransportEvent::Connected);
        self.on_server(node, |state, now| state.on_media(now, ForwarderEvent::Connected { peer: id }));
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

    pub(crate) fn peer_gone(&mut self, peer: PeerId, reason: GoneReason) {
        let node = self.node_of(peer);
        let server = &mut self.servers[node];
        if server.peers.peers.remove(&peer).is_some() {
            self.trace
                .note(self.now, || format!("{}: {peer:?} is gone: {reason:?}", server.label));
            self.on_server(node, |state, now| state.on_media(now, ForwarderEvent::Gone { peer, reason }));
        }
    }

    /// The rooms end a media connection; the client hears the goodbye if the line is there.
    pub(crate) fn remove_peer(&mut self, peer: PeerId) {
        let node = self.node_of(peer);
        let Some(gone) = self.servers[node].peers.peers.remove(&peer) else {
            return;
        };
        let number = match gone.of {
            Use::Publish(number) | Use::Play(number) => number,
            Use::RelayIn(other) => return self.relay_goodbye(node, other),
            Use::RelayOut(other) => return self.relay_goodbye(node, Some(other)),
        };
        if let Some(transport) = self.transports.get(&number)
            && self.has_media(transport.client)
        {
            let delay = self.lines[transport.client].delay;
            self.agenda.note(self.now + delay, Due::PeerClosed(number));
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
        let player = &self.peers_of(id)[&id];
        !player.paused && player.connected && self.comes_in(self.node_of(id), player.stream, self.servers.len())
    }

    /// Whether a publisher's connection brings its sound to the server.
    pub(crate) fn sends(&self, number: u64) -> bool {
        let Some(transport) = self.transports.get(&number).filter(|transport| transport.connected) else {
            return false;
        };
        let part = self.clients[transport.client].parts.get(&transport.part);
        let sends = |part: &Part| {
            let (new, former) = (part.transport == Some(number), part.former == Some(number));
            (new && part.sending) || (former && part.former_sends)
        };
        self.reached(transport).is_some() && part.is_some_and(sends)
    }

    /// Both ends look whether they hear each other.
    pub(crate) fn media_tick(&mut self) {
        for server in &mut self.servers {
            server.peers.now = self.now;
        }
        self.drop_dead_transports();
        for number in self.transports.keys().copied().collect::<Vec<_>>() {
            self.watch_transport(number);
        }
        self.relay_tick();
        for node in 0..self.servers.len() {
            self.watch_peers(node);
        }
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
        let node = reached.map(|id| self.node_of(id));
        if let Some((id, node)) = reached.zip(node)
            && let Some(peer) = self.servers[node].peers.peers.get_mut(&id)
        {
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

    fn watch_peers(&mut self, node: usize) {
        let now = self.now;
        let gone = |peer: &Peer| {
            let (patience, reason) = match (peer.connected, peer.of) {
                // A relay has its keys from the beginning.
                (true, _) | (_, Use::RelayIn(_) | Use::RelayOut(_)) => (CONSENT, GoneReason::ConsentLost),
                (false, _) => (NEVER, GoneReason::NeverConnected),
            };
            (now.saturating_sub(peer.heard) >= patience).then_some(reason)
        };
        let gone: Vec<_> = self.servers[node]
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
        let waiting = |(life, part): (&u64, &Part)| Some((*life, part.awaiting?, part.transport?));
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
