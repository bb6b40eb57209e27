//! What a client's room, publishers and players want done, carried out as their actors do.

use express_media::pure::PureEffect as MediaEffect;
use express_messages::ids::UserId;
use express_messages::player::PlayerEvent;
use express_messages::publisher::PublisherEvent;
use express_messages::room::{
    PausePlayStream, PlayStream, PublishStream, RequestError, RoomEvent, SendBroadcastMessage, SendCustomCommand, SessionFate,
    SetRoomExtraInfo, SetStreamExtraInfo,
};
use express_signalling::room::pure::{PureAnswer, PureEffect as RoomEffect, PureRoom};

use crate::bugs::Bug;
use crate::client::{Asker, Work};
use crate::line::Up;
use crate::machine::Machine;
use crate::media::OFFER;
use crate::world::World;

impl World {
    pub(crate) fn on_room_effects(&mut self, index: usize, room: u64) {
        let Some(part) = self.clients[index].rooms.get_mut(&room) else {
            return;
        };
        let mut restored = None;
        for effect in part.state.take_effects() {
            if self.loses(&effect, restored) {
                continue;
            }
            if let RoomEffect::Emit(RoomEvent::LinkRestored { session }) = effect {
                restored = Some(session);
            }
            self.on_room_effect(index, room, effect);
        }
        let now = self.now;
        if let Some(part) = self.clients[index].rooms.get_mut(&room) {
            part.up_since = part.state.is_up().then(|| part.up_since.unwrap_or(now));
        }
    }

    /// Whether a planted bug swallows an effect; `restored`: it follows a resume, or a login anew.
    fn loses(&self, effect: &RoomEffect, restored: Option<SessionFate>) -> bool {
        let (resumed, anew) = (restored == Some(SessionFate::Kept), restored == Some(SessionFate::Lost));
        match effect {
            RoomEffect::Emit(RoomEvent::StreamUpdate { .. }) => resumed && self.has(Bug::ResumeLosesStreams),
            RoomEffect::Emit(RoomEvent::BroadcastMessages(_)) => resumed && self.has(Bug::ResumeLosesMessages),
            RoomEffect::Send(text) => anew && self.has(Bug::ForgetsRoomInfo) && text.contains("setRoomExtraInfo"),
            RoomEffect::Emit(
                RoomEvent::StreamEnded { .. }
                | RoomEvent::LinkRestored {
                    session: SessionFate::Lost,
                },
            ) => self.has(Bug::KeepsPublishing),
            RoomEffect::End => self.has(Bug::LogoutHangs),
            _ => false,
        }
    }

    fn on_room_effect(&mut self, index: usize, room: u64, effect: RoomEffect) {
        match effect {
            RoomEffect::Emit(event) => self.report_room(index, room, event),
            RoomEffect::Connect(link, url) => {
                let socket = self.dial(index, room, link, &url);
                self.trace.note(self.now, || format!("c{index} dials, socket {socket}"));
                if let Some(part) = self.clients[index].rooms.get_mut(&room) {
                    part.socket = Some(socket);
                }
            }
            RoomEffect::Send(text) => self.send_on(index, room, Up::Text(text)),
            RoomEffect::Ping => self.send_on(index, room, Up::Ping),
            RoomEffect::HangUp => {
                let socket = self.clients[index].rooms.get_mut(&room).and_then(|part| part.socket.take());
                if let Some(socket) = socket {
                    self.trace.note(self.now, || format!("c{index} hangs up socket {socket}"));
                    self.hang_up(socket);
                }
            }
            RoomEffect::ConnectBeside(link, url) => self.dial_beside(index, room, link, &url),
            RoomEffect::SendBeside(text) => {
                if let Some(socket) = self.beside(index, room) {
                    self.send_up(socket, Up::Text(text));
                }
            }
            RoomEffect::HangUpBeside => self.hang_up_beside(index, room),
            RoomEffect::Promote => self.promote(index, room),
            RoomEffect::Answer(ticket, answer) => self.push(index, Work::Answer(ticket, answer)),
            RoomEffect::End => {
                self.hang_up_beside(index, room);
                self.clients[index].rooms.remove(&room);
                self.report_room(index, room, RoomEvent::Exited { panicked: false });
            }
        }
    }

