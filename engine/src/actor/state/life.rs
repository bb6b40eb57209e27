//! Parts that were told to stop, and what waits for them.

use std::time::Duration;

use express_messages::ids::{RoomId, StreamId};

use super::{Command, EngineState, LifeId, Step, Timer};

/// How long a part may take to end after it was told to: a second, and a tenth for the messages there and back.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_millis(1_100);

/// What a part is; a successor with the same slot waits for its predecessor's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    Room(RoomId),
    Publisher(StreamId),
    Player(StreamId),
    Device,
}

impl EngineState {
    pub(super) fn new_life(&mut self) -> LifeId {
        LifeId(self.fresh())
    }

    /// From now on `life` only has to end: nothing that it reports counts, and after a second it is dropped.
    pub(super) fn retire(&mut self, life: LifeId, slot: Slot, out: &mut Step) {
        self.ending.insert(life, slot);
        out.command(Command::After(STOP_TIMEOUT, Timer::StopUnanswered(life)));
    }

    /// Whether a predecessor in `slot` still has to end.
    pub(super) fn is_taken(&self, slot: &Slot) -> bool {
        self.ending.values().any(|ending| ending == slot)
    }

    /// A part that was told to stop is gone. `false`: it was not told to.
    pub(super) fn on_expected_exit(&mut self, life: LifeId, out: &mut Step) -> bool {
        if self.ending.remove(&life).is_none() {
            return false;
        }
        out.command(Command::Forget(life));
        self.go_on(out);
        true
    }

    /// A part did not end in time.
    pub(super) fn on_stop_unanswered(&mut self, life: LifeId, out: &mut Step) {
        let Some(slot) = self.ending.remove(&life) else { return };
        self.stops_unanswered = self.stops_unanswered.saturating_add(1);
        tracing::warn!(?slot, "a part did not end within 1 s of being told to; it is dropped");
        out.command(Command::Forget(life));
        self.go_on(out);
    }

    /// Starts what has waited, or goes on ending.
    pub(super) fn go_on(&mut self, out: &mut Step) {
        if self.alive().is_ok() {
            self.start_rooms(out);
            self.start_streams(out);
        } else {
            self.go_on_ending(out);
        }
    }
}
