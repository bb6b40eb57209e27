//! Members and streams of a room that are on other nodes, mirrored as those tell them.

use std::collections::{BTreeMap, BTreeSet};

use express_messages::codes;
use express_messages::ids::{StreamId, UserId};
use express_messages::types::{StreamDeleteReason, ZegoUpdateType, ZegoUser};
use express_signalling::protocol::{Event, RoomStreamUpdate};

use super::RoomsState;
use super::records::{Room, RoomKey, Stream, StreamName, Timer};
use crate::forwarder::StreamKey;
use crate::rooms::cloud::{Fact, Member, NodeName, RemoteStream, Wish};

/// What is known of a room on other nodes.
#[derive(Debug, Default)]
pub(in crate::rooms) struct Elsewhere {
    pub(super) members: BTreeMap<UserId, Member>,
    /// Of these, users who are here, too.
    doubled: BTreeSet<UserId>,
}

impl Elsewhere {
    /// Members who are not here.
    pub(super) fn others(&self) -> impl Iterator<Item = &Member> {
        let all = self.members.values();
        all.filter(|member| !self.doubled.contains(&member.user.user_id))
    }

    /// How many of those there are.
    pub(super) fn count(&self) -> usize {
        self.members.len().saturating_sub(self.doubled.len())
    }

    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn doubled(&self) -> &BTreeSet<UserId> {
        &self.doubled
    }
}

impl Room {
    /// Users in the room, wherever they are.
    pub(super) fn users(&self) -> usize {
        self.members.len().saturating_add(self.elsewhere.count())
    }
}

impl RoomsState {
    /// A user's login on another node.
    pub(super) fn member_elsewhere(&self, room: &RoomKey, user: &UserId) -> Option<&Member> {
        self.rooms.get(room)?.elsewhere.members.get(user)
    }

    /// A user as the room sees it: one who is here as one is called here.
    pub(super) fn visible(&self, room: &RoomKey, user: &UserId) -> Option<ZegoUser> {
        let here = self.session_in(room, user).and_then(|key| self.sessions.get(&key));
        let elsewhere = || self.member_elsewhere(room, user).map(|member| &member.user);
        here.map(|session| &session.user).or_else(elsewhere).cloned()
    }

