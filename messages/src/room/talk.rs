//! What a client tells the others in its room.

use actix::Message;

use super::RequestError;
use crate::{
    ids::{StreamId, UserId},
    stats::QualityGrade,
};

/// Tells the others whether a published stream is muted (`mutePublishStreamAudio`, `muteMicrophone`). Sent by a publisher
/// through its peers.
///
/// The wish is kept: while the link is away, or where the server did not take it, it is told again as soon as it can be. A
/// stream that is not published is ignored; [`PublishStream`](super::PublishStream) says how a stream begins.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct MuteStream {
    /// The stream.
    pub stream_id: StreamId,
    /// Muted or not.
    pub muted: bool,
}

/// Attaches another text to a published stream (`setStreamExtraInfo`). Sent by a publisher through its peers.
///
/// Refused with 1003050 when it is empty, 1003051 when it is too long, 1103055 when the server does not hold the stream.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct SetStreamExtraInfo {
    /// The stream.
    pub stream_id: StreamId,
    /// 1 to 1,024 bytes.
    pub extra_info: String,
}

/// Attaches an extra info to the room (`setRoomExtraInfo`). Sent by EngineActor.
///
/// Refused with 1002014 to 1002017 by what it says, 1102022 while another is under way or beyond 10 a second in the room.
/// Setting it again is harmless. One that was taken is set again by the room part where a login anew finds a room without.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), RequestError>")]
pub struct SetRoomExtraInfo {
    /// 1 to 128 bytes.
    pub key: String,
    /// At most 4,096 bytes.
    pub value: String,
}

/// Sends a text to everybody else in the room, reliably (`sendBroadcastMessage`). Answers its number, which ascends within
/// the room. Sent by EngineActor.
///
/// Without an answer it may have arrived or not; nobody sends it again.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<u64, RequestError>")]
pub struct SendBroadcastMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// Sends a text to everybody else in the room that may be lost (`sendBarrageMessage`). Answers its name. Sent by
/// EngineActor.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<String, RequestError>")]
pub struct SendBarrageMessage {
    /// 1 to 1,024 bytes.
    pub message: String,
}

/// Sends a text to some users of the room, reliably (`sendCustomCommand`). Answers those of `to_users` who are not there.
/// Sent by EngineActor.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<UserId>, RequestError>")]
pub struct SendCustomCommand {
    /// 1 to 1,024 bytes.
    pub command: String,
    /// To whom, at most 500; empty: everybody else in the room.
    pub to_users: Vec<UserId>,
}

/// Tells the server how the client's own network is (`networkQuality` of others), every 3 s. Sent by EngineActor. Lost where
/// the link is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ReportQuality {
    /// Of what it publishes.
    pub up: QualityGrade,
    /// Of what it plays.
    pub down: QualityGrade,
}
