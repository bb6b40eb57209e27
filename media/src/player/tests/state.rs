//! Each transition and each code, in virtual time.

use express_messages::{
    room::{RequestError, SdpAnswer},
    types::PlayerState,
};

use super::{
    BUDGET, MS, Machine, NO_PLAY, PLAYING, REQUESTING, SECOND, STAGES, Stage, answer, missing, pass_refused, refused, told,
};
use crate::{
    player::state::Effect,
    transport::{TransportError, TransportEvent},
};

#[test]
fn playing_begins_with_requesting_and_an_offer() {
    let mut machine = Machine::start();
    let expected = [Effect::Emit(PlayerState::PlayRequesting, 0, String::new()), Effect::Open(1)];
    assert_eq!(machine.take(), expected);
}

#[test]
fn an_applied_answer_completes_the_start_and_the_first_decoded_packet_is_playing() {
    let mut machine = Machine::start();
    machine.take();
    machine.advance_to(Stage::Applying);
    assert_eq!(
        machine.take(),
        [Effect::Exchange(1, "offer".into()), Effect::Apply(1, "answer".into())]
    );
    machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
    assert_eq!(machine.take(), [Effect::Attach, Effect::Negotiated]);
    machine.transport(TransportEvent::Connected);
    assert_eq!(machine.take(), [Effect::AwaitMedia(1)]);
    machine.flow(true);
    assert_eq!(machine.take(), [Effect::Emit(PlayerState::Playing, 0, String::new())]);
}

#[test]
fn a_packet_without_a_connection_is_not_playing() {
    let mut machine = Machine::at(Stage::Connecting);
    machine.flow(true);
    assert_eq!(machine.told(), []);
}

#[test]
fn a_connection_may_be_there_before_its_answer_is_reported_applied() {
    let mut machine = Machine::at(Stage::Applying);
    machine.transport(TransportEvent::Connected);
    machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
    assert_eq!(machine.take(), [Effect::Attach, Effect::Negotiated, Effect::AwaitMedia(1)]);
}

#[test]
fn each_temporary_fault_is_requesting_with_its_code_and_a_new_connection_300_ms_later() {
    type Fault = fn(&mut Machine);
    let table: [(Stage, Fault, i32); 11] = [
        (
            Stage::Offering,
            |m| m.act(|s, n, now| s.on_offer(n, Err(TransportError::Offer("no socket".into())), now, 0.5)),
            1104022,
        ),
        (Stage::Exchanging, |m| answer(m, Err(RequestError::Disconnected)), 1104029),
        (Stage::Exchanging, |m| answer(m, Err(RequestError::TimedOut)), 1100002),
        (
            Stage::Applying,
            |m| m.act(|s, n, now| s.on_applied(n, Err(TransportError::Answer("bad".into())), now, 0.5)),
            1104025,
        ),
        (Stage::Applying, |m| m.transport(TransportEvent::Failed), 1104028),
        (Stage::Connecting, |m| m.transport(TransportEvent::Failed), 1104028),
        (Stage::Awaiting, |m| m.transport(TransportEvent::Failed), 1104028),
        (Stage::Playing, |m| m.transport(TransportEvent::Failed), 1104028),
        (Stage::Connecting, |m| m.transport(TransportEvent::Closed), 1104027),
        (Stage::Playing, |m| m.transport(TransportEvent::Closed), 1104027),
        (
            Stage::Playing,
            |m| m.act(|s, _, now| s.on_ended(1004020, "gone", now, 0.5)),
            1004020,
        ),
    ];
    for (stage, fault, code) in table {
        let mut machine = Machine::at(stage);
        fault(&mut machine);
        assert_eq!(machine.effects[0], Effect::Close, "{stage:?} {code}");
        assert_eq!(machine.told(), [(REQUESTING, code)], "{stage:?}");
        machine.pass(299 * MS);
        assert_eq!(machine.take(), [], "{stage:?} {code}");
        machine.pass(MS);
        assert_eq!(machine.take(), [Effect::Open(2)], "{stage:?} {code}");
        machine.advance_to(Stage::Playing);
        assert_eq!(machine.told(), [(PLAYING, 0)], "{stage:?} {code}");
    }
}

#[test]
fn a_step_that_takes_too_long_is_a_fault() {
    let table = [
        (Stage::Offering, 10, 1104022),
        (Stage::Exchanging, 20, 1100002),
        (Stage::Applying, 10, 1104025),
        (Stage::Connecting, 15, 1104028),
    ];
    for (stage, seconds, code) in table {
        let mut machine = Machine::at(stage);
        machine.pass(seconds * SECOND - MS);
        assert_eq!(machine.take(), [], "{stage:?}");
        machine.pass(MS);
        assert_eq!(machine.told(), [(REQUESTING, code)], "{stage:?}");
    }
}

#[test]
fn a_refusal_without_a_time_is_final_with_its_code() {
    for code in [1102018, 1102016, 1104046, 1004025, 1104045, 1004099, 1104039] {
        let mut machine = Machine::at(Stage::Exchanging);
        answer(&mut machine, Err(refused(code, None)));
        let expected = [
            Effect::Close,
            Effect::Emit(PlayerState::NoPlay, code, "no".into()),
            Effect::End,
        ];
        assert_eq!(machine.take(), expected);
        assert!(machine.ended());
    }
}

