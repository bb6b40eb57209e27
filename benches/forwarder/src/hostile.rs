//! Strangers who forge, a publisher that floods, listeners that storm or never read: what do honest rooms notice of them?

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::client::Role;
use crate::crowd::{Crowd, MemberId, now};
use crate::tally::Traffic;
use crate::whip::Place;

/// Addresses in 127.0.0.0/8 that strangers send from: each stays below a source's limit.
const STRANGERS: usize = 256;
/// Strangers send so often what is due.
const PACE: Duration = Duration::from_millis(1);
/// The hostile listener asks for packets again so often.
const NACK_EVERY: Duration = Duration::from_micros(500);
/// How long the beginning may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any run: who does not read never does.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostilePlan {
    /// How long the honest are watched, first alone, then under attack, milliseconds each.
    pub millis: u64,
    /// Honest rooms of one speaker.
    pub rooms: usize,
    /// Listeners in each.
    pub listeners: usize,
    /// Datagrams that strangers send in a second: STUN, DTLS and SRTP, from many addresses of 127.0.0.0/8.
    pub strangers_per_s: u32,
    /// Packets that the flooding publisher sends in a second; an honest one sends 50.
    pub flood_per_s: u32,
    /// Of the randomness.
    pub seed: u64,
}

/// What the honest listeners got, and what was sent against them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostileReport {
    /// Before the attack.
    pub before: Traffic,
    /// During it.
    pub during: Traffic,
    /// Datagrams of strangers.
    pub strangers: u64,
    /// Packets of the flooding publisher.
    pub flood: u64,
    /// Requests for packets once more.
    pub nacks: u64,
}

/// Attacks the server of a crowd that is empty, on two threads more.
///
/// # Errors
/// There is no socket or thread left, or somebody could not connect.
pub fn run(crowd: &mut Crowd, plan: &HostilePlan) -> io::Result<HostileReport> {
    for (role, per_room) in [(Role::Publisher, 1), (Role::Listener, plan.listeners)] {
        for room in 0..plan.rooms {
            for number in 0..per_room {
                crowd.join(place(role, &format!("honest-{room}"), number))?;
            }
        }
        crowd.settle_all("the honest", PATIENCE)?;
    }
    let insiders = Insiders::start(crowd.another(plan.seed), plan)?;
    let time = Duration::from_millis(plan.millis);
    crowd.start_sending();
    // Who just connected has handshakes to forget.
    crowd.turn_for(Duration::from_millis(500));
    let before = watch(crowd, time);
    let strangers = Strangers::new(crowd.forgeries(), plan)?.start(time)?;
    let _ = insiders.attack.send(time);
    let during = watch(crowd, time);
    crowd.stop_sending();
    let (flood, nacks) = insiders.join()?;
    Ok(HostileReport {
        before,
        during,
        strangers: strangers.join().map_err(|_| panicked())?,
        flood,
        nacks,
    })
}

fn watch(crowd: &mut Crowd, time: Duration) -> Traffic {
    crowd.begin_count();
    crowd.turn_for(time);
    crowd.end_count()
}

/// Who is in, and misbehaves: a crowd on a thread of its own.
struct Insiders {
    attack: Sender<Duration>,
    thread: JoinHandle<io::Result<(u64, u64)>>,
}

