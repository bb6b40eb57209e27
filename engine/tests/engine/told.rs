//! What the application was told, as short lines.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use express_engine::{ZegoEvent, ZegoEvents, ZegoExpressEngine, ZegoRoomConfig, ZegoUpdateType};
use futures::{FutureExt, StreamExt};

/// A token with the form of one.
pub(crate) const TOKEN: &str = "04AAAA";

/// The events of one engine, read as lines like `room LOGINED 0`.
pub(crate) struct Told(ZegoEvents);

impl Told {
    pub(crate) fn by(engine: &ZegoExpressEngine) -> Self {
        Self(engine.events())
    }

    /// What came since the last call, without reports of quality.
    pub(crate) fn take(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(Some(event)) = self.0.next().now_or_never() {
            lines.extend(line(&event.unwrap()));
        }
        lines
    }

    /// Waits in real time until a line begins with `start`; answers all lines up to it.
    pub(crate) fn until(&mut self, start: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let event = self.0.recv_timeout(Duration::from_secs(20)).unwrap().unwrap().unwrap();
            let new = line(&event);
            let found = new.as_ref().is_some_and(|line| line.starts_with(start));
            lines.extend(new);
            if found {
                return lines;
            }
        }
    }
}

pub(crate) fn line(event: &ZegoEvent) -> Option<String> {
    Some(match event {
        ZegoEvent::RoomStateChanged(e) => format!("room {} {}", e.reason, e.error_code),
        ZegoEvent::RoomUserUpdate(e) => {
            let users: Vec<_> = e.user_list.iter().map(|user| user.user_id.as_str()).collect();
            format!("users {} {}", e.update_type, users.join(" "))
        }
        ZegoEvent::RoomStreamUpdate(e) => {
            let streams: Vec<_> = e.stream_list.iter().map(|stream| stream.stream_id.as_str()).collect();
            format!("streams {} {}", e.update_type, streams.join(" "))
        }
        ZegoEvent::TokenWillExpire(e) => format!("token {}", e.remain_time_in_second),
        ZegoEvent::PublisherStateUpdate(e) => format!("publish {} {} {}", e.stream_id, e.state, e.error_code),
        ZegoEvent::PlayerStateUpdate(e) => format!("play {} {} {}", e.stream_id, e.state, e.error_code),
        ZegoEvent::DeviceError(e) => format!("device {}", e.error_code),
        ZegoEvent::LocalSourceEnded(_) => "source ended".into(),
        _ => return None,
    })
}

/// Lets everything happen that is due, in virtual time.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Logs in and lets the events of it go.
pub(crate) async fn logged_in(engine: &ZegoExpressEngine) -> Told {
    let mut told = Told::by(engine);
    engine.login_room("r", TOKEN, "alice", config()).await.unwrap();
    settle().await;
    told.take();
    told
}

pub(crate) fn config() -> ZegoRoomConfig {
    ZegoRoomConfig {
        user_update: true,
        ..Default::default()
    }
}

/// A list that callbacks write and tests read.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A stream update as the room part reports it.
pub(crate) fn streams(update: ZegoUpdateType, stream_ids: &[&str]) -> express_messages::room::RoomEvent {
    let stream = |id: &&str| express_engine::ZegoStream {
        stream_id: express_engine::StreamId::new(id).unwrap(),
        user: express_engine::ZegoUser::new("bob", "").unwrap(),
        extra_info: String::new(),
    };
    express_messages::room::RoomEvent::StreamUpdate {
        update,
        streams: stream_ids.iter().map(stream).collect(),
        extended_data: String::new(),
    }
}
