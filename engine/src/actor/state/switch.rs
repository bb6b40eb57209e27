//! `switchRoom`: out of one room and into another.

use express_messages::{ZegoError, codes};

use super::{CallId, EngineState, LoginRequest, Step, rooms::not_that_room};
use crate::options::{LoginUser, ZegoRoomConfig};

/// The arguments of `switchRoom`, not yet checked.
#[derive(Debug, Clone)]
pub(crate) struct SwitchRequest {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) token: String,
    pub(crate) config: ZegoRoomConfig,
}

impl EngineState {
    /// The answer comes with LOGINED or LOGIN_FAILED of the new room. Wrong arguments leave the room that is.
    pub(crate) fn switch_room(&mut self, request: SwitchRequest, call: CallId, out: &mut Step) -> Result<(), ZegoError> {
        self.alive()?;
        let SwitchRequest { from, to, token, config } = request;
        let room = self.rooms.get(&from).ok_or_else(|| not_that_room(&from))?;
        let (from, user) = (room.id().clone(), room.user().clone());
        if self.rooms.get(&to).is_some() {
            let text = format!("already in room {to:?}; give another room to switch to");
            return Err(ZegoError::new(codes::LOGIN_BEFORE_LOGOUT_BY_SAME_ROOMID, text));
        }
        let login = LoginRequest {
            room_id: to,
            token,
            user: LoginUser::from(user),
            config,
        };
        let to = self.check_login(login.clone())?.room_id;
        let kept = match self.settings.config.switch_room_not_stop_play {
            Some(true) => self.take_playbacks_along(&from, &to, out),
            _ => Vec::new(),
        };
        self.log_out(&from, out);
        self.playbacks.extend(kept);
        self.login_room(login, call, out)
    }
}
