//! The commands about media that are mixed into local streams.

use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture};
use express_messages::{
    ZegoError,
    audio::PlayoutSource,
    audio_device::{AudioDeviceEvent, CaptureSource, SetMixingVolume, StartMixing, StopMixing},
    codes,
};

use super::{AudioDeviceActor, files::opened};
use crate::{
    files::Opening,
    pump::{Medium, PumpCommand},
    sources::{Tone, open_wav},
    state::DeviceState,
};

impl AudioDeviceActor {
    fn medium_ready(
        &mut self,
        wish: &StartMixing,
        source: Box<dyn PlayoutSource>,
        ctx: &mut Context<Self>,
    ) -> Result<(), ZegoError> {
        self.state.require_medium(wish.id, wish.media)?;
        let medium = Medium::new(wish.media, source, DeviceState::mixing_gain(wish.percent));
        self.send(Some(PumpCommand::AddMedium(wish.id, medium)), ctx);
        Ok(())
    }
}

impl Handler<StartMixing> for AudioDeviceActor {
    type Result = ResponseActFuture<Self, Result<(), ZegoError>>;

    fn handle(&mut self, mut wish: StartMixing, ctx: &mut Context<Self>) -> Self::Result {
        if let Err(error) = self.state.begin_mixing(wish.id, wish.media) {
            return Box::pin(actix::fut::err(error));
        }
        let source: Result<Box<dyn PlayoutSource>, ZegoError> = match std::mem::replace(&mut wish.source, CaptureSource::Nothing)
        {
            CaptureSource::Wav { path, repeat } => {
                let Opening { answer, worker } = open_wav(path, repeat, self.file_mode());
                self.files.extend(worker);
                return Box::pin(answer.into_actor(self).map(move |answer, this, ctx| {
                    let wav = opened(answer).inspect_err(|_| drop(this.state.stop_mixing(wish.id, wish.media)))?;
                    this.medium_ready(&wish, wav.source, ctx)?;
                    if !repeat {
                        let end = AudioDeviceEvent::MixingEnded(wish.id, wish.media);
                        this.running_files.push((end, wav.ended));
                    }
                    Ok(())
                }));
            }
            CaptureSource::Pushed(source) => Ok(source),
            CaptureSource::Tone { frequency_hz, amplitude } => {
                Tone::new(frequency_hz, amplitude).map(|tone| Box::new(tone) as Box<dyn PlayoutSource>)
            }
            other => Err(ZegoError::new(codes::INPUT_PARAM, format!("{other:?} cannot be mixed in"))),
        };
        let source = source.inspect_err(|_| drop(self.state.stop_mixing(wish.id, wish.media)));
        Box::pin(actix::fut::ready(
            source.and_then(|source| self.medium_ready(&wish, source, ctx)),
        ))
    }
}

impl Handler<StopMixing> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, StopMixing { id, media }: StopMixing, ctx: &mut Context<Self>) {
        self.forget_ends(|end| *end == AudioDeviceEvent::MixingEnded(id, media));
        let command = self.state.stop_mixing(id, media);
        self.send(command, ctx);
    }
}

impl Handler<SetMixingVolume> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, SetMixingVolume { id, media, percent }: SetMixingVolume, ctx: &mut Context<Self>) {
        let gain = DeviceState::mixing_gain(percent);
        self.send(Some(PumpCommand::SetMediumGain(id, media, gain)), ctx);
    }
}
