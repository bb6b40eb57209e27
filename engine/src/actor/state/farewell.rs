//! How a room login ends, and what that means for its streams and its call.

use express_messages::{ZegoError, codes, types::RoomStateChangedReason as Reason};

/// How a login ends.
pub(super) struct Farewell {
    pub(super) reason: Reason,
    pub(super) code: i32,
    pub(super) extended_data: String,
}

impl Farewell {
    /// By the application.
    pub(super) fn logout() -> Self {
        Self {
            reason: Reason::Logout,
            code: codes::SUCCESS,
            extended_data: String::new(),
        }
    }

    /// With which codes the publications and playbacks of the room end: 0 on logout, "retry time over" where the room's was,
    /// else the room's own code.
    pub(super) fn stream_codes(&self) -> (i32, i32) {
        match self.code {
            codes::LOGIN_TIMEOUT | codes::ROOM_RETRY_TIMEOUT => (codes::PUBLISHER_RETRY_TIMEOUT, codes::PLAYER_RETRY_TIMEOUT),
            code => (code, code),
        }
    }

    /// What a login that was still running is rejected with.
    pub(super) fn into_login_error(self) -> ZegoError {
        match self.code {
            codes::SUCCESS => ZegoError::new(codes::CANCEL_LOGIN, "logout_room was called before the login was done"),
            code => ZegoError::new(code, self.extended_data),
        }
    }
}
