//! I2: nobody is told PLAYING or PUBLISHING for long while no media flows.

use std::time::Duration;

use express_engine::{PlayerState, PublisherState};

use crate::machine::{Machine, Part};
use crate::world::World;

/// A played stream is interrupted 6 s after its last packet, or after the server took an unmute (`Timings::media_silence`); the
/// player looks four times a second. The looks at it here are 1 s apart, so this proves that it is told within 8 s.
const SILENCE: Duration = Duration::from_millis(6_500);
/// A stream that moves to another node is interrupted when no other connection came in that time, and not sooner.
const MOVING: Duration = Duration::from_millis(10_500);
/// A publisher hears of a dead path by ICE, which tells after 5 s, and waits 15 s for it to come back
/// (`Timings::ice_disconnected_grace`).
const NO_WAY_UP: Duration = Duration::from_millis(21_000);

impl World {
    pub(super) fn check_media(&mut self, client: usize) {
        let state = &self.clients[client];
        let awake = state.running && !state.asleep;
        let mut silent = Vec::new();
        let mut unsent = Vec::new();
        for part in state.parts.values().filter(|_| awake) {
            let stream = part.stream.as_str();
            match part.machine {
                Machine::Play(_)
                    if state.view.playing.get(stream) == Some(&PlayerState::Playing)
                        && !state.wishes.muted_plays.contains(stream)
                        && !self.has_sound(part)
                        && !self.moves(client, part) =>
                {
                    silent.push(format!("{stream} is PLAYING and silent on {}", self.last_sign(part)));
                }
                Machine::Publish(_)
                    if state.view.publishing.get(stream) == Some(&PublisherState::Publishing) && !self.is_heard(part) =>
                {
                    let on = self.last_sign(part);
                    unsent.push(format!("{stream} is PUBLISHING and nothing of it reaches the server on {on}"));
                }
                _ => {}
            }
        }
        self.judge("I2", client, silent, SILENCE);
        self.judge("I2 up", client, unsent, NO_WAY_UP);
    }

    /// Whether a player waits for the sound of another node.
    fn moves(&self, client: usize, part: &Part) -> bool {
        let now = self.clock(client);
        part.kept_at.is_some_and(|kept| now.saturating_duration_since(kept) < MOVING)
    }

    /// Whether a player hears something.
    pub(crate) fn has_sound(&self, part: &Part) -> bool {
        let mut transports = part.transport.iter().chain(&part.former);
        transports.any(|transport| self.hears(*transport))
    }

    /// Whether a publisher's sound comes to a server.
    pub(super) fn is_heard(&self, part: &Part) -> bool {
        let mut transports = part.transport.iter().chain(&part.former);
        transports.any(|transport| self.sends(*transport))
    }

    /// Which connection a part has, and when there was media on it last: each such silence has a time of its own.
    fn last_sign(&self, part: &Part) -> String {
        let Some((number, transport)) = part
            .transport
            .and_then(|number| Some((number, self.transports.get(&number)?)))
        else {
            return "no connection".into();
        };
        let last = match part.machine {
            Machine::Publish(_) => transport.heard,
            Machine::Play(_) => part.sounded,
        };
        format!("connection {number} since {:.3} s", last.as_secs_f64())
    }
}
