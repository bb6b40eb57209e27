mod mics;
mod speakers;

use std::time::Duration;

use super::*;
use crate::{
    devices::DeviceFailure,
    pump::{LocalLevels, Voice},
};

const LOCAL: LocalStreamId = LocalStreamId(7);

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// The names of effects, as far as these tests care.
fn names(effects: &[Effect]) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::StartPump => "start pump".into(),
        Effect::StopPump => "stop pump".into(),
        Effect::Pump(PumpCommand::RemoveSpeaker(_)) => "remove speaker".into(),
        Effect::Pump(PumpCommand::SetOutput(_, OutputId(id))) => format!("hear on {id}"),
        Effect::Pump(PumpCommand::RemoveMic(_)) => "remove mic".into(),
        Effect::Pump(PumpCommand::SetMic(..)) => "move".into(),
        Effect::Pump(PumpCommand::RemoveLocal(_)) => "remove local".into(),
        Effect::Pump(PumpCommand::RemovePlayout(_)) => "remove playout".into(),
        Effect::Pump(other) => format!("{other:?}"),
        Effect::OpenSpeaker(_, device) => format!("open {}", device.as_deref().unwrap_or("default")),
        Effect::OpenMic(_, device) => format!("open {}", device.as_deref().unwrap_or("default")),
        Effect::Look => "look".into(),
        Effect::Close(_) => "close".into(),
        Effect::Tell(AudioDeviceEvent::DeviceError { code, .. }) => format!("error {code}"),
        Effect::Tell(other) => format!("{other:?}"),
        Effect::StartWatch => "watch".into(),
        Effect::StopWatch => "no watch".into(),
    };
    effects.iter().map(name).filter(|name| !name.ends_with("watch")).collect()
}

fn feed(mic: MicId, asked: Option<&str>) -> MicFeed {
    MicFeed {
        mic,
        asked: asked.map(Into::into),
        voice: Voice::default(),
    }
}

fn seen(frames: u64, failure: Option<DeviceFailure>) -> Observation {
    Observation { frames, failure }
}

#[test]
fn the_pump_runs_exactly_while_a_stream_exists() {
    let mut state = DeviceState::default();
    let now = Instant::now();
    assert!(state.start_pump().is_none());
    state.begin_open(LOCAL, 1).unwrap();
    assert!(state.start_pump().is_none(), "its source is still being opened");
    assert!(state.opened(LOCAL, None, LocalLevels::default()));
    assert!(matches!(state.start_pump(), Some(Effect::StartPump)));
    assert!(state.start_pump().is_none(), "once");
    state.playout(&stream("a"));
    assert_eq!(names(&state.close_local(LOCAL)), ["remove local"]);
    assert!(state.reconcile(now).is_empty(), "a played stream is left");
    assert_eq!(names(&state.forget_playout(&stream("a")).0), ["remove playout"]);
    assert_eq!(names(&state.reconcile(now)), ["stop pump"]);
    assert!(state.reconcile(now).is_empty(), "once");
}

#[test]
fn a_microphone_is_open_while_a_stream_uses_it_and_is_shared() {
    let mut state = DeviceState::default();
    let now = Instant::now();
    let other = LocalStreamId(8);
    assert_eq!(state.find_mic(None), None);
    let mic = state.new_mic();
    assert_eq!(state.mic_opened(mic, "id".into(), "name".into(), now), mic);
    for id in [LOCAL, other] {
        state.begin_open(id, 1).unwrap();
        assert!(state.opened(id, Some(feed(mic, None)), LocalLevels::default()));
    }
    assert_eq!(state.find_mic(None), Some(mic));
    assert_eq!(state.find_mic(Some("id")), Some(mic));
    assert_eq!(state.find_mic(Some("else")), None);
    assert_eq!(names(&state.close_local(LOCAL)), ["remove local"]);
    assert_eq!(names(&state.close_local(other)), ["remove local", "remove mic", "close"]);
    assert_eq!(state.find_mic(None), None);
}

#[test]
fn two_opens_that_turn_out_to_be_one_device_share_it() {
    let mut state = DeviceState::default();
    let now = Instant::now();
    let (first, second) = (state.new_mic(), state.new_mic());
    assert_eq!(state.mic_opened(first, "id".into(), "name".into(), now), first);
    assert_eq!(state.mic_opened(second, "id".into(), "name".into(), now), first);
}

#[test]
fn a_stream_that_is_closed_while_it_opens_never_comes_to_be() {
    let mut state = DeviceState::default();
    state.begin_open(LOCAL, 2).unwrap();
    assert!(state.close_local(LOCAL).is_empty());
    assert!(!state.opened(LOCAL, None, LocalLevels::default()));
    let mic = state.new_mic();
    state.mic_opened(mic, "id".into(), "name".into(), Instant::now());
    assert_eq!(names(&state.drop_unused_mic(mic)), ["remove mic", "close"]);
}

#[test]
fn what_cannot_be_opened_is_refused() {
    let mut state = DeviceState::default();
    for channels in [0, 3, usize::MAX] {
        assert_eq!(state.begin_open(LOCAL, channels).unwrap_err().code, 1100001);
    }
    state.begin_open(LOCAL, 1).unwrap();
    assert_eq!(state.begin_open(LOCAL, 1).unwrap_err().code, 1100001, "in use");
    state.abort_open(LOCAL);
    state.begin_open(LOCAL, 1).unwrap();
    state.stop();
    assert_eq!(state.begin_open(LOCAL, 1).unwrap_err().code, 1000001);
}

#[test]
fn commands_for_streams_that_do_not_exist_reach_nobody() {
    let mut state = DeviceState::default();
    assert!(state.set_volume(LOCAL, 100).is_none());
    assert!(state.monitor(LOCAL, true, 100).is_none());
    assert!(state.set_playout(&stream("a"), true, 100).is_none());
    assert!(state.remove_sink(SinkId(1)).is_none());
    assert!(state.close_local(LOCAL).is_empty());
    assert!(state.forget_playout(&stream("a")).0.is_empty());
    assert!(state.reconcile(Instant::now()).is_empty());
}

#[test]
fn the_end_closes_everything() {
    let mut state = DeviceState::default();
    let now = Instant::now();
    state.playout(&stream("a"));
    state.start_pump();
    state.set_playout(&stream("a"), true, 100);
    state.reconcile(now);
    state.stop();
    assert_eq!(names(&state.reconcile(now)), ["stop pump"]);
    state.playout(&stream("b"));
    state.set_playout(&stream("b"), true, 100);
    assert!(state.start_pump().is_none());
    assert!(state.reconcile(now).is_empty());
}
