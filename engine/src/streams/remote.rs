//! A played stream's handle, and its recordings.

use std::{fmt, path::Path, sync::Arc};

use express_messages::{ZegoError, audio_device::RecordPlayout, codes, ids::StreamId};

use super::{FrameTap, ZegoFrames, frames, use_output};
use crate::{
    actor::state::{Command, Heard, PlayId, TapKey, check_percent},
    reply::Reply,
    shared::Shared,
};

/// A stream that is being played (the documented `MediaStream` and `ZegoStreamView`).
///
/// It is decoded from the start and heard on the speaker after [`play_audio`](Self::play_audio). Its settings are forgotten
/// with `stop_playing_stream`; a handle of a stopped playback does nothing to a later one of the same stream. Clones name
/// the same playback.
#[doc(alias = "ZegoStreamView")]
#[doc(alias = "createRemoteStreamView")]
#[derive(Clone)]
pub struct ZegoRemoteStream {
    stream_id: StreamId,
    play: PlayId,
    shared: Arc<Shared>,
}

impl ZegoRemoteStream {
    pub(crate) fn new(stream_id: StreamId, play: PlayId, shared: Arc<Shared>) -> Self {
        Self { stream_id, play, shared }
    }

    /// The stream's id.
    pub fn stream_id(&self) -> &StreamId {
        &self.stream_id
    }

    /// Whether this playback goes on.
    pub fn is_active(&self) -> bool {
        self.shared.look(|state| state.is_playing(self.play))
    }

    /// Makes it heard on the speaker. Without effect once the playback was stopped.
    #[doc(alias = "playAudio")]
    pub fn play_audio(&self) {
        self.playout(Some(true), None);
    }

    /// Makes it no longer heard on the speaker; it is still received, and [`frames`](Self::frames) go on.
    #[doc(alias = "stopAudio")]
    pub fn stop_audio(&self) {
        self.playout(Some(false), None);
    }

    /// How loud it is on the speaker, 0..=200 percent; 100 is as it was sent.
    ///
    /// # Errors
    /// 1100001 over 200; 1104044 once the playback was stopped.
    #[doc(alias = "setVolume")]
    pub fn set_volume(&self, volume: u16) -> Result<(), ZegoError> {
        check_percent(volume, 200)?;
        if self.playout(None, Some(volume)) {
            return Ok(());
        }
        Err(self.not_playing())
    }

    /// Lets it be heard on another speaker; see
    /// [`use_audio_output_device`](crate::ZegoExpressEngine::use_audio_output_device) for what that means.
    ///
    /// # Errors
    /// As there.
    #[doc(alias = "useAudioOutputDevice")]
    pub fn use_audio_output_device(&self, device_id: impl Into<String>) -> Reply<()> {
        use_output(&self.shared, Some(Heard::Played(self.play)), device_id.into())
    }

    /// Its playback, if `engine` plays it.
    pub(crate) fn play_in(&self, engine: &Arc<Shared>) -> Option<PlayId> {
        Arc::ptr_eq(&self.shared, engine).then_some(self.play)
    }

    fn playout(&self, audible: Option<bool>, percent: Option<u16>) -> bool {
        self.shared
            .decide(|state, _, out| state.set_playout(self.play, audible, percent, out))
    }

    fn not_playing(&self) -> ZegoError {
        let text = format!("stream {} is no longer played", self.stream_id);
        ZegoError::new(codes::PLAYER_STREAM_NOT_PLAYING, text)
    }

    /// Its sound from now on, 10 ms at a time, for a bot or a recorder of your own. There may be several.
    ///
    /// Of a playback that was stopped it is at its end at once.
    pub fn frames(&self) -> ZegoFrames {
        let key = self.shared.decide(|state, _, _| TapKey(state.new_call().0));
        let shared = Arc::downgrade(&self.shared);
        let (tap, reader) = frames(move || {
            if let Some(shared) = shared.upgrade() {
                shared.decide(|_, _, out| out.command(Command::RemoveTap { key, done: None }));
            }
        });
        self.tap(tap, key);
        reader
    }

    fn tap(&self, tap: FrameTap, key: TapKey) {
        let (stream_id, tap) = (self.stream_id.clone(), Box::new(tap));
        self.shared.decide(|state, _, out| {
            if state.is_playing(self.play) {
                out.command(Command::TapPlayout { stream_id, tap, key });
            }
        });
    }

    /// Writes its sound from now on to a WAV file (48 kHz, 16 bit, `channel_count` 1 or 2) until
    /// [`ZegoRecording::stop`], `stop_playing_stream` or the engine's end.
    ///
    /// # Errors
    /// 1100001 when the file cannot be made or `channel_count` is neither 1 nor 2; 1104044 once the playback was stopped.
    pub fn record_to(&self, path: impl AsRef<Path>, channel_count: usize) -> Reply<ZegoRecording> {
        if !(1..=2).contains(&channel_count) {
            let text = format!("channelCount is {channel_count}; give 1 or 2");
            return Reply::ready(Err(ZegoError::new(codes::INPUT_PARAM, text)));
        }
        if !self.is_active() {
            return Reply::ready(Err(self.not_playing()));
        }
        let key = self.shared.decide(|state, _, _| TapKey(state.new_call().0));
        let (stream_id, path) = (self.stream_id.clone(), path.as_ref().to_path_buf());
        let recording = ZegoRecording {
            key,
            shared: Arc::clone(&self.shared),
        };
        self.shared.ask(move |done| Command::RecordPlayout {
            record: RecordPlayout {
                stream_id,
                path,
                channels: channel_count,
            },
            key,
            done: done.map(move |()| recording),
        })
    }
}

impl fmt::Debug for ZegoRemoteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZegoRemoteStream({})", self.stream_id)
    }
}

/// A WAV file that is being written. Dropping this leaves the recording running until its stream or engine ends.
pub struct ZegoRecording {
    key: TapKey,
    shared: Arc<Shared>,
}

impl ZegoRecording {
    /// Ends the recording; the file is complete when the reply comes.
    ///
    /// # Errors
    /// 1000001 once the engine was destroyed; the file is complete then too.
    pub fn stop(self) -> Reply<()> {
        let key = self.key;
        self.shared.ask(move |done| Command::RemoveTap { key, done: Some(done) })
    }
}

impl fmt::Debug for ZegoRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZegoRecording")
    }
}
