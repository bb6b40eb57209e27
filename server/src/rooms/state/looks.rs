//! Rooms of other nodes that nobody of this one is in, looked at for a while: because somebody here plays a stream of one from
//! another room, or because a business server asks about it here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::StreamId;

use super::login::reached;
use super::records::{RoomKey, StreamName, Timer};
use super::{Now, RoomsState};
use crate::rooms::admin::{AdminCall, Begun};
use crate::rooms::cloud::Wish;
use crate::rooms::effect::{Effect, Ticket};

/// Rooms that are asked for at a time, streams that are sought, calls that wait.
const MOST: usize = 1_000;
/// The cloud answers sooner; this is for the case that it does not.
const PATIENCE: Duration = Duration::from_secs(3);
/// A call of a business server waits so long, and is then served with what is known here.
const CALL_PATIENCE: Duration = Duration::from_secs(2);
/// A stream is sought no more often than this.
const SEEK_AGAIN: Duration = Duration::from_secs(2);
/// How long a room is kept for the next call about it, and behind the last one who played a stream of it.
const A_WHILE: Duration = Duration::from_secs(5);
/// How long a room is kept for who wants to play a stream of it, and tries again for that.
const FOR_A_PLAYER: Duration = Duration::from_secs(60);

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Rooms that are asked for, and how long they are kept then.
    asked: BTreeMap<RoomKey, Duration>,
    /// Streams that are sought, or were a moment ago.
    seeks: BTreeMap<StreamName, Seek>,
    /// Calls that wait.
    calls: BTreeMap<Ticket, Waits>,
}

#[derive(Debug, Clone, Copy)]
struct Seek {
    keep: Duration,
    answered: bool,
}

/// What a call waits for.
#[derive(Debug, Default)]
struct Waits {
    rooms: BTreeSet<RoomKey>,
    stream: Option<StreamName>,
}

impl Waits {
    fn is_over(&self) -> bool {
        self.rooms.is_empty() && self.stream.is_none()
    }
}

impl Looks {
    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.seeks.is_empty() && self.calls.is_empty()
    }
}

impl RoomsState {
    /// Sees to it that a call of a business server can be served here: what it is about may be on other nodes alone. The call goes
    /// on under the ticket, by [`Effect::CallGoesOn`]; `None`: at once.
    pub fn look_for_call<C: AdminCall>(&mut self, now: Now, app_id: u32, call: &C) -> (Option<Ticket>, Vec<Effect>) {
        let is_full = |looks: &Looks| looks.calls.len() >= MOST;
        if self.cloud.as_ref().is_none_or(|cloud| is_full(&cloud.looks)) {
            return (None, Vec::new());
        }
        self.note_time(now);
        let rooms = call.rooms().iter().map(|room| (app_id, room.clone()));
        let rooms = rooms.filter(|room| self.look_at(room, A_WHILE)).collect();
        let stream = call.stream().filter(|stream| self.seek(app_id, stream, A_WHILE));
        let stream = stream.map(|stream| (app_id, stream.clone()));
        let waits = Waits { rooms, stream };
        let ticket = (!waits.is_over()).then(|| self.let_wait(waits));
        (ticket, self.take_effects())
    }

    fn let_wait(&mut self, waits: Waits) -> Ticket {
        let ticket = Ticket(self.new_number());
        let at = self.in_a(CALL_PATIENCE);
        self.timers.set(Timer::Call(ticket), at);
        if let Some(cloud) = &mut self.cloud {
            cloud.looks.calls.insert(ticket, waits);
        }
        ticket
    }

    /// Begins a call of a business server, whose signature was checked.
    pub fn begin_call<C: AdminCall>(&mut self, now: Now, app_id: u32, call: C) -> (Begun<C::Ok>, Vec<Effect>) {
        self.note_time(now);
        let begun = call.begin(self, now, app_id);
        (begun, self.take_effects())
    }

    /// A call has all that it waited for, or has waited long enough.
    pub(super) fn call_goes_on(&mut self, ticket: Ticket, number: Result<u64, ()>) {
        self.timers.clear(Timer::Call(ticket));
        let waited = self.cloud.as_mut().and_then(|cloud| cloud.looks.calls.remove(&ticket));
        if waited.is_some() {
            self.effects.push(Effect::CallGoesOn(ticket, number));
        }
    }

    /// Somebody wants to play a stream that is not here: it may be in a room that is on other nodes alone.
    pub(super) fn seek_to_play(&mut self, app_id: u32, stream_id: &StreamId) {
        if self.apps.get(&app_id).is_some_and(|app| app.play_across_rooms) {
            self.seek(app_id, stream_id, FOR_A_PLAYER);
        }
    }

    /// Seeks a stream that is not here; `true`: an answer will come.
    fn seek(&mut self, app_id: u32, stream_id: &StreamId, keep: Duration) -> bool {
        let is_here = self.stream_key(app_id, stream_id).is_some();
        let at = self.in_a(SEEK_AGAIN);
        let Some(cloud) = self.cloud.as_mut().filter(|_| !is_here) else {
            return false;
        };
        let name = (app_id, stream_id.clone());
        if let Some(known) = cloud.looks.seeks.get_mut(&name) {
            known.keep = known.keep.max(keep);
            return !known.answered;
        }
        if cloud.looks.seeks.len() >= MOST {
            return false;
        }
        let answered = false;
        cloud.looks.seeks.insert(name.clone(), Seek { keep, answered });
        self.timers.set(Timer::Sought(name), at);
        self.wish(Wish::Seek(app_id, stream_id.clone()));
        true
    }

