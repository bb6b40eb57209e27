//! What clients asked the server for and what it answered, noted where the frames pass: what was accepted is judged by this, and not
//! by what the server makes of it.

use std::collections::BTreeMap;

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
    RoomInfo(String),
}

#[derive(Debug)]
struct Session {
    place: Place,
    /// A kick ended it.
    kicked: bool,
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

    /// The server is gone.
    pub(crate) fn server_gone(&mut self) {
        self.asked.clear();
        self.places.clear();
        self.sessions.clear();
    }

    pub(crate) fn connection_gone(&mut self, connection: ConnectionId) {
        self.places.remove(&connection);
        self.asked.retain(|(of, _), _| *of != connection);
    }

    /// Sessions of a room that no kick has ended.
    pub(crate) fn sessions_in<'a>(&'a self, room: &'a RoomId) -> impl Iterator<Item = (&'a str, &'a UserId)> {
        let here = |session: &&Session| !session.kicked && session.place.room == *room;
        let sessions = self.sessions.iter().filter(move |(_, session)| here(session));
        sessions.map(|(name, session)| (name.as_str(), &session.place.user))
    }

    /// A user's session in a room, if there is one, was ended by a kick.
    pub(crate) fn kicked(&mut self, room: &RoomId, user: &UserId) {
        let theirs = |session: &&mut Session| session.place.room == *room && session.place.user == *user;
        self.sessions
            .values_mut()
            .filter(theirs)
            .for_each(|session| session.kicked = true);
    }

    /// A user has one session, that of its last login; those that were kicked must stay what they are.
    fn logged_in(&mut self, session: String, place: Place) {
        self.sessions
            .retain(|_, other| other.kicked || other.place.user != place.user);
        self.sessions.insert(session, Session { place, kicked: false });
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
            Request::SetRoomExtraInfo(set) => Asked::RoomInfo(set.value.clone()),
            _ => return,
        };
        self.ledger.asked.insert((connection, frame.id), asked);
    }

    /// The server answers a request.
    pub(crate) fn note_reply(&mut self, connection: ConnectionId, frame: &ServerFrame) {
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
                self.check_login(&place, made);
                self.ledger.places.insert(connection, place.clone());
                if let Some(session) = session {
                    self.ledger.logged_in(session.into(), place);
                }
            }
            Asked::Resume { session } => match self.ledger.sessions.get(&session) {
                Some(Session { place, kicked: false }) => drop(self.ledger.places.insert(connection, place.clone())),
                Some(Session { place, .. }) => {
                    let what = format!("{} resumed in {} after a kick", place.user, place.room);
                    self.fail("I4", what);
                }
                None => self.fail("I4", format!("a session was resumed that nobody has: {session}")),
            },
            Asked::Publish(stream) => self.check_stream(connection, &stream, true),
            Asked::Play(stream) => self.check_stream(connection, &stream, false),
            Asked::RoomInfo(value) => self.room_info_set(connection, value),
        }
    }

    /// Which login of which client a connection belongs to.
    pub(crate) fn login_of(&self, connection: ConnectionId) -> Option<Login> {
        let socket = self.sockets.get(self.server.connections.get(&connection)?)?;
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
