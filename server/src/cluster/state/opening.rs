//! How a room is opened on this node, and left: asked for in the registry, greeted at others, told to the rooms.

use std::time::Duration;

use super::changes::is_due;
use super::letters::{ClaimEntry, Message, NodeLife, RegistryKey, RoomEntry, SectionId};
use super::ops::{self, Decision, Entering, Job, OpId};
use super::room::{Room, Stage};
use super::section::{OwnSection, Section};
use super::{Action, ClusterState, ORPHANS_STAY, Timer, WriteError, count};
use crate::cluster::bus::Revision;
use crate::rooms::Now;
use crate::rooms::cloud::{News, NodeName, RoomName, RoomTerms};

/// Rooms that are remembered to be left.
const MAX_LEFT: usize = 100_000;
/// How long a newcomer waits for what other nodes say about the room.
const GREETING: Duration = Duration::from_secs(1);

impl ClusterState {
    pub(super) fn open(&mut self, name: RoomName, terms: RoomTerms, may_redirect: bool, left: Option<NodeName>) {
        if let Some(room) = self.rooms.get_mut(&name) {
            // One of those who wait was sent here: then all may stay.
            room.may_redirect &= may_redirect;
            room.not_to.extend(left);
            if std::mem::take(&mut room.observes) && !room.is_open() && room.stage == Stage::Asking {
                room.terms = terms;
            }
            return;
        }
        self.open_as(name.clone(), terms, (may_redirect, false));
        if let Some(room) = self.rooms.get_mut(&name) {
            room.not_to.extend(left);
        }
    }

    /// Opens a room to look at it, if another node has it.
    pub(super) fn look(&mut self, name: RoomName) {
        if self.rooms.contains_key(&name) {
            return;
        }
        if !self.connected {
            return self.actions.push(Action::News(News::NoSuchRoom(name)));
        }
        // What holds for the room is what stands in its entry.
        let terms = RoomTerms {
            session_id: 0,
            max_members: 0,
            loudest_streams: 0,
        };
        self.open_as(name, terms, (false, true));
    }

    fn open_as(&mut self, name: RoomName, terms: RoomTerms, (may_redirect, observes): (bool, bool)) {
        self.last_section = self.last_section.saturating_add(1);
        let section = SectionId {
            life: self.entry.node.life,
            number: self.last_section,
        };
        self.left.remove(&name);
        let mut room = Room::new(terms, OwnSection::new(section), may_redirect);
        room.observes = observes;
        self.rooms.insert(name.clone(), room);
        if self.connected {
            self.add_job(Job::Enter(name));
        } else {
            self.opened(&name);
        }
    }

    pub(super) fn close(&mut self, name: &RoomName) {
        let Some(room) = self.rooms.remove(name) else {
            return;
        };
        self.timers.clear(Timer::Greeting(name.clone()));
        // Whom this does not reach says by its next beat that it has the room, and is answered.
        for peer in room.peers().chain(room.greeted.keys()) {
            self.send_without(peer, name.clone());
        }
        if self.connected {
            self.add_job(Job::Leave(name.clone()));
        } else {
            self.leave_later(name.clone());
        }
    }

    /// A room is left, and the registry hears so when it can.
    fn leave_later(&mut self, name: RoomName) {
        if self.left.len() < MAX_LEFT && !self.rooms.contains_key(&name) {
            self.left.insert(name);
        }
    }

    /// The registry answered.
    pub(crate) fn on_got(&mut self, now: Now, op: OpId, got: Result<Option<(Vec<u8>, Revision)>, ()>) -> Vec<Action> {
        let Some((key, running)) = self.jobs.running(op) else {
            return Vec::new();
        };
        let (key, job) = (key.clone(), running.job.clone());
        match got {
            Ok(known) => {
                let revision = known.as_ref().map(|(_, revision)| *revision);
                revision.into_iter().for_each(|revision| self.known.see(revision));
                let decision = self.decide(now, &job, known.as_ref().map(|(value, _)| value.as_slice()));
                self.write(op, &key, decision, revision);
            }
            Err(()) => {
                count(&mut self.counters.unavailable);
                self.fail(op);
            }
        }
        self.take_actions()
    }

    fn write(&mut self, op: OpId, key: &RegistryKey, decision: Option<Decision>, revision: Option<Revision>) {
        let value = match &decision {
            None => None,
            Some(Decision::Deleted) => revision.map(|revision| Action::Delete(op, key.clone(), revision)),
            // Texts and numbers alone, so writing them cannot fail.
            Some(Decision::Room(entry)) => Some(Action::Put(
                op,
                key.clone(),
                serde_json::to_vec(entry).unwrap_or_default(),
                revision,
            )),
            Some(Decision::Claim(entry)) => Some(Action::Put(
                op,
                key.clone(),
                serde_json::to_vec(entry).unwrap_or_default(),
                revision,
            )),
        };
        match value {
            Some(action) => {
                if let Some((_, running)) = self.jobs.running(op) {
                    running.writing = decision;
                }
                self.actions.push(action);
            }
            None => self.finish(op),
        }
    }

