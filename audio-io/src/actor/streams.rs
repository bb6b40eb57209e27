//! The commands about streams, sinks, sources and volumes.

use actix::{Context, Handler, ResponseActFuture, ResponseFuture};
use express_messages::{
    ZegoError,
    audio_device::{
        AttachSink, AttachSource, AudioDeviceEvent, CaptureSource, CloseLocalStream, DetachSink, DetachSource, ForgetPlayout,
        GetCaptureDevice, GetSoundLevels, MonitorCapture, MonitorLocalStream, MuteLocalStream, MuteMicrophone, OpenLocalStream,
        ReplaceCapture, SendCaptured, SetCaptureVolume, SetPlayout, SinkId, SoundLevels, StopCapture, TapCapture, TapPlayout,
    },
    codes,
    ids::{LocalStreamId, StreamId},
};

use super::AudioDeviceActor;
use crate::{
    devices::SCREEN,
    pump::{Capture, LocalStream, PlayedSource, PlayoutId, PumpCommand, SinkEntry, SinkPlace},
    sources::Tone,
    state::{Effect, MicFeed},
};

/// What a source is opened for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) id: LocalStreamId,
    /// Channels that are captured.
    pub(super) channels: usize,
    /// The stream is to be made with it; else it is there, and captures it next.
    new: Option<New>,
}

/// What a stream is made with.
#[derive(Debug, Clone, Copy)]
struct New {
    mixing_delay_ms: u16,
}

impl AudioDeviceActor {
    /// Opens `source`, then lets the stream have it.
    fn open_source(
        &mut self,
        wish: Wish,
        source: CaptureSource,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<(), ZegoError>> {
        let of_source = |source| Some(Capture::of_source(source, wish.channels));
        let capture = match source {
            CaptureSource::Microphone { device_id, voice } => return self.open_mic(wish, device_id, voice, ctx),
            CaptureSource::Screen { voice } => return self.open_mic(wish, Some(SCREEN.into()), voice, ctx),
            CaptureSource::Wav { path, repeat } => return self.open_wav(wish, path, repeat),
            CaptureSource::Nothing if wish.new.is_some() => Ok(None),
            CaptureSource::Pushed(source) => Ok(of_source(source)),
            CaptureSource::Tone { frequency_hz, amplitude } => {
                Tone::new(frequency_hz, amplitude).map(|tone| of_source(Box::new(tone)))
            }
            other => Err(ZegoError::new(
                codes::INPUT_PARAM,
                format!("{other:?} cannot be captured here"),
            )),
        };
        let answer = match capture {
            Ok(capture) => self.source_ready(wish, None, None, capture, ctx),
            Err(error) => Err(self.source_failed(wish, error)),
        };
        Box::pin(actix::fut::ready(answer))
    }

    /// The source is open; `before` goes to the pump first.
    pub(super) fn source_ready(
        &mut self,
        wish: Wish,
        feed: Option<MicFeed>,
        before: Option<PumpCommand>,
        capture: Option<Capture>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ZegoError> {
        let mut effects = Vec::new();
        let before = before.map(Effect::Pump);
        if let Some(new) = wish.new {
            let stream = LocalStream::new(wish.id, capture, wish.channels).with_mixing_delay(new.mixing_delay_ms);
            if !self.state.opened(wish.id, feed, stream.levels()) {
                return Err(closed_meanwhile(wish.id));
            }
            effects.extend(self.state.start_pump());
            effects.extend(before);
            effects.push(Effect::Pump(PumpCommand::AddLocal(Box::new(stream))));
        } else {
            let released = self.state.captured(wish.id, feed).ok_or_else(|| closed_meanwhile(wish.id))?;
            self.forget_ends(|end| *end == AudioDeviceEvent::SourceEnded(wish.id));
            effects.extend(before);
            effects.extend(capture.map(|capture| Effect::Pump(PumpCommand::Capture(wish.id, capture))));
            effects.extend(released);
        }
        self.carry_out(effects, ctx);
        Ok(())
    }

    /// The source cannot be opened; gives `error` back.
    pub(super) fn source_failed(&mut self, wish: Wish, error: ZegoError) -> ZegoError {
        if wish.new.is_some() {
            self.state.abort_open(wish.id);
        }
        error
    }

    /// The played stream `stream_id`, on the pump from its first mention.
    pub(super) fn ensure_playout(&mut self, stream_id: &StreamId, ctx: &mut Context<Self>) -> PlayoutId {
        let (id, add) = self.state.playout(stream_id);
        let start = self.state.start_pump();
        self.carry_out(start.into_iter().chain(add.map(Effect::Pump)).collect(), ctx);
        id
    }

    pub(super) fn send(&mut self, command: Option<PumpCommand>, ctx: &mut Context<Self>) {
        self.carry_out(command.map(Effect::Pump).into_iter().collect(), ctx);
    }

    /// Completes when the files of those of `sinks` that are recordings are complete.
    fn completed(&mut self, sinks: impl IntoIterator<Item = SinkId>) -> ResponseFuture<()> {
        let recordings: Vec<_> = sinks.into_iter().filter_map(|id| self.recordings.remove(&id)).collect();
        Box::pin(async move {
            for recording in recordings {
                // A dropped sender is how it says that it is complete.
                let _ = recording.await;
            }
        })
    }
}

impl Handler<OpenLocalStream> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, Result<(), ZegoError>>;

    fn handle(&mut self, message: OpenLocalStream, ctx: &mut Context<Self>) -> Self::Result {
        let OpenLocalStream {
            id,
            source,
            channels,
            mixing_delay_ms,
        } = message;
        if let Err(error) = self.state.begin_open(id, channels) {
            return Box::pin(actix::fut::err(error));
        }
        let new = Some(New { mixing_delay_ms });
        self.open_source(Wish { id, channels, new }, source, ctx)
    }
}

impl Handler<ReplaceCapture> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, Result<(), ZegoError>>;

