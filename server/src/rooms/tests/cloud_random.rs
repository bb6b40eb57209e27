//! Whatever users do on whatever nodes: tables agree, facts are what is so, and all nodes show the same room.

use std::collections::BTreeSet;

use express_signalling::protocol::{Heartbeat, Logout};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::cloud_world::*;
use super::words::*;
use super::world::*;
use crate::forwarder::GoneReason;

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];
const ROOMS: [&str; 2] = ["r1", "r2"];
const STREAMS: [&str; 3] = ["s1", "s2", "s3"];

struct Play {
    cloud: CloudWorld,
    clients: Vec<(usize, &'static str, &'static str, Client)>,
    rng: StdRng,
}

impl Play {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    fn step(&mut self) {
        let what = self.rng.random_range(0..12);
        if what < 3 || self.clients.is_empty() {
            return self.log_in(what == 0);
        }
        let index = self.rng.random_range(0..self.clients.len());
        let (node, _, _, client) = self.clients[index].clone();
        let stream_id = self.pick(&STREAMS);
        if self.cloud.nodes[node].closed(client.connection).is_some() {
            self.clients.remove(index);
            return;
        }
        let connection = client.connection;
        match what {
            3 => {
                let _ = self.cloud.ask(node, connection, Logout {});
            }
            4 | 5 => {
                if self.cloud.code(node, connection, publish(stream_id)) == 0 && self.rng.random_range(0..5) > 0 {
                    let peers = self.cloud.nodes[node].peers.iter();
                    let newest = peers
                        .filter(|(_, (_, publishes))| *publishes)
                        .map(|(peer, _)| *peer)
                        .next_back();
                    self.cloud.connected(node, newest.unwrap());
                }
            }
            6 => {
                let _ = self.cloud.code(node, connection, unpublish(stream_id));
            }
            7 | 8 => {
                let _ = self.cloud.code(node, connection, play(stream_id));
            }
            9 => {
                let muted = self.rng.random();
                let _ = self.cloud.code(node, connection, mute(stream_id, muted));
            }
            10 => {
                let peers: Vec<_> = self.cloud.nodes[node].state.known_peers().into_iter().collect();
                if !peers.is_empty() {
                    let peer = self.pick(&peers);
                    let reason = self.pick(&[GoneReason::ConsentLost, GoneReason::Closed]);
                    self.cloud.nodes[node].gone(peer, reason);
                    self.cloud.settle();
                }
            }
            _ => {
                let seconds = self.rng.random_range(1..20);
                self.cloud.pass_s(seconds);
            }
        }
    }

    fn log_in(&mut self, moves: bool) {
        let node = self.rng.random_range(0..3);
        let (user, room) = (self.pick(&USERS), self.pick(&ROOMS));
        self.cloud.pass_s(1);
        let former = self.clients.iter().rev().find(|(_, known, ..)| *known == user).cloned();
        let client = match former.filter(|_| moves) {
            Some((_, _, room, former)) => self.cloud.move_to(node, user, room, &former),
            None => self.cloud.login(node, user, room),
        };
        let room = if moves {
            self.clients
                .iter()
                .rev()
                .find(|(_, known, ..)| *known == user)
                .map_or(room, |known| known.2)
        } else {
            room
        };
        self.clients.push((node, user, room, client));
    }

    /// Who is told what there is in a room is told the same on all nodes.
    ///
    /// How many nodes showed a room beside another one.
    fn views_agree(&self) -> usize {
        let mut compared = 0;
        for room in ROOMS {
            let mut nodes = BTreeSet::new();
            let mut views: BTreeSet<(Vec<String>, Vec<String>)> = BTreeSet::new();
            for (node, user, of_room, client) in self.clients.iter().filter(|(_, _, of_room, _)| *of_room == room) {
                assert_eq!(*of_room, room);
                let Some(snapshot) = self.cloud.nodes[*node].state.snapshot_of(&client.session) else {
                    continue;
                };
                nodes.insert(*node);
                let mut users: Vec<_> = snapshot.users.iter().map(|user| user.user_id.to_string()).collect();
                users.push((*user).to_owned());
                users.sort();
                // One does not see one's own streams.
                let owners = self.cloud.nodes[*node].state.streams_in(APP, room);
                views.insert((users, owners));
            }
            assert!(views.len() <= 1, "{views:?}");
            compared += nodes.len().saturating_sub(1);
        }
        compared
    }
}

#[test]
fn whatever_happens_on_three_nodes_they_show_the_same() {
    let mut compared = 0;
    for seed in 0..60 {
        let mut play = Play {
            cloud: CloudWorld::new(3),
            clients: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
        };
        for _ in 0..80 {
            play.step();
            play.cloud.check();
        }
        // What moves, waits or is connecting is over by then.
        for (node, _, _, client) in &play.clients {
            play.cloud.nodes[*node].send(client.connection, Heartbeat {});
        }
        play.cloud.pass_s(40);
        play.cloud.check();
        compared += play.views_agree();
    }
    assert!(compared > 20, "{compared}");
}
