//! What is published and played.

use express_messages::ids::StreamId;
use serde::{Deserialize, Serialize};

use super::is_zero;

/// Offers a stream. Publishing a stream again that this session holds replaces its media connection, and nobody else notices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with one sendonly audio section and the host candidates.
    pub offer: String,
    /// What to attach to the stream, at most 1,024 bytes.
    #[serde(default)]
    pub extra_info: String,
    /// Whether it begins muted, see [`MuteStream`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
}

/// Ends a stream; a stream that is not there is no error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpublish {
    /// The stream.
    pub stream_id: StreamId,
}

/// Asks for a stream; refused with 1104039 and a time to ask again while it is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// The stream.
    pub stream_id: StreamId,
    /// SDP offer with one recvonly audio section and the host candidates.
    pub offer: String,
    /// To hear it only while it is one of so many loudest streams of its room; 0: always, left out: as the room has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudest: Option<u32>,
}

/// The server's side of an SDP exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SdpOk {
    /// SDP answer with the server's candidates.
    pub answer: String,
    /// To a player: it gets the stream only while that is one of so many loudest of its room, so that silence is no fault; 0: always.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub loudest: u32,
}

/// Plays a stream no more; one that is not played is no error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopPlay {
    /// The stream.
    pub stream_id: StreamId,
}

/// Stops or resumes the audio of a played stream; refused with 1104044 when it is not played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PausePlay {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: send no audio.
    pub paused: bool,
}

/// Tells the others whether a published stream is muted; refused with 1103055 when the client does not publish it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuteStream {
    /// The stream.
    pub stream_id: StreamId,
    /// `true`: muted.
    pub muted: bool,
}

/// Attaches another text to a published stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetStreamExtraInfo {
    /// The stream.
    pub stream_id: StreamId,
    /// 1 to 1,024 bytes.
    pub extra_info: String,
}
