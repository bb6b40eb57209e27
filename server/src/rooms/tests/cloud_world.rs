//! Several nodes and a cloud that is never late and never wrong: a wish is fulfilled before anything else happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::{Call, Login, RoomExtraInfo, WireError};

use super::words::publish;
use super::world::*;
use crate::forwarder::{GoneReason, PeerId};
use crate::rooms::ConnectionId;
use crate::rooms::cloud::*;

type RoomKey = (u32, RoomId);

/// What a node has told of itself in a room.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Mirror {
    pub(super) members: BTreeMap<UserId, Member>,
    pub(super) streams: BTreeMap<StreamId, RemoteStream>,
}

#[derive(Debug)]
struct RoomInCloud {
    terms: RoomTerms,
    nodes: BTreeMap<usize, Mirror>,
    info: Option<RoomExtraInfo>,
    last_message: u64,
}

/// Who has a streamID: the node, the user, the fencing number.
type Owner = (usize, UserId, u64);

pub(super) struct CloudWorld {
    pub(super) nodes: Vec<World>,
    rooms: BTreeMap<RoomKey, RoomInCloud>,
    claims: BTreeMap<(u32, StreamId), Owner>,
    last_epoch: u64,
    questions: Vec<(usize, (u32, StreamId), u32)>,
    dead: BTreeSet<usize>,
    /// Wishes are kept instead of fulfilled.
    pub(super) hold: bool,
    held: VecDeque<(usize, Wish)>,
    /// Who wants to open a room is sent there, to the second node.
    pub(super) elsewhere: Option<&'static str>,
    /// Relays never work.
    pub(super) no_relays: bool,
    /// Everything that was wished so far, in order.
    pub(super) wished: Vec<(usize, Wish)>,
}

pub(super) fn name(node: usize) -> NodeName {
    NodeName::new(["a", "b", "c"][node]).unwrap()
}

pub(super) fn url(node: usize) -> String {
    format!("wss://{}.example", name(node))
}

fn number(node: &NodeName) -> usize {
    usize::from(node.as_str().as_bytes()[0] - b'a')
}

impl CloudWorld {
    pub(super) fn new(nodes: usize) -> Self {
        let nodes = (0..nodes).map(|node| World::node(Some(name(node)), |_| {})).collect();
        let mut world = Self {
            nodes,
            rooms: BTreeMap::new(),
            claims: BTreeMap::new(),
            last_epoch: 0,
            questions: Vec::new(),
            dead: BTreeSet::new(),
            hold: false,
            held: VecDeque::new(),
            elsewhere: None,
            no_relays: false,
            wished: Vec::new(),
        };
        world.tell_nodes();
        world
    }

    /// Everybody hears who takes clients.
    pub(super) fn tell_nodes(&mut self) {
        let alive: Vec<usize> = self.alive().collect();
        for node in alive.clone() {
            let others = alive.iter().filter(|other| **other != node);
            let others = others.map(|other| (name(*other), url(*other))).collect();
            self.tell(node, News::Nodes(others));
        }
    }

    fn alive(&self) -> impl Iterator<Item = usize> + use<> {
        let dead = self.dead.clone();
        (0..self.nodes.len()).filter(move |node| !dead.contains(node))
    }

    pub(super) fn tell(&mut self, node: usize, news: News) {
        if self.dead.contains(&node) {
            return;
        }
        let world = &mut self.nodes[node];
        let effects = world.state.on_news(world.at(), news);
        world.carry_out(effects);
    }

    /// Fulfils what is wished until nothing is.
    pub(super) fn settle(&mut self) {
        loop {
            for node in 0..self.nodes.len() {
                let wishes = std::mem::take(&mut self.nodes[node].wishes);
                if !self.dead.contains(&node) {
                    self.wished.extend(wishes.iter().cloned().map(|wish| (node, wish)));
                    self.held.extend(wishes.into_iter().map(|wish| (node, wish)));
                }
            }
            if self.hold {
                return;
            }
            let Some((node, wish)) = self.held.pop_front() else { return };
            self.fulfil(node, wish);
        }
    }

    /// Fulfils what was held.
    pub(super) fn release(&mut self) {
        self.hold = false;
        self.settle();
    }

