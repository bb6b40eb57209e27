//! Runs `tests/cases/*.json` (see the README there) on engines against a real server.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use express_engine::{
    Reply, Timings, ZegoError, ZegoEvent, ZegoExpressEngine, ZegoLocalStream, ZegoPlayOptions, ZegoPublishOptions,
    ZegoRemoteStream, ZegoRoomConfig, ZegoStreamOptions,
};
use express_examples::hearing;
use express_tests::{
    processes::{PATIENCE, Server, work_folder},
    tokens::{APP_ID, token_made_at, unix_now},
};
use express_token::Privileges;
use serde_json::{Map, Value};

/// Reports that come by the clock: a story may name one, and need not name all.
const REPORTS: [&str; 7] = [
    "publishQualityUpdate",
    "playQualityUpdate",
    "networkQuality",
    "soundLevelUpdate",
    "capturedSoundLevelUpdate",
    "roomOnlineUserCountUpdate",
    "roomStateUpdate",
];

/// How long a story is listened to behind its last step.
const QUIET: Duration = Duration::from_millis(200);

#[test]
fn every_case_is_seen_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let case: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let started = Instant::now();
        Story::new(&case, &file).run(case["steps"].as_array().expect("a case has steps"));
        println!("{:<60} {:.1} s", text(&case, "name"), started.elapsed().as_secs_f64());
    }
}

/// One user of a story.
struct Actor {
    zg: ZegoExpressEngine,
    events: express_engine::ZegoEvents,
    /// Events as JSON that no step has named yet.
    unseen: Vec<Value>,
    local: Option<ZegoLocalStream>,
    remotes: HashMap<String, Remote>,
}

/// A stream that is played, or waited for.
enum Remote {
    Pending(Reply<ZegoRemoteStream>),
    Playing(ZegoRemoteStream),
}

struct Story {
    name: String,
    folder: PathBuf,
    server: Server,
    actors: HashMap<String, Actor>,
}

impl Story {
    fn new(case: &Value, file: &Path) -> Self {
        let folder = work_folder(&format!("case-{}", file.file_stem().unwrap().to_string_lossy()));
        let server = Server::start_at(&folder, "127.0.0.1:0", &configuration(case));
        Self {
            name: text(case, "name").into(),
            folder,
            server,
            actors: HashMap::new(),
        }
    }

    fn run(mut self, steps: &[Value]) {
        for (number, step) in steps.iter().enumerate() {
            let place = format!("{}, step {}: {step}", self.name, number + 1);
            match (
                step.get("server").and_then(Value::as_str),
                step.get("user").and_then(Value::as_str),
            ) {
                (Some("kill"), _) => self.server.process.kill(),
                (Some("start"), _) => self.server.restart(),
                (None, Some(user)) => self.user_step(user, step, &place),
                _ => panic!("{place}: no such step"),
            }
        }
        // Everybody is asked before anybody leaves: a leave is an event for the others.
        let quiet = Instant::now() + QUIET;
        for (user, actor) in &mut self.actors {
            while actor.collect(quiet) {}
            actor.unseen.retain(|event| !is_report(event));
            assert!(
                actor.unseen.is_empty(),
                "{}: {user} saw what the story does not tell: {:#?}",
                self.name,
                actor.unseen
            );
        }
        self.actors.values().for_each(|actor| actor.zg.destroy_engine());
        drop(self.server);
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn user_step(&mut self, user: &str, step: &Value, place: &str) {
        if !self.actors.contains_key(user) {
            self.actors.insert(user.into(), Actor::new(&self.server));
        }
        let actor = self.actors.get_mut(user).expect("it was just made");
        if let Some(call) = step.get("do").and_then(Value::as_str) {
            let empty = Map::new();
            let with = step.get("with").and_then(Value::as_object).unwrap_or(&empty);
            let result = actor.call(user, call, with, place);
            let code = result.as_ref().err().map(|error| i64::from(error.code));
            assert_eq!(code, step.get("fails").and_then(Value::as_i64), "{place}: {result:?}");
        } else if let Some(wanted) = step.get("sees").and_then(Value::as_array) {
            actor.sees(wanted[0].as_str().expect("an event has a name"), &wanted[1], place);
        } else {
            let hz = step["hz"].as_f64().expect("a step calls, sees or hears");
            actor.hears(text(step, "hears"), hz, place);
        }
    }
}

impl Actor {
    fn new(server: &Server) -> Self {
        let mut timings = Timings::default();
        // What is kept from the application for 8 s is told after one here; the order of things stays.
        timings.reconnecting_debounce = Duration::from_secs(1);
        let zg = ZegoExpressEngine::builder(APP_ID, server.url.as_str())
            .timings(timings)
            .build()
            .expect("an engine");
        let events = zg.events();
        Self {
            zg,
            events,
            unseen: Vec::new(),
            local: None,
            remotes: HashMap::new(),
        }
    }

