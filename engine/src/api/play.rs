//! Playing.

use std::sync::Arc;

use express_messages::{ZegoError, ids::StreamId, stats::ZegoPlayStats};

use super::ZegoExpressEngine;
use crate::{options::ZegoPlayOptions, reply::Reply, streams::ZegoRemoteStream};

impl ZegoExpressEngine {
    /// Plays a stream of the AppID, usually one that [`RoomStreamUpdate`](crate::RoomStreamUpdate) named.
    ///
    /// The reply comes when the server's answer was applied. [`PlayerStateUpdate`](crate::PlayerStateUpdate) tells the rest:
    /// PLAY_REQUESTING at once, PLAYING with the first sound. A stream that is not there (yet) stays PLAY_REQUESTING, and the
    /// reply pending, until it appears or the budget of 20 min ends. While a login is still running the call is accepted too,
    /// and begins with LOGINED.
    ///
    /// # Errors
    /// At once, in this order:
    /// - 1000015, 1000014, 1000016: the streamID is empty, too long, has a bad character
    /// - 1104001: the jitter buffer target is out of range
    /// - 1006001: the audio device part failed too often
    /// - 1104045: over 12 streams (or what the builder said)
    /// - 1000002: in no room, or not in the one that is named
    /// - 1103049: that stream is being played already
    ///
    /// Later, with the NO_PLAY of the same code: 1104039 no such stream, 1104031 budget over, 1004025 forbidden, 1104046 not
    /// allowed, or the code that ended the room; 1104042 where `stop_playing_stream` or `logout_room` came first (the event
    /// then says 0).
    #[doc(alias = "startPlayingStream")]
    pub fn start_playing_stream(&self, stream_id: impl AsRef<str>, options: ZegoPlayOptions) -> Reply<ZegoRemoteStream> {
        let shared = Arc::clone(self.shared());
        self.shared().call(
            |state, call, _, out| {
                let play = state.start_playing(stream_id.as_ref(), &options, call, out)?;
                Ok((StreamId::new(stream_id.as_ref())?, play))
            },
            move |(stream_id, play)| ZegoRemoteStream::new(stream_id, play, shared),
        )
    }

    /// Plays a stream no more; NO_PLAY with 0 follows if it was played. Its settings are forgotten.
    ///
    /// # Errors
    /// 1000015, 1000014, 1000016: a bad streamID. A stream that is not played is no error, as documented.
    #[doc(alias = "stopPlayingStream")]
    pub fn stop_playing_stream(&self, stream_id: impl AsRef<str>) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.stop_playing(stream_id.as_ref(), out))
    }

    /// Has the server send no sound of a played stream, or again. Saves its bandwidth; kept over reconnects.
    ///
    /// Ten calls a second are passed on at once, as with
    /// [`mute_publish_stream_audio`](Self::mute_publish_stream_audio).
    ///
    /// # Errors
    /// - 1000015, 1000014, 1000016: a bad streamID; 1104044: it is not being played
    /// - 1000017: the link is away; it is done when the link is back
    /// - 1100002: no answer in time; it is asked again. Or what the server refused with
    #[doc(alias = "mutePlayStreamAudio")]
    pub fn mute_play_stream_audio(&self, stream_id: impl AsRef<str>, mute: bool) -> Reply<()> {
        let stream_id = stream_id.as_ref();
        self.shared().call(
            |state, call, now, out| state.mute_playback(stream_id, mute, call, now, out),
            |()| (),
        )
    }

    /// As [`mute_play_stream_audio`](Self::mute_play_stream_audio), for all streams that are played now and all that will be. A
    /// stream is silent while either call says so. The reply comes when the server was told of each stream of now.
    ///
    /// # Errors
    /// As [`mute_play_stream_audio`](Self::mute_play_stream_audio), of the first stream that was not carried out.
    #[doc(alias = "muteAllPlayAudioStreams")]
    #[doc(alias = "muteAllPlayStreamAudio")]
    pub fn mute_all_play_audio_streams(&self, mute: bool) -> Reply<()> {
        self.shared()
            .call_each(|state, now, out| state.mute_all_playbacks(mute, now, out))
    }

    /// The last report of a played stream; a new one comes every 3 s. `None` before the first, and for a stream that is not
    /// played.
    #[doc(alias = "getPlayingStreamQuality")]
    pub fn get_playing_stream_quality(&self, stream_id: impl AsRef<str>) -> Option<ZegoPlayStats> {
        self.shared().look(|state| state.play_quality(stream_id.as_ref()))
    }
}
