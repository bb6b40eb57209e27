//! One member at a time: how it is, what it got, and another socket for it.

use std::io;
use std::time::Duration;

use nix::sys::epoll::{EpollEvent, EpollFlags};

use super::member::Phase;
use super::{Crowd, MemberId, now, socket};
use crate::tally::Traffic;

/// How a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether its DTLS is done.
    pub connected: bool,
    /// When the packet of its stream that came last was sent, ns since 1970; 0: none came.
    pub heard_ns: u64,
}

impl Crowd {
    /// How somebody is; `None` when gone.
    pub fn look_at(&self, id: MemberId) -> Option<Look> {
        let member = self.members.get(id.0)?.as_deref()?;
        Some(Look {
            connected: matches!(member.phase, Phase::Connected),
            heard_ns: member.heard_ns,
        })
    }

    /// The longest that a packet waited in its socket for this thread since the last call: the machine's doing, not the server's.
    pub fn take_waited(&mut self) -> Duration {
        Duration::from_nanos(std::mem::take(&mut self.waited_ns))
    }

    /// Counts what one listener gets, from the next packet of its stream on.
    pub fn begin_count_of(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(id.0).and_then(Option::as_deref_mut) {
            member.begin_count(self.streams[member.stream].next);
        }
    }

    /// What one listener got since, of the packets before `until`, which [`Self::packets_of`] tells.
    pub fn traffic_of(&self, id: MemberId, until: u64) -> Option<Traffic> {
        Some(self.members.get(id.0)?.as_deref()?.traffic(until))
    }

    /// Gives somebody another port, as a NAT does that forgot its mapping: what goes to the old one is read by nobody.
    ///
    /// # Errors
    /// There is no socket left.
    pub fn rebind(&mut self, id: MemberId) -> io::Result<()> {
        let socket = socket::open(self.bind)?;
        let Some(member) = self.members.get_mut(id.0).and_then(Option::as_deref_mut) else {
            return Ok(());
        };
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, id.0 as u64))?;
        let old = std::mem::replace(&mut member.socket, socket);
        (member.dropped, member.dropped_before) = (0, 0);
        member.client.check_now(now());
        self.bury(old);
        self.arm(id.0);
        Ok(())
    }
}
