//! Stands in for AudioDeviceActor; its pump runs on the arbiter.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Recipient, WrapFuture};
use express_engine::{AudioBlock, LocalStreamId, PlayoutSource, StreamId, ZegoDeviceInfo, ZegoDeviceInfos, ZegoError, codes};
use express_messages::{
    ExitGuard,
    audio::CaptureSink,
    audio_device::*,
    voice::{AiDenoiseMode, VoiceConfig},
};

use super::{Crash, Vanish, World, fake};

#[derive(Default)]
struct Played {
    source: Option<Box<dyn PlayoutSource>>,
    taps: Vec<(SinkId, Box<dyn CaptureSink>)>,
}

struct FakeDevice {
    world: World,
    locals: HashMap<LocalStreamId, Option<Box<dyn PlayoutSource>>>,
    captured: Vec<(SinkId, Box<dyn CaptureSink>)>,
    played: HashMap<StreamId, Played>,
    next_sink: u64,
    _owner: ExitGuard<AudioDeviceEvent>,
}
fake!(FakeDevice);

impl AudioDeviceFactory for World {
    fn start(&self, _: AudioDeviceOptions, events: Recipient<AudioDeviceEvent>, _: AudioDevicePeers) -> AudioDeviceLink {
        self.check_curse("device");
        self.lock().device = Some(events.clone());
        let owner = ExitGuard::new(events, |panicked| AudioDeviceEvent::Exited { panicked });
        let device = FakeDevice {
            world: self.clone(),
            locals: HashMap::new(),
            captured: Vec::new(),
            played: HashMap::new(),
            next_sink: 0,
            _owner: owner,
        };
        device.start().into()
    }
}

impl FakeDevice {
    fn sink(&mut self) -> SinkId {
        self.next_sink += 1;
        SinkId(self.next_sink)
    }

    /// What is done to a microphone's sound, where that is not the usual.
    fn note_source_voice(&self, source: &CaptureSource) {
        if let CaptureSource::Microphone { voice, .. } = source
            && *voice != VoiceConfig::default()
        {
            self.note_voice(*voice);
        }
    }

    fn note_voice(&self, voice: VoiceConfig) {
        let VoiceConfig {
            aec,
            ans,
            agc,
            ai_denoise,
            high_pass,
        } = voice;
        let parts = [
            ("aec", aec),
            ("ans", ans),
            ("agc", agc),
            ("ai", ai_denoise == Some(AiDenoiseMode::Ai)),
            ("balanced", ai_denoise == Some(AiDenoiseMode::AiBalanced)),
            ("high-pass", high_pass),
        ];
        let parts = parts.iter().filter(|(_, on)| *on).map(|(name, _)| *name);
        let parts: Vec<_> = std::iter::once("voice:").chain(parts).collect();
        self.world.note(parts.join(" "));
    }

    /// A pump that runs on the arbiter.
    fn pump(&mut self, _: &mut Context<Self>) {
        let now = Instant::now();
        for source in self.locals.values_mut().flatten() {
            source.next_block(&mut AudioBlock::silent(1), now);
        }
        let mut quarter = AudioBlock::silent(1);
        quarter.samples_mut().fill(0.25);
        for (_, tap) in &mut self.captured {
            tap.on_block(&quarter, now);
        }
        for played in self.played.values_mut() {
            let mut block = AudioBlock::silent(1);
            if let Some(source) = &mut played.source {
                source.next_block(&mut block, now);
            }
            for (_, tap) in &mut played.taps {
                tap.on_block(&block, now);
            }
        }
    }
}

impl Actor for FakeDevice {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        self.world.started("device", ctx);
        ctx.run_interval(Duration::from_millis(10), Self::pump);
    }
}

