//! An event as one line for people.

use std::fmt;

use express_messages::codes;

use super::ZegoEvent;

/// One line for people; for programs there is its JSON.
impl fmt::Display for ZegoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(line(self).trim_end())
    }
}

fn line(event: &ZegoEvent) -> String {
    match event {
        ZegoEvent::RoomStateChanged(e) => format!("room {}: {} {}", e.room_id, e.reason, code(e.error_code)),
        ZegoEvent::PublisherStateUpdate(e) => format!("publish {}: {} {}", e.stream_id, e.state, code(e.error_code)),
        ZegoEvent::PlayerStateUpdate(e) => format!("play {}: {} {}", e.stream_id, e.state, code(e.error_code)),
        ZegoEvent::RoomUserUpdate(e) => {
            let users: Vec<&str> = e.user_list.iter().map(|user| user.user_id.as_str()).collect();
            format!("users {}: {}", e.update_type, users.join(", "))
        }
        ZegoEvent::RoomStreamUpdate(e) => {
            let streams: Vec<&str> = e.stream_list.iter().map(|stream| stream.stream_id.as_str()).collect();
            format!("streams {}: {}", e.update_type, streams.join(", "))
        }
        ZegoEvent::PublishQualityUpdate(e) => {
            let audio = &e.stats.audio;
            format!(
                "publish {}: {:.1} kbit/s, loss {:.1} %, grade {}",
                e.stream_id,
                audio.audio_bitrate,
                100.0 * audio.audio_packets_lost_rate,
                i8::from(audio.audio_quality)
            )
        }
        ZegoEvent::PlayQualityUpdate(e) => {
            let audio = &e.stats.audio;
            format!(
                "play {}: {:.1} kbit/s, loss {:.1} %, buffer {:.0} of {:.0} ms, level {:.2}, grade {}",
                e.stream_id,
                audio.audio_bitrate,
                100.0 * audio.audio_packets_lost_rate,
                audio.jitter_buffer_delay_ms,
                audio.jitter_buffer_target_ms,
                audio.audio_level,
                i8::from(audio.audio_quality)
            )
        }
        ZegoEvent::ExceptionUpdate(e) => format!("sound of {}: {} ({})", e.stream_id, e.exception.message, e.exception.code),
        other => format!("{other:?}"),
    }
}

fn code(code: i32) -> String {
    match (code, codes::name(code)) {
        (0, _) => String::new(),
        (code, Some(name)) => format!("({code} {name})"),
        (code, None) => format!("({code})"),
    }
}

#[cfg(test)]
mod tests {
    use express_messages::types::RoomStateChangedReason;

    use super::*;
    use crate::RoomStateChanged;

    #[test]
    fn an_event_as_text_names_its_code_where_there_is_one() {
        let line = |error_code| {
            ZegoEvent::from(RoomStateChanged {
                room_id: "lobby".into(),
                reason: RoomStateChangedReason::LoginFailed,
                error_code,
                extended_data: String::new(),
            })
            .to_string()
        };
        assert_eq!(line(0), "room lobby: LOGIN_FAILED");
        assert_eq!(
            line(1000002),
            format!("room lobby: LOGIN_FAILED (1000002 {})", codes::name(1000002).unwrap())
        );
    }
}
