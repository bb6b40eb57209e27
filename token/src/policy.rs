//! What a cloud accepts beyond a token that opens.

use crate::cipher::Ciphers;

/// The rules that one AppID's tokens are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The AppID that the token must name.
    pub app_id: u32,
    /// The ciphers that may seal it. Both by default, since most published generators know CBC only; an AppID whose
    /// business server can seal with GCM should accept nothing else.
    pub ciphers: Ciphers,
    /// The longest life, `expire - ctime`, in seconds. Generators set no bound; a token cannot be revoked, so this does.
    pub max_ttl_s: i64,
    /// How far `ctime` may lie ahead of our clock, in seconds: two clocks are never equal.
    pub max_clock_ahead_s: i64,
}

impl Policy {
    /// 31 days, in seconds.
    pub const DEFAULT_MAX_TTL_S: i64 = 31 * 24 * 3600;
    /// Five minutes, in seconds.
    pub const DEFAULT_MAX_CLOCK_AHEAD_S: i64 = 300;

    /// The default rules for an AppID: both ciphers, 31 days, 300 s.
    pub fn new(app_id: u32) -> Self {
        Self {
            app_id,
            ciphers: Ciphers::ALL,
            max_ttl_s: Self::DEFAULT_MAX_TTL_S,
            max_clock_ahead_s: Self::DEFAULT_MAX_CLOCK_AHEAD_S,
        }
    }
}
