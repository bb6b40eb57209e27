//! How each command of the state is carried out.

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, Message, Recipient, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{
        AudioDeviceEvent, AudioDeviceLink, CaptureSource, GetCaptureDevice, GetSoundLevels, ListDevices, MuteLocalStream,
        MuteMicrophone, OpenLocalStream, ReplaceCapture, SendCaptured, SetAutoSwitch, SetCaptureDevice, SetCaptureVolume,
        SetOutputDevice, SinkId, SoundLevels, StartMixing, StopAudioDevice, StopCapture, WatchDevices,
    },
    codes,
    ids::LocalStreamId,
    player::{MutePlayback, NoteUplink, PlaybackEnded, PlayerEvent, PlayerLinkRestored, StopPlayer, StreamAppeared},
    publisher::{NoteListeners, NotePublisherMuted, PublisherLinkRestored, StopPublisher},
    room::{Logout, RenewToken, ReportQuality, RequestError, SendCustomCommand, StopRoom},
    types::ZegoDeviceInfos,
};

use super::{
    engine_actor::{EngineActor, Hear},
    state::{CallId, Command, Heard, LifeId},
};
use crate::{
    reply::{Completion, part_gone},
    streams::{Feed, SourceSpec, ZegoMediaSource},
};

impl EngineActor {
    /// One command. What a part that is gone should have done is not done: its exit was reported, or will be, and the state
    /// answers that; a fresh part gets all settings when it starts.
    pub(super) fn carry_out(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::StartRoom { life, options } => self.start_room(life, options, ctx),
            Command::Logout(life) => tell(self.rooms.get(&life), |room| &room.logout, Logout),
            Command::StopRoom(life) => tell(self.rooms.get(&life), |room| &room.stop, StopRoom),
            Command::RenewToken { life, token } => self.renew_token(life, token, ctx),
            Command::SetRoomExtraInfo { room, info, done } => self.set_room_info(room, info, done, ctx),
            Command::Broadcast { room, message, done } => self.broadcast(room, message, done, ctx),
            Command::Barrage { room, message, done } => self.barrage(room, message, done, ctx),
            Command::Custom {
                room,
                command,
                to_users,
                done,
            } => self.custom_command(room, SendCustomCommand { command, to_users }, done, ctx),
            Command::ReportQuality { room, up, down } => {
                tell(self.rooms.get(&room), |link| &link.report_quality, ReportQuality { up, down });
            }

            Command::StartPublisher { life, room, options } => self.start_publisher(life, room, options, ctx),
            Command::StopPublisher { life, code, message } => {
                tell(self.publishers.get(&life), |link| &link.stop, StopPublisher { code, message });
            }
            Command::RestorePublisher { life, session } => {
                let restored = PublisherLinkRestored { session };
                tell(self.publishers.get(&life), |link| &link.link_restored, restored);
            }
            Command::NotePublisherMuted { life, muted } => {
                tell(self.publishers.get(&life), |link| &link.note_muted, NotePublisherMuted(muted));
            }
            Command::NoteListeners { life, report } => {
                tell(self.publishers.get(&life), |link| &link.note_listeners, NoteListeners(report));
            }
            Command::SetExtraInfo { life, extra_info, done } => self.set_extra_info(life, extra_info, done, ctx),

            Command::StartPlayer { life, room, options } => self.start_player(life, room, options, ctx),
            Command::StopPlayer { life, code, message } => {
                tell(self.players.get(&life), |link| &link.stop, StopPlayer { code, message });
            }
            Command::RestorePlayer { life, session } => {
                tell(
                    self.players.get(&life),
                    |link| &link.link_restored,
                    PlayerLinkRestored { session },
                );
            }
            Command::StreamAppeared(life) => tell(self.players.get(&life), |link| &link.appeared, StreamAppeared),
            Command::PlaybackEnded { life, code, message } => {
                tell(self.players.get(&life), |link| &link.ended, PlaybackEnded { code, message });
            }
            Command::NoteUplink { life, report } => {
                tell(self.players.get(&life), |link| &link.note_uplink, NoteUplink(report));
            }
            Command::MutePlayback { life, muted, calls } => self.mute_playback(life, muted, calls, ctx),

            Command::StartDevice(life) => self.start_device(life, ctx),
            Command::StopDevice => tell(self.device(), |link| &link.stop, StopAudioDevice),
            Command::OpenLocal {
                id,
                source,
                channels,
                mixing_delay_ms,
            } => {
                let source = source.as_ref().map_or(CaptureSource::Nothing, SourceSpec::open);
                let open = OpenLocalStream {
                    id,
                    source,
                    channels,
                    mixing_delay_ms,
                };
                self.open_local(open, ctx);
            }
            Command::ReplaceCapture { id, feed, call } => self.replace_capture(id, feed, call, ctx),
            Command::SendCaptured(id) => tell(self.device(), |link| &link.send_captured, SendCaptured(id)),
            Command::StartMixing {
                id,
                media,
                percent,
                call,
            } => self.start_mixing(id, &media, percent, call, ctx),
            Command::StopMixing(stop) => tell(self.device(), |link| &link.stop_mixing, stop),
            Command::MixingVolume(volume) => tell(self.device(), |link| &link.mixing_volume, volume),
            Command::StopCapture(id) => tell(self.device(), |link| &link.stop_capture, StopCapture(id)),
            Command::CloseLocal(id) => self.close_local(id),
            Command::CaptureVolume { id, percent } => {
                tell(self.device(), |link| &link.capture_volume, SetCaptureVolume { id, percent });
            }
            Command::MuteLocal { id, muted } => {
                tell(self.device(), |link| &link.mute_local, MuteLocalStream { id, muted });
            }
            Command::MuteMicrophone(muted) => tell(self.device(), |link| &link.mute_microphone, MuteMicrophone(muted)),
            Command::Monitor(monitor) => tell(self.device(), |link| &link.monitor, monitor),
            Command::MonitorCapture(monitor) => tell(self.device(), |link| &link.monitor_capture, monitor),
            Command::SetPlayout(playout) => tell(self.device(), |link| &link.set_playout, playout),
            Command::ForgetPlayout(stream_id) => self.forget_playout(stream_id),
            Command::ListDevices(done) => self.list_devices(done, ctx),
            Command::CapturedDevice { id, done } => self.captured_device(id, done, ctx),
            Command::WatchDevices(wanted) => tell(self.device(), |link| &link.watch, WatchDevices(wanted)),
            Command::AutoSwitch(wanted) => tell(self.device(), |link| &link.auto_switch, SetAutoSwitch(wanted)),
            Command::CaptureDevice { id, device_id, call } => self.capture_device(id, device_id, call, ctx),
            Command::TapCapture { id, tap, key } => self.tap_capture(id, tap, key, ctx),
            Command::OutputDevice { set, chosen } => self.output_device(set, chosen, ctx),
            Command::SetVoice(voice) => tell(self.device(), |link| &link.voice, voice),
            Command::VoiceStatistics { id, done } => self.voice_statistics(id, done, ctx),
            Command::CheckSystem { exact, done } => self.check_system(exact, done, ctx),
            Command::TapPlayout { stream_id, tap, key } => self.tap(stream_id, tap, key, ctx),
            Command::RecordPlayout { record, key, done } => self.record(record, key, done, ctx),
            Command::RemoveTap { key, done } => self.remove_tap(key, done, ctx),
            Command::ReadSoundLevels(delegate) => self.read_sound_levels(delegate, ctx),

            Command::After(delay, timer) => drop(ctx.run_later(delay, move |engine, ctx| engine.on_timer(timer, ctx))),
            Command::Forget(life) => self.forget(life),
            Command::Finish => ctx.stop(),
        }
    }

    pub(super) fn device(&self) -> Option<&AudioDeviceLink> {
        self.device.as_ref().map(|(_, device)| device)
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

    /// Asks the device part and goes on with its answer. A part that is gone without a word is taken for one that panicked.
    pub(super) fn ask_device<M, T>(
        &mut self,
        question: M,
        of: impl FnOnce(&AudioDeviceLink) -> &Recipient<M>,
        ctx: &mut Context<Self>,
        go_on: impl FnOnce(&mut Self, LifeId, Result<T, ZegoError>) + 'static,
    ) where
        M: Message + Send + 'static,
        M::Result: IntoAnswer<T> + Send,
        T: 'static,
    {
        let Some((life, device)) = &self.device else {
            return go_on(self, LifeId::NOBODY, Err(part_gone()));
        };
        let life = *life;
        let answer = of(device).send(question).into_actor(self);
        ctx.spawn(answer.map(move |answer, engine, ctx| {
            let answer = answer.map(IntoAnswer::into_answer).unwrap_or_else(|_| {
                engine.hear(life, AudioDeviceEvent::Exited { panicked: true });
                Err(part_gone())
            });
            go_on(engine, life, answer);
            engine.work(ctx);
        }));
    }

    fn open_local(&mut self, open: OpenLocalStream, ctx: &mut Context<Self>) {
        let id = open.id;
        self.ask_device(
            open,
            |link| &link.open,
            ctx,
            move |engine, life, result| {
                let shared = &engine.shared;
                shared.report(|state, _, out| state.on_local_opened(id, life, result, out));
            },
        );
    }

    fn capture_device(&mut self, id: LocalStreamId, device_id: String, call: CallId, ctx: &mut Context<Self>) {
        let chosen = device_id.clone();
        self.ask_device(
            SetCaptureDevice { id, device_id },
            |link| &link.capture_device,
            ctx,
            move |engine, _, result| {
                let shared = &engine.shared;
                shared.report(|state, _, out| state.on_capture_device(id, chosen, call, result, out));
            },
        );
    }

    fn output_device(&mut self, set: SetOutputDevice, chosen: Option<(Heard, CallId)>, ctx: &mut Context<Self>) {
        let device_id = set.device_id.clone();
        self.ask_device(
            set,
            |link| &link.output_device,
            ctx,
            move |engine, _, result| match chosen {
                Some((heard, call)) => {
                    let shared = &engine.shared;
                    shared.report(|state, _, out| state.on_output(heard, device_id, call, result, out));
                }
                None => {
                    if let Err(error) = result {
                        tracing::warn!(%error, "a stream is heard on the default speaker again");
                    }
                }
            },
        );
    }

    fn replace_capture(&mut self, id: LocalStreamId, feed: Feed, call: Option<CallId>, ctx: &mut Context<Self>) {
        let replace = ReplaceCapture {
            id,
            source: feed.source.open(),
            channels: feed.channels,
        };
        self.ask_device(
            replace,
            |link| &link.replace_capture,
            ctx,
            move |engine, life, result| {
                let shared = &engine.shared;
                shared.report(|state, _, out| state.on_captured(id, life, feed, call, result, out));
            },
        );
    }

    fn start_mixing(
        &mut self,
        id: LocalStreamId,
        media: &ZegoMediaSource,
        percent: u16,
        call: Option<CallId>,
        ctx: &mut Context<Self>,
    ) {
        let (source, media) = (media.source().open(), media.id());
        let start = StartMixing {
            id,
            media,
            source,
            percent,
        };
        self.ask_device(
            start,
            |link| &link.start_mixing,
            ctx,
            move |engine, life, result| {
                let shared = &engine.shared;
                shared.report(|state, _, out| state.on_mixing_started(id, life, media, call, result, out));
            },
        );
    }

    fn read_sound_levels(&mut self, delegate: u64, ctx: &mut Context<Self>) {
        self.ask_device(
            GetSoundLevels,
            |link| &link.sound_levels,
            ctx,
            move |engine, _, levels: Result<SoundLevels, ZegoError>| {
                // Without a device part there is silence.
                let levels = levels.unwrap_or_default();
                engine
                    .shared
                    .report(|state, _, out| state.on_sound_levels(delegate, &levels, out));
            },
        );
    }

    fn captured_device(&mut self, id: LocalStreamId, done: Completion<Option<String>>, ctx: &mut Context<Self>) {
        self.ask_device(
            GetCaptureDevice(id),
            |link| &link.captured_device,
            ctx,
            |_, _, device| done.complete(device),
        );
    }

    fn list_devices(&mut self, done: Completion<ZegoDeviceInfos>, ctx: &mut Context<Self>) {
        self.ask_device(
            ListDevices,
            |link| &link.list_devices,
            ctx,
            |_, _, devices| done.complete(devices),
        );
    }
}

