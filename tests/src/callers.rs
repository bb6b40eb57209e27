//! People in a call over several nodes: engines that speak a tone and listen to others, and what they notice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use express_engine::{
    PlayerState, PlayerStateUpdate, PublisherState, PublisherStateUpdate, RoomStateChangedReason, ZegoEvent, ZegoExpressEngine,
    ZegoLocalStream, ZegoRoomConfig, ZegoStreamOptions, ZegoUpdateType,
};

use crate::collect::EventLog;
use crate::ear::{Ear, Silence};
use crate::tokens::{APP_ID, token};

const ROOM: &str = "call";
/// Of the first speaker; the next ones speak higher.
const LOWEST_HZ: f32 = 300.0;

/// One engine in the room.
#[derive(Debug)]
pub struct Caller {
    /// Who.
    pub user: String,
    /// The engine.
    pub zg: ZegoExpressEngine,
    /// What it told.
    pub log: EventLog,
    /// Who is listened to.
    pub ears: BTreeMap<String, Ear>,
    voice: ZegoLocalStream,
}

impl Caller {
    /// Logs in at `url`, of which alone it knows, and publishes a tone as `{user}-voice`.
    ///
    /// # Panics
    /// When either is refused or takes too long.
    pub fn join(url: &str, user: &str, number: u8) -> Self {
        let zg = ZegoExpressEngine::new(APP_ID, url).unwrap();
        let mut log = EventLog::of(&zg);
        let mut config = ZegoRoomConfig::default();
        config.user_update = true;
        zg.login_room(ROOM, token(user), user, config).wait().unwrap();
        let hz = LOWEST_HZ + 70.0 * f32::from(number);
        let voice = zg.create_zego_stream(ZegoStreamOptions::tone(hz)).wait().unwrap();
        zg.start_publishing_stream(stream_of(user), &voice, Default::default()).unwrap();
        log.wait_for("PUBLISHING", |e: &PublisherStateUpdate| e.state == PublisherState::Publishing);
        Self {
            user: user.into(),
            zg,
            log,
            ears: BTreeMap::new(),
            voice,
        }
    }

    /// Plays the tone of another, and waits until it is heard.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn listen_to(&mut self, other: &str) {
        let stream = stream_of(other);
        let played = self.zg.start_playing_stream(&stream, Default::default()).wait().unwrap();
        let ear = Ear::of(played.frames());
        self.log.wait_for("PLAYING", |e: &PlayerStateUpdate| {
            e.stream_id.as_ref() == stream && e.state == PlayerState::Playing
        });
        ear.wait_for_sound(&format!("{} listens to {other}", self.user));
        self.ears.insert(other.to_owned(), ear);
    }

    /// Waits until this other is heard again who fell silent behind `since`.
    pub fn wait_for_return_of(&self, other: &str, since: Instant) {
        let what = format!("{} listens to {other}", self.user);
        self.ears[other].wait_for_return(since, &what);
    }

    /// What was not heard of this other since.
    pub fn silence_of(&self, other: &str, since: Instant) -> Silence {
        self.ears[other].silence(since, Instant::now())
    }

    /// Forgets what it was told so far.
    pub fn forget(&mut self) {
        self.hear_all();
        self.log.seen.clear();
    }

    /// What an application would show of users, streams, players and the room since it last forgot; without what is meant to
    /// happen in a call.
    pub fn noticed(&mut self) -> Vec<String> {
        self.hear_all();
        self.log.seen.iter().filter_map(notable).collect()
    }

    /// Events of the room's users and streams among what was [noticed](Self::noticed).
    pub fn saw_others_change(&mut self) -> Vec<String> {
        let noticed = self.noticed().into_iter();
        noticed.filter(|what| what.starts_with("users") || what.starts_with("streams")).collect()
    }

    fn hear_all(&mut self) {
        while self.log.next(Instant::now() + Duration::from_millis(1)).is_some() {}
    }

    /// Logs out and ends.
    pub fn leave(mut self) {
        self.ears.clear();
        let _ = self.zg.destroy_stream(self.voice);
        self.zg.destroy_engine();
    }
}

/// The streamID of a user.
pub fn stream_of(user: &str) -> String {
    format!("{user}-voice")
}

fn notable(event: &ZegoEvent) -> Option<String> {
    let way = |update: &ZegoUpdateType| update.to_string();
    match event {
        ZegoEvent::RoomUserUpdate(e) => {
            let users: Vec<&str> = e.user_list.iter().map(|user| user.user_id.as_ref()).collect();
            Some(format!("users {} {}", way(&e.update_type), users.join(" ")))
        }
        ZegoEvent::RoomStreamUpdate(e) => {
            let streams: Vec<&str> = e.stream_list.iter().map(|stream| stream.stream_id.as_ref()).collect();
            Some(format!("streams {} {} {}", way(&e.update_type), streams.join(" "), e.extended_data))
        }
        ZegoEvent::RoomStateChanged(e) if e.reason != RoomStateChangedReason::Logined => Some(format!("room {} {}", e.reason, e.error_code)),
        ZegoEvent::PlayerStateUpdate(e) => Some(format!("play {} {} {}", e.stream_id, e.state, e.error_code)),
        ZegoEvent::PublisherStateUpdate(e) => Some(format!("publish {} {} {}", e.stream_id, e.state, e.error_code)),
        _ => None,
    }
}
