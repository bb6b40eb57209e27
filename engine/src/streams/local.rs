//! A local stream's handle.

use std::{fmt, sync::Arc};

use express_messages::{
    ZegoError, codes,
    ids::LocalStreamId,
    voice::{VoiceConfig, VoiceStatistics},
};

use super::{Feed, use_output};
use crate::{
    actor::state::{Command, Heard, check_percent},
    options::{ZegoMicrophoneOptions, ZegoStreamSource, feed},
    reply::Reply,
    shared::Shared,
};

/// A local stream: something captured that can be heard here and published.
///
/// Made by [`create_zego_stream`](crate::ZegoExpressEngine::create_zego_stream). Clones name the same stream. Dropping the
/// last one changes nothing: the stream captures until `destroy_stream` or the engine's end.
#[derive(Clone)]
pub struct ZegoLocalStream {
    id: LocalStreamId,
    shared: Arc<Shared>,
}

impl ZegoLocalStream {
    pub(crate) fn new(id: LocalStreamId, shared: Arc<Shared>) -> Self {
        Self { id, shared }
    }

    /// Its name inside the engine.
    pub fn id(&self) -> LocalStreamId {
        self.id
    }

    /// Whether it captures something, that is: neither it nor its engine was destroyed, and it was made with a source or
    /// told of one, and not told to stop.
    #[doc(alias = "active")]
    pub fn is_active(&self) -> bool {
        self.shared.look(|state| state.is_capturing(self.id))
    }

    /// Captures a microphone from now on, in place of what was captured. While the stream is published, what is sent stays
    /// as it is until [`update_publishing_stream`](crate::ZegoExpressEngine::update_publishing_stream). The new source is
    /// opened first; where that fails everything goes on as it was.
    ///
    /// # Errors
    /// - 1100001: not 1 or 2 channels
    /// - 1000018: the stream was destroyed
    /// - 1103061: the microphone cannot be opened; 1103064: not allowed; 1103065: busy; 1103066: a wrong id or format;
    ///   1103048: none there
    /// - 1006001: the audio device part failed
    #[doc(alias = "startCaptureMicrophone")]
    pub fn start_capture_microphone(&self, options: ZegoMicrophoneOptions) -> Reply<()> {
        self.capture(options.feed(self.usual_voice()))
    }

    /// Captures a file, a tone, the sound of the screen or sound that the application makes from now on, with `channel_count` (1 or 2) channels;
    /// else as [`start_capture_microphone`](Self::start_capture_microphone). A [`CustomSource`](crate::CustomSource) is made
    /// by [`ZegoStreamOptions::pushed`](crate::ZegoStreamOptions::pushed) and
    /// [`custom`](crate::ZegoStreamOptions::custom), in their `source`.
    ///
    /// # Errors
    /// 1100001: an option is out of its range, or the file cannot be used; else as there.
    #[doc(alias = "startCaptureCustomAudio")]
    pub fn start_capture_custom_audio(&self, source: ZegoStreamSource, channel_count: usize) -> Reply<()> {
        self.capture(feed(&source, channel_count, self.usual_voice()))
    }

    /// Captures nothing any more. Where that was sent, silence is sent; where something else is sent still, it goes on.
    /// `false`: nothing was captured.
    #[doc(alias = "stopCaptureAudio")]
    pub fn stop_capture_audio(&self) -> bool {
        self.shared.decide(|state, _, out| state.stop_capture(self.id, out))
    }

    fn usual_voice(&self) -> VoiceConfig {
        self.shared.look(|state| state.usual_voice())
    }

    /// What comes of echo cancellation, noise suppression and gain control of the microphone that it captures, at this
    /// moment: levels before and behind them, echo figures, faults (`docs/processing.md`). `None` where it captures none. An
    /// addition of this project.
    ///
    /// # Errors
    /// 1000018 once the stream was destroyed; 1006001: the audio device part failed.
    pub fn voice_statistics(&self) -> Reply<Option<VoiceStatistics>> {
        let id = Some(self.id);
        self.shared.ask_whom(
            |state| {
                state.alive()?;
                state.known(id)
            },
            |id, done| Command::VoiceStatistics { id, done },
        )
    }

    fn capture(&self, feed: Result<Feed, ZegoError>) -> Reply<()> {
        match feed {
            Ok(feed) => self.shared.call(
                |state, call, _, out| state.start_capture(Some(self.id), feed, call, out),
                |()| (),
            ),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Makes what it sends heard on this machine's speaker, mixed media included, faded in within 10 ms. Without effect once
    /// the stream was destroyed.
    #[doc(alias = "playAudio")]
    pub fn play_audio(&self) {
        self.shared.decide(|state, _, out| state.monitor_local(self.id, true, out));
    }

    /// Makes it no longer heard on this machine's speaker. What is published goes on.
    #[doc(alias = "stopAudio")]
    pub fn stop_audio(&self) {
        self.shared.decide(|state, _, out| state.monitor_local(self.id, false, out));
    }

    /// Makes what it captures heard on this machine's speaker: before volume, mute and what is mixed in, and before
    /// [`update_publishing_stream`](crate::ZegoExpressEngine::update_publishing_stream) sends it. Without effect once the
    /// stream was destroyed.
    #[doc(alias = "playCaptureAudio")]
    pub fn play_capture_audio(&self) {
        self.shared.decide(|state, _, out| state.monitor_capture(self.id, true, out));
    }

    /// Makes what it captures no longer heard on this machine's speaker.
    #[doc(alias = "stopPlayCaptureAudio")]
    pub fn stop_play_capture_audio(&self) {
        self.shared.decide(|state, _, out| state.monitor_capture(self.id, false, out));
    }

    /// How loud it is on this machine's speaker, by either call, 0..=100 percent; what is published does not change.
    ///
    /// # Errors
    /// 1100001 over 100; 1000018 once the stream was destroyed.
    #[doc(alias = "setVolume")]
    pub fn set_volume(&self, volume: u16) -> Result<(), ZegoError> {
        check_percent(volume, 100)?;
        let is_there = self
            .shared
            .decide(|state, _, out| state.set_monitor_volume(self.id, volume, out));
        if is_there {
            return Ok(());
        }
        Err(ZegoError::new(codes::LOCALSTREAM_WRONG, "that local stream was destroyed"))
    }

    /// The id of the microphone that it captures now, as `get_microphones` gives it; `None` where it captures something else,
    /// or nothing. Where the default microphone was asked for it is the one that is the default now.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`, and 1006001 while the audio device part is started afresh.
    #[doc(alias = "audioDeviceId")]
    pub fn audio_device_id(&self) -> Reply<Option<String>> {
        let id = self.id;
        self.shared.ask(move |done| Command::CapturedDevice { id, done })
    }

    /// Lets it be heard on another speaker, while it is heard; see
    /// [`use_audio_output_device`](crate::ZegoExpressEngine::use_audio_output_device) for what that means.
    ///
    /// # Errors
    /// As there.
    #[doc(alias = "useAudioOutputDevice")]
    pub fn use_audio_output_device(&self, device_id: impl Into<String>) -> Reply<()> {
        use_output(&self.shared, Some(Heard::Local(self.id)), device_id.into())
    }

    /// Its name, if `engine` made it.
    pub(crate) fn id_in(&self, engine: &Arc<Shared>) -> Option<LocalStreamId> {
        Arc::ptr_eq(&self.shared, engine).then_some(self.id)
    }
}

impl fmt::Debug for ZegoLocalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZegoLocalStream({})", self.id.0)
    }
}
