//! loginRoom and logoutRoom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use express_messages::codes;
use express_messages::ids::{InstanceId, UserId};
use express_messages::types::ZegoUser;
use express_signalling::protocol::{Done, Login, LoginOk, ServerFrame, WireError};
use express_token::{Refusal, Verified, verify};
use rand::RngExt;

use super::messages::{SentByUser, SentToRoom};
use super::nodes::Nodes;
use super::notices::Waiting;
use super::records::{Room, RoomKey, Session, SessionKey, SessionSecret, Timer};
use super::remote::Elsewhere;
use super::requests::{STRIKE_GUESS, choose_version, whole_ms};
use super::resume::node_in;
use super::room_info::RoomInfo;
use super::waiting_logins::Entering;
use super::{End, Now, RoomsState, ms, session_is_gone};
use crate::forwarder::GroupKey;
use crate::rooms::bucket::Bucket;
use crate::rooms::cloud::{Fact, Member, RoomTerms};
use crate::rooms::counters::count;
use crate::rooms::effect::{CloseReason, ConnectionId};
use crate::rooms::replay::ReplayBuffer;

/// When a login is worth another try while the server is full or stops.
pub(super) const FULL_RETRY: Duration = Duration::from_secs(5);

/// Who enters a room, and how.
pub(super) struct Entry {
    pub(super) room: RoomKey,
    pub(super) user: ZegoUser,
    pub(super) token: Verified,
    /// `None`: by WHIP or WHEP.
    pub(super) connection: Option<ConnectionId>,
    /// The client's address, as far as the server sees it.
    pub(super) from: Option<IpAddr>,
    /// The user stays in other rooms by logins of the same instance.
    pub(super) instance: Option<InstanceId>,
    pub(super) user_update: bool,
    /// Counts where the entry creates the room; 0: no limit.
    pub(super) max_members: u32,
    /// The same: of how many loudest streams its players hear; 0: of all.
    pub(super) loudest_streams: u32,
    /// A session on another node that this one takes the place of.
    pub(super) moved_from: Option<String>,
}

impl RoomsState {
    /// - `Ok(None)`: the answer comes when the room is open
    pub(super) fn login(
        &mut self,
        now: Now,
        (connection, id): (ConnectionId, u64),
        login: Login,
    ) -> Result<Option<LoginOk>, WireError> {
        let version = choose_version(&login.versions)?;
        self.takes_logins()?;
        let token = self.judge_login(now, connection, &login)?;
        self.may_be_in_several(&login)?;
        let user = ZegoUser::new(&login.user_id, login.user_name.clone())
            .map_err(|error| WireError::fatal(error.code, error.message))?;
        let room = (login.app_id, login.room_id.clone());
        let entry = Entry {
            room: room.clone(),
            user,
            token,
            connection: Some(connection),
            from: self.connections.get(&connection).and_then(|known| known.from),
            instance: login.instance,
            user_update: login.user_update,
            max_members: login.max_member_count,
            loudest_streams: login.loudest_streams,
            moved_from: login.moved_from,
        };
        if self.must_be_opened(&room) {
            self.is_welcome(now, &entry)?;
            let terms = (entry.max_members, entry.loudest_streams);
            let left = entry.moved_from.as_deref().and_then(node_in);
            let entry = Box::new(entry);
            let who = Entering::Socket {
                connection,
                id,
                version,
                entry,
            };
            return self.wait_for_room(&room, terms, (login.redirected, left), who).map(|()| None);
        }
        let key = self.enter(now, entry)?;
        self.login_ok(now, version, key).map(Some)
    }

