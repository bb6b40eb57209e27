//! Many light clients on one thread: a socket each, one epoll, kernel time stamps.

mod counting;
mod life;
mod member;
mod mischief;
mod socket;
mod watching;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use rand::SeedableRng;
use rand::rngs::StdRng;

use self::counting::Count;
pub use self::member::Leave;
use self::member::{Member, Phase};
use self::mischief::make_mischief;
use self::socket::{Arrival, Reader};
pub use self::watching::Look;
use crate::client::{Identity, Received, Role};
use crate::payload::{PACKET_EVERY, Stamp, wall_ns};
use crate::whip::{Place, Pool, Target};

/// Sockets looked at before timers get their turn.
const EVENTS: usize = 64;
/// What epoll calls the HTTP threads.
const HTTP: u64 = u64::MAX;
/// A publisher that is so late does not make up for it.
const LATE: Duration = Duration::from_millis(500);

/// A client of a crowd, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(usize);

/// One stream of the crowd: its publisher counts its packets.
#[derive(Debug, Default)]
struct Stream {
    next: u64,
    /// The node of who published it last; `None`: the crowd's own target.
    node: Option<String>,
}

/// Clients, their sockets, and what they got.
pub struct Crowd {
    target: Target,
    bind: Ipv4Addr,
    identity: Identity,
    rng: StdRng,
    epoll: Epoll,
    wake: Arc<EventFd>,
    pool: Pool,
    reader: Reader,
    members: Vec<Option<Box<Member>>>,
    /// Sockets of the dead: the server sends there on for a while, and nobody else may get their ports meanwhile.
    dead: Vec<UdpSocket>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    streams: Vec<Stream>,
    by_name: HashMap<String, usize>,
    out: Vec<Vec<u8>>,
    asking: usize,
    /// Milliseconds from the POST to the end of DTLS, of those that connected.
    connect_ms: Vec<f64>,
    problems: Vec<String>,
    count: Option<Count>,
    /// The longest that a datagram waited in its socket for us, ns, since it was last asked for.
    waited_ns: u64,
}

impl std::fmt::Debug for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crowd")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

