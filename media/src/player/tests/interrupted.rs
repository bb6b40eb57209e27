//! What is played ends, its media stops, its connection or the session goes away: what is told, and how it comes back.

use express_messages::room::{SdpAnswer, SessionFate};

use super::{BUDGET, MS, Machine, NO_PLAY, PLAYING, REQUESTING, SECOND, STAGES, Stage, answer, missing, refused, told};
use crate::{player::state::Effect, transport::TransportEvent};

#[test]
fn any_other_end_by_the_server_is_final() {
    for stage in STAGES {
        for code in [1004025, 1104046] {
            let mut machine = Machine::at(stage);
            machine.act(|state, _, now| state.on_ended(code, "over", now, 0.5));
            assert_eq!(machine.told(), [(NO_PLAY, code)], "{stage:?}");
            assert!(machine.ended());
        }
    }
}

#[test]
fn media_that_the_server_lost_is_played_again() {
    for code in [1104027, 1104028] {
        for stage in [Stage::Applying, Stage::Connecting, Stage::Awaiting, Stage::Playing] {
            let mut machine = Machine::at(stage);
            machine.act(|state, _, now| state.on_ended(code, "lost", now, 0.5));
            assert_eq!(machine.told(), [(REQUESTING, code)], "{stage:?}");
            machine.pass(SECOND);
            machine.advance_to(Stage::Playing);
            assert_eq!(machine.told(), [(PLAYING, 0)], "{stage:?}");
        }
    }
}

#[test]
fn media_that_we_gave_up_ourselves_is_no_loss_when_the_server_says_so() {
    for code in [1104027, 1104028] {
        let mut machine = Machine::at(Stage::Playing);
        machine.transport(TransportEvent::Failed);
        assert_eq!(machine.told(), [(REQUESTING, 1104028)]);
        machine.act(|state, _, now| state.on_ended(code, "lost", now, 0.5));
        assert_eq!(machine.take(), []);
        machine.pass(SECOND);
        machine.advance_to(Stage::Exchanging);
        machine.act(|state, _, now| state.on_ended(code, "lost", now, 0.5));
        answer(
            &mut machine,
            Ok(SdpAnswer {
                sdp: "answer".into(),
                loudest: 0,
            }),
        );
        machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
        machine.transport(TransportEvent::Connected);
        machine.flow(true);
        assert_eq!(machine.told(), [(PLAYING, 0)]);
    }
}

#[test]
fn an_end_of_a_playback_that_is_not_there_is_ignored() {
    let mut machine = Machine::at(Stage::Offering);
    machine.act(|state, _, now| state.on_ended(1004020, "gone", now, 0.5));
    assert_eq!(machine.take(), []);
    let mut machine = Machine::at(Stage::Exchanging);
    answer(&mut machine, Err(missing()));
    machine.take();
    machine.act(|state, _, now| state.on_ended(1004020, "gone", now, 0.5));
    assert_eq!(machine.take(), []);
}

#[test]
fn an_end_that_overtakes_the_answer_is_an_interruption() {
    let mut machine = Machine::at(Stage::Exchanging);
    machine.act(|state, _, now| state.on_ended(1004020, "gone", now, 0.5));
    assert_eq!(machine.told(), []);
    answer(
        &mut machine,
        Ok(SdpAnswer {
            sdp: "answer".into(),
            loudest: 0,
        }),
    );
    assert_eq!(machine.told(), [(REQUESTING, 1004020)]);
    machine.pass(300 * MS);
    machine.advance_to(Stage::Playing);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
}

#[test]
fn the_signalling_link_ends_a_wait_at_once() {
    for session in [SessionFate::Kept, SessionFate::Lost, SessionFate::Moved] {
        let mut machine = Machine::at(Stage::Exchanging);
        answer(&mut machine, Err(refused(1002073, Some(60 * SECOND))));
        machine.take();
        machine.act(|state, _, now| state.on_link_restored(session, now));
        assert_eq!(machine.take(), [Effect::Open(2)]);
    }
}

#[test]
fn a_server_that_kept_the_session_needs_no_new_negotiation() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, now| state.on_link_restored(SessionFate::Kept, now));
        assert_eq!(machine.take(), [], "{stage:?}");
    }
}

