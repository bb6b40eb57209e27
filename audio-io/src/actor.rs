//! AudioDeviceActor: carries out what [`crate::state`] decides.

mod files;
mod mics;
mod mixing;
mod running_pump;
mod speakers;
mod streams;
mod watching;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseActFuture, ResponseFuture, SpawnHandle, WrapFuture,
};
use express_messages::{
    ExitGuard, ZegoError,
    audio_device::{AudioDeviceEvent, ListDevices, SinkId, StopAudioDevice},
    types::ZegoDeviceInfos,
};
use tokio::sync::oneshot;

use crate::{
    PumpDrive,
    devices::{AudioBackend, DeviceDesk, DeviceHealth, ListDevicesError, StreamKey},
    files::FileMode,
    state::{DeviceState, Effect, Observation},
    worker::Worker,
};
use running_pump::RunningPump;
use watching::Watching;

/// Commands that may wait. They are rare; the default of 16 could be met by one burst of streams.
const MAILBOX: usize = 256;
/// How long listing or opening devices may take; a sound server that hangs would block for ever.
const DEVICES_WITHIN: Duration = Duration::from_secs(5);
/// How long the end may take: the owner waits 1 s.
const STOP_WITHIN: Duration = Duration::from_millis(900);

/// The audio device role. One for each engine; started by [`AudioIo`](crate::AudioIo).
///
/// It holds no device open that no stream needs. Every command is answered as
/// [`express_messages::audio_device`] says; commands for streams that do not exist are ignored where they have no error.
pub struct AudioDeviceActor {
    owner: ExitGuard<AudioDeviceEvent>,
    state: DeviceState,
    drive: PumpDrive,
    pump: RunningPump,
    /// The interval of [`Self::look`], while the pump runs.
    looking: Option<SpawnHandle>,
    watching: Watching,
    desk: DeviceDesk,
    devices: HashMap<StreamKey, Arc<DeviceHealth>>,
    files: Vec<Worker<()>>,
    /// Files that do not repeat and have not ended, and what is to be told of their end.
    running_files: Vec<(AudioDeviceEvent, Arc<AtomicBool>)>,
    recordings: HashMap<SinkId, oneshot::Receiver<()>>,
}

impl fmt::Debug for AudioDeviceActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioDeviceActor")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl AudioDeviceActor {
    /// An actor that uses `backend` and tells `events`.
    pub fn new(backend: Box<dyn AudioBackend>, drive: PumpDrive, events: Recipient<AudioDeviceEvent>) -> Self {
        Self {
            owner: ExitGuard::new(events, |panicked| AudioDeviceEvent::Exited { panicked }),
            state: DeviceState::default(),
            drive,
            pump: RunningPump::new(drive),
            looking: None,
            watching: Watching::default(),
            desk: DeviceDesk::new(backend, drive == PumpDrive::Thread),
            devices: HashMap::new(),
            files: Vec::new(),
            running_files: Vec::new(),
            recordings: HashMap::new(),
        }
    }

    fn file_mode(&self) -> FileMode {
        match self.drive {
            PumpDrive::Thread => FileMode::Threads,
            PumpDrive::Arbiter => FileMode::Inline,
        }
    }

    /// Carries out `effects`, then what follows from them.
    fn carry_out(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            self.carry_out_one(effect, ctx);
        }
        let mut follow = self.state.reconcile(now());
        while !follow.is_empty() {
            for effect in follow {
                self.carry_out_one(effect, ctx);
            }
            follow = self.state.reconcile(now());
        }
    }

    fn carry_out_one(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::StartPump => {
                self.pump.start();
                self.looking = Some(ctx.run_interval(self.pump.look_every(), Self::look));
            }
            Effect::StopPump => {
                self.pump.stop();
                if let Some(looking) = self.looking.take() {
                    ctx.cancel_future(looking);
                }
            }
            Effect::Pump(command) => self.pump.send(command),
            Effect::OpenMic(key, device_id) => self.reopen_mic(key, device_id, ctx),
            Effect::OpenSpeaker(id, device_id) => self.open_speaker(id, device_id, ctx),
            Effect::Close(key) => {
                self.devices.remove(&key);
                self.desk.close(key);
            }
            Effect::Look => self.look_again(ctx),
            Effect::StartWatch => self.start_watch(ctx),
            Effect::StopWatch => self.stop_watch(ctx),
            Effect::Tell(event) => {
                tracing::debug!(?event, "audio device event");
                self.owner.tell(event);
            }
        }
    }

    /// Every 10 or 20 ms: moves the pump where it has no thread, and looks at what others left.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let now = now();
        let returned = self.pump.look(now);
        self.report_ended_files();
        let mut effects: Vec<_> = returned.into_iter().filter_map(|mic| self.state.mic_returned(mic)).collect();
        for (&key, health) in &self.devices {
            let seen = Observation {
                frames: health.frames(),
                failure: health.failure(),
            };
            effects.extend(self.state.observe(key, seen, now));
        }
        self.carry_out(effects, ctx);
        self.files.retain(|worker| !worker.is_finished());
    }

    fn report_ended_files(&mut self) {
        let owner = &self.owner;
        self.running_files.retain(|(end, ended)| {
            let ended = ended.load(Ordering::Acquire);
            if ended {
                owner.tell(end.clone());
            }
            !ended
        });
    }

    /// The ends that `gone` names concern nobody any more.
    fn forget_ends(&mut self, gone: impl Fn(&AudioDeviceEvent) -> bool) {
        self.running_files.retain(|(end, _)| !gone(end));
    }
}

impl Actor for AudioDeviceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<ListDevices> for AudioDeviceActor {
    type Result = ResponseFuture<Result<ZegoDeviceInfos, ZegoError>>;

    fn handle(&mut self, _: ListDevices, _: &mut Self::Context) -> Self::Result {
        let answer = answered(self.desk.list());
        Box::pin(async move {
            let list = answer.await.ok_or_else(|| ListDevicesError(NO_ANSWER.into()))??;
            Ok(ZegoDeviceInfos {
                microphones: list.inputs,
                speakers: list.outputs,
                cameras: Vec::new(),
            })
        })
    }
}

impl Handler<StopAudioDevice> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopAudioDevice, ctx: &mut Self::Context) -> Self::Result {
        self.state.stop();
        self.running_files.clear();
        self.carry_out(Vec::new(), ctx);
        self.devices.clear();
        let pumps = self.pump.ended();
        let threads: Vec<_> = self.files.drain(..).chain(self.desk.shut()).collect();
        let recordings: Vec<_> = self.recordings.drain().map(|(_, complete)| complete).collect();
        let all = async move {
            pumps.await;
            for recording in recordings {
                // A dropped sender is how it says that it is complete.
                let _ = recording.await;
            }
            for thread in threads {
                thread.finish().await;
            }
        };
        let end = async move {
            if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
                tracing::error!("an audio thread did not end in time and is left behind");
            }
        };
        Box::pin(end.into_actor(self).map(|(), _, ctx| actix::ActorContext::stop(ctx)))
    }
}

/// Why [`answered`] has nothing to give.
const NO_ANSWER: &str = "the sound system does not answer";

/// What the device desk answers; `None` where it takes too long or is gone. An answer that comes too late is undone there.
async fn answered<T>(answer: oneshot::Receiver<T>) -> Option<T> {
    tokio::time::timeout(DEVICES_WITHIN, answer).await.ok()?.ok()
}

/// The actor's one clock: virtual where tokio's is.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
