//! How sessions and streams end.

use std::collections::{HashMap, VecDeque};

use express_messages::codes;
use express_messages::types::{StreamDeleteReason, ZegoUpdateType};
use express_signalling::protocol::{Event, KickOut, RoomStreamUpdate, StreamEnded, StreamGone, StreamRoleWord, WireError};

use super::RoomsState;
use super::records::{RoomKey, Session, SessionKey, SessionSecret, StreamName, Timer};
use crate::forwarder::{PeerId, StreamKey};
use crate::rooms::cloud::Fact;
use crate::rooms::counters::count;
use crate::rooms::effect::{CloseReason, Effect};

/// Kicked sessions that are remembered, so that the client learns why instead of logging in again: a user logged in twice
/// would otherwise kick itself forever.
const REMEMBERED: usize = 10_000;

/// How a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The user left.
    Logout,
    /// The user was silent for too long.
    HeartbeatTimeout,
    /// The user logged in again.
    RepeatLogin,
    /// The token expired, and the AppID is strict about that.
    TokenExpired,
    /// The server API wanted it, for this reason.
    Kicked(String),
}

impl End {
    /// What others are told about the streams.
    fn stream_reason(&self) -> StreamDeleteReason {
        match self {
            Self::Logout => StreamDeleteReason::Stopped,
            Self::HeartbeatTimeout => StreamDeleteReason::HeartbeatTimeout,
            Self::RepeatLogin => StreamDeleteReason::RepeatLogin,
            Self::TokenExpired | Self::Kicked(_) => StreamDeleteReason::KickedOut,
        }
    }

    /// What the client is told, if it is kicked.
    pub(super) fn kick(&self) -> Option<(i32, &str)> {
        match self {
            Self::Logout | Self::HeartbeatTimeout => None,
            Self::RepeatLogin => Some((codes::MULTIPLE_LOGIN_KICKOUT, "the user logged in elsewhere")),
            Self::TokenExpired => Some((codes::TOKEN_EXPIRED, "token expired")),
            Self::Kicked(reason) => Some((codes::MANUAL_KICKOUT, reason)),
        }
    }
}

/// Sessions, and resources of sessions, that were kicked, and why; the oldest is forgotten.
#[derive(Debug, Default)]
pub(super) struct Ended {
    kicks: HashMap<String, (SessionSecret, WireError)>,
    order: VecDeque<String>,
}

impl Ended {
    /// How many sessions are remembered.
    #[cfg(feature = "chaos")]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn remember(&mut self, id: String, secret: SessionSecret, why: WireError) {
        self.order.push_back(id.clone());
        self.kicks.insert(id, (secret, why));
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.kicks.remove(&oldest);
            }
        }
    }

    /// Why this session was ended, for who knows its secret.
    pub(super) fn why(&self, id: &str, secret: &str) -> Option<WireError> {
        let (expected, why) = self.kicks.get(id)?;
        expected.is(secret).then(|| why.clone())
    }
}

impl RoomsState {
    /// A later login of the same user takes the place of this session.
    ///
    /// - `stays_in`: the room, if the user stays in it and nobody shall notice
    pub(super) fn replace_session(&mut self, key: SessionKey, stays_in: Option<&RoomKey>) {
        let silent = self.sessions.get(&key).is_some_and(Session::is_silent);
        if silent && stays_in.is_some() {
            self.leave_streams_to_user(key);
        }
        self.end_session(key, End::RepeatLogin, stays_in);
    }

    /// Ends a session and all that hangs on it.
    ///
    /// - `stays_in`: the room, if another session of the same user is about to enter it: then others hear nothing about
    ///   the user, and streams left to the user stay
    pub(super) fn end_session(&mut self, key: SessionKey, end: End, stays_in: Option<&RoomKey>) {
        self.stop_all_plays(key);
        self.cancel_claims(key, None);
        self.end_resources_of_session(key, &end);
        self.end_streams_of(key, &end, stays_in.is_some());
        self.say_goodbye(key, &end);
        let Some(session) = self.sessions.remove(&key) else {
            return;
        };
        self.timers.clear(Timer::Session(key));
        self.timers.clear(Timer::Token(key));
        self.timers.clear(Timer::Moving(key));
        self.timers.clear(Timer::Superseded(key));
        self.session_ids.remove(&session.id);
        self.users.remove(&session.room, &session.user.user_id);
        if let Some(app) = self.apps.get_mut(&session.room.0) {
            app.sessions = app.sessions.saturating_sub(1);
        }
        if let Some(room) = self.rooms.get_mut(&session.room) {
            room.members.remove(&key);
        }
        self.tell_logged_out(&session, &end);
        let user_id = &session.user.user_id;
        self.note_doubled(&session.room, user_id);
        if stays_in.is_none() {
            self.stop_plays_in(&session.room, user_id);
            self.tell_nodes(&session.room, Fact::UserLeft(user_id.clone()));
            let goes_on = self
                .member_elsewhere(&session.room, user_id)
                .map(|member| member.user.clone());
            self.show_user(&session.room, Some(session.user.clone()), goes_on);
            self.close_room_if_unused(&session.room, Some((&session, &end)));
        }
        self.count_end(&end);
        let (app_id, room_id) = &session.room;
        tracing::info!(app_id, %room_id, user_id = %session.user.user_id, ?end, "session ended");
        if let Some((code, message)) = end.kick().filter(|_| !session.hosted && !session.moving) {
            self.ended
                .remember(session.id, session.secret, WireError::fatal(code, message));
        }
    }

