//! `[cluster]`: the other nodes, and how they are reached.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use ureq::http::Uri;

use super::{ConfigError, Hidden, require};
use crate::cluster::bus::{BadNodeName, NodeName};

/// Addresses of NATS servers.
const MAX_SERVERS: usize = 32;
/// Bytes of any text.
const MAX_TEXT: usize = 256;
/// What JetStream keeps at most.
const MAX_REPLICAS: usize = 5;

/// `[cluster]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// `nats://` and `tls://` URLs of NATS servers; empty: this node is alone.
    pub nats: Vec<String>,
    /// The name of this node; empty: a random one for each start.
    pub name: String,
    /// What all names at NATS begin with, so that two clusters can share it.
    pub prefix: String,
    /// A file of NATS credentials (a user's JWT and seed).
    pub credentials_file: Option<PathBuf>,
    /// A user of NATS; with `password`.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Hidden>,
    /// A token of NATS.
    pub token: Option<Hidden>,
    /// The certificates in PEM that vouch for NATS; `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// How many NATS servers keep what is stored.
    pub replicas: usize,
    /// Where this node is, as the operator words it.
    pub region: String,
    /// Where clients reach this node, as the engine takes it; empty: they are never sent here from another.
    pub url: String,
    /// Where other nodes reach this node's media port; `None`: the first of `media.public_addresses`, else that of `media.udp`.
    pub media_ip: Option<IpAddr>,
    /// Sessions that this node is meant for.
    pub capacity: u32,
}

impl ClusterConfig {
    /// The name, if one is given.
    ///
    /// # Errors
    /// It is none, which a configuration that was read never has.
    pub fn node_name(&self) -> Result<Option<NodeName>, BadNodeName> {
        Some(self.name.as_str())
            .filter(|name| !name.is_empty())
            .map(NodeName::new)
            .transpose()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem = format!("a cluster has at most {MAX_SERVERS} addresses of NATS servers");
        require(self.nats.len() <= MAX_SERVERS, "cluster.nats", problem)?;
        self.nats.iter().try_for_each(|url| check_nats_url(url))?;
        if let Err(error) = self.node_name() {
            require(
                false,
                "cluster.name",
                format!("{:?}: {error}; empty: a random one", self.name),
            )?;
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let good = (1..=32).contains(&self.prefix.len()) && self.prefix.bytes().all(word);
        require(good, "cluster.prefix", "has 1 to 32 of A-Z, a-z, 0-9, - and _")?;
        require(is_text(&self.region), "cluster.region", text_problem("is empty or has"))?;
        let good = (1..=MAX_REPLICAS).contains(&self.replicas);
        require(good, "cluster.replicas", format!("must be 1 to {MAX_REPLICAS}"))?;
        require(self.capacity > 0, "cluster.capacity", "must be more than 0")?;
        self.check_login()?;
        check_url(&self.url)
    }

    fn check_login(&self) -> Result<(), ConfigError> {
        let pair = self.user.is_some() == self.password.is_some();
        require(pair, "cluster.user", "user and password come together: give both, or neither")?;
        let ways = [self.credentials_file.is_some(), self.user.is_some(), self.token.is_some()];
        let one = ways.into_iter().filter(|given| *given).count() <= 1;
        let problem = "NATS takes one login: give credentials_file, or user and password, or token";
        require(one, "cluster.credentials_file", problem)?;
        let hidden = [&self.password, &self.token].into_iter().flatten().map(Hidden::expose);
        for text in hidden.chain(self.user.as_deref()) {
            require(
                !text.is_empty() && is_text(text),
                "cluster.user",
                text_problem("user, password and token have"),
            )?;
        }
        Ok(())
    }
}

fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn text_problem(what: &str) -> String {
    format!("{what} 1 to {MAX_TEXT} printable ASCII characters")
}

/// The text is not repeated where it may hold a password.
fn check_nats_url(text: &str) -> Result<(), ConfigError> {
    let refuse = |why: &str| {
        let problem = format!("an address {why}; write for example tls://nats1.example.com:4222 or nats://127.0.0.1:4222");
        require(false, "cluster.nats", problem)
    };
    if text.contains('@') {
        return refuse("holds a user or a password: set cluster.user and cluster.password");
    }
    let Ok(uri) = text.parse::<Uri>() else {
        return refuse("is no URL");
    };
    if !matches!(uri.scheme_str(), Some("nats" | "tls")) {
        return refuse("must begin with tls:// or nats://");
    }
    if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return refuse("is more or less than a host and a port");
    }
    Ok(())
}

