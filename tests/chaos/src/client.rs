//! One client: the engine's state with the parts that it starts, joined as their actors join them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use express_engine::ZegoError;
use express_engine::pure::{PureCommand, PureEngine, PureStep};
use express_media::pure::{PureEffect as MediaEffect, PurePlayback, PurePublication};
use express_media::transport::TransportEvent;
use express_messages::ids::{LocalStreamId, StreamId};
use express_messages::player::PlayerOptions;
use express_messages::publisher::PublisherOptions;
use express_messages::room::{MuteStream, RequestError, SdpAnswer};
use express_messages::timings::Timings;
use express_signalling::room::pure::{PureAnswer, PureRoom};

use crate::agenda::Due;
use crate::invariants::Wishes;
use crate::line::Up;
use crate::server::APP;
use crate::view::View;
use crate::world::World;

/// A publication or a playback.
#[derive(Debug)]
pub(crate) enum Machine {
    Publish(PurePublication),
    Play(PurePlayback),
}

/// Hands a call to whichever of the two it is.
macro_rules! either {
    ($self:ident, $machine:ident => $call:expr) => {
        match $self {
            Machine::Publish($machine) => $call,
            Machine::Play($machine) => $call,
        }
    };
}

impl Machine {
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        either!(self, machine => machine.next_deadline())
    }

    fn on_time(&mut self, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_time(now, random))
    }

    pub(crate) fn on_offer(&mut self, attempt: u32, offer: String, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_offer(attempt, offer, now, random))
    }

    pub(crate) fn on_answer(
        &mut self,
        attempt: u32,
        answer: Result<SdpAnswer, RequestError>,
        now: Instant,
        random: f64,
    ) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_answer(attempt, answer, now, random))
    }

    pub(crate) fn on_applied(&mut self, attempt: u32, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_applied(attempt, Ok(()), now, random))
    }

    pub(crate) fn on_transport(&mut self, attempt: u32, event: TransportEvent, now: Instant, random: f64) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_transport(attempt, event, now, random))
    }

    fn on_link_restored(&mut self, resumed: bool, now: Instant) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_link_restored(resumed, now))
    }

    fn on_stop(&mut self, code: i32, text: &str) -> Vec<MediaEffect> {
        either!(self, machine => machine.on_stop(code, text))
    }

    pub(crate) fn on_decoded(&mut self, attempt: u32, now: Instant) -> Vec<MediaEffect> {
        match self {
            Self::Publish(_) => Vec::new(),
            Self::Play(player) => player.on_decoded(attempt, now),
        }
    }
}

/// What PublisherActor or PlayerActor keeps beside its state.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) machine: Machine,
    pub(crate) room: u64,
    pub(crate) stream: StreamId,
    pub(crate) transport: Option<u64>,
    pub(crate) muted: bool,
    pub(crate) sending: bool,
    pub(crate) decoded: u64,
    /// When there was sound last.
    pub(crate) sounded: Duration,
    pub(crate) awaiting: Option<u32>,
}

/// What RoomActor keeps beside its state.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) state: PureRoom,
    pub(crate) socket: Option<u64>,
    /// Since when it is logged in on a link that stands.
    pub(crate) up_since: Option<Duration>,
}

