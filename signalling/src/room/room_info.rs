//! What is attached to the room, as this client knows it, and what of it is ours.

use express_messages::{
    ids::UserId,
    types::{ZegoRoomExtraInfo, ZegoUser},
};

use crate::protocol::RoomExtraInfo;

/// The extra info of one room.
#[derive(Debug, Default)]
pub(super) struct RoomInfo {
    /// What was told last, or set by us.
    known: Option<Known>,
    /// A call of ours is under way.
    is_asked: bool,
    /// What our last call asked for: its answer may have been lost.
    asked: Option<(String, String)>,
}

/// What makes two of them the same to whoever is told.
#[derive(Debug, PartialEq)]
struct Known {
    key: String,
    value: String,
    by: By,
}

#[derive(Debug, PartialEq)]
enum By {
    /// Set in this login.
    Us,
    Other(ZegoUser),
}

impl RoomInfo {
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    pub(super) fn asked(&mut self, key: String, value: String) {
        self.is_asked = true;
        self.asked = Some((key, value));
    }

    /// The call under way has its answer, or will have none.
    pub(super) fn answered(&mut self) {
        self.is_asked = false;
    }

    /// The server took what we set.
    pub(super) fn taken(&mut self, key: String, value: String) {
        self.known = Some(Known { key, value, by: By::Us });
    }

    /// What another user set; `None` where it was told already.
    pub(super) fn update(&mut self, info: RoomExtraInfo) -> Option<ZegoRoomExtraInfo> {
        let known = Known {
            key: info.key.clone(),
            value: info.value.clone(),
            by: By::Other(info.update_user.clone()),
        };
        if self.known.as_ref() == Some(&known) {
            return None;
        }
        self.known = Some(known);
        Some(ZegoRoomExtraInfo {
            key: info.key,
            value: info.value,
            update_user: info.update_user,
            update_time: info.update_time_ms,
        })
    }

    /// The server's whole view; what is to be told of it. `again`: we were in the room before, so that `me` is ourselves.
    pub(super) fn take_snapshot(&mut self, infos: Vec<RoomExtraInfo>, me: &UserId, again: bool) -> Option<ZegoRoomExtraInfo> {
        let info = infos.into_iter().next_back()?;
        if again && info.update_user.user_id == *me && self.is_ours(&info) {
            self.taken(info.key, info.value);
            return None;
        }
        self.update(info)
    }

    /// Whether it is what this login set last, or asked for without hearing an answer; another device of the user may have set it.
    fn is_ours(&self, info: &RoomExtraInfo) -> bool {
        let RoomExtraInfo { key, value, .. } = info;
        let is_known = |known: &Known| known.by == By::Us && (&known.key, &known.value) == (key, value);
        let is_asked = |asked: &(String, String)| (&asked.0, &asked.1) == (key, value);
        self.known.as_ref().is_some_and(is_known) || self.asked.as_ref().is_some_and(is_asked)
    }

    /// What is to be set again in a room that has nothing.
    pub(super) fn to_restore(&self) -> Option<(String, String)> {
        let ours = self.known.as_ref().filter(|known| known.by == By::Us)?;
        Some((ours.key.clone(), ours.value.clone()))
    }
}
