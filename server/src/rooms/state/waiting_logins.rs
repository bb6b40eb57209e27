//! Who wants to enter a room that is not open on this node waits until the cloud has opened it.

use std::time::Duration;

use express_messages::codes;
use express_signalling::protocol::{RoomExtraInfo, ServerFrame, WireError};

use super::business::Last;
use super::login::{Entry, FULL_RETRY, reached};
use super::records::{RoomKey, Timer};
use super::{Now, RoomsState};
use crate::rooms::cloud::{Member, NodeName, RemoteStream, RoomTerms, Wish};
use crate::rooms::effect::ConnectionId;
use crate::rooms::hosted::{HostRequest, HostTicket};

/// Who waits at a time, for all rooms.
const MAX_WAITING: usize = 10_000;
/// The cloud answers sooner; this is for the case that it does not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody whose token was judged.
pub(super) enum Entering {
    /// By a login.
    Socket {
        connection: ConnectionId,
        /// Of the request.
        id: u64,
        /// Of the protocol.
        version: u32,
        entry: Box<Entry>,
    },
    /// By WHIP or WHEP.
    Host { ticket: HostTicket, request: Box<HostRequest> },
}

/// What there is of a room on other nodes when it is opened here.
pub(super) type FoundElsewhere = (Vec<Member>, Vec<(NodeName, RemoteStream)>, Option<RoomExtraInfo>);

impl RoomsState {
    /// Whether a room must be opened before somebody can enter it; never so on a server that is alone.
    pub(super) fn must_be_opened(&self, room: &RoomKey) -> bool {
        self.cloud.is_some() && !self.rooms.contains_key(room)
    }

    /// Lets somebody wait for a room.
    ///
    /// - `redirected`: the client was sent here, or cannot be sent on
    /// - `left`: the node that it comes from
    pub(super) fn wait_for_room(
        &mut self,
        room: &RoomKey,
        (max_members, loudest_streams): (u32, u32),
        (redirected, left): (bool, Option<NodeName>),
        who: Entering,
    ) -> Result<(), WireError> {
        let terms = RoomTerms {
            session_id: self.new_room_session(),
            max_members,
            loudest_streams,
        };
        let used = self.apps.get(&room.0).map_or(0, |app| app.rooms);
        let Some(cloud) = &mut self.cloud else { return Ok(()) };
        let is_first = !cloud.opening.contains_key(room);
        let opening = cloud.opening.keys().filter(|(app_id, _)| *app_id == room.0).count();
        let waiting: usize = cloud.opening.values().map(Vec::len).sum();
        let no_place = is_first && reached(self.limits.rooms_per_app, used.saturating_add(opening));
        if no_place || waiting >= MAX_WAITING || cloud.opening.len() >= MAX_WAITING {
            let message = "the server has as many rooms as it takes";
            return Err(WireError::retry(codes::ROOM_INNER_ERROR, message, FULL_RETRY));
        }
        if let Entering::Socket { connection, .. } = &who {
            self.timers.clear(Timer::Connection(*connection));
            if let Some(known) = self.connections.get_mut(connection) {
                known.entering = Some(room.clone());
            }
        }
        cloud.opening.entry(room.clone()).or_default().push(who);
        if is_first {
            let at = self.in_a(PATIENCE);
            self.timers.set(Timer::Opening(room.clone()), at);
            self.wish(Wish::Open {
                room: room.clone(),
                terms,
                redirected,
                left,
            });
        }
        Ok(())
    }

    /// A socket that waited is gone.
    pub(super) fn forget_entering(&mut self, connection: ConnectionId, room: &RoomKey) {
        let waiting = self.cloud.as_mut().and_then(|cloud| cloud.opening.get_mut(room));
        if let Some(waiting) = waiting {
            waiting.retain(|who| !matches!(who, Entering::Socket { connection: of, .. } if *of == connection));
        }
    }

    /// The cloud has opened a room here.
    pub(super) fn opened(
        &mut self,
        now: Now,
        room_key: &RoomKey,
        (terms, is_new): (RoomTerms, bool),
        (members, streams, info): FoundElsewhere,
    ) {
        let waiting = self.take_waiting(room_key).unwrap_or_default();
        let observed = self.take_look(room_key);
        if self.rooms.contains_key(room_key) {
            return;
        }
        if waiting.is_empty() && !observed {
            return self.wish(Wish::Close(room_key.clone()));
        }
        self.add_room(room_key, terms, is_new);
        for member in members {
            self.user_came(room_key, member);
        }
        for (node, stream) in streams {
            self.stream_is(room_key, node, stream);
        }
        if let (Some(room), Some(info)) = (self.rooms.get_mut(room_key), info) {
            room.info.take(info);
        }
        self.keep_room(Some(room_key.clone()));
        for who in waiting {
            self.serve_entering(now, who);
        }
        self.keep_room(None);
        self.close_room_if_unused(room_key, None);
        self.looked_at(room_key);
    }

