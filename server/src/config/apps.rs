//! `[[apps]]`: the AppIDs served, and the rules that their tokens are held to.

use std::collections::HashSet;

use express_token::{Cipher, Policy, Secret};
use serde::{Deserialize, Deserializer};

use super::callback::CallbackUrl;
use super::{ConfigError, Hidden, require};

/// Bytes of a `callback_secret`.
const MAX_CALLBACK_SECRET: usize = 256;

/// One of `[[apps]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    /// The AppID; never 0.
    pub id: u32,
    /// Shared with the business server.
    #[serde(deserialize_with = "secret")]
    pub secret: Secret,
    /// Longest life of a token, seconds.
    #[serde(default = "default_max_ttl")]
    pub max_ttl: i64,
    /// How far a token may be made in the future, seconds.
    #[serde(default = "default_max_clock_ahead")]
    pub max_clock_ahead: i64,
    /// What may seal a token.
    #[serde(default = "default_ciphers")]
    pub ciphers: Vec<Cipher>,
    /// What happens to a user in a room whose token expires.
    #[serde(default)]
    pub on_token_expiry: OnTokenExpiry,
    /// Which of two clients of one user has to go.
    #[serde(default)]
    pub on_double_login: OnDoubleLogin,
    /// Whether a user of one room may play a stream of another.
    #[serde(default = "default_play_across_rooms")]
    pub play_across_rooms: bool,
    /// Where the business server is told what happens in rooms; `None`: nowhere.
    pub callback_url: Option<CallbackUrl>,
    /// Signs what it is told; together with `callback_url`.
    pub callback_secret: Option<Hidden>,
    /// Whether a user may be in several rooms at a time (`enableMultiRoom`).
    #[serde(default = "default_multi_room")]
    pub multi_room: bool,
}

/// What happens to a user in a room whose token expires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTokenExpiry {
    /// Stays, publishes and plays on; the next login or publish fails (documented default).
    #[default]
    Stay,
    /// Is kicked out with 1102018 (documented strict mode).
    Kick,
}

/// What happens when a user who is in a room by one client logs in by another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDoubleLogin {
    /// The earlier client is kicked out with 1002050 (documented default).
    #[default]
    Replace,
    /// The newcomer is refused with 1002086, unless the earlier client has no connection (documented option).
    Refuse,
}

impl AppConfig {
    /// An AppID with the default rules.
    pub fn new(id: u32, secret: Secret) -> Self {
        Self {
            id,
            secret,
            max_ttl: default_max_ttl(),
            max_clock_ahead: default_max_clock_ahead(),
            ciphers: default_ciphers(),
            on_token_expiry: OnTokenExpiry::default(),
            on_double_login: OnDoubleLogin::default(),
            play_across_rooms: default_play_across_rooms(),
            callback_url: None,
            callback_secret: None,
            multi_room: default_multi_room(),
        }
    }

    /// Where callbacks go and what signs them, if anywhere.
    pub fn callback(&self) -> Option<(&CallbackUrl, &Hidden)> {
        self.callback_url.as_ref().zip(self.callback_secret.as_ref())
    }

    /// The rules that its tokens are held to.
    pub fn policy(&self) -> Policy {
        Policy {
            app_id: self.id,
            ciphers: self.ciphers.iter().copied().collect(),
            max_ttl_s: self.max_ttl,
            max_clock_ahead_s: self.max_clock_ahead,
        }
    }
}

/// # Errors
/// Which key is wrong.
pub(super) fn check_apps(apps: &[AppConfig]) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    for app in apps {
        require(app.id != 0, "apps.id", "an AppID is never 0")?;
        require(seen.insert(app.id), "apps.id", format!("AppID {} is there twice", app.id))?;
        require(!app.ciphers.is_empty(), "apps.ciphers", "without a cipher no token can pass")?;
        require(app.max_ttl > 0, "apps.max_ttl", "must be more than 0 seconds")?;
        require(app.max_clock_ahead >= 0, "apps.max_clock_ahead", "must not be negative")?;
        check_callback(app)?;
    }
    Ok(())
}

fn check_callback(app: &AppConfig) -> Result<(), ConfigError> {
    let both = app.callback_url.is_some() == app.callback_secret.is_some();
    let key = "apps.callback_secret";
    require(
        both,
        key,
        "apps.callback_url and apps.callback_secret are given together or not at all",
    )?;
    let secret = app.callback_secret.as_ref().map(Hidden::expose);
    let good = |secret: &str| {
        let length = (1..=MAX_CALLBACK_SECRET).contains(&secret.len());
        length && secret.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let problem = format!("has 1 to {MAX_CALLBACK_SECRET} printable ASCII characters");
    require(secret.is_none_or(good), key, problem)
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text = String::deserialize(deserializer)?;
    Secret::new(&text).map_err(serde::de::Error::custom)
}

fn default_max_ttl() -> i64 {
    Policy::DEFAULT_MAX_TTL_S
}

fn default_max_clock_ahead() -> i64 {
    Policy::DEFAULT_MAX_CLOCK_AHEAD_S
}

fn default_play_across_rooms() -> bool {
    true
}

fn default_multi_room() -> bool {
    true
}

fn default_ciphers() -> Vec<Cipher> {
    vec![Cipher::Cbc, Cipher::Gcm]
}
