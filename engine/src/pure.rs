//! The engine's decisions without actors, threads and clocks, for tests that play whole worlds in virtual time. Feature
//! `chaos`, and no part of the API.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use express_messages::{
    ZegoError,
    codes::IM_CONTENT_TOO_LONG,
    ids::{InstanceId, LocalStreamId, StreamId},
    player::{PlayerEvent, PlayerOptions},
    publisher::{PublisherEvent, PublisherOptions},
    room::{RoomEvent, RoomOptions, SessionFate, SetRoomExtraInfo},
    timings::Timings,
    types::ZegoScenario,
};

use crate::{
    actor::state::{CallId, Command, EngineState, LifeId, LoginRequest, PlayId, Settings, Step, SwitchRequest, Timer},
    events::ZegoEvent,
    options::{LoginUser, ZegoEngineConfig, ZegoPlayOptions, ZegoPublishOptions, ZegoRoomConfig, ZegoStreamOptions},
};

/// What EngineActor would do now; a number names the started part.
#[derive(Debug)]
pub enum PureCommand {
    /// Start a login.
    StartRoom(u64, Box<RoomOptions>),
    /// End it in order.
    Logout(u64),
    /// End it at once.
    StopRoom(u64),
    /// Show a new token.
    RenewToken(u64, String),
    /// Start a publication, in this room.
    StartPublisher(u64, u64, Box<PublisherOptions>),
    /// End it with a code and a text.
    StopPublisher(u64, i32, String),
    /// The link is back.
    RestorePublisher(u64, SessionFate),
    /// Its sound is muted or not.
    NotePublisherMuted(u64, bool),
    /// Start a playback, in this room.
    StartPlayer(u64, u64, Box<PlayerOptions>),
    /// End it with a code and a text.
    StopPlayer(u64, i32, String),
    /// The link is back.
    RestorePlayer(u64, SessionFate),
    /// Its stream is there.
    StreamAppeared(u64),
    /// The server ended it.
    PlaybackEnded(u64, i32, String),
    /// Mute it, and answer these calls.
    MutePlayback(u64, bool, Vec<u64>),
    /// How loud the device plays a stream, percent.
    SetPlayout(StreamId, u16),
    /// The device plays it no more.
    ForgetPlayout(StreamId),
    /// Start the audio device.
    StartDevice(u64),
    /// End it.
    StopDevice,
    /// Open a local stream.
    OpenLocal(LocalStreamId),
    /// Mute one.
    MuteLocal(LocalStreamId, bool),
    /// Mute every microphone.
    MuteMicrophone(bool),
    /// Report back after a time.
    After(Duration, PureTimer),
    /// A part is gone.
    Forget(u64),
    /// Everything has ended.
    Finish,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy)]
pub struct PureTimer(Timer);

/// Everything that follows from one decision.
#[derive(Debug, Default)]
pub struct PureStep {
    /// For the application.
    pub events: Vec<ZegoEvent>,
    /// For EngineActor, in order; what no virtual world can see is left out.
    pub commands: Vec<PureCommand>,
    /// Calls that are answered, by their numbers.
    pub answers: Vec<(u64, Result<(), ZegoError>)>,
}

/// The decisions of one engine.
#[derive(Debug)]
pub struct PureEngine(EngineState, BTreeMap<String, PlayId>);

impl PureEngine {
    /// A new engine that knows one server.
    pub fn new(app_id: u32, timings: Timings) -> (Self, PureStep) {
        Self::with_servers(app_id, vec!["ws://127.0.0.1:1".into()], timings)
    }

    /// A new engine that knows these servers.
    pub fn with_servers(app_id: u32, servers: Vec<String>, timings: Timings) -> (Self, PureStep) {
        let settings = Settings {
            app_id,
            servers,
            timings,
            max_channels: 8,
            scenario: ZegoScenario::default(),
            instance: InstanceId::new([1; 16]),
            config: ZegoEngineConfig::default(),
        };
        let mut step = Step::default();
        let state = EngineState::new(settings, &mut step);
        (Self(state, BTreeMap::new()), step.into())
    }

    fn step<R>(&mut self, decide: impl FnOnce(&mut EngineState, &mut Step) -> R) -> (R, PureStep) {
        let mut step = Step::default();
        let result = decide(&mut self.0, &mut step);
        (result, step.into())
    }

    fn report(&mut self, decide: impl FnOnce(&mut EngineState, &mut Step)) -> PureStep {
        self.step(decide).1
    }

    /// `loginRoom`; answered under the number.
    ///
    /// # Errors
    /// Those of the call.
    pub fn login_room(
        &mut self,
        room_id: &str,
        token: String,
        user: &str,
        user_update: bool,
    ) -> (Result<u64, ZegoError>, PureStep) {
        let request = LoginRequest {
            room_id: room_id.into(),
            token,
            user: LoginUser::from(user),
            config: ZegoRoomConfig {
                user_update,
                ..ZegoRoomConfig::default()
            },
        };
        self.step(|state, out| {
            let call = state.new_call();
            state.login_room(request, call, out).map(|()| call.0)
        })
    }

