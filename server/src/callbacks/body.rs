//! The documented JSON of each event, and its signature.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use express_messages::types::ZegoUser;
use serde_json::{Map, Value, json};

use super::queue::Told;
use crate::rooms::{BusinessEvent, Happened, LoggedSession, ToldStream};

/// All may publish whom their tokens let: the documented roles have no meaning for Express.
const USER_ROLE: &str = "1";
/// Everybody logs in with a token04.
const AUTH_LEVEL: &str = "4";
/// What kind of device it is, clients do not say.
const TERM_UNKNOWN: &str = "32";

/// What is new in every try.
pub(super) struct Stamp<'a> {
    pub(super) secret: &'a str,
    /// Unix seconds.
    pub(super) timestamp: u64,
    pub(super) nonce: &'a str,
}

impl Stamp<'_> {
    /// The documented check: SHA-1 over secret, time and nonce, sorted as texts, one behind the other, in lower-case hexadecimal.
    fn signature(&self) -> String {
        let timestamp = self.timestamp.to_string();
        let mut parts = [self.secret, timestamp.as_str(), self.nonce];
        parts.sort_unstable();
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The body of a callback.
pub(super) fn written(told: &Told, stamp: &Stamp<'_>) -> String {
    let Told { unix_ms, event } = told;
    let mut fields = match &event.happened {
        Happened::RoomCreated { creator } => json!({
            "event": "room_create",
            "room_session_id": event.room_session,
            "room_create_time": unix_ms.to_string(),
            "id_name": creator,
        }),
        Happened::RoomClosed(reason) => json!({
            "event": "room_close",
            "room_session_id": event.room_session,
            "close_reason": *reason as u32,
            "room_close_time": unix_ms.to_string(),
        }),
        Happened::LoggedIn { session, again } => logged_in(event, session, *again),
        Happened::LoggedOut { session, reason } => json!({
            "event": "room_logout",
            "room_seq": event.room_session.to_string(),
            "user_account": session.user.user_id,
            "user_nickname": session.user.user_name,
            "session_id": session.number.to_string(),
            "login_time": session.login_ms.to_string(),
            "logout_time": unix_ms.to_string(),
            "reason": (*reason as u32).to_string(),
            "user_role": USER_ROLE,
            "user_update_seq": session.user_seq.to_string(),
        }),
        Happened::StreamCreated { stream, again } => created(event, stream, *again),
        Happened::StreamClosed { stream, reason } => {
            let mut fields = of_stream(event, stream);
            fields.extend(object(json!({
                "event": "stream_close",
                "type": (*reason as u32).to_string(),
                "third_define_data": stream.extra_info,
                "destroy_timemillis": unix_ms.to_string(),
            })));
            Value::Object(fields)
        }
    };
    add_common(&mut fields, event, stamp);
    escape(&fields.to_string())
}

fn add_common(fields: &mut Value, event: &BusinessEvent, stamp: &Stamp<'_>) {
    fields["room_id"] = json!(event.room_id);
    fields["nonce"] = json!(stamp.nonce);
    fields["signature"] = json!(stamp.signature());
    // Documented: the two events of rooms have numbers where all others have texts.
    let as_numbers = matches!(event.happened, Happened::RoomCreated { .. } | Happened::RoomClosed(_));
    let number = |value: u64| match as_numbers {
        true => json!(value),
        false => json!(value.to_string()),
    };
    fields["appid"] = number(event.app_id.into());
    fields["timestamp"] = number(stamp.timestamp);
}

fn logged_in(event: &BusinessEvent, session: &LoggedSession, again: bool) -> Value {
    json!({
        "event": "room_login",
        "room_name": "",
        "room_seq": event.room_session.to_string(),
        "user_account": session.user.user_id,
        "user_nickname": session.user.user_name,
        "session_id": session.number.to_string(),
        "login_time": session.login_ms.to_string(),
        "user_role": USER_ROLE,
        "auth_level": AUTH_LEVEL,
        "relogin": u32::from(again).to_string(),
        "user_update_seq": session.user_seq.to_string(),
        "callback_data": "",
        "term_type": TERM_UNKNOWN,
    })
}

fn created(event: &BusinessEvent, stream: &ToldStream, again: bool) -> Value {
    let ZegoUser { user_id, user_name } = &stream.user;
    let nowhere: [&str; 0] = [];
    let mut fields = of_stream(event, stream);
    fields.extend(object(json!({
        "event": "stream_create",
        "title": "",
        "stream_attr": "{}",
        "create_time": (stream.created_ms / 1000).to_string(),
        "extra_info": stream.extra_info,
        "recreate": u32::from(again).to_string(),
        "publish_id": user_id,
        "publish_name": user_name,
        "rtmp_url": nowhere,
        "hls_url": nowhere,
        "hdl_url": nowhere,
        "pic_url": nowhere,
    })));
    Value::Object(fields)
}

/// What both events of a stream have.
fn of_stream(event: &BusinessEvent, stream: &ToldStream) -> Map<String, Value> {
    object(json!({
        "room_session_id": event.room_session.to_string(),
        "user_id": stream.user.user_id,
        "user_name": stream.user.user_name,
        "channel_id": event.room_id,
        "stream_id": stream.stream_id,
        "stream_alias": stream.stream_id,
        "stream_sid": format!("s-{}-{}", event.room_session, stream.number),
        "stream_seq": stream.stream_seq.to_string(),
        "create_time_ms": stream.created_ms.to_string(),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Documented business servers decode the body as a URL before they read the JSON, others do not: with these two written as JSON
/// can, both read the same. They stand in texts alone.
fn escape(json: &str) -> String {
    json.replace('%', "\\u0025").replace('+', "\\u002b")
}

#[cfg(test)]
mod tests {
    use express_messages::ids::{RoomId, StreamId, UserId};

    use super::*;
    use crate::rooms::{LogoutReason, RoomClose, StreamClose};

    const STAMP: Stamp<'static> = Stamp {
        secret: "secret",
        timestamp: 1_470_820_198,
        nonce: "123412",
    };
    const SIGNATURE: &str = "5bd59fd62953a8059fb7eaba95720f66d19e4517";

    fn told(happened: Happened) -> Told {
        Told {
            unix_ms: 1_470_820_190_123,
            event: BusinessEvent {
                app_id: 7,
                room_id: RoomId::new("100%+r").unwrap(),
                room_session: 99,
                happened,
            },
        }
    }

    fn read(happened: Happened) -> Value {
        serde_json::from_str(&written(&told(happened), &STAMP)).unwrap()
    }

    fn alice() -> ZegoUser {
        ZegoUser {
            user_id: UserId::new("alice").unwrap(),
            user_name: "Alice".into(),
        }
    }

    fn session() -> LoggedSession {
        LoggedSession {
            user: alice(),
            number: 5,
            login_ms: 1_470_820_180_000,
            user_seq: 3,
        }
    }

    fn stream() -> ToldStream {
        ToldStream {
            stream_id: StreamId::new("s1").unwrap(),
            number: 8,
            user: alice(),
            extra_info: "50% off + more".into(),
            created_ms: 1_470_820_181_500,
            stream_seq: 2,
        }
    }

    #[test]
    fn the_published_example_of_a_signature_comes_out() {
        assert_eq!(STAMP.signature(), SIGNATURE);
    }

    #[test]
    fn the_events_of_rooms_have_numbers_as_documented() {
        let creator = UserId::new("alice").unwrap();
        assert_eq!(
            read(Happened::RoomCreated { creator }),
            json!({
                "event": "room_create", "appid": 7, "timestamp": 1_470_820_198, "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_session_id": 99, "room_create_time": "1470820190123", "id_name": "alice",
            })
        );
        assert_eq!(
            read(Happened::RoomClosed(RoomClose::Kicked)),
            json!({
                "event": "room_close", "appid": 7, "timestamp": 1_470_820_198, "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_session_id": 99, "close_reason": 3, "room_close_time": "1470820190123",
            })
        );
    }

    #[test]
    fn the_events_of_users_have_texts_as_documented() {
        let again = true;
        let session = session();
        assert_eq!(
            read(Happened::LoggedIn {
                session: session.clone(),
                again
            }),
            json!({
                "event": "room_login", "appid": "7", "timestamp": "1470820198", "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_name": "", "room_seq": "99", "user_account": "alice", "user_nickname": "Alice",
                "session_id": "5", "login_time": "1470820180000", "user_role": "1", "auth_level": "4", "relogin": "1",
                "user_update_seq": "3", "callback_data": "", "term_type": "32",
            })
        );
        let reason = LogoutReason::LinkLost;
        assert_eq!(
            read(Happened::LoggedOut { session, reason }),
            json!({
                "event": "room_logout", "appid": "7", "timestamp": "1470820198", "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_seq": "99", "user_account": "alice", "user_nickname": "Alice", "session_id": "5",
                "login_time": "1470820180000", "logout_time": "1470820190123", "reason": "2", "user_role": "1",
                "user_update_seq": "3",
            })
        );
    }

    #[test]
    fn the_events_of_streams_have_texts_as_documented() {
        let stream = stream();
        let again = false;
        assert_eq!(
            read(Happened::StreamCreated {
                stream: stream.clone(),
                again
            }),
            json!({
                "event": "stream_create", "appid": "7", "timestamp": "1470820198", "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_session_id": "99", "user_id": "alice", "user_name": "Alice", "channel_id": "100%+r",
                "stream_id": "s1", "stream_sid": "s-99-8", "title": "", "stream_alias": "s1", "stream_attr": "{}",
                "stream_seq": "2", "create_time": "1470820181", "create_time_ms": "1470820181500",
                "extra_info": "50% off + more", "recreate": "0", "publish_id": "alice", "publish_name": "Alice",
                "rtmp_url": [], "hls_url": [], "hdl_url": [], "pic_url": [],
            })
        );
        let reason = StreamClose::RemovedByServer;
        assert_eq!(
            read(Happened::StreamClosed { stream, reason }),
            json!({
                "event": "stream_close", "appid": "7", "timestamp": "1470820198", "nonce": "123412", "signature": SIGNATURE,
                "room_id": "100%+r", "room_session_id": "99", "user_id": "alice", "user_name": "Alice", "channel_id": "100%+r",
                "type": "100", "stream_alias": "s1", "stream_id": "s1", "stream_sid": "s-99-8", "stream_seq": "2",
                "third_define_data": "50% off + more", "create_time_ms": "1470820181500",
                "destroy_timemillis": "1470820190123",
            })
        );
    }

    #[test]
    fn a_business_server_that_decodes_the_body_as_a_url_first_reads_the_same() {
        let reason = StreamClose::Normal;
        let body = written(
            &told(Happened::StreamClosed {
                stream: stream(),
                reason,
            }),
            &STAMP,
        );
        assert!(!body.contains(['%', '+']), "there is nothing to decode: {body}");
    }
}
