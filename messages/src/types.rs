//! Documented types that several crates speak of: users, streams, states, reasons.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    ZegoError, codes,
    ids::{StreamId, USER_NAME_MAX, UserId},
};

/// An enum whose variants have a documented word.
macro_rules! documented_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The documented word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = ZegoError;
            fn from_str(word: &str) -> Result<Self, ZegoError> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(ZegoError::new(
                        codes::INPUT_PARAM,
                        format!(concat!("{:?} is no ", stringify!($name), "; use one of:", $(" ", $word,)*), word),
                    )),
                }
            }
        }
    };
}

documented_words!(
    /// Why the state of a room changed (`roomStateChanged`, documented reasons).
    RoomStateChangedReason {
        /// Logging in.
        Logining = "LOGINING",
        /// Logged in.
        Logined = "LOGINED",
        /// The login failed for good.
        LoginFailed = "LOGIN_FAILED",
        /// The connection is lost; the SDK reconnects.
        Reconnecting = "RECONNECTING",
        /// Connected again.
        Reconnected = "RECONNECTED",
        /// Reconnecting failed for good.
        ReconnectFailed = "RECONNECT_FAILED",
        /// The server ended this login.
        Kickout = "KICKOUT",
        /// Logged out.
        Logout = "LOGOUT",
        /// The logout failed.
        LogoutFailed = "LOGOUT_FAILED",
    }
);

/// What a room is used for (`setRoomScenario`, documented numbers 3 to 9). Of the sound it decides how much of it a packet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ZegoScenario {
    /// 3: nothing special.
    #[default]
    Default = 3,
    /// 4: a video call.
    StandardVideoCall = 4,
    /// 5: a video call of high quality.
    HighVideoCall = 5,
    /// 6: a voice chat room.
    StandardChatroom = 6,
    /// 7: a voice chat room of high quality.
    HighQualityChatroom = 7,
    /// 8: one speaks, many listen.
    Broadcast = 8,
    /// 9: people sing together, so that every millisecond counts.
    Karaoke = 9,
}

documented_words!(
    /// Coarse state of a room login (`roomStateUpdate`, the older twin of `roomStateChanged`).
    RoomState {
        /// Not logged in.
        Disconnected = "DISCONNECTED",
        /// Logging in, or connecting again.
        Connecting = "CONNECTING",
        /// Logged in.
        Connected = "CONNECTED",
    }
);

documented_words!(
    /// Whether a publisher lets its stream be heard (`remoteMicStatusUpdate`).
    RemoteMicStatus {
        /// It can be heard.
        Open = "OPEN",
        /// Its publisher muted it.
        Mute = "MUTE",
    }
);

documented_words!(
    /// Whose sound a level tells of (`soundLevelUpdate`).
    SoundLevelType {
        /// A published stream's.
        Push = "push",
        /// A played stream's.
        Pull = "pull",
    }
);

documented_words!(
    /// State of a published stream (`publisherStateUpdate`).
    PublisherState {
        /// Not publishing.
        NoPublish = "NO_PUBLISH",
        /// Connecting, or connecting again.
        PublishRequesting = "PUBLISH_REQUESTING",
        /// Media flows to the server.
        Publishing = "PUBLISHING",
    }
);

documented_words!(
    /// State of a played stream (`playerStateUpdate`).
    PlayerState {
        /// Not playing.
        NoPlay = "NO_PLAY",
        /// Connecting, connecting again, or waiting for the stream.
        PlayRequesting = "PLAY_REQUESTING",
        /// Media arrives and is decoded.
        Playing = "PLAYING",
    }
);

documented_words!(
    /// Whether the items of a list came or went.
    ZegoUpdateType {
        /// They came.
        Add = "ADD",
        /// They went.
        Delete = "DELETE",
    }
);

documented_words!(
    /// Which way a device moves sound.
    ZegoAudioDeviceType {
        /// It captures: a microphone.
        Input = "Input",
        /// It plays: a speaker.
        Output = "Output",
    }
);

/// A user in a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ZegoUser {
    /// The user's id, unique in the AppID.
    #[doc(alias = "userID")]
    pub user_id: UserId,
    /// The name to show; the userID where none was given.
    #[doc(alias = "userName")]
    pub user_name: String,
}

impl ZegoUser {
    /// Checks both fields; an empty `user_name` becomes the userID, as the documented SDK does.
    ///
    /// # Errors
    /// 1002005, 1002006, 1002007 for the userID, [`codes::USER_NAME_TOO_LONG`] over 256 bytes of name.
    pub fn new(user_id: impl AsRef<str>, user_name: impl Into<String>) -> Result<Self, ZegoError> {
        let user_id = UserId::new(user_id)?;
        let mut user_name = user_name.into();
        if user_name.len() > USER_NAME_MAX {
            let message = format!("userName has {} bytes; at most {USER_NAME_MAX} are allowed", user_name.len());
            return Err(ZegoError::new(codes::USER_NAME_TOO_LONG, message));
        }
        if user_name.is_empty() {
            user_name = user_id.as_str().into();
        }
        Ok(Self { user_id, user_name })
    }
}

