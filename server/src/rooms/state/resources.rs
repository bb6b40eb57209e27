//! The resources of WHIP and WHEP: what they are, how they change, how they end.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use express_messages::codes;
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::WireError;
use rand::RngExt;

use super::end::End;
use super::hosted::unusable;
use super::login::hex;
use super::records::{ResourceKey, SessionKey, SessionSecret, Timer};
use super::{GoneReason, NegotiateError, Now, RoomsState};
use crate::forwarder::{Credentials, PeerId, StreamKey};
use crate::rooms::counters::count;
use crate::rooms::effect::{Effect, Ticket};
use crate::rooms::hosted::{HostFault, HostRefusal, HostTicket, Hosted, IfMatch, ResourceAction, ResourceRequest};

/// One media connection of a user without a socket.
#[derive(Debug)]
pub(in crate::rooms) struct Resource {
    /// Its name to the client.
    pub(super) id: String,
    pub(in crate::rooms) session: SessionKey,
    pub(in crate::rooms) stream: StreamKey,
    pub(in crate::rooms) publish: bool,
    /// Who has it may change and end the resource, also after it expired.
    bearer: SessionSecret,
    /// Names the ICE session.
    etag: String,
    /// The client's side of it.
    remote: Credentials,
    /// The media connection, from the answer until it is lost.
    pub(in crate::rooms) peer: Option<PeerId>,
    /// The question to the media plane, while it is open.
    pub(in crate::rooms) ticket: Option<Ticket>,
}

/// What a resource is made of.
pub(super) struct NewResource {
    pub(super) session: SessionKey,
    pub(super) publish: bool,
    pub(super) bearer: String,
    pub(super) remote: Credentials,
}

/// All resources.
#[derive(Debug, Default)]
pub(in crate::rooms) struct Resources {
    pub(in crate::rooms) all: HashMap<ResourceKey, Resource>,
    ids: HashMap<String, ResourceKey>,
    peers: HashMap<PeerId, ResourceKey>,
    by_session: BTreeSet<(SessionKey, ResourceKey)>,
    by_stream: BTreeSet<(StreamKey, ResourceKey)>,
    /// Sessions that may have none left.
    unused: Vec<SessionKey>,
    /// ICE sessions about to begin anew, with the client's new credentials.
    restarts: HashMap<HostTicket, (ResourceKey, Credentials)>,
}

impl Resources {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is left of anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let tables = [self.all.len(), self.ids.len(), self.peers.len(), self.restarts.len()];
        tables == [0; 4] && self.by_session.is_empty() && self.by_stream.is_empty() && self.unused.is_empty()
    }

    pub(super) fn of_session(&self, key: SessionKey) -> impl Iterator<Item = &Resource> + '_ {
        let range = (key, ResourceKey(0))..=(key, ResourceKey(u64::MAX));
        self.by_session
            .range(range)
            .filter_map(|(_, resource)| self.all.get(resource))
    }

    fn keys_of_session(&self, key: SessionKey) -> Vec<ResourceKey> {
        let range = (key, ResourceKey(0))..=(key, ResourceKey(u64::MAX));
        self.by_session.range(range).map(|(_, resource)| *resource).collect()
    }

    fn keys_of_stream(&self, key: StreamKey) -> Vec<ResourceKey> {
        let range = (key, ResourceKey(0))..=(key, ResourceKey(u64::MAX));
        self.by_stream.range(range).map(|(_, resource)| *resource).collect()
    }

    /// This session may have no resource; see to it before anybody else looks.
    pub(super) fn look_at(&mut self, session: SessionKey) {
        self.unused.push(session);
    }

    /// Whether the answer to this question is still wanted.
    pub(super) fn is_waiting(&self, key: ResourceKey, ticket: Ticket) -> bool {
        self.all.get(&key).is_some_and(|resource| resource.ticket == Some(ticket))
    }

    pub(super) fn waits_for(&mut self, key: ResourceKey, ticket: Ticket) {
        if let Some(resource) = self.all.get_mut(&key) {
            resource.ticket = Some(ticket);
        }
    }

    fn insert(&mut self, key: ResourceKey, resource: Resource) {
        self.ids.insert(resource.id.clone(), key);
        self.by_session.insert((resource.session, key));
        self.by_stream.insert((resource.stream, key));
        self.all.insert(key, resource);
    }

    fn remove(&mut self, key: ResourceKey) -> Option<Resource> {
        let resource = self.all.remove(&key)?;
        self.ids.remove(&resource.id);
        self.by_session.remove(&(resource.session, key));
        self.by_stream.remove(&(resource.stream, key));
        if let Some(peer) = resource.peer {
            self.peers.remove(&peer);
        }
        self.look_at(resource.session);
        Some(resource)
    }

    /// The media connection of a resource is no more.
    fn lose_peer(&mut self, peer: PeerId) -> Option<ResourceKey> {
        let key = self.peers.remove(&peer)?;
        self.all.get_mut(&key)?.peer = None;
        Some(key)
    }
}

