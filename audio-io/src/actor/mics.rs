//! Opening microphones.

use actix::{ActorFutureExt, AsyncContext, Context, Handler, MessageResult, ResponseActFuture, WrapFuture};
use express_messages::{
    ZegoError,
    audio_device::{GetVoiceStatistics, SetAutoSwitch, SetCaptureDevice, SetVoice},
    codes,
    ids::LocalStreamId,
    voice::VoiceConfig,
};

use super::{AudioDeviceActor, NO_ANSWER, answered, now, streams::Wish};
use crate::{
    devices::{InputPort, OpenDeviceError, Opened, SCREEN, StreamKey},
    pump::{Capture, MicId, MicInput, PumpCommand, Voice},
    state::MicFeed,
};

impl AudioDeviceActor {
    /// Opens a microphone for a local stream; it may be open already.
    pub(super) fn open_mic(
        &mut self,
        wish: Wish,
        device_id: Option<String>,
        config: VoiceConfig,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<(), ZegoError>> {
        let voice = Voice {
            config,
            channels: wish.channels,
        };
        if let Some(mic) = self.state.find_mic(device_id.as_deref()) {
            let asked = device_id;
            let feed = MicFeed { mic, asked, voice };
            let answer = self.mic_ready(wish, feed, None, ctx);
            return Box::pin(actix::fut::ready(answer));
        }
        let mic = self.state.new_mic();
        let opening = self.desk.open_input(StreamKey(mic.0), device_id.clone());
        Box::pin(
            answered(opening)
                .into_actor(self)
                .map(move |opened, this, ctx| match this.take_mic(mic, voice, opened) {
                    Ok((mic, input)) => {
                        let asked = device_id;
                        let feed = MicFeed { mic, asked, voice };
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
            let voice = this.state.take_voice(key);
            let effects = match this.take_mic(MicId(key.0), voice, opened) {
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
        voice: Voice,
        opened: Option<Result<Opened<InputPort>, OpenDeviceError>>,
    ) -> Result<(MicId, Option<Box<MicInput>>), ZegoError> {
        let opened = opened.unwrap_or_else(|| Err(no_answer("microphone")));
        opened
            .map_err(ZegoError::from)
            .and_then(|opened| self.mic_opened(mic, voice, opened))
    }

    /// The device of `mic` runs; answers the microphone to use, with its input where it is new to the pump.
    fn mic_opened(
        &mut self,
        mic: MicId,
        voice: Voice,
        opened: Opened<InputPort>,
    ) -> Result<(MicId, Option<Box<MicInput>>), ZegoError> {
        let key = StreamKey(mic.0);
        let health = opened.port.health.clone();
        let input = match MicInput::new(mic, opened.port, self.state.mics_muted()) {
            Ok(input) if opened.device_id == SCREEN => Box::new(input.of_screen().with_voice(voice)),
            Ok(input) => Box::new(input.with_voice(voice)),
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
        if let Some(report) = input.voice_report() {
            self.state.chain_built(mic, voice, report);
        }
        Ok((mic, Some(input)))
    }

    fn mic_ready(
        &mut self,
        wish: Wish,
        feed: MicFeed,
        input: Option<Box<MicInput>>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ZegoError> {
        let (mic, voice) = (feed.mic, feed.voice);
        let before = input.map(PumpCommand::AddMic);
        let added = self.source_ready(wish, Some(feed), before, Some(Capture::of_mic(mic, wish.channels)), ctx);
        let mut effects = Vec::new();
        if added.is_ok() {
            effects.extend(self.state.ask_voice(mic, voice));
        }
        // Where the stream was closed meanwhile the microphone may have no user.
        effects.extend(self.state.drop_unused_mic(mic));
        self.carry_out(effects, ctx);
        added
    }
}

pub(super) fn no_answer(what: &str) -> OpenDeviceError {
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
            let (mic, input) = this.take_mic(mic, this.state.voice_of(id), opened)?;
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
    fn is_mic_stream(&self, id: LocalStreamId) -> Result<(), ZegoError> {
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

impl Handler<SetVoice> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, SetVoice { id, voice }: SetVoice, ctx: &mut Context<Self>) {
        let effects = self.state.set_voice(id, voice);
        self.carry_out(effects.into_iter().collect(), ctx);
    }
}

impl Handler<GetVoiceStatistics> for AudioDeviceActor {
    type Result = MessageResult<GetVoiceStatistics>;

    fn handle(&mut self, message: GetVoiceStatistics, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.state.voice_statistics(message.0))
    }
}
