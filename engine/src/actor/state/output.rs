//! `useAudioOutputDevice`: which speaker a stream is heard on.

use express_messages::{
    ZegoError,
    audio_device::{HeardStream, SetOutputDevice},
    codes,
    ids::LocalStreamId,
};

use super::{CallId, Command, EngineState, PlayId, Step};

/// A stream of this engine that can be heard here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A local stream.
    Local(LocalStreamId),
    /// A playback.
    Played(PlayId),
}

impl EngineState {
    /// `useAudioOutputDevice`; `None` is a stream of another engine. The answer comes when the speaker is open.
    pub(crate) fn use_output(
        &self,
        heard: Option<Heard>,
        device_id: String,
        call: CallId,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        self.alive()?;
        let heard = heard.ok_or_else(|| {
            let text = "that stream is of another engine; give a stream that this engine made or plays";
            ZegoError::new(codes::SET_AUDIO_OUTPUT_ERROR, text)
        })?;
        let stream = match heard {
            Heard::Local(id) => HeardStream::Local(self.known(Some(id))?),
            Heard::Played(id) => {
                let playback = self.playbacks.iter().find(|p| p.id() == id);
                let stream_id = playback.map(|p| p.stream_id().clone()).ok_or_else(|| {
                    let text = "that stream is no longer played; play it again first";
                    ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text)
                })?;
                HeardStream::Played(stream_id)
            }
        };
        self.device_works()?;
        let device_id = Some(device_id).filter(|id| !id.is_empty());
        out.command(Command::OutputDevice {
            set: SetOutputDevice { stream, device_id },
            chosen: Some((heard, call)),
        });
        Ok(())
    }

    /// The audio device part answered. A fresh one is told of what was chosen, too.
    pub(crate) fn on_output(
        &mut self,
        heard: Heard,
        device_id: Option<String>,
        call: CallId,
        result: Result<(), ZegoError>,
        out: &mut Step,
    ) {
        if result.is_ok() {
            let output = match heard {
                Heard::Local(id) => self.locals.get_mut(&id).map(|local| &mut local.output),
                Heard::Played(id) => self.playbacks.iter_mut().find(|p| p.id() == id).map(|p| &mut p.output),
            };
            output.into_iter().for_each(|output| output.clone_from(&device_id));
        }
        out.answer(Some(call), result);
    }
}

/// Tells a fresh audio device part where a stream is heard, if its user chose that.
pub(super) fn restore(stream: HeardStream, device_id: Option<&String>, out: &mut Step) {
    if let Some(device_id) = device_id {
        out.command(Command::OutputDevice {
            set: SetOutputDevice {
                stream,
                device_id: Some(device_id.clone()),
            },
            chosen: None,
        });
    }
}
