//! Playing: any stream of the AppID, from any room unless the AppID says otherwise.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::{StreamId, UserId};
use express_signalling::protocol::{Done, MAX_SDP, PausePlay, Play as PlayRequest, StreamRoleWord, WireError};

use super::end::ended;
use super::records::{Asker, PeerUse, RoomKey, SessionKey};
use super::{GoneReason, RoomsState};
use crate::forwarder::{PeerId, StreamKey, Wish};
use crate::rooms::counters::count;
use crate::rooms::effect::{ConnectionId, Effect, Ticket};

impl RoomsState {
    pub(super) fn play(
        &mut self,
        connection: ConnectionId,
        key: SessionKey,
        id: u64,
        play: PlayRequest,
    ) -> Result<(), WireError> {
        if play.offer.len() > MAX_SDP {
            return Err(WireError::fatal(
                codes::PLAYER_PARAM,
                format!("the offer has more than {MAX_SDP} bytes"),
            ));
        }
        let session = self.session(key)?;
        let playable = self.playable_stream(&session.room, &session.user.user_id, &play.stream_id);
        if playable.is_err() {
            let app_id = session.room.0;
            self.seek_to_play(app_id, &play.stream_id);
        }
        let (stream, session) = (playable?, self.session(key)?);
        if !session.playing.contains_key(&stream) {
            self.within_play_limit(session.playing.len())?;
        }
        let wish = self.play_wish(stream, play.loudest);
        let ticket = self.ask_media(Asker::Socket { connection, id }, key, stream, wish, play.offer);
        if let Some(session) = self.sessions.get_mut(&key) {
            // Played again: the old connection serves until the new one is answered, and a pause stays.
            let play = session.playing.entry(stream).or_default();
            play.ticket = Some(ticket);
            play.loudest = match wish {
                Wish::Publish => 0,
                Wish::Play { loudest } => loudest,
            };
        }
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.players.insert(key);
        }
        self.listeners_changed(stream);
        Ok(())
    }

    /// How a stream is heard by who asks for this many loudest (`None`: as the stream's room says).
    pub(super) fn play_wish(&self, stream: StreamKey, loudest: Option<u32>) -> Wish {
        let of_room = || self.streams.get(&stream).map_or(0, |stream| stream.loudest);
        Wish::Play {
            loudest: loudest.unwrap_or_else(of_room),
        }
    }

    /// The stream of this name, if it is there to be heard by a user in this room. Where it may not be, nobody learns whether it is
    /// there.
    pub(super) fn playable_stream(&self, room: &RoomKey, user: &UserId, stream_id: &StreamId) -> Result<StreamKey, WireError> {
        self.stream_is_not_forbidden(room.0, stream_id, codes::PLAYER_STREAM_BANNED)?;
        let across_rooms = self.apps.get(&room.0).is_none_or(|app| app.play_across_rooms);
        let stream = self.stream_key(room.0, stream_id);
        let playable = stream.filter(|key| {
            let announced = self.streams.get(key).filter(|stream| stream.announced.is_some());
            announced
                .is_some_and(|stream| across_rooms || stream.room == *room || self.users.in_room(&stream.room, user).is_some())
        });
        playable.ok_or_else(|| {
            let after = Duration::from_millis(self.timings.play_retry_ms);
            WireError::retry(codes::PLAYER_STREAM_NOT_EXIST, "there is no such stream", after)
        })
    }

    /// Whether somebody who plays so many may play one more.
    pub(super) fn within_play_limit(&self, played: usize) -> Result<(), WireError> {
        let limit = self.limits.plays_per_user;
        if limit != 0 && played >= limit {
            return Err(WireError::fatal(
                codes::PLAYER_STREAM_OUT_LIMIT,
                format!("a user may play {limit} streams"),
            ));
        }
        Ok(())
    }

    pub(super) fn stop_play(&mut self, key: SessionKey, stream_id: &StreamId) -> Done {
        if let Some(session) = self.sessions.get(&key)
            && let Some(stream) = self.stream_key(session.room.0, stream_id)
        {
            self.end_play(key, stream);
        }
        Done {}
    }

    pub(super) fn pause_play(&mut self, key: SessionKey, pause: &PausePlay) -> Result<Done, WireError> {
        let stream = self
            .session(key)
            .map(|session| self.stream_key(session.room.0, &pause.stream_id))?;
        let session = self.sessions.get_mut(&key);
        let play = session
            .zip(stream)
            .and_then(|(session, stream)| session.playing.get_mut(&stream));
        let Some(play) = play else {
            return Err(WireError::fatal(
                codes::PLAYER_STREAM_NOT_PLAYING,
                "the stream is not being played",
            ));
        };
        play.paused = pause.paused;
        if let (Some(peer), Some(stream)) = (play.peer, stream) {
            let paused = pause.paused || self.is_silenced(stream);
            self.effects.push(Effect::PausePlayer { peer, paused });
        }
        Ok(Done {})
    }

    pub(super) fn play_ticket(&self, session: SessionKey, stream: StreamKey) -> Option<Ticket> {
        self.sessions.get(&session)?.playing.get(&stream)?.ticket
    }

    pub(super) fn player_answered(&mut self, session: SessionKey, stream: StreamKey, peer: PeerId) {
        let Some(play) = self
            .sessions
            .get_mut(&session)
            .and_then(|session| session.playing.get_mut(&stream))
        else {
            return;
        };
        play.ticket = None;
        let former = play.peer.replace(peer);
        let paused = play.paused;
        self.peers.insert(peer, PeerUse::Player { session, stream });
        match former {
            Some(former) => self.remove_peer(former),
            None => {
                count(&mut self.counters.plays);
                self.tell_if_muted(session, stream);
            }
        }
        if paused || self.is_silenced(stream) {
            let paused = true;
            self.effects.push(Effect::PausePlayer { peer, paused });
        }
    }

    pub(super) fn player_refused(&mut self, session: SessionKey, stream: StreamKey) {
        let Some(play) = self
            .sessions
            .get_mut(&session)
            .and_then(|session| session.playing.get_mut(&stream))
        else {
            return;
        };
        play.ticket = None;
        if play.peer.is_none() {
            self.end_play(session, stream);
        }
    }

    /// The media connection of a player is gone; the client is told, and may play again.
    pub(super) fn player_gone(&mut self, peer: PeerId, session: SessionKey, stream: StreamKey, reason: GoneReason) {
        tracing::debug!(?peer, ?reason, "media of a player is gone");
        let play = self
            .sessions
            .get_mut(&session)
            .and_then(|session| session.playing.get_mut(&stream));
        let Some(play) = play.filter(|play| play.peer == Some(peer)) else {
            return;
        };
        play.peer = None;
        if play.ticket.is_some() {
            return;
        }
        self.end_play(session, stream);
        if let Some(stream) = self.streams.get(&stream) {
            let code = match reason {
                GoneReason::NeverConnected => codes::PLAYER_MEDIA_CONNECTION_ERROR,
                _ => codes::PLAYER_SESSION_CLOSED,
            };
            let event = ended(&stream.name.1, StreamRoleWord::Play, code, "the media connection was lost");
            self.tell(session, event);
        }
    }

    /// Plays no more; tells nobody.
    pub(super) fn end_play(&mut self, session: SessionKey, stream: StreamKey) {
        self.listeners_changed(stream);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.players.remove(&session);
        }
        let play = self
            .sessions
            .get_mut(&session)
            .and_then(|session| session.playing.remove(&stream));
        if let Some(peer) = play.and_then(|play| play.peer) {
            self.remove_peer(peer);
        }
    }

    /// A user has left a room: where rooms are kept apart, nothing of it is heard any more by way of another one.
    pub(super) fn stop_plays_in(&mut self, room: &RoomKey, user: &UserId) {
        if self.apps.get(&room.0).is_none_or(|app| app.play_across_rooms) {
            return;
        }
        for key in self.users.everywhere(room.0, user) {
            let played = self.sessions.get(&key).into_iter().flat_map(|session| session.playing.keys());
            let in_room = played.filter_map(|stream| Some((*stream, self.streams.get(stream)?)));
            let in_room = in_room.filter(|(_, stream)| stream.room == *room);
            let left: Vec<_> = in_room.map(|(stream, known)| (stream, known.name.1.clone())).collect();
            for (stream, stream_id) in left {
                self.end_play(key, stream);
                let (code, why) = (codes::PLAYER_STREAM_INTERRUPTED, "the user has left the room of the stream");
                self.tell(key, ended(&stream_id, StreamRoleWord::Play, code, why));
            }
        }
    }

    pub(super) fn stop_all_plays(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        for stream in session.playing.keys().copied().collect::<Vec<_>>() {
            self.end_play(key, stream);
        }
    }
}
