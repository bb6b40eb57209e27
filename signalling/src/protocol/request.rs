//! Requests of a client, and what each is answered with.

mod reach;
mod session;
mod streams;
mod talk;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::{
    reach::{MediaPorts, MediaPortsOk},
    session::{Heartbeat, HeartbeatOk, Login, LoginOk, Logout, RenewToken, RenewTokenOk, Resume, ResumeOk, Snapshot},
    streams::{MuteStream, PausePlay, Play, Publish, SdpOk, SetStreamExtraInfo, StopPlay, Unpublish},
    talk::{
        ReportQuality, SendBarrageMessage, SendBarrageMessageOk, SendBroadcastMessage, SendBroadcastMessageOk, SendCustomCommand,
        SendCustomCommandOk, SetRoomExtraInfo, SetRoomExtraInfoOk,
    },
};

/// Every request, by its `type` on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Request {
    /// Log in to a room; the first request on a socket, or [`Request::Resume`].
    Login(Login),
    /// Take a session up again on a new socket.
    Resume(Resume),
    /// Where media is taken; the only request that needs no login and makes none.
    MediaPorts(MediaPorts),
    /// Still here.
    Heartbeat(Heartbeat),
    /// Leave the room; the server closes the socket behind the reply.
    Logout(Logout),
    /// Show a new token.
    RenewToken(RenewToken),
    /// Offer a stream.
    Publish(Publish),
    /// End a stream.
    Unpublish(Unpublish),
    /// Ask for a stream.
    Play(Play),
    /// Play a stream no more.
    StopPlay(StopPlay),
    /// Stop or resume the audio of a played stream.
    PausePlay(PausePlay),
    /// Tell the others that a published stream is muted, or is not.
    MuteStream(MuteStream),
    /// Attach another text to a published stream.
    SetStreamExtraInfo(SetStreamExtraInfo),
    /// Attach an extra info to the room.
    SetRoomExtraInfo(SetRoomExtraInfo),
    /// A text to everybody else in the room, reliably.
    SendBroadcastMessage(SendBroadcastMessage),
    /// A text to everybody else in the room that may be lost.
    SendBarrageMessage(SendBarrageMessage),
    /// A text to some users of the room, reliably.
    SendCustomCommand(SendCustomCommand),
    /// The client's own network quality.
    ReportQuality(ReportQuality),
}

/// A request and the type of its result.
pub trait Call: Into<Request> {
    /// What `ok` of the reply holds.
    type Ok: Serialize + DeserializeOwned;
}

macro_rules! calls {
    ($($request:ident => $ok:ty,)*) => {
        $(
            impl From<$request> for Request {
                fn from(request: $request) -> Self {
                    Self::$request(request)
                }
            }
            impl Call for $request {
                type Ok = $ok;
            }
        )*
    };
}

calls! {
    Login => LoginOk,
    Resume => ResumeOk,
    MediaPorts => MediaPortsOk,
    Heartbeat => HeartbeatOk,
    Logout => Done,
    RenewToken => RenewTokenOk,
    Publish => SdpOk,
    Unpublish => Done,
    Play => SdpOk,
    StopPlay => Done,
    PausePlay => Done,
    MuteStream => Done,
    SetStreamExtraInfo => Done,
    SetRoomExtraInfo => SetRoomExtraInfoOk,
    SendBroadcastMessage => SendBroadcastMessageOk,
    SendBarrageMessage => SendBarrageMessageOk,
    SendCustomCommand => SendCustomCommandOk,
    ReportQuality => Done,
}

/// Carried out; nothing to tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
