//! Frames of sound for callbacks.

use std::sync::Arc;

use express_messages::ZegoError;

use super::ZegoExpressEngine;
use crate::{
    actor::state::FramesOf,
    reply::Reply,
    streams::{FrameMaker, ZegoAudioFrameCallback, ZegoAudioFrameOptions, ZegoLocalStream, frame_listener},
};

impl ZegoExpressEngine {
    /// Gives what a local stream captures to `callback`, frame by frame, in place of who got it before; `None`: to nobody any
    /// more. It is the captured sound before [`set_capture_volume`](Self::set_capture_volume) and without what is mixed in;
    /// silence while the stream or its microphone is muted.
    ///
    /// The callback runs on `zego-events`, in turn with those of events, and may call everything. While it, or another
    /// callback, takes too long a second of sound waits; what is lost then is told by
    /// [`lost_frames`](crate::ZegoAudioFrame::lost_frames). It goes on over a fresh audio device part, and ends with the stream.
    ///
    /// ```
    /// # async fn hear(
    /// #     zg: &express_engine::ZegoExpressEngine,
    /// #     voice: &express_engine::ZegoLocalStream,
    /// # ) -> Result<(), express_engine::ZegoError> {
    /// use express_engine::{ZegoAudioFrameOptions, ZegoAudioSamples};
    ///
    /// let speech = ZegoAudioFrameOptions { frame_size: 512, sample_rate: 16_000, bit_depth: 16, ..Default::default() };
    /// let callback = Box::new(|frame: express_engine::ZegoAudioFrame| {
    ///     if let ZegoAudioSamples::Int16(channels) = frame.channels {
    ///         println!("{} samples at {} Hz", channels[0].len(), frame.sample_rate);
    ///     }
    /// });
    /// zg.set_capture_audio_frame_callback(voice, Some(callback), speech).await?;
    /// zg.set_capture_audio_frame_callback(voice, None, speech).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// 1100001: an option is none of the documented ones; 1000018: the stream is of another engine, or was destroyed.
    #[doc(alias = "setCaptureAudioFrameCallback")]
    pub fn set_capture_audio_frame_callback(
        &self,
        stream: &ZegoLocalStream,
        callback: Option<ZegoAudioFrameCallback>,
        options: ZegoAudioFrameOptions,
    ) -> Reply<()> {
        let of = FramesOf::Captured(stream.id_in(self.shared()));
        Reply::ready(self.set_frames(of, callback, options))
    }

    /// Gives a played stream's sound to `callback`, frame by frame, before the speaker's volume and whether it is heard or not;
    /// else as [`set_capture_audio_frame_callback`](Self::set_capture_audio_frame_callback). For async code and threads there is
    /// [`ZegoRemoteStream::frames`](crate::ZegoRemoteStream::frames).
    ///
    /// # Errors
    /// 1100001: an option is none of the documented ones; 1000015, 1000014, 1000016: a bad streamID; 1104044: it is not being
    /// played.
    #[doc(alias = "setAudioFrameCallback")]
    pub fn set_audio_frame_callback(
        &self,
        stream_id: impl AsRef<str>,
        callback: Option<ZegoAudioFrameCallback>,
        options: ZegoAudioFrameOptions,
    ) -> Reply<()> {
        let of = FramesOf::Played(stream_id.as_ref().to_owned());
        Reply::ready(self.set_frames(of, callback, options))
    }

    fn set_frames(
        &self,
        of: FramesOf,
        callback: Option<ZegoAudioFrameCallback>,
        options: ZegoAudioFrameOptions,
    ) -> Result<(), ZegoError> {
        let shared = self.shared();
        let Some(callback) = callback else {
            return shared.decide(|state, _, out| state.set_frame_listener(of, None, out));
        };
        options.check()?;
        let frame_size = shared.decide(|state, _, _| state.frame_size(&of, options.frame_size))?;
        let maker = FrameMaker::new(ZegoAudioFrameOptions { frame_size, ..options })?;
        let (listener, giving) = frame_listener(maker, callback, Arc::clone(&shared.counters));
        shared.decide(|state, _, out| state.set_frame_listener(of, Some(listener), out))?;
        shared.run_on_events(giving);
        Ok(())
    }
}