    /// The registry has written, or not; a deletion has no revision.
    pub(crate) fn on_written(&mut self, now: Now, op: OpId, written: Result<Option<Revision>, WriteError>) -> Vec<Action> {
        let Some((key, running)) = self.jobs.running(op) else {
            return Vec::new();
        };
        match written {
            Ok(revision) => {
                let (job, decision) = (running.job.clone(), running.writing.take());
                revision.into_iter().for_each(|revision| self.known.see(revision));
                match decision {
                    Some(Decision::Room(entry)) => {
                        self.note_written(now, &job);
                        self.entered(now, &job, entry);
                    }
                    Some(Decision::Claim(entry)) => self.claim_written(now, job, &entry),
                    Some(Decision::Deleted) | None => {}
                }
                self.finish(op);
            }
            Err(WriteError::Conflict) => {
                count(&mut self.counters.conflicts);
                let key = key.clone();
                if running.try_again() {
                    self.actions.push(Action::Get(op, key));
                } else {
                    self.fail(op);
                }
            }
            Err(WriteError::Unavailable) => {
                count(&mut self.counters.unavailable);
                self.fail(op);
            }
        }
        self.take_actions()
    }

    /// What a job's entry is to become; `None`: it stays as it is.
    fn decide(&mut self, now: Now, job: &Job, known: Option<&[u8]>) -> Option<Decision> {
        // What cannot be read is as good as not there: it is written anew.
        let room_entry = || known.and_then(|known| serde_json::from_slice::<RoomEntry>(known).ok());
        let own = self.entry.node.clone();
        match job {
            Job::Enter(name) => self.decide_enter(now, name, room_entry()),
            Job::Leave(name) => {
                if self.rooms.contains_key(name) {
                    // Opened again meanwhile.
                    return None;
                }
                let known = room_entry()?;
                let left = ops::leave(known, &own.name, |node| self.nodes.is_alive(node));
                Some(left.map_or(Decision::Deleted, Decision::Room))
            }
            Job::Claim { .. } | Job::Settle(_) | Job::Release(_) | Job::Seek(_) => {
                let known = known.and_then(|known| serde_json::from_slice::<ClaimEntry>(known).ok());
                self.decide_claim(now, job, known.as_ref())
            }
        }
    }

    fn decide_enter(&mut self, now: Now, name: &RoomName, known: Option<RoomEntry>) -> Option<Decision> {
        let room = self.rooms.get(name)?;
        let nodes = &self.nodes;
        if room.stage == Stage::Asking && room.observes {
            let own = &self.entry.node.name;
            let mut others = known.iter().flat_map(|known| &known.nodes).filter(|node| node.name != *own);
            if !others.any(|node| nodes.is_alive(node)) {
                self.look_failed(name);
                return None;
            }
        }
        let is_there = |node: &NodeLife| nodes.may_come_back(node, ORPHANS_STAY, now.mono);
        let left = room.left.clone();
        let is_home = |node: &NodeLife| nodes.is_alive(node) && left.as_ref() != Some(&node.name);
        if room.stage == Stage::Asking && room.may_redirect {
            let alive = known
                .iter()
                .flat_map(|known| &known.nodes)
                .filter(|node| nodes.is_alive(node) && !room.not_to.contains(&node.name));
            let with_room: Vec<NodeName> = alive.map(|node| node.name.clone()).collect();
            if let Some(better) = nodes.better(&self.entry, &with_room, &room.not_to) {
                let url = better.url.clone();
                count(&mut self.counters.redirects);
                self.rooms.remove(name);
                self.actions.push(Action::News(News::ElsewhereInstead(name.clone(), url)));
                return None;
            }
        }
        let own = &self.entry.node;
        let Entering { entry, is_new } = ops::enter(known.clone(), own, room.terms, is_there, is_home);
        if let Some(room) = self.rooms.get_mut(name) {
            room.is_new = is_new;
        }
        let is_due = self.rooms.get(name).is_some_and(|room| is_due(now, room.written));
        if known.as_ref() == Some(&entry) && !is_due {
            self.entered(now, &Job::Enter(name.clone()), entry);
            return None;
        }
        Some(Decision::Room(entry))
    }

    fn note_written(&mut self, now: Now, job: &Job) {
        if let Job::Enter(name) = job
            && let Some(room) = self.rooms.get_mut(name)
        {
            room.written = now.mono;
        }
    }

