//! Who publishes a streamID is settled with the whole cloud: a publish waits for its claim.

use std::time::Duration;

use express_messages::codes;
use express_messages::ids::{StreamId, UserId};
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::{Publish, WireError};

use super::publish::{MEDIA_RETRY, superseded, taken};
use super::records::{Asker, RoomKey, SessionKey, Stream, StreamName, Timer};
use super::{Now, RoomsState};
use crate::forwarder::StreamKey;
use crate::rooms::cloud::{NodeName, Wish};
use crate::rooms::effect::{ConnectionId, Ticket};
use crate::rooms::hosted::{HostRequest, HostTicket};

/// Claims that wait at a time.
const MAX_CLAIMS: usize = 10_000;
/// The cloud answers sooner; this is for the case that it does not.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer that nobody waits for any more is expected, so that what it grants is given back.
const LATE: Duration = Duration::from_secs(60);

/// Who waits for a claim.
#[derive(Debug)]
pub(super) enum Claimant {
    /// A request on a socket.
    Session {
        connection: ConnectionId,
        id: u64,
        key: SessionKey,
        publish: Publish,
    },
    /// A request of WHIP, which has no session yet.
    Host { ticket: HostTicket, request: Box<HostRequest> },
}

/// A claim that was not answered yet.
#[derive(Debug)]
pub(super) struct Claiming {
    room: RoomKey,
    stream_id: StreamId,
    user_id: UserId,
    /// `None`: nobody wants it any more.
    claimant: Option<Claimant>,
}

impl Claiming {
    fn is_of(&self, session: SessionKey) -> bool {
        matches!(&self.claimant, Some(Claimant::Session { key, .. }) if *key == session)
    }
}

impl RoomsState {
    /// Whether the cloud must be asked before a session (`None`: one that is not there yet) of this user may own the stream.
    pub(super) fn must_claim(&self, app_id: u32, session: Option<SessionKey>, user: &UserId, stream_id: &StreamId) -> bool {
        let known = self.stream_key(app_id, stream_id).and_then(|key| self.streams.get(&key));
        // What is this session's, or left to its user, is claimed.
        let is_ours = |stream: &Stream| match stream.owner {
            Some(owner) => Some(owner) == session,
            None => stream.origin.is_none() && stream.user.user_id == *user,
        };
        self.cloud.is_some() && !known.is_some_and(is_ours)
    }

    /// Asks the cloud for a streamID; a session asks once, for the newest of its requests.
    pub(super) fn ask_claim(
        &mut self,
        room: RoomKey,
        user_id: UserId,
        stream_id: StreamId,
        claimant: Claimant,
    ) -> Result<(), WireError> {
        let Some(cloud) = &mut self.cloud else { return Ok(()) };
        if let Claimant::Session { key, .. } = &claimant {
            let asked = cloud.claims.values_mut();
            let mut asked = asked.filter(|claim| claim.is_of(*key) && claim.stream_id == stream_id);
            if let Some(asked) = asked.next() {
                if let Some(older) = asked.claimant.replace(claimant) {
                    self.refuse_claimant(older, superseded(true));
                }
                return Ok(());
            }
        }
        if cloud.claims.len() >= MAX_CLAIMS {
            let message = "too many streams are waiting for the cloud";
            return Err(WireError::retry(codes::PUBLISHER_INNER_ERROR, message, MEDIA_RETRY));
        }
        let ticket = Ticket(self.new_number());
        let at = self.in_a(PATIENCE);
        self.timers.set(Timer::Claim(ticket), at);
        self.wish(Wish::Claim {
            ticket,
            room: room.clone(),
            stream_id: stream_id.clone(),
            user_id: user_id.clone(),
        });
        let claiming = Claiming {
            room,
            stream_id,
            user_id,
            claimant: Some(claimant),
        };
        if let Some(cloud) = &mut self.cloud {
            cloud.claims.insert(ticket, claiming);
        }
        Ok(())
    }

    /// The cloud answered.
    pub(super) fn claimed(&mut self, now: Now, ticket: Ticket, outcome: Result<u64, ()>) {
        self.timers.clear(Timer::Claim(ticket));
        let Some(claiming) = self.cloud.as_mut().and_then(|cloud| cloud.claims.remove(&ticket)) else {
            return;
        };
        let name = (claiming.room.0, claiming.stream_id);
        match (claiming.claimant, outcome) {
            (claimant, Ok(epoch)) => {
                if let Some(cloud) = &mut self.cloud {
                    cloud.granted = Some(name.clone());
                }
                if let Some(claimant) = claimant {
                    self.make_use(now, claimant, epoch);
                }
                if let Some(cloud) = &mut self.cloud {
                    cloud.granted = None;
                }
                self.give_back_unused(&name, &claiming.user_id);
            }
            (Some(claimant), Err(())) => self.refuse_claimant(claimant, taken()),
            (None, Err(())) => {}
        }
        self.close_room_if_unused(&claiming.room, None);
    }

    fn make_use(&mut self, now: Now, claimant: Claimant, epoch: u64) {
        match claimant {
            Claimant::Session {
                connection,
                id,
                key,
                publish,
            } => {
                let asker = Asker::Socket { connection, id };
                let checked = self.may_publish(now, key, &publish);
                if let Err(error) = checked.and_then(|()| self.publish_own(asker, key, publish, Some(epoch))) {
                    self.refuse(connection, id, error);
                }
            }
            Claimant::Host { ticket, request } => {
                if let Err(refusal) = self.host(now, ticket, *request, Some(epoch)) {
                    self.answer_host(ticket, Err(refusal));
                }
                self.end_unused_sessions();
            }
        }
    }

