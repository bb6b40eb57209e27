//! What is mixed into local streams.

use express_messages::{
    ZegoError,
    audio_device::{MAX_MIXED_MEDIA, MediaId},
    codes,
    ids::LocalStreamId,
};

use super::{DeviceState, MONITOR_MAX};
use crate::{gain::percent, pump::PumpCommand};

impl DeviceState {
    /// Reserves the place of a medium that is being opened.
    ///
    /// # Errors
    /// 1000018 where a local stream is not open; 1100001 where it has that medium, or no room for it.
    pub(crate) fn begin_mixing(&mut self, id: LocalStreamId, media: MediaId) -> Result<(), ZegoError> {
        self.require_open(id)?;
        let refused = |text: String| Err(ZegoError::new(codes::INPUT_PARAM, text));
        let Some(local) = self.locals.get_mut(&id) else {
            return Ok(());
        };
        if local.media.contains(&media) {
            return refused(format!("medium {} is mixed in already", media.0));
        }
        if local.media.len() == MAX_MIXED_MEDIA {
            return refused(format!("{MAX_MIXED_MEDIA} media are mixed in already; stop one first"));
        }
        local.media.insert(media);
        Ok(())
    }

    /// Whether a medium is still wanted.
    ///
    /// # Errors
    /// 1100001 where it was stopped.
    pub(crate) fn require_medium(&self, id: LocalStreamId, media: MediaId) -> Result<(), ZegoError> {
        if self.locals.get(&id).is_some_and(|local| local.media.contains(&media)) {
            return Ok(());
        }
        let text = "the medium was stopped before it was open";
        Err(ZegoError::new(codes::INPUT_PARAM, text))
    }

    /// A medium is mixed in no longer, or could not be opened.
    pub(crate) fn stop_mixing(&mut self, id: LocalStreamId, media: MediaId) -> Option<PumpCommand> {
        let was_there = self.locals.get_mut(&id)?.media.remove(&media);
        was_there.then_some(PumpCommand::RemoveMedium(id, media))
    }

    /// How loud media are, as a factor.
    pub(crate) fn mixing_gain(volume: u16) -> f32 {
        percent(volume, MONITOR_MAX)
    }
}
