//! What is attached to the room, as this client knows it, and what of it is ours.

use express_messages::{
    ids::UserId,
    types::{ZegoRoomExtraInfo, ZegoUser},
};

use crate::protocol::{RoomExtraInfo, SetRoomExtraInfo};

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

/// What was told, or set, last.
#[derive(Debug)]
struct Known {
    key: String,
    value: String,
    by: By,
    /// When it was set, as the server says, Unix milliseconds; 0: it does not say.
    time_ms: u64,
}

impl Known {
    /// Whether they are the same to whoever is told.
    fn is(&self, other: &Self) -> bool {
        (&self.key, &self.value, &self.by) == (&other.key, &other.value, &other.by)
    }
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

    /// The server took what we set; at what time, if it says so (else 0). What was set later stays.
    pub(super) fn taken(&mut self, key: String, value: String, time_ms: u64) {
        let is_newer = |known: &Known| time_ms > 0 && known.time_ms > time_ms;
        if !self.known.as_ref().is_some_and(is_newer) {
            let by = By::Us;
            self.known = Some(Known { key, value, by, time_ms });
        }
    }

    /// What another user set; `None` where it was told already.
    pub(super) fn update(&mut self, info: RoomExtraInfo) -> Option<ZegoRoomExtraInfo> {
        let known = Known {
            key: info.key.clone(),
            value: info.value.clone(),
            by: By::Other(info.update_user.clone()),
            time_ms: info.update_time_ms,
        };
        let is_told = self.known.as_ref().is_some_and(|told| told.is(&known));
        self.known = Some(known);
        if is_told {
            return None;
        }
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
            self.known = None;
            self.taken(info.key, info.value, info.update_time_ms);
            return None;
        }
        if again && self.is_newer_and_ours(info.update_time_ms) {
            return None;
        }
        self.update(info)
    }

    /// Whether what this login set last was taken after that time.
    fn is_newer_and_ours(&self, time_ms: u64) -> bool {
        let ours = self.known.as_ref().filter(|known| known.by == By::Us);
        ours.is_some_and(|ours| ours.time_ms > time_ms)
    }

    /// Whether it is what this login set last, or asked for without hearing an answer; another device of the user may have set it.
    fn is_ours(&self, info: &RoomExtraInfo) -> bool {
        let RoomExtraInfo { key, value, .. } = info;
        let is_known = |known: &Known| known.by == By::Us && (&known.key, &known.value) == (key, value);
        let is_asked = |asked: &(String, String)| (&asked.0, &asked.1) == (key, value);
        self.known.as_ref().is_some_and(is_known) || self.asked.as_ref().is_some_and(is_asked)
    }

    /// What is to be set again in a room where the last extra info is of that time (`None`: it has none), and when it was set first:
    /// the room is a new one, or what we set is gone with the server that knew of it.
    pub(super) fn to_restore(&self, found_ms: Option<u64>) -> Option<SetRoomExtraInfo> {
        let ours = self.known.as_ref().filter(|known| known.by == By::Us)?;
        let is_lost = found_ms.is_none_or(|found_ms| found_ms < ours.time_ms);
        is_lost.then(|| SetRoomExtraInfo {
            key: ours.key.clone(),
            value: ours.value.clone(),
            update_time_ms: (ours.time_ms > 0).then_some(ours.time_ms),
        })
    }
}
