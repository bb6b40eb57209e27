//! Opening speakers, and choosing one for a stream.

use actix::{ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture, fut};
use express_messages::{
    ZegoError,
    audio_device::{HeardStream, SetOutputDevice},
    codes,
};

use super::{AudioDeviceActor, answered, mics::no_answer, now};
use crate::{
    devices::{OpenDeviceError, Opened, OutputPort, StreamKey},
    pump::{OutputId, PumpCommand, SpeakerOut},
    state::{Choice, ChoiceNeeds},
};

/// What a choice of a speaker is answered.
type Answer = ResponseActFuture<AudioDeviceActor, Result<(), ZegoError>>;

impl AudioDeviceActor {
    /// Opens a speaker, `None` the default one, that streams need. Where there is none, everything goes on in silence.
    pub(super) fn open_speaker(&mut self, id: OutputId, device_id: Option<String>, ctx: &mut Context<Self>) {
        let opening = answered(self.desk.open_output(StreamKey(id.0), device_id.clone()));
        ctx.spawn(opening.into_actor(self).map(move |opened, this, ctx| {
            let effects = match this.take_speaker(id, device_id, opened) {
                Ok(()) => Vec::new(),
                Err(error) => {
                    tracing::debug!(%error, "no speaker");
                    this.state.speaker_not_opened(id, now())
                }
            };
            this.carry_out(effects, ctx);
        }));
    }

    /// The pump gets the speaker that was opened as `wanted`, if it is needed still.
    fn take_speaker(
        &mut self,
        id: OutputId,
        wanted: Option<String>,
        opened: Option<Result<Opened<OutputPort>, OpenDeviceError>>,
    ) -> Result<(), OpenDeviceError> {
        let opened = opened.unwrap_or_else(|| Err(no_answer("speaker")))?;
        let key = StreamKey(id.0);
        let health = opened.port.health.clone();
        let speaker = SpeakerOut::new(id, opened.port).map_err(|error| {
            self.desk.close(key);
            OpenDeviceError::Format {
                name: opened.name.clone(),
                reason: error.to_string(),
            }
        })?;
        if self.state.speaker_opened(id, wanted, opened.device_id, opened.name, now()) {
            self.devices.insert(key, health);
            self.pump.send(PumpCommand::AddSpeaker(Box::new(speaker)));
        } else {
            self.desk.close(key);
        }
        Ok(())
    }

    /// Chooses a speaker for a stream that is heard: it is opened first.
    fn choose_opened(&mut self, stream: HeardStream, device_id: String, choice: Choice) -> Answer {
        let id = self.state.new_output();
        let opening = answered(self.desk.open_output(StreamKey(id.0), Some(device_id.clone())));
        Box::pin(opening.into_actor(self).map(move |opened, this, ctx| {
            if let Err(error) = this.take_speaker(id, Some(device_id.clone()), opened)
                // It may have been opened meanwhile, for another stream.
                && !this.state.has_speaker(&device_id)
            {
                return Err(cannot_be_used(&error.to_string()));
            }
            let chosen = this.state.end_choice(&stream, Some(device_id), choice);
            this.carry_out(Vec::new(), ctx);
            chosen
        }))
    }

    /// Chooses a speaker for a stream that is not heard now.
    fn choose_listed(&mut self, stream: HeardStream, device_id: String, choice: Choice) -> Answer {
        Box::pin(answered(self.desk.list()).into_actor(self).map(move |list, this, ctx| {
            let list = list.and_then(Result::ok).unwrap_or_default();
            if !list.outputs.iter().any(|speaker| speaker.device_id == device_id) {
                return Err(cannot_be_used(&OpenDeviceError::NotFound(Some(device_id)).to_string()));
            }
            let chosen = this.state.end_choice(&stream, Some(device_id), choice);
            this.carry_out(Vec::new(), ctx);
            chosen
        }))
    }
}

impl Handler<SetOutputDevice> for AudioDeviceActor {
    type Result = Answer;

    fn handle(&mut self, message: SetOutputDevice, ctx: &mut Context<Self>) -> Self::Result {
        let SetOutputDevice { stream, device_id } = message;
        if let HeardStream::Played(id) = &stream {
            self.ensure_playout(id, ctx);
        }
        let begun = self.state.begin_choice(&stream, device_id.as_deref());
        match (begun, device_id) {
            (Err(error), _) => Box::pin(fut::err(error)),
            (Ok((choice, ChoiceNeeds::Open)), Some(id)) => self.choose_opened(stream, id, choice),
            (Ok((choice, ChoiceNeeds::List)), Some(id)) => self.choose_listed(stream, id, choice),
            (Ok((choice, _)), device_id) => {
                let chosen = self.state.end_choice(&stream, device_id, choice);
                self.carry_out(Vec::new(), ctx);
                Box::pin(fut::ready(chosen))
            }
        }
    }
}

fn cannot_be_used(why: &str) -> ZegoError {
    ZegoError::new(codes::SET_AUDIO_OUTPUT_ERROR, format!("the speaker cannot be used: {why}"))
}
