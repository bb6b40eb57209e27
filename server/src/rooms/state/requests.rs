//! What a client sends: who may send it, how often, and what answers it.

use std::time::Duration;

use express_messages::codes;
use express_signalling::protocol::{HeartbeatOk, Request, ServerFrame, VERSION, WireError};

use super::records::{SessionKey, Timer};
use super::{BadFrame, Now, RoomsState, ms};
use crate::rooms::counters::count;
use crate::rooms::effect::{CloseReason, ConnectionId, Effect};

/// Bad behaviour that a socket may show at once; one unit is forgiven each second.
pub(super) const STRIKES: u32 = 20;
/// What a login with a bad token or a resume with a bad secret costs.
pub(super) const STRIKE_GUESS: u32 = 5;
/// What a frame that cannot be read, or one request too many, costs.
const STRIKE_NOISE: u32 = 1;

/// The answer to a request, unless it comes later.
type Served = Result<Option<ServerFrame>, WireError>;

impl RoomsState {
    /// A client asks for something.
    pub fn on_request(&mut self, now: Now, connection: ConnectionId, id: u64, request: Request) -> Vec<Effect> {
        self.note_time(now);
        let Some(known) = self.connections.get_mut(&connection).filter(|known| !known.closing) else {
            return Vec::new();
        };
        let session = known.session;
        let served = match known.requests.take(self.requests, 1, now.mono) {
            Ok(()) => {
                self.heard(now, session);
                self.serve(now, connection, session, id, request)
            }
            Err(wait) => {
                self.strike(now, connection, STRIKE_NOISE);
                Err(WireError::retry(
                    codes::ROOM_RATE_LIMIT,
                    "too many requests a second on this socket",
                    whole_ms(wait),
                ))
            }
        };
        match served {
            Ok(Some(frame)) => self.reply(connection, frame),
            Ok(None) => {}
            Err(error) => self.refuse(connection, id, error),
        }
        self.take_effects()
    }

    /// A client sent something that is no request.
    pub fn on_bad_frame(&mut self, now: Now, connection: ConnectionId, bad: BadFrame) -> Vec<Effect> {
        if self.connections.get(&connection).is_some_and(|known| !known.closing) {
            match bad.id {
                Some(id) => {
                    self.strike(now, connection, STRIKE_NOISE);
                    self.refuse(connection, id, WireError::fatal(codes::INPUT_PARAM, bad.problem));
                }
                None => {
                    self.counters.refuse(codes::PARSE_JSON_ERROR);
                    count(&mut self.counters.closed_for_conduct);
                    self.close(connection, CloseReason::unreadable());
                }
            }
        }
        self.take_effects()
    }

    fn serve(&mut self, now: Now, connection: ConnectionId, session: Option<SessionKey>, id: u64, request: Request) -> Served {
        let Some(key) = session else {
            return self.serve_stranger(now, connection, id, request);
        };
        match request {
            Request::Login(_) | Request::Resume(_) => Err(WireError::fatal(
                codes::LOGIN_STATE_WRONG,
                "this socket is logged in; log out first",
            )),
            Request::MediaPorts(_) => Ok(Some(ServerFrame::ok(id, &self.ports))),
            Request::Heartbeat(_) => Ok(Some(ServerFrame::ok(id, &self.heartbeat(now, key)?))),
            Request::Logout(_) => {
                self.logout(connection, key, id);
                Ok(None)
            }
            Request::RenewToken(renew) => Ok(Some(ServerFrame::ok(id, &self.renew_token(now, connection, key, &renew)?))),
            Request::Publish(publish) => self.publish(now, connection, key, id, publish).map(|()| None),
            Request::Unpublish(unpublish) => Ok(Some(ServerFrame::ok(id, &self.unpublish(key, &unpublish.stream_id)))),
            Request::Play(play) => self.play(connection, key, id, play).map(|()| None),
            Request::StopPlay(stop) => Ok(Some(ServerFrame::ok(id, &self.stop_play(key, &stop.stream_id)))),
            Request::PausePlay(pause) => Ok(Some(ServerFrame::ok(id, &self.pause_play(key, &pause)?))),
            Request::MuteStream(mute) => Ok(Some(ServerFrame::ok(id, &self.mute_stream(key, &mute)?))),
            Request::SetStreamExtraInfo(set) => Ok(Some(ServerFrame::ok(id, &self.set_stream_extra_info(key, &set)?))),
            Request::SetRoomExtraInfo(set) => {
                let done = self.set_room_info(now, (connection, id), key, set)?;
                Ok(done.map(|done| ServerFrame::ok(id, &done)))
            }
            Request::SendBroadcastMessage(send) => {
                let sent = self.broadcast(now, (connection, id), key, send)?;
                Ok(sent.map(|sent| ServerFrame::ok(id, &sent)))
            }
            Request::SendBarrageMessage(send) => Ok(Some(ServerFrame::ok(id, &self.barrage(now, key, send)?))),
            Request::SendCustomCommand(send) => Ok(Some(ServerFrame::ok(id, &self.custom_command(now, key, send)?))),
            Request::ReportQuality(report) => Ok(Some(ServerFrame::ok(id, &self.report_quality(now, key, report)?))),
        }
    }