    /// Tells the members of this node what has become of a user.
    pub(super) fn show_user(&mut self, room: &RoomKey, before: Option<ZegoUser>, after: Option<ZegoUser>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.tell_users(room, ZegoUpdateType::Delete, &before);
        }
        if let Some(after) = after {
            self.tell_users(room, ZegoUpdateType::Add, &after);
        }
    }

    /// A user has come to this node, or has left it, or another one.
    pub(super) fn note_doubled(&mut self, room_key: &RoomKey, user: &UserId) {
        if self.cloud.is_none() {
            return;
        }
        let is_here = self.session_in(room_key, user).is_some();
        if let Some(room) = self.rooms.get_mut(room_key) {
            let elsewhere = &mut room.elsewhere;
            if is_here && elsewhere.members.contains_key(user) {
                elsewhere.doubled.insert(user.clone());
            } else {
                elsewhere.doubled.remove(user);
            }
        }
    }

    pub(super) fn user_came(&mut self, room_key: &RoomKey, member: Member) {
        let user = member.user.user_id.clone();
        let before = self.visible(room_key, &user);
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        room.elsewhere.members.insert(user.clone(), member);
        self.note_doubled(room_key, &user);
        let after = self.visible(room_key, &user);
        self.show_user(room_key, before, after);
        self.watch_for_later_login(room_key, &user);
    }

    pub(super) fn user_left(&mut self, room_key: &RoomKey, user: &UserId) {
        let before = self.visible(room_key, user);
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        room.elsewhere.members.remove(user);
        self.note_doubled(room_key, user);
        let after = self.visible(room_key, user);
        self.show_user(room_key, before, after);
        self.close_if_over_elsewhere(room_key);
    }

    /// A stream is published on another node, or is another than before.
    pub(super) fn stream_is(&mut self, room_key: &RoomKey, node: NodeName, remote: RemoteStream) {
        let stream_id = remote.listed.stream.stream_id.clone();
        let known = self.stream_key(room_key.0, &stream_id);
        if !self.rooms.contains_key(room_key) {
            return;
        }
        let Some(key) = known else {
            return self.add_remote(room_key, node, remote);
        };
        let user = &remote.listed.stream.user;
        match self.streams.get(&key) {
            Some(stream) if stream.origin.is_none() => {
                self.hide(room_key, node, remote);
            }
            Some(stream) if stream.room == *room_key && stream.user.user_id == user.user_id => {
                self.remote_changed(key, node, remote);
            }
            Some(stream) if stream.room != *room_key && stream.epoch > remote.epoch => self.hide(room_key, node, remote),
            _ => self.replace_remote(key, room_key, node, remote),
        }
    }

    /// Nodes that were apart may have one streamID in two rooms for a moment: the one with the higher claim is seen, and the other
    /// one if that ends.
    fn replace_remote(&mut self, key: StreamKey, room_key: &RoomKey, node: NodeName, remote: RemoteStream) {
        let known = self.streams.get(&key).filter(|stream| stream.room != *room_key);
        let other = known.and_then(|stream| {
            let told = RemoteStream {
                listed: stream.listed(),
                created_ms: stream.created_ms,
                epoch: stream.epoch,
            };
            Some((stream.room.clone(), stream.origin.clone()?, told))
        });
        self.remove_stream(key, StreamDeleteReason::Stopped, None);
        self.add_remote(room_key, node, remote);
        if let Some((room, node, told)) = other {
            self.hide(&room, node, told);
        }
    }

    fn hide(&mut self, room_key: &RoomKey, node: NodeName, remote: RemoteStream) {
        if let Some(cloud) = &mut self.cloud {
            let name = (room_key.0, remote.listed.stream.stream_id.clone());
            cloud.hidden.insert(name, (room_key.clone(), node, remote));
        }
    }

    fn add_remote(&mut self, room_key: &RoomKey, node: NodeName, remote: RemoteStream) {
        let (key, place) = (StreamKey(self.new_number()), self.new_number());
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        let listed = remote.listed;
        let stream = Stream {
            origin: Some(node),
            epoch: remote.epoch,
            extra_info: listed.stream.extra_info,
            muted: listed.muted,
            announced: Some(place),
            created_ms: remote.created_ms,
            ..Stream::new(room, room_key.clone(), listed.stream.stream_id, listed.stream.user)
        };
        room.streams.insert(place, key);
        room.stream_seq = room.stream_seq.saturating_add(1);
        let event = Event::RoomStreamUpdate(RoomStreamUpdate {
            update: ZegoUpdateType::Add,
            streams: vec![stream.listed()],
            reasons: Vec::new(),
        });
        let user = stream.user.clone();
        self.stream_names.insert(stream.name.clone(), key);
        self.streams.insert(key, stream);
        self.tell_others(room_key, &user, event, false);
    }

    /// What others see of it changes; that it moved nobody is told.
    fn remote_changed(&mut self, key: StreamKey, node: NodeName, remote: RemoteStream) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let RemoteStream {
            listed,
            created_ms,
            epoch,
            ..
        } = remote;
        stream.user = listed.stream.user;
        stream.epoch = epoch;
        // A node that has begun anew brings it by another relay.
        let moved = stream.origin.as_ref() != Some(&node) || stream.created_ms != created_ms;
        stream.created_ms = created_ms;
        stream.origin = Some(node);
        if moved {
            self.timers.clear(Timer::Relay(key));
            self.listeners_changed(key);
        }
        self.move_confirmed(key);
        self.set_muted(key, listed.muted);
        self.set_extra_info(key, &listed.stream.extra_info);
    }

    /// A stream that left this node is seen on another: from now on it is that one's.
    pub(super) fn move_confirmed(&mut self, key: StreamKey) {
        self.timers.clear(Timer::Stream(key));
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.told) else {
            return;
        };
        stream.told = false;
        let fact = Fact::StreamLeft(stream.name.1.clone(), StreamDeleteReason::RepeatLogin);
        let room = stream.room.clone();
        self.tell_nodes(&room, fact);
    }

    pub(super) fn stream_left(&mut self, room_key: &RoomKey, stream_id: &StreamId, reason: StreamDeleteReason) {
        let name = (room_key.0, stream_id.clone());
        if let Some(cloud) = &mut self.cloud
            && cloud.hidden.get(&name).is_some_and(|(room, ..)| room == room_key)
        {
            cloud.hidden.remove(&name);
        }
        let Some(key) = self.stream_key(room_key.0, stream_id) else {
            return;
        };
        let is_there = |stream: &Stream| stream.origin.is_some() && stream.room == *room_key;
        // Taken over from there, and without media here until now: no other node sees it any more.
        let is_unseen = |stream: &Stream| {
            let is_shown = stream.announced.is_some() && stream.media.is_none() && stream.room == *room_key;
            is_shown && stream.origin.is_none() && !stream.told
        };
        if self.streams.get(&key).is_some_and(is_there) {
            self.end_stream(key, reason, None);
        } else if self.streams.get(&key).is_some_and(is_unseen) {
            let why = (codes::PUBLISHER_SESSION_CLOSED, "the media connection did not come about");
            self.end_stream(key, StreamDeleteReason::Offline, Some(why));
        }
    }

    /// A stream of this node is over: one of another node that it hid is seen now.
    pub(super) fn reveal(&mut self, name: &StreamName) {
        let hidden = self.cloud.as_mut().and_then(|cloud| cloud.hidden.remove(name));
        if let Some((room, node, remote)) = hidden {
            self.stream_is(&room, node, remote);
        }
    }

    /// The room is closed on this node: what it mirrors is nobody's business any more.
    pub(super) fn end_remote_streams(&mut self, room_key: &RoomKey) {
        let (Some(room), Some(cloud)) = (self.rooms.get(room_key), &mut self.cloud) else {
            return;
        };
        cloud.hidden.retain(|_, (room, ..)| room != room_key);
        for key in room.streams.values().copied().collect::<Vec<_>>() {
            self.end_stream(key, StreamDeleteReason::Stopped, None);
        }
    }

    /// Tells the other nodes what a stream of this one is from now on.
    pub(super) fn tell_stream(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if self.cloud.is_none() || stream.origin.is_some() || stream.announced.is_none() {
            return;
        }
        stream.told = true;
        let fact = Fact::StreamIs(RemoteStream {
            listed: stream.listed(),
            created_ms: stream.created_ms,
            epoch: stream.epoch,
        });
        let room = stream.room.clone();
        self.tell_nodes(&room, fact);
    }

    /// A stream is out of the tables: the other nodes, and the cloud that kept its streamID for this node, hear of it.
    pub(super) fn tell_nodes_stream_is_over(&mut self, stream: &Stream, reason: StreamDeleteReason) {
        let (app_id, stream_id) = &stream.name;
        if stream.origin.is_some() {
            self.observe_a_while(&stream.room);
        }
        if stream.told {
            self.tell_nodes(&stream.room, Fact::StreamLeft(stream_id.clone(), reason));
        }
        let granted = self.cloud.as_ref().and_then(|cloud| cloud.granted.as_ref());
        if stream.claimed && granted != Some(&stream.name) {
            self.wish(Wish::Release(*app_id, stream_id.clone()));
        }
    }

    /// The same, if they know it already.
    pub(super) fn tell_stream_again(&mut self, key: StreamKey) {
        if self.streams.get(&key).is_some_and(|stream| stream.told) {
            self.tell_stream(key);
        }
    }

    /// A stream of this node that others may play.
    pub(super) fn own_announced(&self, app_id: u32, stream_id: &StreamId) -> Option<StreamKey> {
        let key = self.stream_key(app_id, stream_id)?;
        let is_own = |stream: &&Stream| stream.origin.is_none() && stream.announced.is_some();
        self.streams.get(&key).filter(is_own).map(|_| key)
    }
}
