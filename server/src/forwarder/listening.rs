//! What one listener tells of its reception, and what it may have sent again. All of it in fixed memory.

use std::time::{Duration, Instant};

use rtc_rtcp::reception_report::ReceptionReport;

use super::bursts::Bursts;
use super::reception::middle_of;

/// Sender reports that a listener's report may refer to: more are not under way.
const SENT_REPORTS: usize = 4;
/// A report older than this says nothing of now. Browsers report every 5 s.
const REPORT_COUNTS_FOR: Duration = Duration::from_secs(12);
/// Longer round trips are clocks that went wrong.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);
/// One in so many of all packets that are sent may be a repair: a quarter of those that are none.
const SENT_FOR_EACH_REPAIR: u32 = 5;
/// ... and at most so many at a time.
const REPAIR_BURST: u32 = 16;
/// Repairs that are remembered, so that an impatient listener does not get one twice.
const ANSWERED: usize = 32;
/// The least time between two answers for one packet.
const LEAST_PATIENCE: Duration = Duration::from_millis(20);

/// Reception at one listener, as it reports it. RFC 3550 §6.4.1, RFC 3611 §4.1.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    pub(crate) bursts: Bursts,
    /// The middle of the NTP time of sender reports, and when they were sent.
    sent: [Option<(u32, Instant)>; SENT_REPORTS],
    next_sent: usize,
    last_sent: Option<Instant>,
    heard: Option<(Instant, ReceptionReport)>,
    round_trip: Option<Duration>,
    repairs: Option<Box<Repairs>>,
}

impl Listening {
    /// Notes that a sender report with this NTP time was sent.
    pub(crate) fn note_sender_report(&mut self, ntp: u64, now: Instant) {
        if let Some(slot) = self.sent.get_mut(self.next_sent) {
            *slot = Some((middle_of(ntp), now));
        }
        self.next_sent = (self.next_sent + 1) % SENT_REPORTS;
        self.last_sent = Some(now);
    }

    /// When the last sender report went out.
    pub(crate) fn last_sender_report(&self) -> Option<Instant> {
        self.last_sent
    }

    /// Takes a report block; it must be about what this listener is sent.
    pub(crate) fn handle_report(&mut self, block: ReceptionReport, now: Instant) {
        self.round_trip = self.measured(&block, now).or(self.round_trip);
        self.heard = Some((now, block));
    }

    /// What fraction of the packets was lost lately, in 256ths; `None`: no report of late.
    pub(crate) fn loss(&self, now: Instant) -> Option<u8> {
        let (_, block) = self.heard.as_ref().filter(|(at, _)| is_recent(*at, now))?;
        Some(block.fraction_lost)
    }

    /// The round-trip time by sender and receiver reports; `None`: not measured of late.
    pub(crate) fn round_trip_time(&self, now: Instant) -> Option<Duration> {
        let (at, _) = self.heard.as_ref()?;
        self.round_trip.filter(|_| is_recent(*at, now))
    }

    /// Whether packet `number` may be sent again now: the listener has budget left, and it is not on its way already.
    ///
    /// `sent` are the packets that this listener was sent so far, repairs among them; it may wrap.
    pub(crate) fn admit_repair(&mut self, number: u16, sent: u32, round_trip: Option<Duration>, now: Instant) -> bool {
        let repairs = self.repairs.get_or_insert_with(|| Box::new(Repairs::new(sent)));
        let patience = round_trip.unwrap_or_default().clamp(LEAST_PATIENCE, MAX_ROUND_TRIP);
        repairs.admit(number, sent, patience, now)
    }

    /// RTT = now - LSR - DLSR, but on our own clock: LSR only says which report is meant. RFC 3550 §6.4.1.
    fn measured(&self, block: &ReceptionReport, now: Instant) -> Option<Duration> {
        let sent = self.sent.iter().flatten();
        let (_, at) = sent
            .filter(|(middle, _)| *middle == block.last_sender_report)
            .max_by_key(|(_, at)| *at)?;
        let held = Duration::from_micros(u64::from(block.delay).saturating_mul(1_000_000) / 65_536);
        let elapsed = now.saturating_duration_since(*at);
        // A listener that held the report longer than it is out has a wrong clock or lies.
        elapsed.checked_sub(held).filter(|rtt| *rtt <= MAX_ROUND_TRIP)
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < REPORT_COUNTS_FOR
}

/// The budget of one listener, and what it got.
#[derive(Debug)]
struct Repairs {
    /// In sent packets: a repair costs [`SENT_FOR_EACH_REPAIR`].
    credit: u32,
    sent: u32,
    answered: [Option<(u16, Instant)>; ANSWERED],
    next: usize,
}

impl Repairs {
    fn new(sent: u32) -> Self {
        Self {
            credit: REPAIR_BURST * SENT_FOR_EACH_REPAIR,
            sent,
            answered: [None; ANSWERED],
            next: 0,
        }
    }