    /// The cloud has found a stream, or has not.
    pub(super) fn sought(&mut self, stream: &StreamName, room: Option<RoomKey>) {
        let seeks = self.cloud.as_mut().map(|cloud| &mut cloud.looks.seeks);
        let Some(seek) = seeks.and_then(|seeks| seeks.get_mut(stream)) else {
            return;
        };
        seek.answered = true;
        let keep = seek.keep;
        let room = room.filter(|room| self.look_at(room, keep));
        let Some(cloud) = &mut self.cloud else { return };
        let waiting = cloud.looks.calls.values_mut();
        for waits in waiting.filter(|waits| waits.stream.as_ref() == Some(stream)) {
            waits.stream = None;
            waits.rooms.extend(room.clone());
        }
        self.let_calls_go_on();
    }

    pub(super) fn sought_due(&mut self, stream: &StreamName) {
        if let Some(cloud) = &mut self.cloud {
            cloud.looks.seeks.remove(stream);
        }
    }

    /// Looks at a room that is not open here; `true`: an answer will come.
    fn look_at(&mut self, room: &RoomKey, keep: Duration) -> bool {
        if let Some(known) = self.rooms.get(room) {
            if known.members.is_empty() {
                let at = self.in_a(keep);
                self.timers.set(Timer::Observed(room.clone()), at);
            }
            return false;
        }
        let (at, used) = (self.in_a(PATIENCE), self.apps.get(&room.0).map_or(0, |app| app.rooms));
        let is_full = reached(self.limits.rooms_per_app, used);
        let Some(cloud) = &mut self.cloud else { return false };
        if cloud.opening.contains_key(room) {
            return true;
        }
        if let Some(known) = cloud.looks.asked.get_mut(room) {
            *known = keep.max(*known);
            return true;
        }
        if is_full || cloud.looks.asked.len() >= MOST {
            return false;
        }
        cloud.looks.asked.insert(room.clone(), keep);
        self.timers.set(Timer::Observed(room.clone()), at);
        self.wish(Wish::Look(room.clone()));
        true
    }

    /// A room is open now; whether somebody wanted to look at it.
    pub(super) fn take_look(&mut self, room: &RoomKey) -> bool {
        let asked = self.cloud.as_mut().and_then(|cloud| cloud.looks.asked.remove(room));
        if let Some(keep) = asked {
            let at = self.in_a(keep);
            self.timers.set(Timer::Observed(room.clone()), at);
        }
        asked.is_some()
    }

    /// No other node has a room.
    pub(super) fn no_such_room(&mut self, room: &RoomKey) {
        let asked = self.cloud.as_mut().and_then(|cloud| cloud.looks.asked.remove(room));
        if asked.is_some() {
            self.timers.clear(Timer::Observed(room.clone()));
        }
        self.looked_at(room);
    }

    /// Whoever waits to see a room sees it now, or never.
    pub(super) fn looked_at(&mut self, room: &RoomKey) {
        let Some(cloud) = &mut self.cloud else { return };
        for waits in cloud.looks.calls.values_mut() {
            waits.rooms.remove(room);
        }
        self.let_calls_go_on();
    }

    fn let_calls_go_on(&mut self) {
        let calls = self.cloud.iter().flat_map(|cloud| &cloud.looks.calls);
        let over = calls.filter(|(_, waits)| waits.is_over());
        for ticket in over.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.call_goes_on(ticket, Ok(0));
        }
    }

    /// A room has been looked at for long enough, or the cloud has not answered.
    pub(super) fn observed_due(&mut self, room: &RoomKey) {
        let asked = self.cloud.as_mut().and_then(|cloud| cloud.looks.asked.remove(room));
        if asked.is_none() {
            return self.close_room_if_unused(room, None);
        }
        if self.cloud.as_ref().is_some_and(|cloud| !cloud.opening.contains_key(room)) {
            self.wish(Wish::Close(room.clone()));
        }
        self.looked_at(room);
    }

    /// Whether a room that nobody of this node is in stays open: while others are in it, and it is looked at or played.
    pub(super) fn is_observed(&self, room_key: &RoomKey) -> bool {
        let room = self.rooms.get(room_key);
        let Some(room) = room.filter(|room| !room.elsewhere.members.is_empty()) else {
            return false;
        };
        let is_played = || room.streams.values().any(|key| self.loudest_wanted(*key).is_some());
        self.timers.is_set(&Timer::Observed(room_key.clone())) || is_played()
    }

    /// Nobody here plays a stream any more: its room, where nobody of this node is, is kept a little longer.
    pub(super) fn observe_a_while(&mut self, room_key: &RoomKey) {
        let is_empty = self.rooms.get(room_key).is_some_and(|room| room.members.is_empty());
        let timer = Timer::Observed(room_key.clone());
        if is_empty && !self.timers.is_set(&timer) {
            let at = self.in_a(A_WHILE);
            self.timers.set(timer, at);
        }
    }

    /// A user has left a room on the last other node: who only looked at it does not any more.
    pub(super) fn close_if_over_elsewhere(&mut self, room_key: &RoomKey) {
        if self.claims_keep(room_key) {
            return;
        }
        let is_over = |room: &&mut super::Room| room.members.is_empty() && room.elsewhere.members.is_empty();
        if let Some(room) = self.rooms.get_mut(room_key).filter(is_over) {
            // The business server hears of the end from the node where the last member was.
            room.user_seq = 0;
            self.close_room_if_unused(room_key, None);
        }
    }
}
