//! Words of the tests: requests in one call, events in short.

use express_messages::ids::UserId;
use express_messages::types::ZegoUpdateType;
use express_signalling::protocol::*;
use express_token::Privileges;

use super::world::stream;

pub(super) fn publish(stream_id: &str) -> Publish {
    Publish {
        stream_id: stream(stream_id),
        offer: "offer".into(),
        extra_info: String::new(),
        muted: false,
    }
}

pub(super) fn play(stream_id: &str) -> Play {
    Play {
        stream_id: stream(stream_id),
        offer: "offer".into(),
        loudest: None,
    }
}

pub(super) fn unpublish(stream_id: &str) -> Unpublish {
    Unpublish {
        stream_id: stream(stream_id),
    }
}

pub(super) fn stop_play(stream_id: &str) -> StopPlay {
    StopPlay {
        stream_id: stream(stream_id),
    }
}

pub(super) fn pause_play(stream_id: &str, paused: bool) -> PausePlay {
    PausePlay {
        stream_id: stream(stream_id),
        paused,
    }
}

pub(super) fn mute(stream_id: &str, muted: bool) -> MuteStream {
    MuteStream {
        stream_id: stream(stream_id),
        muted,
    }
}

pub(super) fn set_info(stream_id: &str, extra_info: &str) -> SetStreamExtraInfo {
    SetStreamExtraInfo {
        stream_id: stream(stream_id),
        extra_info: extra_info.into(),
    }
}

pub(super) fn set_room_info(key: &str, value: &str) -> SetRoomExtraInfo {
    SetRoomExtraInfo {
        update_time_ms: None,
        key: key.into(),
        value: value.into(),
    }
}

pub(super) fn broadcast(message: &str) -> SendBroadcastMessage {
    SendBroadcastMessage { message: message.into() }
}

pub(super) fn barrage(message: &str) -> SendBarrageMessage {
    SendBarrageMessage { message: message.into() }
}

pub(super) fn command(command: &str, to_users: &[&str]) -> SendCustomCommand {
    SendCustomCommand {
        command: command.into(),
        to_users: to_users.iter().map(|user| UserId::new(user).unwrap()).collect(),
    }
}

pub(super) fn privileges(room_id: &str, login: bool, publish: bool, streams: Option<&[&str]>) -> Privileges {
    Privileges {
        room_id: room_id.into(),
        login,
        publish,
        streams: streams.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
    }
}

pub(super) fn short(event: &Event) -> Vec<String> {
    let sign = |update: &ZegoUpdateType| match update {
        ZegoUpdateType::Add => '+',
        _ => '-',
    };
    match event {
        Event::RoomUserUpdate(users) => users
            .users
            .iter()
            .map(|user| format!("{}{}", sign(&users.update), user.user_id))
            .collect(),
        Event::RoomStreamUpdate(streams) if streams.reasons.is_empty() => streams
            .streams
            .iter()
            .map(|stream| format!("{}{}", sign(&streams.update), stream.stream.stream_id))
            .collect(),
        Event::RoomStreamUpdate(streams) => streams
            .reasons
            .iter()
            .map(|gone| format!("-{}:{}", gone.stream_id, gone.reason.code()))
            .collect(),
        Event::KickOut(kick) => vec![format!("kick:{}", kick.code)],
        Event::StreamEnded(ended) => vec![format!("ended {}:{:?}:{}", ended.stream_id, ended.role, ended.code).to_lowercase()],
        Event::StreamMicUpdate(mic) => vec![format!("mic {}:{}", mic.stream_id, mic.muted)],
        Event::StreamExtraInfoUpdate(update) => update
            .streams
            .iter()
            .map(|stream| format!("info {}:{}", stream.stream_id, stream.extra_info))
            .collect(),
        Event::BroadcastMessage(broadcast) => broadcast
            .messages
            .iter()
            .map(|message| format!("{} to all: {}", message.from_user.user_id, message.message))
            .collect(),
        Event::RoomExtraInfoUpdate(update) => update
            .infos
            .iter()
            .map(|info| format!("{} set {}={}", info.update_user.user_id, info.key, info.value))
            .collect(),
        Event::CustomCommand(command) => vec![format!("{}: {}", command.from_user.user_id, command.command)],
        Event::NodeLeaving(leaving) => vec![format!("leaves for {}", leaving.nodes.join(" "))],
        other => panic!("{other:?} is not expected here"),
    }
}
