//! A bench for the pure state: its clock is a number, its server is the test, what it tells is text.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use express_messages::room::{RequestError, RoomEvent, RoomOptions};
use rand::{SeedableRng, rngs::StdRng};

use super::{
    super::{
        counters::Counters,
        link::LinkError,
        requests::{Answer, Ticket},
        state::{Effect, LinkId, RoomState},
    },
    words::{heartbeat_ok, login_ok, options, resume_ok, secs, sequenced, snapshot, text},
};
use crate::protocol::{ClientFrame, Event, Request, SequencedEvent, ServerFrame, Snapshot, WireError};

pub(super) struct Bench {
    pub(super) state: RoomState,
    pub(super) counters: Arc<Counters>,
    start: Instant,
    pub(super) now: Instant,
    pub(super) link: Option<LinkId>,
    /// The second link, of a login that moves, and what was sent on it.
    pub(super) beside: Option<LinkId>,
    pub(super) beside_sent: Vec<ClientFrame>,
    pub(super) urls: Vec<String>,
    pub(super) connected_at: Vec<f64>,
    sent: Vec<ClientFrame>,
    told: Vec<String>,
    pub(super) events: Vec<RoomEvent>,
    pub(super) answers: Vec<(Ticket, Result<Answer, RequestError>)>,
    pub(super) pings: usize,
    pub(super) ended: bool,
}

impl Bench {
    pub(super) fn new(options: RoomOptions) -> Self {
        Self::seeded(options, 7)
    }

    pub(super) fn seeded(options: RoomOptions, seed: u64) -> Self {
        // An hour ahead, so that a stray look at the real clock would show.
        let start = Instant::now() + Duration::from_secs(3600);
        let counters = Arc::new(Counters::default());
        Self {
            state: RoomState::new(options, StdRng::seed_from_u64(seed), Arc::clone(&counters)),
            counters,
            start,
            now: start,
            link: None,
            beside: None,
            beside_sent: vec![],
            urls: vec![],
            connected_at: vec![],
            sent: vec![],
            told: vec![],
            events: vec![],
            answers: vec![],
            pings: 0,
            ended: false,
        }
    }

    /// Started, first link opening.
    pub(super) fn started() -> Self {
        let mut bench = Self::new(options());
        bench.act(RoomState::start);
        bench
    }

    /// Logged in to an empty room; what was told so far is forgotten.
    pub(super) fn up() -> Self {
        Self::up_with(options(), snapshot(0, &[], &[]))
    }

    pub(super) fn up_with(options: RoomOptions, snapshot: Snapshot) -> Self {
        let mut bench = Self::new(options);
        bench.act(RoomState::start);
        bench.open();
        bench.accept(snapshot);
        bench.told();
        bench
    }

    pub(super) fn seconds(&self) -> f64 {
        (self.now - self.start).as_secs_f64()
    }

    pub(super) fn act<R>(&mut self, decide: impl FnOnce(&mut RoomState, Instant) -> R) -> R {
        let result = decide(&mut self.state, self.now);
        self.absorb();
        result
    }

