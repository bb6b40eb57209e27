//! What is mixed into local streams.

use express_messages::{
    ZegoError,
    audio_device::{MAX_MIXED_MEDIA, MediaId, SetMixingVolume, StopMixing},
    codes,
    ids::LocalStreamId,
};

use super::{CallId, Command, EngineState, LifeId, LocalStream, Step, check_percent};
use crate::{events::MixingAudioEnded, streams::ZegoMediaSource};

/// One medium of a local stream.
#[derive(Debug)]
pub(super) struct Mixed {
    media: ZegoMediaSource,
    percent: u16,
}

impl EngineState {
    /// `startMixingAudio`. Names a call for each medium; it is answered when that is open.
    pub(crate) fn start_mixing(
        &mut self,
        id: Option<LocalStreamId>,
        media: &[ZegoMediaSource],
        out: &mut Step,
    ) -> Result<Vec<CallId>, ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        self.device_works()?;
        let mut new: Vec<ZegoMediaSource> = Vec::new();
        for medium in media {
            if !self.mixes(id, medium) && !new.contains(medium) {
                new.push(medium.clone());
            }
        }
        self.check_media(id, &new)?;
        let calls: Vec<CallId> = new.iter().map(|_| self.new_call()).collect();
        let runs = self.device_runs();
        let Some(local) = self.locals.get_mut(&id) else {
            return Ok(Vec::new());
        };
        for (media, &call) in new.into_iter().zip(&calls) {
            let mixed = Mixed { media, percent: 100 };
            if runs {
                out.command(mixed.start(id, Some(call)));
            } else {
                // The fresh part gets it with everything else.
                out.answer(Some(call), Ok(()));
            }
            local.media.push(mixed);
        }
        Ok(calls)
    }

    fn check_media(&self, id: LocalStreamId, new: &[ZegoMediaSource]) -> Result<(), ZegoError> {
        let refused = |text: String| Err(ZegoError::new(codes::INPUT_PARAM, text));
        let there = self.locals.get(&id).map_or(0, |local| local.media.len());
        if there + new.len() > MAX_MIXED_MEDIA {
            return refused(format!(
                "{there} media are mixed in and {} more were given; at most {MAX_MIXED_MEDIA} are possible",
                new.len()
            ));
        }
        let is_taken = |medium: &&ZegoMediaSource| medium.is_custom() && self.locals.keys().any(|&id| self.mixes(id, medium));
        match new.iter().find(is_taken) {
            Some(medium) => refused(format!(
                "medium {} is mixed into another stream; stop it there",
                medium.id().0
            )),
            None => Ok(()),
        }
    }

    fn mixes(&self, id: LocalStreamId, media: &ZegoMediaSource) -> bool {
        let mixed = self.locals.get(&id).map(|local| &local.media);
        mixed.is_some_and(|mixed| mixed.iter().any(|mixed| mixed.media == *media))
    }

    /// A medium is mixed in, or could not be. Without a `call` it was so before the audio device part was started afresh.
    pub(crate) fn on_mixing_started(
        &mut self,
        id: LocalStreamId,
        life: LifeId,
        media: MediaId,
        call: Option<CallId>,
        result: Result<(), ZegoError>,
        out: &mut Step,
    ) {
        let runs = self.device_is(life);
        if result.is_err() && runs {
            self.forget_medium(id, media);
            if call.is_none() {
                out.emit(MixingAudioEnded { local_stream: id, media });
            }
        }
        // Where that part is gone, the next one is asked again.
        out.answer(call, if runs { result } else { Ok(()) });
    }

    /// `stopMixingAudio`; `None`: all media.
    pub(crate) fn stop_mixing(
        &mut self,
        id: Option<LocalStreamId>,
        media: Option<&ZegoMediaSource>,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        for mixed in self.mixed(id, media)? {
            mixed.stop(out);
            self.forget_medium(mixed.id, mixed.media);
        }
        Ok(())
    }

    /// `setMixingAudioVolume`; `None`: of all media.
    pub(crate) fn set_mixing_volume(
        &mut self,
        id: Option<LocalStreamId>,
        percent: u16,
        media: Option<&ZegoMediaSource>,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        check_percent(percent, 100)?;
        for Named { id, media } in self.mixed(id, media)? {
            let local = self.locals.get_mut(&id);
            let mut mixed = local.into_iter().flat_map(|local| &mut local.media);
            if let Some(mixed) = mixed.find(|mixed| mixed.media.id() == media) {
                mixed.percent = percent;
            }
            out.command(Command::MixingVolume(SetMixingVolume { id, media, percent }));
        }
        Ok(())
    }

    /// # Errors
    /// 1000018 for a stream that is not there, 1100001 for a medium that is not mixed into it.
    fn mixed(&self, id: Option<LocalStreamId>, media: Option<&ZegoMediaSource>) -> Result<Vec<Named>, ZegoError> {
        self.alive()?;
        let id = self.known(id)?;
        if let Some(media) = media.filter(|media| !self.mixes(id, media)) {
            let text = format!("medium {} is not mixed into that stream, or has ended", media.id().0);
            return Err(ZegoError::new(codes::INPUT_PARAM, text));
        }
        let there = self.locals.get(&id).into_iter().flat_map(|local| &local.media);
        let named = there.filter(|mixed| media.is_none_or(|media| mixed.media == *media));
        Ok(named
            .map(|mixed| Named {
                id,
                media: mixed.media.id(),
            })
            .collect())
    }

    pub(in crate::actor::state) fn on_mixing_ended(&mut self, id: LocalStreamId, media: MediaId, out: &mut Step) {
        if self.forget_medium(id, media) {
            Named { id, media }.stop(out);
            out.emit(MixingAudioEnded { local_stream: id, media });
        }
    }

    fn forget_medium(&mut self, id: LocalStreamId, media: MediaId) -> bool {
        let Some(local) = self.locals.get_mut(&id) else { return false };
        let before = local.media.len();
        local.media.retain(|mixed| mixed.media.id() != media);
        local.media.len() < before
    }
}

/// One medium in one stream.
#[derive(Debug, Clone, Copy)]
struct Named {
    id: LocalStreamId,
    media: MediaId,
}

impl Named {
    fn stop(self, out: &mut Step) {
        let Self { id, media } = self;
        out.command(Command::StopMixing(StopMixing { id, media }));
    }
}

impl Mixed {
    fn start(&self, id: LocalStreamId, call: Option<CallId>) -> Command {
        Command::StartMixing {
            id,
            media: self.media.clone(),
            percent: self.percent,
            call,
        }
    }
}

impl LocalStream {
    /// Mixes everything in at a fresh audio device part; files begin again.
    pub(super) fn mix_again(&self, id: LocalStreamId, out: &mut Step) {
        for mixed in &self.media {
            out.command(mixed.start(id, None));
        }
    }
}
