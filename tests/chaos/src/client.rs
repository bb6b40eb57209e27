//! One client: the engine's state with the parts that it starts, joined as their actors join them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use express_engine::pure::{PureEngine, PureStep};
use express_media::pure::PureEffect as MediaEffect;
use express_messages::ids::LocalStreamId;
use express_messages::room::RequestError;
use express_messages::timings::Timings;
use express_signalling::room::pure::{PureAnswer, PureRoom};

use crate::invariants::Wishes;
use crate::machine::{Machine, Part};
use crate::server::APP;
use crate::view::View;
use crate::world::World;

/// Where clients reach a server that is alone.
const ONLY_SERVER: &str = "ws://127.0.0.1:1";

/// What RoomActor keeps beside its state.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) state: PureRoom,
    pub(crate) socket: Option<u64>,
    /// The second link, to a node that the login moves to.
    pub(crate) beside: Option<u64>,
    /// Since when it is logged in on a link that stands.
    pub(crate) up_since: Option<Duration>,
}

/// Who waits for a room's answer.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    Exchange {
        part: u64,
        attempt: u32,
    },
    Pause {
        part: u64,
        attempt: u32,
        paused: bool,
    },
    Mute {
        part: u64,
        attempt: u32,
        paused: bool,
    },
    ExtraInfo {
        part: u64,
        text: String,
    },
    /// A broadcast or a custom command.
    Message(String),
    RoomInfo(String),
}

/// What waits in a client's mailboxes.
#[derive(Debug)]
pub(crate) enum Work {
    Step(PureStep),
    Room(u64),
    Media(u64, Vec<MediaEffect>),
    Answer(u64, Result<PureAnswer, RequestError>),
}

/// One application with its engine.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) user: String,
    /// The servers that its program gives.
    pub(crate) urls: Vec<String>,
    /// Counts its processes.
    pub(crate) life: u32,
    pub(crate) running: bool,
    pub(crate) asleep: bool,
    /// Since when it sleeps, and whether its clock stands still meanwhile.
    pub(crate) sleeps: Option<(Duration, bool)>,
    /// How long its clock stood still.
    pub(crate) slept: Duration,
    pub(crate) engine: PureEngine,
    pub(crate) device: Option<u64>,
    pub(crate) local: Option<LocalStreamId>,
    /// How loud the device plays each stream, percent.
    pub(crate) playouts: BTreeMap<String, u16>,
    pub(crate) rooms: BTreeMap<u64, Room>,
    pub(crate) parts: BTreeMap<u64, Part>,
    pub(crate) tickets: BTreeMap<u64, Asker>,
    pub(crate) view: View,
    /// What the application asked for and must get back.
    pub(crate) wishes: Wishes,
    pub(crate) work: VecDeque<Work>,
    /// When it has something to do.
    pub(crate) next: Option<Duration>,
}

impl Client {
    pub(crate) fn new(user: String) -> Self {
        // Replaced by `World::begin`.
        let (engine, _) = PureEngine::new(APP, Timings::default());
        Self {
            user,
            urls: vec![ONLY_SERVER.into()],
            life: 0,
            running: false,
            asleep: false,
            sleeps: None,
            slept: Duration::ZERO,
            engine,
            device: None,
            local: None,
            playouts: BTreeMap::new(),
            rooms: BTreeMap::new(),
            parts: BTreeMap::new(),
            tickets: BTreeMap::new(),
            view: View::default(),
            wishes: Wishes::default(),
            work: VecDeque::new(),
            next: None,
        }
    }
}

impl World {
    /// A client's process begins.
    pub(crate) fn begin(&mut self, index: usize) {
        if self.clients[index].running {
            return;
        }
        let old = &self.clients[index];
        let (user, life, urls) = (old.user.clone(), old.life + 1, old.urls.clone());
        let (engine, step) = PureEngine::with_servers(APP, urls.clone(), Timings::default());
        self.trace.note(self.now, || format!("c{index} begins as {user}"));
        self.clients[index] = Client {
            life,
            running: true,
            engine,
            urls,
            ..Client::new(user)
        };
        self.books.begins(index, life);
        self.push(index, Work::Step(step));
        self.work(index);
        let (made, step) = self.clients[index].engine.create_microphone();
        self.clients[index].local = made.ok().map(|(local, _)| local);
        self.push(index, Work::Step(step));
        self.work(index);
    }

