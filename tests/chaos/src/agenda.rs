//! What happens when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use express_engine::pure::PureTimer;
use express_server::forwarder::PeerId;

use crate::cloud_faults::CloudFault;

/// Something that happens at its time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// The oldest frame that a client sent arrives.
    Up(u64),
    /// The oldest frame that the server sent arrives.
    Down(u64),
    /// The server looks whether a socket lives.
    ServerPing(u64),
    /// The server waits no longer for a socket that it closed.
    Abandon(u64),
    /// A timer of an engine, in one life of its client.
    Timer { client: usize, life: u32, timer: PureTimer },
    /// A media connection tries to come about.
    Connect(u64),
    /// A goodbye of a client's media connection arrives.
    Goodbye(PeerId),
    /// The server's goodbye to a media connection arrives.
    PeerClosed(u64),
    /// Media connections look whether they live.
    Media,
    /// A line is mended, unless a later fault holds it.
    Mend { client: usize, fault: u64 },
    /// A client wakes up.
    Wake { client: usize, life: u32 },
    /// A client that is gone begins anew.
    Begin(usize),
    /// A server begins anew.
    Boot(usize),
    /// A relay that knows its source tries to come about.
    Relay(PeerId),
    /// A node that drains has waited long enough for its members to go.
    Drained(usize),
    /// A node that has drained is gone.
    Stopped(usize),
    /// A fault of the cloud is over, unless a later one of its kind holds.
    CloudMend(CloudFault),
    /// Somebody does something.
    Act,
    /// Faults and calls are over.
    Calm,
    /// All log out.
    Leave,
    /// The invariants are checked.
    Check,
}

/// A due thing, and its place among those of its instant.
#[derive(Debug)]
struct Noted {
    at: Duration,
    place: u64,
    due: Due,
}

impl Noted {
    fn key(&self) -> Reverse<(Duration, u64)> {
        Reverse((self.at, self.place))
    }
}

impl PartialEq for Noted {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Noted {}

impl PartialOrd for Noted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Noted {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Things to happen, in the order of their times; those of one instant in the order in which they were noted.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    dues: BinaryHeap<Noted>,
    last: u64,
}

impl Agenda {
    pub(crate) fn note(&mut self, at: Duration, due: Due) {
        self.last += 1;
        let place = self.last;
        self.dues.push(Noted { at, place, due });
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.dues.peek().map(|noted| noted.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.dues.pop().map(|noted| noted.due)
    }
}