/// The only clock of the crowd.
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Crowd {
    /// An empty crowd. `bind`: the local IPv4 address of all its sockets; `seed`: of its randomness.
    ///
    /// # Errors
    /// The certificate, the epoll or the HTTP threads could not be made.
    pub fn new(target: &Target, bind: Ipv4Addr, seed: u64) -> io::Result<Self> {
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK)?);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, HTTP))?;
        Ok(Self {
            target: target.clone(),
            bind,
            identity: Identity::generate().map_err(io::Error::other)?,
            rng: StdRng::seed_from_u64(seed),
            epoll,
            pool: Pool::start(target, &wake)?,
            wake,
            reader: Reader::new(),
            members: Vec::new(),
            dead: Vec::new(),
            timers: BinaryHeap::new(),
            streams: Vec::new(),
            by_name: HashMap::new(),
            out: Vec::new(),
            asking: 0,
            connect_ms: Vec::new(),
            problems: Vec::new(),
            count: None,
            waited_ns: 0,
        })
    }

    /// What makes another crowd for the same server, on whichever thread calls it.
    pub fn another(&self, seed: u64) -> impl FnOnce() -> io::Result<Self> + Send + use<> {
        let (target, bind) = (self.target.clone(), self.bind);
        move || Self::new(&target, bind, seed)
    }

    /// Has somebody read and answer nothing until then.
    pub fn silence(&mut self, id: MemberId, until: Instant) {
        let Some(member) = self.members.get_mut(id.0).and_then(Option::as_deref_mut) else {
            return;
        };
        if member.silent_until.is_none() && self.epoll.delete(&member.socket).is_ok() {
            member.silent_until = Some(until);
            self.arm(id.0);
        }
    }

    /// Has every connected publisher send a packet each 20 ms from now on, spread over these 20 ms.
    pub fn start_sending(&mut self) {
        let publishers = self.ids(|member| member.place.role == Role::Publisher && member.is_connected());
        let (at, count) = (now(), publishers.len().max(1) as u32);
        for (n, id) in (0..).zip(publishers) {
            if let Some(member) = self.member(id) {
                member.next_send = Some(at + PACKET_EVERY * n / count);
            }
            self.arm(id.0);
        }
    }

    /// Has every publisher fall silent.
    pub fn stop_sending(&mut self) {
        for member in self.members.iter_mut().flatten() {
            member.next_send = None;
        }
    }

    /// Those who are connected and not about to leave.
    pub fn connected(&self, role: Role) -> Vec<MemberId> {
        self.ids(|member| member.place.role == role && matches!(member.phase, Phase::Connected))
    }

    /// Everybody who is there, connected or not.
    pub fn everybody(&self) -> Vec<MemberId> {
        self.ids(|_| true)
    }

    /// Where somebody is, or wanted to be; `None` when gone.
    pub fn place_of(&self, id: MemberId) -> Option<&Place> {
        Some(&self.members.get(id.0)?.as_deref()?.place)
    }

    /// How many have not connected yet, or have not gone yet.
    pub fn unsettled(&self) -> usize {
        let is_settled = |member: &Member| matches!(member.phase, Phase::Connected);
        let members = self.members.iter().flatten().filter(|member| !is_settled(member)).count();
        // A POST under way is a member that is asking; what is left are DELETEs.
        let posts = self.ids(|member| matches!(member.phase, Phase::Asking)).len();
        members + self.asking.saturating_sub(posts)
    }

    /// Milliseconds from POST to connected of those that connected since the last call.
    pub fn take_connect_ms(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.connect_ms)
    }

    /// What went wrong since the last call.
    pub fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    /// Turns until nobody is unsettled; `false` if `patience` was over first.
    pub fn settle(&mut self, patience: Duration) -> bool {
        let until = now() + patience;
        while self.unsettled() > 0 {
            if now() >= until {
                return false;
            }
            self.turn(until.min(now() + Duration::from_millis(20)));
        }
        true
    }

    /// The same for a beginning, where everybody has to connect. `who`: whom the error names.
    ///
    /// # Errors
    /// Somebody did not connect, or something went wrong.
    pub fn settle_all(&mut self, who: &str, patience: Duration) -> io::Result<()> {
        let settled = self.settle(patience);
        let problems = self.take_problems();
        if settled && problems.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(format!("{who} did not connect: {}", problems.join("; "))))
    }

    /// Turns for so long.
    pub fn turn_for(&mut self, time: Duration) {
        let until = now() + time;
        while now() < until {
            self.turn(until);
        }
    }

    /// Waits until `until` at most, and does what there is to do, once.
    pub fn turn(&mut self, until: Instant) {
        self.handle_timers();
        let next = self.timers.peek().map_or(until, |Reverse((at, _))| until.min(*at));
        let sleep = TimeSpec::from_duration(next.saturating_duration_since(now()));
        // epoll itself waits whole milliseconds only. An interrupted wait is an early one.
        let _ = ppoll(&mut [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)], Some(sleep), None);
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
        for event in &events[..ready] {
            match event.data() {
                HTTP => self.handle_outcomes(),
                id => self.receive(usize::try_from(id).unwrap_or(usize::MAX)),
            }
        }
        self.handle_timers();
    }

    fn ids(&self, wanted: impl Fn(&Member) -> bool) -> Vec<MemberId> {
        let there = self.members.iter().enumerate();
        there
            .filter(|(_, member)| member.as_deref().is_some_and(&wanted))
            .map(|(id, _)| MemberId(id))
            .collect()
    }

    fn member(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.get_mut(id.0)?.as_deref_mut()
    }

    fn receive(&mut self, id: usize) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(arrival) = self.reader.read(&member.socket) else {
            return;
        };
        member.dropped = arrival.dropped.unwrap_or(member.dropped);
        let datagram = &self.reader.buffer[..arrival.length];
        if self.count.as_ref().is_some_and(|count| count.is_floor(arrival.from)) {
            if let Some(count) = &mut self.count {
                count.note_floor(member, datagram, arrival.at_ns);
            }
            return;
        }
        let was_connected = member.client.is_connected();
        let received = member.client.handle(datagram, (now(), arrival.at_ns), &mut self.out);
        member.send(&mut self.out);
        match received {
            Received::Media(payload) => self.note(id, Stamp::read(&payload), arrival),
            Received::Closed => self.fail(id, &"the server closed the session"),
            Received::Refused => self.refuse(),
            Received::Other if !was_connected => self.note_connected(id),
            Received::Other => {}
        }
        if !was_connected {
            self.arm(id);
        }
    }

    fn note(&mut self, id: usize, stamp: Option<Stamp>, arrival: Arrival) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(stamp) = stamp.filter(|stamp| stamp.stream as usize == member.stream) else {
            return self.refuse();
        };
        member.heard_ns = stamp.sent_ns;
        self.waited_ns = self.waited_ns.max(wall_ns().saturating_sub(arrival.at_ns));
        let counts = member.tally.note(stamp.counter);
        if let Some(count) = self.count.as_mut().filter(|_| counts) {
            let is_elsewhere = self
                .streams
                .get(member.stream)
                .is_some_and(|stream| stream.node != member.place.node);
            count.note_latency(stamp, arrival.at_ns, is_elsewhere);
        }
        if matches!(member.phase, Phase::Leaving { .. }) {
            self.depart_if_complete(id);
        }
    }

    fn refuse(&mut self) {
        if let Some(count) = &mut self.count {
            count.strange += 1;
        }
    }

    fn handle_timers(&mut self) {
        let at = now();
        while let Some(&Reverse((due, id))) = self.timers.peek() {
            if due > at {
                return;
            }
            self.timers.pop();
            let member = self.members.get_mut(id).and_then(Option::as_deref_mut);
            if let Some(member) = member.filter(|member| member.armed == Some(due)) {
                member.armed = None;
                self.handle_timeout(id, at);
                self.arm(id);
            }
        }
    }

    fn handle_timeout(&mut self, id: usize, at: Instant) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        if let Some(until) = member.silent_until {
            if until > at {
                return;
            }
            member.silent_until = None;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, id as u64);
            if let Err(error) = self.epoll.add(&member.socket, event) {
                return self.fail(id, &error);
            }
        }
        member.client.handle_timeout((at, wall_ns()), &mut self.rng, &mut self.out);
        member.send(&mut self.out);
        let stream = &mut self.streams[member.stream];
        while let Some(due) = member.next_send.filter(|due| *due <= at) {
            let late = at.saturating_duration_since(due) > LATE;
            member.next_send = Some(if late { at } else { due } + member.send_every);
            let stamp = Stamp {
                stream: u32::try_from(member.stream).unwrap_or(u32::MAX),
                counter: stream.next,
                sent_ns: wall_ns(),
            };
            if let (Some(packet), Some(server)) = (member.client.packet(&stamp.write()), member.client.server()) {
                stream.next += 1;
                let _ = member.socket.send_to(&packet, server);
            }
        }
        make_mischief(member, at);
        self.ask_if_due(id, at);
        self.depart_if_complete(id);
    }

    /// Sees to it that this member is looked at in time.
    fn arm(&mut self, id: usize) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        let Some(at) = member.next_timeout() else {
            return;
        };
        if member.armed.is_none_or(|armed| at < armed) {
            member.armed = Some(at);
            self.timers.push(Reverse((at, id)));
        }
    }
}
