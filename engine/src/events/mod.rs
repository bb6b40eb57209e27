//! Documented events: one struct for each, and [`ZegoEvent`] for all of them.

mod dispatch;
mod display;
mod documented;
mod hub;
mod listeners;
mod media;
mod messages;
mod queue;
mod room;
mod subscription;

use std::fmt;

use serde::Serialize;

pub(crate) use dispatch::dispatch;
pub(crate) use hub::EventHub;
pub use listeners::ListenerId;
pub(crate) use listeners::Listeners;
pub use media::{
    AudioDeviceStateChanged, CapturedSoundLevelInfoUpdate, CapturedSoundLevelUpdate, DeviceError, ExceptionUpdate,
    LocalSourceEnded, MixingAudioEnded, NetworkQuality, PlayQualityUpdate, PlayerStateUpdate, PublishQualityUpdate,
    PublisherStateUpdate, RemoteMicStatusUpdate, SoundLevelInfoUpdate, SoundLevelUpdate, ZegoSoundLevelInfo,
    ZegoSoundLevelVadInfo,
};
pub use messages::{ImRecvBarrageMessage, ImRecvBroadcastMessage, ImRecvCustomCommand};
pub(crate) use queue::EventQueue;
pub use room::{
    RoomExtraInfoUpdate, RoomOnlineUserCountUpdate, RoomStateChanged, RoomStateUpdate, RoomStreamUpdate, RoomUserUpdate,
    StreamExtraInfoUpdate, TokenWillExpire,
};
pub use subscription::{Lagged, RecvTimeout, ZegoEvents};

/// An event that [`on`](crate::ZegoExpressEngine::on) can listen to. Only the structs of this crate are events.
pub trait EventType: Clone + Send + Sync + sealed::Sealed + 'static {
    /// Which event it is.
    const KIND: EventKind;

    /// This event inside a [`ZegoEvent`], if it is that one.
    fn from_event(event: &ZegoEvent) -> Option<&Self>;
}

mod sealed {
    /// Keeps [`EventType`](super::EventType) to the structs of this crate.
    pub trait Sealed {}
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Any event of the engine, as [`events`](crate::ZegoExpressEngine::events) gives them.
        ///
        /// As JSON it carries the documented name in `event` and the documented names of its arguments.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "event")]
        #[non_exhaustive]
        pub enum ZegoEvent {
            $($(#[$doc])* #[serde(rename = $word)] $name($name),)*
        }

        /// Names one kind of event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// The documented name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }

        impl ZegoEvent {
            /// Which event this is.
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$name(_) => EventKind::$name,)*
                }
            }
        }

        $(
            impl sealed::Sealed for $name {}

            impl EventType for $name {
                const KIND: EventKind = EventKind::$name;

                fn from_event(event: &ZegoEvent) -> Option<&Self> {
                    match event {
                        ZegoEvent::$name(event) => Some(event),
                        _ => None,
                    }
                }
            }

            impl From<$name> for ZegoEvent {
                fn from(event: $name) -> Self {
                    Self::$name(event)
                }
            }
        )*
    };
}

