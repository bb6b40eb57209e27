//! I1 over nodes: users of a node that crashed stay in lists while they may come back, also where it begins anew at once.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::ids::{RoomId, UserId};
use express_server::rooms::cloud::{News, Wish};

use super::Books;
use crate::server::APP;
use crate::world::World;

/// They have 100 s from when the node is missed, or seen to begin anew.
const MAY_COME_BACK: Duration = Duration::from_secs(99);

/// Users who are shown by a node and were on one that crashed: which that was, and until when they are shown at least.
pub(super) type Awaited = BTreeMap<(usize, RoomId, UserId), (usize, Duration)>;

impl Books {
    /// The rooms of a node want something: who logs in is awaited no more, and a room that is closed shows nobody.
    pub(crate) fn note_wish(&mut self, node: usize, wish: &Wish) {
        match wish {
            Wish::LoggedIn(login) => self.awaited.retain(|(.., user), _| *user != login.user_id),
            Wish::Close((_, room)) => self.awaited.retain(|(shown_by, of, _), _| (*shown_by, of) != (node, room)),
            _ => {}
        }
    }
}

impl World {
    /// A node is about to crash: whom the others show of it they go on to show, if they have heard of everything by now.
    pub(crate) fn await_users_of(&mut self, crashed: usize) {
        self.books.awaited.retain(|(shown_by, ..), _| *shown_by != crashed);
        let Some(state) = self.servers[crashed].state.as_ref().filter(|_| self.cloud.is_some()) else {
            return;
        };
        if !self.nodes_hear() {
            return;
        }
        let until = self.now + MAY_COME_BACK;
        let others = self.servers.iter().enumerate().filter(|(node, _)| *node != crashed);
        let others: Vec<_> = others
            .filter_map(|(node, server)| Some((node, server.state.as_ref()?)))
            .collect();
        for ((_, room), (members, _)) in state.own_facts() {
            let is_elsewhere = |user: &UserId| {
                let facts = others.iter().map(|(_, state)| state.own_facts());
                facts.flatten().any(|(_, (members, _))| members.contains_key(user))
            };
            let gone: Vec<UserId> = members.into_keys().filter(|user| !is_elsewhere(user)).collect();
            for (node, state) in &others {
                let shown = state.users_in(APP, room.as_str()).unwrap_or_default();
                for user in gone.iter().filter(|user| shown.contains(*user)) {
                    let key = (*node, room.clone(), user.clone());
                    self.books.awaited.insert(key, (crashed, until));
                }
            }
        }
    }

    /// What a planted bug makes of it.
    pub(crate) fn forget_awaited(&mut self, crashed: usize) {
        let of_it = self.books.awaited.iter().filter(|(_, (node, _))| *node == crashed);
        let of_it: Vec<_> = of_it.map(|(key, _)| key.clone()).collect();
        for (shown_by, room, user) in of_it {
            self.on_server(shown_by, |state, now| state.on_news(now, News::UserLeft((APP, room), user)));
        }
    }

    pub(super) fn check_awaited(&mut self) {
        let now = self.now;
        self.books.awaited.retain(|_, (_, until)| now < *until);
        let missing = self.books.awaited.iter().find(|((shown_by, room, user), _)| {
            let state = self.servers[*shown_by].state.as_ref();
            let shown = state.and_then(|state| state.users_in(APP, room.as_str()));
            shown.is_some_and(|shown| !shown.contains(user))
        });
        if let Some(((shown_by, room, user), (crashed, _))) = missing {
            let what = format!("{user} was in {room} on n{crashed}, which crashed, and n{shown_by} shows it no more");
            self.fail("I1", what);
        }
    }
}
