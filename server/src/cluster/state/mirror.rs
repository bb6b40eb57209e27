//! What nodes have of each other's rooms, in a form that is compared quickly: for simulations alone, and nothing elsewhere.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

#[cfg(any(test, feature = "chaos"))]
use super::ClusterState;
#[cfg(any(test, feature = "chaos"))]
use crate::rooms::cloud::RoomName;
use crate::rooms::cloud::{NodeName, RemoteStream};

/// Members and streams of a room, as a sum of their hashes that does not depend on their order. It is kept up to date with each
/// change, so that nobody goes through all of them to compare two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mirror(u64);

impl Mirror {
    /// What is in `other` is in this one, too.
    #[cfg(any(test, feature = "chaos"))]
    pub(crate) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// A member was there and is there, or not.
    pub(super) fn member(&mut self, user: &str, was: bool, is: bool) {
        if was != is {
            self.change(was.then_some(user), is.then_some(user));
        }
    }

    /// A stream was there and is there, of these nodes, or not.
    pub(super) fn stream(&mut self, was: Option<(&NodeName, &RemoteStream)>, is: Option<(&NodeName, &RemoteStream)>) {
        self.change(was.map(told), is.map(told));
    }

    fn change<T: Hash>(&mut self, was: Option<T>, is: Option<T>) {
        if cfg!(any(test, feature = "chaos")) {
            let hash = |thing: Option<T>| thing.map_or(0, |thing| BuildHasherDefault::<DefaultHasher>::default().hash_one(thing));
            self.0 = self.0.wrapping_sub(hash(was)).wrapping_add(hash(is));
        }
    }
}

fn told<'a>((node, stream): (&'a NodeName, &'a RemoteStream)) -> (&'a str, &'a str, u64) {
    (node.as_str(), stream.listed.stream.stream_id.as_str(), stream.epoch)
}

#[cfg(any(test, feature = "chaos"))]
impl ClusterState {
    /// The open rooms that `which` names: what this node says of itself, and what it has of everybody.
    pub(crate) fn mirrors(&self, which: impl Fn(&RoomName) -> bool) -> impl Iterator<Item = (&RoomName, Mirror, Mirror)> {
        let rooms = self.rooms.iter().filter(move |(name, room)| room.is_open() && which(name));
        rooms.map(|(name, room)| {
            let own = room.own.mirror;
            let mut all = own;
            all.add(room.shown);
            (name, own, all)
        })
    }
}
