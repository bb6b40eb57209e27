//! What `[cluster]` says about NATS, as its client takes it.

use std::path::Path;
use std::time::Duration;

use async_nats::ConnectOptions;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::http::Uri;

use super::super::{BusError, NodeName};
use crate::config::{ClusterConfig, Hidden};

/// How long one try to connect may take, TLS and login with it.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How often the broker is pinged; the third ping without an answer to the two before ends the connection.
const PING_EVERY: Duration = Duration::from_secs(2);
/// Between tries to connect: at first, and at most. A broker that is back is found within the latter.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LAST_DELAY: Duration = Duration::from_secs(1);
/// Up to so much more, so that not all nodes come at once.
const DELAY_SPREAD_MS: u64 = 250;
/// Messages that may wait for one of our tasks, for each subscription.
const SUBSCRIPTION_CAPACITY: usize = 8_192;

/// Options without what is done on events.
///
/// # Errors
/// [`BusError::Other`] where a file cannot be used.
pub(super) async fn options(name: &NodeName, config: &ClusterConfig) -> Result<ConnectOptions, BusError> {
    let mut options = login(config).await?;
    if let Some(file) = &config.ca_file {
        check_certificates(file)?;
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    // The client asks for the provider of the process; an earlier one stays.
    let _ = aws_lc_rs::default_provider().install_default();
    Ok(options
        .name(name)
        .retry_on_initial_connect()
        .connection_timeout(CONNECT_LIMIT)
        .ping_interval(PING_EVERY)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .reconnect_delay_callback(delay))
}

async fn login(config: &ClusterConfig) -> Result<ConnectOptions, BusError> {
    if let Some(file) = &config.credentials_file {
        let read = ConnectOptions::with_credentials_file(file).await;
        return read.map_err(|error| unusable("credentials_file", file, &error.to_string()));
    }
    let password = config.password.as_ref().map(Hidden::expose);
    if let Some((user, password)) = config.user.as_deref().zip(password) {
        return Ok(ConnectOptions::with_user_and_password(user.into(), password.into()));
    }
    let token = config.token.as_ref().map(Hidden::expose);
    Ok(token.map_or_else(ConnectOptions::new, |token| ConnectOptions::with_token(token.into())))
}

/// The client reads the file again with each try, and would only try on.
fn check_certificates(file: &Path) -> Result<(), BusError> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(unusable("ca_file", file, "no certificate in it")),
        Ok(_) => Ok(()),
        Err(error) => Err(unusable("ca_file", file, &error.to_string())),
    }
}

fn unusable(key: &str, file: &Path, problem: &str) -> BusError {
    BusError::Other(format!("cluster.{key} = {} cannot be used: {problem}", file.display()))
}

/// Before the try of this number since the last connection, the first being 1.
fn delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(2)).unwrap_or(u32::MAX).min(8);
    if attempt <= 1 {
        return Duration::ZERO;
    }
    let spread = Duration::from_millis(rand::random_range(0..=DELAY_SPREAD_MS));
    (FIRST_DELAY * 2_u32.pow(doublings)).min(LAST_DELAY) + spread
}

/// Says once, at the start, which addresses others may listen to.
pub(super) fn warn_of_plain_text(config: &ClusterConfig) {
    let plain: Vec<_> = config.nats.iter().filter(|url| is_plain_and_far(url)).collect();
    if !plain.is_empty() && config.ca_file.is_none() {
        tracing::warn!(
            ?plain,
            "cluster.nats: what nodes tell each other goes in clear to another machine; write tls://, unless its server insists on TLS"
        );
    }
}

fn is_plain_and_far(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    !near && !url.starts_with("tls:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    #[test]
    fn tries_come_at_once_then_slower_and_at_least_each_second_or_so() {
        assert_eq!(delay(1), Duration::ZERO);
        assert!((100..=350).contains(&delay(2).as_millis()));
        for attempt in [5, 6, 100, usize::MAX] {
            assert!((800..=1_250).contains(&delay(attempt).as_millis()), "{attempt}");
        }
    }

    #[test]
    fn plain_text_to_another_machine_is_seen() {
        for (url, far) in [
            ("nats://127.0.0.1:4222", false),
            ("nats://[::1]:4222", false),
            ("nats://localhost", false),
            ("tls://nats.example.com", false),
            ("nats://nats.example.com:4222", true),
            ("nats://10.0.0.1", true),
        ] {
            assert_eq!(is_plain_and_far(url), far, "{url}");
        }
    }

    #[tokio::test]
    async fn files_that_cannot_be_used_are_named_at_the_start() {
        let name = NodeName::new("a").unwrap();
        for key in ["credentials_file", "ca_file"] {
            for file in ["/nonexistent/x", "/dev/null"] {
                let config = ServerConfig::from_toml(&format!("[cluster]\n{key} = \"{file}\""))
                    .unwrap()
                    .cluster;
                let error = options(&name, &config).await.err().unwrap().to_string();
                assert!(error.contains(key) && error.contains(file), "{error}");
            }
        }
    }
}
