//! When a socket has to follow the machine to another address, when it reminds the server of where it is, and when it goes
//! over TCP. Pure.
//!
//! A machine that changes its network, a NAT that forgets a mapping, and a network that blocks UDP look alike to the server: the
//! same client checks from another address. It answers, checks back, and sends there from then on, with the peer, the keys and
//! the numbers that were (RFC 8445 §7.3, RFC 7675). So none of them costs a new negotiation, and none waits for signalling.

use std::time::{Duration, Instant};

/// So often a socket looks whether its address is still there: what an address that was lost costs at most.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A stream that was heard and is silent for so long may have lost its way: 15 packets of 20 ms.
const QUIET: Duration = Duration::from_millis(300);
/// How many reminders follow each other; after them the connectivity checks are as frequent.
const REMINDERS: u32 = 3;
/// A socket in use that hears nothing at all reminds so often: an answer shows that only the stream is silent.
const UNHEARD: Duration = Duration::from_secs(1);
/// UDP that says nothing for so long in spite of that is blocked. A server that keeps to UDP while it is alive (ours for 3 s)
/// has given it up by then, also where it heard the last check half a second after us.
const BLOCKED: Duration = Duration::from_secs(4);
/// A way over TCP that could not be opened, or broke, is tried again after so long.
const AGAIN: Duration = Duration::from_secs(2);
/// A socket is in use while media or reports go to the server: those are a second apart.
const IN_USE: Duration = Duration::from_secs(5);
/// So many datagrams by UDP show that it is there again.
const BACK: u32 = 3;

/// What a socket is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Stay,
    /// Send the last connectivity check again: it tells the server the address that we have now.
    Remind,
    /// Its address is gone from this machine: take one that leads to the server.
    Move,
    /// UDP is blocked: open a way over TCP, and tell [`Follow::on_detour`] of it.
    Detour,
}

/// How datagrams go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Way {
    #[default]
    Udp,
    /// A connection over TCP is being opened.
    Opening,
    /// They go over TCP; so many came by UDP meanwhile.
    Tcp { by_udp: u32 },
}

/// What one socket knows of its way.
#[derive(Debug, Default)]
pub(super) struct Follow {
    due: Option<Instant>,
    sent: u32,
    way: Way,
    heard: Option<Instant>,
    used: Option<Instant>,
    remind_at: Option<Instant>,
    detour_at: Option<Instant>,
}

impl Follow {
    /// A datagram came by UDP. `true`: UDP is there again, and what went over TCP goes that way.
    pub(super) fn on_heard(&mut self, now: Instant) -> bool {
        self.heard = Some(now);
        self.remind_at = Some(now + UNHEARD);
        self.way = match self.way {
            Way::Tcp { by_udp } if by_udp + 1 < BACK => Way::Tcp { by_udp: by_udp + 1 },
            Way::Tcp { .. } => {
                self.way = Way::Udp;
                return true;
            }
            Way::Udp | Way::Opening => Way::Udp,
        };
        false
    }

    /// A packet of the stream came by UDP.
    pub(super) fn on_media(&mut self, now: Instant) {
        self.due = Some(now + QUIET);
        self.sent = 0;
    }

    /// Something other than a check went to the server.
    pub(super) fn on_used(&mut self, now: Instant) {
        self.used = Some(now);
    }

    /// The socket has another address since now.
    pub(super) fn on_moved(&mut self, now: Instant) {
        self.due = Some(now);
        self.sent = 0;
        self.heard = Some(now);
    }

    /// The way over TCP was opened, or could not be. `true`: it is to be taken.
    pub(super) fn on_detour(&mut self, opened: bool, now: Instant) -> bool {
        if self.way != Way::Opening {
            return false;
        }
        self.way = if opened { Way::Tcp { by_udp: 0 } } else { Way::Udp };
        self.detour_at = Some(now + AGAIN);
        opened
    }

    /// The way over TCP has ended; `moved`: because this machine has another address, which another one can be opened from.
    pub(super) fn on_detour_lost(&mut self, moved: bool, now: Instant) {
        self.way = Way::Udp;
        self.detour_at = (!moved).then(|| now + AGAIN);
    }

    /// What is to be done at `now`.
    pub(super) fn look(&mut self, now: Instant, has_address: bool) -> Step {
        if !has_address {
            return Step::Move;
        }
        if self.is_blocked(now) {
            self.way = Way::Opening;
            return Step::Detour;
        }
        if self.due.is_some_and(|due| now >= due) {
            self.sent += 1;
            self.due = (self.sent < REMINDERS).then(|| now + QUIET * self.sent);
            return Step::Remind;
        }
        if self.is_in_use(now) && self.remind_at.is_some_and(|at| now >= at) {
            self.remind_at = Some(now + UNHEARD);
            return Step::Remind;
        }
        Step::Stay
    }

