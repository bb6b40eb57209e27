//! The server API asks who is in rooms, and what is published there.

use express_messages::ids::{RoomId, UserId};
use express_messages::types::ZegoUser;

use super::records::{Room, RoomKey, SessionKey};
use super::{Now, RoomsState};
use crate::rooms::admin::{
    AdminCall, AdminFault, CountUsers, FindUsers, ListStreams, ListUsers, StreamStatus, UserMarker, UserPage, UserStatus,
};

impl RoomsState {
    /// The session of a user in a room.
    pub(super) fn session_in(&self, room: &RoomKey, user: &UserId) -> Option<SessionKey> {
        self.users.in_room(room, user)
    }

    /// Everybody in a room, and when each has logged in.
    fn members<'a>(&'a self, room: Option<&'a Room>) -> impl Iterator<Item = (u64, &'a ZegoUser)> {
        let keys = room.into_iter().flat_map(|room| &room.members);
        let here = keys.filter_map(|key| self.sessions.get(key));
        let here = here.map(|session| (session.login_ms, &session.user));
        let elsewhere = room.into_iter().flat_map(|room| room.elsewhere.others());
        here.chain(elsewhere.map(|member| (member.login_ms, &member.user)))
    }
}

impl AdminCall for ListUsers {
    type Ok = UserPage;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<UserPage, AdminFault> {
        let room = state.rooms.get(&(app_id, self.room_id));
        let mut found: Vec<(UserMarker, &ZegoUser)> = state
            .members(room)
            .map(|(login_ms, user)| (marker(login_ms, user), user))
            .filter(|(marker, _)| match &self.after {
                Some(last) if self.descending => marker < last,
                Some(last) => marker > last,
                None => true,
            })
            .collect();
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if self.descending {
            found.reverse();
        }
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        Ok(UserPage {
            next: found.last().filter(|_| more).map(|(marker, _)| marker.clone()),
            users: found.into_iter().map(|(_, user)| user.clone()).collect(),
        })
    }
}

impl AdminCall for FindUsers {
    type Ok = Vec<UserStatus>;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<Vec<UserStatus>, AdminFault> {
        let room = (app_id, self.room_id);
        let find = |user_id: UserId| {
            let session = state.session_in(&room, &user_id).and_then(|key| state.sessions.get(&key));
            let here = session.map(|session| session.login_ms);
            let elsewhere = || state.member_elsewhere(&room, &user_id).map(|member| member.login_ms);
            UserStatus {
                login_ms: here.or_else(elsewhere),
                user_id,
            }
        };
        Ok(self.user_ids.into_iter().map(find).collect())
    }
}

impl AdminCall for CountUsers {
    type Ok = Vec<(RoomId, u64)>;

    fn rooms(&self) -> &[RoomId] {
        &self.room_ids
    }

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<Self::Ok, AdminFault> {
        let counted = self.room_ids.into_iter().map(|room_id| {
            let users = state.online_count(&(app_id, room_id.clone()));
            (room_id, users)
        });
        Ok(counted.collect())
    }
}

impl AdminCall for ListStreams {
    type Ok = Vec<StreamStatus>;

    fn rooms(&self) -> &[RoomId] {
        std::slice::from_ref(&self.room_id)
    }

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<Vec<StreamStatus>, AdminFault> {
        let room = state.rooms.get(&(app_id, self.room_id));
        let keys = room.into_iter().flat_map(|room| room.streams.values());
        let status = |key| {
            let stream = state.streams.get(key)?;
            Some(StreamStatus {
                stream_id: stream.name.1.clone(),
                user: stream.user.clone(),
                created_ms: stream.created_ms,
                number: key.0,
            })
        };
        Ok(keys.filter_map(status).collect())
    }
}

fn marker(login_ms: u64, user: &ZegoUser) -> UserMarker {
    UserMarker {
        login_ms,
        user_id: user.user_id.as_str().to_owned(),
    }
}
