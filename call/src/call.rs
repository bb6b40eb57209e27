//! The call itself: one engine, carried out intents, events and facts in one stream.

mod speaker;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use express_engine::{
    AudioDeviceStateChanged, Lagged, LoginUser, StreamId, ZegoDeviceInfo, ZegoError, ZegoEvent, ZegoEvents, ZegoExpressEngine,
    ZegoLocalStream, ZegoPcmWriter, ZegoRemoteStream, ZegoRoomConfig, ZegoStreamOptions, ZegoVoiceOptions, codes,
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::{
    arguments::Arguments,
    fact::{Fact, Outcome},
    model::Intent,
    token::{Ticket, TokenSource},
};

/// Levels come so often, as often as the engine measures them.
const LEVEL_INTERVAL_MS: u32 = 200;

/// A call that goes on.
pub(crate) struct Call {
    zg: ZegoExpressEngine,
    events: ZegoEvents,
    room: String,
    stream: String,
    tokens: TokenSource,
    voice: ZegoVoiceOptions,
    /// The id of the speaker that was chosen.
    speaker: Option<String>,
    record: Option<PathBuf>,
    recordings: HashMap<StreamId, u32>,
    logged_in: bool,
    muted: bool,
    local: Option<Local>,
    remotes: HashMap<StreamId, ZegoRemoteStream>,
    pending: FuturesUnordered<BoxFuture<'static, Done>>,
}

/// What is published.
struct Local {
    stream: ZegoLocalStream,
    /// Not a file, and not silence.
    is_microphone: bool,
    /// Silence is a stream that nobody writes to, as long as its writer lives.
    _silence: Option<ZegoPcmWriter>,
}

/// What became of a call of the engine.
enum Done {
    Fact(Fact),
    LoggedIn,
    Source { local: Local, name: String },
    Playing(ZegoRemoteStream),
    Speaker(speaker::Chosen),
    NoSpeaker { device_id: String, error: ZegoError },
}

impl Done {
    fn source(stream: ZegoLocalStream, is_microphone: bool, name: String) -> Self {
        let local = Local {
            stream,
            is_microphone,
            _silence: None,
        };
        Self::Source { local, name }
    }
}

/// What the user has to know next.
pub(crate) enum Happening {
    /// An event of the engine.
    Event(Box<ZegoEvent>),
    /// So many were lost: we were too slow.
    Lagged(Lagged),
    /// What came of an intent.
    Fact(Fact),
}

impl Call {
    /// Begins to log in and to open what speaks. What fails then comes as facts and events.
    ///
    /// # Errors
    /// What the engine refuses at once: the address, the certificate.
    pub(crate) fn start(arguments: &Arguments, ticket: &Ticket) -> Result<Self, ZegoError> {
        let zg = engine(arguments, ticket.app_id)?;
        zg.set_sound_level_delegate(true, LEVEL_INTERVAL_MS)?;
        // Devices are watched for callbacks, and no others see them change before something is open.
        zg.on(|_: &AudioDeviceStateChanged| {});
        let call = Self {
            events: zg.events(),
            zg,
            room: arguments.room.clone(),
            stream: arguments.stream(),
            tokens: arguments.token_source(),
            voice: arguments.voice(),
            speaker: arguments.speaker.clone(),
            record: arguments.record.clone(),
            recordings: HashMap::new(),
            logged_in: false,
            muted: arguments.muted,
            local: None,
            remotes: HashMap::new(),
            pending: FuturesUnordered::new(),
        };
        call.log_in(arguments, ticket);
        call.open_source(arguments);
        Ok(call)
    }

    fn log_in(&self, arguments: &Arguments, ticket: &Ticket) {
        let user = LoginUser::from((arguments.user.as_str(), arguments.name.as_str()));
        let config = ZegoRoomConfig {
            user_update: true,
            ..ZegoRoomConfig::default()
        };
        let login = self.zg.login_room(&self.room, &ticket.token, user, config);
        self.later(async move {
            match login.await {
                Ok(()) => Done::LoggedIn,
                Err(error) => failed("login", error),
            }
        });
    }

