//! I4: who was kicked out or banned does not come back before the stated time, with no token; nor does a stream that is forbidden.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::ConnectionId;
use express_server::rooms::admin::{Forbids, RuleTarget};

use crate::ledger::{Made, Place};
use crate::world::World;

/// From when on something holds, and until when.
pub(crate) type Span = (Duration, Duration);

/// Whom and what the server API keeps out of a server that has not restarted since.
#[derive(Debug, Default)]
pub(crate) struct KeptOut {
    /// Tokens made until that second, Unix, do not open the room meanwhile.
    kicks: BTreeMap<(RoomId, UserId), (i64, Span)>,
    rules: BTreeMap<RuleTarget, (Forbids, Span)>,
    /// From when on.
    streams: BTreeMap<StreamId, Duration>,
}

impl KeptOut {
    pub(crate) fn kicked(&mut self, room: RoomId, user: UserId, last_s: i64, span: Span) {
        self.kicks.insert((room, user), (last_s, span));
    }

    pub(crate) fn forbid(&mut self, target: RuleTarget, forbids: Forbids, span: Span) {
        self.rules.insert(target, (forbids, span));
    }

    pub(crate) fn permit(&mut self, target: &RuleTarget) {
        self.rules.remove(target);
    }

    /// One of the rules, whether or not its time is over.
    pub(crate) fn some_rule(&self, index: usize) -> Option<RuleTarget> {
        self.rules.keys().nth(index.checked_rem(self.rules.len())?).cloned()
    }

    pub(crate) fn forbid_stream(&mut self, stream: StreamId, from: Duration) {
        self.streams.entry(stream).or_insert(from);
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
        let mut rules = self
            .rules
            .iter()
            .filter(|(target, (_, span))| about(target) && holds(*span, now));
        rules.any(|(_, (forbids, _))| what(forbids))
    }

    fn is_revoked(&self, now: Duration, place: &Place, made: Made) -> bool {
        let kick = self.kicks.get(&(place.room.clone(), place.user.clone()));
        kick.is_some_and(|(last_s, span)| holds(*span, now) && made.at_s <= *last_s)
    }
}

fn holds((from, until): Span, now: Duration) -> bool {
    from <= now && now < until
}

impl World {
    /// A server let somebody in.
    pub(crate) fn check_login(&mut self, node: usize, place: &Place, token: Option<Made>) {
        let kept_out = &self.books.kept_out[node];
        let Place { room, user } = place;
        if kept_out.forbids(self.now, place, |forbids| forbids.login) {
            self.fail("I4", format!("{user} logged in to {room}, which a rule forbids"));
        } else if token.is_some_and(|token| kept_out.is_revoked(self.now, place, token)) {
            let what = format!("{user} logged in to {room} with a token from before a kick");
            self.fail("I4", what);
        }
    }

    /// A server took a stream, or lets somebody play it.
    pub(crate) fn check_stream(&mut self, node: usize, connection: ConnectionId, stream: &StreamId, publishes: bool) {
        let kept_out = &self.books.kept_out[node];
        if kept_out.streams.get(stream).is_some_and(|from| *from <= self.now) {
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
