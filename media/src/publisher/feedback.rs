//! What is known of the way to the server and on to the listeners, given to the controller of the stream. Pure.

use std::time::{Duration, Instant};

use express_messages::{publisher::FrameLength, stats::ListenerReport};

use crate::{
    control::{LinkReport, SenderController},
    rtp::SendPlan,
    transport::TransportStats,
};

/// The server tells what it missed every 500 ms while that is something; receiver reports say the same, but not the runs.
const TOLD_COUNTS_FOR: Duration = Duration::from_millis(1_100);
/// Losses of less time say little.
const COUNTED_EVERY: Duration = Duration::from_millis(500);
/// Half of the listeners lose so much, for so long, and the server copies for none: then copies have to come from here.
const LISTENERS_LOSE: f64 = 0.03;
const LISTENERS_LOSE_FOR: Duration = Duration::from_secs(5);
/// What a frame may cost while the server copies for most listeners, in bit/s: larger copies gain little.
const COPIED_FRAME: u32 = 24_000;

/// Decides how one stream is sent, from all that is reported.
#[derive(Debug)]
pub(super) struct Feedback {
    asked_bps: u32,
    frame: FrameLength,
    controller: SenderController,
    /// When the server last told what it missed.
    told: Option<Instant>,
    counted: Option<Counted>,
    /// Since when listeners lose packets that nobody copies.
    unprotected: Option<Instant>,
}

/// What the last receiver report had counted, what had been sent then, and when that was.
#[derive(Debug)]
struct Counted {
    lost: i64,
    sent: u64,
    at: Instant,
}

impl Feedback {
    /// For a stream of at most `asked_bps` (bit/s of RTP payload) in such frames.
    pub(super) fn new(asked_bps: u32, frame: FrameLength) -> Self {
        Self {
            asked_bps,
            frame,
            controller: SenderController::new(asked_bps, frame),
            told: None,
            counted: None,
            unprotected: None,
        }
    }

    /// A new connection: its counters begin anew, and its path may be another.
    pub(super) fn reconnected(&mut self) -> SendPlan {
        *self = Self::new(self.asked_bps, self.frame);
        // Whether this server takes copies is not known yet.
        self.controller.set_red(false);
        SendPlan::plain(self.asked_bps)
    }

    /// The server told how the stream arrives, there and at its listeners.
    pub(super) fn on_listeners(&mut self, report: &ListenerReport, now: Instant) -> SendPlan {
        let most_are_copied = u64::from(report.copying) * 2 > u64::from(report.listeners);
        self.controller.limit_frames(most_are_copied.then_some(COPIED_FRAME));
        let listeners = self.unprotected_loss(report, now);
        if let Some(uplink) = report.uplink_loss {
            self.told = Some(now);
            self.on_loss(uplink.max(listeners), report, uplink >= listeners, now);
        } else if listeners > 0.0 {
            self.on_loss(listeners, report, false, now);
        }
        self.controller.plan(now)
    }

    fn on_loss(&mut self, loss: f64, report: &ListenerReport, of_uplink: bool, now: Instant) {
        let burst = if of_uplink { report.uplink_burst } else { report.burst_median };
        self.controller.on_report(&LinkReport { loss, burst }, now);
    }

    /// What most listeners lose and the server does not repair; its own copies are better than ours, so they go first.
    fn unprotected_loss(&mut self, report: &ListenerReport, now: Instant) -> f64 {
        let lost = report
            .loss_median
            .filter(|loss| *loss >= LISTENERS_LOSE && report.copying == 0);
        let Some(loss) = lost else {
            self.unprotected = None;
            return 0.0;
        };
        let since = *self.unprotected.get_or_insert(now);
        if now.saturating_duration_since(since) > LISTENERS_LOSE_FOR {
            loss
        } else {
            0.0
        }
    }

    /// What the transport knows now, and how many packets were `sent` since the start; asked every 50 ms.
    pub(super) fn on_link(&mut self, known: &TransportStats, sent: u64, now: Instant) -> SendPlan {
        self.controller.set_red(known.red);
        self.controller.on_checks(&known.checks, now);
        let is_told = self
            .told
            .is_some_and(|told| now.saturating_duration_since(told) < TOLD_COUNTS_FOR);
        let loss = known.remote.and_then(|remote| self.count(remote.packets_lost, sent, now));
        if let Some(loss) = loss.filter(|_| !is_told) {
            self.controller.on_report(&LinkReport { loss, burst: None }, now);
        }
        self.controller.plan(now)
    }

