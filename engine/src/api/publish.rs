//! Publishing.

use express_messages::{ZegoError, stats::ZegoPublishStats};

use super::ZegoExpressEngine;
use crate::{
    actor::state::Command,
    options::{ZegoPublishOptions, ZegoStreamUpdateType},
    reply::Reply,
    streams::ZegoLocalStream,
};

impl ZegoExpressEngine {
    /// Publishes a local stream under an id that nobody else in the AppID uses. Several streams may be published, also of one
    /// local stream.
    ///
    /// `Ok` says that it was accepted; [`PublisherStateUpdate`](crate::PublisherStateUpdate) tells what becomes of it:
    /// PUBLISH_REQUESTING at once, PUBLISHING when sound flows. While a login is still running it is accepted too, and begins
    /// with LOGINED.
    ///
    /// # Errors
    /// In this order:
    /// - 1000015, 1000014, 1000016: the streamID is empty, too long, has a bad character
    /// - 1003051: extraInfo has more than 1,024 bytes
    /// - 1103044: the local stream is of another engine; 1103099: it was destroyed, or captures nothing
    /// - 1000002: in no room, or not in that one; 1003071: in multi-room mode it is not said which
    /// - 1103056: that stream is being published already
    #[doc(alias = "startPublishingStream")]
    pub fn start_publishing_stream(
        &self,
        stream_id: impl AsRef<str>,
        stream: &ZegoLocalStream,
        options: ZegoPublishOptions,
    ) -> Result<(), ZegoError> {
        let local = stream.id_in(self.shared());
        self.shared()
            .decide(|state, _, out| state.start_publishing(stream_id.as_ref(), local, options, out))
    }

    /// Sends what `stream` captures now, in all its publications, instead of what it captured when they began or when this was
    /// last called; faded over in 10 ms. Without effect where that is sent already.
    ///
    /// # Errors
    /// - 1100001: `update` is video, which this SDK has not
    /// - 1103086: the stream is of another engine; 1000018: it was destroyed
    /// - 1103087: it captures nothing
    #[doc(alias = "updatePublishingStream")]
    pub fn update_publishing_stream(&self, stream: &ZegoLocalStream, update: ZegoStreamUpdateType) -> Reply<()> {
        let id = stream.id_in(self.shared());
        Reply::ready(
            update
                .check()
                .and_then(|()| self.shared().decide(|state, _, out| state.update_publishing(id, out))),
        )
    }

    /// Publishes a stream no more; NO_PUBLISH with 0 follows. The local stream stays open.
    ///
    /// # Errors
    /// 1000015, 1000014, 1000016: a bad streamID; 1103055: it is not being published.
    #[doc(alias = "stopPublishingStream")]
    pub fn stop_publishing_stream(&self, stream_id: impl AsRef<str>) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.stop_publishing(stream_id.as_ref(), out))
    }

    /// Attaches another text to a published stream; others get
    /// [`StreamExtraInfoUpdate`](crate::StreamExtraInfoUpdate), and whoever comes later the newest text. It stays over
    /// reconnects.
    ///
    /// # Errors
    /// - 1000015, 1000014, 1000016: a bad streamID
    /// - 1003050: the text is empty; 1003051: it has more than 1,024 bytes
    /// - 1103055: the stream is not being published, or not yet (wait for PUBLISHING)
    /// - 1000017: the link is away; 1100002: no answer in time
    #[doc(alias = "setStreamExtraInfo")]
    pub fn set_stream_extra_info(&self, stream_id: impl AsRef<str>, extra_info: impl Into<String>) -> Reply<()> {
        let (stream_id, extra_info) = (stream_id.as_ref(), extra_info.into());
        self.shared().ask_whom(
            |state| Ok((state.publisher_of(stream_id, &extra_info)?, extra_info)),
            |(life, extra_info), done| Command::SetExtraInfo { life, extra_info, done },
        )
    }

    /// The last report of a published stream; a new one comes every 3 s. `None` before the first, and for a stream that is not
    /// published.
    #[doc(alias = "getPublishingStreamQuality")]
    pub fn get_publishing_stream_quality(&self, stream_id: impl AsRef<str>) -> Option<ZegoPublishStats> {
        self.shared().look(|state| state.publish_quality(stream_id.as_ref()))
    }
}
