//! Every budget, interval and back-off of a client, as one table of data.

use std::time::Duration;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// How long to wait before which attempt.
///
/// Attempt 0 waits a random time in `first`, later ones the next entry of `steps`, the last entry again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// Bounds of the random wait before the first attempt.
    pub first: (Duration, Duration),
    /// Waits before the second, third, ... attempt.
    pub steps: Vec<Duration>,
}

impl Backoff {
    /// The wait before attempt `attempt` (0 is the first). `random` is a fresh value in 0..1.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let (low, high) = self.first;
        if attempt == 0 || self.steps.is_empty() {
            return low + high.saturating_sub(low).mul_f64(random.clamp(0.0, 1.0));
        }
        let index = usize::try_from(attempt - 1).unwrap_or(usize::MAX).min(self.steps.len() - 1);
        self.steps[index]
    }
}

/// Budgets and intervals of one engine. The defaults are the documented ones of the native SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// How long a login or a reconnect is retried (`roomRetryTime`): 20 min.
    pub room_retry_time: Duration,
    /// How long publishing or playing is retried (`streamRetryTime`): 20 min.
    pub stream_retry_time: Duration,
    /// How long a lost link is kept from the application: 8 s.
    pub reconnecting_debounce: Duration,
    /// Waits between attempts to connect and log in again: 1–4 s, then 4, 8, 8, 16, 16, 32 s.
    pub room_backoff: Backoff,
    /// Waits between attempts to publish or play again.
    pub stream_backoff: Backoff,
    /// How long one attempt to connect and log in may take: 10 s.
    pub login_attempt_timeout: Duration,
    /// How long a request waits for its answer: 10 s.
    pub request_timeout: Duration,
    /// Room heartbeat where the server names none: 30 s.
    pub heartbeat_interval: Duration,
    /// Room heartbeats unanswered for so long end the session: 100 s.
    pub heartbeat_timeout: Duration,
    /// A silent socket is pinged after: 5 s.
    pub link_ping_interval: Duration,
    /// A socket that answers nothing for so long is dead: 10 s.
    pub link_timeout: Duration,
    /// `tokenWillExpire` comes so long before the end: 30 s.
    pub token_warning: Duration,
    /// Quality reports: every 3 s.
    pub quality_interval: Duration,
    /// How long ICE may be disconnected before it counts as an error: 15 s.
    pub ice_disconnected_grace: Duration,
    /// A played stream without a packet for so long is interrupted: 6 s, which is five that a network may be away unnoticed, and
    /// one to be heard again.
    pub media_silence: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            room_retry_time: secs(20 * 60),
            stream_retry_time: secs(20 * 60),
            reconnecting_debounce: secs(8),
            room_backoff: Backoff {
                first: (secs(1), secs(4)),
                steps: [4, 8, 8, 16, 16, 32].map(secs).to_vec(),
            },
            stream_backoff: Backoff {
                first: (Duration::from_millis(300), Duration::from_millis(300)),
                steps: [300, 1_200, 2_400, 4_800].map(Duration::from_millis).to_vec(),
            },
            login_attempt_timeout: secs(10),
            request_timeout: secs(10),
            heartbeat_interval: secs(30),
            heartbeat_timeout: secs(100),
            link_ping_interval: secs(5),
            link_timeout: secs(10),
            token_warning: secs(30),
            quality_interval: secs(3),
            ice_disconnected_grace: secs(15),
            media_silence: secs(6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_backoff_is_the_documented_one() {
        let backoff = Timings::default().room_backoff;
        assert_eq!(backoff.delay(0, 0.0), secs(1));
        assert_eq!(backoff.delay(0, 1.0), secs(4));
        let waits: Vec<u64> = (1..9).map(|n| backoff.delay(n, 0.5).as_secs()).collect();
        assert_eq!(waits, [4, 8, 8, 16, 16, 32, 32, 32]);
        assert_eq!(backoff.delay(u32::MAX, 0.5), secs(32));
    }
}