    /// Lets a user in whose token was judged; the user's other sessions end, but for those of the same instance in other rooms.
    pub(super) fn enter(&mut self, now: Now, entry: Entry) -> Result<SessionKey, WireError> {
        let (room_key, user) = (entry.room.clone(), entry.user.clone());
        let replaced = self.replaced_by(&entry);
        self.is_welcome(now, &entry)?;
        self.may_replace(&room_key, &replaced)?;
        self.admit(now, &room_key, &user.user_id, &replaced)?;
        // Who logs in again under the same name just stays in the list of the room.
        let stays = replaced.iter().any(|key| self.is_in_as(*key, &room_key, &user));
        let again = replaced.iter().any(|key| self.is_in(*key, &room_key));
        let moved_from = entry.moved_from.clone();
        self.quieten(&replaced, moved_from.as_deref());
        let kept = self.cloud.is_some().then(|| room_key.clone());
        let kept = self.keep_room(kept);
        for key in replaced {
            let stays_here = stays && self.is_in(key, &room_key);
            self.replace_session(key, stays_here.then_some(&room_key));
        }
        self.enter_room(now, &room_key, &entry);
        let before = self.visible(&room_key, &user.user_id).filter(|_| !stays);
        let key = self.add_session(now, entry, again);
        self.keep_room(kept);
        if !stays {
            self.show_user(&room_key, before, Some(user.clone()));
        }
        self.tell_login(key, moved_from);
        count(&mut self.counters.logins);
        tracing::info!(app_id = room_key.0, room_id = %room_key.1, user_id = %user.user_id, "login");
        Ok(key)
    }

    /// The sessions of the user that end by this entry: all, but for those of the same instance in other rooms.
    fn replaced_by(&self, entry: &Entry) -> Vec<SessionKey> {
        let goes_on = |session: &Session| {
            let same = session.instance.as_ref().zip(entry.instance.as_ref());
            session.room != entry.room && same.is_some_and(|(known, shown)| known.is(shown.as_str()))
        };
        let mut all = self.users.everywhere(entry.room.0, &entry.user.user_id);
        all.retain(|key| !self.sessions.get(key).is_some_and(goes_on));
        all
    }

    /// Whether the user's earlier sessions may end for a new one: where the AppID refuses that, only those without a connection.
    fn may_replace(&self, (app_id, _): &RoomKey, replaced: &[SessionKey]) -> Result<(), WireError> {
        let refuses = self.apps.get(app_id).is_some_and(|app| app.refuses_double_login);
        let mut there = replaced.iter().filter_map(|key| self.sessions.get(key));
        if refuses && there.any(|session| !session.is_silent()) {
            let message = "the user is logged in by another client; log out there first";
            return Err(WireError::fatal(codes::USER_HAD_LOGIN_OTHER, message));
        }
        Ok(())
    }

    pub(super) fn logout(&mut self, connection: ConnectionId, key: SessionKey, id: u64) {
        self.reply(connection, ServerFrame::ok(id, &Done {}));
        self.end_session(key, End::Logout, None);
        self.close(connection, CloseReason::normal("logged out"));
    }

    /// Whether the AppID's users may be in several rooms, where that is asked for.
    fn may_be_in_several(&self, login: &Login) -> Result<(), WireError> {
        let may = self.apps.get(&login.app_id).is_some_and(|app| app.multi_room);
        if login.instance.is_some() && !may {
            let message = "users of this AppID may be in one room at a time; log in without enableMultiRoom";
            return Err(WireError::fatal(codes::MULTI_ROOM_UNABLE, message));
        }
        Ok(())
    }

    fn judge_login(&mut self, now: Now, connection: ConnectionId, login: &Login) -> Result<Verified, WireError> {
        let Some(app) = self.apps.get(&login.app_id) else {
            self.strike(now, connection, STRIKE_GUESS);
            let message = format!("this server does not serve AppID {}", login.app_id);
            return Err(WireError::fatal(codes::APPID_INVALID, message));
        };
        let judged = verify(&login.token, &app.secret, &app.policy, login.user_id.as_str(), now.unix_s())
            .and_then(|token| token.may_login(login.room_id.as_str()).map(|()| token));
        judged.map_err(|refusal| {
            tracing::info!(app_id = login.app_id, user_id = %login.user_id, reason = %refusal.reason(), "login refused");
            self.strike(now, connection, STRIKE_GUESS);
            token_refused(&refusal)
        })
    }

