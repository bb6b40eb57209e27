//! Documented error codes, by their documented names (web numbers; see `docs/differences.md`).

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: i32 = $value;)*

        /// The documented name of `code`, for logs and messages; `None` for a code that is not ours.
        pub fn name(code: i32) -> Option<&'static str> {
            match code {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// Success.
    SUCCESS = 0;
    /// The engine is not created, or was destroyed.
    ENGINE_NOT_CREATED = 1000001;
    /// Not logged in to a room.
    NOT_LOGIN = 1000002;
    /// streamID longer than 256 bytes.
    STREAM_ID_TOO_LONG = 1000014;
    /// streamID missing or empty.
    STREAM_ID_NULL = 1000015;
    /// streamID holds a character that is not allowed.
    STREAM_ID_INVALID_CHARACTER = 1000016;
    /// The network is down or the server cannot be reached.
    NETWORK_BROKEN = 1000017;
    /// The object is not a stream of this engine, or was destroyed.
    LOCALSTREAM_WRONG = 1000018;
    /// The scenario may be set only while in no room.
    SET_ROOM_SCENARIO_FAIL = 1000067;
    /// The server does not know this AppID.
    APPID_INVALID = 1001004;
    /// An argument has a wrong type or value.
    INPUT_PARAM = 1100001;
    /// A request to the server was not answered in time.
    TIMEOUT = 1100002;
    /// The signalling socket is closed.
    SOCKET_CLOSE = 1100003;
    /// The server answered something this client does not know.
    UNKNOWN_SERVER_ERROR = 1100999;
    /// The AppID given at construction is wrong.
    INIT_SDK_WRONG = 1101000;
    /// A part of the engine is missing.
    MODULE_NOT_IMPORTED = 1101003;

    /// Already in a room (single-room mode); call logoutRoom first.
    ROOM_COUNT_EXCEED = 1002001;
    /// That room is not logged in.
    ROOM_ROOMID_INCORRECT = 1002002;
    /// userID missing or empty.
    USER_ID_NULL = 1002005;
    /// userID holds a character that is not allowed.
    USER_ID_INVALID_CHARACTER = 1002006;
    /// userID longer than 64 bytes.
    USER_ID_TOO_LONG = 1002007;
    /// userName longer than 256 bytes.
    USER_NAME_TOO_LONG = 1002010;
    /// roomID missing or empty.
    ROOM_ID_NULL = 1002011;
    /// roomID holds a character that is not allowed.
    ROOM_ID_INVALID_CHARACTER = 1002012;
    /// roomID longer than 128 bytes.
    ROOM_ID_TOO_LONG = 1002013;
    /// The key of the room's extra info is empty.
    ROOM_EXTRA_INFO_KEY_EMPTY = 1002014;
    /// The key of the room's extra info is longer than 128 bytes.
    ROOM_EXTRA_INFO_KEY_TOO_LONG = 1002015;
    /// The value of the room's extra info is longer than 4096 bytes.
    ROOM_EXTRA_INFO_VALUE_TOO_LONG = 1002016;
    /// The room has an extra info under another key: a room has one.
    ROOM_EXTRA_INFO_KEYS_EXCEED = 1002017;
    /// In several rooms a user has one userID.
    DIFFERENT_USER_ID = 1002018;
    /// Login retries went past the allowed time.
    LOGIN_TIMEOUT = 1002031;
    /// The room is full (maxMemberCount).
    ROOM_MAX_USER_COUNT = 1002034;
    /// The AppID's users may be in one room at a time.
    MULTI_ROOM_UNABLE = 1002036;
    /// The user is in as many rooms as one may be.
    MULTI_ROOM_COUNT_EXCEED = 1002037;
    /// The same userID logged in elsewhere.
    MULTIPLE_LOGIN_KICKOUT = 1002050;
    /// The server lost the session; the client logs in again.
    NETWORK_RECOVERY = 1002051;
    /// Reconnecting gave up: the allowed time is over.
    ROOM_RETRY_TIMEOUT = 1002053;
    /// Kicked out by the server's API.
    MANUAL_KICKOUT = 1002055;
    /// Already in that room (multi-room mode); call logoutRoom first.
    REPEATEDLY_LOGIN = 1002056;
    /// enableMultiRoom came after the first login, or twice.
    ALREADY_LOGIN = 1002058;
    /// The room that is switched to is the one that is logged in to.
    LOGIN_BEFORE_LOGOUT_BY_SAME_ROOMID = 1002064;
    /// The user is banned.
    FORBID_BLACK_USER = 1002066;
    /// Too many requests of one kind in a second.
    ROOM_RATE_LIMIT = 1002073;
    /// The renewed token lacks the right for a running stream.
    NO_PUBLISH_AUTH = 1002082;
    /// The user is already logged in elsewhere, and the server refuses the newcomer.
    USER_HAD_LOGIN_OTHER = 1002086;
    /// An error of the server that has no code of its own.
    ROOM_INNER_ERROR = 1002099;
    /// No answer to the room heartbeat.
    HEARTBEAT_TIMEOUT = 1102001;
    /// A message could not be parsed.
    PARSE_JSON_ERROR = 1102011;
    /// A login is already running.
    LOGIN_PROCESSING = 1102012;
    /// The call does not fit the state of the login.
    LOGIN_STATE_WRONG = 1102015;
    /// The token was refused.
    TOKEN_ERROR = 1102016;
    /// The token has expired.
    TOKEN_EXPIRED = 1102018;
    /// The login was cancelled by logoutRoom (an event reports it as 0).
    CANCEL_LOGIN = 1102026;
    /// Room extra info is set too often, or while another call is under way.
    TRANS_FREQUENTLY = 1102022;

    /// The server forbids this stream.
    PUBLISHER_MEDIA_SERVER_FORBID = 1003025;
    /// Another user publishes this streamID.
    PUBLISHER_DUPLICATE_STREAMID = 1003028;
    /// extraInfo is missing or empty.
    PUBLISHER_EXTRA_INFO_NULL = 1003050;
    /// extraInfo is longer than 1024 bytes.
    PUBLISHER_EXTRA_INFO_TOO_LONG = 1003051;
    /// In multi-room mode startPublishingStream names a room.
    PUBLISHER_ROOM_ID_NULL = 1003071;
    /// Publishing failed inside the SDK or the server.
    PUBLISHER_INNER_ERROR = 1003099;
    /// An argument of startPublishingStream has a wrong type or value.
    PUBLISHER_PARAM = 1103001;
    /// The devices cannot be listed.
    ENUMERATE_DEVICES_FAIL = 1103011;
    /// The offer could not be made.
    PUBLISHER_CREATE_OFFER = 1103022;
    /// The server's answer could not be applied.
    PUBLISHER_REMOTE_DESC = 1103025;
    /// The server closed the media session.
    PUBLISHER_SESSION_CLOSED = 1103027;
    /// The media connection failed (ICE or DTLS).
    PUBLISHER_MEDIA_CONNECTION_ERROR = 1103028;
    /// The stream object was not made by this engine.
    PUBLISH_NO_PREVIEW = 1103044;
    /// The stream has no audio.
    PUBLISHER_NO_AUDIO = 1103046;
    /// No such device.
    DEVICE_NOT_FOUND = 1103048;
    /// The stream is being played already.
    REPEATED_PULL = 1103049;
    /// The signalling connection is away.
    PUBLISHER_WEBSOCKET_DISCONNECTED = 1103050;
    /// Publishing retries went past the allowed time.
    PUBLISHER_RETRY_TIMEOUT = 1103051;
    /// No such publication.
    PUBLISHER_STREAM_NO_FOUND = 1103055;
    /// The stream is being published already.
    PUBLISHER_IS_PUBLISHING = 1103056;
    /// The capture device cannot be opened.
    PUBLISHER_GET_USER_MEDIA_FAIL = 1103061;
    /// The system does not allow the device.
    DEVICE_NO_ALLOWED = 1103064;
    /// The device is in use by another.
    DEVICE_NO_READABLE = 1103065;
    /// The device does not know the wanted format, or the id is wrong.
    DEVICE_OVER_CONSTRAINED = 1103066;
    /// AI denoise is not possible here.
    AI_DENOISE_UNSUPPORTED = 1103081;
    /// What was given is no local stream of this engine.
    NOT_ZEGO_STREAM = 1103086;
    /// The local stream captures no sound.
    ZEGO_STREAM_NOT_AUDIO = 1103087;
    /// The user stopped before publishing succeeded (an event reports it as 0).
    CANCEL_PUBLISH = 1103089;
    /// The output device cannot be used.
    SET_AUDIO_OUTPUT_ERROR = 1103093;
    /// The stream is not capturing.
    PUBLISH_NO_CAPTURE = 1103099;

    /// What is being played broke off for now.
    PLAYER_STREAM_INTERRUPTED = 1004020;
    /// The server forbids this stream.
    PLAYER_STREAM_BANNED = 1004025;
    /// The codec of the stream cannot be decoded.
    PLAYER_DECODE_FAILED = 1004081;
    /// Playing failed inside the SDK or the server.
    PLAYER_INTERNAL_EXCEPTION = 1004099;
    /// An argument of startPlayingStream has a wrong type or value.
    PLAYER_PARAM = 1104001;
    /// The offer could not be made.
    PLAYER_CREATE_OFFER = 1104022;
    /// The server's answer could not be applied.
    PLAYER_REMOTE_DESC = 1104025;
    /// The server closed the media session.
    PLAYER_SESSION_CLOSED = 1104027;
    /// The media connection failed (ICE or DTLS).
    PLAYER_MEDIA_CONNECTION_ERROR = 1104028;
    /// The signalling connection is away.
    PLAYER_WEBSOCKET_DISCONNECTED = 1104029;
    /// Playing retries went past the allowed time.
    PLAYER_RETRY_TIMEOUT = 1104031;
    /// No such stream.
    PLAYER_STREAM_NOT_EXIST = 1104039;
    /// The user stopped before playing succeeded (an event reports it as 0).
    CANCEL_PLAY = 1104042;
    /// The stream is not being played.
    PLAYER_STREAM_NOT_PLAYING = 1104044;
    /// More streams than maxChannels.
    PLAYER_STREAM_OUT_LIMIT = 1104045;
    /// The token does not allow playing this stream.
    PLAYER_STREAM_AUTH_FAIL = 1104046;

    /// The message is empty.
    IM_CONTENT_NULL = 1009001;
    /// The command is longer than 1024 bytes.
    IM_COMMAND_TOO_LONG = 1009002;
    /// The message is for a room that is not logged in.
    IM_ROOM_INCORRECT = 1009005;
    /// The message could not be sent, or nobody is there to get it.
    IM_SEND_FAIL = 1009010;
    /// The message is longer than 1024 bytes.
    IM_CONTENT_TOO_LONG = 1009013;
    /// Too many messages to the room in a second.
    IM_BROADCAST_QPS = 1009015;
    /// Too many commands in a second.
    IM_TRANS_FREQUENTLY = 1109001;

    /// The device was unplugged or died.
    DEVICE_UNPLUGGED = 1006006;
    /// A microphone was away for a moment: its plug is loose.
    DEVICE_MICROPHONE_LOOSE = 1106007;
    /// A microphone is there, but gives no sound any more.
    DEVICE_MICROPHONE_TRACK_ENDED = 1106009;
    /// An unknown device id.
    DEVICE_UNKNOWN_ID = 1006002;
    /// A device failed for a reason of its own.
    DEVICE_GENERIC = 1006001;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_knows_its_documented_name() {
        assert_eq!(name(1102016), Some("TOKEN_ERROR"));
        assert_eq!(name(TOKEN_EXPIRED), Some("TOKEN_EXPIRED"));
        assert_eq!(name(42), None);
    }
}
