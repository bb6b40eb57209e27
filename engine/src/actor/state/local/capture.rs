//! What a local stream captures, and when its publications send it.
//!
//! ```text
//!               startCapture...               updatePublishingStream, or unpublished
//!   captured: ──────────────────► waiting ─────────────────────────────────────────► sent
//!                                    │ stopCaptureAudio                               │ stopCaptureAudio
//!                                    ▼                                                ▼
//!                        nothing; what is sent goes on                         nothing; silence is sent
//! ```

use express_messages::{ZegoError, codes, ids::LocalStreamId};

use super::{CallId, Command, EngineState, LifeId, LocalStream, Step, unknown};
use crate::{events::DeviceError, reply::part_gone, streams::Feed};

/// What a local stream captures.
#[derive(Debug, Clone)]
pub(super) enum Captured {
    Nothing,
    /// What is sent.
    Sent,
    /// Something else, which is not sent yet.
    Waiting(Feed),
}

impl EngineState {
    /// `startCaptureMicrophone`, `startCaptureCustomAudio`. The answer comes when the source is open.
    pub(crate) fn start_capture(
        &self,
        id: Option<LocalStreamId>,
        mut feed: Feed,
        call: CallId,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        self.device_works()?;
        if let (Some(local), Some(voice)) = (self.locals.get(&id), feed.source.voice()) {
            voice.ai_denoise = local.ai_denoise.wanted();
        }
        let call = Some(call);
        out.command(Command::ReplaceCapture { id, feed, call });
        Ok(())
    }

    /// The audio device part `life` captures `feed`, or could not open it. Without a `call` the stream captured it before that
    /// part was started afresh.
    pub(crate) fn on_captured(
        &mut self,
        id: LocalStreamId,
        life: LifeId,
        feed: Feed,
        call: Option<CallId>,
        result: Result<(), ZegoError>,
        out: &mut Step,
    ) {
        let runs = self.alive().is_ok() && self.device_is(life);
        if !runs {
            return out.answer(call, result.and(Err(part_gone())));
        }
        let was_published = self.publishes(id);
        let Some(local) = self.locals.get_mut(&id) else {
            return out.answer(call, Err(unknown()));
        };
        match &result {
            Ok(()) => {
                local.captured = Captured::Waiting(feed);
                if local.sent.is_none() || !was_published {
                    self.send_captured(id, out);
                }
            }
            Err(error) if call.is_none() => {
                local.captured = Captured::Nothing;
                out.emit(DeviceError {
                    error_code: error.code,
                    device_name: String::new(),
                });
            }
            Err(_) => {}
        }
        out.answer(call, result);
    }

    /// `stopCaptureAudio`.
    pub(crate) fn stop_capture(&mut self, id: LocalStreamId, out: &mut Step) -> bool {
        let was_microphone = self.is_microphone(id);
        let Some(local) = self.locals.get_mut(&id).filter(|local| local.is_capturing()) else {
            return false;
        };
        if let Captured::Sent = std::mem::replace(&mut local.captured, Captured::Nothing) {
            local.sent = None;
        }
        out.command(Command::StopCapture(id));
        self.note_other_source(id, was_microphone, out);
        true
    }

    /// `updatePublishingStream`.
    pub(crate) fn update_publishing(&mut self, id: Option<LocalStreamId>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let id = id.ok_or_else(|| {
            let text = "this engine did not make that local stream; use create_zego_stream";
            ZegoError::new(codes::NOT_ZEGO_STREAM, text)
        })?;
        let id = self.known(Some(id))?;
        if !self.is_capturing(id) {
            let text = "that local stream captures nothing; call start_capture_microphone or start_capture_custom_audio";
            return Err(ZegoError::new(codes::ZEGO_STREAM_NOT_AUDIO, text));
        }
        self.send_captured(id, out);
        Ok(())
    }

    /// Whether that local stream captures something.
    pub(crate) fn is_capturing(&self, id: LocalStreamId) -> bool {
        self.locals.get(&id).is_some_and(LocalStream::is_capturing)
    }

    fn send_captured(&mut self, id: LocalStreamId, out: &mut Step) {
        let was_microphone = self.is_microphone(id);
        let Some(local) = self.locals.get_mut(&id) else { return };
        if let Captured::Waiting(feed) = std::mem::replace(&mut local.captured, Captured::Sent) {
            local.sent = Some(feed);
            out.command(Command::SendCaptured(id));
            self.note_other_source(id, was_microphone, out);
        }
    }

    /// A muted microphone silences only what is one: others are told where that changes.
    fn note_other_source(&self, id: LocalStreamId, was_microphone: bool, out: &mut Step) {
        if self.microphone.wanted() && was_microphone != self.is_microphone(id) {
            self.note_muted(|local| local == id, out);
        }
    }
}

impl LocalStream {
    fn is_capturing(&self) -> bool {
        !matches!(self.captured, Captured::Nothing)
    }
}
