//! I4: who was kicked out or banned does not come back before the stated time, with no token; nor does a stream that is forbidden.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::ConnectionId;
use express_server::rooms::admin::{Forbids, RuleTarget};

use crate::ledger::{Made, Place};
use crate::world::World;

/// Whom and what the server API keeps out of a server that has not restarted since.
#[derive(Debug, Default)]
pub(crate) struct KeptOut {
    /// Tokens made until that second, Unix, open the room not before that time.
    kicks: BTreeMap<(RoomId, UserId), (i64, Duration)>,
    rules: BTreeMap<RuleTarget, (Forbids, Duration)>,
    streams: BTreeSet<StreamId>,
}

impl KeptOut {
    pub(crate) fn kicked(&mut self, room: RoomId, user: UserId, last_s: i64, until: Duration) {
        self.kicks.insert((room, user), (last_s, until));
    }

    pub(crate) fn forbid(&mut self, target: RuleTarget, forbids: Forbids, until: Duration) {
        self.rules.insert(target, (forbids, until));
    }

    pub(crate) fn permit(&mut self, target: &RuleTarget) {
        self.rules.remove(target);
    }

    /// One of the rules, whether or not its time is over.
    pub(crate) fn some_rule(&self, index: usize) -> Option<RuleTarget> {
        self.rules.keys().nth(index.checked_rem(self.rules.len())?).cloned()
    }

    pub(crate) fn forbid_stream(&mut self, stream: StreamId) {
        self.streams.insert(stream);
    }

    pub(crate) fn permit_stream(&mut self, stream: &StreamId) {
        self.streams.remove(stream);
    }

    fn forbids(&self, now: Duration, place: &Place, what: fn(&Forbids) -> bool) -> bool {
        let about = |target: &RuleTarget| match target {
            // Nobody here has an address.
            RuleTarget::Address(_) => false,
            RuleTarget::Room(room) => *room == place.room,
            RuleTarget::User(user) => *user == place.user,
            RuleTarget::UserInRoom(room, user) => (room, user) == (&place.room, &place.user),
        };
        let mut rules = self.rules.iter().filter(|(target, (_, until))| about(target) && now < *until);
        rules.any(|(_, (forbids, _))| what(forbids))
    }

    fn is_revoked(&self, now: Duration, place: &Place, made: Made) -> bool {
        let kick = self.kicks.get(&(place.room.clone(), place.user.clone()));
        kick.is_some_and(|(last_s, until)| now < *until && made.at_s <= *last_s)
    }
}

impl World {
    /// The server let somebody in.
    pub(crate) fn check_login(&mut self, place: &Place, token: Option<Made>) {
        let kept_out = &self.books.kept_out;
        let Place { room, user } = place;
        if kept_out.forbids(self.now, place, |forbids| forbids.login) {
            self.fail("I4", format!("{user} logged in to {room}, which a rule forbids"));
        } else if token.is_some_and(|token| kept_out.is_revoked(self.now, place, token)) {
            let what = format!("{user} logged in to {room} with a token from before a kick");
            self.fail("I4", what);
        }
    }

    /// The server took a stream, or lets somebody play it.
    pub(crate) fn check_stream(&mut self, connection: ConnectionId, stream: &StreamId, publishes: bool) {
        let kept_out = &self.books.kept_out;
        if kept_out.streams.contains(stream) {
            return self.fail("I4", format!("{stream} is forbidden, and was published or played"));
        }
        let Some(place) = self.place_of(connection).filter(|_| publishes) else {
            return;
        };
        if kept_out.forbids(self.now, &place, |forbids| forbids.publish) {
            let what = format!("{} published {stream} in {}, which a rule forbids", place.user, place.room);
            self.fail("I4", what);
        }
    }
}
