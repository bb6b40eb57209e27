//! When a socket has to follow the machine to another address, and when it reminds the server of where it is. Pure.
//!
//! A machine that changes its network, and a NAT that forgets a mapping, look alike to the server: the same client checks from
//! another address. It answers, checks back, and sends there from then on, with the peer, the keys and the numbers that were
//! (RFC 8445 §7.3, RFC 7675). So neither costs a new negotiation, and neither waits for signalling.

use std::time::{Duration, Instant};

/// So often a socket looks whether its address is still there: what an address that was lost costs at most.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A stream that was heard and is silent for so long may have lost its way: 15 packets of 20 ms.
const QUIET: Duration = Duration::from_millis(300);
/// How many reminders follow each other; after them the connectivity checks are as frequent.
const REMINDERS: u32 = 3;

/// What a socket is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Stay,
    /// Send the last connectivity check again: it tells the server the address that we have now.
    Remind,
    /// Its address is gone from this machine: take one that leads to the server.
    Move,
}

/// What one socket knows of its way.
#[derive(Debug, Default)]
pub(super) struct Follow {
    due: Option<Instant>,
    sent: u32,
}

impl Follow {
    /// A packet of the stream came.
    pub(super) fn on_media(&mut self, now: Instant) {
        self.due = Some(now + QUIET);
        self.sent = 0;
    }

    /// The socket has another address since now.
    pub(super) fn on_moved(&mut self, now: Instant) {
        self.due = Some(now);
        self.sent = 0;
    }

    /// What is to be done at `now`.
    pub(super) fn look(&mut self, now: Instant, has_address: bool) -> Step {
        if !has_address {
            return Step::Move;
        }
        if self.due.is_none_or(|due| now < due) {
            return Step::Stay;
        }
        self.sent += 1;
        self.due = (self.sent < REMINDERS).then(|| now + QUIET * self.sent);
        Step::Remind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done at each look of the first two seconds.
    fn steps(follow: &mut Follow, start: Instant) -> Vec<(u32, Step)> {
        let looks = (0..10).map(|n| (n * 200, follow.look(start + LOOK_EVERY * n, true)));
        looks.filter(|(_, step)| *step != Step::Stay).collect()
    }

    #[test]
    fn a_stream_that_falls_silent_reminds_three_times_and_leaves_the_rest_to_the_checks() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_media(start);
        assert_eq!(
            steps(&mut follow, start),
            [(400, Step::Remind), (800, Step::Remind), (1_400, Step::Remind)]
        );
    }

    #[test]
    fn a_stream_that_flows_and_one_that_never_flowed_remind_nobody() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        assert_eq!(steps(&mut follow, start), []);
        for n in 0..100 {
            let now = start + Duration::from_millis(20) * n;
            follow.on_media(now);
            assert_eq!(follow.look(now, true), Step::Stay);
        }
    }

    #[test]
    fn a_socket_without_its_address_moves_at_each_look_until_it_can_and_then_reminds_at_once() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_media(start);
        for n in 0..20 {
            assert_eq!(follow.look(start + LOOK_EVERY * n, false), Step::Move);
        }
        let moved = start + Duration::from_secs(4);
        follow.on_moved(moved);
        assert_eq!(steps(&mut follow, moved)[0], (0, Step::Remind));
    }
}
