//! Joining over a network with delay and loss, in virtual time.

use std::time::{Duration, Instant};

use super::super::core::Command;
use super::super::dtls::ClientCertificates;
use super::super::sdp::Role;
use super::client::USUAL;
use super::world::World;

/// From one end to the other and back.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// The clock moves by this.
const TICK: Duration = Duration::from_millis(2);
/// Our engine checks so often, and sends DTLS datagrams again so long after them.
const CLIENT_CHECKS: Duration = Duration::from_millis(20);
const CLIENT_REPEATS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(70)];
const JOINS: usize = 200;
/// Where a STUN message says which transaction it belongs to; the light client numbers them by one byte.
const TRANSACTION: usize = 8;

/// How far a client is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Checks,
    Nominates,
    SaidHello,
}

/// One client that joins, as our engine does: checks, nominates, then begins DTLS.
struct Join<'a> {
    world: &'a mut World,
    client: usize,
    /// When something arrives, whether at the server, and what.
    on_its_way: Vec<(Instant, bool, Vec<u8>)>,
    /// DTLS datagrams that the client sends again.
    repeats: Vec<(Instant, Vec<u8>)>,
    next_check: Instant,
    /// Transactions of checks that nominate.
    nominations: Vec<u8>,
    step: Step,
}

impl Join<'_> {
    fn tick(&mut self) {
        let now = self.world.now;
        let (arrived, rest): (Vec<_>, Vec<_>) = self.on_its_way.drain(..).partition(|(at, ..)| *at <= now);
        self.on_its_way = rest;
        for (_, at_server, datagram) in arrived {
            let address = self.world.clients[self.client].address;
            if at_server {
                self.world.core.handle(&datagram, address.into(), now);
            } else {
                let server = self.world.server();
                let client = &mut self.world.clients[self.client];
                let mut answers = client.handle(&datagram, server, now);
                let is_response = datagram.starts_with(&[1, 1]) && self.nominations.contains(&datagram[TRANSACTION]);
                if is_response && self.step == Step::Nominates {
                    self.step = Step::SaidHello;
                    answers.extend(client.start_dtls(now));
                }
                self.client_sends(answers);
            }
        }
        self.world.core.handle_timeout(now);
        while let Some(transmit) = self.world.poll_transmit() {
            self.carry(false, transmit.data);
        }
        self.client_acts(now);
        self.world.now += TICK;
    }

    fn client_acts(&mut self, now: Instant) {
        let client = &mut self.world.clients[self.client];
        let mut sends = client.handle_timeout(now);
        if self.step == Step::Checks && client.responses > 0 {
            self.step = Step::Nominates;
            self.next_check = now;
        }
        if self.step != Step::SaidHello && self.next_check <= now {
            self.next_check = now + CLIENT_CHECKS;
            let request = client.request(self.step == Step::Nominates);
            if self.step == Step::Nominates {
                self.nominations.push(request[TRANSACTION]);
            }
            sends.push(request);
        }
        self.client_sends(sends);
        let (due, rest): (Vec<_>, Vec<_>) = self.repeats.drain(..).partition(|(at, _)| *at <= now);
        self.repeats = rest;
        for (_, datagram) in due {
            self.carry(true, datagram);
        }
    }

    fn client_sends(&mut self, datagrams: Vec<Vec<u8>>) {
        for datagram in datagrams {
            if matches!(datagram.first(), Some(20..=63)) {
                let again = CLIENT_REPEATS.map(|after| (self.world.now + after, datagram.clone()));
                self.repeats.extend(again);
            }
            self.carry(true, datagram);
        }
    }

    fn carry(&mut self, to_server: bool, datagram: Vec<u8>) {
        if !self.world.is_lost() {
            self.on_its_way.push((self.world.now + ROUND_TRIP / 2, to_server, datagram));
        }
    }
}

/// How long each of the joins took.
fn join_times(loss: u32, certificates: ClientCertificates) -> Vec<Duration> {
    let mut world = World::new();
    world.loss = loss;
    world.certificates = certificates;
    let mut times = Vec::new();
    for _ in 0..JOINS {
        let (client, peer) = world.add(Role::Player, 1, USUAL);
        let began = world.now;
        let mut join = Join {
            next_check: began,
            world: &mut world,
            client,
            on_its_way: Vec::new(),
            repeats: Vec::new(),
            nominations: Vec::new(),
            step: Step::Checks,
        };
        while !join.world.clients[client].connected {
            join.tick();
            assert!(
                join.world.now - began < Duration::from_secs(20),
                "{certificates:?}: never connected"
            );
        }
        times.push(world.now - began);
        world.command(Command::Remove(peer));
        world.clients.clear();
    }
    times.sort();
    times
}

#[test]
fn a_join_takes_four_round_trips() {
    let times = join_times(0, ClientCertificates::Ecdsa);
    assert!(times[JOINS - 1] <= ROUND_TRIP * 42 / 10, "{:?}", times[JOINS - 1]);
}

#[test]
fn all_of_two_hundred_joins_connect_at_3_percent_loss_each_way_and_half_of_them_in_four_round_trips() {
    let times = join_times(3, ClientCertificates::Ecdsa);
    let (median, slowest) = (times[JOINS / 2], times[JOINS - 1]);
    println!("median {median:?}, slowest {slowest:?}");
    assert!(median <= ROUND_TRIP * 42 / 10, "{median:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[test]
fn clients_with_any_certificate_connect_at_3_percent_loss_with_one_round_trip_more_for_the_cookie() {
    let times = join_times(3, ClientCertificates::Any);
    let (median, slowest) = (times[JOINS / 2], times[JOINS - 1]);
    println!("median {median:?}, slowest {slowest:?}");
    assert!(median <= ROUND_TRIP * 52 / 10, "{median:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
