//! I7: nothing is left of anybody after the last user left.

use std::time::Duration;

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

impl World {
    /// Notes how big the server's tables are.
    pub(super) fn note_tables(&mut self) {
        let hour = usize::try_from(self.now.as_secs() / HOUR.as_secs()).unwrap_or(usize::MAX);
        let Some(state) = &self.server.state else { return };
        if self.hours.len() <= hour {
            self.hours.resize_with(hour + 1, Default::default);
        }
        for (table, entries) in state.table_sizes() {
            let most = self.hours[hour].entry(table).or_default();
            *most = entries.max(*most);
        }
    }

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
