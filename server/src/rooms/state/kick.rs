//! The server API ends sessions: of single users, or of everybody in a room.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::{RoomId, UserId};
use express_signalling::protocol::WireError;

use super::end::End;
use super::expiring::Expiring;
use super::login::Entry;
use super::records::{RoomKey, SessionKey};
use super::{Now, RoomsState};
use crate::rooms::admin::{AdminCall, AdminFault, CloseRoom, KickUsers, Order};
use crate::rooms::counters::count;
use crate::rooms::effect::Effect;

/// What a client is told where the business server gives no reason.
const NO_REASON: &str = "kicked out by the server's API";

/// For each kicked user and room the last second, in Unix time, whose tokens do not open that room to that user any more.
pub(super) type Revocations = Expiring<(RoomKey, UserId), i64>;

/// Kicks that are remembered: 50 a second, the documented limit, of one user each for more than half an hour.
pub(super) const MAX_REVOCATIONS: usize = 100_000;

impl RoomsState {
    /// A business server, whose signature was checked, asks for something.
    pub fn admin<C: AdminCall>(&mut self, now: Now, app_id: u32, call: C) -> (Result<C::Ok, AdminFault>, Vec<Effect>) {
        self.note_time(now);
        let answer = call.serve(self, now, app_id);
        (answer, self.take_effects())
    }

    /// Whether this user may log in to this room with this token, as far as the server API decides that.
    pub(super) fn is_welcome(&self, now: Now, entry: &Entry) -> Result<(), WireError> {
        let user = &entry.user.user_id;
        let revoked = self.revocations.get(&(entry.room.clone(), user.clone()), now.mono);
        if revoked.is_some_and(|last| entry.token.claims().ctime <= *last) {
            let message = "the user was kicked out of this room after the token was made; a new token is needed";
            return Err(WireError::fatal(codes::FORBID_BLACK_USER, message));
        }
        self.login_is_not_forbidden(now, &entry.room, user, entry.from)
    }

    pub(super) fn kick(&mut self, key: SessionKey, reason: &str) {
        let reason = if reason.is_empty() { NO_REASON } else { reason };
        self.end_session(key, End::Kicked(reason.into()), None);
    }

    /// Tokens made until now do not open the room to the user any more, for as long as is configured.
    pub(super) fn revoke(&mut self, now: Now, room: &RoomKey, user: UserId) {
        let lasts = Duration::from_secs(self.timings.kick_revokes_s);
        self.revoke_until(now, room, user, (now.unix_ms, lasts));
    }

    /// Tokens made until `made_ms` (Unix milliseconds) do not for so long.
    pub(super) fn revoke_until(&mut self, now: Now, room: &RoomKey, user: UserId, (made_ms, lasts): (u64, Duration)) {
        if lasts.is_zero() {
            return;
        }
        let (until, key) = (now.mono.saturating_add(lasts), (room.clone(), user));
        let made_s = i64::try_from(made_ms / 1000).unwrap_or(i64::MAX);
        // A later kick that is known counts.
        let known = self.revocations.get(&key, now.mono);
        if known.is_some_and(|known| *known > made_s) {
            return;
        }
        if self.revocations.insert(key, made_s, until, now.mono) {
            count(&mut self.counters.revocations_forgotten);
        }
    }
}

/// Users of one order.
const USERS: usize = 100;

impl RoomsState {
    /// Tells the other nodes whom the closing of a room kicks out here.
    fn tell_who_is_kicked(&mut self, room: &RoomKey, reason: &str) {
        let members = self.rooms.get(room).into_iter().flat_map(|room| &room.members);
        let sessions = members.filter_map(|key| self.sessions.get(key));
        let users: Vec<UserId> = sessions.map(|session| session.user.user_id.clone()).collect();
        self.tell_kicked(room, &users, reason);
    }

    /// Tells the other nodes who is kicked out here: to those who do not know them they do not come back either.
    pub(super) fn tell_kicked(&mut self, room: &RoomKey, users: &[UserId], reason: &str) {
        if self.cloud.is_none() {
            return;
        }
        for users in users.chunks(USERS) {
            let order = Order::Kick {
                room_id: room.1.clone(),
                user_ids: users.to_vec(),
                reason: reason.into(),
            };
            self.tell_order(room.0, order);
        }
    }
}

impl AdminCall for KickUsers {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let order = Order::Kick {
            room_id: self.room_id.clone(),
            user_ids: self.user_ids.clone(),
            reason: self.reason.clone(),
        };
        state.order(app_id, order);
        let room = (app_id, self.room_id);
        for user in self.user_ids {
            if let Some(key) = state.session_in(&room, &user) {
                state.kick(key, &self.reason);
            }
            // Also of who is not there: the user may be on the way back.
            state.revoke(now, &room, user);
        }
        Ok(())
    }
}

impl AdminCall for CloseRoom {
    type Ok = ();

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let room_key = (app_id, self.room_id);
        if !state.rooms.contains_key(&room_key) {
            return Err(AdminFault::NoRoom);
        }
        let order = Order::Close {
            room_id: room_key.1.clone(),
            reason: self.reason.clone(),
            tell_business: self.tell_business,
        };
        state.order(app_id, order);
        state.tell_who_is_kicked(&room_key, &self.reason);
        let Some(room) = state.rooms.get_mut(&room_key) else {
            return Err(AdminFault::NoRoom);
        };
        // Everybody goes: nobody needs to hear of each of the others.
        room.closing = true;
        room.tells_closing = self.tell_business;
        let members: Vec<SessionKey> = room.members.iter().copied().collect();
        let elsewhere: Vec<UserId> = room.elsewhere.others().map(|member| member.user.user_id.clone()).collect();
        for user in elsewhere {
            // That node may not hear of this, and its users come here.
            state.revoke(now, &room_key, user);
        }
        for key in &members {
            state.stop_all_plays(*key);
        }
        for key in members {
            if let Some(user) = state.sessions.get(&key).map(|session| session.user.user_id.clone()) {
                state.revoke(now, &room_key, user);
            }
            state.kick(key, &self.reason);
        }
        if let Some(room) = state.rooms.get_mut(&room_key) {
            // Nobody of this node was in it, or somebody waits for it: it goes on here as any other.
            room.closing = false;
        }
        count(&mut state.counters.rooms_closed);
        Ok(())
    }
}