    /// `switchRoom`; answered under the number.
    ///
    /// # Errors
    /// Those of the call.
    pub fn switch_room(&mut self, from: &str, to: &str, token: String, user_update: bool) -> (Result<u64, ZegoError>, PureStep) {
        let request = SwitchRequest {
            from: from.into(),
            to: to.into(),
            token,
            config: ZegoRoomConfig {
                user_update,
                ..ZegoRoomConfig::default()
            },
        };
        self.step(|state, out| {
            let call = state.new_call();
            state.switch_room(request, call, out).map(|()| call.0)
        })
    }

    /// `logoutRoom`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn logout_room(&mut self) -> (Result<(), ZegoError>, PureStep) {
        self.step(|state, out| state.logout_room(None, out))
    }

    /// `renewToken`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn renew_token(&mut self, token: &str) -> (Result<(), ZegoError>, PureStep) {
        self.step(|state, out| state.renew_token(token, None, out))
    }

    /// `createZegoStream` of a microphone; answered under the number.
    ///
    /// # Errors
    /// Those of the call.
    pub fn create_microphone(&mut self) -> (Result<(LocalStreamId, u64), ZegoError>, PureStep) {
        self.step(|state, out| {
            let call = state.new_call();
            let id = state.create_local(&ZegoStreamOptions::microphone(), call, out)?;
            Ok((id, call.0))
        })
    }

    /// `startPublishingStream`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn start_publishing(
        &mut self,
        stream: &str,
        local: LocalStreamId,
        extra_info: &str,
    ) -> (Result<(), ZegoError>, PureStep) {
        let options = ZegoPublishOptions {
            extra_info: extra_info.into(),
            ..ZegoPublishOptions::default()
        };
        self.step(|state, out| state.start_publishing(stream, Some(local), options, out))
    }

    /// `stopPublishingStream`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn stop_publishing(&mut self, stream: &str) -> (Result<(), ZegoError>, PureStep) {
        self.step(|state, out| state.stop_publishing(stream, out))
    }

    /// `startPlayingStream`; answered under the number.
    ///
    /// # Errors
    /// Those of the call.
    pub fn start_playing(&mut self, stream: &str) -> (Result<u64, ZegoError>, PureStep) {
        let (started, step) = self.step(|state, out| {
            let call = state.new_call();
            let play = state.start_playing(stream, &ZegoPlayOptions::default(), call, out)?;
            Ok((play, call.0))
        });
        let started = started.map(|(play, call)| {
            self.1.insert(stream.into(), play);
            call
        });
        (started, step)
    }

    /// The volume of a played stream, percent; `false`: it is played no more.
    pub fn set_volume(&mut self, stream: &str, percent: u16) -> (bool, PureStep) {
        let Some(play) = self.1.get(stream).copied() else {
            return (false, PureStep::default());
        };
        self.step(|state, out| state.set_playout(play, Some(true), Some(percent), out))
    }

    /// `stopPlayingStream`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn stop_playing(&mut self, stream: &str) -> (Result<(), ZegoError>, PureStep) {
        self.step(|state, out| state.stop_playing(stream, out))
    }

    /// `muteMicrophone`.
    ///
    /// # Errors
    /// Those of the call.
    pub fn mute_microphone(&mut self, muted: bool, now: Instant) -> (Result<(), ZegoError>, PureStep) {
        self.step(|state, out| state.mute_microphone(muted, now, out))
    }

    /// `mutePlayStreamAudio`; answered under the number.
    ///
    /// # Errors
    /// Those of the call.
    pub fn mute_playback(&mut self, stream: &str, muted: bool, now: Instant) -> (Result<u64, ZegoError>, PureStep) {
        self.step(|state, out| {
            let call = state.new_call();
            state.mute_playback(stream, muted, call, now, out)?;
            Ok(call.0)
        })
    }

    /// `destroyEngine`.
    pub fn destroy(&mut self) -> PureStep {
        self.report(EngineState::destroy)
    }

    /// The room part that `sendBroadcastMessage` goes through.
    ///
    /// # Errors
    /// Those of the call.
    pub fn room_to_send(&self, room_id: &str, text: &str) -> Result<u64, ZegoError> {
        self.0.room_to_send(room_id, text, IM_CONTENT_TOO_LONG).map(|life| life.0)
    }

    /// The room part that `setRoomExtraInfo` goes through.
    ///
    /// # Errors
    /// Those of the call.
    pub fn room_to_describe(&self, room_id: &str, info: &SetRoomExtraInfo) -> Result<u64, ZegoError> {
        self.0.room_to_describe(room_id, info).map(|life| life.0)
    }

    /// The publisher part that `setStreamExtraInfo` goes through.
    ///
    /// # Errors
    /// Those of the call.
    pub fn publisher_of(&mut self, stream: &str, extra_info: &str) -> Result<u64, ZegoError> {
        self.0.publisher_of(stream, extra_info).map(|life| life.0)
    }

    /// The server took another text.
    pub fn on_extra_info_taken(&mut self, life: u64, extra_info: String) {
        self.0.on_extra_info_taken(LifeId(life), extra_info);
    }

    /// What a room part reported.
    pub fn on_room_event(&mut self, life: u64, event: RoomEvent) -> PureStep {
        self.report(|state, out| state.on_room_event(LifeId(life), event, out))
    }

    /// What a publisher part reported.
    pub fn on_publisher_event(&mut self, life: u64, event: PublisherEvent, now: Instant) -> PureStep {
        self.report(|state, out| state.on_publisher_event(LifeId(life), event, now, out))
    }

    /// What a player part reported.
    pub fn on_player_event(&mut self, life: u64, event: PlayerEvent, now: Instant) -> PureStep {
        self.report(|state, out| state.on_player_event(LifeId(life), event, now, out))
    }

    /// The audio device is gone.
    pub fn on_device_gone(&mut self, life: u64, now: Instant) -> PureStep {
        let event = express_messages::audio_device::AudioDeviceEvent::Exited { panicked: false };
        self.report(|state, out| state.on_device_event(LifeId(life), event, now, out))
    }

    /// A local stream is open.
    pub fn on_local_opened(&mut self, id: LocalStreamId, device: u64) -> PureStep {
        self.report(|state, out| state.on_local_opened(id, LifeId(device), Ok(()), out))
    }

    /// A timer ran out.
    pub fn on_timer(&mut self, PureTimer(timer): PureTimer, now: Instant) -> PureStep {
        self.report(|state, out| state.on_timer(timer, now, out))
    }

    /// Parts that did not end in time, and parts that were started afresh.
    pub fn counts(&self) -> (u64, u64) {
        self.0.counts()
    }
}

