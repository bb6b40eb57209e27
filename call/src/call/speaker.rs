//! The speaker that everybody is heard on, once the user chose one that can be used.

use std::collections::HashSet;

use express_engine::{StreamId, ZegoDeviceInfo, ZegoError, ZegoRemoteStream, codes};
use futures::future::join_all;

use super::{Call, Done, failed};
use crate::fact::{Fact, Outcome};

/// What names the default one, whichever that is.
const DEFAULT: &str = "";

/// A speaker that can be used.
pub(super) struct Chosen {
    device: ZegoDeviceInfo,
    /// Who was heard when it was asked for.
    moved: HashSet<StreamId>,
}

impl Call {
    /// Everybody is heard there from now on, who comes later as well. Where it cannot be used everything stays as it is.
    pub(super) fn use_speaker(&self, device: ZegoDeviceInfo) {
        let moved = self.remotes.keys().cloned().collect();
        let moving = self
            .remotes
            .values()
            .map(|remote| remote.use_audio_output_device(&device.device_id));
        let moving = join_all(moving.collect::<Vec<_>>());
        self.later(async move {
            // Who left meanwhile is no fault of the speaker.
            let mut refused = moving.await.into_iter().filter_map(Result::err);
            match refused.find(|error| error.code != codes::PLAYER_STREAM_NOT_PLAYING) {
                None => Done::Speaker(Chosen { device, moved }),
                Some(error) => failed("speaker", error),
            }
        });
    }

    /// Lets somebody who is new be heard where everybody is.
    pub(super) fn place(&self, remote: &ZegoRemoteStream) {
        let Some(device_id) = self.speaker.clone() else { return };
        let moving = remote.use_audio_output_device(&device_id);
        self.later(async move {
            match moving.await {
                Err(error) if error.code == codes::SET_AUDIO_OUTPUT_ERROR => Done::NoSpeaker { device_id, error },
                moved => Done::Fact(Fact::new("speaker", moved.map(|()| Outcome::Done))),
            }
        });
    }

    /// Everybody else follows: who came while it was opened.
    pub(super) fn choose(&mut self, chosen: Chosen) -> Fact {
        let Chosen { device, moved } = chosen;
        self.speaker = Some(device.device_id);
        let late = self.remotes.iter().filter(|(stream_id, _)| !moved.contains(*stream_id));
        late.for_each(|(_, remote)| self.place(remote));
        Fact::new("speaker", Ok(Outcome::Speaker(device.device_name)))
    }

    /// The speaker that was chosen cannot be used after all: everybody is heard on the default one.
    pub(super) fn give_up(&mut self, device_id: &str, error: ZegoError) -> Fact {
        if self.speaker.as_deref() != Some(device_id) {
            return Fact::new("speaker", Err(error));
        }
        self.speaker = None;
        for remote in self.remotes.values() {
            self.ask("speaker", remote.use_audio_output_device(DEFAULT), |()| Outcome::Done);
        }
        self.later(std::future::ready(failed("speaker", error)));
        Fact::new("speaker", Ok(Outcome::Speaker("the default speaker".into())))
    }
}
