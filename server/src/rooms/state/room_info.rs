//! What is attached to a room (`setRoomExtraInfo`).

use express_messages::codes;
use express_messages::ids::{ROOM_INFO_KEY_MAX, ROOM_INFO_VALUE_MAX};
use express_signalling::protocol::{Event, RoomExtraInfo, RoomExtraInfoUpdate, SetRoomExtraInfo, SetRoomExtraInfoOk, WireError};

use super::messages::too_often;
use super::records::SessionKey;
use super::{Now, RoomsState, session_is_gone};
use crate::rooms::bucket::Bucket;
use crate::rooms::cloud::Saying;
use crate::rooms::counters::count;
use crate::rooms::effect::ConnectionId;

/// The extra info of one room, and how often it was set.
#[derive(Debug, Default)]
pub(super) struct RoomInfo {
    current: Option<RoomExtraInfo>,
    changes: Bucket,
}

impl RoomInfo {
    pub(super) fn current(&self) -> Option<&RoomExtraInfo> {
        self.current.as_ref()
    }

    /// Takes what another node, or the room's home, says; `false`: it is older than what is there.
    pub(super) fn take(&mut self, info: RoomExtraInfo) -> bool {
        let is_old = |current: &RoomExtraInfo| info.update_time_ms < current.update_time_ms;
        if self.current.as_ref().is_some_and(is_old) {
            return false;
        }
        self.current = Some(info);
        true
    }
}

impl RoomsState {
    /// Tells everybody else in the room, if it is new.
    ///
    /// - `Ok(None)`: the answer comes when the cloud has put it into its order
    pub(super) fn set_room_info(
        &mut self,
        now: Now,
        request: (ConnectionId, u64),
        key: SessionKey,
        set: SetRoomExtraInfo,
    ) -> Result<Option<SetRoomExtraInfoOk>, WireError> {
        check(&set)?;
        let session = self.sessions.get(&key).ok_or_else(session_is_gone)?;
        let (room_key, user) = (session.room.clone(), session.user.clone());
        let room = self.rooms.get_mut(&room_key).ok_or_else(session_is_gone)?;
        if let Some(current) = room.info.current.as_ref().filter(|current| current.key != set.key) {
            let message = format!("the room has extra info under the key {:?}, and only one key", current.key);
            return Err(WireError::fatal(codes::ROOM_EXTRA_INFO_KEYS_EXCEED, message));
        }
        room.info
            .changes
            .take(self.message_rates.infos_of_room, 1, now.mono)
            .map_err(|wait| too_often(codes::TRANS_FREQUENTLY, "changes of this room's extra info", wait))?;
        let current = room.info.current.as_ref();
        let says_the_same = |current: &RoomExtraInfo| current.value == set.value && current.update_user == user;
        // What is set again is as old as it was: what was set since then stays.
        let is_newer = |current: &RoomExtraInfo| set.update_time_ms.is_some_and(|time_ms| time_ms <= current.update_time_ms);
        if let Some(current) = current.filter(|current| says_the_same(current) || is_newer(current)) {
            let update_time_ms = current.update_time_ms;
            return Ok(Some(SetRoomExtraInfoOk { update_time_ms }));
        }
        // Newer than what is there, also if that was set where the clock is ahead.
        let known = self.cloud.as_ref().and(current);
        let after = known.map_or(0, |current| current.update_time_ms.saturating_add(1));
        let latest = now.unix_ms.max(after);
        let info = RoomExtraInfo {
            key: set.key,
            value: set.value,
            update_user: user.clone(),
            update_time_ms: set.update_time_ms.map_or(latest, |time_ms| time_ms.min(latest)),
        };
        let update_time_ms = info.update_time_ms;
        if self.cloud.is_some() {
            self.say_for(request, room_key, Saying::Info(info))?;
            count(&mut self.counters.room_infos);
            return Ok(None);
        }
        room.info.current = Some(info.clone());
        count(&mut self.counters.room_infos);
        let event = Event::RoomExtraInfoUpdate(RoomExtraInfoUpdate { infos: vec![info] });
        self.tell_others(&room_key, &user, event, false);
        Ok(Some(SetRoomExtraInfoOk { update_time_ms }))
    }
}

fn check(set: &SetRoomExtraInfo) -> Result<(), WireError> {
    let longer = |what: &str, text: &str, max: usize, code: i32| {
        let bytes = text.len();
        match bytes > max {
            true => Err(WireError::fatal(
                code,
                format!("{what} has {bytes} bytes; at most {max} are allowed"),
            )),
            false => Ok(()),
        }
    };
    if set.key.is_empty() {
        return Err(WireError::fatal(
            codes::ROOM_EXTRA_INFO_KEY_EMPTY,
            "the key is empty; give 1 to 128 bytes",
        ));
    }
    longer("the key", &set.key, ROOM_INFO_KEY_MAX, codes::ROOM_EXTRA_INFO_KEY_TOO_LONG)?;
    longer(
        "the value",
        &set.value,
        ROOM_INFO_VALUE_MAX,
        codes::ROOM_EXTRA_INFO_VALUE_TOO_LONG,
    )
}
