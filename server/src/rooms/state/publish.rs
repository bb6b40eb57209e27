//! Publishing: who owns a streamID, and when others see the stream.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::StreamId;
use express_messages::types::{StreamDeleteReason, ZegoUpdateType};
use express_signalling::protocol::{Done, Event, MAX_SDP, Publish, RoomStreamUpdate, ServerFrame, WireError};

use super::claims::Claimant;
use super::hosted::unusable;
use super::records::{Asker, PeerUse, Pending, SessionKey};
use super::stream_info::check_extra_info;
use super::{Answer, GoneReason, NegotiateError, Now, RoomsState};
use crate::forwarder::{ClientCertificates, GroupKey, PeerId, StreamKey, Wish};
use crate::rooms::counters::count;
use crate::rooms::effect::{ConnectionId, Effect, Negotiation, Ticket};
use crate::rooms::hosted::{HostFault, HostRefusal};

/// When to ask again while the forwarder is full or busy.
pub(super) const MEDIA_RETRY: Duration = Duration::from_secs(1);

impl RoomsState {
    pub(super) fn publish(
        &mut self,
        now: Now,
        connection: ConnectionId,
        key: SessionKey,
        id: u64,
        publish: Publish,
    ) -> Result<(), WireError> {
        self.may_publish(now, key, &publish)?;
        let session = self.session(key)?;
        let (room, user) = (session.room.clone(), session.user.user_id.clone());
        let stream_id = publish.stream_id.clone();
        if self.must_claim(room.0, Some(key), &user, &stream_id) {
            self.may_own(key, &stream_id)?;
            let claimant = Claimant::Session {
                connection,
                id,
                key,
                publish,
            };
            return self.ask_claim(room, user, stream_id, claimant);
        }
        self.publish_own(Asker::Socket { connection, id }, key, publish, None)
    }

