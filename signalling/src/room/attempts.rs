//! Links: attempts to open one, what becomes of it, and when to try again.

use std::time::{Duration, Instant};

use express_messages::room::RoomEvent;
use tracing::debug;

use super::{
    link::LinkError,
    moving::{MOVE_LOOK, NODE_TIME},
    retry::{Next, SHORTEST_WAIT},
    state::{Ask, Effect, LinkId, Phase, RoomState, Target},
    timers::{Timer, after},
};
use crate::protocol::MAX_NODE_HOPS;

impl RoomState {
    /// Whether `link` is the one that counts.
    pub(super) fn is_current(&self, link: LinkId) -> bool {
        link.0 == self.link && !matches!(self.phase, Phase::Idle | Phase::Waiting | Phase::Over)
    }

    /// Begins an attempt. Without a session to take up, this is a relogin, which others may notice: it is told.
    pub(super) fn attempt(&mut self, now: Instant) {
        if self.moving.is_some() {
            // Two logins at a time would end each other.
            return self.wait(now, MOVE_LOOK);
        }
        if self.session.is_none() && self.report.completed() {
            let event = self.report.session_lost();
            self.emit(event);
        }
        let Some(url) = self.nodes.at(self.retry.server()).map(String::from) else {
            return;
        };
        let ask = match &self.session {
            // Another node of the cloud does not know it. What else is another address may lead to the same server.
            Some(session) if session.home == url || !self.nodes.is_member(&url) => Ask::Resume,
            _ => Ask::Login,
        };
        self.attempt_at(now, url, ask, 0);
    }

    /// Begins an attempt at `url`, where `hops` nodes sent us to.
    pub(super) fn attempt_at(&mut self, now: Instant, url: String, ask: Ask, hops: usize) {
        self.counters.attempts.one();
        let link = self.new_link();
        self.link = link.0;
        let timeout = self.options.timings.login_attempt_timeout.max(SHORTEST_WAIT);
        let is_one_of_many = self.report.completed() && self.nodes.has_others(&url);
        let timeout = if is_one_of_many { timeout.min(NODE_TIME) } else { timeout };
        self.timers.set(Timer::Attempt, after(now, timeout));
        self.set_phase(Phase::Opening);
        self.effects.push(Effect::Connect { link, url: url.clone() });
        let moves = ask == Ask::Login && self.nodes.is_member(&url) && self.replaced_session().is_some();
        self.target = Target { url, ask, hops, moves };
    }

    /// The session that a login on another node replaces.
    pub(super) fn replaced_session(&self) -> Option<&str> {
        let session = self.session.as_ref().map(|session| &session.name);
        session.or(self.former.as_ref()).map(String::as_str)
    }

    /// Goes on where a refusal sends us, unless we were sent around enough. The attempt is the same one; `false`: it is over.
    pub(super) fn go_to_node(&mut self, now: Instant, node: &str) -> bool {
        let url = self.nodes.usable(node).filter(|_| self.target.hops < MAX_NODE_HOPS);
        let Some(url) = url else {
            debug!(node, hops = self.target.hops, "not sent on");
            return false;
        };
        self.nodes.join(&url);
        self.hang_up();
        self.attempt_at(now, url, self.target.ask, self.target.hops + 1);
        true
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
        if self.is_beside(link) {
            debug!(%why, "the link beside closed");
            return self.on_beside_closed(now);
        }
        if !self.is_current(link) {
            return;
        }
        debug!(%why, phase = ?self.phase, "link closed");
        if self.has_moved() {
            return self.moved(now);
        }
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
        self.end_move();
        self.attempt(now);
    }

    /// The session is gone: log in anew.
    pub(super) fn lose_session(&mut self, now: Instant) {
        self.forget_session();
        let event = self.report.session_lost();
        self.reconnect(now, event);
    }

    pub(super) fn forget_session(&mut self) {
        if let Some(session) = self.session.take() {
            self.counters.lost_sessions.one();
            self.former = Some(session.name);
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
