//! The decisions: what each request, media event and deadline means. No socket, no actor, no clock.

mod business;
mod changes;
#[cfg(any(test, feature = "chaos"))]
mod check;
mod claims;
mod end;
mod expiring;
mod forbidden;
mod hosted;
mod ice;
mod kick;
mod leaving;
mod lists;
mod login;
mod looks;
mod lost_media;
mod media_events;
mod messages;
mod moves;
mod nodes;
mod notices;
mod orders;
mod owners;
mod play;
mod publish;
mod records;
mod relays;
mod relays_out;
mod remote;
mod renew;
mod reports;
mod requests;
mod resources;
mod resume;
mod room_info;
mod rules;
mod said;
mod sent_by_server;
mod stream_info;
mod stream_rules;
mod telling;
mod users;
mod waiting_logins;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use express_messages::codes;
use express_messages::ids::StreamId;
use express_signalling::protocol::{MediaPortsOk, WireError};
use express_token::{Policy, Secret};
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::end::{End, Ended};
use self::forbidden::{MAX_SEQUENCES, Sequences};
use self::kick::{MAX_REVOCATIONS, Revocations};
use self::messages::MessageRates;
use self::nodes::Nodes;
use self::records::{App, Connection, PeerUse, Pending, Room, RoomKey, Session, SessionKey, Stream, StreamName, Timer};
use self::resources::Resources;
use self::rules::{MAX_RULES_IN_ALL, Rules};
use self::stream_rules::StreamRules;
use self::users::Users;
use super::bucket::Rate;
use super::cloud::NodeName;
use super::counters::{RoomsCounters, count};
use super::effect::{CloseReason, ConnectionId, Effect, Ticket};
use super::ice_servers::IceServers;
use super::timers::Timers;
use crate::config::{AppConfig, IceConfig, LimitsConfig, OnDoubleLogin, OnTokenExpiry, TimingsConfig};
use crate::forwarder::{Answer, ForwarderEvent, GoneReason, NegotiateError, PeerId, StreamKey};

/// The time, on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since any fixed moment; never goes back.
    pub mono: Duration,
    /// Unix time in milliseconds.
    pub unix_ms: u64,
}

impl Now {
    fn unix_s(self) -> i64 {
        i64::try_from(self.unix_ms / 1000).unwrap_or(i64::MAX)
    }

    /// What is left until `unix_s`.
    fn until(self, unix_s: i64) -> Duration {
        let at_ms = u64::try_from(unix_s).unwrap_or(0).saturating_mul(1000);
        Duration::from_millis(at_ms.saturating_sub(self.unix_ms))
    }
}

/// How a [`RoomsState`] is made.
#[derive(Clone)]
pub struct StateOptions {
    /// What users may use.
    pub limits: LimitsConfig,
    /// How long things take.
    pub timings: TimingsConfig,
    /// The AppIDs served.
    pub apps: Vec<AppConfig>,
    /// STUN and TURN servers for clients.
    pub ice: IceConfig,
    /// What clients are told of the media plane before a login.
    pub ports: MediaPortsOk,
    /// The name of this node, if it is one of a cloud; `None`: it is alone.
    pub cloud: Option<NodeName>,
    /// Randomness for the names and secrets of sessions and rooms: from the operating system, except in tests.
    pub seed: [u8; 32],
}

impl fmt::Debug for StateOptions {
    /// Without the seed: every secret follows from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateOptions")
            .field("limits", &self.limits)
            .field("apps", &self.apps)
            .finish_non_exhaustive()
    }
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketEnd {
    /// Found dead, or closed by us.
    Lost,
    /// Closed by the client, which is a sign of life: it may resume.
    Closed,
    /// The page behind it was closed or left, which a browser says by close code 1001 (RFC 6455 §7.4.1): the user is gone.
    PageLeft,
}

/// A frame of a client that is no request of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFrame {
    /// The request's id; without one it cannot be answered and the socket is closed.
    pub id: Option<u64>,
    /// What is wrong with it.
    pub problem: String,
}

