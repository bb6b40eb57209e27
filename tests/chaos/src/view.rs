//! What an application makes of its events, and whether they were legal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_engine::{PlayerState, PublisherState, RoomStateChangedReason as Reason, ZegoEvent, ZegoUpdateType};

/// One application's picture of its room and its own streams.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// What was told last of the room.
    pub(crate) room: Option<Reason>,
    /// Which room that is.
    pub(crate) room_id: String,
    pub(crate) users: BTreeSet<String>,
    /// Streams of others, and whose they are.
    pub(crate) streams: BTreeMap<String, String>,
    pub(crate) publishing: BTreeMap<String, PublisherState>,
    pub(crate) playing: BTreeMap<String, PlayerState>,
    /// Texts of others, in this login.
    pub(crate) messages: BTreeSet<String>,
    /// The room's extra info.
    pub(crate) room_info: Option<String>,
    /// The user asked to be told of users.
    pub(crate) user_update: bool,
    /// Since when the last state of the room stands.
    pub(crate) since: Duration,
}

impl View {
    /// Whether the application takes itself for a member of a room.
    pub(crate) fn is_in_room(&self) -> bool {
        matches!(self.room, Some(Reason::Logined | Reason::Reconnected | Reason::Reconnecting))
    }

    /// Takes an event.
    ///
    /// # Errors
    /// Which guarantee it breaks, and how: every join, leave and message is told once, to a member.
    pub(crate) fn hear(&mut self, now: Duration, event: &ZegoEvent) -> Result<(), (&'static str, String)> {
        match event {
            ZegoEvent::RoomStateChanged(event) => {
                (self.room, self.since) = (Some(event.reason), now);
                self.room_id = event.room_id.to_string();
                if !self.is_in_room() {
                    self.users.clear();
                    self.streams.clear();
                    self.messages.clear();
                    self.room_info = None;
                }
            }
            ZegoEvent::RoomUserUpdate(event) => {
                for user in &event.user_list {
                    let id = user.user_id.to_string();
                    let is_news = match event.update_type {
                        ZegoUpdateType::Add => self.users.insert(id),
                        _ => self.users.remove(&id),
                    };
                    self.legal(is_news, || {
                        format!("{:?} of user {} told again", event.update_type, user.user_id)
                    })?;
                }
            }
            ZegoEvent::RoomStreamUpdate(event) => {
                for stream in &event.stream_list {
                    let (id, owner) = (stream.stream_id.to_string(), stream.user.user_id.to_string());
                    let is_news = match event.update_type {
                        ZegoUpdateType::Add => self.streams.insert(id, owner).is_none(),
                        _ => self.streams.remove(&id).is_some(),
                    };
                    self.legal(is_news, || {
                        format!("{:?} of stream {} told again", event.update_type, stream.stream_id)
                    })?;
                }
            }
            ZegoEvent::PublisherStateUpdate(event) => {
                self.publishing.insert(event.stream_id.to_string(), event.state);
                self.publishing.retain(|_, state| *state != PublisherState::NoPublish);
            }
            ZegoEvent::PlayerStateUpdate(event) => {
                self.playing.insert(event.stream_id.to_string(), event.state);
                self.playing.retain(|_, state| *state != PlayerState::NoPlay);
            }
            ZegoEvent::ImRecvBroadcastMessage(event) => {
                for message in &event.message_list {
                    self.hear_message(&message.message)?;
                }
            }
            ZegoEvent::ImRecvCustomCommand(event) => self.hear_message(&event.command)?,
            ZegoEvent::RoomExtraInfoUpdate(event) => {
                if let Some(info) = event.room_extra_info_list.last() {
                    self.room_info = Some(info.value.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn hear_message(&mut self, text: &str) -> Result<(), (&'static str, String)> {
        match self.messages.insert(text.into()) {
            true => Ok(()),
            false => Err(("I8", format!("{text:?} was told twice"))),
        }
    }

    fn legal(&self, is_news: bool, what: impl FnOnce() -> String) -> Result<(), (&'static str, String)> {
        match (is_news, self.is_in_room()) {
            (true, true) => Ok(()),
            (true, false) => Err(("I1", format!("{} outside of a room", what()))),
            (false, _) => Err(("I1", what())),
        }
    }
}

/// The kind of what is told again and again, and of no interest here.
pub(crate) const OTHERS: &str = "others";

/// What is counted of an event, so that a run can show that it was not idle.
pub(crate) fn kind(event: &ZegoEvent) -> &'static str {
    match event {
        ZegoEvent::RoomStateChanged(e) => match e.reason {
            Reason::Logined => "LOGINED",
            Reason::LoginFailed => "LOGIN_FAILED",
            Reason::Reconnecting => "RECONNECTING",
            Reason::Reconnected => "RECONNECTED",
            Reason::Kickout => "KICKOUT",
            _ => "other room states",
        },
        ZegoEvent::PublisherStateUpdate(e) if e.state == PublisherState::Publishing => "PUBLISHING",
        ZegoEvent::PlayerStateUpdate(e) if e.state == PlayerState::Playing => "PLAYING",
        ZegoEvent::ImRecvBroadcastMessage(_) => "messages",
        ZegoEvent::ImRecvCustomCommand(_) => "commands",
        ZegoEvent::RoomExtraInfoUpdate(_) => "room extra infos",
        ZegoEvent::RoomStreamUpdate(_) => "stream updates",
        ZegoEvent::RoomUserUpdate(_) => "user updates",
        _ => OTHERS,
    }
}

/// An event as a short line.
pub(crate) fn words(event: &ZegoEvent) -> String {
    match event {
        ZegoEvent::RoomStateChanged(e) => format!("{} {} {}", e.reason, e.error_code, e.extended_data),
        ZegoEvent::RoomUserUpdate(e) => {
            let users: Vec<&str> = e.user_list.iter().map(|user| user.user_id.as_str()).collect();
            format!("users {:?} {users:?}", e.update_type)
        }
        ZegoEvent::RoomStreamUpdate(e) => {
            let streams: Vec<&str> = e.stream_list.iter().map(|stream| stream.stream_id.as_str()).collect();
            format!("streams {:?} {streams:?}", e.update_type)
        }
        ZegoEvent::PublisherStateUpdate(e) => format!("{} {} {}", e.stream_id, e.state, e.error_code),
        ZegoEvent::PlayerStateUpdate(e) => format!("{} {} {}", e.stream_id, e.state, e.error_code),
        other => other.kind().to_string(),
    }
}
