//! Nodes that come and go, and how far the sections of those that stay are.

use std::ops::Bound;

use express_messages::types::StreamDeleteReason;

use super::letters::{Message, NodeLife, Standing};
use super::ops::Job;
use super::{BEAT, BEAT_ROOMS, ClusterState, ORPHANS_STAY, Timer, count};
use crate::rooms::Now;
use crate::rooms::cloud::{NodeName, RoomName};

/// A node that does not answer a greeting is greeted again so late.
const GREET_AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// A node that has started this lately has no rooms that nobody has heard of.
const FRESH_MS: u64 = 10_000;

impl ClusterState {
    /// A node is there, or there again.
    pub(super) fn node_came(&mut self, now: Now, node: &NodeLife) {
        let with = |room: &super::room::Room| room.others.contains_key(&node.name) || room.greeted.contains_key(&node.name);
        let mut rooms: Vec<RoomName> = self
            .rooms
            .iter()
            .filter(|(_, room)| with(room))
            .map(|(name, _)| name.clone())
            .collect();
        rooms.sort_unstable();
        for name in rooms {
            if let Some(section) = self.rooms.get_mut(&name).and_then(|room| room.others.get_mut(&node.name))
                && section.id.life == node.life
            {
                // It was only out of sight.
                section.orphan_until = None;
            }
            self.greet(now, &name, node);
        }
        if now.unix_ms.saturating_sub(node.life) > FRESH_MS {
            // Out of sight for long, it may have rooms of which each side has forgotten that the other has them: the registry knows.
            self.rooms.values_mut().for_each(|room| room.settled = false);
        }
    }

    /// A node says that it stops: that is as if it were gone, and known at once.
    pub(super) fn bye(&mut self, now: Now, node: &NodeLife) {
        if self.nodes.leave(node, now.mono) {
            self.node_gone(now, &node.name);
            self.tell_nodes();
        }
    }

    /// A node is gone: what it said holds for a while, and its rooms get other homes.
    pub(super) fn node_gone(&mut self, now: Now, node: &NodeName) {
        count(&mut self.counters.nodes_lost);
        tracing::warn!(%node, "a node of the cloud is gone");
        let until = now.mono.saturating_add(ORPHANS_STAY);
        let mut concerned: Vec<RoomName> = Vec::new();
        for (name, room) in &mut self.rooms {
            room.greeted.remove(node);
            if let Some(section) = room.others.get_mut(node) {
                section.orphan_until.get_or_insert(until);
                concerned.push(name.clone());
            }
        }
        concerned.sort_unstable();
        for name in concerned {
            self.rehome(&name, node);
            self.open_if_greeted(now, &name);
        }
        if !self.timers.is_set(&Timer::Orphans) {
            self.timers.set(Timer::Orphans, until);
        }
    }

    /// The first of those who are left makes itself the home of a room whose home is gone; the registry decides if several do.
    pub(super) fn rehome(&mut self, name: &RoomName, gone: &NodeName) {
        let own = self.entry.node.name.clone();
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if room.home.as_ref().is_none_or(|home| home.name != *gone) {
            return;
        }
        // Until the registry says otherwise, each orders for itself.
        room.home = None;
        room.settled = false;
        room.left = Some(gone.clone());
        if room.peers().all(|peer| own < *peer) && self.connected {
            self.add_job(Job::Enter(name.clone()));
        }
    }

    /// What gone nodes said is over where its time is.
    pub(super) fn orphans_due(&mut self, now: Now) {
        let mut next = None;
        let mut over: Vec<(RoomName, NodeName)> = Vec::new();
        for (name, room) in &self.rooms {
            for (node, section) in &room.others {
                match section.orphan_until {
                    Some(until) if until <= now.mono => over.push((name.clone(), node.clone())),
                    Some(until) => next = Some(next.map_or(until, |next: std::time::Duration| next.min(until))),
                    None => {}
                }
            }
        }
        over.sort_unstable();
        for (name, node) in over {
            self.section_over(&name, &node, StreamDeleteReason::HeartbeatTimeout);
        }
        if let Some(next) = next {
            self.timers.set(Timer::Orphans, next);
        }
    }

    /// What a node said about a room is over.
    pub(super) fn section_over(&mut self, name: &RoomName, node: &NodeName, reason: StreamDeleteReason) {
        let mut changes = Vec::new();
        if let Some(room) = self.rooms.get_mut(name) {
            room.drop_section(node, reason, &mut changes);
        }
        self.tell_changes(name, changes);
    }

    /// Says how far the sections of some rooms are, going round, and asks again who has not answered.
    pub(super) fn beat(&mut self, now: Now) {
        self.timers.set(Timer::Beat, now.mono.saturating_add(BEAT));
        if !self.connected {
            return;
        }
        self.greet_again(now);
        let names = self.next_rooms();
        self.beat_for(&names);
    }

    /// Says how far all sections are.
    pub(super) fn beat_all(&mut self, now: Now) {
        let mut names: Vec<RoomName> = self.rooms.keys().cloned().collect();
        names.sort_unstable();
        for some in names.chunks(BEAT_ROOMS) {
            self.beat_for(some);
        }
        self.greet_again(now);
    }

    pub(super) fn beat_for(&mut self, names: &[RoomName]) {
        let mut of_peer: std::collections::BTreeMap<NodeName, Vec<Standing>> = std::collections::BTreeMap::new();
        for name in names {
            let Some(room) = self.rooms.get(name) else {
                continue;
            };
            for peer in room.peers() {
                of_peer.entry(peer.clone()).or_default().push(room.standing(name));
            }
        }
        for (peer, standings) in of_peer {
            self.send(&peer, Message::Beat(standings));
        }
    }

    /// The next rooms that others have, too, in the order of their names.
    fn next_rooms(&mut self) -> Vec<RoomName> {
        let from = self.beat_from.take();
        let behind = from.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut names, mut alone) = (Vec::new(), Vec::new());
        for name in self.maybe_shared.range::<RoomName, _>((behind, Bound::Unbounded)) {
            match self.rooms.get(name) {
                Some(room) if room.peers().next().is_some() => names.push(name.clone()),
                Some(room) if !room.others.is_empty() => {}
                _ => alone.push(name.clone()),
            }
            if names.len() == BEAT_ROOMS {
                self.beat_from = names.last().cloned();
                break;
            }
        }
        for name in &alone {
            self.maybe_shared.remove(name);
        }
        names
    }

    fn greet_again(&mut self, now: Now) {
        let rooms = &self.rooms;
        let has_greeted = |name: &RoomName| rooms.get(name).is_some_and(|room| !room.greeted.is_empty());
        self.maybe_greeting.retain(has_greeted);
        let mut waiting: Vec<(RoomName, NodeName)> = Vec::new();
        for name in &self.maybe_greeting {
            let greeted = rooms.get(name).into_iter().flat_map(|room| &room.greeted);
            let late = greeted.filter(|(_, at)| now.mono.saturating_sub(**at) >= GREET_AGAIN);
            waiting.extend(late.map(|(node, _)| (name.clone(), node.clone())));
        }
        for (name, node) in waiting {
            if let Some(node) = self.nodes.life_of(&node).cloned() {
                self.greet(now, &name, &node);
            }
        }
    }
}
