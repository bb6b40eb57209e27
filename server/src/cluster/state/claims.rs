//! Which streamIDs this node's users own.

use std::time::Duration;

use express_messages::ids::{StreamId, UserId};

use super::changes::is_due;
use super::letters::{ClaimEntry, Message, NodeLife};
use super::ops::{self, Decision, Job, OpId, Settlement};
use super::{ClusterState, ORPHANS_STAY, count};
use crate::rooms::cloud::{News, NodeName, RemoteStream, RoomName};
use crate::rooms::{Now, Ticket};

use super::Action;

/// StreamIDs that are remembered to be given back.
const MAX_RELEASED: usize = 100_000;
/// How often a node is told again that its claim is another's.
const TAKEN_AGAIN: u8 = 4;

/// Of so many streams of others the rooms are noted before those that are gone are looked for.
const SHOWN: usize = 1_000;

/// A streamID of a user of this node.
#[derive(Debug, Clone)]
pub(super) struct OwnClaim {
    room: RoomName,
    user: UserId,
    /// Its fencing number; 0: it has none yet.
    epoch: u64,
    /// The registry has it so.
    pub(super) settled: bool,
    /// When it was last written there.
    pub(super) written: Duration,
}

impl ClusterState {
    pub(super) fn claim(&mut self, ticket: Ticket, room: RoomName, stream_id: StreamId, user: UserId) {
        let stream = (room.0, stream_id);
        if !self.connected {
            self.claim_here(ticket, room, stream, user);
            return;
        }
        let job = Job::Claim {
            ticket,
            room,
            stream,
            user,
        };
        self.add_job(job);
    }

    /// The registry cannot be asked: what is known here decides, and is settled later.
    pub(super) fn claim_here(&mut self, ticket: Ticket, room: RoomName, stream: (u32, StreamId), user: UserId) {
        let rooms = self.shown_in.get(&stream).into_iter().flatten();
        let mut shown = rooms.filter_map(|room| self.rooms.get(room)?.shown_streams.get(&stream.1));
        match shown.next() {
            Some((_, shown)) if shown.listed.stream.user.user_id != user => {
                count(&mut self.counters.claims_refused);
                self.actions.push(Action::News(News::Claimed(ticket, Err(()))));
            }
            // With the number that the user's stream has elsewhere this one goes before it here, and nowhere else yet.
            Some((_, shown)) => {
                let epoch = shown.epoch;
                self.claimed(ticket, (room, stream, user), epoch, None);
            }
            None => self.claimed(ticket, (room, stream, user), 0, None),
        }
    }

    /// - `written`: when the registry wrote it; `None`: it does not know yet
    fn claimed(
        &mut self,
        ticket: Ticket,
        (room, stream, user): (RoomName, (u32, StreamId), UserId),
        epoch: u64,
        written: Option<Duration>,
    ) {
        self.released.remove(&stream);
        let claim = OwnClaim {
            room,
            user,
            epoch,
            settled: written.is_some(),
            written: written.unwrap_or_default(),
        };
        self.claims.insert(stream, claim);
        self.actions.push(Action::News(News::Claimed(ticket, Ok(epoch))));
    }

    /// Notes in which room a stream of another node is shown, so that without the registry its owner is found by one look.
    pub(super) fn note_shown(&mut self, room: &RoomName, id: &StreamId) {
        let rooms = self.shown_in.entry((room.0, id.clone())).or_default();
        if !rooms.contains(room) {
            rooms.push(room.clone());
        }
        if self.shown_in.len() > self.shown_most {
            let open = &self.rooms;
            self.shown_in.retain(|(_, id), rooms| {
                rooms.retain(|room| open.get(room).is_some_and(|room| room.shown_streams.contains_key(id)));
                !rooms.is_empty()
            });
            self.shown_most = self.shown_in.len().saturating_mul(2).max(SHOWN);
        }
    }

    pub(super) fn release(&mut self, stream: (u32, StreamId)) {
        let Some(claim) = self.claims.remove(&stream) else {
            return;
        };
        if self.connected {
            self.add_job(Job::Release(stream));
        } else if claim.epoch > 0 {
            self.release_later(stream);
        }
    }

