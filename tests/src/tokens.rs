//! Tokens for tests.

use std::time::{SystemTime, UNIX_EPOCH};

use express_token::{Cipher, Grant, Privileges, Secret, issue_random};

/// The AppID of every test server.
pub const APP_ID: u32 = 1;
/// Its secret.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Unix seconds.
pub fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(now.as_secs()).expect("the clock is before the year 292277026596")
}

/// An ordinary token of `user`, good for an hour.
pub fn token(user: &str) -> String {
    token_with(user, 3_600, None)
}

/// A token of `user` for `ttl_s` seconds from now, with privileges or without.
pub fn token_with(user: &str, ttl_s: i64, privileges: Option<Privileges>) -> String {
    token_made_at(user, unix_now(), ttl_s, privileges)
}

/// A token of `user` that was made at `made_at` (Unix seconds).
pub fn token_made_at(user: &str, made_at: i64, ttl_s: i64, privileges: Option<Privileges>) -> String {
    let secret = Secret::new(SECRET).expect("32 characters");
    let grant = Grant {
        app_id: APP_ID,
        user_id: user.into(),
        ttl_s,
        privileges,
    };
    issue_random(&grant, &secret, Cipher::Gcm, made_at).expect("the grant is in order")
}