    /// Publishes what nobody else may publish, as far as other nodes are concerned.
    ///
    /// - `claim`: the fencing number of the claim to the streamID, if it was claimed for this
    pub(super) fn publish_own(
        &mut self,
        asker: Asker,
        key: SessionKey,
        publish: Publish,
        claim: Option<u64>,
    ) -> Result<(), WireError> {
        let stream = self.claim_stream(key, &publish, claim)?;
        let ticket = self.ask_media(asker, key, stream, Wish::Publish, publish.offer);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.ticket = Some(ticket);
        }
        Ok(())
    }

    pub(super) fn unpublish(&mut self, key: SessionKey, stream_id: &StreamId) -> Done {
        self.cancel_claims(key, Some(stream_id));
        if let Some(session) = self.sessions.get(&key)
            && let Some(stream) = self.stream_key(session.room.0, stream_id)
            && self.is_own(key, stream)
        {
            self.end_stream(stream, StreamDeleteReason::Stopped, None);
        }
        Done {}
    }

    /// What the token and the sizes say.
    pub(super) fn may_publish(&self, now: Now, key: SessionKey, publish: &Publish) -> Result<(), WireError> {
        let session = self.session(key)?;
        let from = session
            .connection
            .and_then(|connection| self.connections.get(&connection)?.from);
        self.publishing_is_not_forbidden(now, &session.room, &session.user.user_id, from)?;
        let token = &session.token;
        if token.is_expired(now.unix_s()) {
            return Err(WireError::fatal(codes::TOKEN_EXPIRED, "token expired; renew it"));
        }
        if token.may_publish(publish.stream_id.as_str()).is_err() {
            return Err(WireError::fatal(
                codes::NO_PUBLISH_AUTH,
                "the token does not permit to publish this stream",
            ));
        }
        check_extra_info(&publish.extra_info)?;
        if publish.offer.len() > MAX_SDP {
            return Err(WireError::fatal(
                codes::PUBLISHER_PARAM,
                format!("the offer has more than {MAX_SDP} bytes"),
            ));
        }
        Ok(())
    }

    /// Hands an offer to the media plane.
    pub(super) fn ask_media(
        &mut self,
        asker: Asker,
        session: SessionKey,
        stream: StreamKey,
        wish: Wish,
        offer: String,
    ) -> Ticket {
        let ticket = Ticket(self.new_number());
        let certificates = match asker {
            Asker::Socket { .. } => ClientCertificates::Ecdsa,
            // Any stack may come this way, and some make RSA certificates.
            Asker::Host { .. } => ClientCertificates::Any,
        };
        let pending = Pending {
            asker,
            session,
            stream,
            publish: wish.is_publish(),
            loudest: match wish {
                Wish::Publish => 0,
                Wish::Play { loudest } => loudest,
            },
        };
        let group = self.streams.get(&stream).map_or(GroupKey(stream.0), |stream| stream.group);
        self.pending.insert(ticket, pending);
        self.effects.push(Effect::Negotiate(Negotiation {
            ticket,
            stream,
            group,
            wish,
            offer,
            certificates,
        }));
        ticket
    }

    /// The media plane's answer reaches who asked, if that is still wanted.
    pub(super) fn negotiated(&mut self, now: Now, ticket: Ticket, pending: Pending, answer: Result<Answer, NegotiateError>) {
        let wanted = self.is_wanted(ticket, &pending);
        match answer {
            Ok(answer) if wanted => {
                self.answered(now, &pending, answer);
                if !pending.publish {
                    self.tell_leg_soon(now, pending.session, pending.stream);
                }
            }
            Ok(answer) => {
                self.effects.push(Effect::RemovePeer(answer.peer));
                self.turn_down(&pending, superseded(pending.publish), HostFault::Taken);
            }
            Err(error) => {
                if wanted {
                    match (pending.publish, pending.asker) {
                        (true, _) => self.publisher_refused(now, pending.stream),
                        (false, Asker::Socket { .. }) => self.player_refused(pending.session, pending.stream),
                        (false, Asker::Host { .. }) => {}
                    }
                }
                tracing::info!(%error, publish = pending.publish, "offer refused");
                let fault = unusable(pending.publish, &error).fault;
                self.turn_down(&pending, offer_refused(pending.publish, &error), fault);
            }
        }
    }

    fn is_wanted(&self, ticket: Ticket, pending: &Pending) -> bool {
        match (pending.publish, pending.asker) {
            (true, _) => {
                let stream = self.streams.get(&pending.stream);
                stream.is_some_and(|stream| stream.ticket == Some(ticket))
            }
            (false, Asker::Socket { .. }) => self.play_ticket(pending.session, pending.stream) == Some(ticket),
            (false, Asker::Host { resource, .. }) => self.hosted.is_waiting(resource, ticket),
        }
    }

    fn answered(&mut self, now: Now, pending: &Pending, answer: Answer) {
        let Answer { peer, sdp } = answer;
        match (pending.publish, pending.asker) {
            (true, asker) => {
                count(&mut self.counters.publishes);
                if matches!(asker, Asker::Host { .. }) {
                    count(&mut self.counters.whip_publishes);
                }
                self.publisher_answered(pending.stream, peer);
            }
            (false, Asker::Socket { .. }) => self.player_answered(pending.session, pending.stream, peer),
            (false, Asker::Host { resource, .. }) => {
                self.peers.insert(peer, PeerUse::Hosted(resource));
                if self.is_silenced(pending.stream) {
                    let paused = true;
                    self.effects.push(Effect::PausePlayer { peer, paused });
                }
                count(&mut self.counters.plays);
                count(&mut self.counters.whep_plays);
            }
        }
        match pending.asker {
            Asker::Socket { connection, id } => self.reply(connection, ServerFrame::ok(id, &pending.answer(sdp))),
            Asker::Host { ticket, resource } => self.resource_answered(now, ticket, resource, peer, sdp),
        }
    }

    fn turn_down(&mut self, pending: &Pending, error: WireError, fault: HostFault) {
        match pending.asker {
            Asker::Socket { connection, id } => self.refuse(connection, id, error),
            Asker::Host { ticket, resource } => {
                self.drop_resource(resource);
                self.answer_host(ticket, Err(HostRefusal { fault, error }));
            }
        }
    }

    fn publisher_answered(&mut self, key: StreamKey, peer: PeerId) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.ticket = None;
        let superseded = stream.next.replace(peer);
        self.peers.insert(peer, PeerUse::Publisher(key));
        if let Some(superseded) = superseded {
            self.remove_peer(superseded);
        }
    }

    fn publisher_refused(&mut self, now: Now, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.ticket = None;
        if stream.announced.is_none() && stream.next.is_none() {
            self.end_stream(key, StreamDeleteReason::Stopped, None);
        } else if stream.media.is_none() {
            self.expect_media(now, key);
        }
    }

    /// The media is there: now others may see the stream.
    pub(super) fn publisher_connected(&mut self, now: Now, peer: PeerId, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.next == Some(peer)) else {
            return;
        };
        stream.next = None;
        let former = stream.media.replace(peer);
        let (is_new, is_told) = (stream.announced.is_none(), stream.told);
        if let Some(former) = former {
            self.remove_peer(former);
        }
        self.end_replaced_publishers(key, peer);
        self.drop_relays_in(key);
        if is_new {
            self.announce(now, key);
        } else {
            count(&mut self.counters.republishes);
            self.tell_stream_created(key, true);
            if !is_told {
                self.tell_stream(key);
            }
        }
    }

    fn announce(&mut self, now: Now, key: StreamKey) {
        let place = self.new_number();
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        stream.announced = Some(place);
        stream.created_ms = now.unix_ms;
        let (room_key, user) = (stream.room.clone(), stream.user.clone());
        let event = Event::RoomStreamUpdate(RoomStreamUpdate {
            update: ZegoUpdateType::Add,
            streams: vec![stream.listed()],
            reasons: Vec::new(),
        });
        if let Some(room) = self.rooms.get_mut(&room_key) {
            room.streams.insert(place, key);
            room.stream_seq = room.stream_seq.saturating_add(1);
        }
        self.tell_stream_created(key, false);
        count(&mut self.counters.streams_announced);
        self.tell_others(&room_key, &user, event, false);
        self.tell_stream(key);
    }

    /// The media is gone: whether the stream is, too, depends on whether it comes back.
    pub(super) fn publisher_gone(&mut self, now: Now, peer: PeerId, key: StreamKey, reason: GoneReason) {
        tracing::debug!(?peer, ?reason, "media of a publisher is gone");
        if self.hosted_publisher_gone(now, peer, key, reason) {
            return;
        }
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if stream.next == Some(peer) {
            stream.next = None;
        } else if stream.media == Some(peer) {
            stream.media = None;
        }
        if stream.origin.is_some() {
            // It is another node's by now.
            return;
        }
        if stream.announced.is_some() {
            if stream.media.is_none() {
                self.expect_media(now, key);
            }
        } else if stream.next.is_none() && stream.ticket.is_none() {
            let why = (
                codes::PUBLISHER_MEDIA_CONNECTION_ERROR,
                "the media connection was not established",
            );
            self.end_stream(key, StreamDeleteReason::Offline, Some(why));
        }
    }

    pub(super) fn is_own(&self, key: SessionKey, stream: StreamKey) -> bool {
        self.streams.get(&stream).is_some_and(|stream| stream.owner == Some(key))
    }
}

pub(super) fn taken() -> WireError {
    WireError::fatal(codes::PUBLISHER_DUPLICATE_STREAMID, "another user publishes this streamID")
}

pub(super) fn superseded(publish: bool) -> WireError {
    let code = if publish {
        codes::PUBLISHER_INNER_ERROR
    } else {
        codes::PLAYER_INTERNAL_EXCEPTION
    };
    WireError::fatal(code, "a later request took the place of this one")
}

/// The offer is wrong for good, or the media plane has no room for now.
pub(super) fn offer_refused(publish: bool, error: &NegotiateError) -> WireError {
    let (offer, inner) = match publish {
        true => (codes::PUBLISHER_CREATE_OFFER, codes::PUBLISHER_INNER_ERROR),
        false => (codes::PLAYER_CREATE_OFFER, codes::PLAYER_INTERNAL_EXCEPTION),
    };
    match error {
        NegotiateError::TooManyPeers | NegotiateError::Busy => WireError::retry(inner, error.to_string(), MEDIA_RETRY),
        NegotiateError::Stopped => WireError::fatal(inner, error.to_string()),
        _ => WireError::fatal(offer, error.to_string()),
    }
}