    fn admit(&mut self, number: u16, sent: u32, patience: Duration, now: Instant) -> bool {
        let earned = sent.wrapping_sub(self.sent);
        self.sent = sent;
        self.credit = self.credit.saturating_add(earned).min(REPAIR_BURST * SENT_FOR_EACH_REPAIR);
        let is_under_way = |(answered, at): &(u16, Instant)| *answered == number && now.saturating_duration_since(*at) < patience;
        if self.credit < SENT_FOR_EACH_REPAIR || self.answered.iter().flatten().any(is_under_way) {
            return false;
        }
        self.credit -= SENT_FOR_EACH_REPAIR;
        if let Some(slot) = self.answered.get_mut(self.next) {
            *slot = Some((number, now));
        }
        self.next = (self.next + 1) % ANSWERED;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const NTP: u64 = 0x1111_2222_3333_4444;

    fn block(last_sender_report: u32, delay: Duration) -> ReceptionReport {
        ReceptionReport {
            fraction_lost: 64,
            last_sender_report,
            delay: super::super::reception::units_65536(delay),
            ..ReceptionReport::default()
        }
    }

    #[test]
    fn the_round_trip_time_is_right_to_a_millisecond_and_lies_do_not_count() {
        // Time until the report came, how long the listener says it held ours, and what follows.
        let table = [
            (120 * MS, Duration::ZERO, Some(120)),
            (620 * MS, 500 * MS, Some(120)),
            (1_001 * MS, 1_000 * MS, Some(1)),
            (100 * MS, 200 * MS, None),
            (11_000 * MS, Duration::ZERO, None),
        ];
        for (elapsed, held, expected) in table {
            let now = Instant::now();
            let mut listening = Listening::default();
            listening.note_sender_report(NTP, now);
            let came = now + elapsed;
            listening.handle_report(block(middle_of(NTP), held), came);
            let rtt = listening.round_trip_time(came).map(|rtt| rtt.as_secs_f64() * 1_000.0);
            let is_right = match (rtt, expected) {
                (Some(rtt), Some(expected)) => (rtt - f64::from(expected)).abs() < 1.0,
                (rtt, expected) => rtt.is_none() && expected.is_none(),
            };
            assert!(is_right, "{elapsed:?} {held:?}: {rtt:?}");
        }
    }

    #[test]
    fn a_report_about_no_sender_report_of_ours_measures_nothing() {
        let now = Instant::now();
        let mut listening = Listening::default();
        listening.handle_report(block(0, Duration::ZERO), now);
        listening.note_sender_report(NTP, now);
        listening.handle_report(block(77, Duration::ZERO), now + 50 * MS);
        assert_eq!(listening.round_trip_time(now + 50 * MS), None);
        assert_eq!(listening.loss(now + 50 * MS), Some(64));
        assert_eq!(listening.loss(now + REPORT_COUNTS_FOR + 50 * MS), None, "old");
    }

    #[test]
    fn a_listener_gets_a_quarter_of_its_packets_again_and_none_twice_in_a_round_trip() {
        let now = Instant::now();
        let mut listening = Listening::default();
        assert!(listening.admit_repair(7, 100, Some(100 * MS), now));
        assert!(!listening.admit_repair(7, 100, Some(100 * MS), now + 99 * MS));
        assert!(listening.admit_repair(7, 100, Some(100 * MS), now + 100 * MS));
        let mut listening = Listening::default();
        let mut admitted = 0u32;
        for packet in 0..4_000u32 {
            for number in 0..5 {
                let number = (packet as u16).wrapping_mul(5).wrapping_add(number);
                let sent = (u32::MAX - 50).wrapping_add(packet).wrapping_add(admitted);
                admitted += u32::from(listening.admit_repair(number, sent, None, now));
            }
        }
        assert!((990..=1_020).contains(&admitted), "{admitted} of 4000");
    }
}
