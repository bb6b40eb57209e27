//! Local streams.

use std::sync::Arc;

use express_messages::ZegoError;

use super::ZegoExpressEngine;
use crate::{
    options::ZegoStreamOptions,
    reply::Reply,
    streams::{ZegoLocalStream, ZegoMediaSource},
};

impl ZegoExpressEngine {
    /// Opens a microphone, the sound of the screen, a WAV file, a tone or pushed PCM as a local stream. Works before `login_room` too.
    ///
    /// # Errors
    /// - 1100001: an option is out of its range, video was asked for, or the file cannot be used
    /// - 1103061: the microphone cannot be opened; 1103064: not allowed; 1103065: busy; 1103066: a wrong id or format;
    ///   1103048: none there; for the sound of a screen the same
    /// - 1006001: the audio device part failed too often
    #[doc(alias = "createZegoStream")]
    #[doc(alias = "createStream")]
    pub fn create_zego_stream(&self, options: ZegoStreamOptions) -> Reply<ZegoLocalStream> {
        let shared = Arc::clone(self.shared());
        self.shared().call(
            |state, call, _, out| state.create_local(&options, call, out),
            move |id| ZegoLocalStream::new(id, shared),
        )
    }

    /// Closes a local stream. Stop publishing it first: a publication of it ends with NO_PUBLISH 1103099.
    ///
    /// # Errors
    /// 1000018: it is of another engine, or was destroyed before.
    #[doc(alias = "destroyStream")]
    pub fn destroy_stream(&self, stream: ZegoLocalStream) -> Result<(), ZegoError> {
        let id = stream.id_in(self.shared());
        self.shared().decide(|state, _, out| state.destroy_local(id, out))
    }

    /// Sets the gain of what a local stream captures, 0..=200 percent.
    ///
    /// # Errors
    /// 1000018: it is of another engine, or was destroyed; 1100001: over 200.
    #[doc(alias = "setCaptureVolume")]
    pub fn set_capture_volume(&self, stream: &ZegoLocalStream, volume: u16) -> Reply<()> {
        let id = stream.id_in(self.shared());
        Reply::ready(
            self.shared()
                .decide(|state, _, out| state.set_capture_volume(id, volume, out)),
        )
    }

    /// Silences everything of one local stream, or lets it be heard again; publishing goes on, and others are told
    /// ([`RemoteMicStatusUpdate`](crate::RemoteMicStatusUpdate)).
    ///
    /// At most ten calls a second are acted upon at once; a call that comes too soon takes effect 100 ms after the one before
    /// it, unless a later one replaced it.
    ///
    /// # Errors
    /// 1000018: it is of another engine, or was destroyed.
    #[doc(alias = "mutePublishStreamAudio")]
    pub fn mute_publish_stream_audio(&self, stream: &ZegoLocalStream, mute: bool) -> Result<(), ZegoError> {
        let id = stream.id_in(self.shared());
        self.shared().decide(|state, now, out| state.mute_local(id, mute, now, out))
    }

    /// Silences every microphone of this engine, or lets them be heard again; files, tones and pushed PCM go on. Others are
    /// told, and it is limited, as with [`mute_publish_stream_audio`](Self::mute_publish_stream_audio).
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "muteMicrophone")]
    pub fn mute_microphone(&self, mute: bool) -> Result<(), ZegoError> {
        self.shared().decide(|state, now, out| state.mute_microphone(mute, now, out))
    }

    /// Mixes `media` into a local stream, six at most; they are heard by whoever plays it, and with
    /// [`play_audio`](ZegoLocalStream::play_audio) here. They are neither amplified by
    /// [`set_capture_volume`](Self::set_capture_volume) nor silenced by [`mute_microphone`](Self::mute_microphone), but by
    /// [`mute_publish_stream_audio`](Self::mute_publish_stream_audio); the sum is limited. What is mixed in already goes on.
    /// The reply comes when all are open; one that could not be opened does not keep the others away.
    ///
    /// ```
    /// # async fn sing(
    /// #     zg: &express_engine::ZegoExpressEngine,
    /// #     voice: &express_engine::ZegoLocalStream,
    /// # ) -> Result<(), express_engine::ZegoError> {
    /// use express_engine::ZegoMediaSource;
    ///
    /// let music = ZegoMediaSource::wav("song.wav");
    /// zg.start_mixing_audio(voice, &[music.clone()]).await?;
    /// zg.set_mixing_audio_volume(voice, 40, Some(&music))?;
    /// zg.stop_mixing_audio(voice, None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - 1000018: the stream is of another engine, or was destroyed
    /// - 1100001: more than six, a pushed or custom medium that another stream has, or a file that cannot be used
    /// - 1006001: the audio device part failed too often
    #[doc(alias = "startMixingAudio")]
    pub fn start_mixing_audio(&self, stream: &ZegoLocalStream, media: &[ZegoMediaSource]) -> Reply<()> {
        let id = stream.id_in(self.shared());
        self.shared().call_each(|state, _, out| state.start_mixing(id, media, out))
    }

    /// Mixes one medium, or with `None` all, into a local stream no longer.
    ///
    /// # Errors
    /// 1000018: the stream is of another engine, or was destroyed; 1100001: that medium is not mixed in, or has ended.
    #[doc(alias = "stopMixingAudio")]
    pub fn stop_mixing_audio(&self, stream: &ZegoLocalStream, media: Option<&ZegoMediaSource>) -> Result<(), ZegoError> {
        let id = stream.id_in(self.shared());
        self.shared().decide(|state, _, out| state.stop_mixing(id, media, out))
    }

    /// How loud one medium, or with `None` each of them, is mixed in, 0..=100 percent; 100 at first.
    ///
    /// # Errors
    /// 1100001: over 100; else as [`stop_mixing_audio`](Self::stop_mixing_audio).
    #[doc(alias = "setMixingAudioVolume")]
    pub fn set_mixing_audio_volume(
        &self,
        stream: &ZegoLocalStream,
        volume: u16,
        media: Option<&ZegoMediaSource>,
    ) -> Result<(), ZegoError> {
        let id = stream.id_in(self.shared());
        self.shared()
            .decide(|state, _, out| state.set_mixing_volume(id, volume, media, out))
    }

    /// Whether [`mute_microphone`](Self::mute_microphone) was last called with `true`.
    #[doc(alias = "isMicrophoneMuted")]
    pub fn is_microphone_muted(&self) -> bool {
        self.shared().look(|state| state.is_microphone_muted())
    }
}
