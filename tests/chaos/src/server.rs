//! The server: its pure state, and what its sockets and its media plane would do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use express_messages::ids::RoomId;
use express_server::config::{AppConfig, OnTokenExpiry, ServerConfig};
use express_server::rooms::{CloseReason, ConnectionId, Effect, Now, RoomsState, SocketEnd, StateOptions};
use express_signalling::protocol::Snapshot;
use express_token::Secret;

use crate::agenda::Due;
use crate::bugs::Bug;
use crate::line::Down;
use crate::media::Peers;
use crate::world::World;

/// The AppID of every run.
pub(crate) const APP: u32 = 1;
/// Its secret.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What the wall clock shows when a run begins, Unix seconds.
const START_S: u64 = 1_700_000_000;

/// The server, running or not.
#[derive(Debug)]
pub(crate) struct Server {
    /// `None` while it is down.
    pub(crate) state: Option<RoomsState>,
    pub(crate) config: ServerConfig,
    pub(crate) kicks_on_expiry: bool,
    pub(crate) connections: BTreeMap<ConnectionId, u64>,
    pub(crate) peers: Peers,
    /// How far its wall clock is ahead, milliseconds.
    pub(crate) wall_ahead_ms: u64,
    /// Since when it runs.
    pub(crate) up_since: Duration,
    last_connection: u64,
}

impl Server {
    pub(crate) fn new(kicks_on_expiry: bool) -> Self {
        Self {
            state: None,
            config: ServerConfig::embedded(),
            kicks_on_expiry,
            connections: BTreeMap::new(),
            peers: Peers::default(),
            wall_ahead_ms: 0,
            up_since: Duration::ZERO,
            last_connection: 0,
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
            cloud: None,
            seed: bytes,
        })
    }
}

impl World {
    fn server_now(&self) -> Now {
        let now_ms = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        Now {
            mono: self.now,
            unix_ms: START_S * 1000 + now_ms + self.server.wall_ahead_ms,
        }
    }

    /// What the server's wall clock shows, Unix seconds.
    pub(crate) fn unix_s(&self) -> i64 {
        i64::try_from(self.server_now().unix_ms / 1000).unwrap_or(i64::MAX)
    }

    /// The server begins, empty.
    pub(crate) fn boot(&mut self) {
        if self.server.state.is_some() {
            return;
        }
        self.trace.note(self.now, || "server: begins".into());
        let seed = self.dice.seed();
        self.server.state = Some(self.server.fresh(seed, self.bug));
        self.server.up_since = self.now;
    }

    /// The server's process is gone, and its system closes the sockets.
    pub(crate) fn crash_server(&mut self) {
        self.trace.note(self.now, || "server: crashes".into());
        self.server.state = None;
        self.ledger.server_gone();
        self.books.server_gone();
        self.server.peers = Peers::default();
        for (_, number) in std::mem::take(&mut self.server.connections) {
            if let Some(socket) = self.sockets.get_mut(&number) {
                socket.connection = None;
            }
            self.send_down(number, Down::Reset);
        }
    }

