//! Random calls, reports and exits: what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use express_messages::{
    audio_device::AudioDeviceEvent,
    room::SessionFate,
    types::{ZegoStream, ZegoUpdateType, ZegoUser},
};

use super::*;
use crate::options::{ZegoPlayOptions, ZegoPublishOptions};

/// A small generator; the seed is printed when a run fails and is taken back from `ENGINE_SEED`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let count = u64::try_from(from.len()).unwrap();
        (count > 0).then(|| from[usize::try_from(self.below(count)).unwrap()].clone())
    }
}

/// A part that runs, as far as anybody outside knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Room,
    Publisher,
    Player,
    Device,
}

/// The engine's state, the parts it started, and what was seen of it.
struct Run {
    dice: Dice,
    now: Instant,
    state: EngineState,
    parts: BTreeMap<LifeId, (Part, String)>,
    /// Parts that were told to stop and have not ended.
    stopping: BTreeSet<LifeId>,
    timers: Vec<(Instant, Timer)>,
    calls: BTreeSet<u64>,
    locals: Vec<LocalStreamId>,
    opening: Vec<(LocalStreamId, LifeId)>,
    muting: Vec<CallId>,
    /// What was told last of each stream.
    told: HashMap<String, String>,
    finished: bool,
    /// The audio device part fails often.
    fragile: bool,
    /// In several rooms at a time.
    several: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut out = Step::default();
        let mut state = EngineState::new(settings(), &mut out);
        let several = seed % 4 > 1;
        state.enable_multi_room(several).unwrap();
        let keep = Some(!seed.is_multiple_of(5));
        state
            .set_engine_config(&ZegoEngineConfig {
                keep_rtc_when_signal_disconnected: keep,
                ..ZegoEngineConfig::default()
            })
            .unwrap();
        let mut run = Self {
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            now: start(),
            state,
            parts: BTreeMap::new(),
            stopping: BTreeSet::new(),
            timers: Vec::new(),
            calls: BTreeSet::new(),
            locals: Vec::new(),
            opening: Vec::new(),
            muting: Vec::new(),
            told: HashMap::new(),
            finished: false,
            fragile: seed.is_multiple_of(3),
            several,
        };
        run.see(out);
        run
    }

    fn act(&mut self) {
        let mut out = Step::default();
        let most = if self.dice.below(2) == 0 { 10 } else { 300 };
        self.now += Duration::from_millis(self.dice.below(most));
        match self.dice.below(100) {
            0..35 => self.call(&mut out),
            35..80 => self.report(&mut out),
            80..99 => self.timer(false, &mut out),
            _ => self
                .state
                .mute_microphone(self.dice.below(2) == 0, self.now, &mut out)
                .unwrap(),
        }
        self.see(out);
    }

    /// One call of the application.
    fn call(&mut self, out: &mut Step) {
        let room = ["r", "r2"][usize::try_from(self.dice.below(2)).unwrap()];
        let stream = ["a", "b", "c", "d"][usize::try_from(self.dice.below(4)).unwrap()];
        let local = self.dice.pick(&self.locals.clone());
        let call = self.state.new_call();
        let (flag, now) = (self.dice.below(2) == 0, self.now);
        let waits = match self.dice.below(13) {
            0 | 1 => self.state.login_room(login(room), call, out).is_ok(),
            2 => self.state.create_local(&ZegoStreamOptions::tone(440.0), call, out).is_ok(),
            3 | 4 => {
                let options = ZegoPublishOptions {
                    room_id: (self.several || flag).then(|| room.into()),
                    ..ZegoPublishOptions::default()
                };
                let _ = self.state.start_publishing(stream, local, options, out);
                false
            }
            5 => {
                let _ = self.state.stop_publishing(stream, out);
                false
            }
            6 | 7 => {
                let options = ZegoPlayOptions {
                    room_id: flag.then(|| room.into()),
                    ..ZegoPlayOptions::default()
                };
                self.state.start_playing(stream, &options, call, out).is_ok()
            }
            8 | 9 => {
                // Twice at once: the second has to wait.
                let again = self.state.new_call();
                if self.state.mute_playback(stream, !flag, again, now, out).is_ok() {
                    self.calls.insert(again.0);
                }
                self.state.mute_playback(stream, flag, call, now, out).is_ok()
            }
            12 => {
                let calls = self.state.mute_all_playbacks(flag, now, out).unwrap();
                self.calls.extend(calls.iter().map(|call| call.0));
                false
            }
            10 if self.dice.below(8) == 0 => {
                let _ = self.state.logout_room(flag.then_some(room), out);
                false
            }
            _ => {
                let _ = match flag {
                    true => self.state.stop_playing(stream, out),
                    false => self.state.destroy_local(local, out),
                };
                false
            }
        };
        if waits {
            self.calls.insert(call.0);
        }
    }

    /// Some part says something, or is gone.
    fn report(&mut self, out: &mut Step) {
        if let Some(call) = self.muting.pop() {
            return out.answer(Some(call), Ok(()));
        }
        if let Some((id, device)) = self.opening.pop_if(|_| self.dice.below(3) == 0) {
            let result = match self.dice.below(5) {
                0 => Err(ZegoError::new(1103061, "no")),
                _ => Ok(()),
            };
            return self.state.on_local_opened(id, device, result, out);
        }
        let lives: Vec<_> = self.parts.keys().copied().collect();
        let Some(life) = self.dice.pick(&lives) else { return };
        let (part, _) = self.parts[&life];
        let exits = match part {
            _ if self.stopping.contains(&life) => 2,
            Part::Device if self.fragile => 8,
            Part::Device => 500,
            _ => 40,
        };
        let exited = self.dice.below(exits) == 0;
        if exited {
            self.parts.remove(&life);
            self.stopping.remove(&life);
        }
        let panicked = self.dice.below(2) == 0;
        match part {
            Part::Room => {
                let event = if exited {
                    RoomEvent::Exited { panicked }
                } else {
                    self.room_report()
                };
                self.state.on_room_event(life, event, out);
            }
            Part::Publisher => {
                let event = match (exited, self.dice.below(6)) {
                    (true, _) => PublisherEvent::Exited { panicked },
                    (_, 0) => publisher_event(PublisherState::NoPublish, 1103051),
                    (_, 1) => publisher_event(PublisherState::PublishRequesting, 1103028),
                    _ => publisher_event(PublisherState::Publishing, 0),
                };
                self.state.on_publisher_event(life, event, self.now, out);
            }
            Part::Player => {
                let event = match (exited, self.dice.below(6)) {
                    (true, _) => PlayerEvent::Exited { panicked },
                    (_, 0) => player_event(PlayerState::NoPlay, 1104031),
                    (_, 1) => player_event(PlayerState::PlayRequesting, 1004020),
                    (_, 2) => PlayerEvent::Negotiated,
                    _ => player_event(PlayerState::Playing, 0),
                };
                self.state.on_player_event(life, event, self.now, out);
            }
            Part::Device if exited => {
                self.opening.clear();
                self.state
                    .on_device_event(life, AudioDeviceEvent::Exited { panicked }, self.now, out);
            }
            Part::Device => {}
        }
    }

    fn room_report(&mut self) -> RoomEvent {
        use RoomStateChangedReason as Reason;
        match self.dice.below(40) {
            0 => room_event(Reason::Kickout, 1002050),
            1 => room_event(Reason::LoginFailed, 1102016),
            2 => room_event(Reason::Reconnecting, 1000017),
            3 => room_event(Reason::Reconnected, 0),
            5..8 => RoomEvent::StreamUpdate {
                update: [ZegoUpdateType::Add, ZegoUpdateType::Delete][usize::try_from(self.dice.below(2)).unwrap()],
                streams: vec![ZegoStream {
                    stream_id: StreamId::new(["a", "b"][usize::try_from(self.dice.below(2)).unwrap()]).unwrap(),
                    user: ZegoUser::new("bob", "").unwrap(),
                    extra_info: String::new(),
                }],
                extended_data: String::new(),
            },
            4 => RoomEvent::LinkRestored {
                session: [SessionFate::Kept, SessionFate::Lost, SessionFate::Moved][usize::try_from(self.dice.below(3)).unwrap()],
            },
            _ => room_event(Reason::Logined, 0),
        }
    }

    /// The timer that is due, or now and then, and always in a `hurry`, the next one.
    fn timer(&mut self, hurry: bool, out: &mut Step) {
        self.timers.sort_by_key(|(at, _)| *at);
        let jump = hurry || self.dice.below(20) == 0;
        if self.timers.first().is_some_and(|(at, _)| jump || *at <= self.now) {
            let (at, timer) = self.timers.remove(0);
            self.now = self.now.max(at);
            self.state.on_timer(timer, self.now, out);
        }
    }

    /// Checks what a step led to, and keeps book.
    fn see(&mut self, out: Step) {
        for event in &out.events {
            self.see_event(event);
        }
        for (call, result) in out.answers {
            assert!(
                self.calls.remove(&call.0),
                "{call:?} is answered twice, or was never asked: {result:?}"
            );
        }
        for command in out.commands {
            self.see_command(command);
        }
    }

    fn see_event(&mut self, event: &ZegoEvent) {
        let (stream, is_over) = match event {
            ZegoEvent::PublisherStateUpdate(e) => (format!("publish {}", e.stream_id), e.state == PublisherState::NoPublish),
            ZegoEvent::PlayerStateUpdate(e) => (format!("play {}", e.stream_id), e.state == PlayerState::NoPlay),
            _ => return,
        };
        let new = line(event);
        let before = self.told.get(&stream);
        assert_ne!(before, Some(&new), "{stream} is told the same twice");
        match before {
            None => assert!(new.ends_with("REQUESTING 0"), "{stream} begins with {new}"),
            Some(_) if is_over => drop(self.told.remove(&stream)),
            Some(_) => {}
        }
        if !is_over {
            self.told.insert(stream, new);
        }
    }

    fn begins(&mut self, life: LifeId, part: Part, name: &str) {
        let twin = self.parts.values().find(|(other, taken)| *other == part && taken == name);
        assert!(twin.is_none(), "{part:?} {name} begins while its predecessor lives");
        self.parts.insert(life, (part, name.into()));
    }

    fn see_command(&mut self, command: Command) {
        match command {
            Command::StartRoom { life, options } => {
                assert_eq!(options.instance.is_some(), self.several);
                let name = if self.several { options.room_id.as_str() } else { "" };
                self.begins(life, Part::Room, name);
            }
            Command::StartPublisher { life, room, options } => {
                assert!(self.parts.contains_key(&room), "it has a room to go through");
                self.begins(life, Part::Publisher, options.stream_id.as_str());
            }
            Command::StartPlayer { life, room, options } => {
                assert!(self.parts.contains_key(&room), "it has a room to go through");
                self.begins(life, Part::Player, options.stream_id.as_str());
            }
            Command::StartDevice(life) => self.begins(life, Part::Device, ""),
            // A part that does not end in time is dropped: nobody hears of it again.
            Command::Forget(life) => {
                self.parts.remove(&life);
                self.stopping.remove(&life);
            }
            Command::After(delay, timer) => {
                if let Timer::StopUnanswered(life) = timer {
                    self.stopping.insert(life);
                }
                self.timers.push((self.now + delay, timer));
            }
            Command::OpenLocal { id, .. } => {
                let device = self.parts.iter().find(|(_, (part, _))| *part == Part::Device).unwrap();
                self.opening.push((id, *device.0));
                self.locals.push(id);
            }
            Command::MutePlayback { life, calls, .. } => {
                assert!(self.parts.contains_key(&life));
                self.muting.extend(calls);
            }
            Command::Finish => {
                assert!(!self.finished);
                self.finished = true;
            }
            _ => {}
        }
    }

    /// Lets everything come to rest outside of any room: no call stays without an answer.
    fn rest(&mut self) {
        let mut out = Step::default();
        self.state.logout_room(None, &mut out).unwrap();
        self.see(out);
        for turn in 0..2_000 {
            if self.calls.is_empty() {
                return;
            }
            let mut out = Step::default();
            match turn % 2 {
                0 => self.report(&mut out),
                _ => self.timer(true, &mut out),
            }
            self.see(out);
        }
        panic!("calls {:?} are never answered", self.calls);
    }

    /// Whatever happened, the end comes.
    fn end(mut self) {
        let mut out = Step::default();
        self.state.destroy(&mut out);
        assert!(out.ended && out.events.is_empty());
        self.see(out);
        for _ in 0..200 {
            let mut out = Step::default();
            if self.dice.below(2) == 0 {
                self.report(&mut out);
            } else {
                self.timer(true, &mut out);
            }
            assert!(out.events.is_empty(), "an event after the end: {:?}", out.events);
            self.see(out);
        }
        assert!(self.finished);
        assert_eq!(
            self.state
                .login_room(login("r"), CallId(0), &mut Step::default())
                .unwrap_err()
                .code,
            1000001
        );
    }
}

#[test]
fn whatever_happens_each_call_is_answered_once_states_alternate_and_no_name_is_taken_twice() {
    let seeds = match std::env::var("ENGINE_SEED") {
        Ok(seed) => seed.parse().map(|seed: u64| seed..seed + 1).unwrap(),
        Err(_) => 0..120,
    };
    for seed in seeds {
        let result = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            for _ in 0..3_000 {
                run.act();
            }
            if seed.is_multiple_of(2) {
                run.rest();
            }
            run.end();
        });
        assert!(result.is_ok(), "it failed with ENGINE_SEED={seed}");
    }
}
