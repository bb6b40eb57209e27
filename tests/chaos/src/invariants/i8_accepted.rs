//! I8: what a client was told was accepted is not lost by a reconnect: a broadcast reaches everybody who was in the room, once, also who
//! was away for a while, unless its resume was answered with a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Books, SETTLE};
use crate::world::World;

/// A broadcast, and who must hear it.
#[derive(Debug)]
pub(super) struct Message {
    text: String,
    sent: Duration,
    accepted: Option<Duration>,
    /// Members of the room when it was sent, and the names of their sessions.
    owed: BTreeMap<usize, String>,
}

/// A call is answered within 10 s of its client's clock, which may stand still for 10 min; later its client is gone.
const ANSWERED: Duration = Duration::from_secs(1_200);

impl Books {
    /// Whoever sent these is gone, and was told nothing.
    pub(super) fn forget_unanswered(&mut self, now: Duration) {
        self.messages
            .retain(|message| message.accepted.is_some() || now.saturating_sub(message.sent) < ANSWERED);
    }

    /// A member's resume was answered with a snapshot.
    pub(crate) fn forgive_messages(&mut self, client: usize) {
        for message in &mut self.messages {
            message.owed.remove(&client);
        }
    }
}

impl World {
    pub(crate) fn message_sent(&mut self, index: usize, room: u64, text: &str) {
        let Some(state) = &self.server.state else { return };
        let Some(sender) = self.clients[index].rooms.get(&room).and_then(|room| room.state.session()) else {
            return;
        };
        let Some(here) = state.snapshot_of(sender) else { return };
        let is_here = |user: &str| here.users.iter().any(|other| other.user_id.as_str() == user);
        let members = self
            .clients
            .iter()
            .enumerate()
            .filter(|(other, client)| *other != index && is_here(&client.user));
        let owed = members.filter_map(|(other, client)| {
            let session = client.rooms.values().find_map(|room| room.state.session())?;
            state.snapshot_of(session)?;
            Some((other, session.to_owned()))
        });
        let message = Message {
            text: text.into(),
            sent: self.now,
            accepted: None,
            owed: owed.collect(),
        };
        self.books.messages.push(message);
    }

    pub(crate) fn message_answered(&mut self, text: &str, accepted: bool) {
        let now = self.now;
        for message in self.books.messages.iter_mut().filter(|message| message.text == text) {
            message.accepted = accepted.then_some(now);
        }
        self.books.messages.retain(|message| message.text != text || accepted);
    }

    /// Looks whether a member that is connected heard what it is owed.
    pub(super) fn check_messages(&mut self, client: usize, session: &str) {
        let view = &self.clients[client].view;
        let mut lost = None;
        let now = self.now;
        let is_due = |message: &&mut Message| message.accepted.is_some_and(|at| now.saturating_sub(at) > SETTLE);
        for message in self.books.messages.iter_mut().filter(is_due) {
            let Some(of) = message.owed.get(&client) else { continue };
            if of == session && !view.messages.contains(&message.text) {
                lost = Some(message.text.clone());
            }
            message.owed.remove(&client);
        }
        self.books.messages.retain(|message| !message.owed.is_empty());
        if let Some(text) = lost {
            self.fail("I8", format!("c{client} did not hear {text:?}, which was accepted"));
        }
    }
}
