//! What WHIP and WHEP ask of a resource: candidates, ICE restart, the end.

use express_messages::codes;
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::WireError;
use rand::RngExt;

use super::hosted::unusable;
use super::login::hex;
use super::records::ResourceKey;
use super::{NegotiateError, Now, RoomsState};
use crate::forwarder::{Credentials, PeerId, StreamKey};
use crate::rooms::counters::count;
use crate::rooms::effect::Effect;
use crate::rooms::hosted::{HostFault, HostRefusal, HostTicket, Hosted, IfMatch, ResourceAction, ResourceRequest};

impl RoomsState {
    /// Somebody wants something of a resource.
    pub fn on_resource(&mut self, now: Now, ticket: HostTicket, request: ResourceRequest) -> Vec<Effect> {
        self.note_time(now);
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
    pub(super) fn publisher_left(&mut self, now: Now, key: StreamKey, peer: Option<PeerId>) {
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
}

fn no_such_resource() -> WireError {
    WireError::fatal(
        codes::NETWORK_RECOVERY,
        "there is no such resource (any more); POST a new offer",
    )
}