    /// A streamID is given back, and the registry hears so when it can.
    fn release_later(&mut self, stream: (u32, StreamId)) {
        if self.released.len() < MAX_RELEASED && !self.claims.contains_key(&stream) {
            self.released.insert(stream);
        }
    }

    /// A claim's entry was read: what to write, or the end of the job.
    pub(super) fn decide_claim(&mut self, now: Now, job: &Job, known: Option<&ClaimEntry>) -> Option<Decision> {
        let own = self.entry.node.clone();
        let nodes = &self.nodes;
        let (fresh, mono) = (now.unix_ms, now.mono);
        let may_come_back = |node: &NodeLife| nodes.may_come_back(node, ORPHANS_STAY, mono);
        match job {
            Job::Claim {
                ticket,
                room,
                stream,
                user,
            } => {
                let claimed = ops::claim(known, &own, (room, user), fresh, may_come_back);
                if claimed.is_none() {
                    count(&mut self.counters.claims_refused);
                    self.actions.push(Action::News(News::Claimed(*ticket, Err(()))));
                }
                if claimed.is_some() {
                    self.note_taken(stream, room, known);
                }
                claimed.map(Decision::Claim)
            }
            Job::Settle(stream) => {
                let claim = self.claims.get_mut(stream)?;
                let room = self.rooms.get(&claim.room);
                let is_new = claim.epoch == 0 && room.is_some_and(|room| room.has_latest_login(&claim.user));
                let moved_here = known.is_some_and(|known| is_new && known.user_id == claim.user && known.node != own);
                let settlement = match moved_here {
                    // Its user was there before, and is here now.
                    true => ops::claim(known, &own, (&claim.room, &claim.user), fresh, may_come_back)
                        .map_or(Settlement::Lost, Settlement::Write),
                    false => ops::settle(known, &own, (&claim.room, &claim.user, claim.epoch), fresh, may_come_back),
                };
                match settlement {
                    Settlement::Ours(_) => {
                        claim.settled = true;
                        let renewed = known.filter(|_| is_due(now, claim.written));
                        renewed.cloned().map(Decision::Claim)
                    }
                    Settlement::Write(entry) => {
                        self.note_taken(stream, &entry.room, known);
                        Some(Decision::Claim(entry))
                    }
                    Settlement::Lost => {
                        // Players of one room do not follow their stream to another.
                        let moved = known.filter(|known| known.user_id == claim.user && known.room == claim.room);
                        let moved_to = moved.map(|known| known.node.name.clone());
                        self.lose(stream.clone(), moved_to);
                        None
                    }
                }
            }
            // Published again meanwhile, it stays.
            Job::Release(stream) => {
                let is_own = known.is_some_and(|known| known.node == own);
                (is_own && !self.claims.contains_key(stream)).then_some(Decision::Deleted)
            }
            Job::Seek(stream) => {
                let found = known.filter(|known| known.node != own && self.nodes.is_alive(&known.node));
                let room = found.map(|known| known.room.clone());
                self.actions.push(Action::News(News::Sought(stream.clone(), room)));
                None
            }
            Job::Enter(_) | Job::Leave(_) => None,
        }
    }

    /// Notes whose claim is about to be taken over, if that one does not see it: in one room it sees the section of this node.
    fn note_taken(&mut self, stream: &(u32, StreamId), room: &RoomName, known: Option<&ClaimEntry>) {
        let other = known.filter(|known| known.node != self.entry.node && known.room != *room);
        match other {
            Some(known) => self.taken_from.insert(stream.clone(), known.node.name.clone()),
            None => self.taken_from.remove(stream),
        };
    }

    /// The registry has a claim of this node: whose it was hears so, some times, for a letter may be lost.
    fn tell_taken(&mut self, stream: &(u32, StreamId)) {
        if let Some(node) = self.taken_from.remove(stream) {
            self.send(&node, Message::Taken(stream.clone()));
            if self.taken.len() < MAX_RELEASED {
                self.taken.push((stream.clone(), node, TAKEN_AGAIN));
            }
        }
    }

