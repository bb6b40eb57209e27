//! People in a call over several nodes: engines that speak a tone and listen to others, and what they notice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use express_engine::{
    PlayerState, PlayerStateUpdate, PublisherState, PublisherStateUpdate, RoomStateChanged, RoomStateChangedReason,
    RoomUserUpdate, ZegoEvent, ZegoExpressEngine, ZegoLocalStream, ZegoRoomConfig, ZegoStreamOptions, ZegoUpdateType,
};

use crate::collect::EventLog;
use crate::ear::{Ear, Silence};
use crate::tokens::{APP_ID, token};

/// The room of all of them.
pub const ROOM: &str = "call";
/// The first three.
pub const ALICE: usize = 0;
/// The second.
pub const BOB: usize = 1;
/// The third.
pub const CAROL: usize = 2;
/// Of the first; the others speak higher, and none is a harmonic of another.
const LOWEST_HZ: f32 = 410.0;
const APART_HZ: f32 = 37.0;
/// An engine's tone has a peak of 0.5.
const IS_HEARD: f64 = 0.2;

/// The userID of the caller with this number.
pub fn name_of(number: usize) -> String {
    match number {
        ALICE => "alice".into(),
        BOB => "bob".into(),
        CAROL => "carol".into(),
        number => format!("caller-{number}"),
    }
}

/// The streamID of the caller with this number.
pub fn stream_of(number: usize) -> String {
    format!("{}-voice", name_of(number))
}

/// The tone of the caller with this number.
pub fn hz_of(number: usize) -> f32 {
    LOWEST_HZ + APART_HZ * number as f32
}

/// One engine in the room.
#[derive(Debug)]
pub struct Caller {
    /// Which.
    pub number: usize,
    /// The engine.
    pub zg: ZegoExpressEngine,
    /// What it told.
    pub log: EventLog,
    /// Who is listened to.
    ears: BTreeMap<usize, Ear>,
    voice: ZegoLocalStream,
}

impl Caller {
    /// Logs in at `url`, of which alone it knows, and publishes its tone.
    ///
    /// # Panics
    /// When either is refused or takes too long.
    pub fn join(url: &str, number: usize) -> Self {
        let user = name_of(number);
        let zg = ZegoExpressEngine::new(APP_ID, url).unwrap();
        let mut log = EventLog::of(&zg);
        let config = ZegoRoomConfig {
            user_update: true,
            ..ZegoRoomConfig::default()
        };
        zg.login_room(ROOM, token(&user), user.as_str(), config).wait().unwrap();
        let voice = zg.create_zego_stream(ZegoStreamOptions::tone(hz_of(number))).wait().unwrap();
        zg.start_publishing_stream(stream_of(number), &voice, Default::default())
            .unwrap();
        log.wait_for("PUBLISHING", |e: &PublisherStateUpdate| e.state == PublisherState::Publishing);
        let ears = BTreeMap::new();
        Self {
            number,
            zg,
            log,
            ears,
            voice,
        }
    }

