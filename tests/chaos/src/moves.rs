//! Moving to another node: the second link of a room, and the connections that are kept while their successors come about.

use crate::world::World;

impl World {
    pub(crate) fn dial_beside(&mut self, index: usize, room: u64, link: u64, url: &str) {
        let socket = self.dial(index, room, link, url);
        self.trace
            .note(self.now, || format!("c{index} dials {url} beside, socket {socket}"));
        if let Some(part) = self.clients[index].rooms.get_mut(&room) {
            part.beside = Some(socket);
        }
    }

    /// The socket of the second link.
    pub(crate) fn beside(&self, index: usize, room: u64) -> Option<u64> {
        self.clients[index].rooms.get(&room)?.beside
    }

    pub(crate) fn hang_up_beside(&mut self, index: usize, room: u64) {
        let part = self.clients[index].rooms.get_mut(&room);
        if let Some(socket) = part.and_then(|part| part.beside.take()) {
            self.hang_up(socket);
        }
    }

    /// The second link takes the place of the first.
    pub(crate) fn promote(&mut self, index: usize, room: u64) {
        let Some(part) = self.clients[index].rooms.get_mut(&room) else {
            return;
        };
        let beside = part.beside.take();
        *self.told.entry("moves").or_default() += 1;
        // It is logged in anew, and what the new node has is to be known from now on.
        part.up_since = None;
        if let Some(former) = std::mem::replace(&mut part.socket, beside) {
            self.trace
                .note(self.now, || format!("c{index} has moved, socket {former} goes"));
            self.hang_up(former);
        }
    }

    /// The connection stays beside that of the next try, which begins now.
    pub(crate) fn keep_transport(&mut self, index: usize, life: u64) {
        self.retire_transport(index, life);
        let now = self.clock(index);
        if let Some(part) = self.clients[index].parts.get_mut(&life) {
            part.kept_at = Some(now);
            (part.former, part.former_sends) = (part.transport.take(), part.sending);
            part.sending = false;
        }
    }

    pub(crate) fn discard_transport(&mut self, index: usize, life: u64) {
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        (part.sending, part.awaiting) = (false, None);
        if let Some(transport) = part.transport.take() {
            self.close_transport(transport);
        }
    }

    /// The connection that was kept goes.
    pub(crate) fn retire_transport(&mut self, index: usize, life: u64) {
        let Some(part) = self.clients[index].parts.get_mut(&life) else {
            return;
        };
        part.former_sends = false;
        if let Some(transport) = part.former.take() {
            self.close_transport(transport);
        }
    }
}