/// All rooms of all AppIDs.
#[derive(Debug)]
pub struct RoomsState {
    limits: LimitsConfig,
    timings: TimingsConfig,
    requests: Rate,
    logins: Rate,
    strikes: Rate,
    message_rates: MessageRates,
    apps: HashMap<u32, App>,
    ice: IceServers,
    ports: MediaPortsOk,
    connections: HashMap<ConnectionId, Connection>,
    sessions: HashMap<SessionKey, Session>,
    session_ids: HashMap<String, SessionKey>,
    users: Users,
    rooms: HashMap<RoomKey, Room>,
    streams: HashMap<StreamKey, Stream>,
    stream_names: HashMap<StreamName, StreamKey>,
    peers: HashMap<PeerId, PeerUse>,
    pending: HashMap<Ticket, Pending>,
    hosted: Resources,
    ended: Ended,
    revocations: Revocations,
    rules: Rules,
    stream_rules: StreamRules,
    forbidden: HashSet<StreamName>,
    sequences: Sequences,
    timers: Timers<Timer>,
    rng: StdRng,
    last_number: u64,
    draining: bool,
    /// Every socket is closed, those that are opened as well.
    closes_sockets: bool,
    /// `None`: this server is alone.
    cloud: Option<Nodes>,
    counters: RoomsCounters,
    effects: Vec<Effect>,
}

impl RoomsState {
    /// No rooms yet.
    pub fn new(options: StateOptions) -> Self {
        let StateOptions {
            limits,
            timings,
            apps,
            ice,
            ports,
            cloud,
            seed,
        } = options;
        Self {
            requests: Rate::new(limits.requests_per_s, limits.request_burst),
            logins: Rate::new(limits.logins_per_room_per_s, limits.logins_per_room_per_s),
            strikes: Rate::new(1, requests::STRIKES),
            message_rates: MessageRates::from(&limits),
            apps: apps.into_iter().map(|app| (app.id, App::new(app))).collect(),
            ice: IceServers::new(ice),
            ports,
            connections: HashMap::new(),
            sessions: HashMap::new(),
            session_ids: HashMap::new(),
            users: Users::default(),
            rooms: HashMap::new(),
            streams: HashMap::new(),
            stream_names: HashMap::new(),
            peers: HashMap::new(),
            pending: HashMap::new(),
            hosted: Resources::default(),
            ended: Ended::default(),
            revocations: Revocations::new(MAX_REVOCATIONS),
            rules: Rules::new(MAX_RULES_IN_ALL),
            stream_rules: StreamRules::new(),
            forbidden: HashSet::new(),
            sequences: Sequences::new(MAX_SEQUENCES),
            timers: Timers::new(),
            rng: StdRng::from_seed(seed),
            last_number: 0,
            draining: false,
            closes_sockets: false,
            cloud: cloud.map(Nodes::new),
            counters: RoomsCounters::default(),
            effects: Vec::new(),
            limits,
            timings,
        }
    }

    /// A socket was opened.
    pub fn on_open(&mut self, now: Now, connection: ConnectionId) -> Vec<Effect> {
        self.connections.insert(connection, Connection::default());
        self.expect_login(now, connection);
        if self.closes_sockets {
            self.close(connection, CloseReason::restart());
        }
        self.take_effects()
    }