#[test]
fn a_refusal_with_a_time_is_asked_again_after_that_time() {
    let mut machine = Machine::at(Stage::Exchanging);
    answer(&mut machine, Err(refused(1002073, Some(7 * SECOND))));
    assert_eq!(machine.told(), [(REQUESTING, 1002073)]);
    machine.pass(7 * SECOND - MS);
    assert_eq!(machine.take(), []);
    machine.pass(MS);
    assert_eq!(machine.take(), [Effect::Open(2)]);
}

#[test]
fn a_missing_stream_is_waited_for_without_another_word() {
    let mut machine = Machine::at(Stage::Exchanging);
    pass_refused(&mut machine, 60 * SECOND, &missing());
    let effects = machine.take();
    assert_eq!(told(&effects), []);
    assert!(!effects.contains(&Effect::Negotiated));
    machine.advance_to(Stage::Playing);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
}

#[test]
fn a_stream_that_is_missing_for_the_whole_budget_ends_with_1104039() {
    let mut machine = Machine::start();
    machine.take();
    pass_refused(&mut machine, BUDGET - MS, &missing());
    assert!(!machine.ended());
    machine.pass(MS);
    assert_eq!(machine.told(), [(NO_PLAY, 1104039)]);
}

#[test]
fn a_budget_without_success_ends_with_1104031() {
    let mut machine = Machine::start();
    machine.take();
    pass_refused(&mut machine, BUDGET + SECOND, &RequestError::Disconnected);
    assert_eq!(machine.told(), [(REQUESTING, 1104029), (NO_PLAY, 1104031)]);
}

#[test]
fn a_stream_that_appears_is_asked_for_at_once() {
    let mut machine = Machine::at(Stage::Exchanging);
    answer(&mut machine, Err(refused(1104039, Some(60 * SECOND))));
    machine.take();
    machine.act(|state, _, now| state.on_appeared(now));
    assert_eq!(machine.take(), [Effect::Open(2)]);
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, now| state.on_appeared(now));
        assert_eq!(machine.take(), [], "{stage:?}");
    }
}

#[test]
fn a_publisher_that_vanished_is_waited_for_and_missed_for_the_budget_is_1104039() {
    let mut machine = Machine::at(Stage::Playing);
    machine.act(|state, _, now| state.on_ended(1004020, "the publisher is gone", now, 0.5));
    assert_eq!(machine.told(), [(REQUESTING, 1004020)]);
    pass_refused(&mut machine, BUDGET + SECOND, &missing());
    assert_eq!(machine.told(), [(NO_PLAY, 1104039)]);
}

#[test]
fn a_stream_that_is_sent_only_while_it_is_loud_plays_without_a_packet_and_its_silence_is_no_interruption() {
    let mut machine = Machine::at(Stage::Exchanging);
    let sdp = "answer".into();
    answer(&mut machine, Ok(SdpAnswer { sdp, loudest: 3 }));
    machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
    machine.transport(TransportEvent::Connected);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
    machine.pass(120 * SECOND);
    assert_eq!(machine.told(), []);
}

#[test]
fn stop_at_any_stage_closes_and_tells_no_play_once() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, _| state.on_stop(0, ""));
        let mut expected = vec![Effect::Close];
        if stage != Stage::Offering {
            expected.push(Effect::StopPlay);
        }
        expected.push(Effect::Emit(PlayerState::NoPlay, 0, String::new()));
        expected.push(Effect::End);
        assert_eq!(machine.take(), expected, "{stage:?}");
        machine.act(|state, _, _| state.on_stop(1002055, "again"));
        machine.pass(2 * BUDGET);
        assert_eq!(machine.take(), [], "{stage:?}");
    }
}

#[test]
fn what_an_older_try_brings_is_ignored() {
    let mut machine = Machine::at(Stage::Playing);
    machine.transport(TransportEvent::Failed);
    machine.pass(300 * MS);
    machine.take();
    machine.act(|state, _, now| state.on_offer(1, Ok("old".into()), now, 0.5));
    machine.act(|state, _, now| state.on_answer(1, Err(refused(1104046, None)), now, 0.5));
    machine.act(|state, _, now| state.on_applied(1, Ok(()), now, 0.5));
    machine.act(|state, _, now| state.on_transport(1, TransportEvent::Closed, now, 0.5));
    machine.act(|state, _, now| state.on_decoded(1, now));
    machine.state.on_paused(1, true);
    assert_eq!(machine.take(), []);
    machine.advance_to(Stage::Playing);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
}

#[test]
fn quality_is_reported_every_3_seconds_of_playing() {
    let mut machine = Machine::at(Stage::Playing);
    machine.pass(3 * SECOND - MS);
    assert_eq!(machine.take(), []);
    machine.pass(MS);
    assert_eq!(machine.take(), [Effect::Report(1)]);
    assert!(machine.state.is_playing(1) && !machine.state.is_playing(2));
    machine.pass(30 * SECOND);
    assert_eq!(machine.take(), vec![Effect::Report(1); 10]);
    machine.transport(TransportEvent::Failed);
    assert!(!machine.state.is_playing(1));
}
