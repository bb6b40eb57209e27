//! What a sender does about its network: a pure controller from receivers' reports to a [`SendPlan`].
//!
//! ```text
//! LinkReport ─┬─► congestion: how many bit/s the link takes ─┐
//!             └─► protection: which copies its losses need ──┴─► SendPlan
//! ```
//!
//! No clock and no network: `now` is an argument, and a plan is what comes out. The publisher's actor carries it to the pump.

mod congestion;
mod protection;

use std::time::{Duration, Instant};

use crate::rtp::SendPlan;

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
    /// Round-trip time between sender and receiver, measured since the last report; it is what tells a queue. `None`: not measured.
    pub round_trip: Option<Duration>,
}

/// Chooses how one stream is sent.
#[derive(Debug, Clone)]
pub struct SenderController {
    /// Whether the other side takes RED.
    red: bool,
    /// What one frame may cost, in bit/s, where somebody else adds copies.
    frame_limit: Option<u32>,
    congestion: Congestion,
    protection: Protection,
}

impl SenderController {
    /// A controller that never exceeds `asked_bps` (the documented audioBitrate, in bit/s of RTP payload) on average.
    pub fn new(asked_bps: u32) -> Self {
        Self {
            red: true,
            frame_limit: None,
            congestion: Congestion::new(asked_bps),
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
        if let Some(round_trip) = report.round_trip {
            self.on_round_trip(round_trip, now);
        }
    }

    /// Takes a round trip that was measured without a report of losses.
    pub fn on_round_trip(&mut self, round_trip: Duration, now: Instant) {
        self.congestion.on_round_trip(round_trip, now);
    }

    /// How to send from `now` on.
    pub fn plan(&mut self, now: Instant) -> SendPlan {
        let Budget { payload, frames } = self.congestion.budget();
        let mut plan = self.protection.plan(payload, self.red, now);
        if frames > 1 {
            // A link without room for headers has none for copies.
            plan = SendPlan {
                frames,
                wideband: payload < WIDEBAND_BELOW,
                ..SendPlan::plain(payload)
            };
        } else if let Some(limit) = self.frame_limit {
            let limit = limit.saturating_mul(1 + plan.copies.len());
            plan.bits_per_second = plan.bits_per_second.min(limit);
        }
        let payload = plan.bits_per_second;
        self.congestion.on_sending(Budget { payload, frames });
        plan
    }
}

#[cfg(test)]
mod tests;
