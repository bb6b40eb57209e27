//! WHIP and WHEP: logging in, publishing and playing by one request.

use std::net::IpAddr;

use express_messages::codes;
use express_messages::ids::{RoomId, UserId};
use express_messages::types::ZegoUser;
use express_signalling::protocol::{Publish, WireError};
use express_token::{TOKEN_EXPIRED, Verified, verify_bearer};

use super::claims::Claimant;
use super::login::{Entry, token_refused};
use super::publish::offer_refused;
use super::records::{Asker, RoomKey, SessionKey};
use super::resources::NewResource;
use super::waiting_logins::Entering;
use super::{NegotiateError, Now, RoomsState};
use crate::forwarder::Wish;
use crate::rooms::counters::count;
use crate::rooms::effect::Effect;
use crate::rooms::hosted::{HostFault, HostRefusal, HostRequest, HostTicket, Hosted, Offered};

/// AppIDs whose secrets are tried on a token whose bearer does not say which one he means.
const APPS_TRIED: usize = 16;

impl RoomsState {
    /// Somebody without a socket wants to publish or to play.
    pub fn on_host(&mut self, now: Now, ticket: HostTicket, request: HostRequest) -> Vec<Effect> {
        self.note_time(now);
        if let Err(refusal) = self.host(now, ticket, request, None) {
            self.answer_host(ticket, Err(refusal));
        }
        self.take_effects()
    }

    pub(super) fn answer_host(&mut self, ticket: HostTicket, outcome: Result<Hosted, HostRefusal>) {
        if let Err(refusal) = &outcome {
            self.counters.refuse(refusal.error.code);
        }
        self.effects.push(Effect::Hosted { ticket, outcome });
    }

    /// - `claim`: the fencing number of the claim to the streamID, if the cloud was asked for it
    pub(super) fn host(
        &mut self,
        now: Now,
        ticket: HostTicket,
        request: HostRequest,
        claim: Option<u64>,
    ) -> Result<(), HostRefusal> {
        self.takes_logins()?;
        let (app_id, token) = self.judge_bearer(now, request.app_id, &request.bearer)?;
        let room = (app_id, room_of(&token, request.room_id.as_ref())?);
        let user = user_of(&token)?;
        may_enter(&token, &room)?;
        if self.must_be_opened(&room) {
            let request = Box::new(request);
            // Who comes by HTTP cannot be sent on.
            return Ok(self.wait_for_room(&room, (0, 0), (true, None), Entering::Host { ticket, request })?);
        }
        let may_host = self.may_host(&room, &user.user_id, &token, &request);
        if may_host.is_err() && !request.publish {
            self.seek_to_play(room.0, &request.stream_id);
        }
        may_host?;
        if request.publish {
            self.publishing_is_not_forbidden(now, &room, &user.user_id, request.from)?;
            if claim.is_none() && self.host_must_claim(&room, &user.user_id, &request) {
                let (user_id, stream_id) = (user.user_id, request.stream_id.clone());
                let request = Box::new(request);
                return Ok(self.ask_claim(room, user_id, stream_id, Claimant::Host { ticket, request })?);
            }
        }
        let HostRequest {
            publish,
            stream_id,
            bearer,
            offer,
            loudest,
            from,
            ..
        } = request;
        let offered = offer.map_err(|error| unusable(publish, &error))?;
        let user_id = user.user_id.clone();
        let key = self.hosted_session(now, (room.clone(), user), token, publish, from)?;
        // A session that got no resource from this ends with the call.
        self.hosted.look_at(key);
        let resource = NewResource {
            session: key,
            publish,
            loudest: 0,
            bearer,
            remote: offered.credentials.clone(),
        };
        if publish {
            let publish = Publish {
                stream_id,
                offer: String::new(),
                extra_info: String::new(),
                muted: false,
            };
            self.host_publisher(ticket, (&publish, claim), offered, resource)
        } else {
            let stream = self.playable_stream(&room, &user_id, &stream_id)?;
            self.may_play_one_more(key)?;
            let wish = self.play_wish(stream, loudest);
            let loudest = match wish {
                Wish::Publish => 0,
                Wish::Play { loudest } => loudest,
            };
            let resource = self.add_resource(stream, NewResource { loudest, ..resource });
            let ticket = self.ask_media(Asker::Host { ticket, resource }, key, stream, wish, offered.sdp);
            self.hosted.waits_for(resource, ticket);
            Ok(())
        }
    }

