//! I5: a streamID has one owner. Whoever was told PUBLISHING, and is connected, is the one that the server has for the owner.

use express_engine::PublisherState;
use express_messages::ids::{StreamId, UserId};

use crate::world::World;

/// A stream, its user, and the user's session.
pub(super) type Owner = (StreamId, UserId, Option<String>);

impl World {
    /// Streams that a client takes for its own, and the server does not.
    pub(super) fn foreign_streams(&self, client: usize, session: &str, owners: &[Owner]) -> Vec<String> {
        let is_ours = |stream: &str| {
            let owner = owners.iter().find(|(id, _, _)| id.as_str() == stream);
            owner.is_some_and(|(_, _, of)| of.as_deref() == Some(session))
        };
        let publishing = self.clients[client].view.publishing.iter();
        let published = publishing.filter(|(_, state)| **state == PublisherState::Publishing);
        published
            .filter(|(stream, _)| !is_ours(stream))
            .map(|(stream, _)| format!("{stream} is PUBLISHING and another's, or nobody's"))
            .collect()
    }
}
