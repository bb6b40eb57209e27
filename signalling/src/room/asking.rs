//! What an attempt asks for: the session, or a new one.

use super::state::{Ask, RoomState};
use crate::protocol::{Login, Resume, VERSION};

impl RoomState {
    /// Asks for what the attempt is to ask for; returns the request's id.
    pub(super) fn ask(&mut self) -> (u64, Ask) {
        if self.target.ask == Ask::Resume
            && let Some(session) = &self.session
        {
            let resume = Resume {
                versions: vec![VERSION],
                session: session.name.clone(),
                secret: session.secret.clone(),
                last_seq: session.last_seq,
            };
            return (self.send(resume), Ask::Resume);
        }
        let moved_from = self.replaced_session().filter(|_| self.target.moves).map(String::from);
        let login = self.login_request(moved_from, self.target.hops > 0);
        (self.send(login), Ask::Login)
    }

    /// A login with the newest token.
    pub(super) fn login_request(&mut self, moved_from: Option<String>, redirected: bool) -> Login {
        self.shown_token = self.token.current().into();
        Login {
            versions: vec![VERSION],
            app_id: self.options.app_id,
            room_id: self.options.room_id.clone(),
            user_id: self.options.user.user_id.clone(),
            user_name: self.options.user.user_name.clone(),
            token: self.shown_token.clone(),
            user_update: self.options.user_update,
            max_member_count: self.options.max_member_count,
            loudest_streams: self.options.loudest_streams,
            instance: self.options.instance.clone(),
            redirected,
            moved_from,
        }
    }
}
