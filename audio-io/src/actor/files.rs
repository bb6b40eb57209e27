//! Local streams of WAV files, and recordings.

use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{RecordPlayout, SinkId},
    codes,
    ids::LocalStreamId,
};
use std::path::PathBuf;

use super::AudioDeviceActor;
use crate::{
    files::Opening,
    pump::{LocalStream, PlayoutId, PumpCommand, SinkEntry, SinkPlace},
    sinks::{Recording, record_wav},
    sources::open_wav,
};

impl AudioDeviceActor {
    /// Opens a local stream of a WAV file.
    pub(super) fn open_wav_stream(
        &mut self,
        id: LocalStreamId,
        path: PathBuf,
        repeat: bool,
        channels: usize,
    ) -> ResponseActFuture<Self, Result<(), ZegoError>> {
        let Opening { answer, worker } = open_wav(path, repeat, self.file_mode());
        self.files.extend(worker);
        Box::pin(answer.into_actor(self).map(move |opened, this, ctx| {
            let wav = match opened {
                Ok(Ok(wav)) => wav,
                Ok(Err(error)) => {
                    this.state.abort_open(id);
                    return Err(error.into());
                }
                Err(_) => {
                    this.state.abort_open(id);
                    return Err(ZegoError::new(codes::INPUT_PARAM, "the WAV file cannot be read"));
                }
            };
            this.add_local(id, None, None, LocalStream::of_source(id, wav.source, channels), ctx)?;
            if !repeat {
                this.running_files.push((id, wav.ended));
            }
            Ok(())
        }))
    }

    fn add_recording(&mut self, place: PlayoutId, recording: Recording) -> SinkId {
        let place = SinkPlace::Playout(place);
        let id = self.state.add_sink(place);
        self.pump
            .send(PumpCommand::AddSink(place, SinkEntry::new(id, recording.sink)));
        self.recordings.insert(id, recording.complete);
        id
    }
}

impl Handler<RecordPlayout> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, Result<SinkId, ZegoError>>;

    fn handle(&mut self, message: RecordPlayout, ctx: &mut Context<Self>) -> Self::Result {
        let RecordPlayout {
            stream_id,
            path,
            channels,
        } = message;
        if !(1..=2).contains(&channels) {
            let text = format!("a recording of {channels} channels cannot be made; use 1 or 2");
            return Box::pin(actix::fut::err(ZegoError::new(codes::INPUT_PARAM, text)));
        }
        let place = self.ensure_playout(&stream_id, ctx);
        let Opening { answer, worker } = record_wav(path, channels, self.file_mode());
        self.files.extend(worker);
        Box::pin(answer.into_actor(self).map(move |opened, this, _| match opened {
            Ok(Ok(_)) if this.state.known_playout(&stream_id) != Some(place) => Err(ZegoError::new(
                codes::INPUT_PARAM,
                "the stream was stopped before its recording began",
            )),
            Ok(Ok(recording)) => Ok(this.add_recording(place, recording)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ZegoError::new(codes::INPUT_PARAM, "the recording cannot be made")),
        }))
    }
}
