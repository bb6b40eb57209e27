//! I7: nothing is left of anybody after the last user left.

use std::time::Duration;

use crate::server::Server;
use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

impl World {
    /// Notes how big the server's tables are.
    pub(super) fn note_tables(&mut self) {
        let hour = usize::try_from(self.now.as_secs() / HOUR.as_secs()).unwrap_or(usize::MAX);
        let Some(state) = &self.servers[0].state else { return };
        if self.hours.len() <= hour {
            self.hours.resize_with(hour + 1, Default::default);
        }
        for (table, entries) in state.table_sizes() {
            let most = self.hours[hour].entry(table).or_default();
            *most = entries.max(*most);
        }
    }

    /// What the nodes keep of rooms and claims for nobody.
    fn left_in_cloud(&self) -> Vec<String> {
        let Some(cloud) = &self.cloud else { return Vec::new() };
        let kept = (0..self.servers.len()).map(|node| (node, cloud.kept(node)));
        let some = kept.filter(|(_, kept)| *kept != (0, 0));
        some.map(|(node, (rooms, claims))| format!("{rooms} rooms and {claims} claims in the cloud's part of n{node}"))
            .collect()
    }

    /// Checks that every table is empty again.
    pub(crate) fn check_empty(&mut self) {
        let parts = self
            .clients
            .iter()
            .map(|client| client.parts.len() + client.rooms.len())
            .sum();
        let left: Vec<String> = [left("parts of clients", parts)]
            .into_iter()
            .flatten()
            .chain(self.servers.iter().flat_map(left_at))
            .chain(self.left_in_cloud())
            .collect();
        if !left.is_empty() {
            self.fail("I7", format!("left after the last user: {}", left.join(", ")));
        }
    }
}

fn left(what: &str, count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}"))
}

/// What a server has of anybody.
fn left_at(server: &Server) -> Vec<String> {
    let state = server.state.as_ref().filter(|state| !state.is_empty());
    let found = [
        state.map(|state| format!("{:?}", state.counters())),
        left(&format!("sockets at the {}", server.label), server.connections.len()),
        left(&format!("media connections at the {}", server.label), server.peers.len()),
    ];
    found.into_iter().flatten().collect()
}