    fn call(&mut self, user: &str, call: &str, with: &Map<String, Value>, place: &str) -> Result<(), ZegoError> {
        let word = |key: &str| {
            let word = with.get(key).and_then(Value::as_str);
            word.unwrap_or_else(|| panic!("{place}: no {key}"))
        };
        let stream = || word("streamID");
        let room = with.get("roomID").and_then(Value::as_str).unwrap_or("r");
        let named = || with.get("roomID").and_then(Value::as_str).map(str::to_owned);
        let mute = with.get("mute") == Some(&Value::Bool(true));
        let local = || {
            let local = self.local.as_ref();
            local.unwrap_or_else(|| panic!("{place}: createZegoStream comes first"))
        };
        match call {
            "loginRoom" => self.login(user, with),
            "logoutRoom" => match with.get("roomID").and_then(Value::as_str) {
                Some(room) => self.zg.logout_room(room),
                None => self.zg.logout_all_rooms(),
            },
            "enableMultiRoom" => self.zg.enable_multi_room(with["enable"] == Value::Bool(true)),
            "switchRoom" => {
                let token = token_of(user, with.get("token"));
                let config = ZegoRoomConfig::default();
                self.zg.switch_room(word("from"), word("to"), token, config).wait()
            }
            "renewToken" => self.zg.renew_token(token_of(user, with.get("token"))),
            "createZegoStream" => {
                let hz = with["hz"].as_f64().expect("a tone has a frequency") as f32;
                self.local = Some(self.zg.create_zego_stream(ZegoStreamOptions::tone(hz)).wait()?);
                Ok(())
            }
            "startPublishingStream" => {
                let extra_info = with.get("extraInfo").and_then(Value::as_str).unwrap_or_default().into();
                let options = ZegoPublishOptions {
                    extra_info,
                    room_id: named(),
                    ..Default::default()
                };
                self.zg.start_publishing_stream(stream(), local(), options)
            }
            "setRoomExtraInfo" => self.zg.set_room_extra_info(room, word("key"), word("value")).wait(),
            "setStreamExtraInfo" => self.zg.set_stream_extra_info(stream(), word("extraInfo")).wait(),
            "mutePublishStreamAudio" => self.zg.mute_publish_stream_audio(local(), mute),
            "muteMicrophone" => self.zg.mute_microphone(mute),
            "sendBroadcastMessage" => self.zg.send_broadcast_message(room, word("message")).wait().map(drop),
            "sendBarrageMessage" => self.zg.send_barrage_message(room, word("message")).wait().map(drop),
            "sendCustomCommand" => {
                let to = with
                    .get("toUserIDList")
                    .and_then(Value::as_array)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let to = to.iter().map(|user| user.as_str().expect("a userID"));
                self.zg.send_custom_command(room, word("command"), to).wait().map(drop)
            }
            "setSoundLevelDelegate" => {
                let interval = with.get("interval").and_then(Value::as_u64);
                let interval = interval.map(|ms| ms.try_into().expect("an interval"));
                self.zg
                    .set_sound_level_delegate(with["enable"] == Value::Bool(true), interval)
            }
            "muteAllPlayAudioStreams" => self.zg.mute_all_play_audio_streams(mute).wait(),
            "stopPublishingStream" => self.zg.stop_publishing_stream(stream()),
            "startPlayingStream" => {
                let options = ZegoPlayOptions {
                    room_id: named(),
                    ..Default::default()
                };
                self.play(stream(), options, with.get("pending") == Some(&Value::Bool(true)))
            }
            "stopPlayingStream" => {
                self.remotes.remove(stream());
                self.zg.stop_playing_stream(stream())
            }
            "mutePlayStreamAudio" => self.zg.mute_play_stream_audio(stream(), mute).wait(),
            other => panic!("{place}: {other} is not a call of a story"),
        }
    }

    fn login(&self, user: &str, with: &Map<String, Value>) -> Result<(), ZegoError> {
        let word = |key: &str, default: &str| with.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
        let config = ZegoRoomConfig {
            user_update: with.get("userUpdate") == Some(&Value::Bool(true)),
            max_member_count: with
                .get("maxMemberCount")
                .and_then(Value::as_u64)
                .unwrap_or(0)
                .try_into()
                .expect("a count"),
            loudest_streams: 0,
        };
        let who = (word("userID", user), word("userName", ""));
        self.zg
            .login_room(word("roomID", "r"), token_of(user, with.get("token")), who, config)
            .wait()
    }

