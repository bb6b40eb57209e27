//! What is done to a microphone's sound before it is sent.

use express_messages::voice::AiDenoiseMode;

use super::ZegoExpressEngine;
use crate::{options::ZegoVoiceOptions, reply::Reply, streams::ZegoLocalStream};

impl ZegoExpressEngine {
    /// Turns echo cancellation, noise suppression and gain control of a microphone on or off, also while it is published:
    /// without a click, and without the canceller forgetting the room. It counts for all streams that capture that device.
    ///
    /// ```
    /// # async fn sing(
    /// #     zg: &express_engine::ZegoExpressEngine,
    /// #     mic: &express_engine::ZegoLocalStream,
    /// # ) -> Result<(), express_engine::ZegoError> {
    /// use express_engine::ZegoVoiceOptions;
    ///
    /// let options = ZegoVoiceOptions {
    ///     ans: Some(false),
    ///     agc: Some(false),
    ///     ..Default::default()
    /// };
    /// zg.set_audio_config(mic, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - 1000018: the stream is of another engine, or was destroyed
    /// - 1103046: it captures no microphone
    /// - 1100001: the options say nothing
    #[doc(alias = "setAudioConfig")]
    pub fn set_audio_config(&self, stream: &ZegoLocalStream, options: ZegoVoiceOptions) -> Reply<()> {
        let id = stream.id_in(self.shared());
        Reply::ready(self.shared().decide(|state, _, out| state.set_audio_config(id, options, out)))
    }

    /// Takes all noise out of a microphone's sound by a neural network, in place of ANS, or no longer. Off at first; it costs
    /// 10 ms of delay. It goes on with whatever microphone the stream captures later.
    ///
    /// # Errors
    /// - 1000018: the stream is of another engine, or was destroyed
    /// - 1103081: it captures no microphone
    #[doc(alias = "enableAiDenoise")]
    pub fn enable_ai_denoise(&self, stream: &ZegoLocalStream, enable: bool) -> Reply<()> {
        let id = stream.id_in(self.shared());
        Reply::ready(self.shared().decide(|state, _, out| state.enable_ai_denoise(id, enable, out)))
    }

    /// How much of the noise AI denoise removes; all of it at first. May be set before
    /// [`enable_ai_denoise`](Self::enable_ai_denoise).
    ///
    /// # Errors
    /// As [`enable_ai_denoise`](Self::enable_ai_denoise).
    #[doc(alias = "setAiDenoiseMode")]
    pub fn set_ai_denoise_mode(&self, stream: &ZegoLocalStream, mode: AiDenoiseMode) -> Reply<()> {
        let id = stream.id_in(self.shared());
        Reply::ready(self.shared().decide(|state, _, out| state.set_ai_denoise_mode(id, mode, out)))
    }
}