impl From<Step> for PureStep {
    fn from(step: Step) -> Self {
        Self {
            events: step.events,
            commands: step.commands.into_iter().filter_map(pure).collect(),
            answers: step
                .answers
                .into_iter()
                .map(|(CallId(call), answer)| (call, answer))
                .collect(),
        }
    }
}

fn pure(command: Command) -> Option<PureCommand> {
    use PureCommand as Pure;
    Some(match command {
        Command::StartRoom { life, options } => Pure::StartRoom(life.0, Box::new(options)),
        Command::Logout(life) => Pure::Logout(life.0),
        Command::StopRoom(life) => Pure::StopRoom(life.0),
        Command::RenewToken { life, token } => Pure::RenewToken(life.0, token),
        Command::StartPublisher { life, room, options } => Pure::StartPublisher(life.0, room.0, Box::new(options)),
        Command::StopPublisher { life, code, message } => Pure::StopPublisher(life.0, code, message),
        Command::RestorePublisher { life, session } => Pure::RestorePublisher(life.0, session),
        Command::NotePublisherMuted { life, muted } => Pure::NotePublisherMuted(life.0, muted),
        Command::StartPlayer { life, room, options } => Pure::StartPlayer(life.0, room.0, Box::new(options)),
        Command::StopPlayer { life, code, message } => Pure::StopPlayer(life.0, code, message),
        Command::RestorePlayer { life, session } => Pure::RestorePlayer(life.0, session),
        Command::StreamAppeared(life) => Pure::StreamAppeared(life.0),
        Command::PlaybackEnded { life, code, message } => Pure::PlaybackEnded(life.0, code, message),
        Command::MutePlayback { life, muted, calls } => {
            Pure::MutePlayback(life.0, muted, calls.into_iter().map(|call| call.0).collect())
        }
        Command::SetPlayout(playout) => Pure::SetPlayout(playout.stream_id, playout.percent),
        Command::ForgetPlayout(stream) => Pure::ForgetPlayout(stream),
        Command::StartDevice(life) => Pure::StartDevice(life.0),
        Command::StopDevice => Pure::StopDevice,
        Command::OpenLocal { id, .. } => Pure::OpenLocal(id),
        Command::MuteLocal { id, muted } => Pure::MuteLocal(id, muted),
        Command::MuteMicrophone(muted) => Pure::MuteMicrophone(muted),
        Command::After(after, timer) => Pure::After(after, PureTimer(timer)),
        Command::Forget(life) => Pure::Forget(life.0),
        Command::Finish => Pure::Finish,
        _ => return None,
    })
}
