//! A world around [`RoomsState`]: clients that remember what they were told, a media plane that answers everything, and
//! a clock that moves when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_signalling::protocol::*;
use express_token::{Grant, Iv, Privileges, Secret, issue};
use serde_json::Value;

use super::words::{play, publish, short};
use crate::config::{AppConfig, CallbackUrl, Hidden, OnDoubleLogin, OnTokenExpiry, ServerConfig};
use crate::forwarder::{Answer, ForwarderEvent, GoneReason, NegotiateError, PeerId, RelayTerms, StreamKey};
use crate::rooms::admin::{AdminCall, AdminFault};
use crate::rooms::{
    BadFrame, BusinessEvent, ConnectionId, Effect, HostRefusal, HostTicket, Hosted, Negotiation, Now, RoomsState, SocketEnd,
    StateOptions, Ticket, cloud,
};

pub(super) const APP: u32 = 7;
pub(super) const STRICT_APP: u32 = 8;
/// Whose users may be in one room at a time, by one client.
pub(super) const ONE_ROOM_APP: u32 = 9;
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Where every client of the world comes from.
pub(super) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const START_S: u64 = 1_700_000_000;

/// What the world heard from the state.
#[derive(Debug, Default)]
pub(super) struct Socket {
    pub(super) replies: BTreeMap<u64, ServerFrame>,
    pub(super) events: Vec<SequencedEvent>,
    pub(super) notices: Vec<Notice>,
    pub(super) closed: Option<u16>,
}

pub(super) struct World {
    pub(super) state: RoomsState,
    pub(super) now: Duration,
    /// How far the time of day was set forward, or back.
    pub(super) set_by_s: i64,
    pub(super) sockets: BTreeMap<ConnectionId, Socket>,
    /// Media connections: for which stream, as publisher or not.
    pub(super) peers: BTreeMap<PeerId, (StreamKey, bool)>,
    pub(super) paused: BTreeMap<PeerId, bool>,
    /// What the business server was told, and when, Unix milliseconds.
    pub(super) told: Vec<(u64, BusinessEvent)>,
    /// What requests over HTTP were answered with, in their order.
    pub(super) hosted: Vec<(HostTicket, Result<Hosted, HostRefusal>)>,
    /// Resources that are over, in that order.
    pub(super) ended_resources: Vec<String>,
    /// Questions that wait, while `hold` is set.
    pub(super) held: Vec<Negotiation>,
    pub(super) hold: bool,
    /// What was asked of the cloud, or told it.
    pub(super) wishes: Vec<cloud::Wish>,
    /// Calls that waited and go on.
    pub(super) calls: BTreeMap<Ticket, Result<u64, ()>>,
    /// Relays that bring a stream here: where their packets come from, once that is known.
    pub(super) relays_in: BTreeMap<PeerId, Option<SocketAddr>>,
    /// Relays that carry a stream elsewhere, and the questions that they answer.
    pub(super) relays_out: BTreeMap<PeerId, cloud::Question>,
    /// What the media plane says instead of an answer.
    pub(super) refuse: Option<fn() -> NegotiateError>,
    last_connection: u64,
    last_request: u64,
    last_peer: u64,
}

/// A logged in client.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) connection: ConnectionId,
    pub(super) session: String,
    pub(super) secret: String,
    pub(super) ok: LoginOk,
}

pub(super) fn room(id: &str) -> RoomId {
    RoomId::new(id).unwrap()
}

pub(super) fn stream(id: &str) -> StreamId {
    StreamId::new(id).unwrap()
}

/// What clients are told of the media plane before a login.
pub(super) fn ports() -> MediaPortsOk {
    MediaPortsOk {
        udp: vec!["192.0.2.7:5000".parse().unwrap()],
        ..MediaPortsOk::default()
    }
}