    fn fulfil(&mut self, node: usize, wish: Wish) {
        match wish {
            Wish::Open {
                room,
                terms,
                redirected,
                left,
            } => self.open_room(node, room, terms, redirected || left == Some(name(1))),
            Wish::Close(room) => {
                if let Some(known) = self.rooms.get_mut(&room) {
                    if let Some(mirror) = known.nodes.remove(&node) {
                        assert_eq!(mirror, Mirror::default(), "who closes a room has told that all have left");
                    }
                    if known.nodes.is_empty() {
                        self.rooms.remove(&room);
                    }
                }
            }
            Wish::Tell(room, fact) => self.fact(node, &room, fact),
            Wish::Say {
                ticket,
                room,
                mut saying,
            } => {
                let known = self.rooms.get_mut(&room).expect("the room is open where something is said");
                known.last_message += 1;
                let id = known.last_message;
                let number = match &mut saying {
                    Saying::Broadcast(message) => {
                        message.message_id = id;
                        id
                    }
                    Saying::Info(info) => {
                        known.info = Some(info.clone());
                        info.update_time_ms
                    }
                    Saying::Command { .. } => panic!("commands have no order"),
                };
                for other in known.nodes.keys().copied().collect::<Vec<_>>() {
                    self.tell(other, News::Said(room.clone(), saying.clone()));
                }
                self.tell(node, News::SaidFor(ticket, Ok(number)));
            }
            Wish::Whisper(room, words) => {
                for other in self.others(node, &room) {
                    self.tell(other, News::Whispered(room.clone(), words.clone()));
                }
            }
            Wish::Claim {
                ticket,
                room,
                stream_id,
                user_id,
            } => {
                let outcome = self.claim(node, (room.0, stream_id), user_id);
                self.tell(node, News::Claimed(ticket, outcome));
            }
            Wish::Release(app_id, stream_id) => {
                let name = (app_id, stream_id);
                if self.claims.get(&name).is_some_and(|(owner, ..)| *owner == node) {
                    self.claims.remove(&name);
                }
            }
            Wish::LoggedIn(login) => {
                for other in self.alive().filter(|other| *other != node).collect::<Vec<_>>() {
                    self.tell(other, News::LoggedIn(login.clone()));
                }
            }
            Wish::AskRelay {
                node: origin,
                stream,
                terms,
                loudest,
            } => {
                let question = Question(self.questions.len() as u64);
                self.questions.push((node, stream.clone(), terms.ssrc()));
                let refusal = self.no_relays.then_some(RelayRefusal::Busy);
                let dead = self.dead.contains(&number(&origin)).then_some(RelayRefusal::NoAnswer);
                if let Some(refusal) = refusal.or(dead) {
                    return self.answer_relay(question, Err(refusal));
                }
                let wanted = News::RelayWanted {
                    question,
                    node: name(node),
                    stream,
                    terms,
                    loudest,
                };
                self.tell(number(&origin), wanted);
            }
            Wish::AnswerRelay(question, answer) => {
                let works = answer.is_ok();
                let sent = self.nodes[node].relays_out.iter().find(|(_, of)| **of == question);
                let sender = sent.map(|(peer, _)| *peer);
                self.answer_relay(question, answer);
                if works {
                    let (asker, _, ssrc) = self.questions[usize::try_from(question.0).unwrap()].clone();
                    if let Some(sender) = sender {
                        self.nodes[node].connected(sender);
                    }
                    // The world's terms are those of its media connection's number.
                    let peer = PeerId(u64::from(ssrc - terms(0).ssrc()));
                    self.nodes[asker].connected(peer);
                }
            }
            Wish::Report(origin, stream, heard) => self.tell(number(&origin), News::Reported(stream, heard)),
            Wish::Order(order) => {
                for other in self.alive().filter(|other| *other != node).collect::<Vec<_>>() {
                    self.tell(other, News::Ordered(order.clone()));
                }
            }
            Wish::Look(room) => {
                let others = !self.others(node, &room).is_empty();
                match self.rooms.get(&room).map(|known| known.terms).filter(|_| others) {
                    Some(terms) => self.open_room(node, room, terms, true),
                    None => self.tell(node, News::NoSuchRoom(room)),
                }
            }
            Wish::Seek(app_id, stream_id) => {
                let stream = (app_id, stream_id);
                let owner = self.claims.get(&stream).filter(|(owner, ..)| !self.dead.contains(owner));
                let publishes = |known: &RoomInCloud, owner: usize| {
                    let mirror = known.nodes.get(&owner);
                    mirror.is_some_and(|mirror| mirror.streams.contains_key(&stream.1))
                };
                let room = owner.and_then(|(owner, ..)| self.rooms.iter().find(|(_, known)| publishes(known, *owner)));
                let room = room.map(|(room, _)| room.clone());
                self.tell(node, News::Sought(stream, room));
            }
            Wish::Load(_) | Wish::Leave => {}
        }
    }

