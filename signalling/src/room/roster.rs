//! The room as this client sees it: the other users and their streams, and the difference between two views of it.

use std::{collections::HashMap, hash::Hash};

use express_messages::{
    ids::{StreamId, UserId},
    room::RoomEvent,
    types::{StreamDeleteReason, ZegoStream, ZegoUpdateType, ZegoUser},
};
use serde_json::json;

use crate::protocol::{RoomStreamUpdate, RoomUserUpdate, Snapshot, StreamGone};

/// Users, and streams, that a client keeps of one room. User events are meant for rooms of up to 500 users (documented);
/// the bound only keeps a broken server from filling the memory. What is beyond it is counted and not reported.
pub const MAX_LISTED: usize = 100_000;

/// Items by key, which remember the order in which they came.
#[derive(Debug, Clone)]
struct Listing<K, V> {
    items: HashMap<K, (u64, V)>,
    next: u64,
}

/// What became of an item that was put into a listing.
enum Put<V> {
    New,
    Same,
    Replaced(V),
    Full,
}

impl<K: Eq + Hash + Clone, V: PartialEq + Clone> Listing<K, V> {
    fn new() -> Self {
        Self {
            items: HashMap::new(),
            next: 0,
        }
    }

    fn put(&mut self, key: K, value: V) -> Put<V> {
        if self.items.get(&key).is_some_and(|(_, old)| *old == value) {
            return Put::Same;
        }
        if self.items.len() >= MAX_LISTED && !self.items.contains_key(&key) {
            return Put::Full;
        }
        self.next += 1;
        match self.items.insert(key, (self.next, value)) {
            None => Put::New,
            Some((_, old)) => Put::Replaced(old),
        }
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.items.remove(key).map(|(_, value)| value)
    }

    /// Items of `self` that `other` has not, or has differently, in the order in which they came.
    fn missing_in(&self, other: &Self) -> Vec<V> {
        let same = |key: &K, value: &V| other.items.get(key).is_some_and(|(_, there)| there == value);
        let mut missing: Vec<_> = self.items.iter().filter(|(key, (_, value))| !same(key, value)).collect();
        missing.sort_unstable_by_key(|(_, (order, _))| *order);
        missing.into_iter().map(|(_, (_, value))| value.clone()).collect()
    }
}

/// Users and streams that went and came. What went is reported before what came; a stream never outlives its user.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) streams_gone: Vec<ZegoStream>,
    pub(super) users_gone: Vec<ZegoUser>,
    pub(super) users_came: Vec<ZegoUser>,
    pub(super) streams_came: Vec<ZegoStream>,
    /// Why streams went, as far as the server said so.
    reasons: HashMap<StreamId, StreamDeleteReason>,
    /// Items beyond [`MAX_LISTED`].
    pub(super) unlisted: u64,
}

impl Changes {
    /// The documented events: streams DELETE, users DELETE, users ADD, streams ADD, each only where it is not empty.
    pub(super) fn into_events(self) -> Vec<RoomEvent> {
        let reasons = delete_reasons(&self.streams_gone, &self.reasons);
        let events = [
            streams(ZegoUpdateType::Delete, self.streams_gone, reasons),
            users(ZegoUpdateType::Delete, self.users_gone),
            users(ZegoUpdateType::Add, self.users_came),
            streams(ZegoUpdateType::Add, self.streams_came, String::new()),
        ];
        events.into_iter().flatten().collect()
    }

    fn note(&mut self, reasons: Vec<StreamGone>) {
        self.reasons
            .extend(reasons.into_iter().map(|gone| (gone.stream_id, gone.reason)));
    }
}

fn users(update: ZegoUpdateType, users: Vec<ZegoUser>) -> Option<RoomEvent> {
    (!users.is_empty()).then_some(RoomEvent::UserUpdate { update, users })
}

fn streams(update: ZegoUpdateType, streams: Vec<ZegoStream>, extended_data: String) -> Option<RoomEvent> {
    (!streams.is_empty()).then_some(RoomEvent::StreamUpdate {
        update,
        streams,
        extended_data,
    })
}

