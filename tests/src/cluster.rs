//! A cluster of real processes: nodes of the server, and a nats-server between them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::nats::NatsServer;
use crate::processes::{PATIENCE, Server};

/// Nodes and their broker. All end with it.
#[derive(Debug)]
pub struct Cluster {
    /// The broker.
    pub nats: NatsServer,
    /// The nodes, in the order of their names `n1`, `n2`, ...
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts so many nodes, each in a folder of its own, and waits until they know each other.
    ///
    /// - `more`: lines of TOML behind the usual ones of each
    pub fn start(folder: &Path, count: usize, more: &str) -> Self {
        let nats_folder = folder.join("nats");
        std::fs::create_dir_all(&nats_folder).expect("the folder can be written");
        let nats = NatsServer::start(&nats_folder);
        let nodes = (1..=count).map(|number| start_node(folder, number, &nats, more)).collect();
        let cluster = Self { nats, nodes };
        cluster.wait_until("all know each other", |node| cluster.metric(node, "express_cluster_nodes") == count as f64);
        cluster
    }

    /// The URLs of all nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.url.clone()).collect()
    }

    /// A metric of a node without labels; what is not shown is none.
    pub fn metric(&self, node: usize, name: &str) -> f64 {
        let text = scrape(&self.nodes[node]).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Waits until that is so of each node that runs.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(usize) -> bool) -> Duration {
        let began = Instant::now();
        for node in 0..self.nodes.len() {
            while !is_so(node) {
                assert!(began.elapsed() < PATIENCE, "node {}: {what}", node + 1);
                // What a node counts is read, not told.
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
        began.elapsed()
    }
}

/// A node that clients are told of by the address at which it listens.
fn start_node(folder: &Path, number: usize, nats: &NatsServer, more: &str) -> Server {
    let folder = folder.join(format!("n{number}"));
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let listen = free.expect("loopback has a free port").to_string();
    let nats = nats.url();
    let cluster = format!("[cluster]\nnats = [\"{nats}\"]\nname = \"n{number}\"\nurl = \"ws://{listen}\"\n{more}");
    Server::start_at(&folder, &listen, &cluster)
}

/// What `/metrics` says; `None`: the node does not answer.
fn scrape(node: &Server) -> Option<String> {
    let mut stream = TcpStream::connect(node.address()).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}
