//! The room as this client sees it: the other users and their streams, and the difference between two views of it.

use std::collections::HashMap;

use express_messages::{
    ids::{StreamId, UserId},
    types::{ZegoUpdateType, ZegoUser},
};

use super::{
    changes::Changes,
    listing::{Listed, Listing, Put},
};
use crate::protocol::{ListedStream, RoomStreamUpdate, RoomUserUpdate, Snapshot, StreamExtraInfoUpdate, StreamMicUpdate};

impl Listed for ZegoUser {
    /// A user with another name left and came.
    fn is(&self, other: &Self) -> bool {
        self == other
    }
}

impl Listed for ListedStream {
    /// A stream stays the same when it carries another text, or is muted.
    fn is(&self, other: &Self) -> bool {
        self.stream.stream_id == other.stream.stream_id && self.stream.user == other.stream.user
    }
}

/// Users and streams of one room, without the client itself.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    me: UserId,
    user_update: bool,
    users: Listing<UserId, ZegoUser>,
    streams: Listing<StreamId, ListedStream>,
}

impl Roster {
    pub(super) fn new(me: UserId, user_update: bool) -> Self {
        Self {
            me,
            user_update,
            users: Listing::new(),
            streams: Listing::new(),
        }
    }

    /// An event about users; nothing, unless user updates are wanted.
    pub(super) fn update_users(&mut self, update: RoomUserUpdate) -> Changes {
        let mut changes = Changes::default();
        for user in update.users {
            self.update_user(update.update, user, &mut changes);
        }
        changes
    }

    fn update_user(&mut self, update: ZegoUpdateType, user: ZegoUser, changes: &mut Changes) {
        if !self.user_update || user.user_id == self.me {
            return;
        }
        if update == ZegoUpdateType::Delete {
            changes.users_gone.extend(self.users.remove(&user.user_id));
            return;
        }
        match self.users.put(user.user_id.clone(), user.clone()) {
            // Users have nothing that could change without making another user of them.
            Put::Same | Put::Changed(_) => {}
            Put::Full => changes.unlisted += 1,
            Put::New => changes.users_came.push(user),
            Put::Replaced(old) => {
                replaced(&mut changes.users_gone, &mut changes.users_came, old);
                changes.users_came.push(user);
            }
        }
    }

    /// An event about streams.
    pub(super) fn update_streams(&mut self, update: RoomStreamUpdate) -> Changes {
        let mut changes = Changes::default();
        for stream in update.streams {
            self.update_stream(update.update, stream, &mut changes);
        }
        changes.note(update.reasons);
        changes
    }

    fn update_stream(&mut self, update: ZegoUpdateType, listed: ListedStream, changes: &mut Changes) {
        if listed.stream.user.user_id == self.me {
            return;
        }
        let id = listed.stream.stream_id.clone();
        if update == ZegoUpdateType::Delete {
            changes.streams_gone.extend(self.streams.remove(&id));
            return;
        }
        match self.streams.put(id, listed.clone()) {
            Put::Same => {}
            Put::Full => changes.unlisted += 1,
            Put::New => changes.streams_came.push(listed),
            Put::Changed(old) => changed(changes, old, listed),
            Put::Replaced(old) => {
                replaced(&mut changes.streams_gone, &mut changes.streams_came, old);
                changes.streams_came.push(listed);
            }
        }
    }

    /// A stream was muted or opened. One that is not of this room is played here.
    pub(super) fn update_mic(&mut self, update: StreamMicUpdate) -> Changes {
        let mut changes = Changes::default();
        let StreamMicUpdate { stream_id, muted } = update;
        match self.streams.get(&stream_id) {
            Some(known) => {
                let stream = known.stream.clone();
                self.update_stream(ZegoUpdateType::Add, ListedStream { stream, muted }, &mut changes);
            }
            None => changes.foreign_mics.push((stream_id, muted)),
        }
        changes
    }

    /// Streams carry other texts. One that is not listed is left out, as its ADD was.
    pub(super) fn update_extra_infos(&mut self, update: StreamExtraInfoUpdate) -> Changes {
        let mut changes = Changes::default();
        for stream in update.streams {
            if let Some(known) = self.streams.get(&stream.stream_id) {
                let mut listed = known.clone();
                listed.stream.extra_info = stream.extra_info;
                self.update_stream(ZegoUpdateType::Add, listed, &mut changes);
            }
        }
        changes
    }

    /// The whole state as the server has it; what differs from what is known.
    pub(super) fn take_snapshot(&mut self, snapshot: Snapshot) -> Changes {
        let mut fresh = Self::new(self.me.clone(), self.user_update);
        let mut ignored = Changes::default();
        for user in snapshot.users {
            fresh.update_user(ZegoUpdateType::Add, user, &mut ignored);
        }
        for stream in snapshot.streams {
            fresh.update_stream(ZegoUpdateType::Add, stream, &mut ignored);
        }
        let mut changes = self.difference(&fresh);
        changes.unlisted = ignored.unlisted;
        *self = fresh;
        changes
    }

    /// Events that were missed, as one: what came and went in between does not show.
    pub(super) fn replay(&mut self, missed: Vec<Missed>) -> Changes {
        let before = self.clone();
        let mut reasons = HashMap::new();
        let mut foreign_mics: Vec<(StreamId, bool)> = Vec::new();
        let mut unlisted = 0;
        for update in missed {
            let changes = match update {
                Missed::Users(update) => self.update_users(update),
                Missed::Streams(update) => self.update_streams(update),
                Missed::Mic(update) => self.update_mic(update),
                Missed::ExtraInfos(update) => self.update_extra_infos(update),
            };
            unlisted += changes.unlisted;
            reasons.extend(changes.reasons);
            for (id, muted) in changes.foreign_mics {
                foreign_mics.retain(|(other, _)| *other != id);
                foreign_mics.push((id, muted));
            }
        }
        Changes {
            reasons,
            foreign_mics,
            unlisted,
            ..before.difference(self)
        }
    }

    fn difference(&self, newer: &Self) -> Changes {
        Changes {
            streams_gone: self.streams.missing_in(&newer.streams),
            users_gone: self.users.missing_in(&newer.users),
            users_came: newer.users.missing_in(&self.users),
            streams_came: newer.streams.missing_in(&self.streams),
            streams_changed: self.streams.changed_in(&newer.streams),
            ..Changes::default()
        }
    }
}

/// An event to replay that concerns the roster.
#[derive(Debug)]
pub(super) enum Missed {
    Users(RoomUserUpdate),
    Streams(RoomStreamUpdate),
    Mic(StreamMicUpdate),
    ExtraInfos(StreamExtraInfoUpdate),
}

/// `old` gives way to an item of the same key: it went, unless it came within the same event.
fn replaced<V: PartialEq>(gone: &mut Vec<V>, came: &mut Vec<V>, old: V) {
    match came.iter().position(|item| *item == old) {
        Some(index) => drop(came.remove(index)),
        None => gone.push(old),
    }
}

/// `old` is `new` now; where it came within the same event, it came as `new`.
fn changed(changes: &mut Changes, old: ListedStream, new: ListedStream) {
    match changes.streams_came.iter_mut().find(|came| **came == old) {
        Some(came) => *came = new,
        None => changes.streams_changed.push((old, new)),
    }
}
