//! A playback whose session is another one, or on another node: what is heard meanwhile.

use std::time::{Duration, Instant};

use express_messages::{codes, room::SessionFate, types::PlayerState};

use super::{Effect, Phase, Playback};
use crate::{
    former::Former,
    retry::{Retry, after},
    transport::TransportEvent,
};

/// So long the former connection stays beside the one that is connected: a node that is new to the stream has to fetch it first.
/// The playout forgets for 2 s what it took no more packets of, and this is less.
const LINGER: Duration = Duration::from_millis(1_500);

impl Playback {
    /// The signalling link is back. Where the session was lost the server has forgotten the playback; where it moved, the
    /// connection to the node before is heard until there is another, and nothing is told.
    pub(in crate::player) fn on_link_restored(&mut self, session: SessionFate, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        match &self.phase {
            Phase::Waiting { .. } => self.open(now, &mut effects),
            Phase::Applying { .. } | Phase::Live(_) if session != SessionFate::Kept => {
                if session == SessionFate::Moved && self.can_keep() {
                    self.keep(now, &mut effects);
                } else {
                    let text = "the server lost the session";
                    self.former = None;
                    self.requesting(now, codes::PLAYER_SESSION_CLOSED, text, &mut effects);
                }
                self.open(now, &mut effects);
            }
            Phase::Live(_) if self.paused != self.paused_at_server => {
                effects.push(Effect::Pause(self.attempt, self.paused));
            }
            // An exchange under way is answered by the room role, on the new link or with Disconnected.
            _ => {}
        }
        effects
    }

    fn plays(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.is_playing())
    }

    fn can_keep(&self) -> bool {
        self.former.is_some() || self.plays()
    }

    /// The connection that plays is kept, or one that was to take its place is given up.
    fn keep(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.plays() {
            return self.discard(effects);
        }
        self.note_registration();
        self.former = Some(Former::new(self.attempt, now));
        self.retry = Retry::new(now, &self.timings);
        effects.push(Effect::Keep);
    }

    /// Gives up the connection of the try, and tells nothing: another one is heard.
    pub(super) fn discard(&mut self, effects: &mut Vec<Effect>) {
        self.note_registration();
        effects.push(Effect::Discard);
    }

    /// The connection that takes over is there: its first packet replaces what was heard.
    pub(super) fn linger(&mut self, now: Instant) {
        if let Some(former) = &mut self.former {
            former.ends = former.ends.min(after(now, LINGER));
        }
    }

    /// The former connection is given up: there is another, or there was none in time.
    pub(super) fn retire_former(&mut self, effects: &mut Vec<Effect>) {
        self.former = None;
        effects.push(Effect::Retire);
        if !self.hears_server() {
            // The budget began with the move.
            let text = "the stream did not come from the other node in time".into();
            self.tell(effects, PlayerState::PlayRequesting, codes::PLAYER_SESSION_CLOSED, text);
        }
    }

    /// The connection that is kept may end before there is another, with the node that it leads to. That is told no sooner than
    /// that there is no other.
    pub(super) fn on_former_transport(&self, attempt: u32, event: TransportEvent, effects: &mut Vec<Effect>) {
        let is_over = matches!(event, TransportEvent::Failed | TransportEvent::Closed);
        if is_over && self.former.is_some_and(|former| former.attempt == attempt) {
            effects.push(Effect::Retire);
        }
    }
}
