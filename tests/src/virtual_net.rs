//! A network in memory, in virtual time: every user has a line of his own to a server whose rooms are the real ones.
//!
//! Signalling goes through RoomActor's own port ([`Connector`](express_signalling::room::Connector)) into [`RoomsActor`];
//! media goes through the port of publishers and players
//! ([`TransportFactory`](express_media::transport::TransportFactory)) into a [`MediaPlane`] that copies packets from each
//! publisher to its players. There is no socket and no thread, so a paused tokio clock drives all of it.

mod media;
mod signal;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix::{Actor, Addr};
use express_media::transport::TransportEvent;
use express_server::{
    config::{AppConfig, ServerConfig},
    forwarder::{ForwarderEvent, GoneReason, PeerId},
    rooms::{MediaNews, MediaPlane, RoomsActor, RoomsOptions, StateOptions},
};
use express_token::Secret;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

pub use media::LineTransports;
use media::{Peer, Port};
pub use signal::LineConnector;

use crate::tokens::{APP_ID, SECRET};

/// A client whose media path is dead notices it after so long (the `webrtc` crate's figure).
const DISCONNECTED_AFTER: Duration = Duration::from_secs(5);
/// Both ends give a dead media path up after so long (RFC 7675 §5.1).
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// The server waits so long for a connection after its offer (the forwarder's default).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// When simulations begin: 2025-01-01, in Unix time.
const EPOCH: Duration = Duration::from_secs(1_735_689_600);

/// The network and its server.
#[derive(Clone)]
pub struct VirtualNet(Arc<Inner>);

struct Inner {
    /// One way, between a client and the server.
    delay: Duration,
    rooms: Mutex<Option<Addr<RoomsActor>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_number: u64,
    /// The clients' ends of media connections, by the number in their offers.
    ports: HashMap<u64, Port>,
    /// The server's ends.
    peers: HashMap<PeerId, Peer>,
}

/// The wall clock of a simulation: 2025-01-01 and what tokio's clock has passed since this thread first asked.
pub fn virtual_time() -> SystemTime {
    thread_local! {
        static STARTED: Instant = Instant::now();
    }
    UNIX_EPOCH + EPOCH + STARTED.with(Instant::elapsed)
}

/// What one user's access to the network is like now.
#[derive(Debug, Clone)]
pub struct Line(Arc<LineInner>);

#[derive(Debug)]
struct LineInner {
    signalling: watch::Sender<bool>,
    media: AtomicBool,
    /// How often the media path was cut or restored.
    turns: AtomicU64,
}

impl Line {
    fn new() -> Self {
        Self(Arc::new(LineInner {
            signalling: watch::Sender::new(true),
            media: AtomicBool::new(true),
            turns: AtomicU64::new(0),
        }))
    }

    /// Breaks the signalling sockets of this line and lets none be opened, or lets them be opened again.
    pub fn set_signalling(&self, up: bool) {
        self.0.signalling.send_replace(up);
    }

    fn has_signalling(&self) -> bool {
        *self.0.signalling.borrow()
    }

    fn has_media(&self) -> bool {
        self.0.media.load(Ordering::Relaxed)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for VirtualNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ports, peers) = self.open_media();
        write!(f, "VirtualNet({ports} ports, {peers} peers)")
    }
}

impl VirtualNet {
    /// A network with a server, both on this thread's arbiter.
    ///
    /// - `delay`: one way, between each client and the server
    pub fn start(delay: Duration) -> (Self, Addr<RoomsActor>) {
        let net = Self(Arc::new(Inner {
            delay,
            rooms: Mutex::default(),
            state: Mutex::default(),
        }));
        let config = ServerConfig::embedded();
        let secret = Secret::new(SECRET).expect("32 characters");
        let (alive, _) = oneshot::channel();
        let rooms = RoomsActor::new(RoomsOptions {
            state: StateOptions {
                limits: config.limits,
                timings: config.timings,
                apps: vec![AppConfig::new(APP_ID, secret)],
                ice: config.ice,
                ports: Default::default(),
                cloud: None,
                seed: [7; 32],
            },
            business: Box::new(()),
            cloud: Box::new(()),
            media: Box::new(net.clone()) as Box<dyn MediaPlane>,
            alive,
        })
        .with_wall_clock(virtual_time)
        .start();
        *net.0.rooms.lock().unwrap_or_else(PoisonError::into_inner) = Some(rooms.clone());
        (net, rooms)
    }

    /// A new line, and both ways through it.
    pub fn line(&self) -> (Line, Arc<LineConnector>, Arc<LineTransports>) {
        let line = Line::new();
        let connector = Arc::new(LineConnector::new(self.clone(), line.clone()));
        let transports = Arc::new(LineTransports::new(self.clone(), line.clone()));
        (line, connector, transports)
    }

    /// Media connections that are open: at the clients, at the server.
    pub fn open_media(&self) -> (usize, usize) {
        let state = self.state();
        (state.ports.len(), state.peers.len())
    }

    /// Lets no packet of `line` through, in either direction. Both ends notice when real ones would.
    pub fn cut_media(&self, line: &Line) {
        line.0.media.store(false, Ordering::Relaxed);
        let turn = line.0.turns.fetch_add(1, Ordering::Relaxed) + 1;
        let (net, line) = (self.clone(), line.clone());
        actix::spawn(async move {
            let still_cut = || line.0.turns.load(Ordering::Relaxed) == turn;
            tokio::time::sleep(DISCONNECTED_AFTER).await;
            if !still_cut() {
                return;
            }
            net.tell_clients_of(&line, TransportEvent::Disconnected);
            tokio::time::sleep(CONSENT_TIMEOUT.saturating_sub(DISCONNECTED_AFTER)).await;
            if still_cut() {
                net.tell_clients_of(&line, TransportEvent::Failed);
                net.forget_peers_of(&line);
            }
        });
    }

    /// Lets packets through again.
    pub fn restore_media(&self, line: &Line) {
        line.0.media.store(true, Ordering::Relaxed);
        line.0.turns.fetch_add(1, Ordering::Relaxed);
        self.tell_clients_of(line, TransportEvent::Connected);
    }

    /// The whole line is away.
    pub fn cut(&self, line: &Line) {
        line.set_signalling(false);
        self.cut_media(line);
    }

    /// The whole line is back.
    pub fn restore(&self, line: &Line) {
        self.restore_media(line);
        line.set_signalling(true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the server; it takes one delay.
    async fn travel(&self) {
        tokio::time::sleep(self.0.delay).await;
    }

    fn rooms(&self) -> Option<Addr<RoomsActor>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell_rooms(&self, event: ForwarderEvent) {
        if let Some(rooms) = self.rooms() {
            rooms.do_send(MediaNews(event));
        }
    }

    fn tell_clients_of(&self, line: &Line, event: TransportEvent) {
        for port in self
            .state()
            .ports
            .values()
            .filter(|port| port.line.is(line) && port.connected)
        {
            port.tell(event);
        }
    }

    fn forget_peers_of(&self, line: &Line) {
        let mut state = self.state();
        let State { ports, peers, .. } = &mut *state;
        let lost = |peer: &Peer| ports.get(&peer.port).is_none_or(|port| port.line.is(line));
        let gone: Vec<PeerId> = peers.iter().filter(|(_, peer)| lost(peer)).map(|(id, _)| *id).collect();
        for peer in &gone {
            peers.remove(peer);
        }
        drop(state);
        for peer in gone {
            let reason = GoneReason::ConsentLost;
            self.tell_rooms(ForwarderEvent::Gone { peer, reason });
        }
    }
}