    fn absorb(&mut self) {
        for effect in self.state.take_effects() {
            assert!(!self.ended, "{effect:?} after the end");
            match effect {
                Effect::Emit(event) => {
                    self.told.push(text(&event));
                    self.events.push(event);
                }
                Effect::Connect { link, url } => {
                    assert!(self.link.is_none(), "two links at once");
                    self.link = Some(link);
                    self.urls.push(url);
                    self.connected_at.push(self.seconds());
                }
                Effect::Send(text) => {
                    assert!(self.link.is_some(), "sent without a link: {text}");
                    self.sent.push(ClientFrame::parse(&text).unwrap());
                }
                Effect::ConnectBeside { link, url } => {
                    assert!(self.beside.is_none(), "three links at once");
                    self.beside = Some(link);
                    self.urls.push(url);
                    self.connected_at.push(self.seconds());
                }
                Effect::SendBeside(text) => {
                    assert!(self.beside.is_some(), "sent without a link: {text}");
                    self.beside_sent.push(ClientFrame::parse(&text).unwrap());
                }
                Effect::HangUpBeside => self.beside = None,
                Effect::Promote => {
                    assert!(self.beside.is_some(), "nothing to promote");
                    self.link = self.beside.take();
                }
                Effect::Ping => self.pings += 1,
                Effect::HangUp => self.link = None,
                Effect::Answer(ticket, answer) => self.answers.push((ticket, answer)),
                Effect::End => self.ended = true,
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let target = self.now + time;
        while let Some(at) = self.state.next_deadline().filter(|at| *at <= target) {
            self.now = self.now.max(at);
            self.act(RoomState::on_time);
        }
        self.now = target;
    }

    /// Lets time pass on a living link: a sign of life every second, heartbeats answered.
    pub(super) fn pass_alive(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(secs(1.0));
            self.alive();
            self.answer_heartbeats();
        }
    }

    pub(super) fn alive(&mut self) {
        if let Some(link) = self.link {
            self.act(|state, now| state.on_alive(now, link));
        }
    }

    fn answer_heartbeats(&mut self) {
        let (heartbeats, others) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|frame| matches!(frame.request, Request::Heartbeat(_)));
        self.sent = others;
        let heartbeats: Vec<ClientFrame> = heartbeats;
        for heartbeat in heartbeats {
            let seq = self.state.session.as_ref().map_or(0, |session| session.last_seq);
            self.ok(heartbeat.id, &heartbeat_ok(seq));
        }
    }

    /// Until the next attempt to connect.
    pub(super) fn pass_until_connecting(&mut self) {
        for _ in 0..1_000 {
            if self.link.is_some() || self.ended {
                return;
            }
            let at = self.state.next_deadline().unwrap();
            self.now = self.now.max(at);
            self.act(RoomState::on_time);
        }
        panic!("no attempt is made");
    }

    pub(super) fn open(&mut self) {
        let link = self.link.unwrap();
        self.act(|state, _| state.on_opened(link));
    }

    /// The socket breaks, or cannot be opened.
    pub(super) fn lose(&mut self) {
        self.close(&LinkError::Broken("test".into()));
    }

    /// The machine loses the address that the socket has.
    pub(super) fn lose_address(&mut self) {
        self.close(&LinkError::AddressGone([192, 0, 2, 7].into()));
    }

    fn close(&mut self, why: &LinkError) {
        let link = self.link.unwrap();
        self.act(|state, now| state.on_closed(now, link, why));
    }

    /// The machine sleeps: no deadline is kept meanwhile, and all of them are over when it wakes.
    pub(super) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.act(RoomState::on_time);
    }

    pub(super) fn receive(&mut self, text: &str) {
        let link = self.link.unwrap();
        self.act(|state, now| state.on_text(now, link, text));
    }

    pub(super) fn event(&mut self, seq: u64, event: Event) {
        self.receive(&ServerFrame::Event(sequenced(seq, event)).to_text());
    }

    pub(super) fn ok(&mut self, id: u64, ok: &impl serde::Serialize) {
        self.receive(&ServerFrame::ok(id, ok).to_text());
    }

    pub(super) fn error(&mut self, id: u64, error: WireError) {
        self.receive(&ServerFrame::error(id, error).to_text());
    }

    /// What the client sent since the last look.
    pub(super) fn sent(&mut self) -> Vec<ClientFrame> {
        std::mem::take(&mut self.sent)
    }

    /// The one request that was sent since the last look.
    pub(super) fn request(&mut self) -> ClientFrame {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// Accepts the login that is out.
    pub(super) fn accept(&mut self, snapshot: Snapshot) {
        let login = self.request();
        assert!(matches!(login.request, Request::Login(_)), "{login:?}");
        self.ok(login.id, &login_ok(snapshot));
    }

    /// Accepts the resume that is out, with what was missed.
    pub(super) fn resume(&mut self, missed: Vec<SequencedEvent>) {
        let resume = self.request();
        assert!(matches!(resume.request, Request::Resume(_)), "{resume:?}");
        self.ok(resume.id, &resume_ok(Some(missed), None));
    }

    /// Refuses what is out.
    pub(super) fn refuse(&mut self, error: WireError) {
        let asked = self.request();
        self.error(asked.id, error);
    }

    /// Loses the link and takes the session up again; nothing was missed.
    pub(super) fn lose_and_resume(&mut self) {
        self.lose();
        self.pass_until_connecting();
        self.open();
        self.resume(vec![]);
    }

    /// What was told since the last look.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}
