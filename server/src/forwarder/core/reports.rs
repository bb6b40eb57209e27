//! When the listeners of a stream get reports, and what time they say. Driven by the stream's packets: who sends nothing needs
//! no reports, and no timer runs for a listener.

use std::time::{Duration, Instant};

use super::super::rebase::ticks;
use super::super::rtcp::SenderClock;
use super::super::summary::ListenerSummary;

/// Each listener gets a sender report so often while packets flow. RFC 3550 §6.2 asks for 5 s at most in small groups.
const SENDER_REPORT_EVERY: Duration = Duration::from_secs(3);
/// Nobody gets two within this time.
pub(super) const LEAST_BETWEEN: Duration = Duration::from_secs(1);
/// With one packet at most so many reports go out, and of a large audience one in [`SHARE`]: they must not delay the next.
const AT_ONCE: usize = 8;
const SHARE: usize = 64;
/// The publisher hears of its listeners so often while one of them loses packets: it is to react within 2 s.
const SUMMARY_EVERY: Duration = Duration::from_millis(500);
/// ... when nothing is lost but something changed, so often, and when all is well, so often.
const CHANGED_SUMMARY_EVERY: Duration = Duration::from_secs(1);
const QUIET_SUMMARY_EVERY: Duration = Duration::from_secs(5);

/// A sender's wall clock and RTP clock at one moment.
#[derive(Clone, Copy, Debug)]
struct StreamClock {
    source: u64,
    clock: SenderClock,
    at: Instant,
    /// The publisher said so; else it is ours.
    of_publisher: bool,
}

/// The reports of one stream.
#[derive(Debug, Default)]
pub(super) struct ReportSchedule {
    clock: Option<StreamClock>,
    /// Listeners that wait for their first report on this clock.
    fresh: Vec<usize>,
    cursor: usize,
    served: Option<Instant>,
    next_summary: Option<Instant>,
    told: Option<(ListenerSummary, Instant)>,
}

impl ReportSchedule {
    /// A listener came; it gets a report as soon as it got a packet.
    pub(super) fn add(&mut self, index: usize) {
        self.fresh.push(index);
    }

    /// A listener went.
    pub(super) fn remove(&mut self, index: usize) {
        self.fresh.retain(|fresh| *fresh != index);
    }

    /// The publisher told its clock; everybody in `players` hears it soon where ours was told before.
    pub(super) fn set_publisher_clock(&mut self, source: u64, clock: SenderClock, players: &[usize], now: Instant) {
        let known = self.clock.is_some_and(|known| known.of_publisher && known.source == source);
        if !known {
            self.fresh.clear();
            self.fresh.extend_from_slice(players);
        }
        self.clock = Some(StreamClock {
            source,
            clock,
            at: now,
            of_publisher: true,
        });
    }

    /// A packet came. Where the publisher tells no clock it is ours: `uptime` is time of this shard, which RFC 3550 §6.4.1
    /// allows for senders without a wall clock.
    pub(super) fn note_packet(&mut self, source: u64, ssrc: u32, timestamp: u32, uptime: Duration, now: Instant) {
        if self.clock.is_some_and(|known| known.of_publisher && known.source == source) {
            return;
        }
        self.clock = Some(StreamClock {
            source,
            clock: SenderClock {
                ssrc,
                ntp: ntp_of(uptime),
                rtp: timestamp,
            },
            at: now,
            of_publisher: false,
        });
    }

    /// The source that is heard and what its clocks show now.
    pub(super) fn clock_at(&self, now: Instant) -> Option<(u64, SenderClock)> {
        let StreamClock { source, clock, at, .. } = self.clock?;
        let passed = now.saturating_duration_since(at);
        let clock = SenderClock {
            ssrc: clock.ssrc,
            ntp: clock.ntp.wrapping_add(ntp_of(passed)),
            rtp: clock.rtp.wrapping_add((ticks(passed) & 0xffff_ffff) as u32),
        };
        Some((source, clock))
    }

    /// Calls `send` for the listeners that wait for their first report, as many as may have one now. Where it says `false` the
    /// listener waits on.
    pub(super) fn send_first(&mut self, players: usize, mut send: impl FnMut(usize) -> bool) {
        let mut left = Self::most_at_once(players);
        self.fresh.retain(|&index| {
            let sent = left > 0 && send(index);
            left -= usize::from(sent);
            !sent
        });
    }

    /// How many reports may go out with one packet.
    fn most_at_once(players: usize) -> usize {
        AT_ONCE + players / SHARE
    }

    /// How many listeners, from [`Self::next_turn`] on, it is the turn of now.
    pub(super) fn turns_due(&mut self, players: usize, now: Instant) -> usize {
        let served = *self.served.get_or_insert(now);
        let count = u32::try_from(players.max(1)).unwrap_or(u32::MAX);
        let each = SENDER_REPORT_EVERY / count;
        let passed = now.saturating_duration_since(served);
        let due = usize::try_from(passed.as_nanos() / each.as_nanos().max(1)).unwrap_or(usize::MAX);
        let most = Self::most_at_once(players).min(players);
        if due > most {
            // Behind, or after a silence: what was missed is not made up for.
            self.served = Some(now);
            return most;
        }
        // Below `most`, so that it fits.
        self.served = Some(served + each * due as u32);
        due
    }

