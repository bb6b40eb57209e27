//! The decisions of one room login: no actor, no socket, no clock. Inputs carry `now`; effects are carried out by whoever
//! holds the state.
//!
//! ```text
//!   start ─► Opening ──opened──► Asking ──accepted──► Up ──lost──┐
//!              ▲  └──failed──┐      │ refused, failed  │         │
//!              │             ▼      ▼                  │ logout  │
//!              └──due───── Waiting ◄───────────────────┼─────────┘
//!                                                      ▼
//!                                       Leaving ──► Over ◄── kick-out, fatal refusal, budget over (from anywhere)
//! ```
//!
//! The rest of the state stands in `attempts.rs` (links, and trying again), `session.rs` (login, resume and what follows
//! them), `nodes.rs` and `moving.rs` (where to log in, and going from one node to another), `events.rs` (what the server tells), `commands.rs` (what the engine asks) and `talk.rs` (what it tells the others).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use express_messages::{
    codes,
    ice::IceServer,
    room::{RequestError, RoomEvent, RoomOptions},
};
use rand::{RngExt, rngs::StdRng};
use tracing::debug;

use super::{
    counters::Counters,
    media::Media,
    mics::Mics,
    moving::Moving,
    nodes::Nodes,
    report::Report,
    requests::{Answer, Purpose, Requests, Ticket},
    retry::Retry,
    room_info::RoomInfo,
    roster::Roster,
    timers::{Timer, Timers, after},
    token::TokenKeeper,
};
use crate::protocol::{Heartbeat, Request};

/// How long a logout waits for the server.
pub(super) const LEAVE_TIME: Duration = Duration::from_secs(1);

/// How long an event that the server says it sent may still be under way.
const GAP_GRACE: Duration = Duration::from_secs(5);

/// Names one link; a frame of an older one is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkId(pub(super) u64);

/// What the state wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Tell the owner.
    Emit(RoomEvent),
    /// Open a link; the one before is hung up already.
    Connect {
        /// Its name.
        link: LinkId,
        /// Where to.
        url: String,
    },
    /// Open a second link, while the current one stands.
    ConnectBeside {
        /// Its name.
        link: LinkId,
        /// Where to.
        url: String,
    },
    /// Send a text frame on the second link.
    SendBeside(String),
    /// Drop the second link; what was sent before is still written.
    HangUpBeside,
    /// The second link is the current one from now on; the one before, if there still is one, is dropped.
    Promote,
    /// Send a text frame on the current link.
    Send(String),
    /// Ping the current link.
    Ping,
    /// Drop the current link; what was sent before is still written.
    HangUp,
    /// Answer a command.
    Answer(Ticket, Result<Answer, RequestError>),
    /// The login is over; always last.
    End,
}

/// Where the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not started.
    Idle,
    /// Between two attempts.
    Waiting,
    /// A link opens.
    Opening,
    /// Login or resume is out.
    Asking { id: u64, ask: Ask },
    /// Logged in.
    Up,
    /// The application was told LOGOUT; the server is being told.
    Leaving(Leaving),
    /// Done.
    Over,
}

/// What an attempt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Login,
    Resume,
}

/// Where an attempt goes, and what it asks for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) ask: Ask,
    /// How many nodes sent us on, one to the next.
    pub(super) hops: usize,
    /// The login replaces a session of another node.
    pub(super) moves: bool,
}

/// How far a logout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The link opens; the session is taken up to end it.
    Opening,
    /// Login or resume is out; the logout follows its reply.
    Asking { id: u64 },
    /// The logout is out.
    Told { id: u64 },
}

/// What is needed to take a session up again.
pub(super) struct Session {
    /// The signalling URL that it was begun at, or taken up at last.
    pub(super) home: String,
    pub(super) name: String,
    pub(super) secret: String,
    pub(super) last_seq: u64,
}

