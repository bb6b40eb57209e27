//! Texts to a room, in the order of its home.

use express_signalling::protocol::RoomMessage;

use super::letters::{Message, SectionId};
use super::room::Change;
use super::{Action, Asked, ClusterState};
use crate::rooms::Ticket;
use crate::rooms::cloud::{Fact, News, Question, RoomName, Saying};

/// The lower bits of a message's number tell nodes apart, so that it is one message's alone without asking anybody; the others count
/// in the room: 8 thousand million of them stay exact in JavaScript.
const NODE_BITS: u32 = 20;

impl ClusterState {
    pub(super) fn say(&mut self, ticket: Ticket, name: RoomName, saying: Saying) {
        let Some(number) = self.next_message(&name) else {
            self.actions.push(Action::News(News::SaidFor(ticket, Err(()))));
            return;
        };
        let saying = match saying {
            Saying::Broadcast(message) => Saying::Broadcast(RoomMessage {
                message_id: number,
                ..message
            }),
            other => other,
        };
        let home = self.rooms.get(&name).and_then(|room| room.home.clone());
        match home.filter(|home| self.connected && self.nodes.is_alive(home)) {
            Some(home) => {
                let epoch = self.rooms.get(&name).map_or(0, |room| room.epoch);
                let order = Message::Say {
                    room: name.clone(),
                    epoch,
                    saying: saying.clone(),
                };
                let asked = Asked::Order {
                    ticket,
                    room: name,
                    saying,
                };
                self.ask(home.name, order, asked);
            }
            None => self.say_here(ticket, &name, saying),
        }
    }

    /// This node puts it in order: as the home, or because the home cannot be reached.
    fn say_here(&mut self, ticket: Ticket, name: &RoomName, saying: Saying) {
        let number = number_of(&saying);
        self.order(name, saying);
        self.actions.push(Action::News(News::SaidFor(ticket, Ok(number))));
    }

    /// What the home came to.
    pub(super) fn ordered(&mut self, ticket: Ticket, name: &RoomName, saying: Saying, done: bool) {
        if done {
            let number = number_of(&saying);
            if matches!(saying, Saying::Info(_)) {
                // Of infos the newest counts, whatever is missing before it; and the home may be gone before it can be asked.
                self.hear_said(name, saying);
            }
            self.actions.push(Action::News(News::SaidFor(ticket, Ok(number))));
        } else {
            // If it was said in spite of that, it is known by its number and not told twice.
            self.say_here(ticket, name, saying);
        }
    }

    /// Another node asks this one, as the home of a room, to say something.
    pub(super) fn order_wanted(&mut self, question: Question, name: &RoomName, epoch: u64, saying: Saying) {
        let is_home = self
            .rooms
            .get(name)
            .is_some_and(|room| room.is_open() && room.home.is_none() && room.epoch == epoch);
        let before = self.own_fact(name);
        if is_home {
            self.order(name, saying);
        }
        let fact = self.own_fact(name).filter(|fact| Some(*fact) != before);
        let said = Message::Said { done: is_home, fact };
        self.actions.push(Action::Answer(question, said));
    }

    /// The newest fact of this node's section.
    fn own_fact(&self, name: &RoomName) -> Option<(SectionId, u64)> {
        let own = &self.rooms.get(name)?.own;
        Some((own.id, own.seq))
    }

    /// Something was said that this node did not say itself.
    pub(super) fn hear_said(&mut self, name: &RoomName, saying: Saying) {
        let mut changes = Vec::new();
        if let Some(room) = self.rooms.get_mut(name) {
            let said = super::section::Touched::Said(saying);
            room.refresh(&self.entry.node.name, vec![said], &mut changes);
        }
        self.tell_changes(name, changes);
    }

    fn order(&mut self, name: &RoomName, saying: Saying) {
        let mut changes = Vec::new();
        if let Some(room) = self.rooms.get_mut(name) {
            let said = super::section::Touched::Said(saying.clone());
            room.refresh(&self.entry.node.name, vec![said], &mut changes);
        }
        // What was said before is not said again.
        if !changes.is_empty() {
            self.tell(name, Fact::Said(saying));
            self.tell_changes(name, changes);
        }
    }

    /// A fact of this node: told to all who have the room.
    pub(super) fn tell(&mut self, name: &RoomName, fact: Fact) {
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let stream = match &fact {
            Fact::StreamIs(stream) => Some(stream.listed.stream.stream_id.clone()),
            Fact::StreamLeft(id, _) => Some(id.clone()),
            _ => None,
        };
        let mut changes: Vec<Change> = Vec::new();
        room.forget_older_than(&fact, &mut changes);
        let first = room.say(&self.entry.node.name, fact.clone());
        let facts = Message::Facts {
            room: name.clone(),
            section: room.own.id,
            first,
            facts: vec![fact],
        };
        if let Some(id) = stream {
            room.refresh_stream(&id, None, &mut changes);
        }
        let peers = room.peers().count() as u64;
        self.counters.facts_sent = self.counters.facts_sent.saturating_add(peers);
        self.tell_peers(name, &facts);
        self.tell_changes(name, changes);
    }

    fn next_message(&mut self, name: &RoomName) -> Option<u64> {
        let low = self
            .entry
            .node
            .name
            .as_str()
            .bytes()
            .fold(self.entry.node.life, |mixed, byte| {
                mixed.wrapping_mul(31).wrapping_add(u64::from(byte))
            });
        let room = self.rooms.get_mut(name).filter(|room| room.is_open())?;
        // A room that was closed here and opened again begins at 0, and others remember what was said before.
        let next = (room.last_message >> NODE_BITS).max(self.last_text).saturating_add(1);
        self.last_text = next;
        let number = (next << NODE_BITS) | (low & ((1 << NODE_BITS) - 1));
        room.last_message = number;
        Some(number)
    }
}

/// What the one who asks for something to be said is told of it.
fn number_of(saying: &Saying) -> u64 {
    match saying {
        Saying::Broadcast(message) => message.message_id,
        Saying::Info(info) => info.update_time_ms,
        Saying::Command { .. } => 0,
    }
}
