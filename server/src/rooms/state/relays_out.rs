//! Streams of this node are sent to other nodes that ask for them: one relay to each.

use std::net::SocketAddr;

use super::records::{PeerUse, StreamName};
use super::relays::RelayOut;
use super::{NegotiateError, Now, RoomsState};
use crate::forwarder::{PeerId, RelayTerms, StreamKey};
use crate::rooms::cloud::{NodeName, Question, RelayRefusal, Wish, Words};
use crate::rooms::effect::{Effect, WantedRelay};

impl RoomsState {
    /// Another node has listeners for a stream of this one.
    pub(super) fn relay_wanted(
        &mut self,
        question: Question,
        node: NodeName,
        (app_id, stream_id): &StreamName,
        terms: RelayTerms,
        loudest: u32,
    ) {
        let key = self.own_announced(*app_id, stream_id);
        let stream = key.and_then(|key| Some((key, self.streams.get(&key)?)));
        match stream {
            None => self.wish(Wish::AnswerRelay(question, Err(RelayRefusal::NotHere))),
            // Its publisher has lost its media, and may be back in a moment.
            Some((_, stream)) if stream.media.is_none() => {
                self.wish(Wish::AnswerRelay(question, Err(RelayRefusal::Busy)));
            }
            Some((key, stream)) => {
                let wanted = WantedRelay {
                    question,
                    node,
                    stream: key,
                    group: stream.group,
                    terms,
                    loudest,
                };
                self.effects.push(Effect::SendRelay(wanted));
            }
        }
    }

    /// The media plane answered [`Effect::SendRelay`].
    pub fn on_relay_sent(
        &mut self,
        now: Now,
        wanted: WantedRelay,
        outcome: Result<(PeerId, SocketAddr), NegotiateError>,
    ) -> Vec<Effect> {
        self.note_time(now);
        let WantedRelay {
            question, node, stream, ..
        } = wanted;
        let answer = match outcome {
            Ok((peer, from)) if self.streams.contains_key(&stream) => {
                self.relay_sent(stream, node, peer);
                Ok(from)
            }
            Ok((peer, _)) => {
                self.effects.push(Effect::RemovePeer(peer));
                Err(RelayRefusal::NotHere)
            }
            Err(error) => {
                tracing::info!(%error, %node, "a stream cannot be sent to a node");
                Err(RelayRefusal::Busy)
            }
        };
        self.wish(Wish::AnswerRelay(question, answer));
        self.take_effects()
    }

    fn relay_sent(&mut self, key: StreamKey, node: NodeName, peer: PeerId) {
        self.peers.insert(peer, PeerUse::RelayOut(key));
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        let before = stream.relays.outs.get(&node).copied();
        let former = before.map(|out| out.former.unwrap_or(out.peer));
        stream.relays.outs.insert(node, RelayOut { peer, former });
        // The newest that works is kept beside this one; what came between never did.
        let superseded = before.filter(|out| out.former.is_some()).map(|out| out.peer);
        let leg = stream.reports.leg().map(|leg| Words::Leg(stream.name.1.clone(), leg));
        let room = stream.room.clone();
        if let Some(superseded) = superseded {
            self.remove_peer(superseded);
        }
        if let Some(leg) = leg {
            self.wish(Wish::Whisper(room, leg));
        }
    }

    /// A relay works: the one that it replaces goes.
    pub(super) fn relay_out_connected(&mut self, peer: PeerId, key: StreamKey) {
        let outs = self.streams.get_mut(&key).map(|stream| &mut stream.relays.outs);
        let mut outs = outs.into_iter().flat_map(|outs| outs.values_mut());
        let former = outs.find(|out| out.peer == peer).and_then(|out| out.former.take());
        if let Some(former) = former {
            self.remove_peer(former);
        }
    }

    /// A relay is no more: the other node has no listeners, or asks again.
    pub(super) fn relay_out_gone(&mut self, peer: PeerId, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.relays.outs.retain(|_, out| match out.former {
            former if former == Some(peer) => {
                out.former = None;
                true
            }
            Some(former) if out.peer == peer => {
                *out = RelayOut {
                    peer: former,
                    former: None,
                };
                true
            }
            _ => out.peer != peer,
        });
    }
}