    /// A client's dial arrived.
    pub(crate) fn accept(&mut self, number: u64) {
        if self.server.state.is_none() {
            return self.send_down(number, Down::Refused);
        }
        if self.sockets.get(&number).is_none_or(|socket| !socket.client_open) {
            return;
        }
        self.server.last_connection += 1;
        let connection = ConnectionId(self.server.last_connection);
        self.server.connections.insert(connection, number);
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.connection = Some(connection);
            socket.seen = self.now;
        }
        self.send_down(number, Down::Opened);
        let ping = Duration::from_secs(self.server.config.timings.ping_s);
        self.agenda.note(self.now + ping, Due::ServerPing(number));
        self.on_server(|state, now| state.on_open(now, connection));
    }

    /// A socket's ping is due; one that was silent for too long is dead.
    pub(crate) fn server_ping(&mut self, number: u64) {
        let timings = &self.server.config.timings;
        let (every, patience) = (
            Duration::from_secs(timings.ping_s),
            Duration::from_secs(timings.pong_timeout_s),
        );
        let Some(socket) = self.sockets.get(&number).filter(|socket| socket.connection.is_some()) else {
            return;
        };
        if self.now.saturating_sub(socket.seen) >= patience {
            self.trace.note(self.now, || format!("server: socket {number} is dead"));
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
        self.server.connections.remove(&connection);
        self.ledger.connection_gone(connection);
        if self.has(Bug::ForgetsSockets) {
            return;
        }
        self.on_server(|state, now| state.on_closed(now, connection, end));
    }

    /// Lets the state decide, if the server runs, and does what it wants.
    pub(crate) fn on_server(&mut self, decide: impl FnOnce(&mut RoomsState, Now) -> Vec<Effect>) {
        let now = self.server_now();
        let Some(state) = &mut self.server.state else { return };
        let mut effects = VecDeque::from(decide(state, now));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Reply { connection, frame } => {
                    self.note_reply(connection, &frame);
                    self.write(connection, frame.to_text());
                }
                Effect::Event { connection, seq, event } => self.write(connection, event.frame(seq)),
                Effect::Notice { connection, notice } => self.write(connection, notice.frame().into()),
                Effect::Close { connection, reason } => self.close(connection, reason),
                Effect::Negotiate(negotiation) => {
                    let answer = self.server.peers.answer(&negotiation);
                    let Some(state) = &mut self.server.state else { return };
                    effects.extend(state.on_negotiated(now, negotiation.ticket, Ok(answer)));
                }
                Effect::RemovePeer(peer) => self.remove_peer(peer),
                Effect::PausePlayer { peer, paused } => self.server.peers.pause(peer, paused),
                // Nobody here speaks WHIP or WHEP.
                Effect::RestartIce { .. } | Effect::Hosted { .. } | Effect::ResourceEnded(_) => {}
                // No AppID here has a business server.
                Effect::Business(_) => {}
                // The server is alone.
                Effect::Wish(_) | Effect::CallGoesOn(..) | Effect::TakeRelay { .. } => {}
                Effect::SetRelaySource { .. } | Effect::SendRelay(_) => {}
            }
        }
    }

    fn write(&mut self, connection: ConnectionId, text: String) {
        let Some(number) = self.server.connections.get(&connection).copied() else {
            return;
        };
        if self.waiting_down(number) < self.server.config.limits.outgoing_queue {
            return self.send_down(number, Down::Text(text));
        }
        self.trace
            .note(self.now, || format!("server: the reader of {connection:?} is too slow"));
        if let Some(state) = &mut self.server.state {
            state.on_slow_reader(connection);
        }
        self.close_now(connection);
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        let Some(number) = self.server.connections.get(&connection).copied() else {
            return;
        };
        self.trace.note(self.now, || {
            format!("server: closes {connection:?}: {} {}", reason.code, reason.text)
        });
        self.send_down(number, Down::Close(reason));
        self.close_behind(number);
    }

    fn close_now(&mut self, connection: ConnectionId) {
        if let Some(number) = self.server.connections.get(&connection).copied() {
            self.send_down(number, Down::Reset);
            self.close_behind(number);
        }
    }

    /// The client's end says when it is closed; one that never does is waited for as long as one that is silent.
    fn close_behind(&mut self, number: u64) {
        if let Some(socket) = self.sockets.get_mut(&number) {
            socket.closing = true;
        }
        let patience = Duration::from_secs(self.server.config.timings.pong_timeout_s);
        self.agenda.note(self.now + patience, Due::Abandon(number));
    }

    /// What the server would show a session now of the others in its room. `None`: there is no such session.
    pub(crate) fn shown_to(&self, session: &str) -> Option<Snapshot> {
        self.server.state.as_ref()?.snapshot_of(session)
    }

    /// A room's id by its number.
    pub(crate) fn room_id(number: usize) -> RoomId {
        RoomId::new(format!("r{number}")).expect("a short id of letters")
    }
}
