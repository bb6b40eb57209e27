//! Moving to another node while the login still stands (`nodeLeaving`): a second link beside the first, and a login on it that
//! replaces the session. Until that is answered everything goes on where it is; then what the old node still sent is read to its
//! end, and the new link is the login's. So no message to this user is lost between two nodes, and none overtakes another.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tracing::debug;

use super::{
    session::parse,
    state::{Effect, LinkId, Phase, RoomState},
    timers::{Timer, after},
};
use crate::protocol::{ClientFrame, LoginOk, Logout, MAX_NODE_HOPS, ServerFrame, VERSION, WireError};

/// A node that is leaving waits about so long for its clients.
const MOVE_TIME: Duration = Duration::from_secs(10);

/// One node may take so long, from connecting to the answer, where there are others.
pub(super) const NODE_TIME: Duration = Duration::from_secs(4);

/// So often it is looked whether a move is over that an attempt waits for.
pub(super) const MOVE_LOOK: Duration = Duration::from_millis(250);

/// So long the old link is read on after the login was answered, unless the old node closes it before.
const DRAIN: Duration = Duration::from_millis(500);

/// So many frames of the new link wait for that; no more than a busy room sends meanwhile.
const HELD: usize = 256;

/// A move under way.
#[derive(Debug)]
pub(super) struct Moving {
    link: LinkId,
    url: String,
    /// The login that is out.
    asked: Option<u64>,
    /// Its answer, and what came behind it.
    answer: Option<(LoginOk, Vec<String>)>,
    /// How many nodes sent us on.
    hops: usize,
    /// Where to try after this.
    left: VecDeque<String>,
    ends: Instant,
}

impl RoomState {
    /// This node is going to stop; the others are `nodes`.
    pub(super) fn on_node_leaving(&mut self, now: Instant, nodes: &[String]) {
        let Some(home) = self.session.as_ref().map(|session| session.home.clone()) else {
            return;
        };
        debug!(?nodes, "the node is leaving");
        self.nodes.join(&home);
        let others: VecDeque<String> = self.nodes.learn(nodes).into_iter().filter(|url| *url != home).collect();
        self.nodes.leaves(&home);
        self.retry.begin_with(self.nodes.count());
        if self.moving.is_none() && self.phase == Phase::Up {
            self.move_on(now, others, after(now, MOVE_TIME));
        }
    }

    fn move_on(&mut self, now: Instant, mut left: VecDeque<String>, ends: Instant) {
        match left.pop_front() {
            Some(url) if now < ends => {
                let moving = self.moving_to(url, 0, left, ends);
                self.connect_beside(now, moving);
            }
            // What remains is to stay until the socket closes.
            _ => self.timers.clear(Timer::Move),
        }
    }

    fn moving_to(&mut self, url: String, hops: usize, left: VecDeque<String>, ends: Instant) -> Moving {
        Moving {
            link: self.new_link(),
            url,
            asked: None,
            answer: None,
            hops,
            left,
            ends,
        }
    }

    fn connect_beside(&mut self, now: Instant, moving: Moving) {
        self.counters.attempts.one();
        self.timers.set(Timer::Move, after(now, NODE_TIME).min(moving.ends));
        self.effects.push(Effect::ConnectBeside {
            link: moving.link,
            url: moving.url.clone(),
        });
        self.moving = Some(moving);
    }

