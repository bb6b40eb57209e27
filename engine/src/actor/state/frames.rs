//! Who is given frames of sound (`setCaptureAudioFrameCallback`, `setAudioFrameCallback`).

use express_messages::{
    ZegoError, codes,
    ids::{LocalStreamId, StreamId},
};

use super::{Command, EngineState, Step, TapKey, local::unknown};
use crate::streams::{FrameListener, FrameTap, frames};

/// Of what frames are wanted.
#[derive(Debug, Clone)]
pub(crate) enum FramesOf {
    /// What a local stream captures; `None` is a stream of another engine.
    Captured(Option<LocalStreamId>),
    /// A played stream, by the id that was given.
    Played(String),
}

/// Who is given the frames of one stream.
#[derive(Debug, Default)]
pub(super) struct FrameFeed {
    /// As documented, the size that was asked for first stays.
    frame_size: Option<usize>,
    listener: Option<(FrameListener, TapKey)>,
}

impl FrameFeed {
    /// A tap, under a new name, whose sound the listener hears from now on in place of the former's; `None` without a listener.
    fn tap(&mut self, key: TapKey, out: &mut Step) -> Option<Box<FrameTap>> {
        let (listener, former) = self.listener.as_mut()?;
        remove(std::mem::replace(former, key), out);
        // Nobody but the device part ends the sound.
        let (tap, sound) = frames(|| {});
        listener.sounds.unbounded_send(sound).ok()?;
        Some(Box::new(tap))
    }

    /// Taps what a local stream captures, for a device part that does not yet.
    pub(super) fn tap_captured(&mut self, id: LocalStreamId, key: TapKey, out: &mut Step) {
        if let Some(tap) = self.tap(key, out) {
            out.command(Command::TapCapture { id, tap, key });
        }
    }

    /// Likewise of a played stream.
    pub(super) fn tap_played(&mut self, stream_id: StreamId, key: TapKey, out: &mut Step) {
        if let Some(tap) = self.tap(key, out) {
            out.command(Command::TapPlayout { stream_id, tap, key });
        }
    }

    fn stop(&mut self, out: &mut Step) {
        if let Some((listener, key)) = self.listener.take() {
            listener.stop.abort();
            remove(key, out);
        }
    }
}

fn remove(key: TapKey, out: &mut Step) {
    out.command(Command::RemoveTap { key, done: None });
}

impl EngineState {
    fn frame_feed(&mut self, of: &FramesOf) -> Result<&mut FrameFeed, ZegoError> {
        self.alive()?;
        match of {
            FramesOf::Captured(id) => {
                let id = self.known(*id)?;
                let local = self.locals.get_mut(&id).ok_or_else(unknown)?;
                Ok(&mut local.frames)
            }
            FramesOf::Played(id) => {
                let id = StreamId::new(id)?;
                let playback = self.playback(&id).ok_or_else(|| {
                    let text = format!("stream {id} is not being played");
                    ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text)
                })?;
                Ok(&mut playback.frames)
            }
        }
    }

    /// The size that the frames of a stream have, where `asked` is asked for.
    pub(crate) fn frame_size(&mut self, of: &FramesOf, asked: usize) -> Result<usize, ZegoError> {
        let feed = self.frame_feed(of)?;
        Ok(*feed.frame_size.get_or_insert(asked))
    }

    /// Frames of a stream go to `listener`, in place of who got them before; `None`: to nobody.
    pub(crate) fn set_frame_listener(
        &mut self,
        of: FramesOf,
        listener: Option<FrameListener>,
        out: &mut Step,
    ) -> Result<(), ZegoError> {
        let key = TapKey(self.fresh());
        let runs = self.device_runs();
        let feed = self.frame_feed(&of)?;
        feed.stop(out);
        feed.listener = listener.map(|listener| (listener, key));
        // Without a device part the next one is asked.
        match of {
            FramesOf::Captured(Some(id)) if runs => feed.tap_captured(id, key, out),
            FramesOf::Played(id) if runs => feed.tap_played(StreamId::new(id)?, key, out),
            FramesOf::Captured(_) | FramesOf::Played(_) => {}
        }
        Ok(())
    }
}
