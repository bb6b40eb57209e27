//! What is done to a microphone's sound.

use express_messages::{
    ZegoError,
    audio_device::SetVoice,
    codes,
    ids::LocalStreamId,
    voice::{AiDenoiseMode, VoiceConfig},
};

use super::{Command, EngineState, Step};
use crate::options::{ZegoVoiceOptions, usual_voice};

/// AI denoise of one local stream: whatever microphone it captures.
#[derive(Debug, Default)]
pub(super) struct AiDenoise {
    on: bool,
    mode: AiDenoiseMode,
}

impl AiDenoise {
    /// What is done, as [`VoiceConfig::ai_denoise`] says it.
    pub(super) fn wanted(&self) -> Option<AiDenoiseMode> {
        self.on.then_some(self.mode)
    }
}

impl EngineState {
    /// What is done to microphones of streams that say nothing of it.
    pub(crate) fn usual_voice(&self) -> VoiceConfig {
        usual_voice(self.settings.scenario)
    }

    /// `setAudioConfig`.
    pub(crate) fn set_audio_config(
        &mut self,
        id: Option<LocalStreamId>,
        options: ZegoVoiceOptions,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        let Some(voice) = self.captured_voice(id) else {
            let text = "that local stream captures no microphone: nothing is done to its sound";
            return Err(ZegoError::new(codes::PUBLISHER_NO_AUDIO, text));
        };
        if options.is_empty() {
            return Err(ZegoError::new(codes::INPUT_PARAM, "give at least one of aec, ans and agc"));
        }
        *voice = options.over(*voice);
        out.command(Command::SetVoice(SetVoice { id, voice: *voice }));
        Ok(())
    }

    /// `enableAiDenoise`.
    pub(crate) fn enable_ai_denoise(&mut self, id: Option<LocalStreamId>, on: bool, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        if on && self.captured_voice(id).is_none() {
            return Err(no_ai_denoise());
        }
        self.change_ai_denoise(id, |denoise| denoise.on = on, out);
        Ok(())
    }

    /// `setAiDenoiseMode`.
    pub(crate) fn set_ai_denoise_mode(
        &mut self,
        id: Option<LocalStreamId>,
        mode: AiDenoiseMode,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        if self.captured_voice(id).is_none() {
            return Err(no_ai_denoise());
        }
        self.change_ai_denoise(id, |denoise| denoise.mode = mode, out);
        Ok(())
    }

    fn change_ai_denoise(&mut self, id: LocalStreamId, change: impl FnOnce(&mut AiDenoise), out: &mut Step) {
        let Some(local) = self.locals.get_mut(&id) else { return };
        change(&mut local.ai_denoise);
        let wanted = local.ai_denoise.wanted();
        if let Some(voice) = self.captured_voice(id)
            && std::mem::replace(&mut voice.ai_denoise, wanted) != wanted
        {
            out.command(Command::SetVoice(SetVoice { id, voice: *voice }));
        }
    }

    /// What is done to the microphone that a local stream captures, also where the audio device part is started afresh.
    fn captured_voice(&mut self, id: LocalStreamId) -> Option<&mut VoiceConfig> {
        self.locals.get_mut(&id)?.captured_feed()?.source.voice()
    }
}

fn no_ai_denoise() -> ZegoError {
    let text = "AI denoise works on microphones alone, and that local stream captures none";
    ZegoError::new(codes::AI_DENOISE_UNSUPPORTED, text)
}
