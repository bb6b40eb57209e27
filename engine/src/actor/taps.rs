//! Readers and recordings of streams at the audio device part.

use actix::Context;
use express_messages::{
    ZegoError,
    audio_device::{CloseLocalStream, DetachSink, ForgetPlayout, RecordPlayout, SinkId, TapCapture, TapPlayout},
    ids::{LocalStreamId, StreamId},
};

use super::{
    commands::tell,
    engine_actor::EngineActor,
    state::{LifeId, TapKey},
};
use crate::{reply::Completion, streams::FrameTap};

/// A reader or recording.
#[derive(Debug)]
pub(super) struct Tap {
    at: Tapped,
    /// `None` while it is only asked for.
    sink: Option<SinkId>,
}

/// What a tap copies.
#[derive(Debug, PartialEq, Eq)]
enum Tapped {
    /// What a local stream captures.
    Capture(LocalStreamId),
    /// A played stream.
    Playout(StreamId),
}

impl Tap {
    fn asked(at: Tapped) -> Self {
        Self { at, sink: None }
    }
}

impl EngineActor {
    pub(super) fn tap_capture(&mut self, id: LocalStreamId, tap: Box<FrameTap>, key: TapKey, ctx: &mut Context<Self>) {
        self.taps.insert(key, Tap::asked(Tapped::Capture(id)));
        self.ask_device(
            TapCapture { id, tap },
            |link| &link.tap_capture,
            ctx,
            move |engine, life, sink: Result<SinkId, ZegoError>| engine.on_tapped(life, key, sink.ok()),
        );
    }

    pub(super) fn tap(&mut self, stream_id: StreamId, tap: Box<FrameTap>, key: TapKey, ctx: &mut Context<Self>) {
        self.taps.insert(key, Tap::asked(Tapped::Playout(stream_id.clone())));
        let tap = TapPlayout { stream_id, tap };
        self.ask_device(
            tap,
            |link| &link.tap_playout,
            ctx,
            move |engine, life, sink| {
                engine.on_tapped(life, key, sink.ok());
            },
        );
    }

    pub(super) fn record(&mut self, record: RecordPlayout, key: TapKey, done: Completion<()>, ctx: &mut Context<Self>) {
        self.taps.insert(key, Tap::asked(Tapped::Playout(record.stream_id.clone())));
        self.ask_device(
            record,
            |link| &link.record_playout,
            ctx,
            move |engine, life, result| {
                engine.on_tapped(life, key, result.as_ref().ok().copied());
                done.complete(result.map(drop));
            },
        );
    }

    /// A tap is there, or could not be had. One that nobody wants any more is given back.
    fn on_tapped(&mut self, life: LifeId, key: TapKey, sink: Option<SinkId>) {
        match (self.taps.get_mut(&key), sink) {
            (Some(tap), Some(sink)) => tap.sink = Some(sink),
            (Some(_), None) => drop(self.taps.remove(&key)),
            // Only by the part that named it: to another one the name means something else.
            (None, Some(sink)) if self.device.as_ref().is_some_and(|(device, _)| *device == life) => {
                tell(self.device(), |link| &link.detach_sink, DetachSink(sink));
            }
            (None, _) => {}
        }
    }

    pub(super) fn remove_tap(&mut self, key: TapKey, done: Option<Completion<()>>, ctx: &mut Context<Self>) {
        let complete = move |result| {
            if let Some(done) = done {
                done.complete(result);
            }
        };
        match self.taps.remove(&key).and_then(|tap| tap.sink) {
            Some(sink) => {
                let detach = DetachSink(sink);
                self.ask_device(detach, |link| &link.detach_sink, ctx, |_, _, result| complete(result));
            }
            // It is not there yet, and will be given back; or its stream was stopped, and its file closed with it.
            None => complete(Ok(())),
        }
    }

    pub(super) fn forget_playout(&mut self, stream_id: StreamId) {
        self.taps
            .retain(|_, tap| !matches!(&tap.at, Tapped::Playout(id) if *id == stream_id));
        tell(self.device(), |link| &link.forget_playout, ForgetPlayout(stream_id));
    }

    pub(super) fn close_local(&mut self, id: LocalStreamId) {
        self.taps.retain(|_, tap| tap.at != Tapped::Capture(id));
        tell(self.device(), |link| &link.close, CloseLocalStream(id));
    }
}