fn check_url(text: &str) -> Result<(), ConfigError> {
    if text.is_empty() {
        return Ok(());
    }
    let uri = text.parse::<Uri>().ok();
    let good = uri.as_ref().is_some_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        matches!(uri.scheme_str(), Some("ws" | "wss" | "http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && !authority.contains('@')
            && uri.query().is_none()
    });
    let problem = "must be as clients reach this node, such as wss://node1.voice.example.com or ws://192.0.2.1:8080";
    require(good && is_text(text), "cluster.url", problem)
}

#[cfg(test)]
mod tests {
    use crate::config::ServerConfig;

    fn read(lines: &str) -> Result<ServerConfig, String> {
        ServerConfig::from_toml(&format!("[cluster]\n{lines}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_node_is_alone_by_default_and_a_cluster_is_read_without_showing_its_secrets() {
        let alone = ServerConfig::embedded().cluster;
        assert!(alone.nats.is_empty() && alone.node_name() == Ok(None) && alone.url.is_empty());
        assert_eq!(
            (alone.prefix.as_str(), alone.replicas, alone.capacity),
            ("express", 1, 10_000)
        );
        let text = r#"nats = ["tls://nats1.example.com:4222", "nats://[::1]", "nats://127.0.0.1:4222/"]
            name = "node-1"
            user = "express"
            password = "north"
            region = "eu west"
            url = "wss://node1.voice.example.com/base"
            media_ip = "2001:db8::7""#;
        let cluster = read(text).unwrap().cluster;
        assert_eq!(cluster.node_name().unwrap().unwrap().as_str(), "node-1");
        assert_eq!(cluster.password.as_ref().unwrap().expose(), "north");
        assert!(!format!("{cluster:?}").contains("north"));
        assert!(!format!("{:?}", read("token = \"south\"").unwrap()).contains("south"));
    }

    #[test]
    fn what_no_cluster_could_use_is_refused_with_its_key_and_without_a_secret() {
        let table = [
            ("nats = [\"nats://me:north@x:4222\"]", "cluster.user"),
            ("nats = [\"127.0.0.1:4222\"]", "cluster.nats"),
            ("nats = [\"http://x\"]", "cluster.nats"),
            ("nats = [\"nats://\"]", "cluster.nats"),
            ("nats = [\"nats://x/path\"]", "cluster.nats"),
            ("name = \"Node 1\"", "cluster.name"),
            ("prefix = \"a.b\"", "cluster.prefix"),
            ("prefix = \"\"", "cluster.prefix"),
            ("user = \"u\"", "together"),
            ("password = \"north\"", "together"),
            ("user = \"u\"\npassword = \"\"", "printable"),
            ("token = \"north\"\ncredentials_file = \"x\"", "one login"),
            ("token = \"north\"\nuser = \"u\"\npassword = \"north\"", "one login"),
            ("replicas = 0", "cluster.replicas"),
            ("replicas = 6", "cluster.replicas"),
            ("capacity = 0", "cluster.capacity"),
            ("region = \"a\\nb\"", "cluster.region"),
            ("url = \"ftp://x\"", "cluster.url"),
            ("url = \"wss://u:north@x\"", "cluster.url"),
            ("url = \"voice.example.com\"", "cluster.url"),
            ("media_ip = \"nowhere\"", "media_ip"),
            ("max_redirect_hops = 3", "max_redirect_hops"),
        ];
        for (lines, named) in table {
            let error = read(lines).unwrap_err();
            assert!(
                error.contains(named) && !error.contains("north"),
                "{lines}: {error:?} does not name {named:?}"
            );
        }
    }
}
