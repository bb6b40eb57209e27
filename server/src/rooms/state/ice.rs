//! Which STUN and TURN servers a user is told of, and when anew.

use express_messages::ids::UserId;
use express_signalling::protocol::IceServer;

use super::hosted::user_of;
use super::records::SessionKey;
use super::{Now, RoomsState};
use crate::rooms::hosted::HostRefusal;

impl RoomsState {
    /// The servers for whoever bears this token, as OPTIONS of WHIP and WHEP may tell them.
    ///
    /// # Errors
    /// The token is not good.
    pub fn ice_servers_for(&self, now: Now, app_id: Option<u32>, bearer: &str) -> Result<Vec<IceServer>, HostRefusal> {
        let (_, token) = self.judge_bearer(now, app_id, bearer)?;
        Ok(self.ice_servers(now, &user_of(&token)?.user_id))
    }

    pub(super) fn ice_servers(&self, now: Now, user: &UserId) -> Vec<IceServer> {
        self.ice.tell(user, now.unix_s()).servers
    }

    /// New credentials for a session that begins or is taken up again.
    pub(super) fn begin_ice_servers(&mut self, now: Now, key: SessionKey) -> Vec<IceServer> {
        let Some(session) = self.sessions.get_mut(&key) else {
            return Vec::new();
        };
        let told = self.ice.tell(&session.user.user_id, now.unix_s());
        session.ice_expires_at = told.expires_at;
        told.servers
    }

    /// New credentials where the old ones need to be replaced; else nothing.
    pub(super) fn renew_ice_servers(&mut self, now: Now, key: SessionKey) -> Vec<IceServer> {
        let expires_at = self.sessions.get(&key).and_then(|session| session.ice_expires_at);
        if !self.ice.are_stale(expires_at, now.unix_s()) {
            return Vec::new();
        }
        self.begin_ice_servers(now, key)
    }
}
