//! What changed in a room, and the events that tell it.

use std::collections::HashMap;

use express_messages::{
    ids::StreamId,
    room::RoomEvent,
    types::{StreamDeleteReason, ZegoRoomExtraInfo, ZegoStream, ZegoUpdateType, ZegoUser},
};
use serde_json::json;

use crate::protocol::{ListedStream, StreamGone};

/// Users and streams that went, came and changed. What went is reported before what came; a stream never outlives its user.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) streams_gone: Vec<ListedStream>,
    pub(super) users_gone: Vec<ZegoUser>,
    pub(super) users_came: Vec<ZegoUser>,
    pub(super) streams_came: Vec<ListedStream>,
    /// Streams that stayed and say something else of themselves: before, after.
    pub(super) streams_changed: Vec<(ListedStream, ListedStream)>,
    /// Streams of other rooms, which are played here, that were muted or opened.
    pub(super) foreign_mics: Vec<(StreamId, bool)>,
    /// Why streams went, as far as the server said so.
    pub(super) reasons: HashMap<StreamId, StreamDeleteReason>,
    /// Something else is attached to the room.
    pub(super) room_info: Option<ZegoRoomExtraInfo>,
    /// Items beyond [`MAX_LISTED`](super::MAX_LISTED).
    pub(super) unlisted: u64,
}

impl Changes {
    /// The documented events: streams DELETE, users DELETE, users ADD, streams ADD, then other extra infos, then muted and
    /// opened streams, then what is attached to the room; each only where it is not empty. A stream that came with an extra info, or muted, is among those.
    pub(super) fn into_events(self) -> Vec<RoomEvent> {
        let (extra_infos, mics) = (self.extra_infos(), self.mics());
        let room_info = self.room_info.map(RoomEvent::RoomExtraInfo);
        let gone = bare(self.streams_gone);
        let reasons = delete_reasons(&gone, &self.reasons);
        let lists = [
            streams(ZegoUpdateType::Delete, gone, reasons),
            users(ZegoUpdateType::Delete, self.users_gone),
            users(ZegoUpdateType::Add, self.users_came),
            streams(ZegoUpdateType::Add, bare(self.streams_came), String::new()),
            (!extra_infos.is_empty()).then_some(RoomEvent::ExtraInfoUpdate { streams: extra_infos }),
        ];
        let mics = mics
            .into_iter()
            .map(|(stream_id, muted)| RoomEvent::MicUpdate { stream_id, muted });
        lists.into_iter().flatten().chain(mics).chain(room_info).collect()
    }

    fn extra_infos(&self) -> Vec<ZegoStream> {
        let came = self.streams_came.iter().filter(|came| !came.stream.extra_info.is_empty());
        let changed = self.streams_changed.iter();
        let changed = changed.filter(|(old, new)| old.stream.extra_info != new.stream.extra_info);
        came.chain(changed.map(|(_, new)| new))
            .map(|listed| listed.stream.clone())
            .collect()
    }

    fn mics(&self) -> Vec<(StreamId, bool)> {
        let came = self.streams_came.iter().filter(|came| came.muted);
        let changed = self.streams_changed.iter().filter(|(old, new)| old.muted != new.muted);
        let listed = came.chain(changed.map(|(_, new)| new));
        listed
            .map(|listed| (listed.stream.stream_id.clone(), listed.muted))
            .chain(self.foreign_mics.iter().cloned())
            .collect()
    }

    pub(super) fn note(&mut self, reasons: Vec<StreamGone>) {
        self.reasons
            .extend(reasons.into_iter().map(|gone| (gone.stream_id, gone.reason)));
    }
}

fn bare(streams: Vec<ListedStream>) -> Vec<ZegoStream> {
    streams.into_iter().map(|listed| listed.stream).collect()
}

fn users(update: ZegoUpdateType, users: Vec<ZegoUser>) -> Option<RoomEvent> {
    (!users.is_empty()).then_some(RoomEvent::UserUpdate { update, users })
}

fn streams(update: ZegoUpdateType, streams: Vec<ZegoStream>, extended_data: String) -> Option<RoomEvent> {
    (!streams.is_empty()).then_some(RoomEvent::StreamUpdate {
        update,
        streams,
        extended_data,
    })
}

/// The documented JSON of a DELETE; a stream of whose end the server said nothing has code 0, "unknown".
fn delete_reasons(streams: &[ZegoStream], reasons: &HashMap<StreamId, StreamDeleteReason>) -> String {
    let one = |stream: &ZegoStream| {
        let reason = reasons.get(&stream.stream_id);
        json!({
            "stream_id": stream.stream_id,
            "code": reason.map_or(0, |reason| reason.code()),
            "description": reason.map_or("unknown", |reason| reason.description()),
        })
    };
    json!({ "stream_delete_reason": streams.iter().map(one).collect::<Vec<_>>() }).to_string()
}
