//! Who owns a streamID on this node.

use express_messages::codes;
use express_messages::ids::StreamId;
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::{Publish, WireError};

use super::publish::taken;
use super::records::{SessionKey, Stream};
use super::{RoomsState, session_is_gone};
use crate::forwarder::StreamKey;

impl RoomsState {
    /// Whether a session may have the stream of this name, as far as this node knows.
    pub(super) fn may_own(&self, key: SessionKey, stream_id: &StreamId) -> Result<(), WireError> {
        let session = self.session(key)?;
        let (app_id, user) = (session.room.0, &session.user);
        self.stream_is_not_forbidden(app_id, stream_id, codes::PUBLISHER_MEDIA_SERVER_FORBID)?;
        let existing = self.stream_key(app_id, stream_id);
        if existing.is_some_and(|stream| self.is_own(key, stream)) {
            return Ok(());
        }
        if let Some(stream) = existing.and_then(|stream| self.streams.get(&stream))
            && (stream.owner.is_some() || stream.user.user_id != user.user_id)
        {
            return Err(taken());
        }
        let limit = self.limits.streams_per_user;
        let published = session.publishing.len().saturating_add(self.claims_of(key, stream_id));
        if limit != 0 && published >= limit {
            return Err(WireError::fatal(
                codes::PUBLISHER_INNER_ERROR,
                format!("a user may publish {limit} streams"),
            ));
        }
        Ok(())
    }

    /// The stream of this name, which from now on is this session's.
    pub(super) fn claim_stream(
        &mut self,
        key: SessionKey,
        publish: &Publish,
        claim: Option<u64>,
    ) -> Result<StreamKey, WireError> {
        self.may_own(key, &publish.stream_id)?;
        let session = self.session(key)?;
        let (room_key, user, moved) = (session.room.clone(), session.user.clone(), session.moved);
        let existing = self.stream_key(room_key.0, &publish.stream_id);
        if let Some(own) = existing.filter(|stream| self.is_own(key, *stream)) {
            self.describe_again(own, publish);
            return Ok(own);
        }
        let mut claim = claim;
        if let Some(stream) = existing.and_then(|key| self.streams.get_mut(&key)) {
            let origin = stream.origin.clone();
            if stream.claimed {
                // What is left behind hands its claim on.
                stream.claimed = false;
                claim = claim.or(Some(stream.epoch));
            }
            let same_room = stream.room == room_key;
            if let (Some(known), Some(origin), Some(epoch)) = (existing, origin, claim)
                && same_room
                && (moved || self.is_gone(&origin))
            {
                self.take_over(key, known, publish, epoch);
                return Ok(known);
            }
        }
        if let Some(left_behind) = existing {
            self.remove_stream(left_behind, StreamDeleteReason::RepeatLogin, None);
        }
        let room = self.rooms.get(&room_key).ok_or_else(session_is_gone)?;
        let stream = Stream {
            owner: Some(key),
            extra_info: publish.extra_info.clone(),
            muted: publish.muted,
            epoch: claim.unwrap_or(0),
            claimed: claim.is_some(),
            ..Stream::new(room, room_key, publish.stream_id.clone(), user)
        };
        Ok(self.add_stream(key, stream))
    }

    fn add_stream(&mut self, key: SessionKey, stream: Stream) -> StreamKey {
        let stream_key = StreamKey(self.new_number());
        self.stream_names.insert(stream.name.clone(), stream_key);
        self.streams.insert(stream_key, stream);
        if let Some(session) = self.sessions.get_mut(&key) {
            session.publishing.insert(stream_key);
        }
        stream_key
    }
}
