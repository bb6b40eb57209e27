//! The world: one server or some nodes, some clients, their lines, one clock, one dice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::agenda::{Agenda, Due};
use crate::bugs::Bug;
use crate::client::Client;
use crate::cloud::{Cloud, some_urls};
use crate::dice::Dice;
use crate::invariants::Books;
use crate::ledger::Ledger;
use crate::line::{Line, Socket};
use crate::media::Transport;
use crate::script::STORM;
use crate::server::Server;
use crate::trace::Trace;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which one: `I1` to `I8`, or `protocol` where one side sent what the other cannot read.
    pub invariant: &'static str,
    /// When, in virtual time since the beginning.
    pub at: Duration,
    /// What was seen.
    pub what: String,
}

/// The most entries that each table of the server had in an hour.
pub type Tables = BTreeMap<&'static str, usize>;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) epoch: Instant,
    pub(crate) dice: Dice,
    pub(crate) agenda: Agenda,
    /// The only server, or all nodes.
    pub(crate) servers: Vec<Server>,
    /// What is between nodes; `None`: the server is alone.
    pub(crate) cloud: Option<Cloud>,
    /// How far the servers' wall clocks are ahead, milliseconds.
    pub(crate) wall_ahead_ms: u64,
    pub(crate) last_connection: u64,
    pub(crate) clients: Vec<Client>,
    pub(crate) lines: Vec<Line>,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    pub(crate) transports: BTreeMap<u64, Transport>,
    pub(crate) books: Books,
    pub(crate) ledger: Ledger,
    /// The last token of each user that was made for a login.
    pub(crate) kept_tokens: BTreeMap<String, String>,
    pub(crate) trace: Trace,
    pub(crate) broken: Option<Broken>,
    /// Faults and calls are over.
    pub(crate) calm: bool,
    /// How often what was told to applications.
    pub(crate) told: BTreeMap<&'static str, u64>,
    /// A part behaves as if it had this bug.
    pub(crate) bug: Option<Bug>,
    /// How long faults and calls go on.
    pub(crate) storm: Duration,
    /// The server does not crash.
    pub(crate) steady: bool,
    /// The most entries of each table in each hour.
    pub(crate) hours: Vec<Tables>,
    last_number: u64,
}

impl World {
    /// Nothing has begun; the trace keeps `keep` lines.
    ///
    /// - `nodes`: how many servers there are; 1: one that is alone
    pub(crate) fn new(seed: u64, keep: usize, nodes: usize) -> Self {
        let mut dice = Dice::new(seed);
        let count = 3 + dice.below(3);
        let mut clients: Vec<Client> = (0..count).map(|index| Client::new(format!("u{index}"))).collect();
        if dice.percent(30) {
            // Two devices of one user.
            clients[count - 1] = Client::new("u0".into());
        }
        let line = |dice: &mut Dice| Line {
            delay: dice.between(2, 150),
            cut: false,
            no_media: false,
            fault: 0,
            whole_since: Duration::ZERO,
        };
        let lines = (0..count).map(|_| line(&mut dice)).collect();
        let kicks_on_expiry = dice.percent(50);
        let mut server = Server::new(kicks_on_expiry);
        if dice.percent(30) {
            // Short memories, so that slow readers and snapshots happen.
            server.config.limits.outgoing_queue = 16;
            server.config.limits.replay_events = 4;
        }
        let cloud = (nodes > 1).then(|| Cloud::new(dice.seed()));
        let servers = match &cloud {
            Some(_) => (0..nodes).map(|node| server.as_node(node, nodes)).collect(),
            None => vec![server],
        };
        for client in clients.iter_mut().filter(|_| nodes > 1) {
            client.urls = some_urls(&mut dice, nodes);
        }
        Self {
            now: Duration::ZERO,
            // An hour ahead, so that a stray look at the real clock shows.
            epoch: Instant::now() + Duration::from_secs(3600),
            dice,
            agenda: Agenda::default(),
            servers,
            cloud,
            wall_ahead_ms: 0,
            last_connection: 0,
            clients,
            lines,
            sockets: BTreeMap::new(),
            transports: BTreeMap::new(),
            books: Books::new(nodes),
            ledger: Ledger::default(),
            kept_tokens: BTreeMap::new(),
            trace: Trace::new(keep),
            broken: None,
            calm: false,
            told: BTreeMap::new(),
            bug: None,
            storm: STORM,
            steady: false,
            hours: Vec::new(),
            last_number: 0,
        }
    }

