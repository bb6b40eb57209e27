//! What clients are told of STUN and TURN servers, with credentials that expire where a server knows how.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use express_messages::ids::UserId;
use express_signalling::protocol::IceServer;

use crate::config::{Hidden, IceConfig, IceServerConfig};

/// The configured servers.
#[derive(Debug)]
pub(super) struct IceServers {
    servers: Vec<IceServerConfig>,
    ttl_s: i64,
}

/// What one client was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The servers, with this client's credentials.
    pub(super) servers: Vec<IceServer>,
    /// Unix time in seconds at which the first credential expires; `None`: they do not.
    pub(super) expires_at: Option<i64>,
}

impl IceServers {
    pub(super) fn new(config: IceConfig) -> Self {
        Self {
            servers: config.servers,
            ttl_s: i64::try_from(config.credential_ttl_s).unwrap_or(i64::MAX),
        }
    }

    /// The servers for a user, with new credentials.
    pub(super) fn tell(&self, user: &UserId, unix_s: i64) -> Told {
        let expires_at = unix_s.saturating_add(self.ttl_s);
        let tell = |server: &IceServerConfig| {
            let (username, credential) = match &server.secret {
                Some(secret) => {
                    let (username, credential) = shared_secret(secret, user, expires_at);
                    (Some(username), Some(credential))
                }
                None => {
                    let credential = server.credential.as_ref().map(|credential| credential.expose().to_owned());
                    (server.username.clone(), credential)
                }
            };
            IceServer {
                urls: server.urls.clone(),
                username,
                credential,
            }
        };
        Told {
            servers: self.servers.iter().map(tell).collect(),
            expires_at: self
                .servers
                .iter()
                .any(|server| server.secret.is_some())
                .then_some(expires_at),
        }
    }

    /// Whether credentials that expire then have less than half of their life left.
    pub(super) fn are_stale(&self, expires_at: Option<i64>, unix_s: i64) -> bool {
        expires_at.is_some_and(|at| at.saturating_sub(unix_s) < self.ttl_s / 2)
    }
}

/// User name and credential of coturn's `use-auth-secret` (turnserver's README, "TURN REST API"): when they expire and who asks,
/// and base64 of the HMAC-SHA1 of that.
fn shared_secret(secret: &Hidden, user: &UserId, expires_at: i64) -> (String, String) {
    // The part behind the colon only tells people whose allocation it is; coturn refuses these two characters.
    let who = user.as_str().replace(['\'', '\\'], "_");
    let username = format!("{expires_at}:{who}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose().as_bytes());
    let credential = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    (username, credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_what_coturn_makes_of_the_same_secret() {
        // printf '1767312000:alice' | openssl dgst -sha1 -hmac north -binary | base64
        let alice = UserId::new("alice").unwrap();
        let made = shared_secret(&Hidden::new("north"), &alice, 1_767_312_000);
        assert_eq!(made, ("1767312000:alice".into(), "PXvL6SDH91b/xAw9kBVp8vQDjsw=".into()));
        let odd = UserId::new(r"o'b\r").unwrap();
        assert_eq!(shared_secret(&Hidden::new("north"), &odd, 1).0, "1:o_b_r");
    }
}
