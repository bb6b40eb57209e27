//! What a sender does about its network: a pure controller from receivers' reports to a [`SendPlan`].
//!
//! ```text
//! LinkReport ─┬─► congestion: how many bit/s the link takes ─┐
//!             └─► protection: which copies its losses need ──┴─► SendPlan
//! ```
//!
//! No clock and no network: `now` is an argument, and a plan is what comes out. The publisher's actor carries it to the pump.

mod protection;

use std::time::{Duration, Instant};

use crate::rtp::SendPlan;

use protection::Protection;

/// What a receiver says of the packets that it was sent lately: the last half second or second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkReport {
    /// Fraction of the packets that did not come, 0..=1, before any repair.
    pub loss: f64,
    /// Mean length of a run of lost packets, 1 or more; `None`: nothing was lost, or the receiver does not tell.
    pub burst: Option<f64>,
    /// Round-trip time between sender and receiver.
    pub round_trip: Option<Duration>,
}

/// Chooses how one stream is sent.
#[derive(Debug, Clone)]
pub struct SenderController {
    asked_bps: u32,
    /// Whether the other side takes RED.
    red: bool,
    protection: Protection,
}

impl SenderController {
    /// A controller that never exceeds `asked_bps` (the documented audioBitrate, in bit/s of RTP payload) on average.
    pub fn new(asked_bps: u32) -> Self {
        Self {
            asked_bps,
            red: true,
            protection: Protection::default(),
        }
    }

    /// Whether the other side takes RED (RFC 2198); without it there are no copies, and in-band FEC stands in.
    pub fn set_red(&mut self, red: bool) {
        self.red = red;
    }

    /// Takes a report; call [`plan`](Self::plan) afterwards.
    pub fn on_report(&mut self, report: &LinkReport, now: Instant) {
        self.protection.on_report(report, now);
    }

    /// How to send from `now` on.
    pub fn plan(&mut self, now: Instant) -> SendPlan {
        let budget = self.asked_bps;
        self.protection.plan(budget, self.red, now)
    }
}

#[cfg(test)]
mod tests;