    /// Plays the tone of another, and waits until it is heard.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn listen_to(&mut self, other: usize) {
        let stream = stream_of(other);
        let played = self.zg.start_playing_stream(&stream, Default::default()).wait().unwrap();
        let ear = Ear::of(played.frames());
        self.log.wait_for("PLAYING", |e: &PlayerStateUpdate| {
            e.stream_id.as_ref() == stream && e.state == PlayerState::Playing
        });
        ear.wait_for_sound(&self.listens_to(other));
        self.ears.insert(other, ear);
    }

    /// Waits until this other is heard again who fell silent behind `since`.
    pub fn wait_for_return_of(&self, other: usize, since: Instant) {
        self.ears[&other].wait_for_return(since, &self.listens_to(other));
    }

    /// What was not heard of this other since.
    pub fn silence_of(&self, other: usize, since: Instant) -> Silence {
        self.ears[&other].silence(since, Instant::now())
    }

    /// Forgets what it was told so far.
    pub fn forget(&mut self) {
        self.take_in();
        self.log.seen.clear();
    }

    /// What an application would show of users, streams, players, publishers and the room since it last forgot.
    pub fn noticed(&mut self) -> Vec<String> {
        self.take_in();
        self.log.seen.iter().filter_map(notable).collect()
    }

    fn listens_to(&self, other: usize) -> String {
        format!("{} listens to {}", name_of(self.number), name_of(other))
    }

    fn take_in(&mut self) {
        while self.log.next(Instant::now() + Duration::from_millis(1)).is_some() {}
    }

    /// Waits until it is told that this other has left.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn sees_go(&mut self, other: usize) {
        let other = name_of(other);
        self.log.wait_for("users DELETE", |e: &RoomUserUpdate| {
            e.update_type == ZegoUpdateType::Delete && e.user_list.iter().any(|user| user.user_id.as_ref() == other)
        });
    }

    /// Logs out, and hangs up.
    ///
    /// # Panics
    /// When it is in no room.
    pub fn log_out(mut self) {
        self.zg.logout_room(ROOM).unwrap();
        self.log
            .wait_for("LOGOUT", |e: &RoomStateChanged| e.reason == RoomStateChangedReason::Logout);
        self.leave();
    }

    /// Hangs up.
    pub fn leave(mut self) {
        self.ears.clear();
        // What ends with the engine anyway.
        let _ = self.zg.destroy_stream(self.voice);
        self.zg.destroy_engine();
    }
}

fn notable(event: &ZegoEvent) -> Option<String> {
    match event {
        ZegoEvent::RoomUserUpdate(e) => {
            let users: Vec<&str> = e.user_list.iter().map(|user| user.user_id.as_ref()).collect();
            Some(format!("users {} {}", e.update_type, users.join(" ")))
        }
        ZegoEvent::RoomStreamUpdate(e) => {
            let streams: Vec<&str> = e.stream_list.iter().map(|stream| stream.stream_id.as_ref()).collect();
            Some(format!("streams {} {} {}", e.update_type, streams.join(" "), e.extended_data))
        }
        ZegoEvent::RoomStateChanged(e) if e.reason != RoomStateChangedReason::Logined => {
            Some(format!("room {} {}", e.reason, e.error_code))
        }
        ZegoEvent::PlayerStateUpdate(e) => Some(format!("play {} {} {}", e.stream_id, e.state, e.error_code)),
        ZegoEvent::PublisherStateUpdate(e) => Some(format!("publish {} {} {}", e.stream_id, e.state, e.error_code)),
        _ => None,
    }
}

/// So many callers, each at the next of the nodes in turn, who each listen to so many others.
pub fn call(urls: &[String], count: usize, listens: usize) -> Vec<Caller> {
    let numbered = (0..count).zip(urls.iter().cycle());
    let mut callers: Vec<Caller> = numbered.map(|(number, url)| Caller::join(url, number)).collect();
    for caller in &mut callers {
        let number = caller.number;
        (1..=listens).for_each(|further| caller.listen_to((number + further) % count));
    }
    callers
}

/// Prints what each did not hear of each since then, and answers the longest of those who are `wanted` (the listener, the speaker).
pub fn longest_silence(callers: &[Caller], since: Instant, wanted: impl Fn(usize, usize) -> bool) -> Duration {
    let mut longest = Duration::ZERO;
    for caller in callers {
        for other in caller.ears.keys().copied() {
            let silence = caller.silence_of(other, since);
            if silence != Silence::default() {
                println!("  {} did not hear {}: {silence}", name_of(caller.number), name_of(other));
            }
            if wanted(caller.number, other) {
                longest = longest.max(silence.longest);
            }
        }
    }
    longest
}

/// Everybody hears whom they listen to, and nobody else there.
///
/// # Panics
/// Where that is not so.
pub fn assert_tones(callers: &[Caller]) {
    for caller in callers {
        for (other, ear) in &caller.ears {
            let amplitude = ear.amplitude_of(hz_of(*other));
            assert!(amplitude > IS_HEARD, "{}: {amplitude}", caller.listens_to(*other));
        }
    }
}

/// Nobody was told of anything since they last forgot.
///
/// # Panics
/// Where somebody was.
pub fn assert_nothing_noticed(callers: &mut [Caller]) {
    for caller in callers {
        assert_eq!(caller.noticed(), Vec::<String>::new(), "{}", name_of(caller.number));
    }
}
