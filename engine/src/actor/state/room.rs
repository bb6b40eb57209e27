//! The room login: one at a time.
//!
//! ```text
//!            loginRoom        LOGINED              RECONNECTING
//!   (none) ───────────► LoggingIn ──────► LoggedIn ◄────────────► Reconnecting
//!      ▲                    │                │     RECONNECTED        │
//!      └────────────────────┴────────────────┴────────────────────────┘
//!        LOGIN_FAILED, LOGOUT, KICKOUT, RECONNECT_FAILED, or the part is gone
//! ```

use std::time::Duration;

use express_messages::{
    ZegoError, codes,
    ids::RoomId,
    room::{RoomEvent, RoomOptions, StreamRole},
    types::{RoomState, RoomStateChangedReason as Reason, ZegoUser},
};

use super::{
    CallId, Command, EngineState, LifeId, Step, farewell::Farewell, life::Slot, seen::SeenStreams, token_form::check_token_form,
};
use crate::{
    events::{RoomStateChanged, RoomStateUpdate, RoomUserUpdate, TokenWillExpire},
    options::{LoginUser, ZegoRoomConfig},
};

/// One login, from `loginRoom` to its end.
#[derive(Debug)]
pub(super) struct Room {
    options: RoomOptions,
    /// `None` while the predecessor is still leaving.
    life: Option<LifeId>,
    phase: Phase,
    pub(super) streams: SeenStreams,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    LoggingIn(CallId),
    LoggedIn,
    Reconnecting,
}

/// The arguments of `loginRoom`, not yet checked.
#[derive(Debug, Clone)]
pub(crate) struct LoginRequest {
    pub(crate) room_id: String,
    pub(crate) token: String,
    pub(crate) user: LoginUser,
    pub(crate) config: ZegoRoomConfig,
}

impl Room {
    pub(super) fn id(&self) -> &RoomId {
        &self.options.room_id
    }

    pub(super) fn user(&self) -> &ZegoUser {
        &self.options.user
    }

    /// The part to publish and play through; `None` before LOGINED.
    pub(super) fn ready(&self) -> Option<LifeId> {
        match self.phase {
            Phase::LoggingIn(_) => None,
            Phase::LoggedIn | Phase::Reconnecting => self.life,
        }
    }
}

impl EngineState {
    /// `loginRoom`. The answer comes with LOGINED or LOGIN_FAILED.
    pub(crate) fn login_room(&mut self, request: LoginRequest, call: CallId, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        if let Some(room) = &self.room {
            let text = format!("already in room {}; call logout_room first", room.options.room_id);
            return Err(ZegoError::new(codes::ROOM_COUNT_EXCEED, text));
        }
        tell_state(&request.room_id, Reason::Logining, 0, "", out);
        let raw_room_id = request.room_id.clone();
        let options = self.check_login(request).inspect_err(|error| {
            tell_state(&raw_room_id, Reason::LoginFailed, error.code, &error.message, out);
        })?;
        self.room = Some(Room {
            options,
            life: None,
            phase: Phase::LoggingIn(call),
            streams: SeenStreams::default(),
        });
        self.start_room(out);
        Ok(())
    }

    /// Checks in the documented order: roomID, token, user, userID, userName, maxMemberCount.
    pub(super) fn check_login(&self, request: LoginRequest) -> Result<RoomOptions, ZegoError> {
        let room_id = RoomId::new(&request.room_id)?;
        if request.token.is_empty() {
            return Err(ZegoError::new(
                codes::INPUT_PARAM,
                "the token is empty; get one from your business server",
            ));
        }
        let user = ZegoUser::new(&request.user.user_id, request.user.user_name)?;
        Ok(RoomOptions {
            app_id: self.settings.app_id,
            servers: self.settings.servers.clone(),
            room_id,
            token: request.token,
            user,
            user_update: request.config.user_update,
            max_member_count: request.config.max_member_count,
            loudest_streams: request.config.loudest_streams,
            timings: self.settings.timings.clone(),
        })
    }

    /// Starts the login that waits, once the former one has left.
    pub(super) fn start_room(&mut self, out: &mut Step) {
        if self.is_taken(&Slot::Room) || self.room.as_ref().is_none_or(|room| room.life.is_some()) {
            return;
        }
        let life = self.new_life();
        if let Some(room) = &mut self.room {
            room.life = Some(life);
            let options = room.options.clone();
            out.command(Command::StartRoom { life, options });
        }
    }