/// One login to one room.
pub(super) struct RoomState {
    pub(super) options: RoomOptions,
    pub(super) counters: Arc<Counters>,
    pub(super) nodes: Nodes,
    rng: StdRng,
    pub(super) timers: Timers,
    pub(super) retry: Retry,
    pub(super) report: Report,
    pub(super) phase: Phase,
    pub(super) link: u64,
    /// How many links there have been.
    pub(super) links: u64,
    /// The attempt that runs, or ran last.
    pub(super) target: Target,
    /// A move to another node that is under way.
    pub(super) moving: Option<Moving>,
    /// The wait for the next attempt is the server's word.
    pub(super) sent_away: bool,
    pub(super) last_id: u64,
    pub(super) session: Option<Session>,
    /// The name of the session that was given up last, until the next one stands.
    pub(super) former: Option<String>,
    /// The token of the login that is out.
    pub(super) shown_token: String,
    pub(super) roster: Roster,
    pub(super) token: TokenKeeper,
    pub(super) requests: Requests,
    pub(super) media: Media,
    pub(super) mics: Mics,
    pub(super) info: RoomInfo,
    pub(super) heartbeat: Duration,
    pub(super) heartbeat_timeout: Duration,
    /// The highest event number that the server says it sent.
    pub(super) announced_seq: u64,
    /// STUN and TURN servers for connections to come; they outlive a lost link.
    pub(super) ice_servers: Vec<IceServer>,
    pub(super) effects: Vec<Effect>,
}

impl RoomState {
    /// A login that has not begun. `rng` draws the random waits.
    pub(super) fn new(options: RoomOptions, rng: StdRng, counters: Arc<Counters>) -> Self {
        let nodes = Nodes::new(&options.servers);
        Self {
            retry: Retry::new(nodes.count()),
            roster: Roster::new(options.user.user_id.clone(), options.user_update),
            token: TokenKeeper::new(options.token.clone()),
            heartbeat: options.timings.heartbeat_interval,
            heartbeat_timeout: options.timings.heartbeat_timeout,
            timers: Timers::default(),
            report: Report::new(),
            phase: Phase::Idle,
            link: 0,
            links: 0,
            target: Target {
                url: String::new(),
                ask: Ask::Login,
                hops: 0,
                moves: false,
            },
            moving: None,
            sent_away: false,
            last_id: 0,
            session: None,
            former: None,
            shown_token: String::new(),
            requests: Requests::default(),
            media: Media::new(),
            mics: Mics::default(),
            info: RoomInfo::default(),
            announced_seq: 0,
            ice_servers: Vec::new(),
            effects: Vec::new(),
            options,
            counters,
            nodes,
            rng,
        }
    }

    /// Begins: LOGINING is told, the first attempt is made at once.
    pub(super) fn start(&mut self, now: Instant) {
        if self.phase != Phase::Idle {
            return;
        }
        let event = self.report.logining();
        self.emit([event]);
        if self.nodes.count() == 0 {
            let text = format!(
                "no usable server address in {:?}; give ws://HOST:PORT or wss://HOST:PORT",
                self.options.servers
            );
            return self.fail(codes::INPUT_PARAM, &text);
        }
        self.timers
            .set(Timer::Budget, after(now, self.options.timings.room_retry_time));
        self.attempt(now);
    }

