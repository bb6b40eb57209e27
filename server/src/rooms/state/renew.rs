//! renewToken.

use express_messages::codes;
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::{RenewToken, RenewTokenOk, WireError};
use express_token::{Verified, verify};

use super::login::token_refused;
use super::records::SessionKey;
use super::requests::STRIKE_GUESS;
use super::{Now, RoomsState, ms, session_is_gone};
use crate::forwarder::StreamKey;
use crate::rooms::effect::ConnectionId;

impl RoomsState {
    /// Puts a new token in force; streams that it does not allow end with 1002082.
    pub(super) fn renew_token(
        &mut self,
        now: Now,
        connection: ConnectionId,
        key: SessionKey,
        renew: &RenewToken,
    ) -> Result<RenewTokenOk, WireError> {
        let judged = self.judge_renewal(now, key, renew);
        let token = match judged {
            Ok(token) => token,
            Err(error) => {
                self.strike(now, connection, STRIKE_GUESS);
                return Err(error);
            }
        };
        let token_expires_in_ms = ms(now.until(token.expires_at()));
        let session = self.sessions.get_mut(&key).ok_or_else(session_is_gone)?;
        session.token = token;
        self.watch_token(now, key);
        for stream in self.streams_without_right(key) {
            let why = (
                codes::NO_PUBLISH_AUTH,
                "the renewed token does not permit to publish this stream",
            );
            // Documented: the client is told to stop it, so others see it stopped.
            self.end_stream(stream, StreamDeleteReason::Stopped, Some(why));
        }
        Ok(RenewTokenOk { token_expires_in_ms })
    }

    fn judge_renewal(&self, now: Now, key: SessionKey, renew: &RenewToken) -> Result<Verified, WireError> {
        let session = self.session(key)?;
        let (app_id, room_id) = &session.room;
        let app = self.apps.get(app_id).ok_or_else(session_is_gone)?;
        let judged = verify(
            &renew.token,
            &app.secret,
            &app.policy,
            session.user.user_id.as_str(),
            now.unix_s(),
        );
        let token = judged.map_err(|refusal| {
            tracing::info!(app_id, user_id = %session.user.user_id, reason = %refusal.reason(), "token renewal refused");
            token_refused(&refusal)
        })?;
        // The right to log in counts at the next login; the room must be this one.
        let privileges = token.claims().privileges.as_ref();
        match privileges {
            Some(privileges) if privileges.room_id != room_id.as_str() => {
                tracing::info!(app_id, user_id = %session.user.user_id, "token renewal refused: for another room");
                Err(WireError::fatal(codes::TOKEN_ERROR, "token rejected"))
            }
            _ => Ok(token),
        }
    }

    fn streams_without_right(&self, key: SessionKey) -> Vec<StreamKey> {
        let Some(session) = self.sessions.get(&key) else {
            return Vec::new();
        };
        let lost = |key: &&StreamKey| {
            let stream = self.streams.get(key);
            stream.is_some_and(|stream| session.token.may_publish(stream.name.1.as_str()).is_err())
        };
        session.publishing.iter().filter(lost).copied().collect()
    }
}
