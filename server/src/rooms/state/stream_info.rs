//! What a publisher says of its stream: whether it is muted, and the text attached to it.

use express_messages::codes;
use express_messages::ids::{EXTRA_INFO_MAX, StreamId};
use express_messages::types::ZegoUser;
use express_signalling::protocol::{
    Done, Event, MuteStream, Publish, SetStreamExtraInfo, StreamExtraInfoUpdate, StreamMicUpdate, WireError,
};

use super::RoomsState;
use super::records::{RoomKey, Session, SessionKey, Stream};
use crate::forwarder::StreamKey;
use crate::rooms::SharedEvent;

impl RoomsState {
    pub(super) fn mute_stream(&mut self, key: SessionKey, mute: &MuteStream) -> Result<Done, WireError> {
        let stream = self.own_stream(key, &mute.stream_id)?;
        self.set_muted(stream, mute.muted);
        Ok(Done {})
    }

    pub(super) fn set_stream_extra_info(&mut self, key: SessionKey, set: &SetStreamExtraInfo) -> Result<Done, WireError> {
        if set.extra_info.is_empty() {
            return Err(WireError::fatal(codes::PUBLISHER_EXTRA_INFO_NULL, "extraInfo is empty"));
        }
        check_extra_info(&set.extra_info)?;
        let stream = self.own_stream(key, &set.stream_id)?;
        self.set_extra_info(stream, &set.extra_info);
        Ok(Done {})
    }

    /// A stream that is published again is what its publisher says now, whatever becomes of the offer.
    pub(super) fn describe_again(&mut self, stream: StreamKey, publish: &Publish) {
        self.set_muted(stream, publish.muted);
        self.set_extra_info(stream, &publish.extra_info);
    }

    /// Tells who begins to play a muted stream of another room, whose list it does not see.
    pub(super) fn tell_if_muted(&mut self, player: SessionKey, stream: StreamKey) {
        let Some(stream) = self.streams.get(&stream).filter(|stream| stream.muted) else {
            return;
        };
        let event = mic_update(stream);
        let (room, user) = (stream.room.clone(), stream.user.clone());
        self.tell_elsewhere(player, &room, &user, event);
    }

    fn own_stream(&self, key: SessionKey, stream_id: &StreamId) -> Result<StreamKey, WireError> {
        let stream = self.stream_key(self.session(key)?.room.0, stream_id);
        stream.filter(|stream| self.is_own(key, *stream)).ok_or_else(|| {
            WireError::fatal(
                codes::PUBLISHER_STREAM_NO_FOUND,
                "this client does not publish the stream; publish it first",
            )
        })
    }

    pub(super) fn set_muted(&mut self, key: StreamKey, muted: bool) {
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.muted != muted) else {
            return;
        };
        stream.muted = muted;
        if stream.announced.is_none() {
            return;
        }
        let event = mic_update(stream);
        let (room_key, user) = (stream.room.clone(), stream.user.clone());
        let players: Vec<SessionKey> = stream.players.iter().copied().collect();
        self.tell_others(&room_key, &user, event.clone(), false);
        for player in players {
            self.tell_elsewhere(player, &room_key, &user, event.clone());
        }
        self.tell_stream_again(key);
    }

    /// Tells a player of a stream of `room` who is in another room, and is not the publisher in a second room of one's own.
    fn tell_elsewhere(&mut self, player: SessionKey, room: &RoomKey, publisher: &ZegoUser, event: SharedEvent) {
        let is_concerned = |session: &Session| session.room != *room && session.user.user_id != publisher.user_id;
        if self.sessions.get(&player).is_some_and(is_concerned) {
            self.tell(player, event);
        }
    }

    pub(super) fn set_extra_info(&mut self, key: StreamKey, extra_info: &str) {
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.extra_info != extra_info) else {
            return;
        };
        stream.extra_info = extra_info.into();
        if stream.announced.is_none() {
            return;
        }
        let event = Event::StreamExtraInfoUpdate(StreamExtraInfoUpdate {
            streams: vec![stream.listed().stream],
        });
        let (room_key, user) = (stream.room.clone(), stream.user.clone());
        self.tell_others(&room_key, &user, event, false);
        self.tell_stream_again(key);
    }
}

pub(super) fn check_extra_info(extra_info: &str) -> Result<(), WireError> {
    if extra_info.len() <= EXTRA_INFO_MAX {
        return Ok(());
    }
    let bytes = extra_info.len();
    let message = format!("extraInfo has {bytes} bytes; at most {EXTRA_INFO_MAX} are allowed");
    Err(WireError::fatal(codes::PUBLISHER_EXTRA_INFO_TOO_LONG, message))
}

fn mic_update(stream: &Stream) -> SharedEvent {
    SharedEvent::new(Event::StreamMicUpdate(StreamMicUpdate {
        stream_id: stream.name.1.clone(),
        muted: stream.muted,
    }))
}
