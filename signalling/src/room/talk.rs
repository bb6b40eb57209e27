//! What the engine tells the others in the room.

use std::time::Instant;

use express_messages::{
    ids::StreamId,
    room::{
        MuteStream, ReportQuality, SendBarrageMessage, SendBroadcastMessage, SendCustomCommand, SetStreamExtraInfo, StreamRole,
    },
};

use super::{
    requests::{Purpose, Ticket},
    state::{Phase, RoomState},
};
use crate::protocol;

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

    /// Attaches another text to a published stream. The engine checked its length.
    pub(super) fn set_extra_info(&mut self, now: Instant, ticket: Ticket, command: SetStreamExtraInfo) {
        let request = protocol::SetStreamExtraInfo {
            stream_id: command.stream_id,
            extra_info: command.extra_info,
        };
        self.ask_server(now, ticket, None, request, Purpose::Plain { ticket });
    }

    /// Sends a text to everybody.
    pub(super) fn broadcast(&mut self, now: Instant, ticket: Ticket, command: SendBroadcastMessage) {
        let request = protocol::SendBroadcastMessage {
            message: command.message,
        };
        self.ask_server(now, ticket, None, request, Purpose::Broadcast { ticket });
    }

    /// Sends a text to everybody that may be lost.
    pub(super) fn barrage(&mut self, now: Instant, ticket: Ticket, command: SendBarrageMessage) {
        let request = protocol::SendBarrageMessage {
            message: command.message,
        };
        self.ask_server(now, ticket, None, request, Purpose::Barrage { ticket });
    }

    /// Sends a text to some.
    pub(super) fn custom_command(&mut self, now: Instant, ticket: Ticket, command: SendCustomCommand) {
        let request = protocol::SendCustomCommand {
            command: command.command,
            to_users: command.to_users,
        };
        self.ask_server(now, ticket, None, request, Purpose::Command { ticket });
    }

    /// Reports the client's own network quality; while the link is away there is nobody to report it to.
    pub(super) fn report_quality(&mut self, now: Instant, report: ReportQuality) {
        let ReportQuality { up, down } = report;
        self.tell_server(now, protocol::ReportQuality { up, down });
    }
}
