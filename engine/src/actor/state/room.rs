//! One room login.
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
    room::{RoomEvent, RoomOptions, SessionFate, StreamRole},
    types::{RoomState, RoomStateChangedReason as Reason, ZegoUser},
};

use super::{
    CallId, Command, EngineState, LifeId, Step,
    farewell::Farewell,
    life::Slot,
    rooms::{not_logged_in, not_that_room},
    seen::{SeenStreams, on_extra_infos},
    talk::on_word,
    token_form::check_token_form,
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
    /// The part that carries it; `None` while the predecessor is still leaving.
    pub(super) fn life(&self) -> Option<LifeId> {
        self.life
    }

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

    /// The part that media can go through; `keep_rtc`: also while its link is away.
    pub(super) fn carrier(&self, keep_rtc: bool) -> Option<LifeId> {
        self.ready().filter(|_| keep_rtc || self.phase != Phase::Reconnecting)
    }
}

impl EngineState {
    /// `loginRoom`. The answer comes with LOGINED or LOGIN_FAILED.
    pub(crate) fn login_room(&mut self, request: LoginRequest, call: CallId, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        self.rooms.may_login(&request.room_id)?;
        tell_state(&request.room_id, Reason::Logining, 0, "", out);
        let raw_room_id = request.room_id.clone();
        let options = self.check_login(request).inspect_err(|error| {
            tell_state(&raw_room_id, Reason::LoginFailed, error.code, &error.message, out);
        })?;
        self.rooms.insert(Room {
            options,
            life: None,
            phase: Phase::LoggingIn(call),
            streams: SeenStreams::default(),
        });
        self.start_rooms(out);
        Ok(())
    }

    /// Checks in the documented order: roomID, token, user, userID, userName, maxMemberCount; then that all rooms have one user.
    pub(super) fn check_login(&self, request: LoginRequest) -> Result<RoomOptions, ZegoError> {
        let room_id = RoomId::new(&request.room_id)?;
        if request.token.is_empty() {
            return Err(ZegoError::new(
                codes::INPUT_PARAM,
                "the token is empty; get one from your business server",
            ));
        }
        let user = ZegoUser::new(&request.user.user_id, request.user.user_name)?;
        if let Some(other) = self.rooms.first().filter(|room| room.user().user_id != user.user_id) {
            let text = format!(
                "logged in to room {} as {}; be the same user in all rooms",
                other.id(),
                other.user().user_id
            );
            return Err(ZegoError::new(codes::DIFFERENT_USER_ID, text));
        }
        Ok(RoomOptions {
            app_id: self.settings.app_id,
            servers: self.settings.servers.clone(),
            room_id,
            token: request.token,
            user,
            user_update: request.config.user_update,
            max_member_count: request.config.max_member_count,
            loudest_streams: request.config.loudest_streams,
            instance: self.rooms.instance(),
            timings: self.settings.timings.clone(),
        })
    }

    /// Starts each login that waits, once the former one has left: of the same room, in single-room mode of any.
    pub(super) fn start_rooms(&mut self, out: &mut Step) {
        let waiting = self.rooms.iter().filter(|room| room.life.is_none());
        let waiting: Vec<RoomId> = waiting.map(|room| room.id().clone()).collect();
        for room_id in waiting {
            let is_former = |slot: &Slot| matches!(slot, Slot::Room(former) if !self.rooms.are_several() || *former == room_id);
            if self.ending.values().any(is_former) {
                continue;
            }
            let life = self.new_life();
            if let Some(room) = self.rooms.get_mut(room_id.as_str()) {
                room.life = Some(life);
                let options = room.options.clone();
                out.command(Command::StartRoom { life, options });
            }
        }
    }

    /// `logoutRoom`; `None` leaves all rooms.
    pub(crate) fn logout_room(&mut self, room_id: Option<&str>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        if self.rooms.is_empty() {
            // No change of the coarse state: the older twin is not told.
            out.emit(room_state(room_id.unwrap_or_default(), Reason::Logout, 0, "no room login"));
            return Ok(());
        }
        let leaving: Vec<RoomId> = match room_id {
            Some(id) => vec![self.rooms.get(id).ok_or_else(|| not_that_room(id))?.id().clone()],
            None => {
                // None of them has to move from room to room.
                self.end_all_publications(codes::SUCCESS, "", out);
                self.end_all_playbacks(codes::SUCCESS, "", out);
                self.rooms.iter().map(|room| room.id().clone()).collect()
            }
        };
        for room_id in leaving {
            self.log_out(&room_id, out);
        }
        Ok(())
    }

    /// Leaves one room in order.
    pub(super) fn log_out(&mut self, room_id: &RoomId, out: &mut Step) {
        if let Some(life) = self.rooms.get(room_id.as_str()).and_then(|room| room.life) {
            out.command(Command::Logout(life));
        }
        self.end_room(room_id, Farewell::logout(), out);
    }

