//! Login, resume, and what follows from their answers.

use std::time::{Duration, Instant};

use express_messages::{
    codes,
    ids::StreamId,
    room::{RoomEvent, SessionFate, StreamRole},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{debug, warn};

use super::{
    changes::Changes,
    ice::within_limits,
    requests::Purpose,
    retry::Retry,
    roster::Missed,
    state::{Ask, Leaving, LinkId, Phase, RoomState, Session, Target},
    timers::{Timer, after},
};
use crate::protocol::{
    self, Event, LoginOk, Logout, RenewToken, ResumeOk, SequencedEvent, ServerFrame, Snapshot, VERSION, WireError,
};

/// Heartbeats are not sent more often than this, whatever a server says (documented floor).
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(3);

/// When to ask again who sent us to where we cannot go.
const NODE_UNUSABLE: protocol::Retry = protocol::Retry { after_ms: 1_000 };

/// What `LoginOk` and `ResumeOk` say about the session that now stands.
struct Terms {
    heartbeat_ms: u64,
    heartbeat_timeout_ms: u64,
    token_expires_in_ms: u64,
}

impl RoomState {
    /// The link is open: ask for the session, or for a new one.
    pub(super) fn on_opened(&mut self, link: LinkId) {
        if self.is_beside(link) {
            return self.on_beside_opened();
        }
        if !self.is_current(link) {
            return;
        }
        match self.phase {
            Phase::Opening => {
                let (id, ask) = self.ask();
                self.set_phase(Phase::Asking { id, ask });
            }
            Phase::Leaving(Leaving::Opening) => {
                let (id, _) = self.ask();
                self.set_phase(Phase::Leaving(Leaving::Asking { id }));
            }
            _ => {}
        }
    }

    /// A frame came while login or resume is out.
    pub(super) fn on_asked_frame(&mut self, now: Instant, (id, ask): (u64, Ask), frame: ServerFrame) {
        match frame {
            ServerFrame::Ok { id: of, ok } if of == id => self.accepted(now, ask, ok),
            ServerFrame::Error { id: of, error } if of == id => self.refused(now, ask, error),
            ServerFrame::Event(SequencedEvent {
                event: Event::KickOut(kick),
                ..
            }) if !kick.need_relogin => self.kick_out(kick.code, &kick.message),
            ServerFrame::Ok { .. } | ServerFrame::Error { .. } => self.counters.stray_replies.one(),
            ServerFrame::Event(_) | ServerFrame::Notice(_) => self.counters.early_frames.one(),
        }
    }

    /// A frame came while the server is being told of the logout.
    pub(super) fn on_leaving_frame(&mut self, leaving: Leaving, frame: &ServerFrame) {
        let answered = match frame {
            ServerFrame::Ok { id, .. } => (*id, true),
            ServerFrame::Error { id, .. } => (*id, false),
            ServerFrame::Event(_) | ServerFrame::Notice(_) => return,
        };
        match leaving {
            Leaving::Asking { id } if answered == (id, true) => {
                let id = self.send(Logout {});
                self.set_phase(Phase::Leaving(Leaving::Told { id }));
            }
            Leaving::Asking { id } | Leaving::Told { id } if answered.0 == id => self.end(),
            _ => {}
        }
    }

    fn accepted(&mut self, now: Instant, ask: Ask, ok: Value) {
        match ask {
            Ask::Login => match parse::<LoginOk>(ok) {
                Some(ok) if ok.version == VERSION => {
                    let Target { url, moves, .. } = self.target.clone();
                    self.logged_in(now, ok, &url, moves);
                }
                Some(ok) => self.wrong_version(ok.version),
                None => self.unreadable_answer(now),
            },
            Ask::Resume => match parse::<ResumeOk>(ok) {
                Some(ok) if ok.version == VERSION => self.resumed(now, ok),
                Some(ok) => self.wrong_version(ok.version),
                None => self.unreadable_answer(now),
            },
        }
    }

    fn wrong_version(&mut self, version: u32) {
        let text = format!("the server chose protocol version {version}; this client speaks {VERSION}");
        self.fail(codes::UNKNOWN_SERVER_ERROR, &text);
    }

    /// The answer to login or resume makes no sense. The session is not asked for again: the answer would be the same.
    pub(super) fn unreadable_answer(&mut self, now: Instant) {
        self.counters.unreadable_results.one();
        self.forget_session();
        self.fail_attempt(now);
    }

    fn refused(&mut self, now: Instant, ask: Ask, mut error: WireError) {
        debug!(?ask, code = error.code, retry = ?error.retry, node = error.node, "refused");
        if let Some(node) = &error.node {
            if self.go_to_node(now, node) {
                return;
            }
            error.retry.get_or_insert(NODE_UNUSABLE);
        }
        if ask == Ask::Resume {
            match error.code {
                codes::NETWORK_RECOVERY => return self.relogin(now),
                codes::MULTIPLE_LOGIN_KICKOUT | codes::MANUAL_KICKOUT | codes::TOKEN_EXPIRED => {
                    return self.kick_out(error.code, &error.message);
                }
                _ => {}
            }
        }
        match error.retry {
            Some(retry) => self.try_later(now, Retry::told(retry.after_ms)),
            None => self.fail(error.code, &error.message),
        }
    }

    /// The server does not know the session any more: log in anew, at once, on a socket of its own.
    fn relogin(&mut self, now: Instant) {
        self.forget_session();
        self.hang_up();
        self.attempt(now);
    }

    fn try_later(&mut self, now: Instant, wait: Duration) {
        self.hang_up();
        self.wait_as_told(now, wait);
    }

    /// A login was answered by the server at `home`. `moved`: its session replaces that of another node.
    pub(super) fn logged_in(&mut self, now: Instant, ok: LoginOk, home: &str, moved: bool) {
        self.counters.logins.one();
        let again = self.report.completed();
        self.former = None;
        self.media.clear();
        self.mics.clear();
        if !ok.nodes.is_empty() {
            self.nodes.join(home);
        }
        self.nodes.learn(&ok.nodes);
        self.session = Some(Session {
            home: home.into(),
            name: ok.session,
            secret: ok.secret,
            last_seq: ok.snapshot.seq,
        });
        self.announced_seq = ok.snapshot.seq;
        self.ice_servers = within_limits(ok.ice_servers, &self.counters);
        self.token.accepted(&self.shown_token);
        let mut snapshot = ok.snapshot;
        let infos = std::mem::take(&mut snapshot.extra_infos);
        let found_ms = infos.last().map(|info| info.update_time_ms);
        let mut changes = self.roster.take_snapshot(snapshot);
        changes.room_info = self.info.take_snapshot(infos, &self.options.user.user_id, again);
        self.stand(
            now,
            &Terms {
                heartbeat_ms: ok.heartbeat_ms,
                heartbeat_timeout_ms: ok.heartbeat_timeout_ms,
                token_expires_in_ms: ok.token_expires_in_ms,
            },
        );
        if again {
            let session = if moved { SessionFate::Moved } else { SessionFate::Lost };
            self.emit([RoomEvent::LinkRestored { session }]);
        }
        self.report_changes(changes);
        self.report_online(ok.online_count);
        self.restore_room_info(now, found_ms);
        self.confirm_token(now);
    }

    fn resumed(&mut self, now: Instant, ok: ResumeOk) {
        let caught_up = match ok.snapshot {
            Some(snapshot) => self.catch_up_at_once(snapshot, ok.messages),
            None => self.catch_up(ok.missed),
        };
        let Some((changes, others)) = caught_up else {
            return self.unreadable_answer(now);
        };
        self.counters.resumes.one();
        if let Some(session) = &mut self.session {
            session.home.clone_from(&self.target.url);
        }
        self.ice_servers = within_limits(ok.ice_servers, &self.counters);
        self.stand(
            now,
            &Terms {
                heartbeat_ms: ok.heartbeat_ms,
                heartbeat_timeout_ms: ok.heartbeat_timeout_ms,
                token_expires_in_ms: ok.token_expires_in_ms,
            },
        );
        self.emit([RoomEvent::LinkRestored {
            session: SessionFate::Kept,
        }]);
        self.report_changes(changes);
        for event in others {
            self.on_event(now, event);
            if self.phase != Phase::Up {
                return;
            }
        }
        self.report_online(ok.online_count);
        self.reconcile(now, ok.publishing, ok.playing);
        self.tell_mics(now);
        self.confirm_token(now);
    }

    /// A token that was renewed while the link was away, or whose answer was lost, is shown on the new link.
    fn confirm_token(&mut self, now: Instant) {
        if self.token.is_unconfirmed() {
            self.send_token(now);
        }
    }

    /// Takes the whole state, and the messages that it does not contain. `None`: these are not in their order, or not of the gap.
    fn catch_up_at_once(&mut self, mut snapshot: Snapshot, messages: Vec<SequencedEvent>) -> Option<(Changes, Vec<Event>)> {
        let session = self.session.as_mut()?;
        let numbers = || messages.iter().map(|message| message.seq);
        let is_of_the_gap = |seq: u64| seq > session.last_seq && seq <= snapshot.seq;
        if !numbers().is_sorted_by(|a, b| a < b) || !numbers().all(is_of_the_gap) {
            return None;
        }
        session.last_seq = snapshot.seq;
        self.announced_seq = snapshot.seq;
        let infos = std::mem::take(&mut snapshot.extra_infos);
        let mut changes = self.roster.take_snapshot(snapshot);
        changes.room_info = self.info.take_snapshot(infos, &self.options.user.user_id, true);
        Some((changes, messages.into_iter().map(|message| message.event).collect()))
    }

    /// Brings the roster up to date; what else was missed is returned. `None`: the answer has not the missed events without a hole.
    fn catch_up(&mut self, missed: Option<Vec<SequencedEvent>>) -> Option<(Changes, Vec<Event>)> {
        let session = self.session.as_mut()?;
        let missed = missed?;
        let mut expected = (1..).map_while(|n| session.last_seq.checked_add(n));
        if !missed.iter().all(|event| expected.next() == Some(event.seq)) {
            return None;
        }
        session.last_seq = missed.last().map_or(session.last_seq, |event| event.seq);
        self.announced_seq = session.last_seq;
        let (mut updates, mut others) = (Vec::new(), Vec::new());
        for missed in missed {
            match missed.event {
                Event::RoomUserUpdate(update) => updates.push(Missed::Users(update)),
                Event::RoomStreamUpdate(update) => updates.push(Missed::Streams(update)),
                Event::StreamMicUpdate(update) => updates.push(Missed::Mic(update)),
                Event::StreamExtraInfoUpdate(update) => updates.push(Missed::ExtraInfos(update)),
                other => others.push(other),
            }
        }
        Some((self.roster.replay(updates), others))
    }

    /// The session stands on this link: told, watched, kept alive.
    fn stand(&mut self, now: Instant, terms: &Terms) {
        self.set_phase(Phase::Up);
        if let Some(session) = &self.session {
            self.nodes.stands_at(&session.home);
        }
        self.retry.begin_with(self.nodes.count());
        self.retry.succeeded();
        self.timers.clear(Timer::Attempt);
        self.timers.clear(Timer::Budget);
        let event = self.report.up();
        self.emit(event);
        self.watch_link(now);
        self.set_heartbeat(terms.heartbeat_ms);
        let timeout = or_default(terms.heartbeat_timeout_ms, self.options.timings.heartbeat_timeout);
        self.heartbeat_timeout = timeout.max(self.heartbeat.saturating_mul(2));
        let first = self.heartbeat.mul_f64(self.random());
        self.timers.set(Timer::Heartbeat, after(now, first));
        self.timers.set(Timer::HeartbeatTimeout, after(now, self.heartbeat_timeout));
        self.token_expires(now, terms.token_expires_in_ms);
    }

    pub(super) fn set_heartbeat(&mut self, interval_ms: u64) {
        let interval = or_default(interval_ms, self.options.timings.heartbeat_interval);
        self.heartbeat = interval.clamp(SHORTEST_HEARTBEAT, Duration::from_secs(3600));
    }

    pub(super) fn token_expires(&mut self, now: Instant, left_ms: u64) {
        let warning = self.options.timings.token_warning;
        match self.token.expires(now, Duration::from_millis(left_ms), warning) {
            Some(at) => self.timers.set(Timer::TokenWarning, at),
            None => self.timers.clear(Timer::TokenWarning),
        }
    }

    pub(super) fn report_changes(&mut self, changes: Changes) {
        if changes.unlisted > 0 {
            warn!(
                count = changes.unlisted,
                "more users or streams than a client keeps; the rest is not reported"
            );
            self.counters.unlisted.add(changes.unlisted);
        }
        self.emit(changes.into_events());
    }

    /// A server that does not count says 0.
    pub(super) fn report_online(&mut self, count: u64) {
        self.emit((count > 0).then_some(RoomEvent::OnlineUserCount(count)));
    }

    fn reconcile(&mut self, now: Instant, publishing: Vec<StreamId>, playing: Vec<StreamId>) {
        let found = self.media.reconcile(publishing, playing);
        for (stream_id, role, code) in found.lost {
            if role == StreamRole::Publish {
                self.mics.stopped(&stream_id);
            }
            self.emit([RoomEvent::StreamEnded {
                stream_id,
                role,
                code,
                message: "the server did not keep the stream while the connection was away".into(),
            }]);
        }
        for stop in found.stops {
            self.request(now, stop, Purpose::Told);
        }
    }

    /// Shows the newest token on the link that stands.
    pub(super) fn send_token(&mut self, now: Instant) {
        let token = self.token.current().to_owned();
        self.request(now, RenewToken { token: token.clone() }, Purpose::RenewToken { token });
    }
}

pub(super) fn parse<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value)
        .map_err(|error| warn!(%error, "a result cannot be read"))
        .ok()
}

/// A server that has no opinion says 0.
fn or_default(ms: u64, default: Duration) -> Duration {
    if ms == 0 { default } else { Duration::from_millis(ms) }
}