impl Handler<ListDevices> for FakeDevice {
    type Result = Result<ZegoDeviceInfos, ZegoError>;
    fn handle(&mut self, _: ListDevices, _: &mut Self::Context) -> Self::Result {
        let device = |name: &str| ZegoDeviceInfo {
            device_name: name.into(),
            device_id: name.to_lowercase(),
        };
        Ok(ZegoDeviceInfos {
            microphones: vec![device("Microphone")],
            speakers: vec![device("Speaker"), device("Headset")],
            cameras: vec![],
        })
    }
}
impl Handler<OpenLocalStream> for FakeDevice {
    type Result = actix::ResponseActFuture<Self, Result<(), ZegoError>>;
    fn handle(&mut self, open: OpenLocalStream, _: &mut Self::Context) -> Self::Result {
        let delay = match open.mixing_delay_ms {
            0 => String::new(),
            ms => format!(" {ms} ms"),
        };
        self.world.note(format!("open {:?} {} ch{delay}", open.source, open.channels));
        self.note_source_voice(&open.source);
        let (code, after) = {
            let world = self.world.lock();
            (world.open_code, world.open_after)
        };
        let wait = async move {
            if after > Duration::ZERO {
                tokio::time::sleep(after).await;
            }
        };
        Box::pin(wait.into_actor(self).map(move |(), device, _| {
            if code != 0 {
                return Err(ZegoError::new(code, "it cannot be opened"));
            }
            let source = match open.source {
                CaptureSource::Pushed(source) => Some(source),
                _ => None,
            };
            device.locals.insert(open.id, source);
            Ok(())
        }))
    }
}
impl Handler<ReplaceCapture> for FakeDevice {
    type Result = Result<(), ZegoError>;
    fn handle(&mut self, replace: ReplaceCapture, _: &mut Self::Context) -> Self::Result {
        self.world
            .note(format!("capture {:?} {} ch", replace.source, replace.channels));
        self.note_source_voice(&replace.source);
        match self.world.lock().open_code {
            0 => Ok(()),
            code => Err(ZegoError::new(code, "it cannot be opened")),
        }
    }
}
impl Handler<SendCaptured> for FakeDevice {
    type Result = ();
    fn handle(&mut self, _: SendCaptured, _: &mut Self::Context) {
        self.world.note("send captured");
    }
}
impl Handler<StopCapture> for FakeDevice {
    type Result = ();
    fn handle(&mut self, _: StopCapture, _: &mut Self::Context) {
        self.world.note("stop capture");
    }
}
impl Handler<StartMixing> for FakeDevice {
    type Result = Result<(), ZegoError>;
    fn handle(&mut self, mix: StartMixing, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("mix {:?} {}", mix.source, mix.percent));
        match self.world.lock().open_code {
            0 => Ok(()),
            code => Err(ZegoError::new(code, "it cannot be opened")),
        }
    }
}
impl Handler<StopMixing> for FakeDevice {
    type Result = ();
    fn handle(&mut self, _: StopMixing, _: &mut Self::Context) {
        self.world.note("stop mixing");
    }
}
impl Handler<SetMixingVolume> for FakeDevice {
    type Result = ();
    fn handle(&mut self, volume: SetMixingVolume, _: &mut Self::Context) {
        self.world.note(format!("mixing volume {}", volume.percent));
    }
}
impl Handler<CloseLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, close: CloseLocalStream, _: &mut Self::Context) {
        self.world.note("close");
        self.captured.clear();
        self.locals.remove(&close.0);
    }
}
impl Handler<SetCaptureVolume> for FakeDevice {
    type Result = ();
    fn handle(&mut self, volume: SetCaptureVolume, _: &mut Self::Context) {
        self.world.note(format!("capture volume {}", volume.percent));
    }
}
impl Handler<MuteLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, mute: MuteLocalStream, _: &mut Self::Context) {
        self.world.note(format!("mute local {}", mute.muted));
    }
}
impl Handler<MuteMicrophone> for FakeDevice {
    type Result = ();
    fn handle(&mut self, mute: MuteMicrophone, _: &mut Self::Context) {
        self.world.note(format!("mute microphone {}", mute.0));
    }
}
impl Handler<MonitorLocalStream> for FakeDevice {
    type Result = ();
    fn handle(&mut self, monitor: MonitorLocalStream, _: &mut Self::Context) {
        self.world.note(format!("monitor {} {}", monitor.audible, monitor.percent));
    }
}
impl Handler<MonitorCapture> for FakeDevice {
    type Result = ();
    fn handle(&mut self, monitor: MonitorCapture, _: &mut Self::Context) {
        self.world
            .note(format!("monitor capture {} {}", monitor.audible, monitor.percent));
    }
}
impl Handler<GetCaptureDevice> for FakeDevice {
    type Result = Option<String>;
    fn handle(&mut self, get: GetCaptureDevice, _: &mut Self::Context) -> Self::Result {
        self.locals.contains_key(&get.0).then(|| "microphone".into())
    }
}
impl Handler<TapCapture> for FakeDevice {
    type Result = Result<SinkId, ZegoError>;
    fn handle(&mut self, tap: TapCapture, _: &mut Self::Context) -> Self::Result {
        self.world.note("tap capture");
        let sink = self.sink();
        self.captured.push((sink, tap.tap));
        Ok(sink)
    }
}
impl Handler<AttachSink> for FakeDevice {
    type Result = Result<SinkId, ZegoError>;
    fn handle(&mut self, attach: AttachSink, _: &mut Self::Context) -> Self::Result {
        if self.locals.contains_key(&attach.local_stream) {
            return Ok(self.sink());
        }
        Err(ZegoError::new(codes::LOCALSTREAM_WRONG, "no such local stream"))
    }
}
impl Handler<DetachSink> for FakeDevice {
    type Result = ();
    fn handle(&mut self, detach: DetachSink, _: &mut Self::Context) {
        self.world.note("detach");
        self.captured.retain(|(id, _)| *id != detach.0);
        for played in self.played.values_mut() {
            played.taps.retain(|(id, _)| *id != detach.0);
        }
    }
}
impl Handler<AttachSource> for FakeDevice {
    type Result = ();
    fn handle(&mut self, attach: AttachSource, _: &mut Self::Context) {
        self.played.entry(attach.stream_id).or_default().source = Some(attach.source);
    }
}
impl Handler<DetachSource> for FakeDevice {
    type Result = ();
    fn handle(&mut self, detach: DetachSource, _: &mut Self::Context) {
        if let Some(played) = self.played.get_mut(&detach.0) {
            played.source = None;
        }
    }
}
impl Handler<SetPlayout> for FakeDevice {
    type Result = ();
    fn handle(&mut self, set: SetPlayout, _: &mut Self::Context) {
        self.world
            .note(format!("playout {} {} {}", set.stream_id, set.audible, set.percent));
    }
}
impl Handler<TapPlayout> for FakeDevice {
    type Result = actix::MessageResult<TapPlayout>;
    fn handle(&mut self, tap: TapPlayout, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("tap {}", tap.stream_id));
        let sink = self.sink();
        self.played.entry(tap.stream_id).or_default().taps.push((sink, tap.tap));
        actix::MessageResult(sink)
    }
}
impl Handler<RecordPlayout> for FakeDevice {
    type Result = Result<SinkId, ZegoError>;
    fn handle(&mut self, record: RecordPlayout, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!(
            "record {} {} {} ch",
            record.stream_id,
            record.path.display(),
            record.channels
        ));
        if record.path.starts_with("forbidden") {
            return Err(ZegoError::new(codes::INPUT_PARAM, "the file cannot be made"));
        }
        Ok(self.sink())
    }
}
impl Handler<ForgetPlayout> for FakeDevice {
    type Result = ();
    fn handle(&mut self, forget: ForgetPlayout, _: &mut Self::Context) {
        self.world.note(format!("forget {}", forget.0));
        self.played.remove(&forget.0);
    }
}
impl Handler<GetSoundLevels> for FakeDevice {
    type Result = SoundLevels;
    fn handle(&mut self, _: GetSoundLevels, _: &mut Self::Context) -> Self::Result {
        self.world.lock().levels.clone()
    }
}
impl Handler<WatchDevices> for FakeDevice {
    type Result = ();
    fn handle(&mut self, watch: WatchDevices, _: &mut Self::Context) {
        self.world.note(format!("watch {}", watch.0));
    }
}
impl Handler<SetCaptureDevice> for FakeDevice {
    type Result = Result<(), ZegoError>;
    fn handle(&mut self, set: SetCaptureDevice, _: &mut Self::Context) -> Self::Result {
        self.world.note(format!("capture device {}", set.device_id));
        match &*set.device_id {
            "missing" => Err(ZegoError::new(codes::DEVICE_NOT_FOUND, "no such device")),
            _ => Ok(()),
        }
    }
}
impl Handler<SetOutputDevice> for FakeDevice {
    type Result = Result<(), ZegoError>;
    fn handle(&mut self, set: SetOutputDevice, _: &mut Self::Context) -> Self::Result {
        let stream = match set.stream {
            HeardStream::Local(_) => "local".into(),
            HeardStream::Played(id) => id.to_string(),
        };
        let device = set.device_id.as_deref().unwrap_or("default");
        self.world.note(format!("{stream} on {device}"));
        match device {
            "missing" => Err(ZegoError::new(codes::SET_AUDIO_OUTPUT_ERROR, "no such device")),
            _ => Ok(()),
        }
    }
}
impl Handler<SetAutoSwitch> for FakeDevice {
    type Result = ();
    fn handle(&mut self, set: SetAutoSwitch, _: &mut Self::Context) {
        self.world.note(format!("auto switch {}", set.0));
    }
}
impl Handler<SetVoice> for FakeDevice {
    type Result = ();
    fn handle(&mut self, set: SetVoice, _: &mut Self::Context) {
        self.note_voice(set.voice);
    }
}
impl Handler<GetVoiceStatistics> for FakeDevice {
    type Result = actix::MessageResult<GetVoiceStatistics>;
    fn handle(&mut self, _: GetVoiceStatistics, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.world.lock().voice)
    }
}
impl Handler<StopAudioDevice> for FakeDevice {
    type Result = ();
    fn handle(&mut self, _: StopAudioDevice, ctx: &mut Self::Context) {
        self.world.note("stop device");
        if self.world.obeys("device") {
            ctx.stop();
        }
    }
}