    /// The share lost since the last count; `None` for the first, where that was just now, and where nothing was sent.
    fn count(&mut self, lost: i64, sent: u64, now: Instant) -> Option<f64> {
        let is_recent = |counted: &Counted| now.saturating_duration_since(counted.at) < COUNTED_EVERY;
        if self.counted.as_ref().is_some_and(is_recent) {
            return None;
        }
        let before = self.counted.replace(Counted { lost, sent, at: now })?;
        let sent = sent.checked_sub(before.sent).filter(|sent| *sent > 0)?;
        // A connection sends far fewer than 2^52 packets.
        Some((lost.saturating_sub(before.lost) as f64 / sent as f64).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rtp::CopySet, transport::ReceiverReport};

    const HALF: Duration = Duration::from_millis(500);

    fn quiet() -> ListenerReport {
        ListenerReport {
            listeners: 10,
            loss_worst: Some(0.0),
            loss_median: Some(0.0),
            burst_worst: None,
            burst_median: None,
            rtt_median_ms: Some(40),
            uplink_loss: Some(0.0),
            uplink_burst: None,
            copying: 0,
        }
    }

    fn link(packets_lost: i64) -> TransportStats {
        TransportStats {
            round_trip_time: Some(Duration::from_millis(40)),
            remote: Some(ReceiverReport {
                packets_lost,
                jitter: Duration::ZERO,
            }),
            red: true,
            ..TransportStats::default()
        }
    }

    /// The plan after so many seconds of the same report, beside clean receiver reports.
    fn after(seconds: u64, report: ListenerReport) -> SendPlan {
        let (mut feedback, start) = (Feedback::new(48_000, FrameLength::Ms20), Instant::now());
        let mut plan = SendPlan::plain(48_000);
        for n in 0..2 * seconds {
            let now = start + HALF * n as u32;
            feedback.on_link(&link(0), 25 * n, now);
            plan = feedback.on_listeners(&report, now);
        }
        plan
    }

    #[test]
    fn losses_on_the_way_to_the_server_are_answered_with_copies_within_2_s() {
        let report = ListenerReport {
            uplink_loss: Some(0.2),
            uplink_burst: Some(4.0),
            ..quiet()
        };
        assert_eq!(after(2, report).copies, CopySet::of(&[3]));
        assert_eq!(after(2, quiet()), SendPlan::plain(48_000));
    }

    #[test]
    fn where_nobody_listens_receiver_reports_are_enough() {
        let (mut feedback, start) = (Feedback::new(48_000, FrameLength::Ms20), Instant::now());
        let plans = (0..4u32).map(|n| feedback.on_link(&link(i64::from(n) * 5), u64::from(n) * 25, start + HALF * n));
        let plan = plans.last().unwrap();
        assert!(!plan.copies.is_empty(), "{plan:?}");
    }

    #[test]
    fn one_bad_listener_changes_nothing_for_the_others_and_most_get_smaller_frames() {
        let one = ListenerReport {
            loss_worst: Some(0.3),
            burst_worst: Some(4.0),
            copying: 1,
            ..quiet()
        };
        assert_eq!(after(10, one), SendPlan::plain(48_000));
        let most = ListenerReport {
            loss_median: Some(0.2),
            copying: 6,
            ..one
        };
        assert_eq!(after(10, most), SendPlan::plain(24_000));
    }

    #[test]
    fn where_the_server_copies_for_nobody_copies_come_from_here_after_5_s() {
        let lossy = ListenerReport {
            loss_worst: Some(0.2),
            loss_median: Some(0.1),
            burst_median: Some(1.0),
            ..quiet()
        };
        assert_eq!(after(5, lossy), SendPlan::plain(48_000));
        assert!(!after(8, lossy).copies.is_empty());
    }

    #[test]
    fn a_server_without_red_gets_in_band_fec() {
        let (mut feedback, start) = (Feedback::new(48_000, FrameLength::Ms20), Instant::now());
        for n in 0..4u32 {
            let known = TransportStats {
                red: false,
                ..link(i64::from(n) * 5)
            };
            let plan = feedback.on_link(&known, u64::from(n) * 25, start + HALF * n);
            assert_eq!((plan.copies, plan.fec_against > 0), (CopySet::NONE, n > 0));
        }
    }
}
