//! What a sender does about its network: a pure controller from receivers' reports to a [`SendPlan`].
//!
//! ```text
//! Checks ───────► answers ─► congestion: how many bit/s the link takes ─┐
//!                               ▲                                       ├─► SendPlan
//! LinkReport ───────────────────┴─► protection: which copies it needs ──┘
//! ```
//!
//! No clock and no network: `now` is an argument, and a plan is what comes out. The publisher's actor carries it to the pump.

mod answers;
mod congestion;
mod protection;

use std::time::Instant;

use express_messages::publisher::FrameLength;

use crate::rtp::SendPlan;

pub use answers::Checks;
use answers::{Answers, News};
use congestion::{Budget, Congestion};
use protection::Protection;

/// Below this bitrate a frame is better without sound above 8 kHz.
const WIDEBAND_BELOW: u32 = 24_000;

/// What a receiver says of the packets that it was sent lately: the last half second or second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkReport {
    /// Fraction of the packets that did not come, 0..=1, before any repair.
    pub loss: f64,
    /// Mean length of a run of lost packets, 1 or more; `None`: nothing was lost, or the receiver does not tell.
    pub burst: Option<f64>,
}

/// Chooses how one stream is sent.
#[derive(Debug, Clone)]
pub struct SenderController {
    /// Whether the other side takes RED.
    red: bool,
    /// What one frame may cost, in bit/s, where somebody else adds copies.
    frame_limit: Option<u32>,
    answers: Answers,
    congestion: Congestion,
    protection: Protection,
}

impl SenderController {
    /// A controller that never exceeds `asked_bps` (the documented audioBitrate, in bit/s of RTP payload) on average, for a stream of
    /// such frames: the shorter, the more of a link their headers take.
    pub fn new(asked_bps: u32, frame: FrameLength) -> Self {
        Self {
            red: true,
            frame_limit: None,
            answers: Answers::default(),
            congestion: Congestion::new(asked_bps, frame),
            protection: Protection::default(),
        }
    }

    /// Whether the other side takes RED (RFC 2198); without it there are no copies, and in-band FEC stands in.
    pub fn set_red(&mut self, red: bool) {
        self.red = red;
    }

    /// What one frame may cost at most, in bit/s: somebody else copies the frames, and a large copy costs that other link much and
    /// gains little. `None`: only the budget counts.
    pub fn limit_frames(&mut self, bits_per_second: Option<u32>) {
        self.frame_limit = bits_per_second;
    }

    /// Takes a report; call [`plan`](Self::plan) afterwards.
    pub fn on_report(&mut self, report: &LinkReport, now: Instant) {
        self.protection.on_report(report, now);
        self.congestion.on_loss(report.loss, now);
    }

    /// Takes a look at the connection's checks, which tell its queue; best every 50 ms, with a check every 500 ms. Call
    /// [`plan`](Self::plan) afterwards.
    pub fn on_checks(&mut self, checks: &Checks, now: Instant) {
        match self.answers.note(checks, now) {
            Some(News::Answer(answer)) => self.congestion.on_answer(&answer, now),
            Some(News::Waiting(waiting)) => self.congestion.on_waiting(waiting, now),
            None => {}
        }
    }

    /// How to send from `now` on.
    pub fn plan(&mut self, now: Instant) -> SendPlan {
        let budget = self.congestion.budget();
        let Budget { payload, frames, held } = budget;
        let mut plan = self.protection.plan(payload, self.red, now);
        if frames > 1 {
            // A link without room for headers has none for copies.
            plan = SendPlan {
                frames,
                held,
                wideband: payload < WIDEBAND_BELOW,
                ..SendPlan::plain(payload)
            };
        } else if let Some(limit) = self.frame_limit {
            let limit = limit.saturating_mul(1 + plan.copies.len());
            plan.bits_per_second = plan.bits_per_second.min(limit);
        }
        let payload = plan.bits_per_second;
        let sent = self.congestion.on_sending(Budget { payload, ..budget });
        self.answers.on_sending(sent, now);
        plan
    }
}

#[cfg(test)]
mod tests;
