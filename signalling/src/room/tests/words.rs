//! Short words for what the tests speak of: rooms, users, streams, events, answers.

use std::time::Duration;

use express_messages::{
    ids::{RoomId, StreamId, UserId},
    room::{RoomEvent, RoomOptions},
    timings::Timings,
    types::{StreamDeleteReason, ZegoStream, ZegoUpdateType, ZegoUser},
};

use crate::protocol::{
    Event, HeartbeatOk, ListedStream, LoginOk, ResumeOk, RoomExtraInfo, RoomStreamUpdate, RoomUserUpdate, SequencedEvent,
    Snapshot, StreamExtraInfoUpdate, StreamGone, StreamMicUpdate,
};

pub(super) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn options() -> RoomOptions {
    RoomOptions {
        app_id: 1,
        servers: vec!["ws://one".into()],
        room_id: RoomId::new("room").unwrap(),
        token: "token-1".into(),
        user: user("me"),
        user_update: true,
        max_member_count: 0,
        loudest_streams: 0,
        instance: None,
        timings: Timings::default(),
    }
}

pub(super) fn user(name: &str) -> ZegoUser {
    ZegoUser {
        user_id: UserId::new(name).unwrap(),
        user_name: name.into(),
    }
}

pub(super) fn stream_id(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// A stream of user `owner`.
pub(super) fn stream(name: &str, owner: &str) -> ZegoStream {
    ZegoStream {
        stream_id: stream_id(name),
        user: user(owner),
        extra_info: String::new(),
    }
}

/// A snapshot: users by name, streams as [`listed`] has them.
pub(super) fn snapshot(seq: u64, users: &[&str], streams: &[&str]) -> Snapshot {
    Snapshot {
        seq,
        users: users.iter().map(|name| user(name)).collect(),
        streams: streams.iter().map(|text| listed(text)).collect(),
        extra_infos: vec![],
    }
}

pub(super) fn stream_at(text: &str) -> ZegoStream {
    let (name, owner) = text.split_once('@').unwrap();
    stream(name, owner)
}

pub(super) fn login_ok(snapshot: Snapshot) -> LoginOk {
    LoginOk {
        version: 1,
        session: "session".into(),
        secret: "secret".into(),
        room_session_id: 1,
        heartbeat_ms: 30_000,
        heartbeat_timeout_ms: 100_000,
        token_expires_in_ms: 86_400_000,
        server_time_ms: 0,
        online_count: 0,
        snapshot,
        ice_servers: vec![],
        nodes: vec![],
    }
}

pub(super) fn resume_ok(missed: Option<Vec<SequencedEvent>>, snapshot: Option<Snapshot>) -> ResumeOk {
    ResumeOk {
        version: 1,
        missed,
        snapshot,
        messages: vec![],
        publishing: vec![],
        playing: vec![],
        heartbeat_ms: 30_000,
        heartbeat_timeout_ms: 100_000,
        token_expires_in_ms: 86_400_000,
        server_time_ms: 0,
        online_count: 0,
        ice_servers: vec![],
    }
}

pub(super) fn heartbeat_ok(seq: u64) -> HeartbeatOk {
    HeartbeatOk {
        seq,
        heartbeat_ms: 30_000,
        token_expires_in_ms: 86_400_000,
        online_count: 0,
        ice_servers: vec![],
    }
}

/// What `who` attached to the room.
pub(super) fn room_info(who: &str, key: &str, value: &str) -> RoomExtraInfo {
    RoomExtraInfo {
        key: key.into(),
        value: value.into(),
        update_user: user(who),
        update_time_ms: 5,
    }
}

/// `+a,b` or `-a`.
pub(super) fn users(text: &str) -> Event {
    let (update, names) = update(text);
    Event::RoomUserUpdate(RoomUserUpdate {
        update,
        users: names.map(user).collect(),
    })
}

/// `+s@a,t@b` or `-s@a`; what goes goes because its publisher stopped it.
pub(super) fn streams(text: &str) -> Event {
    let (update, names) = update(text);
    let streams: Vec<ZegoStream> = names.map(stream_at).collect();
    let gone = |stream: &ZegoStream| StreamGone {
        stream_id: stream.stream_id.clone(),
        reason: StreamDeleteReason::Stopped,
    };
    let reasons = match update {
        ZegoUpdateType::Delete => streams.iter().map(gone).collect(),
        _ => vec![],
    };
    Event::RoomStreamUpdate(RoomStreamUpdate {
        update,
        streams: streams.into_iter().map(Into::into).collect(),
        reasons,
    })
}

fn update(text: &str) -> (ZegoUpdateType, impl Iterator<Item = &str>) {
    let (sign, names) = text.split_at(1);
    let update = if sign == "+" {
        ZegoUpdateType::Add
    } else {
        ZegoUpdateType::Delete
    };
    (update, names.split(','))
}

pub(super) fn sequenced(seq: u64, event: Event) -> SequencedEvent {
    SequencedEvent { seq, event }
}

/// A stream as lists have it: `s@a`, `s@a=text`, `s@a!` (muted), `s@a=text!`.
pub(super) fn listed(text: &str) -> ListedStream {
    let (text, muted) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
    let (name, extra_info) = text.split_once('=').unwrap_or((text, ""));
    let stream = ZegoStream {
        extra_info: extra_info.into(),
        ..stream_at(name)
    };
    ListedStream { stream, muted }
}

/// A publisher muted or opened a stream.
pub(super) fn mic(name: &str, muted: bool) -> Event {
    let stream_id = stream_id(name);
    Event::StreamMicUpdate(StreamMicUpdate { stream_id, muted })
}

/// A publisher attached another text: `s@a=text`.
pub(super) fn info(text: &str) -> Event {
    let streams = vec![listed(text).stream];
    Event::StreamExtraInfoUpdate(StreamExtraInfoUpdate { streams })
}

/// An event as text: `RECONNECTING 1000017`, `users +a,b`, `streams -s(1)`, `restored Kept`, ...
pub(super) fn text(event: &RoomEvent) -> String {
    let sign = |update: &ZegoUpdateType| if *update == ZegoUpdateType::Add { '+' } else { '-' };
    match event {
        RoomEvent::StateChanged { reason, code, .. } => format!("{reason} {code}"),
        RoomEvent::UserUpdate { update, users } => {
            let names: Vec<&str> = users.iter().map(|user| user.user_id.as_str()).collect();
            format!("users {}{}", sign(update), names.join(","))
        }
        RoomEvent::StreamUpdate {
            update,
            streams,
            extended_data,
        } => {
            let codes = delete_codes(extended_data);
            let name = |(index, stream): (usize, &ZegoStream)| match codes.get(index) {
                Some(code) => format!("{}({code})", stream.stream_id),
                None => stream.stream_id.to_string(),
            };
            let names: Vec<String> = streams.iter().enumerate().map(name).collect();
            format!("streams {}{}", sign(update), names.join(","))
        }
        RoomEvent::TokenWillExpire { remaining } => format!("token ends in {}", remaining.as_secs_f64()),
        RoomEvent::StreamEnded {
            stream_id, role, code, ..
        } => format!("ended {role:?} {stream_id} {code}"),
        RoomEvent::LinkRestored { session } => format!("restored {session:?}"),
        RoomEvent::ExtraInfoUpdate { streams } => {
            let infos: Vec<String> = streams
                .iter()
                .map(|stream| format!("{}={}", stream.stream_id, stream.extra_info))
                .collect();
            format!("info {}", infos.join(","))
        }
        RoomEvent::MicUpdate { stream_id, muted } => format!("mic {stream_id} {}", if *muted { "muted" } else { "open" }),
        RoomEvent::RoomExtraInfo(info) => format!("{} set {}={}", info.update_user.user_id, info.key, info.value),
        RoomEvent::OnlineUserCount(count) => format!("online {count}"),
        other => format!("{other:?}"),
    }
}

fn delete_codes(extended_data: &str) -> Vec<i64> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(extended_data) else {
        return vec![];
    };
    let reasons = json["stream_delete_reason"].as_array().unwrap().iter();
    reasons.map(|reason| reason["code"].as_i64().unwrap()).collect()
}