impl Insiders {
    /// Starts them, and waits until they are connected.
    fn start(make: impl FnOnce() -> io::Result<Crowd> + Send + 'static, plan: &HostilePlan) -> io::Result<Self> {
        let (attack, orders) = bounded(1);
        let (ready, is_ready) = bounded(1);
        let flood_every = Duration::from_secs(1) / plan.flood_per_s.max(1);
        let thread = std::thread::Builder::new().name("insiders".into()).spawn(move || {
            let mut crowd = make()?;
            let publisher = crowd.join(place(Role::Publisher, "flood", 0))?;
            crowd.join(place(Role::Listener, "flood", 1))?;
            let storms = crowd.join(place(Role::Listener, "honest-0", usize::MAX))?;
            let deaf = crowd.join(place(Role::Listener, "honest-0", usize::MAX - 1))?;
            crowd.settle_all("the hostile", PATIENCE)?;
            let _ = ready.send(());
            let Some(time) = wait(&mut crowd, &orders) else {
                return Ok((0, 0));
            };
            crowd.silence(deaf, now() + FOR_EVER);
            crowd.storm(storms, NACK_EVERY);
            Ok(flood(&mut crowd, (publisher, storms), flood_every, time))
        })?;
        // Without an answer the thread has ended, and `join` says why.
        let _ = is_ready.recv();
        Ok(Self { attack, thread })
    }

    fn join(self) -> io::Result<(u64, u64)> {
        self.thread.join().map_err(|_| panicked())?
    }
}

/// Keeps the connections until the attack begins.
fn wait(crowd: &mut Crowd, orders: &Receiver<Duration>) -> Option<Duration> {
    loop {
        match orders.try_recv() {
            Ok(time) => return Some(time),
            Err(crossbeam_channel::TryRecvError::Disconnected) => return None,
            Err(crossbeam_channel::TryRecvError::Empty) => crowd.turn_for(Duration::from_millis(5)),
        }
    }
}

fn flood(crowd: &mut Crowd, (publisher, storms): (MemberId, MemberId), every: Duration, time: Duration) -> (u64, u64) {
    crowd.flood(publisher, every);
    crowd.turn_for(time);
    (crowd.packets_of(publisher), crowd.nacks_of(storms))
}

/// Who is not in: many addresses on one thread.
struct Strangers {
    sockets: Vec<UdpSocket>,
    datagrams: Vec<(SocketAddr, Vec<u8>)>,
    per_s: u32,
    rng: StdRng,
}

impl Strangers {
    fn new(datagrams: Vec<(SocketAddr, Vec<u8>)>, plan: &HostilePlan) -> io::Result<Self> {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let mut sockets = Vec::new();
        for _ in 0..STRANGERS {
            let address = Ipv4Addr::new(127, rng.random_range(1..=254), rng.random(), rng.random_range(1..=254));
            let socket = UdpSocket::bind((address, 0))?;
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
        let per_s = plan.strangers_per_s;
        Ok(Self {
            sockets,
            datagrams,
            per_s,
            rng,
        })
    }

    fn start(mut self, time: Duration) -> io::Result<JoinHandle<u64>> {
        let attack = move || self.send_for(time);
        std::thread::Builder::new().name("strangers".into()).spawn(attack)
    }

    fn send_for(&mut self, time: Duration) -> u64 {
        let began = now();
        let (mut sent, mut tried) = (0, 0);
        while !self.datagrams.is_empty() && now() < began + time {
            let due = (now().saturating_duration_since(began).as_secs_f64() * f64::from(self.per_s)) as u64;
            while tried < due {
                tried += 1;
                sent += u64::from(self.send_one());
            }
            rest_until(now() + PACE);
        }
        sent
    }

    fn send_one(&mut self) -> bool {
        let (to, datagram) = &self.datagrams[self.rng.random_range(0..self.datagrams.len())];
        let socket = &self.sockets[self.rng.random_range(0..self.sockets.len())];
        socket.send_to(datagram, to).is_ok()
    }
}

fn rest_until(until: Instant) {
    let _ = crossbeam_channel::never::<()>().recv_deadline(until);
}

fn place(role: Role, stream: &str, number: usize) -> Place {
    let who = match role {
        Role::Publisher => "publisher".to_owned(),
        Role::Listener => format!("listener-{number}"),
    };
    Place {
        role,
        room: stream.into(),
        stream: stream.into(),
        user: format!("{stream}-{who}"),
        node: None,
    }
}

fn panicked() -> io::Error {
    io::Error::other("an attacker's thread panicked")
}
