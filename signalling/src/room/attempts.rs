//! Links: attempts to open one, what becomes of it, and when to try again.

use std::time::{Duration, Instant};

use express_messages::room::RoomEvent;
use tracing::debug;

use super::{
    link::LinkError,
    retry::{Next, SHORTEST_WAIT},
    state::{Effect, LinkId, Phase, RoomState},
    timers::{Timer, after},
};

impl RoomState {
    /// Whether `link` is the one that counts.
    pub(super) fn is_current(&self, link: LinkId) -> bool {
        link.0 == self.link && !matches!(self.phase, Phase::Idle | Phase::Waiting | Phase::Over)
    }

    /// Begins an attempt. Without a session to take up, this is a relogin, which others may notice: it is told.
    pub(super) fn attempt(&mut self, now: Instant) {
        if self.session.is_none() && self.report.completed() {
            let event = self.report.session_lost();
            self.emit(event);
        }
        let Some(url) = self.urls.get(self.retry.server()).cloned() else {
            return;
        };
        self.counters.attempts.one();
        self.link += 1;
        let timeout = self.options.timings.login_attempt_timeout.max(SHORTEST_WAIT);
        self.timers.set(Timer::Attempt, after(now, timeout));
        self.set_phase(Phase::Opening);
        self.effects.push(Effect::Connect {
            link: LinkId(self.link),
            url,
        });
    }

    /// The attempt that runs met a transport fault.
    pub(super) fn fail_attempt(&mut self, now: Instant) {
        self.counters.failed_attempts.one();
        self.hang_up();
        let random = self.random();
        match self.retry.failed(&self.options.timings.room_backoff, random) {
            Next::Now => self.attempt(now),
            Next::After(wait) => self.wait(now, wait),
        }
    }

    /// Lets `wait` pass before the next attempt, or another network come.
    pub(super) fn wait(&mut self, now: Instant, wait: Duration) {
        self.set_phase(Phase::Waiting);
        self.sent_away = false;
        self.timers.set(Timer::Retry, after(now, wait));
    }

    /// Lets the time pass that the server asked for.
    pub(super) fn wait_as_told(&mut self, now: Instant, wait: Duration) {
        self.wait(now, wait);
        self.sent_away = true;
    }

    /// Whether another network may be what is wanting.
    pub(super) fn wants_network(&self) -> bool {
        match self.phase {
            Phase::Waiting => !self.sent_away,
            Phase::Opening => true,
            _ => false,
        }
    }

    /// This machine has a network that it had not before. The waits are for servers in trouble, and what is opening now was
    /// sent nowhere: an attempt begins at once. Should it fail, the wait after it is the one that would have come anyway.
    pub(super) fn on_network(&mut self, now: Instant) {
        if !self.wants_network() {
            return;
        }
        debug!(phase = ?self.phase, "another network is there");
        self.timers.clear(Timer::Retry);
        self.hang_up();
        self.attempt(now);
    }

    /// The link closed, or could not be opened.
    pub(super) fn on_closed(&mut self, now: Instant, link: LinkId, why: &LinkError) {
        if !self.is_current(link) {
            return;
        }
        debug!(%why, phase = ?self.phase, "link closed");
        match self.phase {
            Phase::Opening | Phase::Asking { .. } => self.fail_attempt(now),
            Phase::Up if matches!(why, LinkError::AddressGone(_)) => self.lose_address(now),
            Phase::Up => self.lose_link(now),
            Phase::Leaving(_) => self.end(),
            Phase::Idle | Phase::Waiting | Phase::Over => {}
        }
    }

    /// The current link takes nothing any more.
    pub(super) fn on_stuck(&mut self, now: Instant) {
        self.on_closed(now, LinkId(self.link), &LinkError::Stuck);
    }

    /// The link showed a sign of life.
    pub(super) fn on_alive(&mut self, now: Instant, link: LinkId) {
        if self.is_current(link) && self.phase == Phase::Up {
            self.watch_link(now);
        }
    }

    /// A silent socket is pinged, and dead after a while.
    pub(super) fn watch_link(&mut self, now: Instant) {
        let timings = &self.options.timings;
        self.timers.set(Timer::Ping, after(now, timings.link_ping_interval));
        self.timers.set(Timer::LinkDead, after(now, timings.link_timeout));
    }

    /// The link is gone while logged in; the session lives on.
    pub(super) fn lose_link(&mut self, now: Instant) {
        self.counters.lost_links.one();
        let event = self.report.link_lost(now, self.options.timings.reconnecting_debounce);
        self.reconnect(now, event);
    }

    /// The link is gone because this machine has another address: nobody else lost theirs with it, so nothing is gained by
    /// waiting.
    fn lose_address(&mut self, now: Instant) {
        self.counters.lost_links.one();
        let event = self.report.link_lost(now, self.options.timings.reconnecting_debounce);
        self.leave_link(now, event);
        self.attempt(now);
    }

    /// The session is gone: log in anew.
    pub(super) fn lose_session(&mut self, now: Instant) {
        self.forget_session();
        let event = self.report.session_lost();
        self.reconnect(now, event);
    }

    pub(super) fn forget_session(&mut self) {
        if self.session.take().is_some() {
            self.counters.lost_sessions.one();
        }
        self.media.clear();
        self.mics.clear();
    }

    /// Out of [`Phase::Up`]: hangs up and begins to try again after a wait.
    pub(super) fn reconnect(&mut self, now: Instant, event: Option<RoomEvent>) {
        self.leave_link(now, event);
        let random = self.random();
        let wait = self.retry.wait(&self.options.timings.room_backoff, random);
        self.wait(now, wait);
    }

    /// Hangs up; the time to be back in begins.
    fn leave_link(&mut self, now: Instant, event: Option<RoomEvent>) {
        self.hang_up();
        self.drop_requests();
        self.emit(event);
        match self.report.window() {
            Some(end) => self.timers.set(Timer::Debounce, end),
            None => self.timers.clear(Timer::Debounce),
        }
        self.timers
            .set(Timer::Budget, after(now, self.options.timings.room_retry_time));
    }

    pub(super) fn hang_up(&mut self) {
        self.timers.clear_link();
        self.effects.push(Effect::HangUp);
    }
}
