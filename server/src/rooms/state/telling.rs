//! Telling the members of a room what happens in it, and what there is.

use express_messages::types::{ZegoUpdateType, ZegoUser};
use express_signalling::protocol::{Event, RoomUserUpdate, Snapshot};

use super::RoomsState;
use super::records::{RoomKey, Session, SessionKey};
use crate::rooms::SharedEvent;

impl RoomsState {
    /// The room as this session sees it.
    pub(super) fn snapshot(&self, session: &Session) -> Snapshot {
        let mut snapshot = Snapshot {
            seq: session.replay.seq(),
            ..Snapshot::default()
        };
        let Some(room) = self.rooms.get(&session.room) else {
            return snapshot;
        };
        if session.user_update {
            let members = room.members.iter().filter_map(|key| self.sessions.get(key));
            let others = members.filter(|member| member.user.user_id != session.user.user_id);
            let elsewhere = room.elsewhere.others().map(|member| &member.user);
            let elsewhere = elsewhere.filter(|user| user.user_id != session.user.user_id);
            let users = others.map(|member| &member.user).chain(elsewhere);
            snapshot.users = users.cloned().collect();
        }
        let streams = room.streams.values().filter_map(|key| self.streams.get(key));
        let others = streams.filter(|stream| stream.user.user_id != session.user.user_id);
        snapshot.streams = others.map(|stream| stream.listed()).collect();
        snapshot.extra_infos = room.info.current().cloned().into_iter().collect();
        snapshot
    }

    /// Tells everybody else in the room who wants to know that a user came or went.
    pub(super) fn tell_users(&mut self, room_key: &RoomKey, update: ZegoUpdateType, user: &ZegoUser) {
        let users = vec![user.clone()];
        let event = Event::RoomUserUpdate(RoomUserUpdate { update, users });
        self.tell_others(room_key, user, event, true);
    }

    /// Tells everybody else in the room.
    pub(super) fn tell_others(
        &mut self,
        room_key: &RoomKey,
        about: &ZegoUser,
        event: impl Into<SharedEvent>,
        user_update_only: bool,
    ) {
        let Some(room) = self.rooms.get(room_key).filter(|room| !room.closing) else {
            return;
        };
        let event = event.into();
        for key in &room.members {
            let Some(session) = self.sessions.get_mut(key) else {
                continue;
            };
            if session.user.user_id != about.user_id && (session.user_update || !user_update_only) {
                session.notify(event.clone(), &mut self.effects, &mut self.counters);
            }
        }
    }

    /// Tells one session.
    pub(super) fn tell(&mut self, key: SessionKey, event: impl Into<SharedEvent>) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.notify(event.into(), &mut self.effects, &mut self.counters);
        }
    }
}