    /// `renewToken`: checks the form and passes it on, without a name to the first room.
    pub(crate) fn renew_token(&mut self, token: &str, room_id: Option<&str>, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        check_token_form(token)?;
        let first = self.rooms.first().ok_or_else(not_logged_in)?.id().to_string();
        let room_id = room_id.unwrap_or(&first);
        let room = self.rooms.get_mut(room_id).ok_or_else(|| not_that_room(room_id))?;
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
        let room_id = self.rooms.of_life(life).map(|room| room.id().clone());
        let Some(room_id) = room_id.filter(|_| self.alive().is_ok()) else {
            if matches!(event, RoomEvent::Exited { .. }) {
                self.on_expected_exit(life, out);
            }
            return;
        };
        match event {
            RoomEvent::StateChanged {
                reason,
                code,
                extended_data,
            } => self.on_room_state(&room_id, reason, code, extended_data, out),
            RoomEvent::UserUpdate { update, users } => out.emit(RoomUserUpdate {
                room_id: room_id.into(),
                update_type: update,
                user_list: users,
            }),
            RoomEvent::StreamUpdate {
                update,
                streams,
                extended_data,
            } => self.on_room_streams(&room_id, update, streams, extended_data, out),
            RoomEvent::ExtraInfoUpdate { streams } => on_extra_infos(room_id, streams, out),
            RoomEvent::MicUpdate { stream_id, muted } => self.on_mic(&room_id, stream_id, muted, out),
            RoomEvent::NetworkQuality(users) => self.on_network_quality(users),
            RoomEvent::ListenerReports(reports) => self.on_listener_reports(reports, out),
            RoomEvent::UplinkReports(reports) => self.on_uplink_reports(reports, out),
            RoomEvent::TokenWillExpire { remaining } => on_token_will_expire(room_id, remaining, out),
            RoomEvent::StreamEnded {
                stream_id,
                role: StreamRole::Publish,
                code,
                message,
            } => self.on_publication_ended(&room_id, &stream_id, code, message, out),
            RoomEvent::StreamEnded {
                stream_id,
                role: StreamRole::Play,
                code,
                message,
            } => self.tell_playback_ended(&room_id, &stream_id, code, message, out),
            RoomEvent::LinkRestored { session } => {
                if session != SessionFate::Kept {
                    self.forget_foreign_mutes(&room_id, out);
                }
                self.restore_streams(&room_id, session, out);
            }
            RoomEvent::Exited { panicked } => self.on_room_lost(&room_id, life, panicked, out),
            word => on_word(room_id, word, out),
        }
    }

    fn on_room_state(&mut self, room_id: &RoomId, reason: Reason, code: i32, extended_data: String, out: &mut Step) {
        let Some(room) = self.rooms.get_mut(room_id.as_str()) else {
            return;
        };
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
                    room_id,
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
        tell_state(room_id.as_str(), reason, code, &extended_data, out);
        if reason == Reason::Reconnecting && self.carrier(room_id).is_none() {
            self.unseat_streams_of(room_id, out);
        }
        self.start_streams(out);
    }

    /// The room part is gone without a last word: that login is over.
    fn on_room_lost(&mut self, room_id: &RoomId, life: LifeId, panicked: bool, out: &mut Step) {
        let logging_in = self
            .rooms
            .get(room_id.as_str())
            .is_some_and(|room| matches!(room.phase, Phase::LoggingIn(_)));
        let reason = if logging_in {
            Reason::LoginFailed
        } else {
            Reason::ReconnectFailed
        };
        let what = if panicked { "panicked" } else { "stopped" };
        tracing::error!(panicked, "the room part ended by itself");
        self.end_room(
            room_id,
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
    pub(super) fn end_room(&mut self, room_id: &RoomId, farewell: Farewell, out: &mut Step) {
        let Some(room) = self.rooms.take(room_id) else { return };
        let (publish_code, play_code) = farewell.stream_codes();
        self.end_publications_in(room_id, publish_code, &farewell.extended_data, out);
        self.end_playbacks_through(&room, play_code, &farewell.extended_data, out);
        tell_state(room_id.as_str(), farewell.reason, farewell.code, &farewell.extended_data, out);
        if let Phase::LoggingIn(call) = room.phase {
            out.answer(Some(call), Err(farewell.into_login_error()));
        }
        if let Some(life) = room.life {
            self.retire(life, Slot::Room(room_id.clone()), out);
        }
        self.start_streams(out);
    }

    /// Ends all logins when the engine ends; nobody is told.
    pub(super) fn drop_rooms(&mut self, out: &mut Step) {
        for room in self.rooms.take_all() {
            let Some(life) = room.life else { continue };
            out.command(Command::StopRoom(life));
            self.retire(life, Slot::Room(room.options.room_id), out);
        }
    }
}

fn on_token_will_expire(room_id: RoomId, remaining: Duration, out: &mut Step) {
    out.emit(TokenWillExpire {
        room_id: room_id.into(),
        remain_time_in_second: remaining.as_secs(),
    });
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
