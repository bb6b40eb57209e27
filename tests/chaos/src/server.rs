//! The servers: their pure states, and what their sockets and media planes would do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use express_messages::ids::RoomId;
use express_server::config::{AppConfig, OnTokenExpiry, ServerConfig};
use express_server::rooms::cloud::NodeName;
use express_server::rooms::{CloseReason, ConnectionId, Effect, Now, RoomsState, SocketEnd, StateOptions};
use express_signalling::protocol::Snapshot;
use express_token::Secret;

use crate::agenda::Due;
use crate::bugs::Bug;
use crate::cloud::node_name;
use crate::line::Down;
use crate::media::Peers;
use crate::world::World;

/// The AppID of every run.
pub(crate) const APP: u32 = 1;
/// Its secret.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What the wall clock shows when a run begins, Unix seconds.
const START_S: u64 = 1_700_000_000;

/// A server, running or not: the only one, or a node of a cloud.
#[derive(Debug)]
pub(crate) struct Server {
    /// How it is called in traces.
    pub(crate) label: String,
    /// Its name in the cloud; `None`: it is alone.
    pub(crate) name: Option<NodeName>,
    /// `None` while it is down.
    pub(crate) state: Option<RoomsState>,
    pub(crate) config: ServerConfig,
    pub(crate) kicks_on_expiry: bool,
    pub(crate) connections: BTreeMap<ConnectionId, u64>,
    pub(crate) peers: Peers,
    /// Since when it runs.
    pub(crate) up_since: Duration,
}

impl Server {
    pub(crate) fn new(kicks_on_expiry: bool) -> Self {
        Self {
            label: "server".into(),
            name: None,
            state: None,
            config: ServerConfig::embedded(),
            kicks_on_expiry,
            connections: BTreeMap::new(),
            peers: Peers::new(0, 1),
            up_since: Duration::ZERO,
        }
    }

    /// The same as one of some nodes.
    pub(crate) fn as_node(&self, node: usize, of: usize) -> Self {
        let name = node_name(node);
        Self {
            label: format!("node {name}"),
            name: Some(name),
            config: self.config.clone(),
            peers: Peers::new(node, of),
            ..Self::new(self.kicks_on_expiry)
        }
    }

    fn fresh(&self, seed: u64, bug: Option<Bug>) -> RoomsState {
        let secret = Secret::new(SECRET).expect("32 characters");
        let mut app = AppConfig::new(APP, secret);
        if self.kicks_on_expiry {
            app.on_token_expiry = OnTokenExpiry::Kick;
        }
        let mut timings = self.config.timings.clone();
        if bug == Some(Bug::ForgetsKicks) {
            timings.kick_revokes_s = 0;
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        RoomsState::new(StateOptions {
            limits: self.config.limits.clone(),
            timings,
            apps: vec![app],
            ice: self.config.ice.clone(),
            ports: Default::default(),
            cloud: self.name.clone(),
            seed: bytes,
        })
    }
}

impl World {
    fn server_now(&self) -> Now {
        let now_ms = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        Now {
            mono: self.now,
            unix_ms: START_S * 1000 + now_ms + self.wall_ahead_ms,
        }
    }

    /// What the wall clock of all servers shows, Unix seconds.
    pub(crate) fn unix_s(&self) -> i64 {
        i64::try_from(self.server_now().unix_ms / 1000).unwrap_or(i64::MAX)
    }

    /// A server begins, empty.
    pub(crate) fn boot(&mut self, node: usize) {
        if self.servers[node].state.is_some() {
            return;
        }
        let seed = self.dice.seed();
        let server = &mut self.servers[node];
        self.trace.note(self.now, || format!("{}: begins", server.label));
        server.state = Some(server.fresh(seed, self.bug));
        server.up_since = self.now;
        self.join_cloud(node);
    }

    /// A server's process is gone, and its system closes the sockets.
    pub(crate) fn crash_server(&mut self, node: usize) {
        self.note_orphans(node);
        let server = &mut self.servers[node];
        self.trace.note(self.now, || format!("{}: crashes", server.label));
        let left = server.state.take().is_some_and(|state| !state.own_facts().is_empty());
        server.peers.all_gone(self.now);
        let connections = std::mem::take(&mut server.connections);
        self.leave_cloud(node, left);
        self.ledger.server_gone(node, connections.keys());
        self.books.server_gone(node);
        for (_, number) in connections {
            if let Some(socket) = self.sockets.get_mut(&number) {
                socket.connection = None;
            }
            self.send_down(number, Down::Reset);
        }
    }

    /// A client's dial arrived.
    pub(crate) fn accept(&mut self, number: u64) {
        let Some(node) = self.sockets.get(&number).map(|socket| socket.node) else {
            return;
        };
        if self.servers[node].state.is_none() {
            return self.send_down(number, Down::Refused);
        }
        if self.sockets.get(&number).is_none_or(|socket| !socket.client_open) {
            return;
        }
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        self.servers[node].connections.insert(connection, number);
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.connection = Some(connection);
            socket.seen = self.now;
        }
        self.send_down(number, Down::Opened);
        let ping = Duration::from_secs(self.servers[node].config.timings.ping_s);
        self.agenda.note(self.now + ping, Due::ServerPing(number));
        self.on_server(node, |state, now| state.on_open(now, connection));
    }

