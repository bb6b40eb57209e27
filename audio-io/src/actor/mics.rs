//! Opening microphones and the speaker.

use actix::{ActorFutureExt, AsyncContext, Context, ResponseActFuture, WrapFuture};
use express_messages::ZegoError;

use super::{AudioDeviceActor, NO_ANSWER, answered, now, streams::Wish};
use crate::{
    devices::{InputPort, OpenDeviceError, Opened, OutputPort, StreamKey},
    pump::{Capture, MicId, MicInput, PumpCommand, SpeakerOut},
};

impl AudioDeviceActor {
    /// Opens a microphone for a local stream; it may be open already.
    pub(super) fn open_mic(
        &mut self,
        wish: Wish,
        device_id: Option<String>,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<(), ZegoError>> {
        if let Some(mic) = self.state.find_mic(device_id.as_deref()) {
            let answer = self.mic_ready(wish, mic, None, ctx);
            return Box::pin(actix::fut::ready(answer));
        }
        let mic = self.state.new_mic();
        let opening = self.desk.open_input(StreamKey(mic.0), device_id.clone());
        Box::pin(answered(opening).into_actor(self).map(move |opened, this, ctx| {
            let opened = opened.unwrap_or_else(|| Err(no_answer("microphone")));
            let ready = opened
                .map_err(ZegoError::from)
                .and_then(|opened| this.mic_opened(mic, device_id, opened));
            match ready {
                Ok((used, input)) => this.mic_ready(wish, used, input, ctx),
                Err(error) => Err(this.source_failed(wish, error)),
            }
        }))
    }

    /// The device of `mic` runs; answers the microphone to use, with its input where it is new to the pump.
    fn mic_opened(
        &mut self,
        mic: MicId,
        asked: Option<String>,
        opened: Opened<InputPort>,
    ) -> Result<(MicId, Option<Box<MicInput>>), ZegoError> {
        let key = StreamKey(mic.0);
        let health = opened.port.health.clone();
        let input = match MicInput::new(mic, opened.port, self.state.mics_muted()) {
            Ok(input) => Box::new(input),
            Err(error) => {
                self.desk.close(key);
                let (name, reason) = (opened.name, error.to_string());
                return Err(OpenDeviceError::Format { name, reason }.into());
            }
        };
        let used = self.state.mic_opened(mic, asked, opened.device_id, opened.name, now());
        if used != mic {
            self.desk.close(key);
            return Ok((used, None));
        }
        self.devices.insert(key, health);
        Ok((mic, Some(input)))
    }

    fn mic_ready(
        &mut self,
        wish: Wish,
        mic: MicId,
        input: Option<Box<MicInput>>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ZegoError> {
        let before = input.map(PumpCommand::AddMic);
        let added = self.source_ready(wish, Some(mic), before, Some(Capture::of_mic(mic, wish.channels)), ctx);
        // Where the stream was closed meanwhile the microphone may have no user.
        let effects = self.state.drop_unused_mic(mic);
        self.carry_out(effects, ctx);
        added
    }

    /// Opens the default speaker as `key`. Where there is none, everything goes on in silence.
    pub(super) fn open_speaker(&mut self, key: StreamKey, ctx: &mut Context<Self>) {
        let opening = answered(self.desk.open_output(key))
            .into_actor(self)
            .map(move |opened, this, ctx| {
                let opened = opened.unwrap_or_else(|| Err(no_answer("speaker")));
                let wanted = opened.and_then(|opened| this.speaker_opened(key, opened));
                if let Err(error) = wanted {
                    tracing::info!(%error, "no speaker");
                    this.state.speaker_not_opened(key, now());
                }
                this.carry_out(Vec::new(), ctx);
            });
        ctx.spawn(opening);
    }

    fn speaker_opened(&mut self, key: StreamKey, opened: Opened<OutputPort>) -> Result<(), OpenDeviceError> {
        let health = opened.port.health.clone();
        let speaker = SpeakerOut::new(opened.port).map_err(|error| {
            self.desk.close(key);
            OpenDeviceError::Format {
                name: opened.name.clone(),
                reason: error.to_string(),
            }
        })?;
        if self.state.speaker_opened(key, opened.name, now()) {
            self.devices.insert(key, health);
            self.pump.send(PumpCommand::SetSpeaker(Box::new(speaker)));
        } else {
            self.desk.close(key);
        }
        Ok(())
    }
}

fn no_answer(what: &str) -> OpenDeviceError {
    OpenDeviceError::Failed {
        name: what.into(),
        reason: NO_ANSWER.into(),
    }
}
