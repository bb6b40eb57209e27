//! What the checks of a connection say of its queue: how long an answer took, or that one is overdue.
//!
//! A check waits in the queue like every packet, so its answer tells the queue of the moment when it was asked. One that is still
//! awaited tells of a queue that grew just now, half a second sooner than its answer.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many changes of what is sent are remembered: of longer than a queue that a call survives.
const CHANGES: usize = 64;

/// The connectivity checks (RFC 7675) of the pair of candidates in use, since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Checks {
    /// Checks that were sent.
    pub sent: u64,
    /// Answers that came.
    pub answered: u64,
    /// What the last answer took, once one came.
    pub round_trip: Option<Duration>,
}

/// What a look at the checks told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum News {
    /// An answer came.
    Answer(Answer),
    /// One is awaited for so long.
    Waiting(Duration),
}

/// An answer to a check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer {
    pub(super) round_trip: Duration,
    /// When it was asked, as near as looks tell.
    pub(super) asked: Instant,
    /// What was sent between the check before and this one, in bits with headers; `None`: not known.
    pub(super) sent: Option<f64>,
}

/// Follows the checks of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    last: Checks,
    waiting: Option<Instant>,
    asked: Option<Instant>,
    /// What was sent until then, and is sent since.
    sent: VecDeque<Sent>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    bits: f64,
    bits_per_second: f64,
}

impl Sent {
    fn until(&self, at: Instant) -> f64 {
        self.bits + self.bits_per_second * at.saturating_duration_since(self.at).as_secs_f64()
    }
}

impl Answers {
    /// So much is sent from now on, with headers.
    pub(super) fn on_sending(&mut self, bits_per_second: f64, now: Instant) {
        if self.sent.back().is_some_and(|sent| sent.bits_per_second == bits_per_second) {
            return;
        }
        let bits = self.sent.back().map_or(0.0, |sent| sent.until(now));
        if self.sent.len() == CHANGES {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent {
            at: now,
            bits,
            bits_per_second,
        });
    }

    /// Takes a look at the checks.
    pub(super) fn note(&mut self, checks: &Checks, now: Instant) -> Option<News> {
        let before = std::mem::replace(&mut self.last, *checks);
        if checks.answered != before.answered {
            self.waiting = None;
            return checks.round_trip.map(|round_trip| News::Answer(self.answer(round_trip, now)));
        }
        if checks.sent != before.sent {
            self.waiting.get_or_insert(now);
        }
        self.waiting.map(|since| News::Waiting(now.saturating_duration_since(since)))
    }

    fn answer(&mut self, round_trip: Duration, now: Instant) -> Answer {
        let asked = now.checked_sub(round_trip).unwrap_or(now);
        let before = self.asked.replace(asked);
        let sent = before.and_then(|before| Some(self.sent_until(asked)? - self.sent_until(before)?));
        Answer { round_trip, asked, sent }
    }

    fn sent_until(&self, at: Instant) -> Option<f64> {
        self.sent.iter().rfind(|sent| sent.at <= at).map(|sent| sent.until(at))
    }
}
