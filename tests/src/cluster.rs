//! A cluster of real processes: nodes of the server, and a nats-server between them.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::firewall::Inside;
use crate::gate::Gate;
use crate::nats::NatsServer;
use crate::plain_http::get;
use crate::processes::{PATIENCE, Server};

/// Nodes and their broker. All end with it.
#[derive(Debug)]
pub struct Cluster {
    /// The broker.
    pub nats: NatsServer,
    /// The way of each node to it, where there are any to be cut.
    pub gates: Vec<Gate>,
    /// The nodes, in the order of their names `n1`, `n2`, ... Each is a region of its own, so that clients stay where they are put.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts so many nodes, each in a folder of its own, and waits until they know each other.
    ///
    /// - `more`: lines of TOML behind the usual ones of each
    pub fn start(folder: &Path, count: usize, more: &str) -> Self {
        let nats = start_nats(folder);
        let url = nats.url();
        Self::of(folder, nats, Vec::new(), &vec![url; count], more)
    }

    /// The same, with a way to the broker for each node that can be cut.
    pub fn start_behind_gates(folder: &Path, count: usize, more: &str) -> Self {
        let nats = start_nats(folder);
        let gates: Vec<Gate> = (0..count).map(|_| Gate::to(&nats.address())).collect();
        let urls: Vec<String> = gates.iter().map(|gate| format!("nats://{}", gate.address())).collect();
        Self::of(folder, nats, gates, &urls, more)
    }

    /// Three nodes of which the first is on a machine behind a firewall, and reaches the broker by TCP: without UDP it and the others
    /// have no way for media.
    pub fn start_apart(folder: &Path, inside: &Inside) -> Self {
        let nats = start_nats(folder);
        let gate = Gate::between(&inside.outside, &nats.address());
        let own = folder.join("n1");
        std::fs::create_dir_all(&own).expect("the folder can be written");
        // A machine of its own has any port free.
        let (listen, media) = (format!("{}:8080", inside.inside), format!("udp = \"{}:5000\"", inside.inside));
        let may_read = "[metrics]\nallow = [\"10.0.0.0/8\"]\n";
        let first = config_of(1, &format!("nats://{}", gate.address()), &listen, may_read);
        let mut nodes = vec![Server::start_inside(inside, &own, &listen, &media, &first)];
        let media = format!("udp = \"{}:0\"", inside.outside);
        nodes.extend((2..=3).map(|number| start_node_with(folder, number, &nats.url(), &media, "")));
        let cluster = Self {
            nats,
            gates: vec![gate],
            nodes,
        };
        cluster.wait_until_whole();
        cluster
    }

    fn of(folder: &Path, nats: NatsServer, gates: Vec<Gate>, urls: &[String], more: &str) -> Self {
        let numbered = (1..).zip(urls);
        let nodes = numbered.map(|(number, url)| start_node(folder, number, url, more)).collect();
        let cluster = Self { nats, gates, nodes };
        cluster.wait_until_whole();
        cluster
    }

    /// Waits until all nodes know each other.
    pub fn wait_until_whole(&self) -> Duration {
        let all = self.nodes.len() as f64;
        self.wait_until("all know each other", |node| {
            self.metric(node, "express_cluster_nodes") == all
        })
    }

    /// The URLs of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.url.clone()).collect()
    }

    /// A metric of a node without labels; what is not shown is none.
    pub fn metric(&self, node: usize, name: &str) -> f64 {
        let text = get(self.nodes[node].address(), "/metrics").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Restarts one node after the other, each after its members have gone from it, and prints how long that takes.
    ///
    /// # Panics
    /// When one does not end, or not in order, or does not come back.
    pub fn restart_one_by_one(&mut self) {
        for node in 0..self.nodes.len() {
            let asked = Instant::now();
            self.nodes[node].process.terminate();
            let ended = self.nodes[node].process.wait(PATIENCE);
            assert!(ended.success(), "{ended}");
            let drained = asked.elapsed().as_secs_f64();
            self.nodes[node].restart();
            self.wait_until_whole();
            println!(
                "node {} ended in {drained:.1} s, all three there after {:.1} s",
                node + 1,
                asked.elapsed().as_secs_f64()
            );
        }
    }

    /// Waits until that is so of each node.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(usize) -> bool) -> Duration {
        let began = Instant::now();
        for node in 0..self.nodes.len() {
            self.wait_for(node, what, || is_so(node));
        }
        began.elapsed()
    }

    /// Waits until something is so that this node shows.
    ///
    /// # Panics
    /// When it is not in time, with what the node logged.
    pub fn wait_for(&self, node: usize, what: &str, is_so: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        while !is_so() {
            let log = || self.nodes[node].process.log_text();
            assert!(began.elapsed() < PATIENCE, "node {}: {what}\n{}", node + 1, log());
            // What a node counts is read, not told.
            std::thread::park_timeout(Duration::from_millis(20));
        }
        began.elapsed()
    }
}

fn start_nats(folder: &Path) -> NatsServer {
    let folder = folder.join("nats");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    NatsServer::start(&folder)
}

fn start_node(folder: &Path, number: usize, nats: &str, more: &str) -> Server {
    start_node_with(folder, number, nats, "udp = \"127.0.0.1:0\"", more)
}

/// A node that clients are told of by the address at which it listens.
fn start_node_with(folder: &Path, number: usize, nats: &str, media: &str, more: &str) -> Server {
    let folder = folder.join(format!("n{number}"));
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let listen = free.expect("loopback has a free port").to_string();
    Server::start_reachable(&folder, &listen, media, &config_of(number, nats, &listen, more))
}

fn config_of(number: usize, nats: &str, listen: &str, more: &str) -> String {
    let name = format!("name = \"n{number}\"\nregion = \"r{number}\"");
    format!("[cluster]\nnats = [\"{nats}\"]\n{name}\nurl = \"ws://{listen}\"\n{more}")
}
