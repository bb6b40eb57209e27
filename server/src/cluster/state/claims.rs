//! Which streamIDs this node's users own.

use express_messages::ids::{StreamId, UserId};

use super::letters::{ClaimEntry, NodeLife};
use super::ops::{self, Decision, Job, OpId, Settlement};
use super::{ClusterState, ORPHANS_STAY, count};
use crate::rooms::cloud::{News, NodeName, RoomName};
use crate::rooms::{Now, Ticket};

use super::Action;

/// A streamID of a user of this node.
#[derive(Debug, Clone)]
pub(super) struct OwnClaim {
    room: RoomName,
    user: UserId,
    /// 0: not settled.
    epoch: u64,
}

impl ClusterState {
    pub(super) fn claim(&mut self, now: Now, ticket: Ticket, room: RoomName, stream_id: StreamId, user: UserId) {
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
        self.add_job(now, job);
    }

    /// The registry cannot be asked: what is known here decides, and is settled later.
    pub(super) fn claim_here(&mut self, ticket: Ticket, room: RoomName, stream: (u32, StreamId), user: UserId) {
        let mut shown = self.rooms.iter().filter(|((app_id, _), _)| *app_id == stream.0);
        let is_others = shown.any(|(_, room)| {
            let shown = room.shown_streams.get(&stream.1);
            shown.is_some_and(|(_, shown)| shown.listed.stream.user.user_id != user)
        });
        if is_others {
            count(&mut self.counters.claims_refused);
            self.actions.push(Action::News(News::Claimed(ticket, Err(()))));
        } else {
            self.claimed(ticket, room, stream, user, 0);
        }
    }

    fn claimed(&mut self, ticket: Ticket, room: RoomName, stream: (u32, StreamId), user: UserId, epoch: u64) {
        self.claims.insert(stream, OwnClaim { room, user, epoch });
        self.actions.push(Action::News(News::Claimed(ticket, Ok(epoch))));
    }

    pub(super) fn release(&mut self, stream: (u32, StreamId)) {
        let Some(claim) = self.claims.remove(&stream) else {
            return;
        };
        if self.connected && claim.epoch > 0 {
            let epoch = claim.epoch;
            // The time is of no use to a job of a stream.
            if let Some(op) = self.jobs.add(Job::Release { stream, epoch }) {
                self.begin_job(op);
            }
        }
    }

    /// A claim's entry was read: what to write, or the end of the job.
    pub(super) fn decide_claim(&mut self, now: Now, job: &Job, known: Option<&ClaimEntry>) -> Option<Decision> {
        let own = self.entry.node.clone();
        let nodes = &self.nodes;
        let may_come_back = |node: &NodeLife| nodes.may_come_back(node, ORPHANS_STAY, now.mono);
        match job {
            Job::Claim {
                ticket,
                room,
                stream: _,
                user,
            } => {
                let claimed = ops::claim(known, &own, (room, user), may_come_back);
                if claimed.is_none() {
                    count(&mut self.counters.claims_refused);
                    self.actions.push(Action::News(News::Claimed(*ticket, Err(()))));
                }
                claimed.map(Decision::Claim)
            }
            Job::Settle(stream) => {
                let claim = self.claims.get(stream)?;
                match ops::settle(known, &own, (&claim.room, &claim.user, claim.epoch), may_come_back) {
                    Settlement::Ours(_) => None,
                    Settlement::Write(entry) => Some(Decision::Claim(entry)),
                    Settlement::Lost => {
                        let same_user = known.filter(|known| known.user_id == claim.user);
                        let moved_to = same_user.map(|known| known.node.name.clone());
                        self.lose(stream.clone(), moved_to);
                        None
                    }
                }
            }
            Job::Release { epoch, .. } => known
                .is_some_and(|known| known.node == own && known.epoch == *epoch)
                .then_some(Decision::Deleted),
            Job::Seek(stream) => {
                let found = known.filter(|known| known.node != own && self.nodes.is_alive(&known.node));
                let room = found.map(|known| known.room.clone());
                self.actions.push(Action::News(News::Sought(stream.clone(), room)));
                None
            }
            Job::Enter(_) | Job::Leave(_) => None,
        }
    }

    /// Somebody here wants a stream that is not here.
    pub(super) fn seek(&mut self, now: Now, stream: (u32, StreamId)) {
        if self.connected {
            self.add_job(now, Job::Seek(stream));
        } else {
            self.actions.push(Action::News(News::Sought(stream, None)));
        }
    }

    /// A claim's entry was written.
    pub(super) fn claim_written(&mut self, job: Job, entry: &ClaimEntry) {
        match job {
            Job::Claim {
                ticket,
                room,
                stream,
                user,
            } => self.claimed(ticket, room, stream, user, entry.epoch),
            Job::Settle(stream) => {
                if let Some(claim) = self.claims.get_mut(&stream)
                    && claim.epoch != entry.epoch
                {
                    claim.epoch = entry.epoch;
                    let news = News::Settled(stream.0, stream.1, entry.epoch);
                    self.actions.push(Action::News(news));
                }
            }
            Job::Release { .. } | Job::Seek(_) | Job::Enter(_) | Job::Leave(_) => {}
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
            } => self.claim_here(ticket, room, stream, user),
            Job::Seek(stream) => self.actions.push(Action::News(News::Sought(stream, None))),
            _ => {}
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

    pub(super) fn settle_claims(&mut self, now: Now) {
        let mut streams: Vec<_> = self.claims.keys().cloned().collect();
        streams.sort_unstable();
        for stream in streams {
            self.add_job(now, Job::Settle(stream));
        }
    }

    /// Takes a job, and begins it if nothing of its key is being done.
    pub(super) fn add_job(&mut self, _: Now, job: Job) {
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
