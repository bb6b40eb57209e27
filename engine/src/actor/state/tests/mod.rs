//! The state alone: each arrow of its machines, and random calls and reports against what must always hold.

mod arrows;
mod random;
mod rooms;

use std::time::{Duration, Instant};

use express_messages::{
    player::PlayerEvent,
    publisher::PublisherEvent,
    room::RoomEvent,
    timings::Timings,
    types::{PlayerState, PublisherState, RoomStateChangedReason, ZegoScenario},
};

use super::*;
use crate::{
    events::ZegoEvent,
    options::{LoginUser, ZegoEngineConfig, ZegoRoomConfig, ZegoStreamOptions},
};

/// Far from the clock that a stray read would see.
fn start() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

fn settings() -> Settings {
    Settings {
        app_id: 1,
        servers: vec!["ws://127.0.0.1:1".into()],
        timings: Timings::default(),
        max_channels: 3,
        scenario: ZegoScenario::default(),
        instance: InstanceId::new([1; 16]),
        config: ZegoEngineConfig::default(),
    }
}

fn login(room_id: &str) -> LoginRequest {
    LoginRequest {
        room_id: room_id.into(),
        token: "04AAAA".into(),
        user: LoginUser::from("alice"),
        config: ZegoRoomConfig::default(),
    }
}

fn room_event(reason: RoomStateChangedReason, code: i32) -> RoomEvent {
    RoomEvent::StateChanged {
        reason,
        code,
        extended_data: String::new(),
    }
}

fn publisher_event(state: PublisherState, code: i32) -> PublisherEvent {
    PublisherEvent::StateChanged {
        state,
        code,
        extended_data: String::new(),
    }
}

fn player_event(state: PlayerState, code: i32) -> PlayerEvent {
    PlayerEvent::StateChanged {
        state,
        code,
        extended_data: String::new(),
    }
}

/// A state whose device part runs, and that part.
fn fresh() -> (EngineState, LifeId) {
    let mut out = Step::default();
    let state = EngineState::new(settings(), &mut out);
    let device = started(&out, device_life).unwrap();
    (state, device)
}

/// Logs in to one more room.
fn enter(state: &mut EngineState, room_id: &str) -> LifeId {
    let mut out = Step::default();
    let call = state.new_call();
    state.login_room(login(room_id), call, &mut out).unwrap();
    let room = started(&out, room_life).unwrap();
    state.on_room_event(room, room_event(RoomStateChangedReason::Logined, 0), &mut out);
    assert_eq!(out.answers, [(call, Ok(()))]);
    room
}

/// An event as a short line.
fn line(event: &ZegoEvent) -> String {
    match event {
        ZegoEvent::RoomStateChanged(e) => format!("{} {}", e.reason, e.error_code),
        ZegoEvent::PublisherStateUpdate(e) => format!("{} {}", e.state, e.error_code),
        ZegoEvent::PlayerStateUpdate(e) => format!("{} {}", e.state, e.error_code),
        other => other.kind().to_string(),
    }
}

/// What was told, without the older twins of room states.
fn lines(step: &Step) -> Vec<String> {
    let is_twin = |event: &&ZegoEvent| matches!(event, ZegoEvent::RoomStateUpdate(_));
    step.events.iter().filter(|event| !is_twin(event)).map(line).collect()
}

/// The life that a step started, of the kind that `wanted` picks.
fn started(step: &Step, wanted: impl Fn(&Command) -> Option<LifeId>) -> Option<LifeId> {
    step.commands.iter().find_map(wanted)
}

fn room_life(command: &Command) -> Option<LifeId> {
    match command {
        Command::StartRoom { life, .. } => Some(*life),
        _ => None,
    }
}

fn publisher_life(command: &Command) -> Option<LifeId> {
    match command {
        Command::StartPublisher { life, .. } => Some(*life),
        _ => None,
    }
}

fn player_life(command: &Command) -> Option<LifeId> {
    match command {
        Command::StartPlayer { life, .. } => Some(*life),
        _ => None,
    }
}

fn device_life(command: &Command) -> Option<LifeId> {
    match command {
        Command::StartDevice(life) => Some(*life),
        _ => None,
    }
}

/// A tone, opened.
fn open_local(state: &mut EngineState, device: LifeId) -> LocalStreamId {
    let mut out = Step::default();
    let call = state.new_call();
    let id = state.create_local(&ZegoStreamOptions::tone(440.0), call, &mut out).unwrap();
    state.on_local_opened(id, device, Ok(()), &mut out);
    assert_eq!(out.answers, [(call, Ok(()))]);
    id
}