    fn play(&mut self, stream: &str, options: ZegoPlayOptions, pending: bool) -> Result<(), ZegoError> {
        let reply = self.zg.start_playing_stream(stream, options);
        let remote = match pending {
            true => Remote::Pending(reply),
            false => Remote::Playing(reply.wait()?),
        };
        self.remotes.insert(stream.into(), remote);
        Ok(())
    }

    /// Moves what has come, until `deadline`, to `unseen`.
    fn collect(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(Some(event)) = self.events.recv_timeout(left) else {
            return false;
        };
        let event: ZegoEvent = event.expect("a story is shorter than the queue");
        let event = serde_json::to_value(&event).expect("an event has a JSON form");
        self.unseen.push(event);
        true
    }

    fn sees(&mut self, name: &str, wanted: &Value, place: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Of a report the next one that fits: others may have come by the clock.
            let next = |event: &Value| text(event, "event") == name && (!is_report(event) || contains(event, wanted));
            if let Some(index) = self.unseen.iter().position(next) {
                let event = self.unseen.remove(index);
                assert!(contains(&event, wanted), "{place}\nsaw {event}");
                return;
            }
            assert!(
                self.collect(deadline),
                "{place}\nsaw nothing of that name; unnamed so far: {:#?}",
                self.unseen
            );
        }
    }

    fn hears(&mut self, stream: &str, hz: f64, place: &str) {
        let remote = match self
            .remotes
            .remove(stream)
            .unwrap_or_else(|| panic!("{place}: it is not played"))
        {
            Remote::Pending(reply) => reply.wait().unwrap_or_else(|error| panic!("{place}: {error}")),
            Remote::Playing(remote) => remote,
        };
        let mut frames = remote.frames();
        let deadline = Instant::now() + PATIENCE;
        let mut window: Vec<f32> = Vec::new();
        while window.len() < 24_000 || hearing::tone_amplitude(&window, hz) < 0.2 {
            assert!(
                Instant::now() < deadline,
                "{place}: amplitude {}",
                hearing::tone_amplitude(&window, hz)
            );
            let Ok(Some(block)) = frames.recv_timeout(PATIENCE) else {
                panic!("{place}: no sound at all")
            };
            let block = block.expect("a second is enough for this loop");
            window.extend(block.samples().chunks_exact(block.channels()).map(|frame| frame[0]));
            window.drain(..window.len().saturating_sub(24_000));
        }
        self.remotes.insert(stream.into(), Remote::Playing(remote));
    }
}

fn is_report(event: &Value) -> bool {
    REPORTS.contains(&text(event, "event"))
}

/// Whether everything in `wanted` stands in `value` too.
fn contains(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| value.get(key).is_some_and(|value| contains(value, wanted))),
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len() && value.iter().zip(wanted).all(|(value, wanted)| contains(value, wanted))
        }
        _ => value == wanted,
    }
}

/// What a story wants of its server, as TOML of its AppID.
fn configuration(case: &Value) -> String {
    match case["server"]["onTokenExpiry"].as_str() {
        Some(what) => format!("on_token_expiry = \"{what}\"\n"),
        None => String::new(),
    }
}

/// The token that a story describes; a good one of `user` by default.
fn token_of(user: &str, description: Option<&Value>) -> String {
    let field = |key: &str| description.and_then(|description| description.get(key));
    if let Some(text) = field("text").and_then(Value::as_str) {
        return text.into();
    }
    let privileges = ["room", "publish", "streams"]
        .iter()
        .any(|key| field(key).is_some())
        .then(|| Privileges {
            room_id: field("room").and_then(Value::as_str).unwrap_or("r").into(),
            login: true,
            publish: field("publish") != Some(&Value::Bool(false)),
            streams: field("streams").and_then(Value::as_array).map(|streams| {
                streams
                    .iter()
                    .map(|stream| stream.as_str().expect("a streamID").to_owned())
                    .collect()
            }),
        });
    let number = |key: &str, default: i64| field(key).and_then(Value::as_i64).unwrap_or(default);
    let made_at = unix_now() - number("madeAgo", 0);
    token_made_at(
        field("user").and_then(Value::as_str).unwrap_or(user),
        made_at,
        number("ttl", 3_600),
        privileges,
    )
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{value} has no {key}"))
}