    /// A socket's ping is due; one that was silent for too long is dead.
    pub(crate) fn server_ping(&mut self, number: u64) {
        let timings = &self.servers[0].config.timings;
        let (every, patience) = (
            Duration::from_secs(timings.ping_s),
            Duration::from_secs(timings.pong_timeout_s),
        );
        let Some(socket) = self.sockets.get(&number).filter(|socket| socket.connection.is_some()) else {
            return;
        };
        if self.now.saturating_sub(socket.seen) >= patience {
            let label = &self.servers[socket.node].label;
            self.trace.note(self.now, || format!("{label}: socket {number} is dead"));
            self.send_down(number, Down::Reset);
            return self.server_end(number, SocketEnd::Lost);
        }
        self.send_down(number, Down::Ping);
        self.agenda.note(self.now + every, Due::ServerPing(number));
    }

    /// The server's end of a socket is gone.
    pub(crate) fn server_end(&mut self, number: u64, end: SocketEnd) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let end = if socket.closing { SocketEnd::Lost } else { end };
        let Some(connection) = socket.connection.take() else { return };
        let node = socket.node;
        self.servers[node].connections.remove(&connection);
        self.ledger.connection_gone(connection);
        if self.has(Bug::ForgetsSockets) {
            return;
        }
        self.on_server(node, |state, now| state.on_closed(now, connection, end));
    }

    /// Lets the state decide, if the server runs, and does what it wants.
    pub(crate) fn on_server(&mut self, node: usize, decide: impl FnOnce(&mut RoomsState, Now) -> Vec<Effect>) {
        let now = self.server_now();
        let Some(state) = &mut self.servers[node].state else { return };
        let mut effects = VecDeque::from(decide(state, now));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Reply { connection, frame } => {
                    self.note_reply(node, connection, &frame);
                    self.write(node, connection, frame.to_text());
                }
                Effect::Event { connection, seq, event } => self.write(node, connection, event.frame(seq)),
                Effect::Notice { connection, notice } => self.write(node, connection, notice.frame().into()),
                Effect::Close { connection, reason } => self.close(node, connection, reason),
                Effect::Negotiate(negotiation) => {
                    let server = &mut self.servers[node];
                    let answer = server.peers.answer(&negotiation);
                    let Some(state) = &mut server.state else { return };
                    effects.extend(state.on_negotiated(now, negotiation.ticket, Ok(answer)));
                }
                Effect::RemovePeer(peer) => self.remove_peer(peer),
                Effect::PausePlayer { peer, paused } => self.servers[node].peers.pause(peer, paused),
                // Nobody here speaks WHIP or WHEP.
                Effect::RestartIce { .. } | Effect::Hosted { .. } | Effect::ResourceEnded(_) => {}
                // No AppID here has a business server.
                Effect::Business(_) => {}
                Effect::CallGoesOn(..) => {}
                Effect::Wish(wish) => self.wish(node, wish),
                Effect::TakeRelay { stream, .. } => {
                    let server = &mut self.servers[node];
                    let taken = server.peers.take_relay(stream);
                    let Some(state) = &mut server.state else { return };
                    effects.extend(state.on_relay_taken(now, stream, Ok(taken)));
                }
                Effect::SetRelaySource { peer, from } => self.relay_source(peer, from),
                Effect::SendRelay(wanted) => {
                    let server = &mut self.servers[node];
                    let sent = server.peers.send_relay(&wanted);
                    let Some(state) = &mut server.state else { return };
                    effects.extend(state.on_relay_sent(now, wanted, Ok(sent)));
                }
            }
        }
    }

    fn write(&mut self, node: usize, connection: ConnectionId, text: String) {
        let server = &self.servers[node];
        let Some(number) = server.connections.get(&connection).copied() else {
            return;
        };
        if self.waiting_down(number) < server.config.limits.outgoing_queue {
            return self.send_down(number, Down::Text(text));
        }
        let server = &mut self.servers[node];
        self.trace.note(self.now, || {
            format!("{}: the reader of {connection:?} is too slow", server.label)
        });
        if let Some(state) = &mut server.state {
            state.on_slow_reader(connection);
        }
        self.send_down(number, Down::Reset);
        self.close_behind(number);
    }

    fn close(&mut self, node: usize, connection: ConnectionId, reason: CloseReason) {
        let server = &self.servers[node];
        let Some(number) = server.connections.get(&connection).copied() else {
            return;
        };
        self.trace.note(self.now, || {
            format!("{}: closes {connection:?}: {} {}", server.label, reason.code, reason.text)
        });
        self.send_down(number, Down::Close(reason));
        self.close_behind(number);
    }

    /// The client's end says when it is closed; one that never does is waited for as long as one that is silent.
    fn close_behind(&mut self, number: u64) {
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.closing = true;
        }
        let patience = Duration::from_secs(self.servers[0].config.timings.pong_timeout_s);
        self.agenda.note(self.now + patience, Due::Abandon(number));
    }

    /// What its server would show a session now of the others in its room. `None`: there is no such session.
    pub(crate) fn shown_to(&self, session: &str) -> Option<Snapshot> {
        let mut states = self.servers.iter().filter_map(|server| server.state.as_ref());
        states.find_map(|state| state.snapshot_of(session))
    }

    /// The server that has a session.
    pub(crate) fn node_with(&self, session: &str) -> Option<usize> {
        let has = |server: &Server| {
            let state = server.state.as_ref();
            state.is_some_and(|state| state.snapshot_of(session).is_some())
        };
        self.servers.iter().position(has)
    }

    /// A room's id by its number.
    pub(crate) fn room_id(number: usize) -> RoomId {
        RoomId::new(format!("r{number}")).expect("a short id of letters")
    }
}
