//! The rooms that are logged in to: one at a time, or several with `enableMultiRoom`.
//!
//! Which room a stream goes through: a published one through the room that the call named (in single-room mode the only one),
//! until that login ends. A played one through the room that the call named, else through the one that lists the stream, else
//! through the first that is logged in; any stream of the AppID can be played through any room, so where a room ends that does
//! not list it, it moves to another one.

use express_messages::{
    ZegoError, codes,
    ids::{InstanceId, RoomId, StreamId, UserId},
};

use super::{EngineState, LifeId, room::Room};

/// All logins, in the order in which they began; at most one for each room.
#[derive(Debug)]
pub(super) struct Rooms {
    all: Vec<Room>,
    mode: Mode,
    instance: InstanceId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Neither `enableMultiRoom` nor a login so far.
    Undecided,
    One,
    Several,
}

impl Rooms {
    pub(super) fn new(instance: InstanceId) -> Self {
        Self {
            all: Vec::new(),
            mode: Mode::Undecided,
            instance,
        }
    }

    /// Whether there may be several at a time.
    pub(super) fn are_several(&self) -> bool {
        self.mode == Mode::Several
    }

    /// What logins show, so that they do not end each other.
    pub(super) fn instance(&self) -> Option<InstanceId> {
        self.are_several().then(|| self.instance.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Room> {
        self.all.iter()
    }

    pub(super) fn first(&self) -> Option<&Room> {
        self.all.first()
    }

    pub(super) fn get(&self, room_id: &str) -> Option<&Room> {
        self.all.iter().find(|room| *room.id() == *room_id)
    }

    pub(super) fn get_mut(&mut self, room_id: &str) -> Option<&mut Room> {
        self.all.iter_mut().find(|room| *room.id() == *room_id)
    }

    /// The login that this part carries.
    pub(super) fn of_life(&self, life: LifeId) -> Option<&Room> {
        self.all.iter().find(|room| room.life() == Some(life))
    }

    /// The room that has a stream in its list.
    pub(super) fn listing(&self, stream_id: &StreamId) -> Option<&Room> {
        self.all.iter().find(|room| room.streams.owner_of(stream_id).is_some())
    }

    /// Who publishes a stream that some room lists.
    pub(super) fn owner_of(&self, stream_id: &StreamId) -> Option<&UserId> {
        self.all.iter().find_map(|room| room.streams.owner_of(stream_id))
    }

    /// Takes a login that was checked. From the first one on it is settled how many there may be.
    pub(super) fn insert(&mut self, room: Room) {
        if self.mode == Mode::Undecided {
            self.mode = Mode::One;
        }
        self.all.push(room);
    }

    pub(super) fn take(&mut self, room_id: &RoomId) -> Option<Room> {
        let index = self.all.iter().position(|room| room.id() == room_id)?;
        Some(self.all.remove(index))
    }

    pub(super) fn take_all(&mut self) -> Vec<Room> {
        std::mem::take(&mut self.all)
    }

    /// # Errors
    /// 1002001 in single-room mode where there is a login; 1002056 in multi-room mode where there is one to that room.
    pub(super) fn may_login(&self, room_id: &str) -> Result<(), ZegoError> {
        match self.first() {
            Some(room) if !self.are_several() => {
                let text = format!("already in room {}; call logout_room first", room.id());
                Err(ZegoError::new(codes::ROOM_COUNT_EXCEED, text))
            }
            Some(_) if self.get(room_id).is_some() => {
                let text = format!("already in room {room_id}; call logout_room for it first");
                Err(ZegoError::new(codes::REPEATEDLY_LOGIN, text))
            }
            _ => Ok(()),
        }
    }
}

impl EngineState {
    /// `enableMultiRoom`, before the first login and once.
    pub(crate) fn enable_multi_room(&mut self, enable: bool) -> Result<(), ZegoError> {
        self.alive()?;
        if self.rooms.mode != Mode::Undecided {
            let text = "call it once, before the first login_room; make a new engine for another mode";
            return Err(ZegoError::new(codes::ALREADY_LOGIN, text));
        }
        self.rooms.mode = if enable { Mode::Several } else { Mode::One };
        Ok(())
    }

    /// # Errors
    /// 1000002 where there is neither a login nor one under way.
    pub(super) fn in_some_room(&self) -> Result<(), ZegoError> {
        if self.rooms.is_empty() {
            return Err(not_logged_in());
        }
        Ok(())
    }

    /// The room to publish through.
    ///
    /// # Errors
    /// 1000002 in no room, or not in that one; 1003071 where multi-room mode wants a name.
    pub(super) fn room_to_publish(&self, named: Option<&str>) -> Result<RoomId, ZegoError> {
        let first = self.rooms.first().ok_or_else(not_logged_in)?;
        match named {
            Some(named) => self.named_room(named),
            None if self.rooms.are_several() => {
                let text = "in multi-room mode say which room to publish in: set room_id in the options";
                Err(ZegoError::new(codes::PUBLISHER_ROOM_ID_NULL, text))
            }
            None => Ok(first.id().clone()),
        }
    }

    /// The room to play through; `None`: that is decided when one is logged in.
    ///
    /// # Errors
    /// 1000002 in no room, or not in that one.
    pub(super) fn room_to_play(&self, named: Option<&str>, stream_id: &StreamId) -> Result<Option<RoomId>, ZegoError> {
        let first = self.rooms.first().ok_or_else(not_logged_in)?;
        Ok(match named {
            Some(named) => Some(self.named_room(named)?),
            None if self.rooms.are_several() => self.rooms.listing(stream_id).map(|room| room.id().clone()),
            None => Some(first.id().clone()),
        })
    }

    fn named_room(&self, named: &str) -> Result<RoomId, ZegoError> {
        let room = self.rooms.get(named).ok_or_else(|| not_in_room(named))?;
        Ok(room.id().clone())
    }

    /// The part of a room that streams can go through now.
    pub(super) fn carrier(&self, room_id: &RoomId) -> Option<LifeId> {
        let keep = self.settings.config.keep_rtc_when_signal_disconnected.unwrap_or(true);
        self.rooms.get(room_id.as_str())?.carrier(keep)
    }

    /// The room that a stream can be played through now: best the one that lists it.
    pub(super) fn any_carrier(&self, stream_id: &StreamId) -> Option<RoomId> {
        let listing = self.rooms.listing(stream_id);
        let mut candidates = listing.into_iter().chain(self.rooms.iter()).map(Room::id);
        candidates.find(|room_id| self.carrier(room_id).is_some()).cloned()
    }
}

pub(super) fn not_logged_in() -> ZegoError {
    ZegoError::new(codes::NOT_LOGIN, "not in a room; call login_room first")
}

fn not_in_room(room_id: &str) -> ZegoError {
    ZegoError::new(
        codes::NOT_LOGIN,
        format!("not in room {room_id:?}; call login_room for it first"),
    )
}

pub(super) fn not_that_room(room_id: &str) -> ZegoError {
    ZegoError::new(codes::ROOM_ROOMID_INCORRECT, format!("not logged in to room {room_id:?}"))
}
