//! What has to hold while things go wrong: the lists, and what was accepted. docs/guarantees.md I1, I8.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use express_messages::room::{RequestError, SendBroadcastMessage};
use rand::RngExt;

use super::world::{Note, World};

/// Lists are the same so long after the last change; 2 s are promised, the rest is a busy machine's.
const LISTS: Duration = Duration::from_secs(5);
/// A room in which nothing happened for so long may be looked at, and harmed.
const QUIET: Duration = Duration::from_secs(3);
/// A message has to be there after.
const ARRIVES: Duration = Duration::from_secs(5);
/// One of so many rooms gets a message each second.
const ROOMS_FOR_A_MESSAGE: usize = 5;

/// A broadcast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    number: u64,
    room: usize,
    sender: usize,
    sent_at: Instant,
}

impl Message {
    fn text(&self) -> String {
        format!("{} {}", self.room, self.number)
    }
}

impl World {
    /// Everybody there is well, and nothing happened for a while.
    pub(super) fn is_quiet(&self, room: usize, now: Instant) -> bool {
        self.is_calm(room) && now > self.changed[room] + QUIET
    }

    fn is_calm(&self, room: usize) -> bool {
        let mut members = self.members_of(room).map(|client| &self.clients[client]);
        members.all(|client| client.well || client.is_away() && client.trouble.is_some())
    }

    /// Somebody in some rooms says something.
    pub(super) fn send_messages(&mut self, now: Instant) {
        for _ in 0..self.plan.rooms.div_ceil(ROOMS_FOR_A_MESSAGE) {
            let room = self.rng.random_range(0..self.plan.rooms);
            let sender = self.rng.random_range(self.members_of(room));
            let Some(link) = self.clients[sender].link.clone().filter(|_| self.clients[sender].well) else {
                continue;
            };
            self.messages += 1;
            let message = Message {
                number: self.messages,
                room,
                sender,
                sent_at: now,
            };
            let tell = self.tell.clone();
            let text = SendBroadcastMessage { message: message.text() };
            actix_rt::spawn(async move {
                let sent = link.broadcast.send(text).await.unwrap_or(Err(RequestError::Disconnected));
                let _ = tell.send(Note::Sent(message, sent));
            });
        }
    }

    pub(super) fn on_sent(&mut self, message: Message, sent: Result<u64, RequestError>) {
        match sent {
            Ok(_) => {
                self.report.accepted += 1;
                self.ledger.push(message);
            }
            // Whether it arrives nobody promised.
            Err(RequestError::Disconnected | RequestError::TimedOut) => self.report.unanswered += 1,
            // Two in a second are a user's rate, and the draw may hit one thrice.
            Err(RequestError::Refused { code: 1_009_015, .. }) => self.report.unanswered += 1,
            Err(refused) => self.report.problem(format!("a message is refused: {refused}")),
        }
    }

    pub(super) fn on_message(&mut self, id: usize, text: &str) {
        let room = self.clients[id].room;
        let number = text.strip_prefix(&format!("{room} ")).and_then(|number| number.parse().ok());
        let told = match number {
            None => Err(format!("got what is not for it: {text}")),
            Some(number) if !self.clients[id].received.insert(number) => Err(format!("got message {text} twice")),
            Some(_) => Ok(()),
        };
        self.report.received += 1;
        self.blame(id, told);
    }

    /// Looks after the messages of quiet rooms.
    pub(super) fn check_messages(&mut self, now: Instant) {
        for message in std::mem::take(&mut self.ledger) {
            if now < message.sent_at + ARRIVES || !self.is_quiet(message.room, now) {
                self.ledger.push(message);
                continue;
            }
            for id in self.members_of(message.room) {
                let client = &self.clients[id];
                let was_in = client.well && client.session.1 < message.sent_at;
                if was_in && id != message.sender && !client.received.contains(&message.number) {
                    let what = format!("{} never got message {}", client.user, message.text());
                    self.report.problem(what);
                }
            }
            self.report.looked_after += 1;
        }
    }

    /// Compares the lists in calm rooms with who is there.
    pub(super) fn check_lists(&mut self, now: Instant) {
        for room in 0..self.plan.rooms {
            if self.is_calm(room) && now > self.changed[room] + LISTS {
                self.check_room(room);
            }
        }
    }

    fn check_room(&mut self, room: usize) {
        // Who crashed is in the lists of others until it is back.
        let is_listed = |id: &usize| self.clients[*id].well || self.clients[*id].is_lingering();
        let users: BTreeSet<String> = self
            .members_of(room)
            .filter(is_listed)
            .map(|id| self.clients[id].user.clone())
            .collect();
        let talkers = self.members_of(room).filter(|id| self.clients[*id].talks).filter(is_listed);
        let streams: BTreeSet<String> = talkers.map(|_| self.room_name(room)).collect();
        for id in self.members_of(room).filter(|id| self.clients[*id].well) {
            let client = &self.clients[id];
            let mut wanted = users.clone();
            wanted.remove(&client.user);
            let wanted_streams = if client.talks { BTreeSet::new() } else { streams.clone() };
            self.report.lists += 1;
            if client.users != wanted || client.streams != wanted_streams {
                let wrong: Vec<&String> = client.users.symmetric_difference(&wanted).collect();
                let what = format!(
                    "{}'s lists are not the server's: users {wrong:?}, streams {:?}",
                    client.user, client.streams
                );
                self.report.problem(what);
            }
        }
    }
}