impl RoomsState {
    /// Somebody wants something of a resource.
    pub fn on_resource(&mut self, now: Now, ticket: HostTicket, request: ResourceRequest) -> Vec<Effect> {
        match self.serve_resource(now, ticket, request) {
            Ok(None) => {}
            Ok(Some(done)) => self.answer_host(ticket, Ok(done)),
            Err(refusal) => self.answer_host(ticket, Err(refusal)),
        }
        self.take_effects()
    }

    /// The media plane has begun an ICE session anew, or has not.
    pub fn on_restarted(&mut self, ticket: HostTicket, outcome: Result<Credentials, NegotiateError>) -> Vec<Effect> {
        if let Some((key, remote)) = self.hosted.restarts.remove(&ticket) {
            let outcome = self.restarted(key, remote, outcome);
            self.answer_host(ticket, outcome);
        }
        self.take_effects()
    }

    fn serve_resource(&mut self, now: Now, ticket: HostTicket, request: ResourceRequest) -> Result<Option<Hosted>, HostRefusal> {
        let key = self.hosted.ids.get(&request.resource).copied();
        let Some(key) = key.filter(|key| self.hosted.all.contains_key(key)) else {
            let why = self.ended.why(&request.resource, &request.bearer);
            return Err(HostRefusal {
                fault: HostFault::NotFound,
                error: why.unwrap_or_else(no_such_resource),
            });
        };
        self.may_change(now, key, &request.bearer)?;
        match request.action {
            ResourceAction::Delete => {
                self.delete_resource(now, key);
                Ok(Some(Hosted::Ended))
            }
            ResourceAction::Patch { if_match, fragment } => self.patch(ticket, key, if_match, fragment),
        }
    }

    fn may_change(&self, now: Now, key: ResourceKey, bearer: &str) -> Result<(), HostRefusal> {
        let resource = self.hosted.all.get(&key);
        if resource.is_some_and(|resource| resource.bearer.is(bearer)) {
            return Ok(());
        }
        let session = resource.and_then(|resource| self.sessions.get(&resource.session));
        let app_id = session.map(|session| session.room.0);
        let (_, token) = self.judge_bearer(now, app_id, bearer)?;
        match session {
            Some(session) if session.user.user_id.as_str() == token.claims().user_id => Ok(()),
            _ => Err(HostRefusal::new(
                HostFault::Forbidden,
                codes::TOKEN_ERROR,
                "the token is another user's",
            )),
        }
    }

