//! `[ice]`: STUN and TURN servers that clients are told of.

use std::fmt;

use express_signalling::protocol::{MAX_ICE_SERVERS, MAX_ICE_TEXT};
use rtc_ice::url::{SchemeType, Url};
use serde::Deserialize;

use super::{ConfigError, require};

/// What of `[[ice.servers]]` does not fit is named by this key.
const SERVERS: &str = "ice.servers";
/// Credentials are renewed by a heartbeat once half of their life is over, and one heartbeat may be lost.
const HEARTBEATS_PER_LIFE: u64 = 4;
/// 30 days.
const MAX_TTL_S: u64 = 30 * 86_400;

/// `[ice]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceConfig {
    /// How long a credential that is made from a `secret` is good, seconds.
    pub credential_ttl_s: u64,
    /// The servers; empty: clients are told of none.
    #[serde(default)]
    pub servers: Vec<IceServerConfig>,
}

/// One of `[[ice.servers]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServerConfig {
    /// `stun:`, `stuns:` (RFC 7064), `turn:` and `turns:` URIs (RFC 7065).
    pub urls: Vec<String>,
    /// The same user name for everybody; with `credential`.
    pub username: Option<String>,
    /// The same password for everybody; with `username`.
    pub credential: Option<Hidden>,
    /// coturn's `static-auth-secret`, from which each client gets a credential of its own that expires.
    pub secret: Option<Hidden>,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl IceConfig {
    pub(super) fn check(&self, heartbeat_s: u64) -> Result<(), ConfigError> {
        let least = heartbeat_s.saturating_mul(HEARTBEATS_PER_LIFE);
        let problem = format!("must be {least} (four heartbeats) to {MAX_TTL_S} seconds");
        let range = least..=MAX_TTL_S;
        require(range.contains(&self.credential_ttl_s), "ice.credential_ttl_s", problem)?;
        let problem = format!("a client takes at most {MAX_ICE_SERVERS} servers");
        require(self.servers.len() <= MAX_ICE_SERVERS, SERVERS, problem)?;
        self.servers.iter().try_for_each(IceServerConfig::check)
    }
}

impl IceServerConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let number = self.urls.len();
        let problem = format!("urls has {number} entries; 1 to {MAX_ICE_SERVERS} are expected");
        require((1..=MAX_ICE_SERVERS).contains(&number), SERVERS, problem)?;
        let mut turn = false;
        for url in &self.urls {
            turn |= is_turn(url)?;
        }
        self.check_credentials(turn)
    }

    fn check_credentials(&self, turn: bool) -> Result<(), ConfigError> {
        let given = (self.username.is_some(), self.credential.is_some(), self.secret.is_some());
        let first = self.urls.first().map_or("", String::as_str);
        let problem = match given {
            (false, false, false) if turn => "needs a secret (coturn's static-auth-secret), or username and credential",
            (false, false, false) => return Ok(()),
            _ if !turn => "is no TURN server and takes no username, credential or secret",
            (true, true, false) | (false, false, true) => return self.check_texts(),
            _ => "takes either a secret, or username and credential together",
        };
        require(false, SERVERS, format!("{first} {problem}"))
    }

    fn check_texts(&self) -> Result<(), ConfigError> {
        let hidden = [&self.credential, &self.secret];
        let hidden = hidden.into_iter().flatten().map(Hidden::expose);
        for text in hidden.chain(self.username.as_deref()) {
            let problem = format!("username, credential and secret have 1 to {MAX_ICE_TEXT} printable ASCII characters");
            let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            require((1..=MAX_ICE_TEXT).contains(&text.len()) && printable, SERVERS, problem)?;
        }
        Ok(())
    }
}

/// Whether a URL is that of a TURN server.
///
/// # Errors
/// It is neither that nor the URL of a STUN server.
fn is_turn(url: &str) -> Result<bool, ConfigError> {
    let refuse = |why: &str| {
        let examples = "stun:HOST:3478, turn:HOST:3478?transport=udp, turn:HOST:3478?transport=tcp or turns:HOST:5349";
        let problem = format!("{url:?} is no URL of a STUN or TURN server ({why}); write {examples}");
        require(false, SERVERS, problem).map(|()| false)
    };
    // It becomes the target of a Link header, too.
    if url.len() > MAX_ICE_TEXT || !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte)) {
        return refuse("a character that no URL has, or too long");
    }
    match Url::parse_url(url) {
        Ok(read) => Ok(matches!(read.scheme, SchemeType::Turn | SchemeType::Turns)),
        Err(error) => refuse(&error.to_string()),
    }
}