/// Sends `message` to a part, if it is there. Commands are few, so the mailbox bound is not consulted.
pub(super) fn tell<L, M>(link: Option<&L>, to: impl FnOnce(&L) -> &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    if let Some(link) = link {
        to(link).do_send(message);
    }
}

/// Answers of the device part, whether they can be an error or not.
pub(super) trait IntoAnswer<T> {
    fn into_answer(self) -> Result<T, ZegoError>;
}

impl<T> IntoAnswer<T> for Result<T, ZegoError> {
    fn into_answer(self) -> Self {
        self
    }
}

impl IntoAnswer<Self> for SinkId {
    fn into_answer(self) -> Result<Self, ZegoError> {
        Ok(self)
    }
}

impl IntoAnswer<Self> for SoundLevels {
    fn into_answer(self) -> Result<Self, ZegoError> {
        Ok(self)
    }
}

impl IntoAnswer<Self> for Option<String> {
    fn into_answer(self) -> Result<Self, ZegoError> {
        Ok(self)
    }
}

impl IntoAnswer<Self> for () {
    fn into_answer(self) -> Result<Self, ZegoError> {
        Ok(self)
    }
}

fn request_error(error: RequestError) -> ZegoError {
    match error {
        RequestError::Refused { code, message, .. } => ZegoError::new(code, message),
        RequestError::TimedOut => ZegoError::new(codes::TIMEOUT, "the server did not answer in time"),
        other => ZegoError::new(codes::NETWORK_BROKEN, format!("{other}; it is done when the link is back")),
    }
}
