//! Over nodes: users of a node that is gone stay in the lists of the others while they may come back, also where it begins again at once.

use std::collections::BTreeSet;
use std::time::Duration;

use express_messages::ids::{RoomId, UserId};

use super::Books;
use crate::bugs::Bug;
use crate::server::APP;
use crate::world::World;

/// So long, at least: their time begins when their node is missed.
const STAY: Duration = Duration::from_secs(100);

/// Users of a node that is gone, in one room, as one other node shows them.
#[derive(Debug)]
pub(super) struct Orphans {
    gone: usize,
    shown_by: usize,
    room: RoomId,
    users: BTreeSet<UserId>,
    until: Duration,
}

impl Books {
    /// A user has logged in: what was shown of an earlier login is over.
    pub(crate) fn logged_in(&mut self, user: &UserId, node: usize) {
        self.last_logins.insert(user.clone(), node);
        for orphans in &mut self.orphans {
            orphans.users.remove(user);
        }
    }
}

impl World {
    /// A node is about to be gone: those of its members whom the others show stay.
    pub(crate) fn note_orphans(&mut self, gone: usize) {
        self.books.orphans.retain(|orphans| orphans.shown_by != gone);
        // Who was cut off is missed since then.
        if self.cloud.is_none() || !self.nodes_hear() {
            return;
        }
        let Some(state) = &self.servers[gone].state else { return };
        let mut noted = Vec::new();
        for ((_, room), (members, _)) in state.own_facts() {
            // Who has logged in elsewhere since is that one's.
            let is_last = |user: &UserId| self.books.last_logins.get(user) == Some(&gone);
            let members: BTreeSet<UserId> = members.into_keys().filter(is_last).collect();
            for (shown_by, other) in self.servers.iter().enumerate().filter(|(node, _)| *node != gone) {
                let shown = other.state.as_ref().and_then(|state| state.users_in(APP, room.as_str()));
                let users: BTreeSet<UserId> = shown.unwrap_or_default().intersection(&members).cloned().collect();
                noted.push(Orphans {
                    gone,
                    shown_by,
                    room: room.clone(),
                    users,
                    until: self.now + STAY,
                });
            }
        }
        if self.has(Bug::DropsOrphans) {
            self.drop_orphans(&noted);
        }
        self.books.orphans.extend(noted);
    }

    fn drop_orphans(&mut self, orphans: &[Orphans]) {
        let Some(cloud) = &mut self.cloud else { return };
        for Orphans {
            shown_by, room, users, ..
        } in orphans
        {
            for user in users {
                cloud.forget_user(*shown_by, room.clone(), user.clone());
            }
        }
    }

    pub(super) fn check_orphans(&mut self) {
        let (now, servers) = (self.now, &self.servers);
        let shown = |orphans: &Orphans| {
            let state = servers[orphans.shown_by].state.as_ref()?;
            state.users_in(APP, orphans.room.as_str())
        };
        // A room that is closed shows nobody.
        self.books
            .orphans
            .retain(|orphans| now < orphans.until && shown(orphans).is_some());
        let mut left = Vec::new();
        for orphans in &self.books.orphans {
            let shown = shown(orphans).unwrap_or_default();
            let missing = orphans.users.difference(&shown);
            let what = |user| {
                let Orphans {
                    gone, shown_by, room, ..
                } = orphans;
                format!("{user} of n{gone}, which is gone, has left {room} as n{shown_by} shows it")
            };
            left.extend(missing.map(what));
        }
        for what in left {
            self.fail("orphans", what);
        }
    }
}
