//! Where a login may be made: the servers that the program gave, and the nodes of a cloud that servers told of.
//!
//! A server's word about others is not taken on trust: addresses are counted, measured and parsed, they carry no credentials, and
//! one without TLS is no address for a client that was given one with it.

use tracing::warn;
use url::Url;

use super::link::signal_url;
use crate::protocol::{MAX_NODE_URL, MAX_NODES};

/// How many members of a cloud are remembered beside those of the newest list.
const MEMBERS: usize = 32;

/// All addresses, as URLs of the signalling WebSocket.
#[derive(Debug)]
pub(super) struct Nodes {
    given: Vec<String>,
    /// The newest list of a server.
    learnt: Vec<String>,
    /// Nodes that a server named, and servers that named some: they understand a login that moves.
    members: Vec<String>,
    order: Vec<String>,
    needs_tls: bool,
}

impl Nodes {
    /// The servers that the program gave, in their order; those that are none are left out.
    pub(super) fn new(servers: &[String]) -> Self {
        let usable = |server: &String| match signal_url(server) {
            Ok(url) => Some(url),
            Err(error) => {
                warn!(%error, "server left out");
                None
            }
        };
        let given: Vec<String> = servers.iter().filter_map(usable).collect();
        Self {
            order: given.clone(),
            needs_tls: given.iter().any(|url| url.starts_with("wss:")),
            given,
            learnt: Vec::new(),
            members: Vec::new(),
        }
    }

    /// How many there are to try.
    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    /// The one to try at this place.
    pub(super) fn at(&self, place: usize) -> Option<&str> {
        self.order.get(place).map(String::as_str)
    }

    /// Whether a server named this one, or it named others.
    pub(super) fn is_member(&self, url: &str) -> bool {
        self.members.iter().any(|member| member == url)
    }

    /// Whether there is another member to go to than `url`.
    pub(super) fn has_others(&self, url: &str) -> bool {
        self.order.iter().any(|other| other != url && self.is_member(other))
    }

    /// The signalling URL of a node that a server named; `None`: it is not to be used.
    pub(super) fn usable(&self, node: &str) -> Option<String> {
        if node.len() > MAX_NODE_URL {
            return None;
        }
        let mut url = Url::parse(node).ok()?;
        match url.scheme() {
            "http" => url.set_scheme("ws").ok()?,
            "https" => url.set_scheme("wss").ok()?,
            _ => {}
        }
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_safe = url.scheme() == "wss" || !self.needs_tls;
        if !is_plain || !is_safe {
            return None;
        }
        signal_url(url.as_str()).ok()
    }

    /// A server named the others: they replace those that were named before. Returns the ones that can be used.
    pub(super) fn learn(&mut self, nodes: &[String]) -> Vec<String> {
        let mut learnt: Vec<String> = Vec::new();
        for url in nodes.iter().take(MAX_NODES).filter_map(|node| self.usable(node)) {
            if !learnt.contains(&url) {
                learnt.push(url);
            }
        }
        learnt.iter().for_each(|url| self.join(url));
        self.learnt.clone_from(&learnt);
        learnt
    }

    /// The server at `url` is one of a cloud.
    pub(super) fn join(&mut self, url: &str) {
        if self.is_member(url) {
            return;
        }
        if self.members.len() >= MEMBERS {
            self.members.remove(0);
        }
        self.members.push(url.into());
    }

    /// The login stands at `home`: what is tried next begins there, goes on with the other nodes, and then with the servers that
    /// the program gave, in their order behind `home`.
    pub(super) fn stands_at(&mut self, home: &str) {
        let others = self.others(home);
        self.set_order(std::iter::once(home.to_owned()).chain(others).collect());
    }

    /// The node at `home` goes away: it is the last to try.
    pub(super) fn leaves(&mut self, home: &str) {
        let others = self.others(home);
        self.set_order(others.into_iter().chain([home.to_owned()]).collect());
    }

    fn others(&self, home: &str) -> Vec<String> {
        let start = self.given.iter().position(|url| url == home).unwrap_or(0);
        let (before, behind) = self.given.split_at(start);
        let all = self.learnt.iter().chain(behind).chain(before);
        all.filter(|url| *url != home).cloned().collect()
    }

    fn set_order(&mut self, wanted: Vec<String>) {
        self.order.clear();
        for url in wanted {
            if !self.order.contains(&url) {
                self.order.push(url);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(given: &[&str]) -> Nodes {
        let given: Vec<String> = given.iter().map(|server| (*server).into()).collect();
        Nodes::new(&given)
    }

    fn order(nodes: &Nodes) -> Vec<&str> {
        let hosts = nodes.order.iter().map(|url| url.trim_end_matches("/v1/signal"));
        hosts.map(|host| host.trim_start_matches("ws://")).collect()
    }

    /// By the server that the program gave: what a server names, and where that leads.
    const TABLE: &str = include_str!("../../../tests/cases/tables/nodes.json");

    #[test]
    fn a_node_is_a_base_url_and_what_a_hostile_server_names_is_left_out() {
        type Row = (String, Option<String>);
        let table: std::collections::BTreeMap<String, Vec<Row>> = serde_json::from_str(TABLE).unwrap();
        assert_eq!(table.len(), 2);
        for (given, rows) in table {
            let nodes = nodes(&[given.strip_prefix("given ").unwrap()]);
            for (node, url) in rows {
                assert_eq!(nodes.usable(&node), url, "{given}: {node:?}");
            }
        }
    }

    #[test]
    fn tls_is_never_given_up() {
        let mut nodes = nodes(&["wss://one"]);
        let named = ["ws://two", "http://two", "https://three", "wss://four"].map(String::from);
        assert_eq!(nodes.learn(&named), ["wss://three/v1/signal", "wss://four/v1/signal"]);
    }

    #[test]
    fn of_a_long_list_eight_are_kept_and_no_list_makes_the_next_one_longer() {
        let mut nodes = nodes(&["ws://one"]);
        for round in 0..100 {
            let named: Vec<String> = (0..1_000).map(|n| format!("ws://n{n}-{round}")).collect();
            assert_eq!(nodes.learn(&named).len(), MAX_NODES);
            nodes.stands_at("ws://one/v1/signal");
            assert_eq!(nodes.count(), MAX_NODES + 1);
            assert!(nodes.members.len() <= MEMBERS);
        }
    }

    #[test]
    fn the_home_comes_first_then_the_named_then_the_given_in_their_order() {
        let mut nodes = nodes(&["ws://one", "ws://two", "ws://three"]);
        nodes.stands_at("ws://two/v1/signal");
        assert_eq!(order(&nodes), ["two", "three", "one"]);
        nodes.learn(&["ws://four", "ws://two", "ws://one", "ws://four"].map(String::from));
        nodes.stands_at("ws://two/v1/signal");
        assert_eq!(order(&nodes), ["two", "four", "one", "three"]);
        nodes.leaves("ws://two/v1/signal");
        assert_eq!(order(&nodes), ["four", "one", "three", "two"]);
    }
}