    /// A silent session's announced streams stay the user's until the time of the session would have been over.
    fn leave_streams_to_user(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let until = session.last_heard.saturating_add(self.timings.user_timeout());
        for stream_key in std::mem::take(&mut session.publishing) {
            let Some(stream) = self.streams.get_mut(&stream_key) else {
                continue;
            };
            if stream.announced.is_some() {
                stream.owner = None;
                self.timers.set(Timer::Stream(stream_key), until);
            } else {
                self.end_stream(stream_key, StreamDeleteReason::RepeatLogin, None);
            }
        }
    }

    fn end_streams_of(&mut self, key: SessionKey, end: &End, user_stays: bool) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let mut streams: Vec<StreamKey> = session.publishing.iter().copied().collect();
        // If the old session was silent, what it left to the user goes on; it would not have been its own any more.
        if !(user_stays && session.is_silent()) {
            let room_streams = self
                .rooms
                .get(&session.room)
                .into_iter()
                .flat_map(|room| room.streams.values());
            let left = room_streams.filter(|key| {
                let stream = self.streams.get(key);
                stream.is_some_and(|stream| stream.is_left_behind() && stream.user.user_id == session.user.user_id)
            });
            streams.extend(left);
        }
        for stream in streams {
            self.end_stream(stream, end.stream_reason(), None);
        }
    }

    /// Tells the client, where there is one, and lets go of its socket.
    fn say_goodbye(&mut self, key: SessionKey, end: &End) {
        let Some(connection) = self.sessions.get(&key).and_then(|session| session.connection) else {
            return;
        };
        if let Some((code, message)) = end.kick() {
            let kick = KickOut {
                code,
                message: message.into(),
                need_relogin: false,
            };
            self.tell(key, Event::KickOut(kick));
            self.close(connection, CloseReason::normal("kicked out"));
        } else if *end == End::HeartbeatTimeout {
            self.close(connection, CloseReason::policy("no heartbeat in time"));
        }
        if let Some(known) = self.connections.get_mut(&connection) {
            known.session = None;
        }
    }

    fn count_end(&mut self, end: &End) {
        let counters = &mut self.counters;
        count(match end {
            End::Logout => &mut counters.logouts,
            End::HeartbeatTimeout => &mut counters.heartbeat_timeouts,
            End::RepeatLogin => &mut counters.repeat_logins,
            End::TokenExpired => &mut counters.token_kicks,
            End::Kicked(_) => &mut counters.kicks,
        });
    }

    /// Ends a stream: others in the room hear why, its players and, with a code, its publisher hear that it is over.
    pub(super) fn end_stream(&mut self, key: StreamKey, reason: StreamDeleteReason, publisher: Option<(i32, &str)>) {
        if let Some(name) = self.remove_stream(key, reason, publisher) {
            self.reveal(&name);
        }
    }

    /// The same where another stream takes the name at once.
    pub(super) fn remove_stream(
        &mut self,
        key: StreamKey,
        reason: StreamDeleteReason,
        publisher: Option<(i32, &str)>,
    ) -> Option<StreamName> {
        let stream = self.streams.remove(&key)?;
        self.end_relays(key, &stream);
        self.tell_nodes_stream_is_over(&stream, reason);
        self.timers.clear(Timer::Stream(key));
        self.stream_names.remove(&stream.name);
        for peer in [stream.media, stream.next].into_iter().flatten() {
            self.remove_peer(peer);
        }
        self.end_resources_of_stream(key);
        let stream_id = stream.name.1.clone();
        if let Some(place) = stream.announced {
            if let Some(room) = self.rooms.get_mut(&stream.room) {
                room.streams.remove(&place);
                room.stream_seq = room.stream_seq.saturating_add(1);
            }
            if stream.origin.is_none() {
                self.tell_stream_closed(key, &stream, reason);
            }
            let event = Event::RoomStreamUpdate(RoomStreamUpdate {
                update: ZegoUpdateType::Delete,
                streams: vec![stream.listed()],
                reasons: vec![StreamGone {
                    stream_id: stream_id.clone(),
                    reason,
                }],
            });
            self.tell_others(&stream.room, &stream.user, event, false);
        }
        let (code, message) = self.why_play_ends(&stream.name);
        for player in stream.players {
            self.end_play(player, key);
            let event = ended(&stream_id, StreamRoleWord::Play, code, message);
            self.tell(player, event);
        }
        if let Some(owner) = stream.owner {
            if let Some(session) = self.sessions.get_mut(&owner) {
                session.publishing.remove(&key);
            }
            if let Some((code, message)) = publisher {
                self.tell(owner, ended(&stream_id, StreamRoleWord::Publish, code, message));
            }
        }
        Some(stream.name)
    }

    pub(super) fn remove_peer(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.effects.push(Effect::RemovePeer(peer));
        self.peer_removed(peer);
    }
}

/// The event that a stream is over for one of its ends.
pub(super) fn ended(stream_id: &express_messages::ids::StreamId, role: StreamRoleWord, code: i32, message: &str) -> Event {
    Event::StreamEnded(StreamEnded {
        stream_id: stream_id.clone(),
        role,
        code,
        message: message.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_kicked_sessions_are_remembered_and_the_oldest_goes() {
        let mut ended = Ended::default();
        for number in 0..=REMEMBERED {
            ended.remember(
                number.to_string(),
                SessionSecret::new("secret".into()),
                WireError::fatal(1, "why"),
            );
        }
        assert_eq!((ended.kicks.len(), ended.order.len()), (REMEMBERED, REMEMBERED));
        assert!(ended.why("0", "secret").is_none());
        assert!(ended.why("1", "secret").is_some() && ended.why("1", "guess").is_none());
    }
}