    /// Whether there is room for one more, and time; `replaced` will have gone then.
    fn admit(&mut self, now: Now, room_key: &RoomKey, user: &UserId, replaced: &[SessionKey]) -> Result<(), WireError> {
        let elsewhere = self.users.everywhere(room_key.0, user).len().saturating_sub(replaced.len());
        if reached(self.limits.rooms_per_user, elsewhere) {
            let message = format!("the user is in {elsewhere} rooms, which is the limit; log out of one of them");
            return Err(WireError::fatal(codes::MULTI_ROOM_COUNT_EXCEED, message));
        }
        let app = self.apps.get(&room_key.0).ok_or_else(session_is_gone)?;
        if replaced.is_empty() && reached(self.limits.sessions_per_app, app.sessions) {
            return Err(WireError::retry(
                codes::ROOM_INNER_ERROR,
                "the server has as many users as it takes",
                FULL_RETRY,
            ));
        }
        let was_in = self.visible(room_key, user).is_some();
        let Some(room) = self.rooms.get_mut(room_key) else {
            if reached(self.limits.rooms_per_app, app.rooms) {
                return Err(WireError::retry(
                    codes::ROOM_INNER_ERROR,
                    "the server has as many rooms as it takes",
                    FULL_RETRY,
                ));
            }
            return Ok(());
        };
        if let Err(wait) = room.logins.take(self.logins, 1, now.mono) {
            let wait = whole_ms(wait);
            return Err(WireError::retry(
                codes::ROOM_RATE_LIMIT,
                "too many logins to this room in a second",
                wait,
            ));
        }
        let others = room.users().saturating_sub(usize::from(was_in));
        if reached(room.max_members as usize, others) || reached(self.limits.users_per_room, others) {
            return Err(WireError::fatal(codes::ROOM_MAX_USER_COUNT, "the room is full"));
        }
        Ok(())
    }

    fn is_in(&self, key: SessionKey, room_key: &RoomKey) -> bool {
        self.sessions.get(&key).is_some_and(|session| session.room == *room_key)
    }

    fn is_in_as(&self, key: SessionKey, room_key: &RoomKey, user: &ZegoUser) -> bool {
        self.sessions
            .get(&key)
            .is_some_and(|session| session.room == *room_key && session.user == *user)
    }

    /// The first one in creates the room, and its limit counts.
    fn enter_room(&mut self, now: Now, room_key: &RoomKey, entry: &Entry) {
        if self.rooms.contains_key(room_key) {
            return;
        }
        let terms = RoomTerms {
            session_id: self.new_room_session(),
            max_members: entry.max_members,
            loudest_streams: entry.loudest_streams,
        };
        self.add_room(room_key, terms, true);
        if let Some(room) = self.rooms.get_mut(room_key) {
            // The first of a burst: it cannot be refused.
            let _ = room.logins.take(self.logins, 1, now.mono);
        }
    }

    /// Names a life of a room: below 2^53, so that it is exact as a JSON number everywhere; 0 means none.
    pub(super) fn new_room_session(&mut self) -> u64 {
        self.rng.random_range(1..1 << 53)
    }

    /// A room in which nobody is yet.
    pub(super) fn add_room(&mut self, room_key: &RoomKey, terms: RoomTerms, is_new: bool) {
        let room = Room {
            session_id: terms.session_id,
            // Spread evenly, for it is random.
            group: GroupKey(terms.session_id),
            is_new,
            max_members: terms.max_members,
            loudest_streams: terms.loudest_streams,
            members: BTreeSet::new(),
            streams: BTreeMap::new(),
            logins: Bucket::default(),
            closing: false,
            tells_closing: true,
            user_seq: 0,
            stream_seq: 0,
            sent: SentToRoom::default(),
            info: RoomInfo::default(),
            waiting: Waiting::default(),
            elsewhere: Elsewhere::default(),
        };
        self.rooms.insert(room_key.clone(), room);
        if let Some(app) = self.apps.get_mut(&room_key.0) {
            app.rooms = app.rooms.saturating_add(1);
        }
    }