/// The documented JSON of a DELETE; a stream of whose end the server said nothing has code 0, "unknown".
fn delete_reasons(streams: &[ZegoStream], reasons: &HashMap<StreamId, StreamDeleteReason>) -> String {
    let one = |stream: &ZegoStream| {
        let reason = reasons.get(&stream.stream_id);
        json!({
            "stream_id": stream.stream_id,
            "code": reason.map_or(0, |reason| reason.code()),
            "description": reason.map_or("unknown", |reason| reason.description()),
        })
    };
    json!({ "stream_delete_reason": streams.iter().map(one).collect::<Vec<_>>() }).to_string()
}

/// Users and streams of one room, without the client itself.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    me: UserId,
    user_update: bool,
    users: Listing<UserId, ZegoUser>,
    streams: Listing<StreamId, ZegoStream>,
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
            Put::Same => return,
            Put::Full => {
                changes.unlisted += 1;
                return;
            }
            Put::New => {}
            Put::Replaced(old) => replaced(&mut changes.users_gone, &mut changes.users_came, old),
        }
        changes.users_came.push(user);
    }

    /// An event about streams.
    pub(super) fn update_streams(&mut self, update: RoomStreamUpdate) -> Changes {
        let mut changes = Changes::default();
        for stream in update.streams {
            self.update_stream(update.update, stream.stream, &mut changes);
        }
        changes.note(update.reasons);
        changes
    }

    fn update_stream(&mut self, update: ZegoUpdateType, stream: ZegoStream, changes: &mut Changes) {
        if stream.user.user_id == self.me {
            return;
        }
        if update == ZegoUpdateType::Delete {
            changes.streams_gone.extend(self.streams.remove(&stream.stream_id));
            return;
        }
        match self.streams.put(stream.stream_id.clone(), stream.clone()) {
            Put::Same => return,
            Put::Full => {
                changes.unlisted += 1;
                return;
            }
            Put::New => {}
            Put::Replaced(old) => replaced(&mut changes.streams_gone, &mut changes.streams_came, old),
        }
        changes.streams_came.push(stream);
    }

    /// The whole state as the server has it; what differs from what is known.
    pub(super) fn take_snapshot(&mut self, snapshot: Snapshot) -> Changes {
        let mut fresh = Self::new(self.me.clone(), self.user_update);
        let mut ignored = Changes::default();
        for user in snapshot.users {
            fresh.update_user(ZegoUpdateType::Add, user, &mut ignored);
        }
        for stream in snapshot.streams {
            fresh.update_stream(ZegoUpdateType::Add, stream.stream, &mut ignored);
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
        let mut unlisted = 0;
        for update in missed {
            let changes = match update {
                Missed::Users(update) => self.update_users(update),
                Missed::Streams(update) => self.update_streams(update),
            };
            unlisted += changes.unlisted;
            reasons.extend(changes.reasons);
        }
        let mut changes = before.difference(self);
        changes.reasons = reasons;
        changes.unlisted = unlisted;
        changes
    }

    fn difference(&self, newer: &Self) -> Changes {
        Changes {
            streams_gone: self.streams.missing_in(&newer.streams),
            users_gone: self.users.missing_in(&newer.users),
            users_came: newer.users.missing_in(&self.users),
            streams_came: newer.streams.missing_in(&self.streams),
            ..Changes::default()
        }
    }
}

/// An event to replay that concerns the roster.
#[derive(Debug)]
pub(super) enum Missed {
    Users(RoomUserUpdate),
    Streams(RoomStreamUpdate),
}

/// `old` gives way to an item of the same key: it went, unless it came within the same event.
fn replaced<V: PartialEq>(gone: &mut Vec<V>, came: &mut Vec<V>, old: V) {
    match came.iter().position(|item| *item == old) {
        Some(index) => drop(came.remove(index)),
        None => gone.push(old),
    }
}
