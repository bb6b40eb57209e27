//! I1: what a member was told of users and streams is what the server has, 2 s after the last reconnect, and each join and leave is
//! told once ([`View::hear`](crate::view::View::hear) looks at that).

use std::collections::BTreeMap;

use crate::world::World;

impl World {
    /// How the lists of a member differ from the server's.
    pub(super) fn differing_lists(&self, client: usize, session: &str) -> Vec<String> {
        let view = &self.clients[client].view;
        let Some((users, streams)) = self.shown_to(session) else {
            return vec!["the server does not know the session".into()];
        };
        let mut found = Vec::new();
        if view.user_update {
            let there: Vec<String> = users.iter().map(ToString::to_string).collect();
            let missing = there.iter().filter(|user| !view.users.contains(*user));
            found.extend(missing.map(|user| format!("user {user} was not told")));
            let surplus = view.users.iter().filter(|user| !there.contains(user));
            found.extend(surplus.map(|user| format!("user {user} is not there")));
        }
        let there: BTreeMap<String, String> = streams.into_iter().map(|(id, user)| (id, user.to_string())).collect();
        let missing = there.iter().filter(|(id, owner)| view.streams.get(*id) != Some(owner));
        found.extend(missing.map(|(id, owner)| format!("stream {id} of {owner} was not told")));
        let surplus = view.streams.keys().filter(|id| !there.contains_key(*id));
        found.extend(surplus.map(|id| format!("stream {id} is not there")));
        found
    }
}
