//! Business servers are told of rooms, users and streams that come and go.

use express_messages::types::StreamDeleteReason;

use super::RoomsState;
use super::end::End;
use super::records::{Room, RoomKey, Session, Stream};
use crate::forwarder::StreamKey;
use crate::rooms::business::{BusinessEvent, Happened, LoggedSession, LogoutReason, RoomClose, StreamClose, ToldStream};
use crate::rooms::effect::Effect;

/// The session that was the last in a room, and how it ended.
pub(super) type Last<'a> = (&'a Session, &'a End);

impl RoomsState {
    fn tell_business(&mut self, (app_id, room_id): &RoomKey, room_session: u64, happened: Happened) {
        if self.apps.get(app_id).is_some_and(|app| app.tells_business) {
            self.effects.push(Effect::Business(BusinessEvent {
                app_id: *app_id,
                room_id: room_id.clone(),
                room_session,
                happened,
            }));
        }
    }

    /// The user list of a room has changed: the life of the room, and which change this is.
    fn user_change(&mut self, room: &RoomKey) -> (u64, u64) {
        self.rooms.get_mut(room).map_or((0, 0), |room| {
            room.user_seq = room.user_seq.saturating_add(1);
            (room.session_id, room.user_seq)
        })
    }

    pub(super) fn tell_room_created(&mut self, room_key: &RoomKey, creator: &Session) {
        let Some(room) = self.rooms.get(room_key).filter(|room| room.user_seq == 0 && room.is_new) else {
            return;
        };
        let creator = creator.user.user_id.clone();
        self.tell_business(room_key, room.session_id, Happened::RoomCreated { creator });
    }

    /// The room is out of the table already.
    ///
    /// - `last`: the session that has just ended, if one has
    pub(super) fn tell_room_closed(&mut self, room_key: &RoomKey, room: &Room, last: Option<Last<'_>>) {
        // On other nodes it goes on, or nobody was told that it began.
        if !room.elsewhere.members.is_empty() || room.user_seq == 0 {
            return;
        }
        let reason = match last {
            _ if room.closing && !room.tells_closing => return,
            _ if room.closing => RoomClose::Normal,
            None | Some((_, End::Logout | End::RepeatLogin | End::TokenExpired)) => RoomClose::Normal,
            Some((session, End::HeartbeatTimeout)) if session.is_silent() => RoomClose::Offline,
            Some((_, End::HeartbeatTimeout)) => RoomClose::HeartbeatTimeout,
            Some((_, End::Kicked(_))) => RoomClose::Kicked,
        };
        self.tell_business(room_key, room.session_id, Happened::RoomClosed(reason));
    }

    /// - `again`: a session of the same user in the room has ended for this one
    pub(super) fn tell_logged_in(&mut self, session: &Session, again: bool) {
        let (room_session, user_seq) = self.user_change(&session.room);
        let session_told = told_session(session, user_seq);
        let happened = Happened::LoggedIn {
            session: session_told,
            again,
        };
        self.tell_business(&session.room, room_session, happened);
    }

    pub(super) fn tell_logged_out(&mut self, session: &Session, end: &End) {
        let reason = match end {
            End::Logout => LogoutReason::Normal,
            End::HeartbeatTimeout if session.is_silent() => LogoutReason::LinkLost,
            End::HeartbeatTimeout => LogoutReason::HeartbeatTimeout,
            End::RepeatLogin | End::Kicked(_) => LogoutReason::KickedOut,
            End::TokenExpired => LogoutReason::TokenExpired,
        };
        let (room_session, user_seq) = self.user_change(&session.room);
        let session_told = told_session(session, user_seq);
        let happened = Happened::LoggedOut {
            session: session_told,
            reason,
        };
        self.tell_business(&session.room, room_session, happened);
    }

    /// A stream that was announced, or whose publisher has connected `again`.
    pub(super) fn tell_stream_created(&mut self, key: StreamKey, again: bool) {
        let Some(stream) = self.streams.get(&key) else {
            return;
        };
        let known = self.rooms.get(&stream.room);
        let stream_seq = known.map_or(0, |room| room.stream_seq);
        let room_session = known.map_or(stream.group.0, |room| room.session_id);
        let room = stream.room.clone();
        let stream = told_stream(stream, key, stream_seq);
        self.tell_business(&room, room_session, Happened::StreamCreated { stream, again });
    }

    /// A stream that was announced is out of the tables.
    pub(super) fn tell_stream_closed(&mut self, key: StreamKey, stream: &Stream, reason: StreamDeleteReason) {
        let room = self.rooms.get(&stream.room);
        let reason = match reason {
            _ if room.is_some_and(|room| room.closing) => StreamClose::RoomClosed,
            StreamDeleteReason::Stopped => StreamClose::Normal,
            StreamDeleteReason::HeartbeatTimeout => StreamClose::HeartbeatTimeout,
            StreamDeleteReason::RepeatLogin => StreamClose::RepeatLogin,
            StreamDeleteReason::KickedOut => StreamClose::KickedOut,
            StreamDeleteReason::Offline => StreamClose::LinkLost,
            // What is left is the server's own doing.
            _ => StreamClose::RemovedByServer,
        };
        let stream_seq = room.map_or(0, |room| room.stream_seq);
        let room_session = room.map_or(stream.group.0, |room| room.session_id);
        let told = told_stream(stream, key, stream_seq);
        let happened = Happened::StreamClosed { stream: told, reason };
        self.tell_business(&stream.room, room_session, happened);
    }
}

fn told_session(session: &Session, user_seq: u64) -> LoggedSession {
    LoggedSession {
        user: session.user.clone(),
        number: session.number,
        login_ms: session.login_ms,
        user_seq,
    }
}

fn told_stream(stream: &Stream, key: StreamKey, stream_seq: u64) -> ToldStream {
    ToldStream {
        stream_id: stream.name.1.clone(),
        number: key.0,
        user: stream.user.clone(),
        extra_info: stream.extra_info.clone(),
        created_ms: stream.created_ms,
        stream_seq,
    }
}