events! {
    /// The state of a room login changed.
    RoomStateChanged = "roomStateChanged",
    /// Its older twin.
    RoomStateUpdate = "roomStateUpdate",
    /// Users came or went.
    RoomUserUpdate = "roomUserUpdate",
    /// Streams came or went.
    RoomStreamUpdate = "roomStreamUpdate",
    /// Streams carry another text.
    StreamExtraInfoUpdate = "streamExtraInfoUpdate",
    /// Something else is attached to the room.
    RoomExtraInfoUpdate = "roomExtraInfoUpdate",
    /// How many users are there.
    RoomOnlineUserCountUpdate = "roomOnlineUserCountUpdate",
    /// The token ends soon.
    TokenWillExpire = "tokenWillExpire",
    /// Texts to the whole room.
    ImRecvBroadcastMessage = "IMRecvBroadcastMessage",
    /// Texts that may be lost.
    ImRecvBarrageMessage = "IMRecvBarrageMessage",
    /// A text to this user.
    ImRecvCustomCommand = "IMRecvCustomCommand",
    /// The state of a published stream changed.
    PublisherStateUpdate = "publisherStateUpdate",
    /// The state of a played stream changed.
    PlayerStateUpdate = "playerStateUpdate",
    /// How well a stream is sent.
    PublishQualityUpdate = "publishQualityUpdate",
    /// How well a stream arrives.
    PlayQualityUpdate = "playQualityUpdate",
    /// Something is wrong with a stream's sound, or right again.
    ExceptionUpdate = "exceptionUpdate",
    /// How good the network is.
    NetworkQuality = "networkQuality",
    /// A publisher muted or opened its stream.
    RemoteMicStatusUpdate = "remoteMicStatusUpdate",
    /// How loud streams are.
    SoundLevelUpdate = "soundLevelUpdate",
    /// How loud the loudest local stream is.
    CapturedSoundLevelUpdate = "capturedSoundLevelUpdate",
    /// How loud streams are, and who speaks.
    SoundLevelInfoUpdate = "soundLevelInfoUpdate",
    /// How loud the loudest captured sound is, and whether somebody speaks.
    CapturedSoundLevelInfoUpdate = "capturedSoundLevelInfoUpdate",
    /// A device failed.
    DeviceError = "deviceError",
    /// A device came or went.
    AudioDeviceStateChanged = "audioDeviceStateChanged",
    /// A local stream from a file ended.
    LocalSourceEnded = "localSourceEnded",
    /// A file that was mixed into a local stream ended.
    MixingAudioEnded = "mixingAudioEnded",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ZegoEvent {
    /// Whether a newer event makes this one worthless: `Some` of whom or what it tells for reports that come by the clock.
    pub(crate) fn report_of(&self) -> Option<(EventKind, &str)> {
        let of = match self {
            Self::PublishQualityUpdate(event) => event.stream_id.as_str(),
            Self::PlayQualityUpdate(event) => event.stream_id.as_str(),
            Self::NetworkQuality(event) => &event.user_id,
            Self::RoomOnlineUserCountUpdate(event) => &event.room_id,
            Self::SoundLevelUpdate(_)
            | Self::CapturedSoundLevelUpdate(_)
            | Self::SoundLevelInfoUpdate(_)
            | Self::CapturedSoundLevelInfoUpdate(_) => "",
            _ => return None,
        };
        Some((self.kind(), of))
    }
}

#[cfg(test)]
mod tests {
    use express_messages::{exceptions::StreamException, ids::StreamId, stats::QualityGrade, types::*};
    use serde_json::json;

    use super::*;

    fn user(id: &str) -> ZegoUser {
        ZegoUser::new(id, "").unwrap()
    }

    fn stream() -> ZegoStream {
        ZegoStream {
            stream_id: StreamId::new("s1").unwrap(),
            user: user("u1"),
            extra_info: "x".into(),
        }
    }

    #[test]
    fn an_event_as_json_speaks_the_documented_names() {
        let listed = json!([{"streamID": "s1", "user": {"userID": "u1", "userName": "u1"}, "extraInfo": "x"}]);
        let from_user = json!({"userID": "u1", "userName": "u1"});
        let table: [(ZegoEvent, serde_json::Value); 9] = [
            (
                RoomStreamUpdate {
                    room_id: "r".into(),
                    update_type: ZegoUpdateType::Add,
                    stream_list: vec![stream()],
                    extended_data: String::new(),
                }
                .into(),
                json!({"event": "roomStreamUpdate", "roomID": "r", "updateType": "ADD", "extendedData": "", "streamList": listed}),
            ),
            (
                StreamExtraInfoUpdate {
                    room_id: "r".into(),
                    stream_list: vec![stream()],
                }
                .into(),
                json!({"event": "streamExtraInfoUpdate", "roomID": "r", "streamList": listed}),
            ),
            (
                RoomExtraInfoUpdate {
                    room_id: "r".into(),
                    room_extra_info_list: vec![ZegoRoomExtraInfo {
                        key: "k".into(),
                        value: "v".into(),
                        update_user: user("u1"),
                        update_time: 5,
                    }],
                }
                .into(),
                json!({"event": "roomExtraInfoUpdate", "roomID": "r",
                    "roomExtraInfoList": [{"key": "k", "value": "v", "updateUser": from_user, "updateTime": 5}]}),
            ),
            (
                ImRecvBroadcastMessage {
                    room_id: "r".into(),
                    message_list: vec![ZegoBroadcastMessageInfo {
                        from_user: user("u1"),
                        message: "hello".into(),
                        send_time: 5,
                        message_id: 42,
                    }],
                }
                .into(),
                json!({"event": "IMRecvBroadcastMessage", "roomID": "r",
                    "messageList": [{"fromUser": from_user, "message": "hello", "sendTime": 5, "messageID": 42}]}),
            ),
            (
                ImRecvBarrageMessage {
                    room_id: "r".into(),
                    message_list: vec![ZegoBarrageMessageInfo {
                        from_user: user("u1"),
                        message: "hi".into(),
                        send_time: 5,
                        message_id: "7".into(),
                    }],
                }
                .into(),
                json!({"event": "IMRecvBarrageMessage", "roomID": "r",
                    "messageList": [{"fromUser": from_user, "message": "hi", "sendTime": 5, "messageID": "7"}]}),
            ),
            (
                ImRecvCustomCommand {
                    room_id: "r".into(),
                    from_user: user("u1"),
                    command: "go".into(),
                }
                .into(),
                json!({"event": "IMRecvCustomCommand", "roomID": "r", "fromUser": from_user, "command": "go"}),
            ),
            (
                NetworkQuality {
                    user_id: String::new(),
                    upstream_quality: QualityGrade::Excellent,
                    downstream_quality: QualityGrade::Unknown,
                }
                .into(),
                json!({"event": "networkQuality", "userID": "", "upstreamQuality": 0, "downstreamQuality": -1}),
            ),
            (
                ExceptionUpdate {
                    stream_id: StreamId::new("s1").unwrap(),
                    exception: StreamException {
                        code: 1002,
                        message: "silent".into(),
                    },
                }
                .into(),
                json!({"event": "exceptionUpdate", "streamID": "s1", "exception": {"code": 1002, "message": "silent"}}),
            ),
            (
                SoundLevelUpdate {
                    sound_level_list: vec![ZegoSoundLevelInfo {
                        stream_id: StreamId::new("s1").unwrap(),
                        sound_level: 12.5,
                        stream_type: SoundLevelType::Pull,
                    }],
                }
                .into(),
                json!({"event": "soundLevelUpdate",
                    "soundLevelList": [{"streamID": "s1", "soundLevel": 12.5, "type": "pull"}]}),
            ),
        ];
        for (event, expected) in table {
            assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        }
    }

    #[test]
    fn each_kind_has_its_documented_name() {
        assert_eq!(EventKind::RoomStateChanged.as_str(), "roomStateChanged");
        assert_eq!(EventKind::PlayQualityUpdate.to_string(), "playQualityUpdate");
        assert_eq!(EventKind::ImRecvCustomCommand.to_string(), "IMRecvCustomCommand");
    }
}
