//! All clients, and what happens to them.

use std::{
    collections::HashMap,
    ops::Range,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix::Actor;
use express_bench_forwarder::crowd::MemberId;
use express_messages::{
    room::{Logout, RequestError, RoomEvent, RoomFactory, RoomPeers, SdpAnswer, SessionFate, StopRoom},
    types::RoomStateChangedReason,
};
use express_signalling::room::Signalling;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    Plan,
    checks::Message,
    client::{Client, Owner, Presence, Stage, Trouble},
    connecting::AGAIN,
    faults::{Kind, Pending},
    house::House,
    line::Lines,
    media::{Media, News, Order, Try},
    report::Report,
};
use crate::members::room_options;

/// One client logs in after the other at the beginning.
const LOGIN_EVERY: Duration = Duration::from_millis(10);
/// Who got a packet that was sent so long ago hears.
const HEARS: Duration = Duration::from_millis(1_500);
/// ... and has got over a fault, with nothing left that waits on the way.
const CAUGHT_UP: Duration = Duration::from_millis(400);
/// Packets may be on their way for so long.
const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// Who is unwell for so long without a fault is a problem: longer than a busy machine stands still.
const UNEXPLAINED: Duration = Duration::from_secs(3);
/// Who is not well so long after a fault is one, too.
pub(super) const TOO_LONG: Duration = Duration::from_secs(60);

/// What comes to the one who holds all strings.
pub(super) enum Note {
    /// Of a client's program.
    Room(usize, u32, RoomEvent),
    /// Of the crowd.
    Media(News),
    /// To an offer.
    Answer(Try, Result<SdpAnswer, RequestError>),
    /// To a broadcast.
    Sent(Message, Result<u64, RequestError>),
    /// To a kick.
    Kicked(Result<(), String>),
}

/// A run.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) rng: StdRng,
    pub(super) house: House,
    runtime: Handle,
    pub(super) media: Media,
    pub(super) tell: mpsc::UnboundedSender<Note>,
    pub(super) notes: mpsc::UnboundedReceiver<Note>,
    pub(super) clients: Vec<Client>,
    pub(super) by_member: HashMap<MemberId, usize>,
    /// When each room changed last.
    pub(super) changed: Vec<Instant>,
    pub(super) pending: Vec<Pending>,
    pub(super) paused_until: Option<Instant>,
    /// The machine has no time for the clients until then.
    pub(super) busy_until: Instant,
    /// Messages that the server accepted, and nobody looked after yet.
    pub(super) ledger: Vec<Message>,
    pub(super) messages: u64,
    pub(super) report: Report,
}

impl World {
    /// Clients who are about to log in, the talkers first. `runtime`: of their sockets.
    pub(super) fn new(plan: Plan, house: House, runtime: Handle) -> std::io::Result<Self> {
        let (tell, notes) = mpsc::unbounded_channel();
        let now = Instant::now();
        let mut world = Self {
            rng: StdRng::seed_from_u64(plan.seed),
            media: Media::start(plan.seed, tell.clone())?,
            runtime,
            tell,
            notes,
            clients: Vec::new(),
            by_member: HashMap::new(),
            changed: vec![now; plan.rooms],
            pending: Vec::new(),
            paused_until: None,
            busy_until: now,
            ledger: Vec::new(),
            messages: 0,
            report: Report::new(&plan),
            house,
            plan,
        };
        for room in 0..world.plan.rooms {
            for n in 0..world.plan.users {
                let lines = Lines::new(&world.runtime, world.house.address());
                let user = format!("r{room}u{n}");
                world.clients.push(Client::new(room, n == 0, user, lines, now));
            }
        }
        let talkers_first = (0..world.plan.users).flat_map(|n| world.with_number(n)).collect::<Vec<_>>();
        for (turn, client) in (0..).zip(talkers_first) {
            world.clients[client].presence = Presence::Away {
                until: now + LOGIN_EVERY * turn,
            };
        }
        Ok(world)
    }

    fn with_number(&self, n: usize) -> impl Iterator<Item = usize> + use<> {
        let users = self.plan.users;
        (0..self.plan.rooms).map(move |room| room * users + n)
    }

    pub(super) fn members_of(&self, room: usize) -> Range<usize> {
        room * self.plan.users..(room + 1) * self.plan.users
    }

