//! What the engine asks of a room.

use std::time::Instant;

use express_messages::{
    ZegoError, codes,
    ids::{EXTRA_INFO_MAX, StreamId},
    room::{PausePlayStream, PlayStream, PublishStream, RequestError, StreamRole},
};

use super::{
    requests::{Purpose, Ticket},
    state::{LEAVE_TIME, Leaving, Phase, RoomState},
    timers::{Timer, after},
};
use crate::protocol::{Logout, MAX_SDP, MAX_TOKEN, PausePlay, Play, Publish, Request, StopPlay, Unpublish};

impl RoomState {
    /// Leaves the room. LOGOUT is told at once; the server is told within a second, as far as there is a way to it.
    pub(super) fn logout(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Over) {
            return;
        }
        let event = self.report.logged_out();
        self.emit(event);
        self.drop_requests();
        self.timers.clear_all();
        let leaving = match self.phase {
            Phase::Up => Leaving::Told {
                id: self.send(Logout {}),
            },
            Phase::Asking { id, .. } => Leaving::Asking { id },
            Phase::Opening if self.session.is_some() => Leaving::Opening,
            // Nothing of this login is at the server, or nothing leads there.
            _ => return self.end(),
        };
        self.timers.set(Timer::Leave, after(now, LEAVE_TIME));
        self.set_phase(Phase::Leaving(leaving));
    }

    /// Ends at once and tells nobody but the server, as far as the socket takes it.
    pub(super) fn stop(&mut self) {
        if matches!(self.phase, Phase::Up | Phase::Asking { .. }) {
            self.send(Logout {});
        }
        self.end();
    }

    /// Takes a new token: sent at once when logged in, else kept for the next login or resume.
    ///
    /// # Errors
    /// [`codes::INPUT_PARAM`] for a token that is empty or longer than [`MAX_TOKEN`]; [`codes::NOT_LOGIN`] after the end.
    pub(super) fn renew_token(&mut self, now: Instant, token: String) -> Result<(), ZegoError> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            let message = format!("the token has {} bytes; give 1 to {MAX_TOKEN}", token.len());
            return Err(ZegoError::new(codes::INPUT_PARAM, message));
        }
        if matches!(self.phase, Phase::Leaving(_) | Phase::Over) {
            return Err(ZegoError::new(codes::NOT_LOGIN, "the room was left"));
        }
        if self.token.renew(token) && self.phase == Phase::Up {
            self.send_token(now);
        }
        Ok(())
    }

    /// Offers a stream to the server.
    pub(super) fn publish(&mut self, now: Instant, ticket: Ticket, command: PublishStream) {
        let PublishStream {
            stream_id,
            offer,
            extra_info,
            muted,
        } = command;
        let refused = too_long("the SDP offer", &offer, MAX_SDP, codes::PUBLISHER_PARAM)
            .or_else(|| too_long("extraInfo", &extra_info, EXTRA_INFO_MAX, codes::PUBLISHER_EXTRA_INFO_TOO_LONG));
        let request = Publish {
            stream_id: stream_id.clone(),
            offer,
            extra_info,
            muted,
        };
        let telling = self.mics.offered(&stream_id, muted);
        let purpose = Purpose::Publish {
            ticket,
            stream_id: stream_id.clone(),
            telling,
        };
        if self.ask_server(now, ticket, refused, request, purpose) {
            self.media.asked(StreamRole::Publish, &stream_id);
        } else {
            self.mics.not_taken(&stream_id, telling);
        }
    }

    /// Asks the server for a stream.
    pub(super) fn play(&mut self, now: Instant, ticket: Ticket, command: PlayStream) {
        let PlayStream {
            stream_id,
            offer,
            loudest,
        } = command;
        let refused = too_long("the SDP offer", &offer, MAX_SDP, codes::PLAYER_PARAM);
        let request = Play {
            stream_id: stream_id.clone(),
            offer,
            loudest,
        };
        let purpose = Purpose::Play {
            ticket,
            stream_id: stream_id.clone(),
        };
        if self.ask_server(now, ticket, refused, request, purpose) {
            self.media.asked(StreamRole::Play, &stream_id);
        }
    }

    /// Stops or resumes the audio of a played stream.
    pub(super) fn pause_play(&mut self, now: Instant, ticket: Ticket, command: PausePlayStream) {
        let request = PausePlay {
            stream_id: command.stream_id,
            paused: command.paused,
        };
        self.ask_server(now, ticket, None, request, Purpose::Plain { ticket });
    }

    /// Sends a request that somebody waits for; nothing is queued while the link is away. Returns whether it was sent.
    pub(super) fn ask_server(
        &mut self,
        now: Instant,
        ticket: Ticket,
        refused: Option<RequestError>,
        request: impl Into<Request>,
        purpose: Purpose,
    ) -> bool {
        let away = (self.phase != Phase::Up || self.has_moved()).then_some(RequestError::Disconnected);
        if let Some(error) = refused.or(away) {
            self.answer(ticket, Err(error));
            return false;
        }
        self.request(now, request, purpose);
        true
    }

    /// A published stream ends. While the link is away this is remembered, and told when the session is taken up again.
    pub(super) fn unpublish(&mut self, now: Instant, stream_id: StreamId) {
        self.forget_published(&stream_id);
        self.tell_server(now, Unpublish { stream_id });
    }

    /// A played stream is wanted no more; as [`Self::unpublish`] while the link is away.
    pub(super) fn stop_play(&mut self, now: Instant, stream_id: StreamId) {
        self.media.stopped(StreamRole::Play, &stream_id);
        self.tell_server(now, StopPlay { stream_id });
    }

    /// Tells the server something that nobody waits for; not while the link is away.
    pub(super) fn tell_server(&mut self, now: Instant, request: impl Into<Request>) {
        if self.phase == Phase::Up {
            self.request(now, request, Purpose::Told);
        }
    }
}

/// The refusal of a text that no server would take.
pub(super) fn too_long(what: &str, text: &str, max: usize, code: i32) -> Option<RequestError> {
    (text.len() > max).then(|| RequestError::Refused {
        code,
        message: format!("{what} has {} bytes; at most {max} are allowed", text.len()),
        retry_after: None,
    })
}