    fn answer_relay(&mut self, question: Question, answer: Result<std::net::SocketAddr, RelayRefusal>) {
        let (asker, stream, ssrc) = self.questions[usize::try_from(question.0).unwrap()].clone();
        self.tell(asker, News::RelayAnswer { stream, ssrc, answer });
    }

    fn others(&self, node: usize, room: &RoomKey) -> Vec<usize> {
        let nodes = self.rooms.get(room).into_iter().flat_map(|room| room.nodes.keys().copied());
        nodes.filter(|other| *other != node).collect()
    }

    fn open_room(&mut self, node: usize, room: RoomKey, terms: RoomTerms, redirected: bool) {
        if let Some(url) = self.elsewhere.filter(|_| !redirected) {
            return self.tell(node, News::ElsewhereInstead(room, url.into()));
        }
        let is_new = !self.rooms.contains_key(&room);
        let known = self.rooms.entry(room.clone()).or_insert_with(|| RoomInCloud {
            terms,
            nodes: BTreeMap::new(),
            info: None,
            last_message: 0,
        });
        known.nodes.insert(node, Mirror::default());
        let others = known.nodes.iter();
        let streams = others
            .clone()
            .flat_map(|(other, mirror)| mirror.streams.values().map(|stream| (name(*other), stream.clone())));
        let opened = News::Opened {
            room,
            terms: known.terms,
            is_new,
            members: others.flat_map(|(_, mirror)| mirror.members.values().cloned()).collect(),
            streams: streams.collect(),
            info: known.info.clone(),
        };
        self.tell(node, opened);
    }

    fn fact(&mut self, node: usize, room: &RoomKey, fact: Fact) {
        let known = self.rooms.get_mut(room).expect("facts are told of open rooms");
        let mirror = known.nodes.get_mut(&node).expect("the room is open there");
        match &fact {
            Fact::UserCame(member) => {
                mirror.members.insert(member.user.user_id.clone(), member.clone());
            }
            Fact::UserLeft(user) => assert!(mirror.members.remove(user).is_some(), "who leaves was there"),
            Fact::StreamIs(stream) => {
                mirror.streams.insert(stream.listed.stream.stream_id.clone(), stream.clone());
            }
            Fact::StreamLeft(stream, _) => assert!(mirror.streams.remove(stream).is_some(), "what ends was there"),
            Fact::Said(_) => {}
        }
        for other in self.others(node, room) {
            let news = self.news_of(other, node, room, &fact);
            if let Some(news) = news {
                self.tell(other, news);
            }
        }
    }

    /// What a node is told, seeing all others together.
    fn news_of(&self, node: usize, origin: usize, room: &RoomKey, fact: &Fact) -> Option<News> {
        let rest = || {
            self.rooms[room]
                .nodes
                .iter()
                .filter(|(other, _)| **other != node && **other != origin)
        };
        Some(match fact.clone() {
            Fact::UserCame(member) => News::UserCame(room.clone(), member),
            Fact::UserLeft(user) => {
                let mut still = rest().filter_map(|(_, mirror)| mirror.members.get(&user));
                match still.next() {
                    Some(member) => News::UserCame(room.clone(), member.clone()),
                    None => News::UserLeft(room.clone(), user),
                }
            }
            Fact::StreamIs(stream) => {
                let id = &stream.listed.stream.stream_id;
                let newer = |mirror: &Mirror| mirror.streams.get(id).is_some_and(|other| other.epoch > stream.epoch);
                if rest().any(|(_, mirror)| newer(mirror)) {
                    return None;
                }
                News::StreamIs(room.clone(), name(origin), stream)
            }
            Fact::StreamLeft(id, reason) => {
                let still = rest().find_map(|(other, mirror)| Some((*other, mirror.streams.get(&id)?.clone())));
                match still {
                    Some((other, stream)) => News::StreamIs(room.clone(), name(other), stream),
                    None => News::StreamLeft(room.clone(), id, reason),
                }
            }
            Fact::Said(saying) => News::Said(room.clone(), saying),
        })
    }

    fn claim(&mut self, node: usize, stream: (u32, StreamId), user: UserId) -> Result<u64, ()> {
        if let Some((owner, of_user, _)) = self.claims.get(&stream).cloned() {
            if of_user != user {
                return Err(());
            }
            if owner != node {
                let moved_to = Some(name(node));
                let stream = stream.clone();
                self.tell(owner, News::ClaimLost { stream, moved_to });
            }
        }
        self.last_epoch += 1;
        self.claims.insert(stream, (node, user, self.last_epoch));
        Ok(self.last_epoch)
    }

