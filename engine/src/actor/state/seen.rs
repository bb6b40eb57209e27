//! Streams of others: what the room says of them.

use std::collections::BTreeMap;

use express_messages::{
    ids::{RoomId, StreamId, UserId},
    types::{RemoteMicStatus, ZegoStream, ZegoUpdateType},
};

use super::{EngineState, Step};
use crate::events::{RemoteMicStatusUpdate, RoomStreamUpdate, StreamExtraInfoUpdate};

/// Streams of others in the room; the room part bounds how many it reports.
#[derive(Debug, Default)]
pub(super) struct SeenStreams(BTreeMap<StreamId, Seen>);

#[derive(Debug)]
struct Seen {
    user_id: UserId,
    muted: bool,
}

impl SeenStreams {
    fn update(&mut self, update: ZegoUpdateType, streams: &[ZegoStream]) {
        for stream in streams {
            if update == ZegoUpdateType::Add {
                let user_id = stream.user.user_id.clone();
                // One that came muted is told of right behind.
                self.0.insert(stream.stream_id.clone(), Seen { user_id, muted: false });
            } else {
                self.0.remove(&stream.stream_id);
            }
        }
    }

    /// Who publishes a stream of this room.
    pub(super) fn owner_of(&self, stream_id: &StreamId) -> Option<&UserId> {
        self.0.get(stream_id).map(|seen| &seen.user_id)
    }

    /// Whether the publisher muted a stream of this room.
    pub(super) fn is_muted(&self, stream_id: &StreamId) -> Option<bool> {
        self.0.get(stream_id).map(|seen| seen.muted)
    }
}

impl EngineState {
    pub(super) fn on_room_streams(
        &mut self,
        room_id: &RoomId,
        update: ZegoUpdateType,
        streams: Vec<ZegoStream>,
        extended_data: String,
        out: &mut Step,
    ) {
        if let Some(room) = self.rooms.get_mut(room_id.as_str()) {
            room.streams.update(update, &streams);
        }
        if update == ZegoUpdateType::Add {
            for stream in &streams {
                self.tell_stream_appeared(&stream.stream_id, out);
            }
        }
        out.emit(RoomStreamUpdate {
            room_id: room_id.to_string(),
            update_type: update,
            stream_list: streams,
            extended_data,
        });
    }

    /// A publisher muted or opened its stream, which is of this room or is played through it.
    pub(super) fn on_mic(&mut self, room_id: &RoomId, stream_id: StreamId, muted: bool, out: &mut Step) {
        let is_listed = self.rooms.listing(&stream_id).is_some();
        let room = self.rooms.get_mut(room_id.as_str());
        match room.and_then(|room| room.streams.0.get_mut(&stream_id)) {
            Some(seen) => seen.muted = muted,
            // Of another room that we are in, which tells it too.
            None if is_listed => return,
            None => {
                // Of a room that we are not in: who does not play it (any more) is not concerned.
                let playback = self.playback(&stream_id);
                if !playback.is_some_and(|playback| playback.note_foreign_mute(muted)) {
                    return;
                }
            }
        }
        tell_mic(stream_id, muted, out);
    }

    /// The server knows us no more; of the streams of other rooms it tells anew which ones are muted.
    pub(super) fn forget_foreign_mutes(&mut self, room_id: &RoomId, out: &mut Step) {
        for playback in self.playbacks.iter_mut().filter(|playback| playback.room() == Some(room_id)) {
            if playback.note_foreign_mute(false) {
                tell_mic(playback.stream_id().clone(), false, out);
            }
        }
    }
}

pub(super) fn on_extra_infos(room_id: RoomId, streams: Vec<ZegoStream>, out: &mut Step) {
    out.emit(StreamExtraInfoUpdate {
        room_id: room_id.into(),
        stream_list: streams,
    });
}

fn tell_mic(stream_id: StreamId, muted: bool, out: &mut Step) {
    let status = if muted { RemoteMicStatus::Mute } else { RemoteMicStatus::Open };
    out.emit(RemoteMicStatusUpdate { stream_id, status });
}
