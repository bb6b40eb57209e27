//! The resources of WHIP and WHEP: what they are, and how they end.

use std::collections::{BTreeSet, HashMap};

use express_signalling::protocol::WireError;
use rand::RngExt;

use super::end::End;
use super::login::hex;
use super::records::{ResourceKey, SessionKey, SessionSecret, Timer};
use super::{GoneReason, Now, RoomsState};
use crate::forwarder::{Credentials, PeerId, StreamKey};
use crate::rooms::counters::count;
use crate::rooms::effect::{Effect, Ticket};
use crate::rooms::hosted::{HostTicket, Hosted};

/// One media connection of a user without a socket.
#[derive(Debug)]
pub(in crate::rooms) struct Resource {
    /// Its name to the client.
    pub(super) id: String,
    pub(in crate::rooms) session: SessionKey,
    pub(in crate::rooms) stream: StreamKey,
    pub(in crate::rooms) publish: bool,
    /// A player hears the stream while it is one of so many loudest; 0: always.
    pub(super) loudest: u32,
    /// Who has it may change and end the resource, also after it expired.
    pub(super) bearer: SessionSecret,
    /// Names the ICE session.
    pub(super) etag: String,
    /// The client's side of it.
    pub(super) remote: Credentials,
    /// The media connection, from the answer until it is lost.
    pub(in crate::rooms) peer: Option<PeerId>,
    /// The question to the media plane, while it is open.
    pub(in crate::rooms) ticket: Option<Ticket>,
}

/// What a resource is made of.
pub(super) struct NewResource {
    pub(super) session: SessionKey,
    pub(super) publish: bool,
    pub(super) loudest: u32,
    pub(super) bearer: String,
    pub(super) remote: Credentials,
}

/// All resources.
#[derive(Debug, Default)]
pub(in crate::rooms) struct Resources {
    pub(in crate::rooms) all: HashMap<ResourceKey, Resource>,
    pub(super) ids: HashMap<String, ResourceKey>,
    peers: HashMap<PeerId, ResourceKey>,
    by_session: BTreeSet<(SessionKey, ResourceKey)>,
    by_stream: BTreeSet<(StreamKey, ResourceKey)>,
    /// Sessions that may have none left.
    unused: Vec<SessionKey>,
    /// Streams that may have other players than before.
    pub(super) changed: Vec<StreamKey>,
    /// ICE sessions about to begin anew, with the client's new credentials.
    pub(super) restarts: HashMap<HostTicket, (ResourceKey, Credentials)>,
}

impl Resources {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is left of anything.
    #[cfg(any(test, feature = "chaos"))]
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

    pub(super) fn of_stream(&self, key: StreamKey) -> impl Iterator<Item = &Resource> + '_ {
        self.keys_of_stream(key)
            .into_iter()
            .filter_map(|resource| self.all.get(&resource))
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
        self.changed.push(resource.stream);
        self.all.insert(key, resource);
    }

    fn remove(&mut self, key: ResourceKey) -> Option<Resource> {
        let resource = self.all.remove(&key)?;
        self.ids.remove(&resource.id);
        self.by_session.remove(&(resource.session, key));
        self.by_stream.remove(&(resource.stream, key));
        self.changed.push(resource.stream);
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
    pub(super) fn add_resource(&mut self, stream: StreamKey, new: NewResource) -> ResourceKey {
        let key = ResourceKey(self.new_number());
        let resource = Resource {
            id: hex(&self.rng.random::<[u8; 16]>()),
            session: new.session,
            stream,
            publish: new.publish,
            loudest: new.loudest,
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
    pub(super) fn resource_answered(&mut self, now: Now, ticket: HostTicket, key: ResourceKey, peer: PeerId, sdp: String) {
        let Some(resource) = self.hosted.all.get_mut(&key) else {
            return;
        };
        resource.ticket = None;
        resource.peer = Some(peer);
        self.hosted.peers.insert(peer, key);
        let session = resource.session;
        let (resource, etag) = (resource.id.clone(), resource.etag.clone());
        let user = self.sessions.get(&session).map(|session| session.user.user_id.clone());
        let created = Hosted::Created {
            resource,
            etag,
            sdp,
            ice_servers: user.map(|user| self.ice_servers(now, &user)).unwrap_or_default(),
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
    pub(super) fn end_resources_of_session(&mut self, session: SessionKey, end: &End) {
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

    /// Ends the resources that publish a stream which is another node's by now.
    pub(super) fn end_publishing_resources(&mut self, stream: StreamKey) {
        for key in self.hosted.keys_of_stream(stream) {
            if self.hosted.all.get(&key).is_some_and(|resource| resource.publish) {
                self.end_resource(key);
            }
        }
    }

    pub(super) fn end_resource(&mut self, key: ResourceKey) {
        let peer = self.hosted.all.get(&key).and_then(|resource| resource.peer);
        match peer {
            Some(peer) => self.remove_peer(peer),
            None => self.drop_resource(key),
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
        let until = now.mono.saturating_add(self.timings.media_grace());
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
