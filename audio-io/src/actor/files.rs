//! Local streams of WAV files, and recordings.

use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{AudioDeviceEvent, RecordPlayout, SinkId},
    codes,
};
use std::path::PathBuf;
use tokio::sync::oneshot::error::RecvError;

use super::{AudioDeviceActor, streams::Wish};
use crate::{
    files::{FileError, Opening},
    pump::{Capture, PlayoutId, PumpCommand, SinkEntry, SinkPlace},
    sinks::{Recording, record_wav},
    sources::{OpenedWav, open_wav},
};

impl AudioDeviceActor {
    /// Opens a WAV file for a local stream.
    pub(super) fn open_wav(&mut self, wish: Wish, path: PathBuf, repeat: bool) -> ResponseActFuture<Self, Result<(), ZegoError>> {
        let Opening { answer, worker } = open_wav(path, repeat, self.file_mode());
        self.files.extend(worker);
        Box::pin(answer.into_actor(self).map(move |answer, this, ctx| {
            let wav = opened(answer).map_err(|error| this.source_failed(wish, error))?;
            let capture = Capture::of_source(wav.source, wish.channels);
            this.source_ready(wish, None, None, Some(capture), ctx)?;
            if !repeat {
                let end = AudioDeviceEvent::SourceEnded(wish.id);
                this.running_files.push((end, wav.ended));
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

/// What became of a WAV file that was to be played.
pub(super) fn opened(answer: Result<Result<OpenedWav, FileError>, RecvError>) -> Result<OpenedWav, ZegoError> {
    match answer {
        Ok(opened) => opened.map_err(ZegoError::from),
        Err(_) => Err(ZegoError::new(codes::INPUT_PARAM, "the WAV file cannot be read")),
    }
}