    pub(super) fn room_name(&self, room: usize) -> String {
        format!("room-{room}")
    }

    pub(super) fn handle(&mut self, note: Note) {
        let now = Instant::now();
        match note {
            Note::Room(client, program, event) if self.clients[client].program == program => self.on_room(client, event, now),
            Note::Room(_, _, RoomEvent::Exited { panicked: true }) => self.report.problem("a client panicked".into()),
            Note::Room(..) => {}
            Note::Media(news) => self.on_media(news, now),
            Note::Answer(which, answer) => self.on_answer(which, answer, now),
            Note::Sent(message, sent) => self.on_sent(message, sent),
            Note::Kicked(Err(why)) => self.report.problem(format!("a kick failed: {why}")),
            Note::Kicked(Ok(())) => {}
        }
    }

    fn on_room(&mut self, id: usize, event: RoomEvent, now: Instant) {
        let client = &mut self.clients[id];
        match event {
            RoomEvent::StateChanged { reason, code, .. } => self.on_state(id, reason, code, now),
            RoomEvent::LinkRestored { session } => {
                (client.presence, client.linked_at) = (Presence::In { link: true }, now);
                if session != SessionFate::Kept {
                    client.begin_session(now);
                    self.connect_again(id, now);
                }
            }
            RoomEvent::UserUpdate { update, users } => {
                let told = client.note_users(update, users.into_iter().map(|user| user.user_id.as_str().into()));
                self.blame(id, told);
            }
            RoomEvent::StreamUpdate { update, streams, .. } => {
                let told = client.note_streams(update, streams.into_iter().map(|stream| stream.stream_id.as_str().into()));
                self.blame(id, told);
            }
            RoomEvent::BroadcastMessages(messages) => {
                messages.iter().for_each(|message| self.on_message(id, &message.message));
            }
            RoomEvent::StreamEnded { .. } => {
                self.connect_again(id, now);
                self.clients[id].media.stage = Stage::Waits(now + AGAIN);
            }
            RoomEvent::Exited { panicked: true } => self.report.problem("a client panicked".into()),
            _ => {}
        }
    }

    fn on_state(&mut self, id: usize, reason: RoomStateChangedReason, code: i32, now: Instant) {
        let client = &mut self.clients[id];
        match reason {
            RoomStateChangedReason::Logined => {
                (client.presence, client.linked_at) = (Presence::In { link: true }, now);
                client.begin_session(now);
            }
            RoomStateChangedReason::Reconnecting => client.presence = Presence::In { link: false },
            RoomStateChangedReason::Kickout => self.note_kickout(id, code, now),
            RoomStateChangedReason::LoginFailed | RoomStateChangedReason::ReconnectFailed => {
                let user = client.user.clone();
                self.report.problem(format!("{user} is not let in: {code}"));
                self.disconnect(id, now);
                self.leave(id, Presence::Away { until: now + TOO_LONG });
            }
            _ => {}
        }
    }

    pub(super) fn blame(&mut self, id: usize, told: Result<(), String>) {
        if let Err(what) = told {
            self.report
                .problem(format!("{} in {}: {what}", self.clients[id].user, self.clients[id].room));
        }
    }

    /// What every client does by itself.
    pub(super) fn drive(&mut self, now: Instant) {
        for id in 0..self.clients.len() {
            if matches!(self.clients[id].presence, Presence::Away { until } if until <= now) {
                self.log_in(id, now);
            }
            self.drive_media(id, now);
            self.judge(id, now);
        }
    }

    /// Whether it is well now, and what that means.
    fn judge(&mut self, id: usize, now: Instant) {
        let talker = &self.clients[self.members_of(self.clients[id].room).start];
        let (talker_is_well, heard_from) = (talker.well, talker.recovered_at);
        let client = &mut self.clients[id];
        let hears = client.talks || !is_older(client.media.heard_ns, HEARS);
        let is_up = client.presence == (Presence::In { link: true }) && client.media.stage == Stage::Up && hears;
        let is_over = client.trouble.is_none_or(|trouble| {
            let linked = !trouble.wants_link || client.linked_at > trouble.since;
            // What was on its way when the fault came is no sign that it is over.
            let from = trouble.since.max(heard_from) + ON_ITS_WAY;
            let since = now.saturating_duration_since(from).min(CAUGHT_UP);
            let heard = talker_is_well && !is_older(client.media.heard_ns, since);
            now > trouble.since && linked && (client.talks || heard)
        });
        // Whoever was well is not unwell because nobody had time to read.
        let is_excused = client.well && client.trouble.is_none() && now < self.busy_until;
        client.well = is_up && is_over || is_excused;
        if client.well {
            client.well_at = now;
            if let Some(trouble) = client.trouble.take() {
                client.recovered_at = now;
                self.changed[client.room] = now;
                self.report
                    .note_recovery(trouble.kind, now.saturating_duration_since(trouble.since));
            }
            if let Some(member) = client.media.member.filter(|_| !client.talks && !client.media.counted) {
                client.media.counted = true;
                self.media.order(Order::Count(member));
            }
        } else if client.is_in() || client.presence == Presence::Coming {
            self.judge_the_unwell(id, now);
        }
    }