    /// Whether `link` is the one to the node that is moved to.
    pub(super) fn is_beside(&self, link: LinkId) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.link == link)
    }

    /// The second link is open: log in there.
    pub(super) fn on_beside_opened(&mut self) {
        let Some(redirected) = self.moving.as_ref().map(|moving| moving.hops > 0) else {
            return;
        };
        let moved_from = self.replaced_session().map(String::from);
        let login = self.login_request(moved_from, redirected);
        let (id, text) = self.frame(login);
        self.effects.push(Effect::SendBeside(text));
        if let Some(moving) = &mut self.moving {
            moving.asked = Some(id);
        }
    }

    /// A frame came on the second link.
    pub(super) fn on_beside_text(&mut self, now: Instant, text: &str) {
        if let Some((_, held)) = self.moving.as_mut().and_then(|moving| moving.answer.as_mut()) {
            held.push(text.into());
            if held.len() >= HELD {
                self.moved(now);
            }
            return;
        }
        let asked = self.moving.as_ref().and_then(|moving| moving.asked);
        match ServerFrame::parse(text) {
            Ok(ServerFrame::Ok { id, ok }) if Some(id) == asked => match parse::<LoginOk>(ok) {
                Some(ok) if ok.version == VERSION => self.beside_accepted(now, ok),
                _ => {
                    self.counters.unreadable_results.one();
                    self.try_next_node(now);
                }
            },
            Ok(ServerFrame::Error { id, error }) if Some(id) == asked => self.beside_refused(now, &error),
            Ok(ServerFrame::Ok { .. } | ServerFrame::Error { .. }) => self.counters.stray_replies.one(),
            Ok(ServerFrame::Event(_) | ServerFrame::Notice(_)) => self.counters.early_frames.one(),
            Err(_) => {
                self.counters.unreadable_frames.one();
                self.try_next_node(now);
            }
        }
    }

    fn beside_accepted(&mut self, now: Instant, ok: LoginOk) {
        if let Some(moving) = &mut self.moving {
            moving.answer = Some((ok, Vec::new()));
        }
        match self.phase {
            Phase::Up => self.timers.set(Timer::Move, after(now, DRAIN)),
            _ => self.moved(now),
        }
    }

    /// Whether the other node has taken the login, and the old one is only read to its end.
    pub(super) fn has_moved(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.answer.is_some())
    }

    /// The second link closed.
    pub(super) fn on_beside_closed(&mut self, now: Instant) {
        if self.has_moved() {
            self.moved(now);
            return self.lose_link(now);
        }
        self.try_next_node(now);
    }

    /// The node that is tried has had its time, or the old link has.
    pub(super) fn on_move_time(&mut self, now: Instant) {
        if self.has_moved() {
            return self.moved(now);
        }
        self.try_next_node(now);
    }

    fn beside_refused(&mut self, now: Instant, error: &WireError) {
        debug!(code = error.code, node = error.node, "a node does not take us");
        let elsewhere = error.node.as_deref().and_then(|node| self.nodes.usable(node));
        // It said no: there is nothing to take back.
        let Some(moving) = self.moving.take() else { return };
        self.effects.push(Effect::HangUpBeside);
        match elsewhere {
            Some(url) if moving.hops < MAX_NODE_HOPS => {
                self.nodes.join(&url);
                let moving = self.moving_to(url, moving.hops + 1, moving.left, moving.ends);
                self.connect_beside(now, moving);
            }
            _ => self.move_on(now, moving.left, moving.ends),
        }
    }

    /// The node that is tried does not answer, or not in time.
    fn try_next_node(&mut self, now: Instant) {
        self.counters.failed_attempts.one();
        if let Some(moving) = self.end_move() {
            self.move_on(now, moving.left, moving.ends);
        }
    }

    /// Gives the move up. A login that is out there is taken back.
    pub(super) fn end_move(&mut self) -> Option<Moving> {
        let moving = self.moving.take()?;
        self.timers.clear(Timer::Move);
        if moving.asked.is_some() {
            let (_, text) = self.frame(Logout {});
            self.effects.push(Effect::SendBeside(text));
        }
        self.effects.push(Effect::HangUpBeside);
        Some(moving)
    }

    /// The login stands on the second link.
    pub(super) fn moved(&mut self, now: Instant) {
        let Some(moving) = self.moving.take() else { return };
        let Some((ok, held)) = moving.answer else { return };
        self.counters.moves.one();
        self.drop_requests();
        self.timers.clear_link();
        for timer in [Timer::Move, Timer::Retry] {
            self.timers.clear(timer);
        }
        self.link = moving.link.0;
        self.effects.push(Effect::Promote);
        self.logged_in(now, ok, &moving.url, true);
        for text in held {
            self.on_text(now, moving.link, &text);
        }
    }

    /// A name for a link to come.
    pub(super) fn new_link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links)
    }

    /// A request as text, and its id.
    pub(super) fn frame(&mut self, request: impl Into<crate::protocol::Request>) -> (u64, String) {
        self.last_id += 1;
        let id = self.last_id;
        let request = request.into();
        (id, ClientFrame { id, request }.to_text())
    }
}
