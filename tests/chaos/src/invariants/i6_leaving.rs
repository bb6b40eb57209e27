//! I6: logout and the end of an engine take 2 s at most, with a network or without.

use std::time::Duration;

use crate::world::World;

const BOUND: Duration = Duration::from_secs(2);

impl World {
    /// A client leaves its room now.
    pub(crate) fn note_leaving(&mut self, client: usize) {
        let now = self.now;
        let state = &mut self.clients[client];
        state.wishes.left = state.rooms.keys().map(|room| (*room, now)).collect();
    }

    pub(super) fn check_leaving(&mut self, client: usize) {
        let now = self.now;
        let state = &mut self.clients[client];
        if !state.running || state.asleep {
            // Its clock may stand still.
            state.wishes.left.clear();
            return;
        }
        let rooms = &state.rooms;
        state.wishes.left.retain(|(room, _)| rooms.contains_key(room));
        let late = |since: Duration| now.saturating_sub(since) > BOUND;
        let room = state.wishes.left.iter().find(|(_, since)| late(*since)).copied();
        let engine = state.wishes.destroyed.filter(|since| late(*since));
        if let Some((room, _)) = room {
            self.fail("I6", format!("c{client}: room part {room} is there after logoutRoom"));
        }
        if engine.is_some() {
            self.fail("I6", format!("c{client}: the engine is there after destroyEngine"));
        }
    }
}