    /// The file, the microphone, or silence where there is neither.
    fn open_source(&self, arguments: &Arguments) {
        let zg = self.zg.clone();
        let (mut options, name) = match (&arguments.wav, &arguments.microphone) {
            (Some(wav), _) if arguments.repeat => (ZegoStreamOptions::wav_loop(wav), file_name(wav)),
            (Some(wav), _) => (ZegoStreamOptions::wav(wav), file_name(wav)),
            (None, Some(id)) => (ZegoStreamOptions::microphone_device(id), id.clone()),
            (None, None) => (ZegoStreamOptions::microphone(), "the default microphone".into()),
        };
        options.voice = self.voice;
        let is_microphone = arguments.wav.is_none();
        self.later(async move {
            match zg.create_zego_stream(options).await {
                Ok(stream) => Done::source(stream, is_microphone, name),
                Err(error) => silence(&zg, &format!("{name}: {error}")).await,
            }
        });
    }

    fn later(&self, work: impl Future<Output = Done> + Send + 'static) {
        self.pending.push(work.boxed());
    }

    /// Does what is asked for; what comes of it is a fact later.
    pub(crate) fn carry_out(&mut self, intent: Intent) {
        let (what, result) = match intent {
            Intent::Play(stream_id) => return self.play(stream_id),
            Intent::StopPlaying(stream_id) => {
                self.remotes.remove(&stream_id);
                // It may have ended with its room already.
                let _ = self.zg.stop_playing_stream(&stream_id);
                return;
            }
            Intent::ListDevices => return self.ask("devices", self.zg.enum_devices(), Outcome::Devices),
            Intent::Say(text) => {
                let sent = self.zg.send_broadcast_message(&self.room, text.as_str());
                return self.ask("say", sent, move |_| Outcome::Said(text));
            }
            Intent::UseMicrophone(device) => return self.use_microphone(device),
            Intent::UseSpeaker(device) => return self.use_speaker(device),
            Intent::RenewToken => return self.renew_token(),
            Intent::Mute(muted) => ("mute", self.mute(muted)),
            Intent::Volume(stream_id, percent) => ("volume", self.volume(&stream_id, percent)),
            Intent::Quit => return,
        };
        if let Err(error) = result {
            self.later(std::future::ready(failed(what, error)));
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        reply: impl Future<Output = Result<T, ZegoError>> + Send + 'static,
        outcome: impl FnOnce(T) -> Outcome + Send + 'static,
    ) {
        self.later(async move { Done::Fact(Fact::new(what, reply.await.map(outcome))) });
    }

    fn play(&self, stream_id: StreamId) {
        let reply = self.zg.start_playing_stream(&stream_id, Default::default());
        self.later(async move {
            match reply.await {
                Ok(remote) => Done::Playing(remote),
                Err(error) => failed("play", error),
            }
        });
    }

    fn mute(&mut self, muted: bool) -> Result<(), ZegoError> {
        self.muted = muted;
        match &self.local {
            Some(local) => self.zg.mute_publish_stream_audio(&local.stream, muted),
            None => Ok(()),
        }
    }

    fn volume(&self, stream_id: &StreamId, percent: u16) -> Result<(), ZegoError> {
        match self.remotes.get(stream_id) {
            Some(remote) => remote.set_volume(percent),
            None => Err(ZegoError::new(
                codes::PLAYER_STREAM_NOT_PLAYING,
                format!("{stream_id} is not played yet"),
            )),
        }
    }

    /// The new one is opened before the old one goes: where that fails the old one goes on.
    fn use_microphone(&self, device: ZegoDeviceInfo) {
        if let Some(local) = self.local.as_ref().filter(|local| local.is_microphone) {
            let reply = self.zg.use_audio_device(&local.stream, device.device_id);
            return self.ask("microphone", reply, |()| Outcome::Source(device.device_name));
        }
        let mut options = ZegoStreamOptions::microphone_device(&device.device_id);
        options.voice = self.voice;
        let reply = self.zg.create_zego_stream(options);
        self.later(async move {
            match reply.await {
                Ok(stream) => Done::source(stream, true, device.device_name),
                Err(error) => failed("microphone", error),
            }
        });
    }

    fn renew_token(&self) {
        let (zg, tokens) = (self.zg.clone(), self.tokens.clone());
        self.later(async move {
            // The server or the file is waited for; a panic there is no token.
            let ticket = tokio::task::spawn_blocking(move || tokens.get().map_err(|error| error.to_string())).await;
            let ticket = ticket.unwrap_or_else(|error| Err(error.to_string()));
            let renewed = ticket
                .map_err(|text| ZegoError::new(codes::INPUT_PARAM, text))
                .and_then(|ticket| zg.renew_token(ticket.token));
            Done::Fact(Fact::new("token", renewed.map(|()| Outcome::Done)))
        });
    }

    /// What happens next; `None` once the engine has ended. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Option<Happening> {
        loop {
            let waiting = !self.pending.is_empty();
            let done = tokio::select! {
                biased;
                event = self.events.next() => return event.map(|event| match event {
                    Ok(event) => Happening::Event(Box::new(event)),
                    Err(lagged) => Happening::Lagged(lagged),
                }),
                Some(done) = self.pending.next(), if waiting => done,
            };
            if let Some(fact) = self.take(done) {
                return Some(Happening::Fact(fact));
            }
        }
    }

