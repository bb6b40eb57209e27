//! Which server to try next, and when.

use std::time::Duration;

use express_messages::timings::Backoff;

/// A server may ask to be tried again as soon as this, not sooner: a hostile 0 must not become a busy loop.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try the next server of the list at once.
    Now,
    /// All servers were tried: wait.
    After(Duration),
}

/// The way through the list of servers: all in order without a pause, then a pause that grows, then all again.
#[derive(Debug)]
pub(super) struct Retry {
    servers: usize,
    current: usize,
    failed_in_round: usize,
    waits: u32,
}

impl Retry {
    pub(super) fn new(servers: usize) -> Self {
        Self {
            servers: servers.max(1),
            current: 0,
            failed_in_round: 0,
            waits: 0,
        }
    }

    /// Index of the server to try.
    pub(super) fn server(&self) -> usize {
        self.current
    }

    /// A login or resume succeeded: the next trouble begins with this server and a short wait.
    pub(super) fn succeeded(&mut self) {
        self.failed_in_round = 0;
        self.waits = 0;
    }

    /// The list is another one, in the order to try.
    pub(super) fn begin_with(&mut self, servers: usize) {
        self.servers = servers.max(1);
        self.current = 0;
        self.failed_in_round = 0;
    }

    /// An attempt ended in a transport fault. `random` is a fresh value in 0..1.
    pub(super) fn failed(&mut self, backoff: &Backoff, random: f64) -> Next {
        self.current = (self.current + 1) % self.servers;
        self.failed_in_round += 1;
        if self.failed_in_round < self.servers {
            return Next::Now;
        }
        Next::After(self.wait(backoff, random))
    }

    /// The wait before the next round.
    pub(super) fn wait(&mut self, backoff: &Backoff, random: f64) -> Duration {
        self.failed_in_round = 0;
        let wait = backoff.delay(self.waits, random);
        self.waits = self.waits.saturating_add(1);
        wait
    }

    /// The server named the wait itself; the same server is asked again.
    pub(super) fn told(after_ms: u64) -> Duration {
        Duration::from_millis(after_ms).max(SHORTEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use express_messages::timings::Timings;

    use super::*;

    #[test]
    fn every_server_is_tried_in_order_before_the_first_wait() {
        let backoff = Timings::default().room_backoff;
        let mut retry = Retry::new(3);
        let mut seen = vec![retry.server()];
        for _ in 0..2 {
            assert_eq!(retry.failed(&backoff, 0.5), Next::Now);
            seen.push(retry.server());
        }
        assert_eq!(seen, [0, 1, 2]);
        assert_eq!(retry.failed(&backoff, 0.0), Next::After(Duration::from_secs(1)));
        assert_eq!(retry.server(), 0);
    }

    #[test]
    fn one_server_waits_1_to_4_then_4_8_8_16_16_32_32_seconds() {
        let backoff = Timings::default().room_backoff;
        let mut retry = Retry::new(1);
        let waits: Vec<f64> = (0..9)
            .map(|_| match retry.failed(&backoff, 0.5) {
                Next::After(wait) => wait.as_secs_f64(),
                Next::Now => 0.0,
            })
            .collect();
        assert_eq!(waits, [2.5, 4.0, 8.0, 8.0, 16.0, 16.0, 32.0, 32.0, 32.0]);
    }

    #[test]
    fn success_keeps_the_server_and_starts_the_waits_again() {
        let backoff = Timings::default().room_backoff;
        let mut retry = Retry::new(2);
        retry.failed(&backoff, 0.0);
        retry.succeeded();
        assert_eq!(retry.server(), 1);
        assert_eq!(retry.wait(&backoff, 0.0), Duration::from_secs(1));
    }

    #[test]
    fn a_server_cannot_ask_for_a_busy_loop() {
        assert_eq!(Retry::told(0), SHORTEST_WAIT);
        assert_eq!(Retry::told(2_000), Duration::from_secs(2));
    }
}