    /// The place in the list of `players` whose turn is next.
    pub(super) fn next_turn(&mut self, players: usize) -> usize {
        let turn = self.cursor % players.max(1);
        self.cursor = turn + 1;
        turn
    }

    /// Whether the listeners' reports are to be looked at now.
    pub(super) fn summary_is_due(&mut self, now: Instant) -> bool {
        let due = *self.next_summary.get_or_insert(now + SUMMARY_EVERY) <= now;
        if due {
            self.next_summary = Some(now + SUMMARY_EVERY);
        }
        due
    }

    /// Whether this is worth telling: not what was told a moment ago already, and not where nobody ever reported.
    pub(super) fn is_news(&mut self, summary: ListenerSummary, now: Instant) -> bool {
        let is_news = match self.told {
            None => summary.reporting > 0,
            Some((told, at)) => {
                let every = match (summary.is_quiet(), summary.is_like(&told)) {
                    (false, _) => Duration::ZERO,
                    (true, false) => CHANGED_SUMMARY_EVERY,
                    (true, true) => QUIET_SUMMARY_EVERY,
                };
                let nobody = summary.reporting == 0 && told.reporting == 0;
                !nobody && now.saturating_duration_since(at) >= every
            }
        };
        if is_news {
            self.told = Some((summary, now));
        }
        is_news
    }
}

/// A duration as 64-bit NTP time: 32 bits of seconds, 32 bits of their fraction.
pub(super) fn ntp_of(duration: Duration) -> u64 {
    let fraction = (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000;
    duration.as_secs().wrapping_shl(32) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn quiet(listeners: u32) -> ListenerSummary {
        ListenerSummary {
            listeners,
            reporting: listeners,
            ..ListenerSummary::default()
        }
    }

    fn take_fresh(schedule: &mut ReportSchedule) -> Vec<usize> {
        let mut fresh = Vec::new();
        schedule.send_first(2, |index| {
            fresh.push(index);
            true
        });
        fresh
    }

    #[test]
    fn every_listener_has_its_turn_every_3_s_and_never_many_at_once() {
        for players in [1usize, 3, 100, 5_000] {
            let mut schedule = ReportSchedule::default();
            let start = Instant::now();
            let mut turns = vec![0; players];
            for n in 0..3_000 {
                let due = schedule.turns_due(players, start + n * 20 * MS);
                assert!(due <= 8 + players / 64, "{due} of {players}");
                for _ in 0..due {
                    turns[schedule.next_turn(players)] += 1;
                }
            }
            assert!(
                turns.iter().all(|turns| (19..=20).contains(turns)),
                "60 s, {players}: {:?}",
                turns.first()
            );
        }
    }

    #[test]
    fn the_clock_goes_on_between_what_the_publisher_tells() {
        let start = Instant::now();
        let mut schedule = ReportSchedule::default();
        schedule.note_packet(1, 9, 5_000, Duration::from_millis(1_500), start);
        let (_, clock) = schedule.clock_at(start + 500 * MS).unwrap();
        assert_eq!((clock.ntp, clock.rtp), (2 << 32, 5_000 + 24_000));
        let told = SenderClock {
            ssrc: 9,
            ntp: 77 << 32,
            rtp: 96_000,
        };
        schedule.set_publisher_clock(1, told, &[4, 5], start);
        assert_eq!(take_fresh(&mut schedule), [4, 5], "they heard another clock before");
        schedule.note_packet(1, 9, 1, Duration::ZERO, start);
        schedule.set_publisher_clock(1, told, &[4, 5], start);
        assert!(take_fresh(&mut schedule).is_empty());
        let (source, clock) = schedule.clock_at(start + 10 * MS).unwrap();
        assert_eq!((source, clock.rtp), (1, 96_480));
        schedule.note_packet(2, 9, 1, Duration::ZERO, start);
        assert_eq!(
            schedule.clock_at(start).map(|(source, clock)| (source, clock.rtp)),
            Some((2, 1)),
            "another source"
        );
    }

    #[test]
    fn listeners_without_trouble_are_told_of_every_5_s_and_with_trouble_each_time() {
        let start = Instant::now();
        let mut schedule = ReportSchedule::default();
        assert!(!schedule.is_news(quiet(0), start), "nobody reported yet");
        let told = |schedule: &mut ReportSchedule, summary, from: u32| {
            let seconds = (from..from + 10).filter(|second| schedule.is_news(summary, start + Duration::from_secs(1) * *second));
            seconds.count()
        };
        assert_eq!(told(&mut schedule, quiet(3), 0), 2);
        let lossy = ListenerSummary {
            loss_permille: Some(super::super::super::summary::Spread { worst: 10, median: 0 }),
            ..quiet(3)
        };
        assert_eq!(told(&mut schedule, lossy, 10), 10);
        assert_eq!(told(&mut schedule, quiet(0), 20), 1, "that they are gone is news once");
    }
}
