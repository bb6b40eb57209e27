//! A bench for the pure state: its clock is a number, its server is the test, what it tells is text.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use express_messages::{
    ids::{RoomId, StreamId, UserId},
    room::{RequestError, RoomEvent, RoomOptions},
    timings::Timings,
    types::{StreamDeleteReason, ZegoStream, ZegoUpdateType, ZegoUser},
};
use rand::{SeedableRng, rngs::StdRng};

use super::super::{
    counters::Counters,
    link::LinkError,
    requests::{Answer, Ticket},
    state::{Effect, LinkId, RoomState},
};
use crate::protocol::{
    ClientFrame, Event, HeartbeatOk, LoginOk, Request, ResumeOk, RoomStreamUpdate, RoomUserUpdate, SequencedEvent, ServerFrame,
    Snapshot, StreamGone, WireError,
};

pub(super) struct Bench {
    pub(super) state: RoomState,
    pub(super) counters: Arc<Counters>,
    start: Instant,
    now: Instant,
    pub(super) link: Option<LinkId>,
    pub(super) urls: Vec<String>,
    pub(super) connected_at: Vec<f64>,
    sent: Vec<ClientFrame>,
    told: Vec<String>,
    pub(super) events: Vec<RoomEvent>,
    pub(super) answers: Vec<(Ticket, Result<Answer, RequestError>)>,
    pub(super) pings: usize,
    pub(super) ended: bool,
}

pub(super) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn options() -> RoomOptions {
    RoomOptions {
        app_id: 1,
        servers: vec!["ws://one".into()],
        room_id: RoomId::new("room").unwrap(),
        token: "token-1".into(),
        user: user("me"),
        user_update: true,
        max_member_count: 0,
        timings: Timings::default(),
    }
}

pub(super) fn user(name: &str) -> ZegoUser {
    ZegoUser {
        user_id: UserId::new(name).unwrap(),
        user_name: name.into(),
    }
}

pub(super) fn stream_id(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// A stream of user `owner`.
pub(super) fn stream(name: &str, owner: &str) -> ZegoStream {
    ZegoStream {
        stream_id: stream_id(name),
        user: user(owner),
        extra_info: String::new(),
    }
}

/// A snapshot: users by name, streams as `stream@user`.
pub(super) fn snapshot(seq: u64, users: &[&str], streams: &[&str]) -> Snapshot {
    Snapshot {
        seq,
        users: users.iter().map(|name| user(name)).collect(),
        streams: streams.iter().map(|text| stream_at(text)).collect(),
    }
}

pub(super) fn stream_at(text: &str) -> ZegoStream {
    let (name, owner) = text.split_once('@').unwrap();
    stream(name, owner)
}

pub(super) fn login_ok(snapshot: Snapshot) -> LoginOk {
    LoginOk {
        version: 1,
        session: "session".into(),
        secret: "secret".into(),
        room_session_id: 1,
        heartbeat_ms: 30_000,
        heartbeat_timeout_ms: 100_000,
        token_expires_in_ms: 86_400_000,
        server_time_ms: 0,
        online_count: 1,
        snapshot,
    }
}

pub(super) fn resume_ok(missed: Option<Vec<SequencedEvent>>, snapshot: Option<Snapshot>) -> ResumeOk {
    ResumeOk {
        version: 1,
        missed,
        snapshot,
        publishing: vec![],
        playing: vec![],
        heartbeat_ms: 30_000,
        heartbeat_timeout_ms: 100_000,
        token_expires_in_ms: 86_400_000,
        server_time_ms: 0,
        online_count: 1,
    }
}

pub(super) fn heartbeat_ok(seq: u64) -> HeartbeatOk {
    HeartbeatOk {
        seq,
        heartbeat_ms: 30_000,
        token_expires_in_ms: 86_400_000,
        online_count: 1,
    }
}

/// `+a,b` or `-a`.
pub(super) fn users(text: &str) -> Event {
    let (update, names) = update(text);
    Event::RoomUserUpdate(RoomUserUpdate {
        update,
        users: names.map(user).collect(),
    })
}

/// `+s@a,t@b` or `-s@a`; what goes goes because its publisher stopped it.
pub(super) fn streams(text: &str) -> Event {
    let (update, names) = update(text);
    let streams: Vec<ZegoStream> = names.map(stream_at).collect();
    let gone = |stream: &ZegoStream| StreamGone {
        stream_id: stream.stream_id.clone(),
        reason: StreamDeleteReason::Stopped,
    };
    let reasons = match update {
        ZegoUpdateType::Delete => streams.iter().map(gone).collect(),
        _ => vec![],
    };
    Event::RoomStreamUpdate(RoomStreamUpdate {
        update,
        streams,
        reasons,
    })
}

fn update(text: &str) -> (ZegoUpdateType, impl Iterator<Item = &str>) {
    let (sign, names) = text.split_at(1);
    let update = if sign == "+" {
        ZegoUpdateType::Add
    } else {
        ZegoUpdateType::Delete
    };
    (update, names.split(','))
}

pub(super) fn sequenced(seq: u64, event: Event) -> SequencedEvent {
    SequencedEvent { seq, event }
}

/// An event as text: `RECONNECTING 1000017`, `users +a,b`, `streams -s(1)`, `restored true`, ...
pub(super) fn text(event: &RoomEvent) -> String {
    let sign = |update: &ZegoUpdateType| if *update == ZegoUpdateType::Add { '+' } else { '-' };
    match event {
        RoomEvent::StateChanged { reason, code, .. } => format!("{reason} {code}"),
        RoomEvent::UserUpdate { update, users } => {
            let names: Vec<&str> = users.iter().map(|user| user.user_id.as_str()).collect();
            format!("users {}{}", sign(update), names.join(","))
        }
        RoomEvent::StreamUpdate {
            update,
            streams,
            extended_data,
        } => {
            let codes = delete_codes(extended_data);
            let name = |(index, stream): (usize, &ZegoStream)| match codes.get(index) {
                Some(code) => format!("{}({code})", stream.stream_id),
                None => stream.stream_id.to_string(),
            };
            let names: Vec<String> = streams.iter().enumerate().map(name).collect();
            format!("streams {}{}", sign(update), names.join(","))
        }
        RoomEvent::TokenWillExpire { remaining } => format!("token ends in {}", remaining.as_secs_f64()),
        RoomEvent::StreamEnded {
            stream_id, role, code, ..
        } => format!("ended {role:?} {stream_id} {code}"),
        RoomEvent::LinkRestored { resumed } => format!("restored {resumed}"),
        other => format!("{other:?}"),
    }
}

fn delete_codes(extended_data: &str) -> Vec<i64> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(extended_data) else {
        return vec![];
    };
    let reasons = json["stream_delete_reason"].as_array().unwrap().iter();
    reasons.map(|reason| reason["code"].as_i64().unwrap()).collect()
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
        let link = self.link.unwrap();
        self.act(|state, now| state.on_closed(now, link, &LinkError::Broken("test".into())));
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
