//! `[metrics]`: who may read what the server counts.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

/// `[metrics]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Networks whose hosts may read `/metrics`, beside this machine where HTTP listens on loopback.
    #[serde(deserialize_with = "networks")]
    pub allow: Vec<IpNet>,
}

impl MetricsConfig {
    /// Whether a host of this address may read.
    pub fn allows(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.allow.iter().any(|network| network.contains(&from))
    }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| network(text))
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network = text.parse().ok().or_else(address);
    network.ok_or_else(|| format!("metrics.allow: {text:?} is neither a network such as 10.0.0.0/8 nor an IP address"))
}

#[cfg(test)]
mod tests {
    use crate::config::ServerConfig;

    #[test]
    fn nobody_else_may_read_by_default_and_only_hosts_of_the_named_networks_may() {
        assert!(ServerConfig::embedded().metrics.allow.is_empty());
        let config = ServerConfig::from_toml("[metrics]\nallow = [\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\"]").unwrap();
        let table = [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8::9", true),
            ("::1", false),
        ];
        for (from, allowed) in table {
            assert_eq!(config.metrics.allows(from.parse().unwrap()), allowed, "{from}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_with_its_key() {
        let error = ServerConfig::from_toml("[metrics]\nallow = [\"10.0.0.0/99\"]")
            .unwrap_err()
            .to_string();
        assert!(error.contains("metrics.allow") && error.contains("10.0.0.0/99"), "{error}");
    }
}
