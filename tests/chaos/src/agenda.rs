//! What happens when.

use std::collections::BTreeMap;
use std::time::Duration;

use express_engine::pure::PureTimer;
use express_server::forwarder::PeerId;

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
    /// The server begins anew.
    Boot,
    /// Somebody does something.
    Act,
    /// Faults and calls are over.
    Calm,
    /// All log out.
    Leave,
    /// The invariants are checked.
    Check,
}

/// Things to happen, in the order of their times; those of one instant in the order in which they were noted.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    dues: BTreeMap<(Duration, u64), Due>,
    last: u64,
}

impl Agenda {
    pub(crate) fn note(&mut self, at: Duration, due: Due) {
        self.last += 1;
        self.dues.insert((at, self.last), due);
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.dues.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.dues.pop_first().map(|(_, due)| due)
    }
}
