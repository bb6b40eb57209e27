//! What comes from the media plane, and whom it concerns.

use super::records::PeerUse;
use super::{Answer, ForwarderEvent, NegotiateError, Now, RoomsState};
use crate::rooms::counters::count;
use crate::rooms::effect::{Effect, Ticket};

impl RoomsState {
    /// The media plane answered.
    pub fn on_negotiated(&mut self, now: Now, ticket: Ticket, answer: Result<Answer, NegotiateError>) -> Vec<Effect> {
        self.note_time(now);
        if let Some(pending) = self.pending.remove(&ticket) {
            self.negotiated(now, ticket, pending, answer);
        } else if let Ok(answer) = answer {
            self.effects.push(Effect::RemovePeer(answer.peer));
        }
        self.take_effects()
    }

    /// Something happened to a media connection.
    pub fn on_media(&mut self, now: Now, event: ForwarderEvent) -> Vec<Effect> {
        self.note_time(now);
        match event {
            ForwarderEvent::Connected { peer } => match self.peers.get(&peer) {
                Some(PeerUse::Publisher(stream)) => self.publisher_connected(now, peer, *stream),
                Some(PeerUse::Player { .. } | PeerUse::Hosted(_)) => {}
                Some(PeerUse::RelayIn(stream)) => self.relay_in_connected(peer, *stream),
                Some(PeerUse::RelayOut(stream)) => self.relay_out_connected(peer, *stream),
                None => count(&mut self.counters.late_media_events),
            },
            ForwarderEvent::Gone { peer, reason } => match self.peers.remove(&peer) {
                Some(PeerUse::Publisher(stream)) => self.publisher_gone(now, peer, stream, reason),
                Some(PeerUse::Player { session, stream }) => self.player_gone(peer, session, stream, reason),
                Some(PeerUse::Hosted(resource)) => self.hosted_player_gone(now, peer, resource, reason),
                Some(PeerUse::RelayIn(stream)) => self.relay_in_gone(peer, stream),
                Some(PeerUse::RelayOut(stream)) => self.relay_out_gone(peer, stream),
                None => count(&mut self.counters.late_media_events),
            },
            // A stream is there when it is connected, whether or not it is silent.
            ForwarderEvent::MediaStarted { .. } => {}
            ForwarderEvent::ListenersHeard { stream, shard, summary } => self.listeners_heard(now, stream, shard, summary),
            ForwarderEvent::PublisherMeasured { stream, leg } => self.publisher_measured(now, stream, leg),
            ForwarderEvent::UplinkMeasured { stream, uplink } => self.uplink_measured(now, stream, uplink),
            ForwarderEvent::CopiesChanged { peer, copies } => self.copies_changed(peer, copies),
        }
        self.take_effects()
    }
}