    fn serve_stranger(&mut self, now: Now, connection: ConnectionId, id: u64, request: Request) -> Served {
        if self
            .connections
            .get(&connection)
            .is_some_and(|known| known.entering.is_some())
        {
            let message = "a login on this socket is being dealt with; wait for its answer";
            return Err(WireError::fatal(codes::LOGIN_STATE_WRONG, message));
        }
        let served = match request {
            // Still a stranger: the time for a login goes on.
            Request::MediaPorts(_) => return Ok(Some(ServerFrame::ok(id, &self.ports))),
            Request::Login(login) => {
                let served = self.login(now, (connection, id), login);
                served.map(|ok| ok.map(|ok| ServerFrame::ok(id, &ok)))
            }
            Request::Resume(resume) => {
                let served = self.resume(now, connection, &resume);
                served.map(|ok| Some(ServerFrame::ok(id, &ok)))
            }
            _ => Err(WireError::fatal(codes::NOT_LOGIN, "log in first, or resume")),
        };
        match served {
            Ok(frame) => {
                self.timers.clear(Timer::Connection(connection));
                Ok(frame)
            }
            Err(error) => {
                self.expect_login(now, connection);
                Err(error)
            }
        }
    }

    fn heartbeat(&mut self, now: Now, key: SessionKey) -> Result<HeartbeatOk, WireError> {
        let ice_servers = self.renew_ice_servers(now, key);
        let session = self.session(key)?;
        Ok(HeartbeatOk {
            seq: session.replay.seq(),
            heartbeat_ms: ms(self.timings.heartbeat()),
            token_expires_in_ms: ms(now.until(session.token.expires_at())),
            online_count: self.online_count(&session.room),
            ice_servers,
        })
    }

    /// Bad behaviour costs; who has spent all is shown the door.
    pub(super) fn strike(&mut self, now: Now, connection: ConnectionId, cost: u32) {
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        if known.strikes.take(self.strikes, cost, now.mono).is_err() {
            count(&mut self.counters.closed_for_conduct);
            self.close(connection, CloseReason::policy("too many bad requests"));
        }
    }

    /// A reply that comes too late for its socket is dropped with it: a client repeats what was not answered.
    pub(super) fn reply(&mut self, connection: ConnectionId, frame: ServerFrame) {
        if self.connections.get(&connection).is_some_and(|known| !known.closing) {
            self.effects.push(Effect::Reply { connection, frame });
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, id: u64, error: WireError) {
        self.counters.refuse(error.code);
        tracing::debug!(
            connection = connection.0,
            code = error.code,
            message = error.message,
            "request refused"
        );
        let frame = ServerFrame::error(id, error);
        let is_close = |effect: &Effect| matches!(effect, Effect::Close { connection: closed, .. } if *closed == connection);
        match self.effects.iter().position(is_close) {
            // The strike that this refusal was worth has closed the socket just now.
            Some(close) => self.effects.insert(close, Effect::Reply { connection, frame }),
            None => self.reply(connection, frame),
        }
    }
}

pub(super) fn choose_version(versions: &[u32]) -> Result<u32, WireError> {
    if versions.contains(&VERSION) {
        return Ok(VERSION);
    }
    let message = format!("this server speaks version {VERSION} of the protocol, the client {versions:?}");
    Err(WireError::fatal(codes::INPUT_PARAM, message))
}

/// In whole milliseconds, rounded up: who asks again after so many milliseconds is not too early.
pub(super) fn whole_ms(wait: Duration) -> Duration {
    let ms = wait.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}
