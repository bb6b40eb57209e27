//! A playback that is muted: what is expected to come, and that the server knows of it.

use express_messages::room::{RequestError, SdpAnswer, SessionFate};

use super::{Machine, PLAYING, REQUESTING, SECOND, STAGES, Stage, answer, refused, told};
use crate::{player::state::Effect, transport::TransportEvent};

#[test]
fn a_muted_playback_expects_no_media() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    machine.state.on_paused(1, true);
    machine.flow(false);
    machine.pass(600 * SECOND);
    assert_eq!(machine.told(), []);
    machine.act(|state, _, now| state.on_mute(false, now).1);
    machine.pass(6 * SECOND);
    assert_eq!(machine.told(), [(REQUESTING, 1004020)]);
}

#[test]
fn a_playback_that_is_muted_before_media_comes_counts_as_playing_once_connected() {
    for stage in [
        Stage::Offering,
        Stage::Exchanging,
        Stage::Applying,
        Stage::Connecting,
        Stage::Awaiting,
    ] {
        let mut machine = Machine::start();
        machine.advance_to(stage);
        machine.act(|state, _, now| state.on_mute(true, now).1);
        if stage == Stage::Awaiting {
            assert_eq!(machine.told(), [(REQUESTING, 0), (PLAYING, 0)]);
            continue;
        }
        let rest = STAGES[stage as usize..].len() - 2;
        type Step = fn(&mut Machine);
        let steps: [Step; 4] = [
            |m| m.act(|state, attempt, now| state.on_offer(attempt, Ok("offer".into()), now, 0.5)),
            |m| {
                answer(
                    m,
                    Ok(SdpAnswer {
                        sdp: "answer".into(),
                        loudest: 0,
                    }),
                )
            },
            |m| m.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5)),
            |m| m.transport(TransportEvent::Connected),
        ];
        steps[steps.len() - rest..].iter().for_each(|step| step(&mut machine));
        let effects = machine.take();
        assert_eq!(told(&effects), [(REQUESTING, 0), (PLAYING, 0)], "{stage:?}");
        let asked = effects.contains(&Effect::Pause(1, true));
        assert_eq!(
            asked,
            stage != Stage::Connecting,
            "{stage:?}: the actor asks by itself once it is live"
        );
    }
}

#[test]
fn a_mute_is_asked_of_the_server_while_there_is_a_session_and_kept_otherwise() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        let (asked, _) = machine.state.on_mute(true, machine.now);
        let live = matches!(stage, Stage::Connecting | Stage::Awaiting | Stage::Playing);
        assert_eq!(asked, live.then_some(1), "{stage:?}");
        assert!(machine.state.is_paused());
    }
}

#[test]
fn a_mute_is_restored_after_each_reconnect() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    machine.state.on_paused(1, true);
    for attempt in 2..5 {
        machine.transport(TransportEvent::Failed);
        machine.pass(5 * SECOND);
        machine.take();
        machine.advance_to(Stage::Awaiting);
        assert!(machine.has(&Effect::Pause(attempt, true)), "{attempt}");
        assert_eq!(machine.told(), [(PLAYING, 0)]);
        machine.state.on_paused(attempt, true);
    }
}

#[test]
fn a_mute_that_was_not_restored_is_asked_for_again_with_the_link_and_with_each_report() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    machine.act(|state, _, now| state.on_link_restored(SessionFate::Kept, now));
    assert_eq!(machine.take(), [Effect::Pause(1, true)]);
    machine.pass(3 * SECOND);
    assert_eq!(machine.take(), [Effect::Pause(1, true), Effect::Report(1)]);
    machine.state.on_paused(1, true);
    machine.act(|state, _, now| state.on_link_restored(SessionFate::Kept, now));
    machine.pass(3 * SECOND);
    assert_eq!(machine.take(), [Effect::Report(1)]);
}

#[test]
fn a_mute_that_the_server_did_not_take_leaves_everything_as_it_was() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    let (answer, _) = machine
        .state
        .on_mute_answered(1, true, Err(refused(1104046, None)), machine.now);
    assert!(answer.is_err() && !machine.state.is_paused());
    // Muted, and asked again in vain: still muted.
    machine.act(|state, _, now| state.on_mute(true, now).1);
    machine.state.on_paused(1, true);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    let (answer, _) = machine
        .state
        .on_mute_answered(1, true, Err(refused(1104046, None)), machine.now);
    assert!(answer.is_err() && machine.state.is_paused());
}

#[test]
fn a_stream_that_is_unmuted_while_the_link_is_away_is_not_taken_for_muted_again() {
    for lost in [RequestError::Disconnected, RequestError::TimedOut] {
        let mut machine = Machine::at(Stage::Playing);
        machine.act(|state, _, now| state.on_mute(true, now).1);
        machine.act(|state, _, now| state.on_mute_answered(1, true, Ok(()), now).1);
        machine.act(|state, _, now| state.on_mute(false, now).1);
        let (answer, _) = machine.state.on_mute_answered(1, false, Err(lost.clone()), machine.now);
        assert_eq!(answer, Err(lost));
        assert!(!machine.state.is_paused());
        machine.take();
        machine.act(|state, _, now| state.on_link_restored(SessionFate::Kept, now));
        assert_eq!(machine.take(), [Effect::Pause(1, false)]);
    }
}

#[test]
fn a_mute_that_failed_with_an_older_connection_is_kept_for_the_next() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_mute(true, now).1);
    machine.transport(TransportEvent::Failed);
    let (answer, _) = machine
        .state
        .on_mute_answered(1, true, Err(refused(1104046, None)), machine.now);
    assert!(answer.is_ok() && machine.state.is_paused());
}