    /// A number that was not used before.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether a part behaves as if it had this bug.
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Notes what is broken; the first counts.
    pub(crate) fn fail(&mut self, invariant: &'static str, what: String) {
        let at = self.now;
        self.trace.note(at, || format!("BROKEN {invariant}: {what}"));
        self.broken.get_or_insert(Broken { invariant, at, what });
    }

    /// Runs until `end`, or until something is broken.
    pub(crate) fn run(&mut self, end: Duration) {
        while self.broken.is_none() {
            let servers = self.servers.iter().enumerate();
            let server = servers
                .filter_map(|(node, server)| Some((server.state.as_ref()?.next_deadline()?, node)))
                .min();
            let cloud = self.cloud.as_ref().and_then(Cloud::next);
            let client = self
                .clients
                .iter()
                .enumerate()
                .filter(|(_, client)| client.running && !client.asleep)
                .filter_map(|(index, client)| Some((client.next?, index)))
                .min();
            let agenda = self.agenda.next();
            let (of_server, of_client) = (server.map(|(at, _)| at), client.map(|(at, _)| at));
            let at = [of_server, of_client, agenda, cloud].into_iter().flatten().min();
            let Some(at) = at.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if agenda == Some(at) {
                if let Some(due) = self.agenda.pop() {
                    self.happen(due);
                }
            } else if cloud == Some(at) {
                self.cloud_time();
            } else if let Some((_, node)) = server.filter(|(due, _)| *due == at) {
                self.on_server(node, |state, now| state.on_time(now));
            } else if let Some((_, index)) = client {
                self.client_time(index);
            }
            self.hear_news();
        }
        if self.broken.is_none() {
            self.now = end;
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Up(socket) => self.arrive_up(socket),
            Due::Down(socket) => self.arrive_down(socket),
            Due::ServerPing(socket) => self.server_ping(socket),
            Due::Abandon(socket) => self.server_end(socket, express_server::rooms::SocketEnd::Lost),
            Due::Timer { client, life, timer } => self.engine_timer(client, life, timer),
            Due::Connect(transport) => self.connect(transport),
            Due::Goodbye(peer) => self.goodbye(peer),
            Due::PeerClosed(transport) => self.peer_closed(transport),
            Due::Media => {
                self.media_tick();
                self.forget_sockets();
            }
            Due::Mend { client, fault } => self.mend(client, fault),
            Due::Wake { client, life } => self.wake(client, life),
            Due::Begin(client) => self.begin(client),
            Due::Boot(node) => self.boot(node),
            Due::Relay(peer) => self.relay_tick_of(peer),
            Due::Drained(node) => self.drained(node),
            Due::Stopped(node) => self.stopped(node),
            Due::CloudMend(fault) => self.mend_cloud(fault),
            Due::Act => self.act(),
            Due::Calm => self.calm_down(),
            Due::Leave => self.leave(),
            Due::Check => self.check(),
        }
    }

    fn engine_timer(&mut self, client: usize, life: u32, timer: express_engine::pure::PureTimer) {
        let state = &self.clients[client];
        if !state.running || state.life != life || self.has(Bug::LogoutHangs) {
            return;
        }
        if state.asleep {
            let later = self.now + Duration::from_secs(1);
            return self.agenda.note(later, Due::Timer { client, life, timer });
        }
        self.on_engine(client, |engine, now| ((), engine.on_timer(timer, now)));
    }
}
