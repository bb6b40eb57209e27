//! The media of all clients: one crowd of light clients on a thread of its own.

use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use express_bench_forwarder::{
    client::Role,
    crowd::{Crowd, Look, MemberId},
    tally::Traffic,
    whip::{Bearer, Place, Target},
};
use tokio::sync::mpsc::UnboundedSender;

use super::world::Note;

/// Orders are looked for so often.
const TURN: Duration = Duration::from_millis(5);
/// What is on its way when a count ends is late, and not lost, for so long.
const LATE: Duration = Duration::from_millis(500);
/// A stranger sends each of his datagrams so often, one each turn.
const FORGED: usize = 200;

/// Which try of which client.
pub(super) type Try = (usize, u32);

/// What the crowd is to do.
pub(super) enum Order {
    /// Make somebody, and [tell](News::Offer) the offer.
    Invite(Try, Place),
    /// The server's answer.
    Accept(MemberId, String),
    /// Die at once.
    Vanish(MemberId),
    /// Another port.
    Rebind(MemberId),
    /// Send a packet so often.
    Speak(MemberId, Duration),
    /// Begin to count what comes.
    Count(MemberId),
    /// End the count of these.
    Account(Vec<MemberId>),
    /// [Tell](News::Looks) how these are.
    Look(Vec<MemberId>),
    /// Have a stranger send, who saw this one's checks and knows no password.
    Forge(MemberId),
}

/// What it tells.
#[derive(Debug)]
pub(super) enum News {
    /// Of an invitation.
    Offer(Try, MemberId, String),
    /// Who is not there any more is `None`; and how long packets waited for the crowd to read them.
    Looks(Vec<(MemberId, Option<Look>)>, Duration),
    /// What each got whose count ended.
    Accounts(Vec<(MemberId, Traffic)>),
    /// What the crowd itself complains of.
    Problem(String),
}

/// The thread; it ends when this is dropped.
pub(super) struct Media {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Media {
    /// `tell` gets the news.
    pub(super) fn start(seed: u64, tell: UnboundedSender<Note>) -> io::Result<Self> {
        let (sender, orders) = unbounded();
        let thread = std::thread::Builder::new().name("soak-media".into()).spawn(move || {
            let problem = |error: io::Error| drop(tell.send(Note::Media(News::Problem(error.to_string()))));
            match crowd(seed).and_then(|crowd| Worker::new(crowd, &tell).run(&orders)) {
                Ok(()) => {}
                Err(error) => problem(error),
            }
        })?;
        Ok(Self {
            orders: Some(sender),
            thread: Some(thread),
        })
    }

    pub(super) fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A thread that has ended has told why.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// All are invited, nobody goes by WHIP.
fn crowd(seed: u64) -> io::Result<Crowd> {
    let nowhere = Target {
        url: String::new(),
        bearer: Bearer::Given(String::new()),
    };
    Crowd::new(&nowhere, Ipv4Addr::LOCALHOST, seed)
}

struct Worker<'a> {
    crowd: Crowd,
    tell: &'a UnboundedSender<Note>,
    /// Who is counted.
    counted: HashSet<MemberId>,
    /// Whether what arrives is read soon.
    reads_in_time: bool,
    /// Counts that end, when, and up to which packet.
    ending: Vec<(Instant, Vec<(MemberId, u64)>)>,
    stranger: UdpSocket,
    forged: Vec<(SocketAddr, Vec<u8>)>,
    times: usize,
}

impl<'a> Worker<'a> {
    fn new(crowd: Crowd, tell: &'a UnboundedSender<Note>) -> Self {
        Self {
            crowd,
            tell,
            counted: HashSet::new(),
            reads_in_time: true,
            ending: Vec::new(),
            stranger: UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port"),
            forged: Vec::new(),
            times: 0,
        }
    }

    fn run(mut self, orders: &Receiver<Order>) -> io::Result<()> {
        loop {
            loop {
                match orders.try_recv() {
                    Ok(order) => self.carry_out(order)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.end_counts();
            self.forge();
            self.crowd.turn(Instant::now() + TURN);
            // Why somebody is gone shows in the looks; the text is for whoever reads the run's log.
            for problem in self.crowd.take_problems() {
                self.tell(News::Problem(problem));
            }
        }
    }

    fn tell(&self, news: News) {
        // A run that is over needs none.
        let _ = self.tell.send(Note::Media(news));
    }

    fn carry_out(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Invite(who, place) => {
                let (member, offer) = self.crowd.invite(place)?;
                self.tell(News::Offer(who, member, offer));
            }
            Order::Accept(member, answer) => self.crowd.accept(member, &answer),
            Order::Vanish(member) => {
                self.counted.remove(&member);
                self.crowd.vanish(member);
            }
            Order::Rebind(member) => self.crowd.rebind(member)?,
            Order::Speak(member, every) => self.crowd.flood(member, every),
            Order::Count(member) => {
                self.counted.insert(member);
                self.crowd.begin_count_of(member);
            }
            Order::Account(members) => self.account(members),
            Order::Look(members) => {
                let look = |member| (member, self.crowd.look_at(member));
                let looks = members.into_iter().map(look).collect();
                let waited = self.crowd.take_waited();
                self.reads_in_time = waited < LATE / 2;
                self.tell(News::Looks(looks, waited));
            }
            Order::Forge(member) => {
                self.forged = self.crowd.forgeries_of(member);
                self.times = FORGED;
            }
        }
        Ok(())
    }

    fn account(&mut self, members: Vec<MemberId>) {
        let counted = members.into_iter().filter(|member| self.counted.remove(member));
        let until = counted.map(|member| (member, self.crowd.packets_of(member))).collect();
        self.ending.push((Instant::now() + LATE, until));
    }

    fn end_counts(&mut self) {
        // What waits to be read is not lost.
        if !self.reads_in_time {
            return;
        }
        let due = |(at, _): &mut (Instant, _)| *at <= Instant::now();
        let ended: Vec<_> = self.ending.extract_if(.., due).flat_map(|(_, members)| members).collect();
        if ended.is_empty() {
            return;
        }
        let account = |(member, until)| Some((member, self.crowd.traffic_of(member, until)?));
        let accounts = ended.into_iter().filter_map(account).collect();
        self.tell(News::Accounts(accounts));
    }

    fn forge(&mut self) {
        if self.times == 0 {
            return;
        }
        self.times -= 1;
        for (to, datagram) in &self.forged {
            let _ = self.stranger.send_to(datagram, to);
        }
    }
}

/// Where a client's media belongs.
pub(super) fn place(talks: bool, room: &str, user: &str) -> Place {
    Place {
        role: if talks { Role::Publisher } else { Role::Listener },
        room: room.into(),
        stream: room.into(),
        user: user.into(),
        node: None,
    }
}