    fn take_waiting(&mut self, room: &RoomKey) -> Option<Vec<Entering>> {
        self.timers.clear(Timer::Opening(room.clone()));
        let waiting = self.cloud.as_mut()?.opening.remove(room)?;
        for who in &waiting {
            if let Entering::Socket { connection, .. } = who
                && let Some(known) = self.connections.get_mut(connection)
            {
                known.entering = None;
            }
        }
        Some(waiting)
    }

    fn serve_entering(&mut self, now: Now, who: Entering) {
        if let Err(error) = self.takes_logins() {
            return self.turn_away(now, who, error);
        }
        match who {
            Entering::Socket {
                connection,
                id,
                version,
                entry,
            } => {
                let entered = self.enter(now, *entry);
                match entered.and_then(|key| self.login_ok(now, version, key)) {
                    Ok(ok) => self.reply(connection, ServerFrame::ok(id, &ok)),
                    Err(error) => {
                        self.expect_login(now, connection);
                        self.refuse(connection, id, error);
                    }
                }
            }
            Entering::Host { ticket, request } => {
                if let Err(refusal) = self.host(now, ticket, *request, None) {
                    self.answer_host(ticket, Err(refusal));
                }
                // A session that got no resource ends before the next one looks.
                self.end_unused_sessions();
            }
        }
    }

    fn turn_away(&mut self, now: Now, who: Entering, error: WireError) {
        match who {
            Entering::Socket { connection, id, .. } => {
                self.expect_login(now, connection);
                self.refuse(connection, id, error);
            }
            Entering::Host { ticket, .. } => self.answer_host(ticket, Err(error.into())),
        }
    }

    fn turn_all_away(&mut self, now: Now, room: &RoomKey, error: &WireError) {
        for who in self.take_waiting(room).into_iter().flatten() {
            self.turn_away(now, who, error.clone());
        }
    }

    /// Who waits is better served by another node.
    pub(super) fn better_elsewhere(&mut self, now: Now, room: &RoomKey, url: &str) {
        let error = WireError::retry(
            codes::ROOM_INNER_ERROR,
            "another server of the cloud serves this room better",
            FULL_RETRY,
        );
        self.turn_all_away(now, room, &error.at_node(url));
    }

    /// The cloud did not answer.
    pub(super) fn opening_due(&mut self, now: Now, room: &RoomKey) {
        let error = WireError::retry(codes::ROOM_INNER_ERROR, "the room could not be opened in time", FULL_RETRY);
        self.turn_all_away(now, room, &error);
        self.wish(Wish::Close(room.clone()));
    }

    /// This node stops: nobody who waits gets in any more.
    pub(super) fn turn_everybody_away(&mut self, now: Now) {
        let Err(error) = self.takes_logins() else { return };
        let mut rooms: Vec<RoomKey> = self.cloud.iter().flat_map(|cloud| cloud.opening.keys().cloned()).collect();
        rooms.sort_unstable();
        for room in rooms {
            self.turn_all_away(now, &room, &error);
            self.wish(Wish::Close(room));
        }
    }

    /// Closes a room in which nobody is, for which nobody waits, and of which nobody here plays anything.
    ///
    /// - `last`: the session that has just ended
    pub(super) fn close_room_if_unused(&mut self, room_key: &RoomKey, last: Option<Last<'_>>) {
        let is_used = |room: &super::Room| !room.members.is_empty();
        if self.rooms.get(room_key).is_none_or(is_used) || self.claims_keep(room_key) || self.is_observed(room_key) {
            return;
        }
        self.end_remote_streams(room_key);
        let Some(room) = self.rooms.remove(room_key) else {
            return;
        };
        self.tell_room_closed(room_key, &room, last);
        self.timers.clear(Timer::Notices(room_key.clone()));
        self.timers.clear(Timer::Observed(room_key.clone()));
        if let Some(app) = self.apps.get_mut(&room_key.0) {
            app.rooms = app.rooms.saturating_sub(1);
        }
        self.wish(Wish::Close(room_key.clone()));
    }

    /// The room is an older one than was thought: what holds for it.
    pub(super) fn set_terms(&mut self, room_key: &RoomKey, terms: RoomTerms) {
        if let Some(room) = self.rooms.get_mut(room_key) {
            room.session_id = terms.session_id;
            room.max_members = terms.max_members;
            room.loudest_streams = terms.loudest_streams;
        }
    }
}
