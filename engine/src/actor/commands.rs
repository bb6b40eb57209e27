//! How each command of the state is carried out.

use std::{future::Future, path::PathBuf};

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, MailboxError, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{
        AudioDeviceEvent, AudioDeviceLink, CloseLocalStream, DetachSink, ForgetPlayout, ListDevices, MonitorLocalStream,
        MuteLocalStream, MuteMicrophone, OpenLocalStream, RecordPlayout, SetCaptureVolume, SetPlayout, SinkId, StopAudioDevice,
        TapPlayout,
    },
    codes,
    ids::StreamId,
    player::{MutePlayback, PlaybackEnded, PlayerEvent, PlayerLinkRestored, StopPlayer, StreamAppeared},
    publisher::{NotePublisherMuted, PublisherLinkRestored, StopPublisher},
    room::{Logout, RenewToken, RequestError, StopRoom},
};

use super::{
    engine_actor::{EngineActor, Hear, Tap},
    state::{CallId, Command, LifeId, TapKey},
};
use crate::{reply::Completion, streams::FrameTap};

impl EngineActor {
    /// One command. What a missing part should have done is not done: it reports its exit, and the state answers that.
    pub(super) fn carry_out(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::StartRoom { life, options } => self.start_room(life, options, ctx),
            Command::StartPublisher { life, room, options } => self.start_publisher(life, room, options, ctx),
            Command::StartPlayer { life, room, options } => self.start_player(life, room, options, ctx),
            Command::StartDevice(life) => self.start_device(life, ctx),
            Command::After(delay, timer) => drop(ctx.run_later(delay, move |engine, ctx| engine.on_timer(timer, ctx))),
            Command::Forget(life) => self.forget(life),
            Command::Finish => ctx.stop(),
            command => self.tell_room(command, ctx),
        }
    }

    fn tell_room(&mut self, command: Command, ctx: &mut Context<Self>) {
        let link = |life| self.rooms.get(&life);
        match command {
            Command::Logout(life) => _ = link(life).map(|room| room.logout.do_send(Logout)),
            Command::StopRoom(life) => _ = link(life).map(|room| room.stop.do_send(StopRoom)),
            Command::RenewToken { life, token } => self.renew_token(life, token, ctx),
            command => self.tell_publisher(command, ctx),
        }
    }

    fn tell_publisher(&mut self, command: Command, ctx: &mut Context<Self>) {
        let link = |life| self.publishers.get(&life);
        match command {
            Command::StopPublisher { life, code, message } => {
                _ = link(life).map(|publisher| publisher.stop.do_send(StopPublisher { code, message }));
            }
            Command::RestorePublisher { life, resumed } => {
                _ = link(life).map(|publisher| publisher.link_restored.do_send(PublisherLinkRestored { resumed }));
            }
            Command::NotePublisherMuted { life, muted } => {
                _ = link(life).map(|publisher| publisher.note_muted.do_send(NotePublisherMuted(muted)));
            }
            command => self.tell_player(command, ctx),
        }
    }

    fn tell_player(&mut self, command: Command, ctx: &mut Context<Self>) {
        let link = |life| self.players.get(&life);
        match command {
            Command::StopPlayer { life, code, message } => {
                _ = link(life).map(|player| player.stop.do_send(StopPlayer { code, message }));
            }
            Command::RestorePlayer { life, resumed } => {
                _ = link(life).map(|player| player.link_restored.do_send(PlayerLinkRestored { resumed }));
            }
            Command::StreamAppeared(life) => _ = link(life).map(|player| player.appeared.do_send(StreamAppeared)),
            Command::PlaybackEnded { life, code, message } => {
                _ = link(life).map(|player| player.ended.do_send(PlaybackEnded { code, message }));
            }
            Command::MutePlayback { life, muted, calls } => self.mute_playback(life, muted, calls, ctx),
            command => self.tell_device(command, ctx),
        }
    }

    fn tell_device(&mut self, command: Command, ctx: &mut Context<Self>) {
        // Without a device part its questions are dropped, which answers them with an error; settings come back when the next
        // one starts.
        let Some((life, device)) = self.device.clone() else {
            return refuse(command);
        };
        match command {
            Command::StopDevice => device.stop.do_send(StopAudioDevice),
            Command::OpenLocal { id, source, channels } => {
                let source = source.open();
                let opened = device.open.send(OpenLocalStream { id, source, channels });
                self.ask_device(life, opened, ctx, move |engine, result| {
                    engine
                        .shared
                        .report(|state, _, out| state.on_local_opened(id, life, result, out));
                });
            }
            Command::CloseLocal(id) => device.close.do_send(CloseLocalStream(id)),
            Command::CaptureVolume { id, percent } => device.capture_volume.do_send(SetCaptureVolume { id, percent }),
            Command::MuteLocal { id, muted } => device.mute_local.do_send(MuteLocalStream { id, muted }),
            Command::MuteMicrophone(muted) => device.mute_microphone.do_send(MuteMicrophone(muted)),
            Command::Monitor { id, audible, percent } => {
                device.monitor.do_send(MonitorLocalStream { id, audible, percent });
            }
            Command::SetPlayout {
                stream_id,
                audible,
                percent,
            } => device.set_playout.do_send(SetPlayout {
                stream_id,
                audible,
                percent,
            }),
            Command::ForgetPlayout(stream_id) => device.forget_playout.do_send(ForgetPlayout(stream_id)),
            Command::ListDevices(done) => {
                let listed = device.list_devices.send(ListDevices);
                self.ask_device(life, listed, ctx, move |_, result| done.complete(result));
            }
            Command::TapPlayout { stream_id, tap, key } => self.tap(life, &device, stream_id, tap, key, ctx),
            Command::RecordPlayout {
                stream_id,
                path,
                channels,
                key,
                done,
            } => self.record(
                life,
                &device,
                Recording {
                    stream_id,
                    path,
                    channels,
                    key,
                    done,
                },
                ctx,
            ),
            Command::RemoveTap { key, done } => self.remove_tap(life, &device, key, done, ctx),
            other => unreachable!("tell_room, tell_publisher, tell_player and carry_out took every other command: {other:?}"),
        }
    }

    fn renew_token(&self, life: LifeId, token: String, ctx: &mut Context<Self>) {
        let Some(room) = self.rooms.get(&life) else { return };
        let renewed = room.renew_token.send(RenewToken { token }).into_actor(self);
        ctx.spawn(renewed.map(|answer, _, _| match answer {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the new token was refused"),
            Err(error) => tracing::warn!(%error, "the room part was gone before it got the new token"),
        }));
    }

    fn mute_playback(&self, life: LifeId, muted: bool, calls: Vec<CallId>, ctx: &mut Context<Self>) {
        let Some(player) = self.players.get(&life) else {
            return self.answer(calls, &Err(part_gone()));
        };
        let answer = player.mute.send(MutePlayback(muted)).into_actor(self);
        ctx.spawn(answer.map(move |answer, engine, ctx| {
            let result = match answer {
                Ok(result) => result.map_err(request_error),
                Err(_) => {
                    engine.hear(life, PlayerEvent::Exited { panicked: true });
                    Err(part_gone())
                }
            };
            engine.answer(calls, &result);
            engine.work(ctx);
        }));
    }

    fn answer(&self, calls: Vec<CallId>, result: &Result<(), ZegoError>) {
        self.shared.report(|_, _, out| {
            for call in calls {
                out.answer(Some(call), result.clone());
            }
        });
    }

    /// Goes on when the device part answers. A device part that is gone without a word is taken for one that panicked.
    fn ask_device<T: 'static>(
        &self,
        life: LifeId,
        answer: impl Future<Output = Result<Result<T, ZegoError>, MailboxError>> + 'static,
        ctx: &mut Context<Self>,
        go_on: impl FnOnce(&mut Self, Result<T, ZegoError>) + 'static,
    ) {
        ctx.spawn(answer.into_actor(self).map(move |answer, engine, ctx| {
            let result = answer.unwrap_or_else(|_| {
                engine.hear(life, AudioDeviceEvent::Exited { panicked: true });
                Err(part_gone())
            });
            go_on(engine, result);
            engine.work(ctx);
        }));
    }

    fn tap(
        &mut self,
        life: LifeId,
        device: &AudioDeviceLink,
        stream_id: StreamId,
        tap: Box<FrameTap>,
        key: TapKey,
        ctx: &mut Context<Self>,
    ) {
        self.taps.insert(key, Tap::Asked);
        let tapped = device.tap_playout.send(TapPlayout { stream_id, tap });
        let tapped = async { tapped.await.map(Ok) };
        self.ask_device(life, tapped, ctx, move |engine, sink| {
            if let Ok(sink) = sink {
                engine.tap_is_there(key, sink);
            }
        });
    }

    fn record(&mut self, life: LifeId, device: &AudioDeviceLink, recording: Recording, ctx: &mut Context<Self>) {
        let Recording {
            stream_id,
            path,
            channels,
            key,
            done,
        } = recording;
        self.taps.insert(key, Tap::Asked);
        let recorded = device.record_playout.send(RecordPlayout {
            stream_id,
            path,
            channels,
        });
        self.ask_device(life, recorded, ctx, move |engine, result| {
            match &result {
                Ok(sink) => engine.tap_is_there(key, *sink),
                Err(_) => drop(engine.taps.remove(&key)),
            }
            done.complete(result.map(drop));
        });
    }

    fn tap_is_there(&mut self, key: TapKey, sink: SinkId) {
        match self.taps.get_mut(&key) {
            Some(tap @ Tap::Asked) => *tap = Tap::There(sink),
            Some(Tap::Unwanted | Tap::There(_)) | None => {
                self.taps.remove(&key);
                if let Some((_, device)) = &self.device {
                    device.detach_sink.do_send(DetachSink(sink));
                }
            }
        }
    }

    fn remove_tap(
        &mut self,
        life: LifeId,
        device: &AudioDeviceLink,
        key: TapKey,
        done: Option<Completion<()>>,
        ctx: &mut Context<Self>,
    ) {
        match self.taps.remove(&key) {
            Some(Tap::There(sink)) => {
                let detached = device.detach_sink.send(DetachSink(sink));
                let detached = async { detached.await.map(Ok) };
                self.ask_device(life, detached, ctx, move |_, result| complete(done, result));
            }
            Some(Tap::Asked | Tap::Unwanted) => {
                self.taps.insert(key, Tap::Unwanted);
                complete(done, Ok(()));
            }
            // Its stream was stopped, and its file closed with it.
            None => complete(done, Ok(())),
        }
    }
}

struct Recording {
    stream_id: StreamId,
    path: PathBuf,
    channels: usize,
    key: TapKey,
    done: Completion<()>,
}

fn complete(done: Option<Completion<()>>, result: Result<(), ZegoError>) {
    if let Some(done) = done {
        done.complete(result);
    }
}

/// Answers what was asked of a device part that is not there.
fn refuse(command: Command) {
    match command {
        Command::ListDevices(done) => done.complete(Err(part_gone())),
        Command::RecordPlayout { done, .. } => done.complete(Err(part_gone())),
        // What it would have closed went with the part.
        Command::RemoveTap { done, .. } => complete(done, Ok(())),
        _ => {}
    }
}

fn part_gone() -> ZegoError {
    ZegoError::new(
        codes::DEVICE_GENERIC,
        "a part of the engine failed and is started afresh; call again",
    )
}

fn request_error(error: RequestError) -> ZegoError {
    match error {
        RequestError::Refused { code, message, .. } => ZegoError::new(code, message),
        RequestError::TimedOut => ZegoError::new(codes::TIMEOUT, "the server did not answer in time"),
        other => ZegoError::new(codes::NETWORK_BROKEN, format!("{other}; it is done when the link is back")),
    }
}
