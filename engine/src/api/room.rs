//! The room.

use express_messages::{ZegoError, types::ZegoScenario};

use super::ZegoExpressEngine;
use crate::{
    actor::state::{LoginRequest, SwitchRequest},
    options::{LoginUser, ZegoEngineConfig, ZegoRoomConfig},
    reply::Reply,
};

impl ZegoExpressEngine {
    /// Logs in to a room, which is made if it is not there. The reply is `Ok` with LOGINED.
    ///
    /// Arguments are checked in the documented order: roomID, token, user, userID, userName. LOGINING is reported first, and
    /// where a check fails LOGIN_FAILED right after it. A network that is down is retried until the budget of 20 min ends.
    ///
    /// # Errors
    /// - 1002001: already in a room, or logging in to one (no event); after [`enable_multi_room`](Self::enable_multi_room) 1002056:
    ///   already in that room (no event), 1002018: as another user in the others, 1002036: the AppID's users may be in one room
    ///   at a time, 1002037: in as many rooms as a user may be (5)
    /// - 1002011, 1002012, 1002013: the roomID is empty, has a bad character, is too long
    /// - 1100001: the token is empty
    /// - 1002005, 1002006, 1002007; 1002010: likewise for the userID; the userName is too long
    /// - 1102016, 1102018: the token was refused, has expired; must be made anew by the business server
    /// - 1002031: no success within the budget; 1002034: the room is full; 1002066: the user is banned
    /// - 1102026: `logout_room` came first
    #[doc(alias = "loginRoom")]
    pub fn login_room(
        &self,
        room_id: impl AsRef<str>,
        token: impl AsRef<str>,
        user: impl Into<LoginUser>,
        config: ZegoRoomConfig,
    ) -> Reply<()> {
        let request = LoginRequest {
            room_id: room_id.as_ref().into(),
            token: token.as_ref().into(),
            user: user.into(),
            config,
        };
        self.shared()
            .call(|state, call, _, out| state.login_room(request, call, out), |()| ())
    }

    /// Permits several rooms at a time, or (`false`) settles that there is one. Call it before the first login, and once.
    ///
    /// Then each [`login_room`](Self::login_room) enters one more room, all as the same user; [`ZegoPublishOptions::room_id`] is
    /// needed to publish; events carry the room that they are of. What is played through a room that ends goes on through another
    /// one, unless it is a stream of that room. Any login of the user elsewhere ends all of them (KICKOUT 1002050).
    ///
    /// ```
    /// use express_engine::ZegoExpressEngine;
    ///
    /// let zg = ZegoExpressEngine::new(1, "ws://127.0.0.1:8080")?;
    /// zg.enable_multi_room(true)?;
    /// assert_eq!(zg.enable_multi_room(true).unwrap_err().code, 1002058);
    /// # Ok::<(), express_engine::ZegoError>(())
    /// ```
    ///
    /// # Errors
    /// 1002058: it was called before, or a login was.
    ///
    /// [`ZegoPublishOptions::room_id`]: crate::ZegoPublishOptions::room_id
    #[doc(alias = "enableMultiRoom")]
    pub fn enable_multi_room(&self, enable: bool) -> Result<(), ZegoError> {
        self.shared().decide(|state, _, _| state.enable_multi_room(enable))
    }

