//! Which part of the engine is started afresh when it ends by itself, how often, and in which window.
//!
//! | part | after a panic | after a stop nobody asked for | within | reported as |
//! |---|---|---|---|---|
//! | room | not: the login is over | not | – | RECONNECT_FAILED (LOGIN_FAILED) 1002099 |
//! | publisher | once | not: NO_PUBLISH 1003099 | 60 s | PUBLISH_REQUESTING 1003099 |
//! | player | once | not: NO_PLAY 1004099 | 60 s | PLAY_REQUESTING 1004099 |
//! | audio device | 3 times, after 0.1, 0.2, 0.4 s | likewise | 60 s | DeviceError 1006001, and as above for each stream |
//!
//! A fresh publisher, player or device part keeps the settings of the old one (mute, volume, what is audible). A fresh room
//! part would have to tell the application what it missed while nobody listened; the server's own resume does that for lost
//! connections, and a panic is left to the application.

use std::time::{Duration, Instant};

/// A role whose part may be started afresh. The room's never is: see the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Publisher,
    Player,
    AudioDevice,
}

/// What to do about an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Start a fresh one after this time.
    Restart(Duration),
    /// It is over; the application is told.
    GiveUp,
}

/// How often a role is started afresh.
struct Policy {
    restarts: usize,
    window: Duration,
    /// Wait before the first restart, doubled for each further one in the window.
    wait: Duration,
}

const fn policy(role: Role, panicked: bool) -> Policy {
    let (restarts, wait_ms) = match (role, panicked) {
        (Role::Publisher | Role::Player, false) => (0, 0),
        (Role::Publisher | Role::Player, true) => (1, 0),
        (Role::AudioDevice, _) => (3, 100),
    };
    Policy {
        restarts,
        window: Duration::from_secs(60),
        wait: Duration::from_millis(wait_ms),
    }
}

/// The restarts of one part, as far back as any window reaches.
#[derive(Debug, Clone, Default)]
pub(crate) struct RestartLog(Vec<Instant>);

impl RestartLog {
    /// Judges an exit that nobody asked for, and remembers a restart.
    pub(crate) fn judge(&mut self, role: Role, panicked: bool, now: Instant) -> Verdict {
        let policy = policy(role, panicked);
        self.0.retain(|at| now.saturating_duration_since(*at) < policy.window);
        let before = self.0.len();
        if before >= policy.restarts {
            return Verdict::GiveUp;
        }
        self.0.push(now);
        let doublings = u32::try_from(before).unwrap_or(u32::MAX);
        Verdict::Restart(policy.wait.saturating_mul(2u32.saturating_pow(doublings)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_answered_as_the_table_says() {
        let start = Instant::now() + Duration::from_secs(3600);
        let restart = |ms| Verdict::Restart(Duration::from_millis(ms));
        // Role, panicked, seconds of the exits, verdicts.
        let table: [(Role, bool, &[u64], &[Verdict]); 6] = [
            (Role::Publisher, false, &[0], &[Verdict::GiveUp]),
            (Role::Publisher, true, &[0, 59], &[restart(0), Verdict::GiveUp]),
            (Role::Publisher, true, &[0, 60], &[restart(0), restart(0)]),
            (Role::Player, false, &[0], &[Verdict::GiveUp]),
            (Role::Player, true, &[0, 1, 120], &[restart(0), Verdict::GiveUp, restart(0)]),
            (
                Role::AudioDevice,
                false,
                &[0, 1, 2, 3, 61],
                &[restart(100), restart(200), restart(400), Verdict::GiveUp, restart(200)],
            ),
        ];
        for (role, panicked, exits, verdicts) in table {
            let mut log = RestartLog::default();
            let seen: Vec<_> = exits
                .iter()
                .map(|at| log.judge(role, panicked, start + Duration::from_secs(*at)))
                .collect();
            assert_eq!(seen, verdicts, "{role:?} {panicked} {exits:?}");
        }
    }
}