    /// With each renewal.
    pub(super) fn tell_taken_again(&mut self) {
        for (stream, node, left) in std::mem::take(&mut self.taken) {
            self.send(&node, Message::Taken(stream.clone()));
            if left > 1 {
                self.taken.push((stream, node, left - 1));
            }
        }
    }

    /// Another room has a stream of that name: of the two the one with the higher claim stays.
    pub(super) fn compare_claims(&mut self, room: &RoomName, shown: &RemoteStream) {
        let stream = (room.0, shown.listed.stream.stream_id.clone());
        let own = self.claims.get(&stream);
        if self.connected && own.is_some_and(|own| own.room != *room && own.epoch < shown.epoch) {
            self.add_job(Job::Settle(stream));
        }
    }

    /// Somebody here wants a stream that is not here.
    pub(super) fn seek(&mut self, stream: (u32, StreamId)) {
        if self.connected {
            self.add_job(Job::Seek(stream));
        } else {
            self.actions.push(Action::News(News::Sought(stream, None)));
        }
    }

    /// A claim's entry was written.
    pub(super) fn claim_written(&mut self, now: Now, job: Job, entry: &ClaimEntry) {
        match job {
            Job::Claim {
                ticket,
                room,
                stream,
                user,
            } => {
                self.tell_taken(&stream);
                self.claimed(ticket, (room, stream, user), entry.epoch, Some(now.mono));
            }
            Job::Settle(stream) => {
                self.tell_taken(&stream);
                let Some(claim) = self.claims.get_mut(&stream) else {
                    return;
                };
                claim.settled = true;
                claim.written = now.mono;
                if claim.epoch != entry.epoch {
                    claim.epoch = entry.epoch;
                    let news = News::Settled(stream.0, stream.1, entry.epoch);
                    self.actions.push(Action::News(news));
                }
            }
            Job::Release(_) | Job::Seek(_) | Job::Enter(_) | Job::Leave(_) => {}
        }
    }

    /// A claim could not be written.
    pub(super) fn claim_failed(&mut self, job: Job) {
        match job {
            Job::Claim {
                ticket,
                room,
                stream,
                user,
            } => {
                self.taken_from.remove(&stream);
                self.claim_here(ticket, room, stream, user);
            }
            Job::Seek(stream) => self.actions.push(Action::News(News::Sought(stream, None))),
            Job::Settle(stream) => {
                self.taken_from.remove(&stream);
                if let Some(claim) = self.claims.get_mut(&stream) {
                    claim.settled = false;
                }
            }
            Job::Release(stream) => self.release_later(stream),
            Job::Enter(_) | Job::Leave(_) => {}
        }
    }

    /// Another node's section says that a stream of this node is its own, with a higher number.
    pub(super) fn stream_lost(&mut self, room: &RoomName, id: StreamId, node: NodeName, user: &UserId) -> News {
        let stream = (room.0, id);
        let claim = self.claims.remove(&stream);
        count(&mut self.counters.claims_lost);
        let same_user = claim.is_none_or(|claim| claim.user == *user);
        News::ClaimLost {
            stream,
            moved_to: same_user.then_some(node),
        }
    }

    fn lose(&mut self, stream: (u32, StreamId), moved_to: Option<NodeName>) {
        self.claims.remove(&stream);
        count(&mut self.counters.claims_lost);
        self.actions.push(Action::News(News::ClaimLost { stream, moved_to }));
    }

    /// Takes a job, and begins it if nothing of its key is being done.
    pub(super) fn add_job(&mut self, job: Job) {
        if let Some(op) = self.jobs.add(job) {
            self.begin_job(op);
        }
    }

    pub(super) fn begin_job(&mut self, op: OpId) {
        if let Some((key, _)) = self.jobs.running(op) {
            let key = key.clone();
            self.actions.push(Action::Get(op, key));
        }
    }
}
