//! How clients come and go.

use std::io;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use nix::sys::epoll::{EpollEvent, EpollFlags};

use super::member::{Leave, Member, Phase};
use super::{Crowd, MemberId, Stream, now, socket};
use crate::client::{LightClient, Role};
use crate::payload::PACKET_EVERY;
use crate::whip::{Done, Place, Request, WhipError};

/// Who leaves waits so long for packets that are on their way to it.
const LINGER: Duration = Duration::from_secs(10);
/// A listener whose stream is not there yet asks again so often, and for so long: a publisher knows that it is connected a moment
/// before its server announces the stream.
const ASK_AGAIN: Duration = Duration::from_millis(100);
const ASK_FOR: Duration = Duration::from_secs(10);

impl Crowd {
    /// Has somebody join; [`Self::turn`] does the rest.
    ///
    /// # Errors
    /// There is no socket left.
    pub fn join(&mut self, place: Place) -> io::Result<MemberId> {
        let (id, offer) = self.invite(place.clone())?;
        self.ask(id.0, Request::Post { place, offer });
        Ok(id)
    }

    /// Makes somebody whose offer the caller brings to the server, by whatever way, and the answer [back](Self::accept).
    ///
    /// # Errors
    /// There is no socket left.
    pub fn invite(&mut self, place: Place) -> io::Result<(MemberId, String)> {
        let at = now();
        let client = LightClient::new(place.role, &self.identity, &mut self.rng, at);
        let socket = socket::open(self.bind)?;
        let id = self.members.len();
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, id as u64))?;
        let offer = client.offer();
        let stream = self.stream_of(&place.stream);
        if place.role == Role::Publisher {
            self.streams[stream].node = place.node.clone();
        }
        self.members.push(Some(Box::new(Member {
            place,
            client,
            socket,
            phase: Phase::Asking,
            stream,
            resource: None,
            heard_ns: 0,
            tally: Default::default(),
            asked_at: at,
            ask_again: None,
            next_send: None,
            send_every: PACKET_EVERY,
            mischief: Default::default(),
            silent_until: None,
            dropped: 0,
            dropped_before: 0,
            floor_key: None,
            armed: None,
        })));
        Ok((MemberId(id), offer))
    }

    /// Takes the answer to the offer of somebody who was [invited](Self::invite), and connects. One that cannot be used is a
    /// [problem](Self::take_problems), and the member is gone.
    pub fn accept(&mut self, id: MemberId, answer: &str) {
        let Some(member) = self.member(id) else {
            return;
        };
        if let Err(error) = member.client.accept(answer) {
            return self.fail(id.0, &error);
        }
        // Who was told to leave meanwhile does so unconnected.
        if matches!(member.phase, Phase::Asking) {
            self.start(id);
        }
        self.depart_if_complete(id.0);
        self.arm(id.0);
    }

    /// Has somebody die at once, whatever is on its way.
    pub fn vanish(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(id.0).and_then(Option::take) {
            self.bury(member.socket);
        }
    }

    /// Has somebody go: a listener when everything that was sent until now has reached it, a publisher at once.
    pub fn leave(&mut self, id: MemberId, how: Leave) {
        let streams = &self.streams;
        let Some(member) = self.members.get_mut(id.0).and_then(Option::as_deref_mut) else {
            return;
        };
        member.next_send = None;
        member.phase = Phase::Leaving {
            until: streams.get(member.stream).map_or(0, |stream| stream.next),
            latest: now() + LINGER,
            how,
        };
        self.depart_if_complete(id.0);
        self.arm(id.0);
    }

    fn stream_of(&mut self, name: &str) -> usize {
        if let Some(&known) = self.by_name.get(name) {
            return known;
        }
        self.streams.push(Stream::default());
        self.by_name.insert(name.to_owned(), self.streams.len() - 1);
        self.streams.len() - 1
    }

    fn ask(&mut self, id: usize, request: Request) {
        self.asking += 1;
        self.pool.ask(id, request);
    }

    pub(super) fn handle_outcomes(&mut self) {
        let _ = self.wake.read();
        while let Some(done) = self.pool.next_outcome() {
            self.asking -= 1;
            self.handle_outcome(done);
        }
    }

    fn handle_outcome(&mut self, (id, outcome): Done) {
        let created = match outcome {
            Ok(Some(created)) => created,
            Ok(None) => return,
            Err(WhipError::Refused { status: 404, .. }) if self.asks_again(id) => return self.arm(id),
            Err(error) => return self.fail(id, &error),
        };
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        member.resource = Some(created.resource);
        self.accept(MemberId(id), &created.answer);
    }

    fn start(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(id.0).and_then(Option::as_deref_mut) {
            member.phase = Phase::Connecting;
            member.client.start(now(), &mut self.rng, &mut self.out);
            member.send(&mut self.out);
        }
    }

    /// Whoever is not read needs not wake us; the port stays taken.
    pub(super) fn bury(&mut self, socket: UdpSocket) {
        let _ = self.epoll.delete(&socket);
        self.dead.push(socket);
    }

    /// Whether a listener whose stream is not there waits for it.
    fn asks_again(&mut self, id: usize) -> bool {
        let at = now();
        let member = self.members.get_mut(id).and_then(Option::as_deref_mut);
        let Some(member) = member.filter(|member| member.place.role == Role::Listener) else {
            return false;
        };
        let waits = matches!(member.phase, Phase::Asking) && at < member.asked_at + ASK_FOR;
        member.ask_again = waits.then_some(at + ASK_AGAIN);
        waits
    }

    /// Asks for the stream again if it is time.
    pub(super) fn ask_if_due(&mut self, id: usize, at: Instant) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        if member.ask_again.is_none_or(|due| due > at) {
            return;
        }
        member.ask_again = None;
        let (place, offer) = (member.place.clone(), member.client.offer());
        self.ask(id, Request::Post { place, offer });
    }

    pub(super) fn fail(&mut self, id: usize, error: &dyn std::fmt::Display) {
        if let Some(member) = self.members.get_mut(id).and_then(Option::take) {
            let Place {
                role,
                room,
                stream,
                user,
                ..
            } = &member.place;
            self.problems.push(format!("{role:?} {user} of {stream} in {room}: {error}"));
        } else {
            self.problems.push(format!("on leaving: {error}"));
        }
    }

    pub(super) fn note_connected(&mut self, id: usize) {
        let Some(member) = self.members.get_mut(id).and_then(Option::as_deref_mut) else {
            return;
        };
        if member.client.is_connected() && matches!(member.phase, Phase::Connecting) {
            member.phase = Phase::Connected;
            self.connect_ms
                .push(now().saturating_duration_since(member.asked_at).as_secs_f64() * 1000.0);
            // From here on it has to get every packet that is sent.
            let from = self.streams.get(member.stream).map_or(0, |stream| stream.next);
            member.begin_count(from);
        }
    }

    pub(super) fn depart_if_complete(&mut self, id: usize) {
        let Some(member) = self.members.get(id).and_then(Option::as_deref) else {
            return;
        };
        let Phase::Leaving { until, latest, how } = member.phase else {
            return;
        };
        // Whose POST is under way would leave a resource behind; its answer comes.
        let has_answer = member.resource.is_some();
        let listens = member.place.role == Role::Listener && member.client.is_connected() && member.silent_until.is_none();
        let waits = listens && !member.tally.is_complete(until) && now() < latest;
        if !has_answer || waits {
            return;
        }
        let Some(mut member) = self.members.get_mut(id).and_then(Option::take) else {
            return;
        };
        if let Some(count) = self.count.as_mut().filter(|_| listens) {
            count.note_leaver(&member.traffic(until));
        }
        match (how, member.resource.take()) {
            (Leave::Delete, Some(resource)) => self.ask(id, Request::Delete(resource)),
            (Leave::Close, _) => {
                member.client.close(now(), &mut self.out);
                member.send(&mut self.out);
            }
            (Leave::Die, _) => self.bury(member.socket),
            (Leave::Delete, None) => {}
        }
    }
}
