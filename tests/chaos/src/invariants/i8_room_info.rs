//! I8 for a room's extra info: what its setter was told was taken stays, also over a server that begins anew, until somebody sets
//! another; and each member knows what the room has.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::ids::RoomId;
use express_server::rooms::ConnectionId;
use express_signalling::protocol::Snapshot;

use super::Books;
use crate::ledger::Login;
use crate::world::World;

/// What a server took last for a room.
#[derive(Debug)]
pub(super) struct Info {
    value: String,
    by: Login,
    /// When a server was asked for it first: of two the newer counts.
    asked: Duration,
    /// Its setter was told so.
    told: bool,
}

/// The extra infos of all rooms.
pub(super) type Infos = BTreeMap<RoomId, Info>;

impl Books {
    /// A server is gone, and with it what nobody was told of, and whom it kept out.
    pub(crate) fn server_gone(&mut self, node: usize) {
        self.infos.retain(|_, info| info.told);
        self.kept_out[node] = super::KeptOut::default();
    }

    /// A server is asked to set an extra info; when that was so first.
    pub(crate) fn room_info_asked(&mut self, now: Duration, value: &str) -> Duration {
        *self.infos_asked.entry(value.into()).or_insert(now)
    }

    /// Whether an extra info was asked for later than another: it was taken, though nobody may have been told so.
    fn is_newer(&self, value: &str, than: Duration) -> bool {
        self.infos_asked.get(value).is_some_and(|asked| *asked > than)
    }
}

impl World {
    /// The server took an extra info.
    pub(crate) fn room_info_set(&mut self, connection: ConnectionId, value: String, asked: Duration) {
        let Some((place, by)) = self.place_of(connection).zip(self.login_of(connection)) else {
            return;
        };
        let known = self.books.infos.get(&place.room);
        if self.cloud.is_some() && known.is_some_and(|known| known.asked > asked) {
            return;
        }
        let former = self.books.infos.remove(&place.room);
        // Set again after a restart, it is what its setter knows to be taken.
        let told = former.is_some_and(|former| former.told && (&former.value, former.by) == (&value, by));
        self.books.infos.insert(place.room, Info { value, by, asked, told });
    }

    /// The setter is told so.
    pub(crate) fn room_info_taken(&mut self, client: usize, value: String) {
        let life = self.clients[client].life;
        let ours = |info: &&mut Info| (info.by.0, info.by.1) == (client, life) && info.value == value;
        if let Some(info) = self.books.infos.values_mut().find(ours) {
            info.told = true;
        }
        self.clients[client].view.room_info = Some(value);
    }

    /// How the extra info of a member's room differs from what was taken, and from what the member knows.
    pub(super) fn differing_room_info(&self, client: usize, shown: &Snapshot) -> Vec<String> {
        let state = &self.clients[client];
        let info = shown.extra_infos.last();
        let there = info.map(|info| info.value.as_str());
        // Where two sessions of a user did not know of each other, what one set is not told to the other.
        let by_us = info.is_some_and(|info| self.cloud.is_some() && info.update_user.user_id.as_str() == state.user);
        let up = state.rooms.iter().find(|(_, room)| room.state.is_up());
        let login = up.map(|(part, _)| (client, state.life, *part));
        let mut found = Vec::new();
        let whole = self.nodes_are_whole();
        let ours = self.books.infos.values();
        let ours = ours.filter(|info| whole && info.told && Some(info.by) == login);
        let is_newer = |info: &Info| there.is_some_and(|there| self.books.is_newer(there, info.asked));
        let lost = ours.filter(|info| there != Some(info.value.as_str()) && !is_newer(info));
        found.extend(lost.map(|info| format!("the room's extra info {:?} was taken, and is {there:?}", info.value)));
        let known = state.view.room_info.as_deref();
        // An own one whose answer was lost is not told.
        let own = |there: &str| state.wishes.room_infos.contains(there);
        if let Some(there) = there.filter(|there| Some(*there) != known && !own(there) && !by_us) {
            found.push(format!("the room's extra info {there:?} was not told, but {known:?}"));
        }
        found
    }
}