    /// The registry has this node in a room's entry: others are greeted.
    fn entered(&mut self, now: Now, job: &Job, entry: RoomEntry) {
        let Job::Enter(name) = job else {
            return;
        };
        let own = self.entry.node.name.clone();
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        room.settled = true;
        let is_home = entry.home.name == own;
        room.left = None;
        room.home = (!is_home).then_some(entry.home);
        room.epoch = entry.epoch;
        let had = std::mem::replace(&mut room.terms, entry.terms);
        if room.is_open() && had != entry.terms {
            let news = News::Terms(name.clone(), entry.terms);
            self.actions.push(Action::News(news));
        }
        for node in entry.nodes.iter().filter(|node| node.name != own) {
            self.greet(now, name, node);
        }
        if is_home {
            self.beat_for(std::slice::from_ref(name));
        }
        self.open_if_greeted(now, name);
    }

    /// Tells a node that this one has a room, and asks what that one says about it.
    pub(super) fn greet(&mut self, now: Now, name: &RoomName, node: &NodeLife) {
        let alive = self.nodes.is_alive(node);
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let known = room.others.get(&node.name).filter(|section| section.id.life == node.life);
        if known.is_some_and(|section| section.seq.is_some() && section.orphan_until.is_none()) || !alive {
            return;
        }
        room.greeted.insert(node.name.clone(), now.mono);
        self.maybe_greeting.insert(name.clone());
        let standing = room.standing(name);
        self.send(&node.name.clone(), Message::Hello(standing));
    }

    /// Opens a room to which all others have answered.
    pub(super) fn open_if_greeted(&mut self, now: Now, name: &RoomName) {
        let Some(room) = self.rooms.get_mut(name).filter(|room| !room.is_open()) else {
            return;
        };
        if room.greeted.is_empty() {
            self.opened(name);
        } else if room.stage == Stage::Asking {
            let until = now.mono.saturating_add(GREETING);
            room.stage = Stage::Greeting { until };
            self.timers.set(Timer::Greeting(name.clone()), until);
        }
    }

    pub(super) fn greeting_due(&mut self, now: Now, name: &RoomName) {
        let due = |room: &&Room| matches!(room.stage, Stage::Greeting { until } if until <= now.mono);
        if self.rooms.get(name).filter(due).is_some() {
            self.opened(name);
        }
    }

    /// The room is open from now on: the rooms hear all that others say about it.
    fn opened(&mut self, name: &RoomName) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if room.observes && room.stage == Stage::Asking && !room.settled {
            // The registry did not answer.
            return self.look_failed(name);
        }
        room.observes = false;
        self.timers.clear(Timer::Greeting(name.clone()));
        room.stage = Stage::Open;
        let news = News::Opened {
            room: name.clone(),
            terms: room.terms,
            is_new: room.is_new,
            members: room.shown_members.values().map(|shown| shown.member.clone()).collect(),
            streams: room.shown_streams.values().cloned().collect(),
            info: room.info.clone(),
        };
        self.actions.push(Action::News(news));
    }

    /// There is nothing to look at.
    fn look_failed(&mut self, name: &RoomName) {
        self.rooms.remove(name);
        self.actions.push(Action::News(News::NoSuchRoom(name.clone())));
    }

    /// A job cannot be done: what can be decided here is.
    fn fail(&mut self, op: OpId) {
        let Some((_, running)) = self.jobs.running(op) else {
            return;
        };
        match running.job.clone() {
            Job::Enter(name) => {
                if let Some(room) = self.rooms.get_mut(&name) {
                    room.settled = false;
                    if !room.is_open() {
                        self.opened(&name);
                    }
                }
            }
            Job::Leave(name) => self.leave_later(name),
            job => self.claim_failed(job),
        }
        self.finish(op);
    }

    fn finish(&mut self, op: OpId) {
        if let Some((_, Some(next))) = self.jobs.finish(op) {
            self.begin_job(next);
        }
    }

    /// The registry is out of reach: those who wait for rooms get them as this node knows them.
    pub(super) fn open_without_registry(&mut self) {
        let waiting = self.rooms.iter().filter(|(_, room)| !room.is_open());
        let mut waiting: Vec<RoomName> = waiting.map(|(name, _)| name.clone()).collect();
        waiting.sort_unstable();
        for name in waiting {
            self.opened(&name);
        }
    }

    /// The section of a node about a room, made where there is none; `None`: that life of it is over, or the room is not here.
    pub(super) fn section_of(&mut self, name: &RoomName, node: &NodeLife, id: SectionId) -> Option<&mut Section> {
        let room = self.rooms.get_mut(name)?;
        if id.life != node.life {
            return None;
        }
        if let Some(known) = room.others.get(&node.name)
            && known.id > id
        {
            return None;
        }
        if !room.others.contains_key(&node.name) {
            self.maybe_shared.insert(name.clone());
        }
        let section = room.others.entry(node.name.clone()).or_insert_with(|| Section::new(id));
        if section.id != id {
            // What the earlier section says holds until the new one is known: users may be in both.
            section.id = id;
            section.seq = None;
        }
        Some(section)
    }
}
