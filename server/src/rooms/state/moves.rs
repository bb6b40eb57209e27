//! Users who log in on another node, and what becomes of their sessions and streams here.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use express_messages::codes;
use express_messages::ids::UserId;
use express_signalling::protocol::StreamRoleWord;

use super::end::{End, ended};
use super::records::{RoomKey, Session, SessionKey, SessionSecret, Timer};
use super::relays::REPLACED;
use super::{Now, RoomsState};
use crate::forwarder::StreamKey;
use crate::rooms::cloud::{LoginElsewhere, NodeName, Wish};

/// How long a session that has moved away goes on, at most: its streams are taken over meanwhile.
const MOVING: Duration = Duration::from_secs(15);
/// So long after another node's member is seen to have logged in later that login itself, which says more, may still be heard of.
const UNHEARD: Duration = Duration::from_secs(3);
/// How long a stream that has moved is kept until the other node says that it is there.
const UNCONFIRMED: Duration = Duration::from_secs(15);
/// Longest name of a session that another node could have given: its own, a dot, 32 digits.
const MAX_SESSION_NAME: usize = 80;

fn fingerprint(instance: &SessionSecret) -> Option<[u8; 32]> {
    digest(&SHA256, instance.expose().as_bytes()).as_ref().try_into().ok()
}

impl RoomsState {
    /// Tells the other nodes that a user has logged in here.
    pub(super) fn tell_login(&mut self, key: SessionKey, moved_from: Option<String>) {
        if self.cloud.is_none() {
            return;
        }
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let login = LoginElsewhere {
            app_id: session.room.0,
            room_id: session.room.1.clone(),
            user_id: session.user.user_id.clone(),
            login_ms: session.login_ms,
            instance: session.instance.as_ref().and_then(fingerprint),
            moved_from: moved_from.filter(|name| name.len() <= MAX_SESSION_NAME),
        };
        self.wish(Wish::LoggedIn(login));
    }

    /// When a login is, Unix milliseconds: after one on another node, whose clock may be ahead.
    pub(super) fn login_time(&self, now: Now, room: &RoomKey, user: &UserId) -> u64 {
        let other = self.member_elsewhere(room, user).map_or(0, |member| member.login_ms);
        now.unix_ms.max(other.saturating_add(1))
    }

    /// Ends what the same login here would have ended.
    pub(super) fn logged_in_elsewhere(&mut self, now: Now, login: &LoginElsewhere) {
        for key in self.users.everywhere(login.app_id, &login.user_id) {
            let Some(session) = self.sessions.get(&key) else {
                continue;
            };
            if session.login_ms >= login.login_ms || stays_beside(session, login) {
                continue;
            }
            if login.moved_from.as_ref() == Some(&session.id) {
                self.move_away(now, key);
            } else {
                self.end_session(key, End::RepeatLogin, None);
            }
        }
    }

    /// A user is in the room on another node: if that login is the later one and nothing comes of it by itself, for its news was
    /// lost, the one here ends.
    pub(super) fn watch_for_later_login(&mut self, room: &RoomKey, user: &UserId) {
        let Some(key) = self.session_in(room, user) else { return };
        let at = self.in_a(UNHEARD);
        if self.is_superseded(key) && !self.timers.is_set(&Timer::Superseded(key)) {
            self.timers.set(Timer::Superseded(key), at);
        }
    }

    pub(super) fn superseded_due(&mut self, key: SessionKey) {
        if self.is_superseded(key) {
            self.end_session(key, End::RepeatLogin, None);
        }
    }

    fn is_superseded(&self, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get(&key).filter(|session| !session.moving) else {
            return false;
        };
        let elsewhere = self.member_elsewhere(&session.room, &session.user.user_id);
        elsewhere.is_some_and(|member| member.login_ms > session.login_ms)
    }

    /// The client goes on elsewhere: its session ends quietly, and not before its streams are taken over.
    fn move_away(&mut self, now: Now, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(&key).filter(|session| !session.moving) {
            session.moving = true;
            self.timers.set(Timer::Moving(key), now.mono.saturating_add(MOVING));
        }
    }

    /// A login on this node says that it replaces this session: that one is told nothing.
    pub(super) fn quieten(&mut self, replaced: &[SessionKey], moved_from: Option<&str>) {
        for key in replaced {
            if let Some(session) = self
                .sessions
                .get_mut(key)
                .filter(|session| Some(session.id.as_str()) == moved_from)
            {
                session.moving = true;
            }
        }
    }

    /// A stream's user publishes it on another node now: its players stay.
    pub(super) fn hand_over(&mut self, now: Now, key: StreamKey, node: NodeName) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.origin = Some(node);
        stream.ticket = None;
        let (owner, unconnected) = (stream.owner.take(), stream.next.take());
        let name = stream.name.clone();
        if let Some((owner, session)) = owner.and_then(|owner| Some((owner, self.sessions.get_mut(&owner)?))) {
            session.publishing.remove(&key);
            if !session.moving {
                // Another session of the user has it, which this one's client knows nothing of.
                let text = "the user publishes the stream elsewhere";
                let event = ended(&name.1, StreamRoleWord::Publish, codes::PUBLISHER_DUPLICATE_STREAMID, text);
                self.tell(owner, event);
            }
        }
        if let Some(unconnected) = unconnected {
            self.remove_peer(unconnected);
        }
        self.timers.set(Timer::RelayFormer(key), now.mono.saturating_add(REPLACED));
        self.timers.set(Timer::Stream(key), now.mono.saturating_add(UNCONFIRMED));
        self.listeners_changed(key);
        self.reveal(&name);
    }
}

/// A login of the same instance stays in another room.
fn stays_beside(session: &Session, login: &LoginElsewhere) -> bool {
    let known = session.instance.as_ref().and_then(fingerprint);
    session.room.1 != login.room_id && known.is_some() && known == login.instance
}
