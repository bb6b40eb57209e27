//! The way back: what the receiver reports, and what the sender's controller makes of it.

use std::time::Instant;

use express_media::{
    control::{LinkReport, SenderController},
    rtp::SendPlan,
};
use express_messages::publisher::FrameLength;

use crate::call::Settings;

/// The receiver reports so often ...
const EVERY_US: i64 = 500_000;
/// ... and the sender hears it so late.
const LATE_US: i64 = 100_000;

/// Reports under way and the controller that takes them; no controller where the plan is fixed.
pub(crate) struct Feedback {
    controller: Option<SenderController>,
    losses: Losses,
    next: i64,
    under_way: Option<(i64, LinkReport)>,
}

impl Feedback {
    pub(crate) fn new(settings: &Settings) -> Self {
        let bits = (settings.max_kbps * 1_000.0) as u32;
        let frame = if settings.short_frames {
            FrameLength::Ms10
        } else {
            FrameLength::Ms20
        };
        Self {
            controller: settings.fixed.is_none().then(|| SenderController::new(bits, frame)),
            losses: Losses::default(),
            next: EVERY_US,
            under_way: None,
        }
    }

    /// The network lost a packet, or not.
    pub(crate) fn note(&mut self, lost: bool) {
        self.losses.note(lost);
    }

    /// Makes the report that is due at `now_us`, which is lost where packets are; a plan where one arrived.
    pub(crate) fn plan(&mut self, now_us: i64, now: Instant, lost: bool) -> Option<SendPlan> {
        let controller = self.controller.as_mut()?;
        if now_us >= self.next {
            self.next += EVERY_US;
            let report = self.losses.take();
            self.under_way = (!lost).then_some((now_us + LATE_US, report));
        }
        let (at, report) = self.under_way?;
        if now_us < at {
            return None;
        }
        self.under_way = None;
        controller.on_report(&report, now);
        Some(controller.plan(now))
    }
}

/// What was lost since the last report.
#[derive(Debug, Default)]
struct Losses {
    expected: u32,
    lost: u32,
    runs: u32,
    losing: bool,
}

impl Losses {
    fn note(&mut self, lost: bool) {
        self.expected += 1;
        self.lost += u32::from(lost);
        self.runs += u32::from(lost && !self.losing);
        self.losing = lost;
    }

    fn take(&mut self) -> LinkReport {
        let report = LinkReport {
            loss: f64::from(self.lost) / f64::from(self.expected.max(1)),
            burst: (self.lost > 0).then(|| f64::from(self.lost) / f64::from(self.runs.max(1))),
        };
        let losing = self.losing;
        *self = Self {
            losing,
            ..Self::default()
        };
        report
    }
}