    fn send_on(&mut self, index: usize, room: u64, frame: Up) {
        if let Some(socket) = self.clients[index].rooms.get(&room).and_then(|part| part.socket) {
            self.send_up(socket, frame);
        }
    }

    fn report_room(&mut self, index: usize, room: u64, event: RoomEvent) {
        if let RoomEvent::StateChanged { code, .. } = event {
            self.check_expiry(index, room, code);
        }
        let step = self.clients[index].engine.on_room_event(room, event);
        self.push(index, Work::Step(step));
    }

    pub(crate) fn on_media_effect(&mut self, index: usize, life: u64, effect: MediaEffect) {
        match effect {
            MediaEffect::Publisher(state, code, extended_data) => {
                let event = PublisherEvent::StateChanged {
                    state,
                    code,
                    extended_data,
                };
                self.report_publisher(index, life, event);
            }
            MediaEffect::Player(state, code, extended_data) => {
                let event = PlayerEvent::StateChanged {
                    state,
                    code,
                    extended_data,
                };
                self.report_player(index, life, event);
            }
            MediaEffect::Negotiated => self.report_player(index, life, PlayerEvent::Negotiated),
            MediaEffect::Open(attempt) => self.open_part(index, life, attempt),
            MediaEffect::Exchange(attempt, offer) => self.exchange(index, life, attempt, offer),
            MediaEffect::Apply(attempt, answer) => {
                if let Some(transport) = self.transport_of(index, life) {
                    self.apply_answer(transport, &answer);
                    self.post_part(index, life, |machine, now, random| machine.on_applied(attempt, now, random));
                }
            }
            MediaEffect::Send => {
                self.set_sending(index, life, true);
                self.retire_transport(index, life);
            }
            MediaEffect::Pause(attempt, paused) => {
                let part = life;
                self.ask_pause(index, life, paused, Asker::Pause { part, attempt, paused });
            }
            MediaEffect::AwaitMedia(attempt) => {
                if let Some(part) = self.clients[index].parts.get_mut(&life) {
                    part.awaiting = Some(attempt);
                }
            }
            MediaEffect::Poll(attempt) => self.poll(index, life, attempt),
            MediaEffect::Close => self.close_part(index, life),
            MediaEffect::Unregister => self.unregister(index, life),
            MediaEffect::End => self.end_part(index, life),
            // Sound itself and its quality are not in this world.
            MediaEffect::Attach | MediaEffect::Report(_) => {}
            MediaEffect::Keep => self.keep_transport(index, life),
            MediaEffect::Discard => self.discard_transport(index, life),
            MediaEffect::Retire => self.retire_transport(index, life),
        }
    }

    fn report_publisher(&mut self, index: usize, life: u64, event: PublisherEvent) {
        let now = self.clock(index);
        let step = self.clients[index].engine.on_publisher_event(life, event, now);
        self.push(index, Work::Step(step));
    }

    fn report_player(&mut self, index: usize, life: u64, event: PlayerEvent) {
        let now = self.clock(index);
        let step = self.clients[index].engine.on_player_event(life, event, now);
        self.push(index, Work::Step(step));
    }

    fn transport_of(&self, index: usize, life: u64) -> Option<u64> {
        self.clients[index].parts.get(&life)?.transport
    }

    fn open_part(&mut self, index: usize, life: u64, attempt: u32) {
        self.discard_transport(index, life);
        let transport = self.open_transport(index, life, attempt);
        if let Some(part) = self.clients[index].parts.get_mut(&life) {
            part.transport = Some(transport);
        }
        let offer = format!("{OFFER}{transport}");
        self.post_part(index, life, |machine, now, random| {
            machine.on_offer(attempt, offer, now, random)
        });
    }

