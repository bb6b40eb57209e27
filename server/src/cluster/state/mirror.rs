//! What nodes have of each other's rooms, in a form that is compared quickly: for simulations alone.

use std::hash::{BuildHasher, Hash};

use super::ClusterState;
use crate::rooms::cloud::{Member, NodeName, RemoteStream, RoomName};

/// Members and streams of a room, as a sum of their hashes that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mirror(u64);

impl Mirror {
    /// What is in `other` is in this one, too.
    pub(crate) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    fn note(&mut self, thing: impl Hash) {
        let hasher = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
        self.0 = self.0.wrapping_add(hasher.hash_one(thing));
    }

    fn member(&mut self, member: &Member) {
        self.note(member.user.user_id.as_str());
    }

    fn stream(&mut self, node: &NodeName, stream: &RemoteStream) {
        self.note((node, stream.listed.stream.stream_id.as_str(), stream.epoch));
    }
}

impl ClusterState {
    /// The open rooms that `which` names: what this node says of itself, and all that it has of everybody.
    pub(crate) fn mirrors(&self, which: impl Fn(&RoomName) -> bool) -> impl Iterator<Item = (&RoomName, Mirror, Mirror)> {
        let rooms = self.rooms.iter().filter(move |(name, room)| room.is_open() && which(name));
        rooms.map(|(name, room)| {
            let mut own = Mirror::default();
            room.own.standings.members.values().for_each(|member| own.member(member));
            let node = &self.entry.node.name;
            room.own
                .standings
                .streams
                .values()
                .for_each(|stream| own.stream(node, stream));
            let mut all = own;
            // Who is here and elsewhere, too, is one.
            let elsewhere = room
                .shown_members
                .iter()
                .filter(|(user, _)| !room.own.standings.members.contains_key(*user));
            elsewhere.for_each(|(_, member)| all.member(member));
            room.shown_streams
                .values()
                .for_each(|(node, stream)| all.stream(node, stream));
            (name, own, all)
        })
    }
}