    /// Leaves room `from` and logs in to room `to` as the same user: LOGOUT of the one, then LOGINING of the other. The reply is
    /// `Ok` with LOGINED.
    ///
    /// What is published ends, and so does what is played, unless
    /// [`switch_room_not_stop_play`](ZegoEngineConfig::switch_room_not_stop_play) is set: then it goes on through the new room,
    /// PLAY_REQUESTING (1004020) in between. Wrong arguments change nothing.
    ///
    /// ```
    /// # use express_engine::{ZegoExpressEngine, ZegoRoomConfig};
    /// # fn go(engine: &ZegoExpressEngine, token: &str) {
    /// drop(engine.switch_room("lobby", "table-4", token, ZegoRoomConfig::default()));
    /// # }
    /// ```
    ///
    /// # Errors
    /// - 1002002: not in room `from`; 1002064: already in room `to`
    /// - 1002011, 1002012, 1002013: `to` is empty, has a bad character, is too long; 1100001: the token is empty
    /// - as [`login_room`](Self::login_room) for the new room; the old one is left then
    #[doc(alias = "switchRoom")]
    pub fn switch_room(
        &self,
        from: impl AsRef<str>,
        to: impl AsRef<str>,
        token: impl AsRef<str>,
        config: ZegoRoomConfig,
    ) -> Reply<()> {
        let request = SwitchRequest {
            from: from.as_ref().into(),
            to: to.as_ref().into(),
            token: token.as_ref().into(),
            config,
        };
        self.shared()
            .call(|state, call, _, out| state.switch_room(request, call, out), |()| ())
    }

    /// Changes settings; values out of range are brought into it, what is left out stays. They count from the next login and the
    /// next stream on.
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "setEngineConfig")]
    pub fn set_engine_config(&self, config: ZegoEngineConfig) -> Result<(), ZegoError> {
        self.shared().decide(|state, _, _| state.set_engine_config(&config))
    }

    /// Says what the next rooms are used for; the streams that are created from then on are made for it.
    ///
    /// | scenario | kbit/s | channels | packet |
    /// |---|---|---|---|
    /// | Default, StandardVideoCall, HighVideoCall, StandardChatroom | 48 | 1 | 20 ms |
    /// | HighQualityChatroom | 128 | 1 | 20 ms |
    /// | Broadcast | 192 | 2 | 20 ms |
    /// | Karaoke | 192 | 2 | 10 ms |
    ///
    /// What [`ZegoStreamOptions`](crate::ZegoStreamOptions) say of bitrate and channels goes before it; the length of packets
    /// cannot be chosen otherwise.
    ///
    /// # Errors
    /// 1000067: in a room, or logging in to one; log out first.
    #[doc(alias = "setRoomScenario")]
    pub fn set_room_scenario(&self, scenario: ZegoScenario) -> Result<(), ZegoError> {
        self.shared().decide(|state, _, _| state.set_room_scenario(scenario))
    }

    /// Leaves a room. Its published and played streams end (NO_PUBLISH, NO_PLAY with 0), then LOGOUT is reported.
    ///
    /// In no room at all LOGOUT is reported alone, with "no room login".
    ///
    /// # Errors
    /// 1002002: not logged in to that room.
    #[doc(alias = "logoutRoom")]
    pub fn logout_room(&self, room_id: impl AsRef<str>) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.logout_room(Some(room_id.as_ref()), out))
    }

    /// Leaves every room (the documented `logoutRoom` without a roomID).
    ///
    /// # Errors
    /// Only 1000001, after `destroy_engine`.
    #[doc(alias = "logoutRoom")]
    pub fn logout_all_rooms(&self) -> Result<(), ZegoError> {
        self.shared().decide(|state, _, out| state.logout_room(None, out))
    }

    /// Shows a new token, when [`TokenWillExpire`](crate::TokenWillExpire) asks for it. `Ok` says that it looks like a token
    /// and is on its way; the same token again is accepted and changes nothing. Of several rooms the first one gets it.
    ///
    /// # Errors
    /// 1100001: it has not the form of a token04; 1000002: in no room.
    #[doc(alias = "renewToken")]
    pub fn renew_token(&self, token: impl AsRef<str>) -> Result<(), ZegoError> {
        self.shared()
            .decide(|state, _, out| state.renew_token(token.as_ref(), None, out))
    }

    /// As [`renew_token`](Self::renew_token), for one room by its id.
    ///
    /// # Errors
    /// Also 1002002: not logged in to that room.
    #[doc(alias = "renewToken")]
    pub fn renew_room_token(&self, token: impl AsRef<str>, room_id: impl AsRef<str>) -> Result<(), ZegoError> {
        let (token, room_id) = (token.as_ref(), Some(room_id.as_ref()));
        self.shared().decide(|state, _, out| state.renew_token(token, room_id, out))
    }
}