    fn handle(&mut self, message: ReplaceCapture, ctx: &mut Context<Self>) -> Self::Result {
        let ReplaceCapture { id, source, channels } = message;
        if let Err(error) = self.state.may_capture(id, channels) {
            return Box::pin(actix::fut::err(error));
        }
        let new = None;
        self.open_source(Wish { id, channels, new }, source, ctx)
    }
}

impl Handler<SendCaptured> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: SendCaptured, ctx: &mut Context<Self>) {
        let effects = self.state.send_captured(message.0);
        self.carry_out(effects, ctx);
    }
}

impl Handler<StopCapture> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: StopCapture, ctx: &mut Context<Self>) {
        self.forget_ends(|end| *end == AudioDeviceEvent::SourceEnded(message.0));
        let effects = self.state.stop_capture(message.0);
        self.carry_out(effects, ctx);
    }
}

impl Handler<CloseLocalStream> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: CloseLocalStream, ctx: &mut Context<Self>) {
        self.forget_ends(
            |end| matches!(end, AudioDeviceEvent::SourceEnded(id) | AudioDeviceEvent::MixingEnded(id, _) if *id == message.0),
        );
        let effects = self.state.close_local(message.0);
        self.carry_out(effects, ctx);
    }
}

impl Handler<SetCaptureVolume> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: SetCaptureVolume, ctx: &mut Context<Self>) {
        let command = self.state.set_volume(message.id, message.percent);
        self.send(command, ctx);
    }
}

impl Handler<MuteLocalStream> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: MuteLocalStream, ctx: &mut Context<Self>) {
        self.send(Some(PumpCommand::SetMuted(message.id, message.muted)), ctx);
    }
}

impl Handler<MuteMicrophone> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: MuteMicrophone, ctx: &mut Context<Self>) {
        let command = self.state.mute_mics(message.0);
        self.send(Some(command), ctx);
    }
}