    fn exchange(&mut self, index: usize, life: u64, attempt: u32, offer: String) {
        let Some(part) = self.clients[index].parts.get(&life) else {
            return;
        };
        let (stream_id, room) = (part.stream.clone(), part.room);
        let asker = Asker::Exchange { part: life, attempt };
        match &part.machine {
            Machine::Publish(publisher) => {
                let command = PublishStream {
                    stream_id,
                    offer,
                    extra_info: publisher.extra_info().into(),
                    muted: part.muted && !self.has(Bug::ForgetsMute),
                };
                self.ask_room(index, room, asker, |room, now, ticket| room.publish(now, ticket, command));
            }
            Machine::Play(_) => {
                let command = PlayStream {
                    stream_id,
                    offer,
                    loudest: None,
                };
                self.ask_room(index, room, asker, |room, now, ticket| room.play(now, ticket, command));
            }
        }
    }

    pub(crate) fn ask_pause(&mut self, index: usize, life: u64, paused: bool, asker: Asker) {
        let Some(part) = self.clients[index].parts.get(&life) else {
            return;
        };
        let (room, stream_id) = (part.room, part.stream.clone());
        let command = PausePlayStream { stream_id, paused };
        self.ask_room(index, room, asker, |room, now, ticket| room.pause_play(now, ticket, command));
    }

    /// `setStreamExtraInfo`, behind the engine's own checks.
    pub(crate) fn set_extra_info(&mut self, index: usize, life: u64, text: String) {
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        let (room, stream_id) = (part.room, part.stream.clone());
        let Machine::Publish(publisher) = &mut part.machine else {
            return;
        };
        publisher.ask_extra_info(&text);
        self.clients[index].wishes.info_asked(&stream_id, &text);
        let command = SetStreamExtraInfo {
            stream_id,
            extra_info: text.clone(),
        };
        let asker = Asker::ExtraInfo { part: life, text };
        self.ask_room(index, room, asker, |room, now, ticket| {
            room.set_extra_info(now, ticket, command)
        });
        self.work(index);
    }

    /// `sendBroadcastMessage`, behind the engine's own checks.
    pub(crate) fn broadcast(&mut self, index: usize, room: u64, message: String) {
        let command = SendBroadcastMessage {
            message: message.clone(),
        };
        self.message_sent(index, room, &message, None);
        let asker = Asker::Message(message);
        self.ask_room(index, room, asker, |room, now, ticket| room.broadcast(now, ticket, command));
        self.work(index);
    }

    /// `sendCustomCommand`, behind the engine's own checks.
    pub(crate) fn command(&mut self, index: usize, room: u64, text: String, to_users: Vec<UserId>) {
        self.message_sent(index, room, &text, Some(&to_users));
        let command = SendCustomCommand {
            command: text.clone(),
            to_users,
        };
        self.ask_room(index, room, Asker::Message(text), |room, now, ticket| {
            room.custom_command(now, ticket, command)
        });
        self.work(index);
    }

    /// `setRoomExtraInfo`, behind the engine's own checks.
    pub(crate) fn describe_room(&mut self, index: usize, room: u64, info: SetRoomExtraInfo) {
        self.clients[index].wishes.room_infos.insert(info.value.clone());
        let asker = Asker::RoomInfo(info.value.clone());
        self.ask_room(index, room, asker, |room, now, ticket| room.set_room_info(now, ticket, info));
        self.work(index);
    }

    /// Asks a room part; one that is gone is a link that is away.
    fn ask_room(&mut self, index: usize, room: u64, asker: Asker, ask: impl FnOnce(&mut PureRoom, std::time::Instant, u64)) {
        let ticket = self.number();
        self.clients[index].tickets.insert(ticket, asker);
        if self.clients[index].rooms.contains_key(&room) {
            self.post_room(index, room, |room, now| ask(room, now, ticket));
        } else {
            self.push(index, Work::Answer(ticket, Err(RequestError::Disconnected)));
        }
    }

