//! Over nodes: once everything between them is whole, all that have a room show the same of it, and each stream is one node's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::UserId;
use express_server::rooms::RoomsState;

use crate::server::APP;
use crate::world::World;

/// What one member did is with all nodes so late.
const USERS: Duration = Duration::from_secs(5);
/// A stream that moves is kept for 15 s until it is there.
const STREAMS: Duration = Duration::from_secs(18);
/// How many checks share one comparison.
const EVERY: u64 = 4;

/// What the nodes say of their own members.
#[derive(Default)]
struct Said {
    users: BTreeSet<UserId>,
    streams: BTreeSet<String>,
}

impl World {
    pub(super) fn check_agreement(&mut self) {
        if self.cloud.is_none() || !self.books.checks.is_multiple_of(EVERY) {
            return;
        }
        let (mut users, mut streams) = (Vec::new(), Vec::new());
        if self.nodes_agree() {
            self.compare_nodes(&mut users, &mut streams);
        }
        self.judge("nodes", 0, users, USERS);
        self.judge("nodes' streams", 0, streams, STREAMS);
    }

    fn compare_nodes(&self, users: &mut Vec<String>, streams: &mut Vec<String>) {
        let running = || {
            let servers = self.servers.iter().enumerate();
            servers.filter_map(|(node, server)| Some((node, server.state.as_ref()?)))
        };
        let mut rooms: BTreeMap<String, Said> = BTreeMap::new();
        let mut owners: BTreeMap<String, (UserId, String, usize)> = BTreeMap::new();
        for (node, state) in running() {
            for ((_, room), (members, published)) in state.own_facts() {
                let said = rooms.entry(room.to_string()).or_default();
                said.users.extend(members.into_keys());
                for (stream, is) in published {
                    let user = is.listed.stream.user.user_id;
                    said.streams.insert(stream.to_string());
                    let owner = (user.clone(), room.to_string(), node);
                    if let Some((other, of, at)) = owners.insert(stream.to_string(), owner) {
                        streams.push(format!(
                            "{stream} is {other}'s in {of} at n{at}, and {user}'s in {room} at n{node}"
                        ));
                    }
                }
            }
        }
        for (room, said) in &rooms {
            for (node, state) in running() {
                differing(said, room, node, state, users, streams);
            }
        }
    }
}

/// How what a node shows of a room differs from what all nodes say.
fn differing(said: &Said, room: &str, node: usize, state: &RoomsState, users: &mut Vec<String>, streams: &mut Vec<String>) {
    let Some(shown) = state.users_in(APP, room) else { return };
    for user in said.users.symmetric_difference(&shown) {
        let there = said.users.contains(user);
        users.push(format!("{user} is in {room}: {there}, and n{node} shows the contrary"));
    }
    let shown: BTreeSet<String> = state.streams_in(APP, room).into_iter().collect();
    for stream in said.streams.symmetric_difference(&shown) {
        let is = said.streams.contains(stream);
        streams.push(format!("{stream} is in {room}: {is}, and n{node} shows the contrary"));
    }
}
