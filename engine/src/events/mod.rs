//! Documented events: one struct for each, and [`ZegoEvent`] for all of them.

mod dispatch;
mod hub;
mod listeners;
mod queue;
mod subscription;

use std::fmt;

use express_messages::{
    ids::{LocalStreamId, StreamId},
    stats::{ZegoPlayStats, ZegoPublishStats},
    types::{PlayerState, PublisherState, RoomStateChangedReason, ZegoStream, ZegoUpdateType, ZegoUser},
};
use serde::{Serialize, Serializer};

pub(crate) use dispatch::dispatch;
pub(crate) use hub::EventHub;
pub use listeners::ListenerId;
pub(crate) use listeners::Listeners;
pub(crate) use queue::EventQueue;
pub use subscription::{Lagged, RecvTimeout, ZegoEvents};

/// The state of a room login changed.
#[doc(alias = "roomStateChanged")]
#[doc(alias = "onRoomStateChanged")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomStateChanged {
    /// The room, as it was given to `login_room`: after LOGIN_FAILED for a bad roomID it is that bad text.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// What happened.
    pub reason: RoomStateChangedReason,
    /// 0 where all is well, else the documented code.
    pub error_code: i32,
    /// Text or JSON, often empty.
    pub extended_data: String,
}

/// Users came to the room or left it. Only with `user_update` in [`ZegoRoomConfig`](crate::ZegoRoomConfig); never
/// ourselves. The first ADD after the login names everybody who was there.
#[doc(alias = "roomUserUpdate")]
#[doc(alias = "onRoomUserUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomUserUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// They came or went.
    pub update_type: ZegoUpdateType,
    /// Who; never empty.
    #[serde(serialize_with = "documented::users")]
    pub user_list: Vec<ZegoUser>,
}

/// Streams of others came to the room or went. The first ADD after the login names all that were there.
///
/// A DELETE does not stop a playback: call `stop_playing_stream`.
#[doc(alias = "roomStreamUpdate")]
#[doc(alias = "onRoomStreamUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoomStreamUpdate {
    /// The room.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// They came or went.
    pub update_type: ZegoUpdateType,
    /// Which, in the order they reached the server; never empty.
    #[serde(serialize_with = "documented::streams")]
    pub stream_list: Vec<ZegoStream>,
    /// On DELETE the JSON `{"stream_delete_reason":[{"stream_id","code","description"}]}`, else empty.
    pub extended_data: String,
}

/// The token ends in 30 s; call `renew_token`.
#[doc(alias = "tokenWillExpire")]
#[doc(alias = "onRoomTokenWillExpire")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenWillExpire {
    /// The room whose login it was shown at.
    #[serde(rename = "roomID")]
    pub room_id: String,
    /// Whole seconds left (native `remainTimeInSecond`).
    pub remain_time_in_second: u64,
}

/// The state of a published stream changed. NO_PUBLISH with a code other than 0 is final: the SDK retries no more.
#[doc(alias = "publisherStateUpdate")]
#[doc(alias = "onPublisherStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PublisherStateUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The new state.
    pub state: PublisherState,
    /// 0, or why the state is not what was asked for.
    pub error_code: i32,
    /// Text, often empty.
    pub extended_data: String,
}

/// The state of a played stream changed. NO_PLAY with a code other than 0 is final: the SDK retries no more.
#[doc(alias = "playerStateUpdate")]
#[doc(alias = "onPlayerStateUpdate")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlayerStateUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The new state.
    pub state: PlayerState,
    /// 0, or why the state is not what was asked for.
    pub error_code: i32,
    /// Text, often empty.
    pub extended_data: String,
}

/// How well a published stream is sent; every 3 s while PUBLISHING.
#[doc(alias = "publishQualityUpdate")]
#[doc(alias = "onPublisherQualityUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PublishQualityUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The figures.
    pub stats: ZegoPublishStats,
}

