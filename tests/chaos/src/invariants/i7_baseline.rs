//! I7: nothing is left of anybody after the last user left.

use crate::world::World;

impl World {
    /// Checks that every table is empty again.
    pub(crate) fn check_empty(&mut self) {
        let left = |what: &str, count: usize| (count > 0).then(|| format!("{count} {what}"));
        let state = self.server.state.as_ref().is_none_or(|state| state.is_empty());
        let parts = self
            .clients
            .iter()
            .map(|client| client.parts.len() + client.rooms.len())
            .sum();
        let left: Vec<String> = [
            (!state).then(|| format!("{:?}", self.server.state.as_ref().map(|state| state.counters()))),
            left("sockets at the server", self.server.connections.len()),
            left("media connections at the server", self.server.peers.len()),
            left("parts of clients", parts),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !left.is_empty() {
            self.fail("I7", format!("left after the last user: {}", left.join(", ")));
        }
    }
}
