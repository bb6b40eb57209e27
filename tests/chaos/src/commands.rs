//! What an engine wants done, carried out as its actor does.

use express_engine::ZegoError;
use express_engine::pure::{PureCommand, PureStep};
use express_media::pure::{PureEffect as MediaEffect, PurePlayback, PurePublication};
use express_messages::ids::StreamId;
use express_messages::player::PlayerOptions;
use express_messages::publisher::PublisherOptions;
use express_messages::room::MuteStream;
use express_signalling::room::pure::PureRoom;

use crate::agenda::Due;
use crate::client::{Asker, Room, Work};
use crate::line::Up;
use crate::machine::{Machine, Part};
use crate::world::World;

impl World {
    pub(crate) fn on_step(&mut self, index: usize, step: PureStep) {
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
                    beside: None,
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
            PureCommand::RestorePublisher(life, session) | PureCommand::RestorePlayer(life, session) => {
                self.post_part(index, life, |machine, now, _| machine.on_link_restored(session, now));
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
                if let Some(room) = self.clients[index].rooms.remove(&life) {
                    for socket in room.socket.into_iter().chain(room.beside) {
                        self.hang_up(socket);
                    }
                }
                self.drop_part(index, life);
            }
            PureCommand::SetPlayout(stream, percent) => {
                self.clients[index].playouts.insert(stream.to_string(), percent);
            }
            PureCommand::ForgetPlayout(stream) => drop(self.clients[index].playouts.remove(stream.as_str())),
            PureCommand::Finish => {
                self.trace.note(self.now, || format!("c{index} ends in order"));
                self.clients[index].running = false;
            }
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
            former: None,
            former_sends: false,
            kept_at: None,
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
        if let Some(part) = self.clients[index].parts.remove(&life) {
            for transport in part.transport.into_iter().chain(part.former) {
                self.close_transport(transport);
            }
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