#[test]
fn a_server_that_lost_the_session_is_asked_anew() {
    for stage in [Stage::Applying, Stage::Connecting, Stage::Awaiting, Stage::Playing] {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, now| state.on_link_restored(SessionFate::Lost, now));
        assert!(machine.has(&Effect::Close) && machine.has(&Effect::Open(2)), "{stage:?}");
        assert_eq!(machine.told(), [(REQUESTING, 1104027)], "{stage:?}");
    }
    for stage in [Stage::Offering, Stage::Exchanging] {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, now| state.on_link_restored(SessionFate::Lost, now));
        assert_eq!(
            machine.take(),
            [],
            "{stage:?}: the exchange under way speaks to the new session"
        );
    }
}

#[test]
fn the_start_completes_once_however_often_it_is_negotiated() {
    let mut machine = Machine::at(Stage::Playing);
    machine.transport(TransportEvent::Failed);
    machine.pass(300 * MS);
    machine.advance_to(Stage::Playing);
    assert!(!machine.has(&Effect::Negotiated) && !machine.has(&Effect::Attach));
}

#[test]
fn ice_may_be_disconnected_for_less_than_15_seconds() {
    let mut machine = Machine::at(Stage::Playing);
    machine.transport(TransportEvent::Disconnected);
    assert!(!machine.state.hears_server());
    machine.pass(15 * SECOND - MS);
    machine.transport(TransportEvent::Connected);
    machine.pass(60 * SECOND);
    assert!(machine.state.hears_server());
    assert_eq!(machine.told(), []);
}

#[test]
fn ice_disconnected_for_15_seconds_is_a_fault_and_a_fresh_connection() {
    let mut machine = Machine::at(Stage::Playing);
    machine.transport(TransportEvent::Disconnected);
    machine.pass(10 * SECOND);
    machine.transport(TransportEvent::Disconnected);
    machine.pass(5 * SECOND);
    assert_eq!(machine.told(), [(REQUESTING, 1104028)]);
    machine.pass(300 * MS);
    assert_eq!(machine.take(), [Effect::Open(2)]);
}

#[test]
fn media_that_stops_for_6_seconds_is_an_interruption_and_its_return_is_playing() {
    let mut machine = Machine::at(Stage::Playing);
    machine.pass(60 * SECOND);
    machine.take();
    machine.flow(false);
    machine.pass(5_999 * MS);
    assert_eq!(machine.told(), []);
    machine.pass(SECOND);
    let effects = machine.take();
    assert_eq!(told(&effects), [(REQUESTING, 1004020)]);
    assert!(effects.contains(&Effect::AwaitMedia(1)) && !effects.contains(&Effect::Close));
    machine.flow(true);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
    machine.pass(60 * SECOND);
    assert_eq!(machine.told(), []);
}

#[test]
fn a_connection_that_brings_no_media_is_an_interruption_too() {
    let mut machine = Machine::at(Stage::Awaiting);
    machine.pass(6 * SECOND);
    assert_eq!(machine.told(), [(REQUESTING, 1004020)]);
    machine.flow(true);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
}

#[test]
fn media_that_stays_away_for_15_seconds_more_is_asked_for_over_a_fresh_connection() {
    let mut machine = Machine::at(Stage::Awaiting);
    machine.pass(21 * SECOND);
    assert_eq!(machine.told(), [(REQUESTING, 1004020)]);
    machine.pass(300 * MS);
    assert_eq!(machine.take(), [Effect::Open(2)]);
}

#[test]
fn media_that_stays_away_for_the_whole_budget_ends_with_1104031() {
    let mut machine = Machine::at(Stage::Playing);
    machine.flow(false);
    let mut said = Vec::new();
    while !machine.ended() {
        machine.advance_to(Stage::Awaiting);
        machine.pass(SECOND);
        said.extend(machine.told());
    }
    assert_eq!(said, [(REQUESTING, 1004020), (NO_PLAY, 1104031)]);
}

#[test]
fn each_interruption_has_a_budget_of_its_own() {
    let mut machine = Machine::at(Stage::Playing);
    machine.pass(2 * BUDGET);
    machine.transport(TransportEvent::Failed);
    machine.take();
    machine.pass(BUDGET - MS);
    assert!(!machine.ended());
    machine.pass(MS);
    assert!(machine.ended());
}