    /// `logoutRoom`; `None` leaves whatever room it is.
    pub(crate) fn logout_room(&mut self, room_id: Option<&str>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let Some(room) = &self.room else {
            // No change of the coarse state: the older twin is not told.
            out.emit(room_state(room_id.unwrap_or_default(), Reason::Logout, 0, "no room login"));
            return Ok(());
        };
        if room_id.is_some_and(|id| room.options.room_id != *id) {
            return Err(not_that_room(room_id.unwrap_or_default()));
        }
        self.tell_room_to_log_out(out);
        self.end_room(Farewell::logout(), out);
        Ok(())
    }

    pub(super) fn tell_room_to_log_out(&self, out: &mut Step) {
        if let Some(life) = self.room.as_ref().and_then(|room| room.life) {
            out.command(Command::Logout(life));
        }
    }

    /// `renewToken`: checks the form and passes it on.
    pub(crate) fn renew_token(&mut self, token: &str, room_id: Option<&str>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        check_token_form(token)?;
        let Some(room) = &mut self.room else {
            return Err(not_logged_in());
        };
        if let Some(id) = room_id.filter(|id| room.options.room_id != **id) {
            return Err(not_that_room(id));
        }
        if room.options.token == token {
            return Ok(());
        }
        room.options.token = token.into();
        if let Some(life) = room.life {
            let token = token.into();
            out.command(Command::RenewToken { life, token });
        }
        Ok(())
    }

    /// What the room part reported.
    pub(crate) fn on_room_event(&mut self, life: LifeId, event: RoomEvent, out: &mut Step) {
        if self.alive().is_err() || self.room.as_ref().is_none_or(|room| room.life != Some(life)) {
            if matches!(event, RoomEvent::Exited { .. }) {
                self.room.take_if(|room| room.life == Some(life));
                self.on_expected_exit(life, out);
            }
            return;
        }
        match event {
            RoomEvent::StateChanged {
                reason,
                code,
                extended_data,
            } => self.on_room_state(reason, code, extended_data, out),
            RoomEvent::UserUpdate { update, users } => out.emit(RoomUserUpdate {
                room_id: self.room_id(),
                update_type: update,
                user_list: users,
            }),
            RoomEvent::StreamUpdate {
                update,
                streams,
                extended_data,
            } => self.on_room_streams(update, streams, extended_data, out),
            RoomEvent::ExtraInfoUpdate { streams } => self.on_extra_infos(streams, out),
            RoomEvent::MicUpdate { stream_id, muted } => self.on_mic(stream_id, muted, out),
            RoomEvent::NetworkQuality(users) => self.on_network_quality(users),
            RoomEvent::ListenerReports(reports) => self.on_listener_reports(reports, out),
            RoomEvent::UplinkReports(reports) => self.on_uplink_reports(reports, out),
            RoomEvent::TokenWillExpire { remaining } => self.on_token_will_expire(remaining, out),
            RoomEvent::StreamEnded {
                stream_id,
                role: StreamRole::Publish,
                code,
                message,
            } => self.on_publication_ended(&stream_id, code, message, out),
            RoomEvent::StreamEnded {
                stream_id,
                role: StreamRole::Play,
                code,
                message,
            } => self.tell_playback_ended(&stream_id, code, message, out),
            RoomEvent::LinkRestored { resumed } => {
                if !resumed {
                    self.forget_foreign_mutes(out);
                }
                self.restore_streams(resumed, out);
            }
            RoomEvent::Exited { panicked } => self.on_room_lost(life, panicked, out),
            word => self.on_word(word, out),
        }
    }

    pub(super) fn room_id(&self) -> String {
        self.room
            .as_ref()
            .map(|room| room.options.room_id.to_string())
            .unwrap_or_default()
    }

    fn on_room_state(&mut self, reason: Reason, code: i32, extended_data: String, out: &mut Step) {
        let Some(room) = &mut self.room else { return };
        match reason {
            // The call itself told it.
            Reason::Logining => return,
            Reason::LogoutFailed => {}
            Reason::Reconnecting => room.phase = reconnecting(room.phase),
            Reason::Logined | Reason::Reconnected => {
                if let Phase::LoggingIn(call) = room.phase {
                    out.answer(Some(call), Ok(()));
                }
                room.phase = Phase::LoggedIn;
            }
            Reason::LoginFailed | Reason::ReconnectFailed | Reason::Kickout | Reason::Logout => {
                return self.end_room(
                    Farewell {
                        reason,
                        code,
                        extended_data,
                    },
                    out,
                );
            }
            other => tracing::warn!(%other, "a room state that this engine does not know"),
        }
        tell_state(room.options.room_id.as_str(), reason, code, &extended_data, out);
        self.start_streams(out);
    }

