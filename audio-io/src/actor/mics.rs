//! Opening microphones and the speaker.

use actix::{ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{SetAutoSwitch, SetCaptureDevice},
    codes,
    ids::LocalStreamId,
};

use super::{AudioDeviceActor, NO_ANSWER, answered, now, streams::Wish};
use crate::{
    devices::{InputPort, OpenDeviceError, Opened, OutputPort, SCREEN, StreamKey},
    pump::{Capture, MicId, MicInput, PumpCommand, SpeakerOut},
    state::MicFeed,
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
            let feed = MicFeed { mic, asked: device_id };
            let answer = self.mic_ready(wish, feed, None, ctx);
            return Box::pin(actix::fut::ready(answer));
        }
        let mic = self.state.new_mic();
        let opening = self.desk.open_input(StreamKey(mic.0), device_id.clone());
        Box::pin(
            answered(opening)
                .into_actor(self)
                .map(move |opened, this, ctx| match this.take_mic(mic, opened) {
                    Ok((mic, input)) => {
                        let feed = MicFeed { mic, asked: device_id };
                        this.mic_ready(wish, feed, input, ctx)
                    }
                    Err(error) => Err(this.source_failed(wish, error)),
                }),
        )
    }

    /// Opens a microphone as `key` for streams that need another.
    pub(super) fn reopen_mic(&mut self, key: StreamKey, device_id: Option<String>, ctx: &mut Context<Self>) {
        let opening = answered(self.desk.open_input(key, device_id));
        ctx.spawn(opening.into_actor(self).map(move |opened, this, ctx| {
            let effects = match this.take_mic(MicId(key.0), opened) {
                Ok((mic, input)) => {
                    input.into_iter().for_each(|input| this.pump.send(PumpCommand::AddMic(input)));
                    let mut effects = this.state.reopened(key, now());
                    effects.extend(this.state.drop_unused_mic(mic));
                    effects
                }
                Err(error) => {
                    tracing::debug!(%error, "no microphone in place of the former");
                    this.state.not_reopened(key, now());
                    Vec::new()
                }
            };
            this.carry_out(effects, ctx);
        }));
    }

    fn take_mic(
        &mut self,
        mic: MicId,
        opened: Option<Result<Opened<InputPort>, OpenDeviceError>>,
    ) -> Result<(MicId, Option<Box<MicInput>>), ZegoError> {
        let opened = opened.unwrap_or_else(|| Err(no_answer("microphone")));
        opened
            .map_err(ZegoError::from)
            .and_then(|opened| self.mic_opened(mic, opened))
    }

    /// The device of `mic` runs; answers the microphone to use, with its input where it is new to the pump.
    fn mic_opened(&mut self, mic: MicId, opened: Opened<InputPort>) -> Result<(MicId, Option<Box<MicInput>>), ZegoError> {
        let key = StreamKey(mic.0);
        let health = opened.port.health.clone();
        let input = match MicInput::new(mic, opened.port, self.state.mics_muted()) {
            Ok(input) if opened.device_id == SCREEN => Box::new(input.of_screen()),
            Ok(input) => Box::new(input),
            Err(error) => {
                self.desk.close(key);
                let (name, reason) = (opened.name, error.to_string());
                return Err(OpenDeviceError::Format { name, reason }.into());
            }
        };
        let used = self.state.mic_opened(mic, opened.device_id, opened.name, now());
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
        feed: MicFeed,
        input: Option<Box<MicInput>>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ZegoError> {
        let mic = feed.mic;
        let before = input.map(PumpCommand::AddMic);
        let added = self.source_ready(wish, Some(feed), before, Some(Capture::of_mic(mic, wish.channels)), ctx);
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

impl Handler<SetCaptureDevice> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, Result<(), ZegoError>>;

    fn handle(&mut self, message: SetCaptureDevice, ctx: &mut Context<Self>) -> Self::Result {
        let SetCaptureDevice { id, device_id } = message;
        if let Err(error) = self.is_mic_stream(id) {
            return Box::pin(actix::fut::err(error));
        }
        if let Some(mic) = self.state.find_mic(Some(&device_id)) {
            let effects = self.state.choose_mic(id, device_id, mic);
            self.carry_out(effects, ctx);
            return Box::pin(actix::fut::ok(()));
        }
        let mic = self.state.new_mic();
        let opening = self.desk.open_input(StreamKey(mic.0), Some(device_id.clone()));
        Box::pin(answered(opening).into_actor(self).map(move |opened, this, ctx| {
            let (mic, input) = this.take_mic(mic, opened)?;
            input.into_iter().for_each(|input| this.pump.send(PumpCommand::AddMic(input)));
            // The stream may have been closed meanwhile.
            let answer = this.is_mic_stream(id);
            let mut effects = this.state.choose_mic(id, device_id, mic);
            effects.extend(this.state.drop_unused_mic(mic));
            this.carry_out(effects, ctx);
            answer
        }))
    }
}

impl AudioDeviceActor {
    /// # Errors
    /// 1103044 where there is no such stream, 1103046 where it is none of a microphone.
    fn is_mic_stream(&mut self, id: LocalStreamId) -> Result<(), ZegoError> {
        if !self.state.is_open(id) {
            let text = format!("there is no local stream {}; open it first", id.0);
            return Err(ZegoError::new(codes::PUBLISH_NO_PREVIEW, text));
        }
        if !self.state.is_mic_stream(id) {
            let text = format!("local stream {} captures no microphone, so it cannot have another", id.0);
            return Err(ZegoError::new(codes::PUBLISHER_NO_AUDIO, text));
        }
        Ok(())
    }
}

impl Handler<SetAutoSwitch> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: SetAutoSwitch, ctx: &mut Context<Self>) {
        let effects = self.state.set_auto_switch(message.0, now());
        self.carry_out(effects, ctx);
    }
}