/// How a node takes a relay.
pub(super) fn terms(number: u32) -> RelayTerms {
    RelayTerms::known(SocketAddr::from(([10, 0, 0, 1], 5000)), number as u8)
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::node(None, change)
    }

    /// One that is a node of a cloud; nothing of it ever is like anything of another one.
    pub(super) fn node(cloud: Option<cloud::NodeName>, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::embedded();
        change(&mut config);
        let app = AppConfig {
            callback_url: Some(CallbackUrl::try_from("http://business.example".to_owned()).unwrap()),
            callback_secret: Some(Hidden::new("secret")),
            ..AppConfig::new(APP, Secret::new(SECRET).unwrap())
        };
        let mut strict = AppConfig::new(STRICT_APP, Secret::new(SECRET).unwrap());
        strict.on_token_expiry = OnTokenExpiry::Kick;
        strict.play_across_rooms = false;
        let mut one_room = AppConfig::new(ONE_ROOM_APP, Secret::new(SECRET).unwrap());
        one_room.multi_room = false;
        one_room.on_double_login = OnDoubleLogin::Refuse;
        let state = RoomsState::new(StateOptions {
            limits: config.limits,
            timings: config.timings,
            apps: vec![app, strict, one_room],
            ice: config.ice,
            ports: ports(),
            seed: [cloud.as_ref().map_or(42, |name| name.as_str().as_bytes()[0]); 32],
            cloud,
        });
        Self {
            state,
            // An hour ahead, so that a stray read of a real clock shows.
            now: Duration::from_secs(3600),
            set_by_s: 0,
            sockets: BTreeMap::new(),
            peers: BTreeMap::new(),
            paused: BTreeMap::new(),
            told: Vec::new(),
            hosted: Vec::new(),
            ended_resources: Vec::new(),
            held: Vec::new(),
            hold: false,
            wishes: Vec::new(),
            calls: BTreeMap::new(),
            relays_in: BTreeMap::new(),
            relays_out: BTreeMap::new(),
            refuse: None,
            last_connection: 0,
            last_request: 0,
            last_peer: 0,
        }
    }

    pub(super) fn at(&self) -> Now {
        Now {
            mono: self.now,
            unix_ms: START_S.saturating_add_signed(self.set_by_s) * 1000 + u64::try_from(self.now.as_millis()).unwrap(),
        }
    }

    pub(super) fn unix_s(&self) -> i64 {
        i64::try_from(self.at().unix_ms / 1000).unwrap()
    }

    pub(super) fn open(&mut self) -> ConnectionId {
        self.last_connection += 1;
        let connection = ConnectionId(self.last_connection);
        self.sockets.insert(connection, Socket::default());
        let effects = self.state.on_open(self.at(), connection);
        self.state.on_address(connection, ADDRESS);
        self.carry_out(effects);
        connection
    }

    /// The client closes its socket.
    pub(super) fn close(&mut self, connection: ConnectionId) {
        let effects = self.state.on_closed(self.at(), connection, SocketEnd::Closed);
        self.carry_out(effects);
    }

    /// The server finds the socket dead.
    pub(super) fn lose(&mut self, connection: ConnectionId) {
        let effects = self.state.on_closed(self.at(), connection, SocketEnd::Lost);
        self.carry_out(effects);
    }

    /// The client's page is closed or left.
    pub(super) fn leave_page(&mut self, connection: ConnectionId) {
        let effects = self.state.on_closed(self.at(), connection, SocketEnd::PageLeft);
        self.carry_out(effects);
    }

    /// Sends a request; the number to look its answer up.
    pub(super) fn send(&mut self, connection: ConnectionId, request: impl Into<Request>) -> u64 {
        self.last_request += 1;
        let effects = self
            .state
            .on_request(self.at(), connection, self.last_request, request.into());
        self.carry_out(effects);
        self.last_request
    }

    pub(super) fn bad_frame(&mut self, connection: ConnectionId, id: Option<u64>) {
        let problem = "bad".into();
        let effects = self.state.on_bad_frame(self.at(), connection, BadFrame { id, problem });
        self.carry_out(effects);
    }

    /// Sends a request and takes its answer.
    pub(super) fn ask<C: Call>(&mut self, connection: ConnectionId, request: C) -> Result<C::Ok, WireError> {
        let id = self.send(connection, request);
        self.answer::<C>(connection, id).unwrap()
    }

    pub(super) fn answer<C: Call>(&mut self, connection: ConnectionId, id: u64) -> Option<Result<C::Ok, WireError>> {
        match self.sockets.get_mut(&connection)?.replies.remove(&id)? {
            ServerFrame::Ok { ok, .. } => Some(Ok(parse(ok))),
            ServerFrame::Error { error, .. } => Some(Err(error)),
            other => panic!("{other:?} is no reply"),
        }
    }

    pub(super) fn code<C: Call>(&mut self, connection: ConnectionId, request: C) -> i32 {
        match self.ask(connection, request) {
            Ok(_) => 0,
            Err(error) => error.code,
        }
    }

    pub(super) fn token(&self, user: &str) -> String {
        self.token_for(APP, user, 86_400, None)
    }

    pub(super) fn token_for(&self, app_id: u32, user: &str, ttl_s: i64, privileges: Option<Privileges>) -> String {
        let grant = Grant {
            app_id,
            user_id: user.into(),
            ttl_s,
            privileges,
        };
        let claims = grant.claims(1, self.unix_s());
        issue(&claims, &Secret::new(SECRET).unwrap(), &Iv::Gcm([9; 12])).unwrap()
    }

    pub(super) fn login_request(&self, user: &str, room_id: &str) -> Login {
        Login {
            versions: vec![VERSION],
            app_id: APP,
            room_id: room(room_id),
            user_id: UserId::new(user).unwrap(),
            user_name: String::new(),
            token: self.token(user),
            user_update: true,
            max_member_count: 0,
            loudest_streams: 0,
            instance: None,
            redirected: false,
            moved_from: None,
        }
    }

    pub(super) fn login(&mut self, user: &str, room_id: &str) -> Client {
        let request = self.login_request(user, room_id);
        self.login_with(request).unwrap()
    }

    pub(super) fn login_with(&mut self, request: Login) -> Result<Client, WireError> {
        let connection = self.open();
        let ok = self.ask(connection, request)?;
        Ok(Client {
            connection,
            session: ok.session.clone(),
            secret: ok.secret.clone(),
            ok,
        })
    }

    pub(super) fn resume(&mut self, client: &Client, last_seq: u64) -> (ConnectionId, Result<ResumeOk, WireError>) {
        let connection = self.open();
        let resume = Resume {
            versions: vec![VERSION],
            session: client.session.clone(),
            secret: client.secret.clone(),
            last_seq,
        };
        let answer = self.ask(connection, resume);
        (connection, answer)
    }

    /// A business server asks for something.
    pub(super) fn admin<C: AdminCall>(&mut self, call: C) -> Result<C::Ok, AdminFault> {
        self.admin_of(APP, call)
    }

    pub(super) fn admin_of<C: AdminCall>(&mut self, app_id: u32, call: C) -> Result<C::Ok, AdminFault> {
        let (answer, effects) = self.state.admin(self.at(), app_id, call);
        self.carry_out(effects);
        answer
    }

    /// Publishes and connects: the stream is announced.
    pub(super) fn publish(&mut self, connection: ConnectionId, stream_id: &str) -> PeerId {
        assert_eq!(self.code(connection, publish(stream_id)), 0);
        let peer = PeerId(self.last_peer);
        self.connected(peer);
        peer
    }

    pub(super) fn play(&mut self, connection: ConnectionId, stream_id: &str) -> PeerId {
        assert_eq!(self.code(connection, play(stream_id)), 0);
        PeerId(self.last_peer)
    }

    pub(super) fn last_peer(&self) -> PeerId {
        PeerId(self.last_peer)
    }

    pub(super) fn connected(&mut self, peer: PeerId) {
        let effects = self.state.on_media(self.at(), ForwarderEvent::Connected { peer });
        self.carry_out(effects);
    }

    pub(super) fn gone(&mut self, peer: PeerId, reason: GoneReason) {
        self.peers.remove(&peer);
        self.relays_in.remove(&peer);
        self.relays_out.remove(&peer);
        let effects = self.state.on_media(self.at(), ForwarderEvent::Gone { peer, reason });
        self.carry_out(effects);
    }

    /// The media plane answers the oldest question that waits.
    pub(super) fn release(&mut self) {
        let negotiation = self.held.remove(0);
        self.negotiate(negotiation);
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let effects = self.state.on_time(self.at());
            self.carry_out(effects);
        }
        self.now = end;
    }

    pub(super) fn pass_s(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// The same while these clients send heartbeats.
    pub(super) fn pass_with_heartbeats(&mut self, seconds: u64, clients: &[ConnectionId]) {
        for _ in 0..seconds {
            self.pass_s(1);
            for client in clients {
                let _ = self.ask(*client, Heartbeat {}).unwrap();
            }
        }
    }

    /// The events since the last look, in short: `+alice`, `-alice`, `+s1`, `-s1:3`, `ended s1:play:1004020`, `kick:1002050`,
    /// `mic s1:true`, `info s1:text`, `alice to all: text`, `alice: command`.
    pub(super) fn news(&mut self, connection: ConnectionId) -> Vec<String> {
        let events = std::mem::take(&mut self.sockets.get_mut(&connection).unwrap().events);
        events.into_iter().flat_map(|event| short(&event.event)).collect()
    }

    /// The notices since the last look.
    pub(super) fn notices(&mut self, connection: ConnectionId) -> Vec<Notice> {
        std::mem::take(&mut self.sockets.get_mut(&connection).unwrap().notices)
    }

    pub(super) fn closed(&self, connection: ConnectionId) -> Option<u16> {
        self.sockets[&connection].closed
    }

    pub(super) fn media_peers(&self) -> BTreeSet<PeerId> {
        self.peers.keys().copied().collect()
    }

    fn negotiate(&mut self, negotiation: Negotiation) {
        let answer = match self.refuse {
            Some(refuse) => Err(refuse()),
            None => {
                self.last_peer += 1;
                let peer = PeerId(self.last_peer);
                self.peers.insert(peer, (negotiation.stream, negotiation.wish.is_publish()));
                Ok(Answer {
                    peer,
                    sdp: format!("answer to {}", negotiation.offer),
                })
            }
        };
        let effects = self.state.on_negotiated(self.at(), negotiation.ticket, answer);
        self.carry_out(effects);
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { connection, frame } => {
                    let (ServerFrame::Ok { id, .. } | ServerFrame::Error { id, .. }) = frame else {
                        panic!("an event is no reply");
                    };
                    let socket = self.sockets.get_mut(&connection).unwrap();
                    assert_eq!(socket.closed, None, "nothing is sent behind a close");
                    assert!(socket.replies.insert(id, frame).is_none(), "request {id} was answered twice");
                }
                Effect::Event { connection, seq, event } => {
                    let socket = self.sockets.get_mut(&connection).unwrap();
                    assert_eq!(socket.closed, None, "nothing is sent behind a close");
                    socket.events.push(event.sequenced(seq));
                }
                Effect::Notice { connection, notice } => {
                    let socket = self.sockets.get_mut(&connection).unwrap();
                    assert_eq!(socket.closed, None, "nothing is sent behind a close");
                    assert_eq!(
                        ServerFrame::parse(notice.frame()).unwrap(),
                        ServerFrame::Notice(notice.notice().clone())
                    );
                    socket.notices.push(notice.notice().clone());
                }
                Effect::Close { connection, reason } => {
                    assert!(reason.text.len() <= 123);
                    assert!(
                        self.sockets
                            .get_mut(&connection)
                            .unwrap()
                            .closed
                            .replace(reason.code)
                            .is_none()
                    );
                }
                Effect::Negotiate(negotiation) if self.hold => self.held.push(negotiation),
                Effect::Negotiate(negotiation) => self.negotiate(negotiation),
                Effect::RemovePeer(peer) => {
                    self.peers.remove(&peer);
                    self.relays_in.remove(&peer);
                    self.relays_out.remove(&peer);
                }
                Effect::Business(event) => self.told.push((self.at().unix_ms, event)),
                Effect::PausePlayer { peer, paused } => {
                    self.paused.insert(peer, paused);
                }
                Effect::RestartIce { ticket, peer, remote } => {
                    assert!(self.peers.contains_key(&peer));
                    let outcome = self.refuse.map_or(Ok(remote), |refuse| Err(refuse()));
                    let effects = self.state.on_restarted(ticket, outcome);
                    self.carry_out(effects);
                }
                Effect::Hosted { ticket, outcome } => self.hosted.push((ticket, outcome)),
                Effect::ResourceEnded(resource) => self.ended_resources.push(resource),
                Effect::Wish(wish) => self.wishes.push(wish),
                Effect::CallGoesOn(ticket, number) => {
                    assert!(self.calls.insert(ticket, number).is_none(), "a call goes on once");
                }
                Effect::TakeRelay { stream, .. } => {
                    self.last_peer += 1;
                    let peer = PeerId(self.last_peer);
                    let outcome = self
                        .refuse
                        .map_or(Ok((peer, terms(self.last_peer as u32))), |refuse| Err(refuse()));
                    if outcome.is_ok() {
                        self.relays_in.insert(peer, None);
                    }
                    let effects = self.state.on_relay_taken(self.at(), stream, outcome);
                    self.carry_out(effects);
                }
                Effect::SetRelaySource { peer, from } => *self.relays_in.get_mut(&peer).unwrap() = Some(from),
                Effect::SendRelay(wanted) => {
                    self.last_peer += 1;
                    let peer = PeerId(self.last_peer);
                    self.relays_out.insert(peer, wanted.question);
                    let outcome = Ok((peer, wanted.terms.address()));
                    let effects = self.state.on_relay_sent(self.at(), wanted, outcome);
                    self.carry_out(effects);
                }
            }
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
