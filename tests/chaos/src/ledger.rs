//! What clients asked the server for and what it answered, noted where the frames pass: what was accepted is judged by this, and not
//! by what the server makes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::ConnectionId;
use express_signalling::protocol::{ClientFrame, Request, ServerFrame};

use crate::world::World;

/// A token of the business server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    /// Counts all tokens: a newer one has more.
    pub(crate) number: u64,
    /// When it was made, and when it expires, Unix seconds.
    pub(crate) at_s: i64,
    pub(crate) expires_s: i64,
}

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) room: RoomId,
    pub(crate) user: UserId,
}

/// One login of an application: the client, its life, and the room part of that life.
pub(crate) type Login = (usize, u32, u64);

/// What is told apart of the requests under way.
#[derive(Debug)]
enum Asked {
    Login { place: Place, token: String },
    Resume { session: String },
    Publish(StreamId),
    Play(StreamId),
    RoomInfo(String, Duration),
}

#[derive(Debug)]
struct Session {
    place: Place,
    /// Where it is.
    node: usize,
    /// A kick has ended it from then on.
    kicked: Option<Duration>,
}

/// Everything noted. What a server knew is forgotten with it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    tokens: BTreeMap<String, Made>,
    asked: BTreeMap<(ConnectionId, u64), Asked>,
    places: BTreeMap<ConnectionId, Place>,
    sessions: BTreeMap<String, Session>,
}

impl Ledger {
    pub(crate) fn token_made(&mut self, token: &str, made: Made) {
        self.tokens.insert(token.into(), made);
    }

    /// A server is gone, and the connections that it had.
    pub(crate) fn server_gone<'a>(&mut self, node: usize, connections: impl Iterator<Item = &'a ConnectionId>) {
        for connection in connections {
            self.connection_gone(*connection);
        }
        self.sessions.retain(|_, session| session.node != node);
    }

    pub(crate) fn connection_gone(&mut self, connection: ConnectionId) {
        self.places.remove(&connection);
        self.asked.retain(|(of, _), _| *of != connection);
    }

    /// Sessions of a room that no kick has ended.
    pub(crate) fn sessions_in<'a>(&'a self, room: &'a RoomId) -> impl Iterator<Item = (&'a str, &'a UserId)> {
        let here = |session: &&Session| session.kicked.is_none() && session.place.room == *room;
        let sessions = self.sessions.iter().filter(move |(_, session)| here(session));
        sessions.map(|(name, session)| (name.as_str(), &session.place.user))
    }

    /// A user's session in a room of this node, if there is one, is ended by a kick, from then on.
    pub(crate) fn kicked(&mut self, node: usize, room: &RoomId, user: &UserId, from: Duration) {
        let here = |session: &&mut Session| session.node == node && session.place.room == *room;
        let theirs = self.sessions.values_mut().filter(here);
        for session in theirs.filter(|session| session.place.user == *user) {
            session.kicked.get_or_insert(from);
        }
    }

    /// A user has one session at a node, that of its last login; those that were kicked must stay what they are.
    fn logged_in(&mut self, session: String, node: usize, place: Place) {
        self.sessions
            .retain(|_, other| other.kicked.is_some() || other.node != node || other.place.user != place.user);
        let new = Session {
            place,
            node,
            kicked: None,
        };
        self.sessions.insert(session, new);
    }
}

impl World {
    /// A client's request arrived.
    pub(crate) fn note_request(&mut self, connection: ConnectionId, frame: &ClientFrame) {
        let asked = match &frame.request {
            Request::Login(login) => {
                self.check_token_is_newest(connection, &login.token);
                self.token_shown(connection, &login.token);
                Asked::Login {
                    place: Place {
                        room: login.room_id.clone(),
                        user: login.user_id.clone(),
                    },
                    token: login.token.clone(),
                }
            }
            Request::Resume(resume) => Asked::Resume {
                session: resume.session.clone(),
            },
            Request::RenewToken(renew) => return self.token_shown(connection, &renew.token),
            Request::Publish(publish) => Asked::Publish(publish.stream_id.clone()),
            Request::Play(play) => Asked::Play(play.stream_id.clone()),
            Request::SetRoomExtraInfo(set) => {
                let asked = self.books.room_info_asked(self.now, &set.value);
                Asked::RoomInfo(set.value.clone(), asked)
            }
            _ => return,
        };
        self.ledger.asked.insert((connection, frame.id), asked);
    }

    /// A server answers a request.
    pub(crate) fn note_reply(&mut self, node: usize, connection: ConnectionId, frame: &ServerFrame) {
        let (id, session) = match frame {
            ServerFrame::Ok { id, ok } => (*id, ok.get("session").and_then(|session| session.as_str())),
            ServerFrame::Error { id, .. } => return drop(self.ledger.asked.remove(&(connection, *id))),
            ServerFrame::Event(_) | ServerFrame::Notice(_) => return,
        };
        let Some(asked) = self.ledger.asked.remove(&(connection, id)) else {
            return;
        };
        match asked {
            Asked::Login { place, token } => {
                let made = self.ledger.tokens.get(&token).copied();
                self.check_login(node, &place, made);
                self.ledger.places.insert(connection, place.clone());
                self.books.logged_in(&place.user, node);
                if let Some(session) = session {
                    self.ledger.logged_in(session.into(), node, place);
                }
            }
            Asked::Resume { session } => match self.ledger.sessions.get(&session) {
                Some(Session { place, kicked, .. }) if kicked.is_none_or(|from| self.now < from) => {
                    self.ledger.places.insert(connection, place.clone());
                }
                Some(Session { place, .. }) => {
                    let what = format!("{} resumed in {} after a kick", place.user, place.room);
                    self.fail("I4", what);
                }
                None => self.fail("I4", format!("a session was resumed that nobody has: {session}")),
            },
            Asked::Publish(stream) => self.check_stream(node, connection, &stream, true),
            Asked::Play(stream) => self.check_stream(node, connection, &stream, false),
            Asked::RoomInfo(value, asked) => self.room_info_set(connection, value, asked),
        }
    }

    /// Which login of which client a connection belongs to.
    pub(crate) fn login_of(&self, connection: ConnectionId) -> Option<Login> {
        let mut servers = self.servers.iter();
        let socket = servers.find_map(|server| server.connections.get(&connection))?;
        let socket = self.sockets.get(socket)?;
        Some((socket.client, socket.life, socket.room))
    }

    /// Who is on a connection.
    pub(crate) fn place_of(&self, connection: ConnectionId) -> Option<Place> {
        self.ledger.places.get(&connection).cloned()
    }

    /// A token by its text.
    pub(crate) fn made(&self, token: &str) -> Option<Made> {
        self.ledger.tokens.get(token).copied()
    }
}
