//! Who is in which rooms: one at a time, or several of them by logins of the same instance.

use std::collections::{BTreeMap, HashMap};

use express_messages::ids::{RoomId, UserId};

use super::records::{RoomKey, SessionKey};

/// The sessions of each user of each AppID, by their rooms; at most one for each room.
#[derive(Debug, Default)]
pub(super) struct Users(HashMap<(u32, UserId), BTreeMap<RoomId, SessionKey>>);

impl Users {
    /// The session of a user in a room.
    pub(super) fn in_room(&self, (app_id, room): &RoomKey, user: &UserId) -> Option<SessionKey> {
        self.0.get(&(*app_id, user.clone()))?.get(room).copied()
    }

    /// All sessions of a user, in the order of the names of their rooms.
    pub(super) fn everywhere(&self, app_id: u32, user: &UserId) -> Vec<SessionKey> {
        let rooms = self.0.get(&(app_id, user.clone()));
        rooms.into_iter().flat_map(BTreeMap::values).copied().collect()
    }

    pub(super) fn insert(&mut self, (app_id, room): RoomKey, user: UserId, key: SessionKey) {
        self.0.entry((app_id, user)).or_default().insert(room, key);
    }

    pub(super) fn remove(&mut self, (app_id, room): &RoomKey, user: &UserId) {
        let name = (*app_id, user.clone());
        if let Some(rooms) = self.0.get_mut(&name) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.0.remove(&name);
            }
        }
    }

    /// How many sessions there are.
    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The sessions of each user.
    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn each(&self) -> impl Iterator<Item = impl Iterator<Item = SessionKey> + '_> {
        self.0.values().map(|rooms| rooms.values().copied())
    }
}