    /// A socket that was opened is a client's at this address, as far as the server sees it.
    pub fn on_address(&mut self, connection: ConnectionId, from: IpAddr) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.from = Some(from);
        }
    }

    /// A socket is gone.
    pub fn on_closed(&mut self, now: Now, connection: ConnectionId, end: SocketEnd) -> Vec<Effect> {
        self.note_time(now);
        self.timers.clear(Timer::Connection(connection));
        self.forget_waiters(connection);
        let gone = self.connections.remove(&connection).unwrap_or_default();
        if let Some(room) = &gone.entering {
            self.forget_entering(connection, room);
        }
        if let Some(key) = gone.session
            && let Some(session) = self.sessions.get_mut(&key)
        {
            session.connection = None;
            match end {
                SocketEnd::Lost => {}
                _ if session.moving => {}
                SocketEnd::Closed => self.heard(now, Some(key)),
                SocketEnd::PageLeft => self.end_session(key, End::Logout, None),
            }
        }
        self.take_effects()
    }

    /// Does what is due.
    pub fn on_time(&mut self, now: Now) -> Vec<Effect> {
        self.note_time(now);
        while let Some(timer) = self.timers.pop_due(now.mono) {
            match timer {
                Timer::Connection(connection) => {
                    count(&mut self.counters.closed_for_conduct);
                    self.close(connection, CloseReason::policy("no login in time"));
                }
                Timer::Session(key) => self.end_session(key, End::HeartbeatTimeout, None),
                Timer::Token(key) => self.end_session(key, End::TokenExpired, None),
                Timer::Stream(key) => self.stream_due(now, key),
                Timer::Resource(key) => self.drop_resource(key),
                Timer::Notices(room_key) => self.notices_due(now, &room_key),
                Timer::StreamRule(target) => self.stream_rule_due(&target),
                Timer::Opening(room) => self.opening_due(now, &room),
                Timer::Claim(ticket) => self.claim_due(ticket),
                Timer::Said(ticket) => self.said_for(ticket, Err(())),
                Timer::Relay(key) => self.listeners_changed(key),
                Timer::RelayIdle(key) => self.relay_idle_due(key),
                Timer::RelayFormer(key) => self.drop_replaced(key),
                Timer::Moving(key) => self.end_session(key, End::RepeatLogin, None),
                Timer::Superseded(key) => self.superseded_due(key),
                Timer::Observed(room) => self.observed_due(&room),
                Timer::Sought(stream) => self.sought_due(&stream),
                Timer::Call(ticket) => self.call_goes_on(ticket, Ok(0)),
                Timer::Leaving => self.leaving_due(now),
            }
        }
        self.take_effects()
    }

    /// When [`RoomsState::on_time`] wants to be called, on [`Now::mono`].
    pub fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// What was done so far, and what is there.
    pub fn counters(&self) -> RoomsCounters {
        RoomsCounters {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            rooms: self.rooms.len(),
            streams: self.streams.len(),
            hosted: self.hosted.len(),
            ..self.counters.clone()
        }
    }

    /// The socket's reader was too slow, and it is being closed.
    pub fn on_slow_reader(&mut self, connection: ConnectionId) {
        if let Some(known) = self.connections.get_mut(&connection).filter(|known| !known.closing) {
            known.closing = true;
            count(&mut self.counters.slow_readers);
        }
    }

    /// A notice was left out because its reader is slow.
    pub fn on_notice_dropped(&mut self) {
        count(&mut self.counters.notices_dropped);
    }

    fn heard(&mut self, now: Now, session: Option<SessionKey>) {
        let Some(key) = session else { return };
        if self.sessions.get(&key).is_some_and(|session| self.is_quiet(now, session)) {
            self.expect_lost_media(now, key);
        }
        if let Some(session) = self.sessions.get_mut(&key).filter(|session| !session.hosted) {
            session.last_heard = now.mono;
            self.timers
                .set(Timer::Session(key), now.mono.saturating_add(self.timings.user_timeout()));
        }
    }

    fn expect_login(&mut self, now: Now, connection: ConnectionId) {
        if self.connections.get(&connection).is_none_or(|known| known.closing) {
            return;
        }
        let patience = Duration::from_secs(self.timings.first_request_s);
        self.timers
            .set(Timer::Connection(connection), now.mono.saturating_add(patience));
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        if let Some(known) = self.connections.get_mut(&connection).filter(|known| !known.closing) {
            known.closing = true;
            self.timers.clear(Timer::Connection(connection));
            self.effects.push(Effect::Close { connection, reason });
        }
    }

    fn session(&self, key: SessionKey) -> Result<&Session, WireError> {
        // A connection's session is in the table until the connection lets go of it.
        self.sessions.get(&key).ok_or_else(session_is_gone)
    }

    fn online_count(&self, room: &RoomKey) -> u64 {
        self.rooms.get(room).map_or(0, |room| room.users() as u64)
    }

    fn stream_key(&self, app_id: u32, stream_id: &StreamId) -> Option<StreamKey> {
        self.stream_names.get(&(app_id, stream_id.clone())).copied()
    }

    fn new_number(&mut self) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        self.end_unused_sessions();
        self.follow_cloud();
        std::mem::take(&mut self.effects)
    }
}

impl App {
    fn new(config: AppConfig) -> Self {
        Self {
            policy: config.policy(),
            play_across_rooms: config.play_across_rooms,
            tells_business: config.callback().is_some(),
            kick_on_expiry: config.on_token_expiry == OnTokenExpiry::Kick,
            multi_room: config.multi_room,
            refuses_double_login: config.on_double_login == OnDoubleLogin::Refuse,
            secret: config.secret,
            sessions: 0,
            rooms: 0,
        }
    }
}

fn session_is_gone() -> WireError {
    WireError::fatal(codes::NETWORK_RECOVERY, "the server does not know this session; log in again")
}

/// In whole milliseconds; what is left of one does not count.
fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
