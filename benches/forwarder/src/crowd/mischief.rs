//! What hostile members of a crowd do: flood, storm, and what strangers can make of what they overhear.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::member::Member;
use super::{Crowd, MemberId, now};

/// What a member does beyond what a client ought to.
#[derive(Debug, Default)]
pub(super) struct Mischief {
    /// Asks for packets again so often that it has got.
    nack_every: Option<Duration>,
    next_nack: Option<Instant>,
    nacks: u64,
}

impl Mischief {
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.next_nack
    }
}

impl Crowd {
    /// Has a publisher that sends do so each `every` from now on.
    pub fn flood(&mut self, id: MemberId, every: Duration) {
        if let Some(member) = self.member(id) {
            member.send_every = every;
            member.next_send = Some(now());
        }
        self.arm(id.0);
    }

    /// Has a connected listener ask each `every` for the last 17 packets once more.
    pub fn storm(&mut self, id: MemberId, every: Duration) {
        if let Some(member) = self.member(id) {
            member.mischief.nack_every = Some(every);
            member.mischief.next_nack = Some(now());
        }
        self.arm(id.0);
    }

    /// How many packets the stream of somebody had so far.
    pub fn packets_of(&self, id: MemberId) -> u64 {
        let member = self.members.get(id.0).and_then(Option::as_deref);
        member.map_or(0, |member| self.streams[member.stream].next)
    }

    /// How often somebody asked for packets again.
    pub fn nacks_of(&self, id: MemberId) -> u64 {
        let member = self.members.get(id.0).and_then(Option::as_deref);
        member.map_or(0, |member| member.mischief.nacks)
    }

    /// What a stranger can send who sees everybody's checks and knows no password; where to, with each.
    pub fn forgeries(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        self.everybody().into_iter().flat_map(|id| self.forgeries_of(id)).collect()
    }

    /// The same, in the name of one.
    pub fn forgeries_of(&mut self, id: MemberId) -> Vec<(SocketAddr, Vec<u8>)> {
        let Some(member) = self.members.get(id.0).and_then(Option::as_deref) else {
            return Vec::new();
        };
        let Some(to) = member.client.server() else {
            return Vec::new();
        };
        let forged = member.client.forgeries(&self.identity, &mut self.rng, now());
        forged.into_iter().map(|datagram| (to, datagram)).collect()
    }
}

/// Sends what is due of it.
pub(super) fn make_mischief(member: &mut Member, at: Instant) {
    let Some(every) = member.mischief.nack_every else {
        return;
    };
    while let Some(due) = member.mischief.next_nack.filter(|due| *due <= at) {
        member.mischief.next_nack = Some(due + every);
        if let (Some(nack), Some(server)) = (member.client.nack(), member.client.server()) {
            member.mischief.nacks += 1;
            let _ = member.socket.send_to(&nack, server);
        }
    }
}