    fn take(&mut self, done: Done) -> Option<Fact> {
        match done {
            Done::Fact(fact) => Some(fact),
            Done::LoggedIn => {
                self.logged_in = true;
                let published = self.publish();
                Some(Fact::new("login", published.map(|()| Outcome::Done)))
            }
            Done::Source { local, name } => {
                let replaced = self.replace(local);
                Some(Fact::new("source", replaced.map(|()| Outcome::Source(name))))
            }
            Done::Playing(remote) => {
                self.place(&remote);
                remote.play_audio();
                self.record(&remote);
                self.remotes.insert(remote.stream_id().clone(), remote);
                None
            }
            Done::Speaker(chosen) => Some(self.choose(chosen)),
            Done::NoSpeaker { device_id, error } => Some(self.give_up(&device_id, error)),
        }
    }

    /// Speaks through `local` from now on.
    fn replace(&mut self, local: Local) -> Result<(), ZegoError> {
        if let Some(old) = self.local.take() {
            // It may not be published yet, or no more.
            let _ = self.zg.stop_publishing_stream(&self.stream);
            self.zg.destroy_stream(old.stream)?;
        }
        if self.muted {
            self.zg.mute_publish_stream_audio(&local.stream, true)?;
        }
        self.local = Some(local);
        self.publish()
    }

    /// Publishes, once there are both a login and something to publish.
    fn publish(&self) -> Result<(), ZegoError> {
        match &self.local {
            Some(local) if self.logged_in => self
                .zg
                .start_publishing_stream(&self.stream, &local.stream, Default::default()),
            _ => Ok(()),
        }
    }

    /// A stream that comes again is recorded into another file.
    fn record(&mut self, remote: &ZegoRemoteStream) {
        let Some(folder) = &self.record else { return };
        let stream_id = remote.stream_id();
        let times = self.recordings.entry(stream_id.clone()).or_default();
        *times += 1;
        let name = match times {
            1 => format!("{stream_id}.wav"),
            again => format!("{stream_id}-{again}.wav"),
        };
        self.ask("record", remote.record_to(folder.join(name), 1), |_| Outcome::Done);
    }

    /// Leaves; recordings are complete then. Blocks for at most 2 s.
    pub(crate) fn leave(self) {
        // Who was put out is in no room.
        let _ = self.zg.logout_room(&self.room);
        self.zg.destroy_engine();
    }
}

/// An engine for a server, as the command line has it.
///
/// # Errors
/// What the engine refuses at once: the address, the certificate.
pub(crate) fn engine(arguments: &Arguments, app_id: u32) -> Result<ZegoExpressEngine, ZegoError> {
    let mut builder = ZegoExpressEngine::builder(app_id, arguments.server.as_str());
    if let Some(file) = &arguments.root_certificate {
        builder = builder.root_certificate(std::fs::read(file).map_err(|error| unreadable(file, &error))?);
    }
    builder.build()
}

/// Silence in place of what cannot speak.
async fn silence(zg: &ZegoExpressEngine, why: &str) -> Done {
    let (options, writer) = ZegoStreamOptions::pushed(1);
    match zg.create_zego_stream(options).await {
        Ok(stream) => Done::Source {
            local: Local {
                stream,
                is_microphone: false,
                _silence: Some(writer),
            },
            name: format!("silence ({why})"),
        },
        Err(error) => failed("source", error),
    }
}

fn failed(what: &'static str, error: ZegoError) -> Done {
    Done::Fact(Fact::new(what, Err(error)))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn unreadable(file: &Path, error: &std::io::Error) -> ZegoError {
    ZegoError::new(codes::INPUT_PARAM, format!("{} cannot be read: {error}", file.display()))
}

/// Waits until `limit` has passed; for ever without one.
pub(crate) async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