/// A stream of another user in the room: an item of the documented `ZegoStreamList`.
#[doc(alias = "ZegoStreamList")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoStream {
    /// The stream's id, unique in the AppID.
    #[doc(alias = "streamID")]
    pub stream_id: StreamId,
    /// Who publishes it.
    pub user: ZegoUser,
    /// What the publisher attached to it, at most 1,024 bytes; often empty.
    #[doc(alias = "extraInfo")]
    pub extra_info: String,
}

/// A text that another user sent to the whole room (`IMRecvBroadcastMessage`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoBroadcastMessageInfo {
    /// Who sent it.
    #[doc(alias = "fromUser")]
    pub from_user: ZegoUser,
    /// What, 1 to 1,024 bytes.
    pub message: String,
    /// When the server took it, Unix time in milliseconds.
    #[doc(alias = "sendTime")]
    pub send_time: u64,
    /// Its number; ascends within the room.
    #[doc(alias = "messageID")]
    pub message_id: u64,
}

/// What is attached to a room: one key and its value (`roomExtraInfoUpdate`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoRoomExtraInfo {
    /// 1 to 128 bytes.
    pub key: String,
    /// At most 4,096 bytes.
    pub value: String,
    /// Who set it.
    #[doc(alias = "updateUser")]
    pub update_user: ZegoUser,
    /// When the server took it, Unix time in milliseconds.
    #[doc(alias = "updateTime")]
    pub update_time: u64,
}

/// A text that another user sent to the whole room and that might have been lost (`IMRecvBarrageMessage`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoBarrageMessageInfo {
    /// Who sent it.
    #[doc(alias = "fromUser")]
    pub from_user: ZegoUser,
    /// What, 1 to 1,024 bytes.
    pub message: String,
    /// When the server took it, Unix time in milliseconds.
    #[doc(alias = "sendTime")]
    pub send_time: u64,
    /// Its name; text, as documented.
    #[doc(alias = "messageID")]
    pub message_id: String,
}

/// Why a stream went (`stream_delete_reason` of `roomStreamUpdate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamDeleteReason {
    /// The publisher stopped it.
    Stopped,
    /// The publisher was silent for 100 s.
    HeartbeatTimeout,
    /// The publisher logged in again elsewhere.
    RepeatLogin,
    /// The publisher was kicked out.
    KickedOut,
    /// The publisher left without a word.
    Offline,
    /// The server's API removed it.
    RemovedByServer,
}

impl StreamDeleteReason {
    /// The documented number, 1..=6.
    pub const fn code(self) -> i32 {
        match self {
            Self::Stopped => 1,
            Self::HeartbeatTimeout => 2,
            Self::RepeatLogin => 3,
            Self::KickedOut => 4,
            Self::Offline => 5,
            Self::RemovedByServer => 6,
        }
    }

    /// The documented description.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Stopped => "user_stop_publishing_stream_normal",
            Self::HeartbeatTimeout => "user_heart_beat_timeout",
            Self::RepeatLogin => "user_repeat_login",
            Self::KickedOut => "user_kicked_out",
            Self::Offline => "user_offline",
            Self::RemovedByServer => "remove_by_server",
        }
    }
}

/// A capture or playout device, as `enumDevices` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoDeviceInfo {
    /// For people.
    #[doc(alias = "deviceName")]
    pub device_name: String,
    /// To give back to the API.
    #[doc(alias = "deviceID")]
    pub device_id: String,
}

/// What `enumDevices` answers; cameras are always empty, this is the audio SDK.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZegoDeviceInfos {
    /// Capture devices, the default one first.
    pub microphones: Vec<ZegoDeviceInfo>,
    /// Playout devices, the default one first.
    pub speakers: Vec<ZegoDeviceInfo>,
    /// Always empty.
    pub cameras: Vec<ZegoDeviceInfo>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_parses_back_to_its_variant() {
        for reason in [
            "LOGINING",
            "LOGINED",
            "LOGIN_FAILED",
            "RECONNECTING",
            "RECONNECTED",
            "RECONNECT_FAILED",
            "KICKOUT",
            "LOGOUT",
        ] {
            assert_eq!(reason.parse::<RoomStateChangedReason>().unwrap().as_str(), reason);
        }
        assert_eq!("NOPE".parse::<PlayerState>().unwrap_err().code, 1100001);
    }

    #[test]
    fn a_user_without_a_name_is_called_by_its_id() {
        assert_eq!(ZegoUser::new("u1", "").unwrap().user_name, "u1");
        assert_eq!(ZegoUser::new("u1", "n".repeat(257)).unwrap_err().code, 1002010);
    }

    #[test]
    fn delete_reasons_have_the_documented_numbers() {
        assert_eq!(StreamDeleteReason::Stopped.code(), 1);
        assert_eq!(StreamDeleteReason::RemovedByServer.code(), 6);
    }
}