    fn patch(
        &mut self,
        ticket: HostTicket,
        key: ResourceKey,
        if_match: Option<IfMatch>,
        fragment: Result<Option<Credentials>, String>,
    ) -> Result<Option<Hosted>, HostRefusal> {
        let Some(resource) = self.hosted.all.get(&key) else {
            return Err(HostRefusal::new(HostFault::NotFound, codes::INPUT_PARAM, "no such resource"));
        };
        let refuse = |fault, message: &str| Err(HostRefusal::new(fault, codes::INPUT_PARAM, message));
        let Some(if_match) = if_match else {
            let message = "say which ICE session is meant: If-Match with the newest ETag, or * to restart ICE";
            return refuse(HostFault::NotConditional, message);
        };
        if !if_match.is_met_by(&resource.etag) {
            return refuse(HostFault::NotCurrent, "If-Match names another ICE session than the newest");
        }
        let credentials = match fragment {
            Ok(credentials) => credentials,
            Err(problem) => return refuse(HostFault::Malformed, &problem),
        };
        let Some(remote) = credentials.filter(|credentials| *credentials != resource.remote) else {
            return Ok(Some(Hosted::Noted));
        };
        if remote.ufrag() == resource.remote.ufrag() || remote.password() == resource.remote.password() {
            return refuse(
                HostFault::Malformed,
                "an ICE restart changes both ice-ufrag and ice-pwd (RFC 8839 section 4.4.1.1.1)",
            );
        }
        let Some(peer) = resource.peer else {
            return refuse(
                HostFault::Unusable,
                "the media connection is lost; DELETE the resource and POST a new offer",
            );
        };
        self.hosted.restarts.insert(ticket, (key, remote.clone()));
        self.effects.push(Effect::RestartIce { ticket, peer, remote });
        Ok(None)
    }

    fn restarted(
        &mut self,
        key: ResourceKey,
        remote: Credentials,
        outcome: Result<Credentials, NegotiateError>,
    ) -> Result<Hosted, HostRefusal> {
        let etag = hex(&self.rng.random::<[u8; 8]>());
        let resource = self.hosted.all.get_mut(&key).ok_or_else(|| HostRefusal {
            fault: HostFault::NotFound,
            error: no_such_resource(),
        })?;
        let local = outcome.map_err(|error| unusable(resource.publish, &error))?;
        resource.remote = remote;
        resource.etag.clone_from(&etag);
        count(&mut self.counters.ice_restarts);
        Ok(Hosted::Restarted { etag, local })
    }

    pub(super) fn add_resource(&mut self, stream: StreamKey, new: NewResource) -> ResourceKey {
        let key = ResourceKey(self.new_number());
        let resource = Resource {
            id: hex(&self.rng.random::<[u8; 16]>()),
            session: new.session,
            stream,
            publish: new.publish,
            bearer: SessionSecret::new(new.bearer),
            etag: hex(&self.rng.random::<[u8; 8]>()),
            remote: new.remote,
            peer: None,
            ticket: None,
        };
        self.hosted.insert(key, resource);
        key
    }

    /// The media plane answered: the client is told.
    pub(super) fn resource_answered(&mut self, ticket: HostTicket, key: ResourceKey, peer: PeerId, sdp: String) {
        let Some(resource) = self.hosted.all.get_mut(&key) else {
            return;
        };
        resource.ticket = None;
        resource.peer = Some(peer);
        self.hosted.peers.insert(peer, key);
        let created = Hosted::Created {
            resource: resource.id.clone(),
            etag: resource.etag.clone(),
            sdp,
        };
        count(&mut self.counters.hosted_begun);
        self.answer_host(ticket, Ok(created));
    }

    /// Ends a resource that has no media connection to end.
    pub(super) fn drop_resource(&mut self, key: ResourceKey) {
        if let Some(resource) = self.hosted.remove(key) {
            self.timers.clear(Timer::Resource(key));
            self.effects.push(Effect::ResourceEnded(resource.id));
        }
    }

    /// A media connection was removed, and with it the resource that it was.
    pub(super) fn peer_removed(&mut self, peer: PeerId) {
        if let Some(key) = self.hosted.lose_peer(peer) {
            self.drop_resource(key);
        }
    }

    /// Ends every resource of a stream that is over.
    pub(super) fn end_resources_of_stream(&mut self, stream: StreamKey) {
        for key in self.hosted.keys_of_stream(stream) {
            self.end_resource(key);
        }
    }

