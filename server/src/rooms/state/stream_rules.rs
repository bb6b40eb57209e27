//! The server API takes the sound out of a stream for a while: it stays, and nobody hears it.

use std::collections::HashMap;

use express_messages::ids::StreamId;

use super::orders::until_ms;
use super::records::{RoomKey, Timer};
use super::{Now, RoomsState};
use crate::forwarder::{PeerId, StreamKey};
use crate::rooms::admin::{AdminCall, AdminFault, DeleteStreamRule, ListStreamRules, Order, SetStreamRule, StreamRule};
use crate::rooms::effect::Effect;

/// Rules of all AppIDs that are in force at a time.
pub(super) const MAX_STREAM_RULES: usize = 10_000;

/// The rules in force: of which stream of which room. Each has a [`Timer::StreamRule`].
pub(super) type StreamRules = HashMap<(RoomKey, StreamId), StreamRule>;

impl RoomsState {
    /// Whether nobody may hear this stream now.
    pub(super) fn is_silenced(&self, key: StreamKey) -> bool {
        let stream = self.streams.get(&key);
        let rule = stream.and_then(|stream| self.stream_rules.get(&(stream.room.clone(), stream.name.1.clone())));
        rule.is_some_and(|rule| rule.audio)
    }

    /// The rule is there, or is there no more: who plays the stream hears it accordingly.
    fn follow_rule(&mut self, (room, stream_id): &(RoomKey, StreamId)) {
        let Some(key) = self.stream_key(room.0, stream_id) else {
            return;
        };
        if self.streams.get(&key).is_none_or(|stream| stream.room != *room) {
            return;
        }
        let silenced = self.is_silenced(key);
        for (peer, paused) in self.players_of(key) {
            let paused = paused || silenced;
            self.effects.push(Effect::PausePlayer { peer, paused });
        }
    }

    /// Each media connection that plays a stream, and whether its user has paused it.
    fn players_of(&self, key: StreamKey) -> Vec<(PeerId, bool)> {
        let sessions = self.streams.get(&key).into_iter().flat_map(|stream| &stream.players);
        let plays = sessions.filter_map(|session| self.sessions.get(session)?.playing.get(&key));
        let by_socket = plays.filter_map(|play| Some((play.peer?, play.paused)));
        let hosted = self.hosted.of_stream(key).filter(|resource| !resource.publish);
        by_socket
            .chain(hosted.filter_map(|resource| Some((resource.peer?, false))))
            .collect()
    }

    /// The time of a rule is over.
    pub(super) fn stream_rule_due(&mut self, target: &(RoomKey, StreamId)) {
        if self.stream_rules.remove(target).is_some() {
            self.follow_rule(target);
        }
    }
}

impl AdminCall for SetStreamRule {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, now: Now, app_id: u32) -> Result<(), AdminFault> {
        let target = ((app_id, self.room_id), self.stream_id);
        if state.stream_rules.len() >= MAX_STREAM_RULES && !state.stream_rules.contains_key(&target) {
            return Err(AdminFault::TooManyRules);
        }
        let order = Order::SilenceStream {
            room_id: target.0.1.clone(),
            stream_id: target.1.clone(),
            audio: self.audio,
            video: self.video,
            until_ms: until_ms(now, self.lasts),
        };
        state.order(app_id, order);
        let until = now.mono.saturating_add(self.lasts);
        state.timers.set(Timer::StreamRule(target.clone()), until);
        let rule = StreamRule {
            audio: self.audio,
            video: self.video,
            set_ms: now.unix_ms,
            lasts: self.lasts,
        };
        state.stream_rules.insert(target.clone(), rule);
        state.follow_rule(&target);
        Ok(())
    }
}

impl AdminCall for ListStreamRules {
    type Ok = Vec<(StreamId, Option<StreamRule>)>;

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<Self::Ok, AdminFault> {
        let room = (app_id, self.room_id);
        let found = self.stream_ids.into_iter().map(|stream_id| {
            let target = (room.clone(), stream_id);
            let rule = state.stream_rules.get(&target).copied();
            (target.1, rule)
        });
        Ok(found.collect())
    }
}

impl AdminCall for DeleteStreamRule {
    type Ok = ();

    fn serve(self, state: &mut RoomsState, _: Now, app_id: u32) -> Result<(), AdminFault> {
        let (room_id, stream_id) = (self.room_id.clone(), self.stream_id.clone());
        state.order(app_id, Order::HearStream { room_id, stream_id });
        let target = ((app_id, self.room_id), self.stream_id);
        state.timers.clear(Timer::StreamRule(target.clone()));
        // Documented: that there is no such rule is no error.
        state.stream_rule_due(&target);
        Ok(())
    }
}