    fn host_publisher(
        &mut self,
        ticket: HostTicket,
        (publish, claim): (&Publish, Option<u64>),
        offered: Offered,
        resource: NewResource,
    ) -> Result<(), HostRefusal> {
        let key = resource.session;
        let stream = self.claim_stream(key, publish, claim)?;
        let resource = self.add_resource(stream, resource);
        let ticket = self.ask_media(Asker::Host { ticket, resource }, key, stream, Wish::Publish, offered.sdp);
        self.hosted.waits_for(resource, ticket);
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.ticket = Some(ticket);
        }
        Ok(())
    }

    /// Whose token this is, and of which AppID.
    pub(super) fn judge_bearer(&self, now: Now, app_id: Option<u32>, bearer: &str) -> Result<(u32, Verified), HostRefusal> {
        let asked: Vec<u32> = match app_id {
            Some(id) => vec![id],
            None if self.apps.len() <= APPS_TRIED => self.apps.keys().copied().collect(),
            None => {
                let message = "this server serves many AppIDs: say which one by ?app=ID";
                return Err(HostRefusal::new(HostFault::Malformed, codes::INPUT_PARAM, message));
            }
        };
        let mut refused = token_is_refused();
        for id in asked {
            let Some(app) = self.apps.get(&id) else {
                let message = format!("this server does not serve AppID {id}");
                return Err(WireError::fatal(codes::APPID_INVALID, message).into());
            };
            match verify_bearer(bearer, &app.secret, &app.policy, now.unix_s()) {
                Ok(token) => return Ok((id, token)),
                Err(refusal) => {
                    tracing::info!(app_id = id, reason = %refusal.reason(), "bearer token refused");
                    // That it has expired is known under the right secret alone.
                    if refusal.code() == TOKEN_EXPIRED {
                        refused = token_refused(&refusal);
                    }
                }
            }
        }
        Err(refused.into())
    }

    /// What can be said before anybody in the room notices.
    fn may_host(&self, room: &RoomKey, user: &UserId, token: &Verified, request: &HostRequest) -> Result<(), HostRefusal> {
        if !request.publish {
            self.playable_stream(room, user, &request.stream_id)?;
            return Ok(());
        }
        if token.may_publish(request.stream_id.as_str()).is_err() {
            let message = "the token does not permit to publish this stream";
            return Err(HostRefusal::new(HostFault::Forbidden, codes::NO_PUBLISH_AUTH, message));
        }
        let stream = self.stream_key(room.0, &request.stream_id);
        match stream.and_then(|key| self.streams.get(&key)) {
            Some(stream) if stream.user.user_id != *user => Err(super::publish::taken().into()),
            _ => Ok(()),
        }
    }

    /// The session that all resources of this user in this room share; a new one takes the place of any other of the user.
    fn hosted_session(
        &mut self,
        now: Now,
        (room, user): (RoomKey, ZegoUser),
        token: Verified,
        publish: bool,
        from: Option<IpAddr>,
    ) -> Result<SessionKey, WireError> {
        let known = self.users.in_room(&room, &user.user_id);
        let shared = known.and_then(|key| Some((key, self.sessions.get_mut(&key)?)));
        if let Some((key, session)) = shared.filter(|(_, session)| session.hosted) {
            if token.expires_at() > session.token.expires_at() {
                session.token = token;
                self.watch_token(now, key);
            }
            return Ok(key);
        }
        let entry = Entry {
            room,
            user,
            token,
            connection: None,
            from,
            instance: None,
            user_update: false,
            max_members: 0,
            loudest_streams: 0,
            moved_from: None,
        };
        let key = self.enter(now, entry)?;
        count(match publish {
            true => &mut self.counters.whip_logins,
            false => &mut self.counters.whep_logins,
        });
        Ok(key)
    }

    /// Whether the cloud must be asked before this user may publish by WHIP.
    fn host_must_claim(&self, room: &RoomKey, user: &UserId, request: &HostRequest) -> bool {
        let session = self.users.in_room(room, user);
        let hosted = session.filter(|key| self.sessions.get(key).is_some_and(|session| session.hosted));
        self.must_claim(room.0, hosted, user, &request.stream_id)
    }

    fn may_play_one_more(&self, key: SessionKey) -> Result<(), WireError> {
        let played = self.hosted.of_session(key).filter(|resource| !resource.publish).count();
        self.within_play_limit(played)
    }
}

fn may_enter(token: &Verified, room: &RoomKey) -> Result<(), HostRefusal> {
    if token.may_login(room.1.as_str()).is_err() {
        let message = "the token does not permit to log in to this room";
        return Err(HostRefusal::new(HostFault::Forbidden, codes::TOKEN_ERROR, message));
    }
    Ok(())
}

pub(super) fn user_of(token: &Verified) -> Result<ZegoUser, HostRefusal> {
    let user = UserId::new(&token.claims().user_id).and_then(|id| ZegoUser::new(&id, String::new()));
    user.map_err(|error| {
        let message = format!("the token's user is no userID: {}", error.message);
        HostRefusal::new(HostFault::NotAuthenticated, codes::TOKEN_ERROR, message)
    })
}

/// The token's room, or else the one that is asked for.
fn room_of(token: &Verified, asked: Option<&RoomId>) -> Result<RoomId, HostRefusal> {
    let named = token
        .claims()
        .privileges
        .as_ref()
        .map(|privileges| privileges.room_id.as_str());
    match (named, asked) {
        (Some(named), Some(asked)) if named != asked.as_str() => {
            let message = "the token is for another room than ?room= says";
            Err(HostRefusal::new(HostFault::Forbidden, codes::TOKEN_ERROR, message))
        }
        (_, Some(asked)) => Ok(asked.clone()),
        (Some(named), None) => RoomId::new(named).map_err(|error| {
            let message = format!("the token's room is no roomID: {}", error.message);
            HostRefusal::new(HostFault::Forbidden, codes::TOKEN_ERROR, message)
        }),
        (None, None) => {
            let message = "the token names no room: say which one by ?room=ROOM";
            Err(HostRefusal::new(HostFault::Malformed, codes::ROOM_ID_NULL, message))
        }
    }
}

fn token_is_refused() -> WireError {
    WireError::fatal(codes::TOKEN_ERROR, "token rejected")
}

/// Says of an offer what HTTP tells apart: too long, no SDP, SDP that we cannot use, no room.
pub(super) fn unusable(publish: bool, error: &NegotiateError) -> HostRefusal {
    let refusal = HostRefusal::from(offer_refused(publish, error));
    let fault = match error {
        NegotiateError::TooLong(_) => HostFault::TooLarge,
        NegotiateError::Syntax(_) => HostFault::Malformed,
        NegotiateError::Stopped => HostFault::Busy,
        _ => refusal.fault,
    };
    HostRefusal { fault, ..refusal }
}