    fn add_session(&mut self, now: Now, entry: Entry, again: bool) -> SessionKey {
        let key = SessionKey(self.new_number());
        let Entry {
            room: room_key, user, ..
        } = entry;
        let user_id = user.user_id.clone();
        let session = Session {
            id: self.new_session_id(),
            secret: SessionSecret::new(hex(&self.rng.random::<[u8; 32]>())),
            number: self.rng.random_range(1..1 << 53),
            instance: entry.instance.map(|instance| SessionSecret::new(instance.into())),
            room: room_key.clone(),
            user,
            user_update: entry.user_update,
            token: entry.token,
            ice_expires_at: None,
            hosted: entry.connection.is_none(),
            connection: entry.connection,
            login_ms: self.login_time(now, &room_key, &user_id),
            last_heard: now.mono,
            replay: ReplayBuffer::new(self.limits.replay_events, self.limits.replay_messages),
            publishing: BTreeSet::new(),
            playing: BTreeMap::new(),
            sent: SentByUser::default(),
            moved: entry.moved_from.is_some(),
            moving: false,
        };
        self.tell_room_created(&room_key, &session);
        self.tell_logged_in(&session, again);
        if let Some(known) = entry.connection.and_then(|connection| self.connections.get_mut(&connection)) {
            known.session = Some(key);
        }
        if let Some(room) = self.rooms.get_mut(&room_key) {
            room.members.insert(key);
        }
        if let Some(app) = self.apps.get_mut(&room_key.0) {
            app.sessions = app.sessions.saturating_add(1);
        }
        self.session_ids.insert(session.id.clone(), key);
        let member = Member {
            user: session.user.clone(),
            login_ms: session.login_ms,
        };
        self.users.insert(room_key.clone(), user_id.clone(), key);
        self.sessions.insert(key, session);
        self.note_doubled(&room_key, &user_id);
        self.tell_nodes(&room_key, Fact::UserCame(member));
        self.heard(now, Some(key));
        self.watch_token(now, key);
        key
    }

    /// Its public name; in a cloud it says which node has the session.
    fn new_session_id(&mut self) -> String {
        let id = hex(&self.rng.random::<[u8; 16]>());
        match &self.cloud {
            Some(cloud) => format!("{}.{id}", cloud.name),
            None => id,
        }
    }

    pub(super) fn login_ok(&mut self, now: Now, version: u32, key: SessionKey) -> Result<LoginOk, WireError> {
        let ice_servers = self.begin_ice_servers(now, key);
        let session = self.session(key)?;
        Ok(LoginOk {
            version,
            session: session.id.clone(),
            secret: session.secret.expose().into(),
            room_session_id: self.rooms.get(&session.room).map_or(0, |room| room.session_id),
            heartbeat_ms: ms(self.timings.heartbeat()),
            heartbeat_timeout_ms: ms(self.timings.user_timeout()),
            token_expires_in_ms: ms(now.until(session.token.expires_at())),
            server_time_ms: now.unix_ms,
            online_count: self.online_count(&session.room),
            snapshot: self.snapshot(session),
            ice_servers,
            nodes: self.cloud.as_ref().map(Nodes::urls).unwrap_or_default(),
        })
    }

    /// Arms the deadline of a token whose expiry ends the session.
    pub(super) fn watch_token(&mut self, now: Now, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        if self.apps.get(&session.room.0).is_some_and(|app| app.kick_on_expiry) {
            let at = now.mono.saturating_add(now.until(session.token.expires_at()));
            self.timers.set(Timer::Token(key), at);
        }
    }
}

/// What a client may know of a refused token.
pub(super) fn token_refused(refusal: &Refusal) -> WireError {
    let code = i32::try_from(refusal.code()).unwrap_or(codes::TOKEN_ERROR);
    WireError::fatal(code, refusal.client_message())
}

/// Whether `used` is at its limit; 0 is none.
pub(super) fn reached(limit: usize, used: usize) -> bool {
    limit != 0 && used >= limit
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_is_none() {
        assert!(!reached(0, 9) && reached(9, 9) && !reached(9, 8));
    }
}