    fn judge_the_unwell(&mut self, id: usize, now: Instant) {
        let client = &mut self.clients[id];
        let state = client.state();
        match &mut client.trouble {
            Some(trouble) if !trouble.told && now > trouble.since + TOO_LONG => {
                trouble.told = true;
                let what = format!("{} is not well a minute after: {}; {state}", client.user, trouble.kind.name());
                self.report.problem(what);
            }
            None if self.report.has_begun() && now > client.well_at + UNEXPLAINED => {
                let what = format!("{} is unwell without a fault; {state}", client.user);
                self.report.problem(what);
                self.report.note_fault(Kind::Unexplained);
                self.begin_trouble(id, Kind::Unexplained, now, false);
            }
            _ => {}
        }
    }

    /// From now on it is not counted among those who are well. `since`: when the fault is over for the network; `wants_link`: whether
    /// it needs another socket.
    pub(super) fn begin_trouble(&mut self, id: usize, kind: Kind, since: Instant, wants_link: bool) {
        let client = &mut self.clients[id];
        // Whoever waits for another socket is not well because the server goes on, or its media does.
        if wants_link || !client.trouble.is_some_and(|trouble| trouble.wants_link) {
            client.trouble = Some(Trouble {
                kind,
                since,
                wants_link,
                told: false,
            });
        }
        client.well = false;
        self.changed[client.room] = since;
    }

    /// Starts a program for it.
    pub(super) fn log_in(&mut self, id: usize, now: Instant) {
        let room = self.room_name(self.clients[id].room);
        let lines = Lines::new(&self.runtime, self.house.address());
        let client = &mut self.clients[id];
        client.program += 1;
        client.forget();
        client.lines = lines.clone();
        (client.presence, client.well_at) = (Presence::Coming, now);
        let owner = Owner {
            client: id,
            program: client.program,
            tell: self.tell.clone(),
        };
        let options = room_options(self.house.url(), &room, &client.user);
        let rooms = Signalling::with_connector(lines);
        client.link = Some(rooms.start(options, owner.start().recipient(), RoomPeers::default()));
        self.changed[client.room] = now;
    }

    /// Its media ends without a word, and its program counts no more.
    pub(super) fn disconnect(&mut self, id: usize, now: Instant) {
        self.connect_again(id, now);
        self.clients[id].program += 1;
    }

    /// Logs out, as an application does.
    pub(super) fn log_out(&mut self, id: usize, presence: Presence) {
        self.disconnect(id, Instant::now());
        if let Some(link) = &self.clients[id].link {
            link.logout.do_send(Logout);
        }
        self.leave(id, presence);
    }

    /// The program ends without a word to the server.
    pub(super) fn crash(&mut self, id: usize, until: Instant) {
        self.disconnect(id, Instant::now());
        self.clients[id].lines.set(super::line::Carries::Reset);
        if let Some(link) = &self.clients[id].link {
            link.stop.do_send(StopRoom);
        }
        // Others see it go when it is back, or by the server's timeout: it stays in their lists.
        self.leave(id, Presence::Away { until });
    }

    /// It is in no room now.
    pub(super) fn leave(&mut self, id: usize, presence: Presence) {
        let client = &mut self.clients[id];
        client.presence = presence;
        client.link = None;
        client.well = false;
        client.forget();
        self.changed[client.room] = Instant::now();
    }
}

/// Whether a time in ns since 1970 is longer ago than that.
pub(super) fn is_older(at_ns: u64, than: Duration) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_nanos(at_ns)) > than
}
