//! An audio device part that notes what passes between the pump and the codecs. All else is the engine's own part.

use std::time::Instant;

use actix::{Actor, Context, Handler, Recipient, ResponseFuture};
use crossbeam_channel::Receiver;
use express_audio_io::AudioIo;
use express_messages::{
    ZegoError,
    audio::{AudioBlock, CaptureSink, PlayoutSource},
    audio_device::{
        AttachSink, AttachSource, AudioDeviceEvent, AudioDeviceFactory, AudioDeviceLink, AudioDeviceOptions, AudioDevicePeers,
        SinkId,
    },
    codes,
};

use crate::track::{Passed, Tap};

/// The engine's own audio device part, with a tap where sound goes to an encoder or comes from a decoder.
pub(crate) struct Probed {
    inner: AudioIo,
    tap: Tap,
}

impl Probed {
    /// `inner` with a tap, and what the tap notes.
    pub(crate) fn new(inner: AudioIo) -> (Self, Receiver<Passed>) {
        let (tap, passed) = Tap::new();
        (Self { inner, tap }, passed)
    }
}

impl AudioDeviceFactory for Probed {
    fn start(
        &self,
        options: AudioDeviceOptions,
        events: Recipient<AudioDeviceEvent>,
        peers: AudioDevicePeers,
    ) -> AudioDeviceLink {
        let link = self.inner.start(options, events, peers);
        let probe = Probe {
            attach_sink: link.attach_sink.clone(),
            attach_source: link.attach_source.clone(),
            tap: self.tap.clone(),
        };
        let probe = probe.start();
        AudioDeviceLink {
            attach_sink: probe.clone().recipient(),
            attach_source: probe.recipient(),
            ..link
        }
    }
}

/// Puts a tap into what is attached, and passes it on.
struct Probe {
    attach_sink: Recipient<AttachSink>,
    attach_source: Recipient<AttachSource>,
    tap: Tap,
}

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<AttachSink> for Probe {
    type Result = ResponseFuture<Result<SinkId, ZegoError>>;

    fn handle(&mut self, message: AttachSink, _: &mut Context<Self>) -> Self::Result {
        let tapped = AttachSink {
            sink: Box::new(TappedSink(self.tap.clone(), message.sink)),
            ..message
        };
        let asked = self.attach_sink.send(tapped);
        Box::pin(async move {
            let gone = |_| ZegoError::new(codes::ENGINE_NOT_CREATED, "the audio device part has ended");
            asked.await.map_err(gone)?
        })
    }
}

impl Handler<AttachSource> for Probe {
    type Result = ();

    fn handle(&mut self, message: AttachSource, _: &mut Context<Self>) {
        self.attach_source.do_send(AttachSource {
            source: Box::new(TappedSource(self.tap.clone(), message.source)),
            ..message
        });
    }
}

struct TappedSink(Tap, Box<dyn CaptureSink>);

impl CaptureSink for TappedSink {
    fn on_block(&mut self, block: &AudioBlock, now: Instant) {
        // Not `now`, which is the same for all blocks of a tick.
        self.0.note(block, Instant::now());
        self.1.on_block(block, now);
    }
}

struct TappedSource(Tap, Box<dyn PlayoutSource>);

impl PlayoutSource for TappedSource {
    fn next_block(&mut self, out: &mut AudioBlock, now: Instant) {
        self.1.next_block(out, now);
        self.0.note(out, Instant::now());
    }
}