    /// What was granted and nobody has use for is free again.
    fn give_back_unused(&mut self, name: &StreamName, user: &UserId) {
        let stream = self.stream_key(name.0, &name.1).and_then(|key| self.streams.get(&key));
        let used = stream.is_some_and(|stream| stream.claimed);
        let is_same = |claim: &Claiming| (claim.room.0, &claim.stream_id, &claim.user_id) == (name.0, &name.1, user);
        let asked = self.cloud.iter().flat_map(|cloud| cloud.claims.values()).any(is_same);
        if !used && !asked {
            self.wish(Wish::Release(name.0, name.1.clone()));
        }
    }

    fn refuse_claimant(&mut self, claimant: Claimant, error: WireError) {
        match claimant {
            Claimant::Session { connection, id, .. } => self.refuse(connection, id, error),
            Claimant::Host { ticket, .. } => self.answer_host(ticket, Err(error.into())),
        }
    }

    /// The session does not want to publish any more, this stream (`None`: any).
    pub(super) fn cancel_claims(&mut self, session: SessionKey, stream_id: Option<&StreamId>) {
        let claims = self.cloud.iter_mut().flat_map(|cloud| cloud.claims.values_mut());
        let of_session = claims.filter(|claim| claim.is_of(session));
        let meant = of_session.filter(|claim| stream_id.is_none_or(|id| claim.stream_id == *id));
        let cancelled: Vec<Claimant> = meant.filter_map(|claim| claim.claimant.take()).collect();
        for claimant in cancelled {
            self.refuse_claimant(claimant, superseded(true));
        }
    }

    /// How many streams a session waits for, beside this one.
    pub(super) fn claims_of(&self, session: SessionKey, but: &StreamId) -> usize {
        let claims = self.cloud.iter().flat_map(|cloud| cloud.claims.values());
        claims.filter(|claim| claim.is_of(session) && claim.stream_id != *but).count()
    }

    /// Whether a room must stay open for somebody who is about to enter it, or waits for a claim and is in no room yet.
    pub(super) fn claims_keep(&self, room: &RoomKey) -> bool {
        if self.cloud.as_ref().is_some_and(|cloud| cloud.keeps.as_ref() == Some(room)) {
            return true;
        }
        let mut claims = self.cloud.iter().flat_map(|cloud| cloud.claims.values());
        claims.any(|claim| claim.room == *room && matches!(claim.claimant, Some(Claimant::Host { .. })))
    }

    /// The cloud did not answer.
    pub(super) fn claim_due(&mut self, ticket: Ticket) {
        let Some(cloud) = &mut self.cloud else { return };
        let Some(claiming) = cloud.claims.get_mut(&ticket) else {
            return;
        };
        let room = claiming.room.clone();
        match claiming.claimant.take() {
            Some(claimant) => {
                let message = "the cloud did not answer in time";
                let error = WireError::retry(codes::PUBLISHER_INNER_ERROR, message, MEDIA_RETRY);
                self.refuse_claimant(claimant, error);
                let at = self.in_a(LATE);
                self.timers.set(Timer::Claim(ticket), at);
            }
            None => {
                cloud.claims.remove(&ticket);
            }
        }
        self.close_room_if_unused(&room, None);
    }

    /// A claim has its number.
    pub(super) fn settled(&mut self, (app_id, stream_id): StreamName, epoch: u64) {
        let Some(key) = self.stream_key(app_id, &stream_id) else {
            return;
        };
        if let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.claimed) {
            stream.epoch = epoch;
            self.tell_stream_again(key);
        }
    }

    /// A stream of this node is another node's.
    pub(super) fn claim_lost(&mut self, now: Now, (app_id, stream_id): &StreamName, moved_to: Option<NodeName>) {
        let Some(key) = self.stream_key(*app_id, stream_id) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.origin.is_none()) else {
            return;
        };
        stream.claimed = false;
        match moved_to.filter(|_| stream.announced.is_some()) {
            Some(node) => self.hand_over(now, key, node),
            None => {
                let why = (codes::PUBLISHER_DUPLICATE_STREAMID, "the streamID is published elsewhere");
                self.end_stream(key, StreamDeleteReason::RepeatLogin, Some(why));
            }
        }
    }

    /// A remote stream of the session's own user becomes the session's, and nobody notices.
    pub(super) fn take_over(&mut self, key: SessionKey, stream_key: StreamKey, publish: &Publish, epoch: u64) {
        self.move_confirmed(stream_key);
        let Some((stream, session)) = self.streams.get_mut(&stream_key).zip(self.sessions.get_mut(&key)) else {
            return;
        };
        stream.origin = None;
        stream.owner = Some(key);
        stream.user = session.user.clone();
        (stream.claimed, stream.epoch) = (true, epoch);
        session.publishing.insert(stream_key);
        self.timers.clear(Timer::Relay(stream_key));
        self.timers.clear(Timer::RelayIdle(stream_key));
        self.describe_again(stream_key, publish);
    }
}