    /// Ends every resource of a session that is over; one that was kicked out is told so when it asks.
    pub(super) fn end_resources_of_session(&mut self, session: SessionKey, end: End) {
        for key in self.hosted.keys_of_session(session) {
            let why = end.kick().map(|(code, message)| WireError::fatal(code, message));
            if let (Some(resource), Some(why)) = (self.hosted.all.get(&key), why) {
                self.ended.remember(resource.id.clone(), resource.bearer.clone(), why);
            }
            if self.hosted.all.get(&key).is_some_and(|resource| !resource.publish) {
                self.end_resource(key);
            }
        }
    }

    fn end_resource(&mut self, key: ResourceKey) {
        let peer = self.hosted.all.get(&key).and_then(|resource| resource.peer);
        match peer {
            Some(peer) => self.remove_peer(peer),
            None => self.drop_resource(key),
        }
    }

    fn delete_resource(&mut self, now: Now, key: ResourceKey) {
        let Some((stream, publish, peer)) = self
            .hosted
            .all
            .get(&key)
            .map(|known| (known.stream, known.publish, known.peer))
        else {
            return;
        };
        self.end_resource(key);
        if publish {
            self.publisher_left(now, stream, peer);
        }
    }

    /// A publisher's media was taken down by its client: the stream ends with the last one.
    fn publisher_left(&mut self, now: Now, key: StreamKey, peer: Option<PeerId>) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        if stream.media == peer {
            stream.media = None;
        }
        if stream.next == peer {
            stream.next = None;
        }
        if stream.media.is_some() {
            return;
        }
        if stream.next.is_none() && stream.ticket.is_none() {
            self.end_stream(key, StreamDeleteReason::Stopped, None);
        } else {
            self.expect_media(now, key);
        }
    }

    /// A publisher without a socket is connected: resources whose place it took end.
    pub(super) fn end_replaced_publishers(&mut self, stream: StreamKey, peer: PeerId) {
        for key in self.hosted.keys_of_stream(stream) {
            let replaced = self.hosted.all.get(&key).is_some_and(|resource| {
                let waits = resource.ticket.is_some();
                resource.publish && resource.peer != Some(peer) && !waits
            });
            if replaced {
                self.end_resource(key);
            }
        }
    }

    /// The media of a publisher is gone; `true`: by its client's wish, and there is nothing to wait for.
    pub(super) fn hosted_publisher_gone(&mut self, now: Now, peer: PeerId, stream: StreamKey, reason: GoneReason) -> bool {
        let Some(key) = self.hosted.lose_peer(peer) else {
            return false;
        };
        if reason == GoneReason::ConsentLost {
            self.expect_new_resource(now, key);
            return false;
        }
        // RFC 9725 §4.2: DTLS teardown ends the session. What never connected has nothing to come back to.
        self.drop_resource(key);
        self.publisher_left(now, stream, Some(peer));
        true
    }

    /// The media of a player without a socket is gone.
    pub(super) fn hosted_player_gone(&mut self, now: Now, peer: PeerId, key: ResourceKey, reason: GoneReason) {
        tracing::debug!(?peer, ?reason, "media of a player is gone");
        self.hosted.lose_peer(peer);
        if reason == GoneReason::ConsentLost {
            self.expect_new_resource(now, key);
        } else {
            self.drop_resource(key);
        }
    }

    /// Keeps a resource whose media is lost, and with it the session, until the client has had time to ask for another.
    fn expect_new_resource(&mut self, now: Now, key: ResourceKey) {
        let until = now.mono.saturating_add(Duration::from_secs(self.timings.media_grace_s));
        self.timers.set(Timer::Resource(key), until);
    }

    /// A session without a socket lives as long as it has a resource.
    pub(super) fn end_unused_sessions(&mut self) {
        while let Some(key) = self.hosted.unused.pop() {
            let hosted = self.sessions.get(&key).is_some_and(|session| session.hosted);
            if hosted && self.hosted.of_session(key).next().is_none() {
                self.end_session(key, End::Logout, None);
            }
        }
    }
}

fn no_such_resource() -> WireError {
    WireError::fatal(
        codes::NETWORK_RECOVERY,
        "there is no such resource (any more); POST a new offer",
    )
}
