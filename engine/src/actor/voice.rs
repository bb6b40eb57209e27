//! What the voice chain of a microphone reports.

use actix::Context;
use express_messages::{ZegoError, audio_device::GetVoiceStatistics, ids::LocalStreamId, voice::VoiceStatistics};

use super::{commands::IntoAnswer, engine_actor::EngineActor};
use crate::reply::Completion;

impl EngineActor {
    pub(super) fn voice_statistics(
        &mut self,
        id: LocalStreamId,
        done: Completion<Option<VoiceStatistics>>,
        ctx: &mut Context<Self>,
    ) {
        self.ask_device(
            GetVoiceStatistics(id),
            |link| &link.voice_statistics,
            ctx,
            |_, _, statistics| done.complete(statistics),
        );
    }
}

impl IntoAnswer<Self> for Option<VoiceStatistics> {
    fn into_answer(self) -> Result<Self, ZegoError> {
        Ok(self)
    }
}
