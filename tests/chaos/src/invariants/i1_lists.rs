//! I1: what a member was told of users and streams is what the server has, 2 s after the last reconnect, and each join and leave is
//! told once ([`View::hear`](crate::view::View::hear) looks at that).

use std::collections::{BTreeMap, BTreeSet};

use express_signalling::protocol::{ListedStream, Snapshot};

use crate::world::World;

impl World {
    /// How the lists of a member differ from what the server has.
    pub(super) fn differing_lists(&self, client: usize, shown: &Snapshot) -> Vec<String> {
        let view = &self.clients[client].view;
        let mut found = Vec::new();
        if view.user_update {
            let there: BTreeSet<&str> = shown.users.iter().map(|user| user.user_id.as_str()).collect();
            let missing = there.iter().filter(|user| !view.users.contains(**user));
            found.extend(missing.map(|user| format!("user {user} was not told")));
            let surplus = view.users.iter().filter(|user| !there.contains(user.as_str()));
            found.extend(surplus.map(|user| format!("user {user} is not there")));
        }
        let one = |listed: &ListedStream| {
            let stream = &listed.stream;
            (stream.stream_id.to_string(), stream.user.user_id.to_string())
        };
        let there: BTreeMap<String, String> = shown.streams.iter().map(one).collect();
        let missing = there.iter().filter(|(id, owner)| view.streams.get(*id) != Some(owner));
        found.extend(missing.map(|(id, owner)| format!("stream {id} of {owner} was not told")));
        let surplus = view.streams.keys().filter(|id| !there.contains_key(*id));
        found.extend(surplus.map(|id| format!("stream {id} is not there")));
        found
    }
}