    /// When [`Self::on_time`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next().into_iter().chain(self.requests.next_deadline()).min()
    }

    /// What is to be done now, in order.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Carries out every deadline up to `now`.
    pub(super) fn on_time(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_due(now) {
            self.on_timer(now, timer);
        }
        for purpose in self.requests.take_expired(now) {
            self.unanswered(now, purpose);
        }
    }

    fn on_timer(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Budget => self.give_up(),
            Timer::Attempt => self.fail_attempt(now),
            Timer::Retry => self.attempt(now),
            Timer::Debounce => {
                let event = self.report.window_over();
                self.emit(event);
            }
            Timer::Heartbeat => {
                self.request(now, Heartbeat {}, Purpose::Heartbeat);
                self.timers.set(Timer::Heartbeat, after(now, self.heartbeat));
            }
            Timer::HeartbeatTimeout => self.lose_session(now),
            Timer::Ping => self.effects.push(Effect::Ping),
            Timer::LinkDead => self.lose_link(now),
            Timer::GapCheck => self.check_gap(now),
            Timer::TokenWarning => {
                let remaining = self.token.warn(now);
                self.emit([RoomEvent::TokenWillExpire { remaining }]);
            }
            Timer::Leave => self.end(),
            Timer::Move => self.on_move_time(now),
        }
    }

    fn check_gap(&mut self, now: Instant) {
        if self
            .session
            .as_ref()
            .is_some_and(|session| session.last_seq < self.announced_seq)
        {
            self.counters.gaps.one();
            self.lose_link(now);
        }
    }

    /// The server said that it sent events up to `seq`; they are there, or come soon, or are lost.
    pub(super) fn announce(&mut self, now: Instant, seq: u64) {
        self.announced_seq = self.announced_seq.max(seq);
        if self.session.as_ref().is_some_and(|session| session.last_seq < seq) {
            self.timers.set(Timer::GapCheck, after(now, GAP_GRACE));
        }
    }

    // ---- requests ----

    /// Sends a request on the current link and remembers what its reply means.
    pub(super) fn request(&mut self, now: Instant, request: impl Into<Request>, purpose: Purpose) {
        let id = self.send(request);
        self.requests.add(id, purpose, now, self.options.timings.request_timeout);
    }

    /// Sends a request on the current link; returns its id.
    pub(super) fn send(&mut self, request: impl Into<Request>) -> u64 {
        let (id, text) = self.frame(request);
        self.effects.push(Effect::Send(text));
        id
    }

    /// What is out will not be answered.
    pub(super) fn drop_requests(&mut self) {
        self.mics.link_lost();
        self.info.answered();
        for purpose in self.requests.take_all() {
            if let Some(ticket) = purpose.ticket() {
                self.answer(ticket, Err(RequestError::Disconnected));
            }
        }
    }

    pub(super) fn answer(&mut self, ticket: Ticket, answer: Result<Answer, RequestError>) {
        self.effects.push(Effect::Answer(ticket, answer));
    }

    pub(super) fn emit(&mut self, events: impl IntoIterator<Item = RoomEvent>) {
        self.effects.extend(events.into_iter().map(Effect::Emit));
    }

    pub(super) fn random(&mut self) -> f64 {
        self.rng.random()
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        debug!(from = ?self.phase, to = ?phase, "room phase");
        self.phase = phase;
    }

    // ---- ends ----

    /// The time to retry in is over.
    fn give_up(&mut self) {
        let (code, what) = match self.report.completed() {
            true => (codes::ROOM_RETRY_TIMEOUT, "reconnecting"),
            false => (codes::LOGIN_TIMEOUT, "logging in"),
        };
        let text = format!(
            "{what} did not succeed within {} s",
            self.options.timings.room_retry_time.as_secs()
        );
        self.fail(code, &text);
    }

    /// The login failed for good.
    pub(super) fn fail(&mut self, code: i32, text: &str) {
        let events = self.report.failed(code, text);
        self.emit(events);
        self.end();
    }

    /// The server ended this login.
    pub(super) fn kick_out(&mut self, code: i32, message: &str) {
        let extended_data = serde_json::json!({ "custom_kickout_message": message }).to_string();
        let event = self.report.kicked_out(code, &extended_data);
        self.emit(event);
        self.end();
    }

    /// Over: nothing happens after this.
    pub(super) fn end(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        self.drop_requests();
        self.end_move();
        self.timers.clear_all();
        self.effects.push(Effect::HangUp);
        self.effects.push(Effect::End);
        self.set_phase(Phase::Over);
    }
}

impl std::fmt::Debug for RoomState {
    /// Without tokens and secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomState")
            .field("room_id", &self.options.room_id)
            .field("phase", &self.phase)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
