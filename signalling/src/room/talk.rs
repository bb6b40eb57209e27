//! What the engine tells the others in the room.

use std::time::Instant;

use express_messages::{
    codes,
    ids::{ROOM_INFO_KEY_MAX, ROOM_INFO_VALUE_MAX, StreamId},
    room::{
        MuteStream, ReportQuality, RequestError, SendBarrageMessage, SendBroadcastMessage, SendCustomCommand, SetRoomExtraInfo,
        SetStreamExtraInfo, StreamRole,
    },
};

use super::{
    commands::too_long,
    requests::{Purpose, Ticket},
    state::{Phase, RoomState},
};
use crate::protocol::{self, MAX_TEXT};

impl RoomState {
    /// A published stream is muted or not; told now, or as soon as the server can be told.
    pub(super) fn mute_stream(&mut self, now: Instant, command: &MuteStream) {
        self.mics.want(&command.stream_id, command.muted);
        self.tell_mics(now);
    }

    /// Tells the server of every stream that it has for muted where it is not, or the other way round.
    pub(super) fn tell_mics(&mut self, now: Instant) {
        if self.phase != Phase::Up {
            return;
        }
        while let Some((stream_id, muted, telling)) = self.mics.next_to_tell() {
            let request = protocol::MuteStream {
                stream_id: stream_id.clone(),
                muted,
            };
            self.request(now, request, Purpose::MuteStream { stream_id, telling });
        }
    }

    /// The media of a published stream are over.
    pub(super) fn forget_published(&mut self, stream_id: &StreamId) {
        self.media.stopped(StreamRole::Publish, stream_id);
        self.mics.stopped(stream_id);
    }

    /// Attaches another text to a published stream.
    pub(super) fn set_extra_info(&mut self, now: Instant, ticket: Ticket, command: SetStreamExtraInfo) {
        let code = codes::PUBLISHER_EXTRA_INFO_TOO_LONG;
        let refused = too_long("extraInfo", &command.extra_info, MAX_TEXT, code);
        let request = protocol::SetStreamExtraInfo {
            stream_id: command.stream_id,
            extra_info: command.extra_info,
        };
        self.ask_server(now, ticket, refused, request, Purpose::Plain { ticket });
    }

    /// Attaches an extra info to the room; one at a time, as documented.
    pub(super) fn set_room_info(&mut self, now: Instant, ticket: Ticket, command: SetRoomExtraInfo) {
        let SetRoomExtraInfo { key, value } = command;
        let (key_code, value_code) = (codes::ROOM_EXTRA_INFO_KEY_TOO_LONG, codes::ROOM_EXTRA_INFO_VALUE_TOO_LONG);
        let refused = too_long("the key", &key, ROOM_INFO_KEY_MAX, key_code)
            .or_else(|| too_long("the value", &value, ROOM_INFO_VALUE_MAX, value_code))
            .or_else(|| self.info.is_asked().then(one_at_a_time));
        let request = protocol::SetRoomExtraInfo {
            key: key.clone(),
            value: value.clone(),
            update_time_ms: None,
        };
        let purpose = Purpose::RoomInfo {
            ticket: Some(ticket),
            key: key.clone(),
            value: value.clone(),
        };
        if self.ask_server(now, ticket, refused, request, purpose) {
            self.info.asked(key, value);
        }
    }

    /// The extra info that we set last is gone, with the room or with the server that knew of it: it is set again.
    ///
    /// - `found_ms`: when the one was set that the room has
    pub(super) fn restore_room_info(&mut self, now: Instant, found_ms: Option<u64>) {
        if let Some(request) = self.info.to_restore(found_ms) {
            let (key, value) = (request.key.clone(), request.value.clone());
            let ticket = None;
            self.request(now, request, Purpose::RoomInfo { ticket, key, value });
        }
    }

    /// Sends a text to everybody.
    pub(super) fn broadcast(&mut self, now: Instant, ticket: Ticket, command: SendBroadcastMessage) {
        let refused = too_long("the message", &command.message, MAX_TEXT, codes::IM_CONTENT_TOO_LONG);
        let request = protocol::SendBroadcastMessage {
            message: command.message,
        };
        self.ask_server(now, ticket, refused, request, Purpose::Broadcast { ticket });
    }

    /// Sends a text to everybody that may be lost.
    pub(super) fn barrage(&mut self, now: Instant, ticket: Ticket, command: SendBarrageMessage) {
        let refused = too_long("the message", &command.message, MAX_TEXT, codes::IM_CONTENT_TOO_LONG);
        let request = protocol::SendBarrageMessage {
            message: command.message,
        };
        self.ask_server(now, ticket, refused, request, Purpose::Barrage { ticket });
    }

    /// Sends a text to some.
    pub(super) fn custom_command(&mut self, now: Instant, ticket: Ticket, command: SendCustomCommand) {
        let refused = too_long("the command", &command.command, MAX_TEXT, codes::IM_COMMAND_TOO_LONG);
        let request = protocol::SendCustomCommand {
            command: command.command,
            to_users: command.to_users,
        };
        self.ask_server(now, ticket, refused, request, Purpose::Command { ticket });
    }

    /// Reports the client's own network quality; while the link is away there is nobody to report it to.
    pub(super) fn report_quality(&mut self, now: Instant, report: ReportQuality) {
        let ReportQuality { up, down } = report;
        self.tell_server(now, protocol::ReportQuality { up, down });
    }
}

fn one_at_a_time() -> RequestError {
    RequestError::Refused {
        code: codes::TRANS_FREQUENTLY,
        message: "the room's extra info is being set; wait for that call".into(),
        retry_after: None,
    }
}
