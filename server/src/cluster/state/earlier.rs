//! What gone nodes, and lives of nodes that are over, have said of a room: it holds for a while, for their users may come back.
//!
//! Who is back is where they are, and nowhere when they go from there: what was said of them before holds no more.

use std::collections::BTreeSet;
use std::time::Duration;

use express_messages::ids::{StreamId, UserId};
use express_messages::types::StreamDeleteReason;

use super::letters::NodeLife;
use super::room::{Change, Room};
use super::section::Standings;
use super::{ClusterState, ORPHANS_STAY, Timer};
use crate::rooms::Now;
use crate::rooms::cloud::{Fact, NodeName, RoomName};

/// What a life of a node said before the node began another one.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) standings: Standings,
    /// It holds until then at most.
    pub(super) until: Duration,
}

impl Room {
    /// What is said of it on other nodes, and where; also what gone ones said.
    pub(super) fn said_elsewhere(&self) -> impl Iterator<Item = (&NodeName, &Standings)> {
        let now = self.others.iter().map(|(node, section)| (node, &section.standings));
        let before = self.earlier.iter().map(|(life, earlier)| (&life.name, &earlier.standings));
        now.chain(before)
    }

    /// Changes what gone nodes said, and lives that are over; `change` says whether it did.
    fn change_orphans(&mut self, mut change: impl FnMut(&mut Standings) -> bool) {
        for section in self.others.values_mut().filter(|section| section.orphan_until.is_some()) {
            if change(&mut section.standings) {
                // Should its node be there after all, it says the whole again.
                section.seq = None;
            }
        }
        for earlier in self.earlier.values_mut() {
            change(&mut earlier.standings);
        }
    }

    /// A node has begun another life: what it said before holds until then at most, beside what it says from now on.
    fn begin_life(&mut self, node: &NodeName, until: Duration, changes: &mut Vec<Change>) {
        let Some(section) = self.others.remove(node) else {
            return;
        };
        let life = NodeLife {
            name: node.clone(),
            life: section.id.life,
        };
        let earlier = Earlier {
            standings: section.standings,
            until: section.orphan_until.unwrap_or(until),
        };
        self.earlier.insert(life, earlier);
        self.forget_who_left(changes);
    }

    /// A node is gone: what it said holds until then at most. `false`: it did not have the room.
    pub(super) fn orphan(&mut self, node: &NodeName, until: Duration, changes: &mut Vec<Change>) -> bool {
        let section = self.others.get_mut(node);
        let has_room = section.map(|section| section.orphan_until.get_or_insert(until)).is_some();
        if has_room {
            self.forget_who_left(changes);
        }
        has_room
    }

    /// A user is shown by another login than before. By an earlier one: the node of that is about to say that they are gone, or is
    /// gone itself.
    pub(super) fn note_login(&mut self, user: &UserId, before_ms: Option<u64>, login_ms: u64) {
        match before_ms.filter(|before_ms| login_ms < *before_ms) {
            Some(before_ms) => {
                let left = self.left_later.entry(user.clone()).or_default();
                *left = before_ms.max(*left);
            }
            None if self.left_later.get(user).is_some_and(|left| *left <= login_ms) => drop(self.left_later.remove(user)),
            None => {}
        }
    }

    /// Who was back from a node that was not missed yet, and has left, does not come back to it.
    fn forget_who_left(&mut self, changes: &mut Vec<Change>) {
        for (user, login_ms) in self.left_later.clone() {
            self.forget_older_logins(&user, login_ms);
            self.refresh_member(&user, None, changes);
        }
    }

    /// What a life that is over said holds no more.
    fn end_life(&mut self, life: &NodeLife, changes: &mut Vec<Change>) {
        if let Some(earlier) = self.earlier.remove(life) {
            self.refresh_all(earlier.standings, StreamDeleteReason::HeartbeatTimeout, changes);
        }
    }

    /// What was said of a stream with a lower claim than one that was seen holds no more.
    pub(super) fn forget_older_claims(&mut self, id: &StreamId, epoch: u64) {
        self.change_orphans(|standings| {
            let is_older = standings.streams.get(id).is_some_and(|stream| stream.epoch < epoch);
            is_older && standings.streams.remove(id).is_some()
        });
    }

    /// A fact of this node ends what it says of it: nothing older holds any more.
    pub(super) fn forget_older_than(&mut self, fact: &Fact, changes: &mut Vec<Change>) {
        match fact {
            Fact::UserLeft(user) => {
                if let Some(login_ms) = self.own.standings.members.get(user).map(|member| member.login_ms) {
                    self.forget_older_logins(user, login_ms);
                    self.refresh_member(user, None, changes);
                    match self.shown_members.get(user).map(|shown| shown.member.login_ms) {
                        Some(shown_ms) => self.note_login(user, Some(login_ms), shown_ms),
                        None => self.end_orphaned_streams(user, changes),
                    }
                }
            }
            Fact::StreamLeft(id, _) => {
                if let Some(epoch) = self.own.standings.streams.get(id).map(|stream| stream.epoch) {
                    self.forget_older_claims(id, epoch);
                }
            }
            Fact::UserCame(_) | Fact::StreamIs(_) | Fact::Said(_) => {}
        }
    }

    /// A user is nowhere any more: no stream of theirs is waited for.
    pub(super) fn end_orphaned_streams(&mut self, user: &UserId, changes: &mut Vec<Change>) {
        let mut over = BTreeSet::new();
        self.change_orphans(|standings| {
            let before = standings.streams.len();
            standings.streams.retain(|id, stream| {
                let stays = stream.listed.stream.user.user_id != *user;
                if !stays {
                    over.insert(id.clone());
                }
                stays
            });
            standings.streams.len() < before
        });
        for id in over {
            self.refresh_stream(&id, None, changes);
        }
    }
}

impl ClusterState {
    /// A letter says that its node has begun another life than the one whose section of a room is known here.
    pub(super) fn note_life(&mut self, now: Now, name: &RoomName, node: &NodeLife) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let is_earlier = |section: &super::section::Section| section.id.life < node.life;
        if room.others.get(&node.name).is_some_and(is_earlier) {
            let until = now.mono.saturating_add(ORPHANS_STAY);
            let mut changes = Vec::new();
            room.begin_life(&node.name, until, &mut changes);
            self.tell_changes(name, changes);
            if !self.timers.is_set(&Timer::Orphans) {
                self.timers.set(Timer::Orphans, until);
            }
        }
    }

    /// Ends what lives that are over said where its time is; when the next is due.
    pub(super) fn earlier_due(&mut self, now: Now) -> Option<Duration> {
        let all = self.rooms.iter().flat_map(|(name, room)| {
            let lives = room.earlier.iter();
            lives.map(move |(life, earlier)| (name, life, earlier.until))
        });
        let (due, later): (Vec<_>, Vec<_>) = all.partition(|(.., until)| *until <= now.mono);
        let next = later.into_iter().map(|(.., until)| until).min();
        let mut due: Vec<(RoomName, NodeLife)> = due.into_iter().map(|(name, life, _)| (name.clone(), life.clone())).collect();
        due.sort_unstable();
        for (name, life) in due {
            let mut changes = Vec::new();
            if let Some(room) = self.rooms.get_mut(&name) {
                room.end_life(&life, &mut changes);
            }
            self.tell_changes(&name, changes);
        }
        next
    }
}