/// How well a played stream arrives; every 3 s while PLAYING.
#[doc(alias = "playQualityUpdate")]
#[doc(alias = "onPlayerQualityUpdate")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlayQualityUpdate {
    /// The stream.
    #[serde(rename = "streamID")]
    pub stream_id: StreamId,
    /// The figures.
    pub stats: ZegoPlayStats,
}

/// A device, or the part of the engine that drives the devices, failed while it was in use.
#[doc(alias = "deviceError")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeviceError {
    /// 1006006 unplugged, 1006001 otherwise.
    pub error_code: i32,
    /// Name of the device; empty where it was not one device alone.
    pub device_name: String,
}

/// A local stream from a file that does not repeat came to its end; silence follows. An addition of ours, for bots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LocalSourceEnded {
    /// The local stream, see [`ZegoLocalStream::id`](crate::ZegoLocalStream::id).
    #[serde(serialize_with = "documented::local_stream")]
    pub local_stream: LocalStreamId,
}

/// Documented spellings inside lists.
mod documented {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct User<'a> {
        #[serde(rename = "userID")]
        user_id: &'a str,
        user_name: &'a str,
    }

    impl<'a> From<&'a ZegoUser> for User<'a> {
        fn from(user: &'a ZegoUser) -> Self {
            Self {
                user_id: user.user_id.as_str(),
                user_name: &user.user_name,
            }
        }
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Stream<'a> {
        #[serde(rename = "streamID")]
        stream_id: &'a str,
        user: User<'a>,
        extra_info: &'a str,
    }

    pub(super) fn users<S: Serializer>(users: &[ZegoUser], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(users.iter().map(User::from))
    }

    pub(super) fn streams<S: Serializer>(streams: &[ZegoStream], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(streams.iter().map(|stream| Stream {
            stream_id: stream.stream_id.as_str(),
            user: User::from(&stream.user),
            extra_info: &stream.extra_info,
        }))
    }

    pub(super) fn local_stream<S: Serializer>(id: &LocalStreamId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(id.0)
    }
}

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
    /// Users came or went.
    RoomUserUpdate = "roomUserUpdate",
    /// Streams came or went.
    RoomStreamUpdate = "roomStreamUpdate",
    /// The token ends soon.
    TokenWillExpire = "tokenWillExpire",
    /// The state of a published stream changed.
    PublisherStateUpdate = "publisherStateUpdate",
    /// The state of a played stream changed.
    PlayerStateUpdate = "playerStateUpdate",
    /// How well a stream is sent.
    PublishQualityUpdate = "publishQualityUpdate",
    /// How well a stream arrives.
    PlayQualityUpdate = "playQualityUpdate",
    /// A device failed.
    DeviceError = "deviceError",
    /// A local stream from a file ended.
    LocalSourceEnded = "localSourceEnded",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ZegoEvent {
    /// Whether a newer event makes this one worthless: `Some(stream)` for reports of quality.
    pub(crate) fn report_of(&self) -> Option<(EventKind, &StreamId)> {
        match self {
            Self::PublishQualityUpdate(event) => Some((self.kind(), &event.stream_id)),
            Self::PlayQualityUpdate(event) => Some((self.kind(), &event.stream_id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_as_json_speaks_the_documented_names() {
        let event = ZegoEvent::from(RoomStreamUpdate {
            room_id: "r".into(),
            update_type: ZegoUpdateType::Add,
            stream_list: vec![ZegoStream {
                stream_id: StreamId::new("s1").unwrap(),
                user: ZegoUser::new("u1", "").unwrap(),
                extra_info: String::new(),
            }],
            extended_data: String::new(),
        });
        let json = serde_json::to_value(&event).unwrap();
        let expected = serde_json::json!({
            "event": "roomStreamUpdate", "roomID": "r", "updateType": "ADD", "extendedData": "",
            "streamList": [{"streamID": "s1", "user": {"userID": "u1", "userName": "u1"}, "extraInfo": ""}],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn each_kind_has_its_documented_name() {
        assert_eq!(EventKind::RoomStateChanged.as_str(), "roomStateChanged");
        assert_eq!(EventKind::PlayQualityUpdate.to_string(), "playQualityUpdate");
    }
}
