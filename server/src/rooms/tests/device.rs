//! A client that holds the server to its word.

use std::collections::BTreeMap;

use express_messages::types::{ZegoUpdateType, ZegoUser};
use express_signalling::protocol::{Event, ListedStream, Notice, SequencedEvent, Snapshot};

use super::world::Client;

/// A client that believes what it is told.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) client: Client,
    pub(super) user: &'static str,
    pub(super) user_update: bool,
    pub(super) last_seq: u64,
    pub(super) users: BTreeMap<String, ZegoUser>,
    pub(super) streams: BTreeMap<String, ListedStream>,
    /// Number of the last message to all.
    last_message: u64,
}

impl Device {
    pub(super) fn new(client: Client, user: &'static str, user_update: bool) -> Self {
        let mut device = Self {
            user,
            user_update,
            last_seq: 0,
            users: BTreeMap::new(),
            streams: BTreeMap::new(),
            last_message: 0,
            client,
        };
        let snapshot = device.client.ok.snapshot.clone();
        device.see(&snapshot);
        device
    }

    pub(super) fn see(&mut self, snapshot: &Snapshot) {
        self.last_seq = snapshot.seq;
        self.users = snapshot
            .users
            .iter()
            .map(|user| (user.user_id.to_string(), user.clone()))
            .collect();
        self.streams = snapshot
            .streams
            .iter()
            .map(|stream| (stream.stream.stream_id.to_string(), stream.clone()))
            .collect();
    }

    pub(super) fn hear(&mut self, event: &SequencedEvent) {
        assert_eq!(event.seq, self.last_seq + 1, "numbers have no gap");
        self.last_seq = event.seq;
        match &event.event {
            Event::RoomUserUpdate(update) => {
                assert!(self.user_update, "users only for those who want to know");
                for user in &update.users {
                    assert_ne!(user.user_id.as_str(), self.user, "nobody hears of oneself");
                    let known = match update.update {
                        ZegoUpdateType::Add => self.users.insert(user.user_id.to_string(), user.clone()),
                        _ => self.users.remove(user.user_id.as_str()),
                    };
                    assert_eq!(known.is_some(), update.update == ZegoUpdateType::Delete, "{event:?}");
                }
            }
            Event::RoomStreamUpdate(update) => {
                for stream in &update.streams {
                    let id = stream.stream.stream_id.as_str();
                    assert_ne!(stream.stream.user.user_id.as_str(), self.user, "nobody hears of oneself");
                    let known = match update.update {
                        ZegoUpdateType::Add => self.streams.insert(id.into(), stream.clone()),
                        _ => self.streams.remove(id),
                    };
                    assert_eq!(known.is_some(), update.update == ZegoUpdateType::Delete, "{event:?}");
                }
            }
            Event::StreamMicUpdate(mic) => {
                // Of another room where it is played, or of this one's list.
                if let Some(known) = self.streams.get_mut(mic.stream_id.as_str()) {
                    assert_ne!(std::mem::replace(&mut known.muted, mic.muted), mic.muted, "only changes");
                }
            }
            Event::StreamExtraInfoUpdate(update) => {
                for stream in &update.streams {
                    let known = self.streams.get_mut(stream.stream_id.as_str()).unwrap();
                    assert_ne!(std::mem::replace(&mut known.stream, stream.clone()), *stream, "only changes");
                }
            }
            Event::BroadcastMessage(broadcast) => {
                for message in &broadcast.messages {
                    assert_ne!(message.from_user.user_id.as_str(), self.user, "nobody hears of oneself");
                    assert!(message.message_id > self.last_message, "numbers ascend");
                    self.last_message = message.message_id;
                }
            }
            Event::CustomCommand(command) => assert_ne!(command.from_user.user_id.as_str(), self.user),
            _ => {}
        }
    }

    pub(super) fn notice(&self, notice: &Notice) {
        let own = match notice {
            Notice::BarrageMessage(barrage) => barrage
                .messages
                .iter()
                .any(|message| message.from_user.user_id.as_str() == self.user),
            Notice::NetworkQuality(quality) => quality.users.iter().any(|user| user.user_id.as_str() == self.user),
            // They name streams; whose is tested where they are made.
            Notice::ListenerReport(_) | Notice::PublisherReport(_) | Notice::StreamProtection(_) => false,
            other => panic!("{other:?}"),
        };
        assert!(!own, "nobody hears of oneself: {notice:?}");
    }
}