    pub(crate) fn on_answer(&mut self, index: usize, ticket: u64, answer: Result<PureAnswer, RequestError>) {
        let Some(asker) = self.clients[index].tickets.remove(&ticket) else {
            return self.fail("protocol", format!("c{index}: ticket {ticket} was answered twice"));
        };
        match asker {
            Asker::Exchange { part, attempt } => {
                let answer = answer.and_then(|answer| match answer {
                    PureAnswer::Sdp(sdp) => Ok(sdp),
                    _ => Err(RequestError::Disconnected),
                });
                self.post_part(index, part, |machine, now, random| {
                    machine.on_answer(attempt, answer, now, random)
                });
            }
            Asker::Pause { part, attempt, paused } => {
                if answer.is_ok() {
                    self.on_paused(index, part, attempt, paused);
                }
            }
            Asker::Mute { part, attempt, paused } => self.post_part(index, part, |machine, now, _| match machine {
                Machine::Play(player) => player.on_mute_answered(attempt, paused, answer.map(|_| ()), now),
                Machine::Publish(_) => Vec::new(),
            }),
            Asker::ExtraInfo { part, text } => self.extra_info_answered(index, part, text, answer.is_ok()),
            Asker::Message(text) => {
                self.trace.note(self.now, || format!("c{index} {text:?}: {answer:?}"));
                let absent = match &answer {
                    Ok(PureAnswer::Absent(users)) => users.as_slice(),
                    _ => &[],
                };
                self.message_answered(&text, answer.is_ok(), absent);
            }
            Asker::RoomInfo(value) => {
                self.trace
                    .note(self.now, || format!("c{index} room extra info {value:?}: {answer:?}"));
                if answer.is_ok() {
                    self.room_info_taken(index, value);
                }
            }
        }
    }

    fn on_paused(&mut self, index: usize, life: u64, attempt: u32, paused: bool) {
        if let Some(part) = self.clients[index].parts.get_mut(&life)
            && let Machine::Play(player) = &mut part.machine
        {
            player.on_paused(attempt, paused);
        }
    }

    fn extra_info_answered(&mut self, index: usize, life: u64, text: String, taken: bool) {
        self.trace
            .note(self.now, || format!("c{index} extra info {text:?} taken: {taken}"));
        let client = &mut self.clients[index];
        let Some(part) = client.parts.get_mut(&life) else { return };
        let Machine::Publish(publisher) = &mut part.machine else {
            return;
        };
        publisher.extra_info_answered(text.clone(), taken);
        client.wishes.info_answered(&part.stream, &text, taken);
        if taken {
            client.engine.on_extra_info_taken(life, text);
        }
    }

    fn set_sending(&mut self, index: usize, life: u64, sending: bool) {
        if let Some(part) = self.clients[index].parts.get_mut(&life) {
            part.sending = sending;
        }
    }

    fn poll(&mut self, index: usize, life: u64, attempt: u32) {
        let part = self.clients[index].parts.get(&life);
        let hears = part.is_some_and(|part| self.has_sound(part));
        let (now, here) = (self.clock(index), self.now);
        let imagined = self.has(Bug::HearsSilence);
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        if hears {
            part.sounded = here;
        }
        part.decoded += u64::from(hears || imagined);
        if let Machine::Play(player) = &mut part.machine {
            player.on_media(attempt, part.decoded, now);
        }
    }

    fn close_part(&mut self, index: usize, life: u64) {
        self.retire_transport(index, life);
        self.discard_transport(index, life);
    }

    fn unregister(&mut self, index: usize, life: u64) {
        let Some(part) = self.clients[index].parts.get(&life) else {
            return;
        };
        let (room, stream_id) = (part.room, part.stream.clone());
        let publishes = matches!(part.machine, Machine::Publish(_));
        self.post_room(index, room, |room, now| match publishes {
            true => room.unpublish(now, stream_id),
            false => room.stop_play(now, stream_id),
        });
    }

    fn end_part(&mut self, index: usize, life: u64) {
        let publishes = self.clients[index]
            .parts
            .get(&life)
            .is_some_and(|part| matches!(part.machine, Machine::Publish(_)));
        self.drop_part(index, life);
        match publishes {
            true => self.report_publisher(index, life, PublisherEvent::Exited { panicked: false }),
            false => self.report_player(index, life, PlayerEvent::Exited { panicked: false }),
        }
    }
}
