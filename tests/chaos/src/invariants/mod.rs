//! The guarantees of docs/guarantees.md, one module each.

mod i1_lists;
mod i5_owner;
mod i7_baseline;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::agenda::Due;
use crate::script::CHECK;
use crate::world::World;

/// How long after a reconnect, or a change, what a member was told may differ.
const SETTLE: Duration = Duration::from_secs(2);

/// Differences that were seen, and since when.
#[derive(Debug, Default)]
pub(crate) struct Books {
    wrong: BTreeMap<(&'static str, usize, String), Duration>,
}

impl Books {
    /// Takes the differences that there are now; what has lasted too long is returned.
    fn note(&mut self, now: Duration, invariant: &'static str, client: usize, found: Vec<String>) -> Option<String> {
        self.wrong
            .retain(|(of, whose, what), _| (*of, *whose) != (invariant, client) || found.contains(what));
        let mut late = None;
        for what in found {
            let since = *self.wrong.entry((invariant, client, what.clone())).or_insert(now);
            if now.saturating_sub(since) > SETTLE {
                late.get_or_insert(format!("c{client}, for {} s: {what}", (now - since).as_secs_f64()));
            }
        }
        late
    }
}

impl World {
    /// Checks what can be checked at any moment.
    pub(crate) fn check(&mut self) {
        if let Some(state) = &self.server.state {
            state.check();
        }
        for client in 0..self.clients.len() {
            let session = self.settled(client);
            let lists = session.as_deref().map(|session| self.differing_lists(client, session));
            self.judge("I1", client, lists.unwrap_or_default());
            let owners = session.as_deref().map(|session| self.foreign_streams(client, session));
            self.judge("I5", client, owners.unwrap_or_default());
        }
        self.agenda.note(self.now + CHECK, Due::Check);
    }

    fn judge(&mut self, invariant: &'static str, client: usize, found: Vec<String>) {
        if let Some(late) = self.books.note(self.now, invariant, client, found) {
            self.fail(invariant, late);
        }
    }

    /// The session of a client that is connected, as far as anybody can know: logged in, on a socket whose ends both stand, over a
    /// line that is whole.
    fn settled(&self, client: usize) -> Option<String> {
        let (state, line) = (&self.clients[client], &self.lines[client]);
        if !state.running || state.asleep || line.cut {
            return None;
        }
        let room = state.rooms.values().find(|room| room.state.is_up())?;
        let socket = self.sockets.get(&room.socket?)?;
        if socket.black || socket.connection.is_none() {
            return None;
        }
        let since = room.up_since?.max(line.whole_since).max(self.server.up_since);
        (self.now.saturating_sub(since) > SETTLE).then(|| room.state.session().unwrap_or_default().to_owned())
    }

    /// Checks what must be so once the world has come to rest.
    pub(crate) fn check_rest(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            if state.running && state.view.is_in_room() && self.settled(client).is_none() {
                let told = state.view.room;
                self.fail("I1", format!("c{client} did not come back, and was told {told:?}"));
            }
        }
    }
}