/// Who waits for a room's answer.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    Exchange { part: u64, attempt: u32 },
    Pause { part: u64, attempt: u32, paused: bool },
    Mute { part: u64, attempt: u32, paused: bool },
    ExtraInfo { part: u64, text: String },
    Broadcast(String),
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
            life: 0,
            running: false,
            asleep: false,
            sleeps: None,
            slept: Duration::ZERO,
            engine,
            device: None,
            local: None,
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
        let (engine, step) = PureEngine::new(APP, Timings::default());
        let old = &self.clients[index];
        let (user, life) = (old.user.clone(), old.life + 1);
        self.trace.note(self.now, || format!("c{index} begins as {user}"));
        self.clients[index] = Client {
            life,
            running: true,
            engine,
            ..Client::new(user)
        };
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
            self.on_room(index, room, |room, now| room.on_time(now));
        }
        for part in parts {
            self.on_part(index, part, Machine::on_time);
        }
        // Whatever was due is done, or was done away with.
        self.work(index);
    }

    fn on_step(&mut self, index: usize, step: PureStep) {
        for event in &step.events {
            if crate::view::kind(event) != crate::view::OTHERS {
                self.trace
                    .note(self.now, || format!("c{index} TOLD {}", crate::view::words(event)));
            }
            *self.told.entry(crate::view::kind(event)).or_default() += 1;
            if let Err((invariant, what)) = self.clients[index].view.hear(self.now, event) {
                self.fail(invariant, format!("c{index}: {what}"));
            }
        }
        for command in step.commands {
            self.on_command(index, command);
        }
    }

    fn on_command(&mut self, index: usize, command: PureCommand) {
        match command {
            PureCommand::StartRoom(life, options) => {
                let state = PureRoom::new(*options, self.dice.seed());
                let room = Room {
                    state,
                    socket: None,
                    up_since: None,
                };
                self.clients[index].rooms.insert(life, room);
                self.post_room(index, life, |room, now| room.start(now));
            }
            PureCommand::Logout(life) => self.post_room(index, life, PureRoom::logout),
            PureCommand::StopRoom(life) => self.post_room(index, life, |room, _| room.stop()),
            PureCommand::RenewToken(life, token) => self.post_room(index, life, |room, now| {
                // A token that is refused at once was refused by the call before.
                let _ = room.renew_token(now, token);
            }),
            PureCommand::StartPublisher(life, room, options) => self.start_publisher(index, life, room, &options),
            PureCommand::StartPlayer(life, room, options) => self.start_player(index, life, room, &options),
            PureCommand::StopPublisher(life, code, text) | PureCommand::StopPlayer(life, code, text) => {
                self.post_part(index, life, |machine, _, _| machine.on_stop(code, &text));
            }
            PureCommand::RestorePublisher(life, resumed) | PureCommand::RestorePlayer(life, resumed) => {
                self.post_part(index, life, |machine, now, _| machine.on_link_restored(resumed, now));
            }
            PureCommand::NotePublisherMuted(life, muted) => self.note_muted(index, life, muted),
            PureCommand::StreamAppeared(life) => self.post_part(index, life, |machine, now, _| match machine {
                Machine::Play(player) => player.on_appeared(now),
                Machine::Publish(_) => Vec::new(),
            }),
            PureCommand::PlaybackEnded(life, code, text) => {
                self.post_part(index, life, |machine, now, random| match machine {
                    Machine::Play(player) => player.on_ended(code, &text, now, random),
                    Machine::Publish(_) => Vec::new(),
                });
            }
            PureCommand::MutePlayback(life, muted, _) => self.mute_playback(index, life, muted),
            PureCommand::StartDevice(life) => self.clients[index].device = Some(life),
            PureCommand::OpenLocal(id) => {
                let Some(device) = self.clients[index].device else { return };
                let step = self.clients[index].engine.on_local_opened(id, device);
                self.push(index, Work::Step(step));
            }
            PureCommand::StopDevice => {
                let Some(device) = self.clients[index].device.take() else {
                    return;
                };
                let now = self.clock(index);
                let step = self.clients[index].engine.on_device_gone(device, now);
                self.push(index, Work::Step(step));
            }
            PureCommand::MuteLocal(_, muted) | PureCommand::MuteMicrophone(muted) => {
                self.trace.note(self.now, || format!("c{index} device muted: {muted}"));
            }
            PureCommand::After(wait, timer) => {
                let life = self.clients[index].life;
                let client = index;
                self.agenda.note(self.now + wait, Due::Timer { client, life, timer });
            }
            PureCommand::Forget(life) => {
                if let Some(socket) = self.clients[index].rooms.remove(&life).and_then(|room| room.socket) {
                    self.hang_up(socket);
                }
                self.drop_part(index, life);
            }
            PureCommand::Finish => {
                self.trace.note(self.now, || format!("c{index} ends in order"));
                self.clients[index].running = false;
            }
        }
    }

    pub(crate) fn post_room(&mut self, index: usize, room: u64, decide: impl FnOnce(&mut PureRoom, Instant)) {
        let now = self.clock(index);
        if let Some(part) = self.clients[index].rooms.get_mut(&room) {
            decide(&mut part.state, now);
            self.push(index, Work::Room(room));
        }
    }

    fn start_publisher(&mut self, index: usize, life: u64, room: u64, options: &PublisherOptions) {
        let (state, effects) = PurePublication::start(self.clock(index), options);
        let machine = Machine::Publish(state);
        self.start_part(index, life, room, machine, &options.stream_id, options.muted, effects);
    }

    fn start_player(&mut self, index: usize, life: u64, room: u64, options: &PlayerOptions) {
        let (state, effects) = PurePlayback::start(self.clock(index), options);
        self.start_part(index, life, room, Machine::Play(state), &options.stream_id, false, effects);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of a part, of which both kinds have the same"
    )]
    fn start_part(
        &mut self,
        index: usize,
        life: u64,
        room: u64,
        machine: Machine,
        stream: &StreamId,
        muted: bool,
        effects: Vec<MediaEffect>,
    ) {
        let part = Part {
            machine,
            room,
            stream: stream.clone(),
            transport: None,
            muted,
            sending: false,
            decoded: 0,
            sounded: self.now,
            awaiting: None,
        };
        self.clients[index].parts.insert(life, part);
        self.push(index, Work::Media(life, effects));
    }

    fn note_muted(&mut self, index: usize, life: u64, muted: bool) {
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        part.muted = muted;
        let (room, stream_id) = (part.room, part.stream.clone());
        self.post_room(index, room, |room, now| {
            room.mute_stream(now, &MuteStream { stream_id, muted })
        });
    }

    fn mute_playback(&mut self, index: usize, life: u64, paused: bool) {
        let now = self.clock(index);
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        let Machine::Play(player) = &mut part.machine else { return };
        let (asked, effects) = player.on_mute(paused, now);
        self.push(index, Work::Media(life, effects));
        if let Some(attempt) = asked {
            let part = life;
            self.ask_pause(index, life, paused, Asker::Mute { part, attempt, paused });
        }
    }

    /// A part is dropped: what it holds goes with it.
    pub(crate) fn drop_part(&mut self, index: usize, life: u64) {
        if let Some(transport) = self.clients[index].parts.remove(&life).and_then(|part| part.transport) {
            self.close_transport(transport);
        }
    }

    /// A call is made; a refusal at once is the application's own affair.
    pub(crate) fn note_call<T>(&mut self, index: usize, what: &str, result: &Result<T, ZegoError>) {
        self.trace.note(self.now, || match result {
            Ok(_) => format!("c{index} {what}"),
            Err(error) => format!("c{index} {what}: {error}"),
        });
    }

    /// The client closes a socket: what it sent before is still written.
    pub(crate) fn hang_up(&mut self, socket: u64) {
        if self.sockets.get(&socket).is_some_and(|socket| socket.client_open) {
            self.send_up(socket, Up::Close);
            self.client_end(socket);
        }
    }
}