    fn on_token_will_expire(&self, remaining: Duration, out: &mut Step) {
        out.emit(TokenWillExpire {
            room_id: self.room_id(),
            remain_time_in_second: remaining.as_secs(),
        });
    }

    /// The room part is gone without a last word: that login is over.
    fn on_room_lost(&mut self, life: LifeId, panicked: bool, out: &mut Step) {
        let logging_in = self
            .room
            .as_ref()
            .is_some_and(|room| matches!(room.phase, Phase::LoggingIn(_)));
        let reason = if logging_in {
            Reason::LoginFailed
        } else {
            Reason::ReconnectFailed
        };
        let what = if panicked { "panicked" } else { "stopped" };
        tracing::error!(panicked, "the room part ended by itself");
        self.end_room(
            Farewell {
                reason,
                code: codes::ROOM_INNER_ERROR,
                extended_data: format!("the room part of the engine {what}; log in again"),
            },
            out,
        );
        self.on_expected_exit(life, out);
    }

    /// The login is over: its streams end first, with the code that fits, then the room's own event follows.
    pub(super) fn end_room(&mut self, farewell: Farewell, out: &mut Step) {
        let Some(room) = self.room.take() else { return };
        let (publish_code, play_code) = farewell.stream_codes();
        self.end_all_publications(publish_code, &farewell.extended_data, out);
        self.end_all_playbacks(play_code, &farewell.extended_data, out);
        let room_id = room.options.room_id.as_str();
        tell_state(room_id, farewell.reason, farewell.code, &farewell.extended_data, out);
        if let Phase::LoggingIn(call) = room.phase {
            out.answer(Some(call), Err(farewell.into_login_error()));
        }
        if let Some(life) = room.life {
            self.retire(life, Slot::Room, out);
        }
    }

    /// Ends the login when the engine ends; nobody is told.
    pub(super) fn drop_room(&mut self, out: &mut Step) {
        if let Some(life) = self.room.take().and_then(|room| room.life) {
            out.command(Command::StopRoom(life));
            self.retire(life, Slot::Room, out);
        }
    }

    /// # Errors
    /// 1000002 where there is neither a login nor one under way.
    pub(super) fn in_some_room(&self) -> Result<(), ZegoError> {
        match &self.room {
            Some(_) => Ok(()),
            None => Err(not_logged_in()),
        }
    }
}

/// A login that is still running stays one: the server is not reached yet, and the call waits for its answer.
fn reconnecting(phase: Phase) -> Phase {
    match phase {
        Phase::LoggingIn(call) => Phase::LoggingIn(call),
        Phase::LoggedIn | Phase::Reconnecting => Phase::Reconnecting,
    }
}

/// Tells a new state, and its older twin behind it.
fn tell_state(room_id: &str, reason: Reason, error_code: i32, extended_data: &str, out: &mut Step) {
    out.emit(room_state(room_id, reason, error_code, extended_data));
    if let Some(state) = coarse(reason) {
        out.emit(RoomStateUpdate {
            room_id: room_id.into(),
            state,
            error_code,
            extended_data: extended_data.into(),
        });
    }
}

fn room_state(room_id: &str, reason: Reason, error_code: i32, extended_data: &str) -> RoomStateChanged {
    RoomStateChanged {
        room_id: room_id.into(),
        reason,
        error_code,
        extended_data: extended_data.into(),
    }
}

/// The coarse state that a reason leads to.
fn coarse(reason: Reason) -> Option<RoomState> {
    match reason {
        Reason::Logining | Reason::Reconnecting => Some(RoomState::Connecting),
        Reason::Logined | Reason::Reconnected => Some(RoomState::Connected),
        Reason::LoginFailed | Reason::ReconnectFailed | Reason::Kickout | Reason::Logout => Some(RoomState::Disconnected),
        _ => None,
    }
}

pub(super) fn not_logged_in() -> ZegoError {
    ZegoError::new(codes::NOT_LOGIN, "not in a room; call login_room first")
}

pub(super) fn not_that_room(room_id: &str) -> ZegoError {
    ZegoError::new(codes::ROOM_ROOMID_INCORRECT, format!("not logged in to room {room_id:?}"))
}