    /// A node is gone at once; the others hear that it takes no clients. What it told stands until [`CloudWorld::bury`].
    pub(super) fn kill(&mut self, node: usize) {
        self.dead.insert(node);
        self.claims.retain(|_, (owner, ..)| *owner != node);
        self.tell_nodes();
        for other in self.alive().collect::<Vec<_>>() {
            for peer in self.nodes[other].relays_in.keys().copied().collect::<Vec<_>>() {
                self.nodes[other].gone(peer, GoneReason::ConsentLost);
            }
        }
        self.settle();
    }

    /// What a dead node has told counts no more.
    pub(super) fn bury(&mut self, node: usize) {
        for room in self.rooms.keys().cloned().collect::<Vec<_>>() {
            let Some(mirror) = self.rooms[&room].nodes.get(&node).cloned() else {
                continue;
            };
            for stream in mirror.streams.into_keys() {
                self.fact(node, &room, Fact::StreamLeft(stream, StreamDeleteReason::HeartbeatTimeout));
            }
            for user in mirror.members.into_keys() {
                self.fact(node, &room, Fact::UserLeft(user));
            }
            let known = self.rooms.get_mut(&room).unwrap();
            known.nodes.remove(&node);
            if known.nodes.is_empty() {
                self.rooms.remove(&room);
            }
        }
        self.settle();
    }

    pub(super) fn login_with(&mut self, node: usize, request: Login) -> Result<Client, WireError> {
        let connection = self.nodes[node].open();
        let ok = self.ask(node, connection, request)?;
        Ok(Client {
            connection,
            session: ok.session.clone(),
            secret: ok.secret.clone(),
            ok,
        })
    }

    pub(super) fn login(&mut self, node: usize, user: &str, room: &str) -> Client {
        let request = self.nodes[node].login_request(user, room);
        self.login_with(node, request).unwrap()
    }

    /// Logs in on another node in the place of a session that there is on one.
    pub(super) fn move_to(&mut self, node: usize, user: &str, room: &str, from: &Client) -> Client {
        let mut request = self.nodes[node].login_request(user, room);
        (request.redirected, request.moved_from) = (true, Some(from.session.clone()));
        self.login_with(node, request).unwrap()
    }

    pub(super) fn ask<C: Call>(&mut self, node: usize, connection: ConnectionId, request: C) -> Result<C::Ok, WireError> {
        let id = self.nodes[node].send(connection, request);
        self.settle();
        self.nodes[node].answer::<C>(connection, id).expect("it is answered by now")
    }

    pub(super) fn code<C: Call>(&mut self, node: usize, connection: ConnectionId, request: C) -> i32 {
        self.ask(node, connection, request).map_or_else(|error| error.code, |_| 0)
    }

    /// Publishes and connects.
    pub(super) fn publish(&mut self, node: usize, connection: ConnectionId, stream_id: &str) -> PeerId {
        assert_eq!(self.code(node, connection, publish(stream_id)), 0);
        let peer = self.nodes[node].last_peer();
        self.connected(node, peer);
        peer
    }

    pub(super) fn connected(&mut self, node: usize, peer: PeerId) {
        self.nodes[node].connected(peer);
        self.settle();
    }

    /// Lets time pass everywhere, 100 ms at a time.
    pub(super) fn pass_s(&mut self, seconds: u64) {
        for _ in 0..seconds * 10 {
            for node in self.alive().collect::<Vec<_>>() {
                self.nodes[node].pass(std::time::Duration::from_millis(100));
            }
            self.settle();
        }
    }

    pub(super) fn news(&mut self, node: usize, client: &Client) -> Vec<String> {
        self.nodes[node].news(client.connection)
    }

    /// The names of the users that a new look at the room shows.
    pub(super) fn users_seen(&self, node: usize, client: &Client) -> Vec<String> {
        let snapshot = self.nodes[node].state.snapshot_of(&client.session).unwrap();
        let mut users: Vec<_> = snapshot.users.iter().map(|user| user.user_id.to_string()).collect();
        users.sort();
        users
    }

    /// Tables agree, and what was told is what is there.
    pub(super) fn check(&self) {
        for node in self.alive() {
            self.nodes[node].state.check();
            let mut told: BTreeMap<RoomKey, Mirror> = BTreeMap::new();
            for (room, known) in &self.rooms {
                if let Some(mirror) = known.nodes.get(&node).filter(|mirror| **mirror != Mirror::default()) {
                    told.insert(room.clone(), mirror.clone());
                }
            }
            let own = self.nodes[node].state.own_facts();
            let own: BTreeMap<_, _> = own
                .into_iter()
                .map(|(room, (members, streams))| (room, Mirror { members, streams }))
                .collect();
            assert_eq!(told, own, "the others know of node {node} what is so");
        }
    }
}