    /// The client's clock.
    pub(crate) fn clock(&self, index: usize) -> Instant {
        self.epoch + self.now - self.clients[index].slept
    }

    pub(crate) fn push(&mut self, index: usize, work: Work) {
        self.clients[index].work.push_back(work);
    }

    /// Makes a call of the application, or hands the engine a report.
    pub(crate) fn on_engine<R>(&mut self, index: usize, decide: impl FnOnce(&mut PureEngine, Instant) -> (R, PureStep)) -> R {
        let now = self.clock(index);
        let (result, step) = decide(&mut self.clients[index].engine, now);
        self.push(index, Work::Step(step));
        self.work(index);
        result
    }

    pub(crate) fn on_room(&mut self, index: usize, room: u64, decide: impl FnOnce(&mut PureRoom, Instant)) {
        let now = self.clock(index);
        if let Some(part) = self.clients[index].rooms.get_mut(&room) {
            decide(&mut part.state, now);
            self.push(index, Work::Room(room));
        }
        self.work(index);
    }

    pub(crate) fn on_part(
        &mut self,
        index: usize,
        life: u64,
        decide: impl FnOnce(&mut Machine, Instant, f64) -> Vec<MediaEffect>,
    ) {
        self.post_part(index, life, decide);
        self.work(index);
    }

    /// The same, for who works already.
    pub(crate) fn post_part(
        &mut self,
        index: usize,
        life: u64,
        decide: impl FnOnce(&mut Machine, Instant, f64) -> Vec<MediaEffect>,
    ) {
        let (now, random) = (self.clock(index), self.dice.unit());
        if let Some(part) = self.clients[index].parts.get_mut(&life) {
            let effects = decide(&mut part.machine, now, random);
            self.push(index, Work::Media(life, effects));
        }
    }

    /// Empties the mailboxes, then looks when there is something to do again.
    pub(crate) fn work(&mut self, index: usize) {
        while let Some(work) = self.clients[index].work.pop_front() {
            match work {
                Work::Step(step) => self.on_step(index, step),
                Work::Room(room) => self.on_room_effects(index, room),
                Work::Media(life, effects) => {
                    for effect in effects {
                        self.on_media_effect(index, life, effect);
                    }
                }
                Work::Answer(ticket, answer) => self.on_answer(index, ticket, answer),
            }
        }
        let client = &self.clients[index];
        let rooms = client.rooms.values().filter_map(|room| room.state.next_deadline());
        let parts = client.parts.values().filter_map(|part| part.machine.next_deadline());
        let next = rooms.chain(parts).min();
        self.clients[index].next = next.map(|at| at.saturating_duration_since(self.epoch) + self.clients[index].slept);
    }

    /// Does what is due in a client.
    pub(crate) fn client_time(&mut self, index: usize) {
        let now = self.clock(index);
        let client = &self.clients[index];
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let rooms: Vec<u64> = client
            .rooms
            .iter()
            .filter(|(_, room)| due(room.state.next_deadline()))
            .map(|(life, _)| *life)
            .collect();
        let parts: Vec<u64> = client
            .parts
            .iter()
            .filter(|(_, part)| due(part.machine.next_deadline()))
            .map(|(life, _)| *life)
            .collect();
        for room in rooms {
            self.post_room(index, room, |room, now| room.on_time(now));
        }
        for part in parts {
            self.post_part(index, part, Machine::on_time);
        }
        // Whatever was due is done, or was done away with.
        self.work(index);
    }

    pub(crate) fn post_room(&mut self, index: usize, room: u64, decide: impl FnOnce(&mut PureRoom, Instant)) {
        let now = self.clock(index);
        if let Some(part) = self.clients[index].rooms.get_mut(&room) {
            decide(&mut part.state, now);
            self.push(index, Work::Room(room));
        }
    }
}