impl Handler<MonitorLocalStream> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: MonitorLocalStream, ctx: &mut Context<Self>) {
        let command = self.state.monitor(message.id, message.audible, message.percent);
        self.send(command, ctx);
    }
}

impl Handler<MonitorCapture> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: MonitorCapture, ctx: &mut Context<Self>) {
        let command = self.state.monitor_capture(message.id, message.audible, message.percent);
        self.send(command, ctx);
    }
}

impl Handler<GetCaptureDevice> for AudioDeviceActor {
    type Result = Option<String>;

    fn handle(&mut self, message: GetCaptureDevice, _: &mut Context<Self>) -> Self::Result {
        self.state.captured_device(message.0)
    }
}

impl Handler<TapCapture> for AudioDeviceActor {
    type Result = Result<SinkId, ZegoError>;

    fn handle(&mut self, message: TapCapture, ctx: &mut Context<Self>) -> Self::Result {
        self.state.require_open(message.id)?;
        let place = SinkPlace::Captured(message.id);
        let id = self.state.add_sink(place);
        self.send(Some(PumpCommand::AddSink(place, SinkEntry::new(id, message.tap))), ctx);
        Ok(id)
    }
}

impl Handler<AttachSink> for AudioDeviceActor {
    type Result = Result<SinkId, ZegoError>;

    fn handle(&mut self, message: AttachSink, ctx: &mut Context<Self>) -> Self::Result {
        self.state.require_open(message.local_stream)?;
        let place = SinkPlace::Local(message.local_stream);
        let id = self.state.add_sink(place);
        self.send(Some(PumpCommand::AddSink(place, SinkEntry::new(id, message.sink))), ctx);
        Ok(id)
    }
}

impl Handler<DetachSink> for AudioDeviceActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, message: DetachSink, ctx: &mut Context<Self>) -> Self::Result {
        let command = self.state.remove_sink(message.0);
        self.send(command, ctx);
        self.completed([message.0])
    }
}

impl Handler<AttachSource> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: AttachSource, ctx: &mut Context<Self>) {
        let id = self.ensure_playout(&message.stream_id, ctx);
        self.send(Some(PumpCommand::SetSource(id, PlayedSource(Some(message.source)))), ctx);
    }
}

impl Handler<DetachSource> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: DetachSource, ctx: &mut Context<Self>) {
        let id = self.state.known_playout(&message.0);
        self.send(id.map(|id| PumpCommand::SetSource(id, PlayedSource(None))), ctx);
    }
}

impl Handler<SetPlayout> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: SetPlayout, ctx: &mut Context<Self>) {
        self.ensure_playout(&message.stream_id, ctx);
        let command = self.state.set_playout(&message.stream_id, message.audible, message.percent);
        self.send(command, ctx);
    }
}

impl Handler<GetSoundLevels> for AudioDeviceActor {
    type Result = SoundLevels;

    fn handle(&mut self, _: GetSoundLevels, _: &mut Context<Self>) -> Self::Result {
        self.state.sound_levels()
    }
}

impl Handler<TapPlayout> for AudioDeviceActor {
    type Result = actix::MessageResult<TapPlayout>;

    fn handle(&mut self, message: TapPlayout, ctx: &mut Context<Self>) -> Self::Result {
        let place = SinkPlace::Playout(self.ensure_playout(&message.stream_id, ctx));
        let id = self.state.add_sink(place);
        self.send(Some(PumpCommand::AddSink(place, SinkEntry::new(id, message.tap))), ctx);
        actix::MessageResult(id)
    }
}

impl Handler<ForgetPlayout> for AudioDeviceActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, message: ForgetPlayout, ctx: &mut Context<Self>) -> Self::Result {
        let (effects, sinks) = self.state.forget_playout(&message.0);
        self.carry_out(effects, ctx);
        self.completed(sinks)
    }
}

fn closed_meanwhile(id: LocalStreamId) -> ZegoError {
    let message = format!("local stream {} was closed while its source was being opened", id.0);
    ZegoError::new(codes::LOCALSTREAM_WRONG, message)
}