    fn is_blocked(&self, now: Instant) -> bool {
        let is_silent = self.heard.is_some_and(|heard| now >= heard + BLOCKED);
        let may = self.detour_at.is_none_or(|at| now >= at);
        self.way == Way::Udp && is_silent && may && self.is_in_use(now)
    }

    fn is_in_use(&self, now: Instant) -> bool {
        self.used.is_some_and(|used| now < used + IN_USE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done at each look of the first `ms`; every look finds the socket in use if `used`.
    fn steps(follow: &mut Follow, start: Instant, ms: u32, used: bool) -> Vec<(u32, Step)> {
        let looks = (0..ms).step_by(200).map(|at| {
            let now = start + Duration::from_millis(at.into());
            if used {
                follow.on_used(now);
            }
            (at, follow.look(now, true))
        });
        looks.filter(|(_, step)| *step != Step::Stay).collect()
    }

    #[test]
    fn a_stream_that_falls_silent_reminds_three_times_and_leaves_the_rest_to_the_checks() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_media(start);
        assert_eq!(
            steps(&mut follow, start, 2_000, false),
            [(400, Step::Remind), (800, Step::Remind), (1_400, Step::Remind)]
        );
    }

    #[test]
    fn a_stream_that_flows_and_one_that_never_flowed_remind_nobody() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        assert_eq!(steps(&mut follow, start, 9_000, true), []);
        for n in 0..100 {
            let now = start + Duration::from_millis(20) * n;
            follow.on_heard(now);
            follow.on_media(now);
            follow.on_used(now);
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
        assert_eq!(steps(&mut follow, moved, 2_000, false)[0], (0, Step::Remind));
    }

    #[test]
    fn a_socket_in_use_that_hears_nothing_reminds_each_second_and_goes_over_tcp_after_four() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_heard(start);
        let (remind, detour) = (Step::Remind, Step::Detour);
        assert_eq!(
            steps(&mut follow, start, 5_000, true),
            [
                (1_000, remind),
                (2_000, remind),
                (3_000, remind),
                (4_000, detour),
                (4_200, remind)
            ]
        );
        let opened = start + Duration::from_secs(5);
        assert!(follow.on_detour(true, opened));
        assert!(
            steps(&mut follow, opened, 60_000, true)
                .iter()
                .all(|(_, step)| *step == remind)
        );
    }

    #[test]
    fn a_socket_that_is_not_in_use_neither_reminds_nor_goes_over_tcp() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_heard(start);
        assert_eq!(steps(&mut follow, start, 60_000, false), []);
    }

    #[test]
    fn what_goes_over_tcp_goes_back_when_udp_was_heard_three_times() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_heard(start);
        steps(&mut follow, start, 4_200, true);
        assert!(follow.on_detour(true, start));
        let heard = [(); 4].map(|()| follow.on_heard(start + BLOCKED));
        assert_eq!(heard, [false, false, true, false]);
    }

    #[test]
    fn a_way_over_tcp_that_comes_when_udp_was_heard_again_is_not_taken() {
        let (mut follow, start) = (Follow::default(), Instant::now());
        follow.on_heard(start);
        steps(&mut follow, start, 4_200, true);
        assert!(!follow.on_heard(start + BLOCKED));
        assert!(!follow.on_detour(true, start + BLOCKED));
    }

    #[test]
    fn a_way_over_tcp_that_failed_or_broke_is_tried_again_after_two_seconds_and_at_once_from_another_address() {
        for (lose, next) in [(None, 2_000), (Some(false), 2_000), (Some(true), 0)] {
            let (mut follow, start) = (Follow::default(), Instant::now());
            follow.on_heard(start);
            steps(&mut follow, start, 4_200, true);
            let failed = start + Duration::from_secs(6);
            assert_eq!(follow.on_detour(lose.is_some(), failed), lose.is_some());
            if let Some(moved) = lose {
                follow.on_detour_lost(moved, failed);
            }
            let detours = steps(&mut follow, failed, 4_000, true);
            let first = detours.iter().find(|(_, step)| *step == Step::Detour);
            assert_eq!(first, Some(&(next, Step::Detour)), "{lose:?}");
        }
    }
}
