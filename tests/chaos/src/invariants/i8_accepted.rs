//! I8: what a client was told was accepted is not lost by a reconnect: a broadcast reaches everybody who was in the room, and a custom
//! command whom it is for, once, also who was away for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use express_messages::ids::UserId;

use super::{Books, SETTLE};
use crate::world::World;

/// A broadcast or a custom command, and who must hear it.
#[derive(Debug)]
pub(super) struct Message {
    text: String,
    sent: Duration,
    accepted: Option<Duration>,
    /// Members of the room when it was sent.
    owed: BTreeMap<usize, Owed>,
}

/// A member that must hear a message.
#[derive(Debug)]
struct Owed {
    /// The name of its session.
    session: String,
    /// It is on another node than the sender.
    far: bool,
}

/// A call is answered within 10 s of its client's clock, which may stand still for 10 min; later its client is gone.
const ANSWERED: Duration = Duration::from_secs(1_200);

impl Books {
    /// Whoever sent these is gone, and was told nothing.
    pub(super) fn forget_unanswered(&mut self, now: Duration) {
        self.messages
            .retain(|message| message.accepted.is_some() || now.saturating_sub(message.sent) < ANSWERED);
    }
}

impl World {
    /// A text is sent to everybody in a room, or to some users.
    pub(crate) fn message_sent(&mut self, index: usize, room: u64, text: &str, to: Option<&[UserId]>) {
        let Some(sender) = self.clients[index].rooms.get(&room).and_then(|room| room.state.session()) else {
            return;
        };
        let Some(node) = self.node_with(sender) else { return };
        let Some(here) = self.shown_to(sender) else { return };
        let is_meant = |user: &UserId| to.is_none_or(|to| to.is_empty() || to.contains(user));
        let is_here = |user: &str| {
            let mut users = here.users.iter().map(|other| &other.user_id);
            users.any(|other| other.as_str() == user && is_meant(other))
        };
        let members = self
            .clients
            .iter()
            .enumerate()
            .filter(|(other, client)| *other != index && is_here(&client.user));
        let owed = members.filter_map(|(other, client)| {
            let mut sessions = client.rooms.values().filter_map(|room| room.state.session());
            let (session, at) = sessions.find_map(|session| Some((session.to_owned(), self.node_with(session)?)))?;
            let far = at != node;
            // Sessions of one user may be in two rooms, where the nodes did not hear of each other.
            if self.cloud.is_some() && client.view.room_id != self.clients[index].view.room_id {
                return None;
            }
            // What the others do not hear at once they may hear later, or not.
            (!far || self.nodes_hear()).then_some((other, Owed { session, far }))
        });
        let message = Message {
            text: text.into(),
            sent: self.now,
            accepted: None,
            owed: owed.collect(),
        };
        self.books.messages.push(message);
    }

    /// Its sender is told that it was accepted, or not, and who of those it was for is not there.
    pub(crate) fn message_answered(&mut self, text: &str, accepted: bool, absent: &[UserId]) {
        let now = self.now;
        let clients = &self.clients;
        let is_absent = |client: usize| absent.iter().any(|user| user.as_str() == clients[client].user);
        for message in self.books.messages.iter_mut().filter(|message| message.text == text) {
            message.accepted = accepted.then_some(now);
            message.owed.retain(|client, _| !is_absent(*client));
        }
        self.books.messages.retain(|message| message.text != text || accepted);
    }

    /// Looks whether a member that is connected heard what it is owed.
    pub(super) fn check_messages(&mut self, client: usize, session: &str) {
        let view = &self.clients[client].view;
        let mut lost = None;
        let (now, hear) = (self.now, self.nodes_hear());
        let is_due = |message: &&mut Message| message.accepted.is_some_and(|at| now.saturating_sub(at) > SETTLE);
        for message in self.books.messages.iter_mut().filter(is_due) {
            let Some(owed) = message.owed.get(&client) else { continue };
            if owed.session == session && !(owed.far && !hear) && !view.messages.contains(&message.text) {
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
