//! Each transition and each code, in virtual time.

use std::time::Duration;

use express_messages::{
    ZegoError,
    room::{RequestError, SdpAnswer, SessionFate},
    types::PublisherState,
};

use super::{Machine, NO_PUBLISH, PUBLISHING, REQUESTING, STAGES, Stage, told};
use crate::{
    publisher::state::Effect,
    transport::{TransportError, TransportEvent},
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// The documented budget of the native SDK.
const BUDGET: Duration = Duration::from_secs(20 * 60);

fn refused(code: i32, retry_after: Option<Duration>) -> RequestError {
    RequestError::Refused {
        code,
        message: "no".into(),
        retry_after,
    }
}

fn answer(machine: &mut Machine, answer: Result<SdpAnswer, RequestError>) {
    machine.act(|state, attempt, now| state.on_answer(attempt, answer, now, 0.5));
}

#[test]
fn publishing_begins_with_requesting_the_local_stream_and_an_offer() {
    let mut machine = Machine::start();
    let expected = [
        Effect::Emit(PublisherState::PublishRequesting, 0, String::new()),
        Effect::Attach,
        Effect::Open(1),
    ];
    assert_eq!(machine.take(), expected);
}

#[test]
fn an_offer_goes_to_the_server_its_answer_to_the_connection_and_connected_is_publishing() {
    let mut machine = Machine::start();
    machine.take();
    machine.advance_to(Stage::Publishing);
    let expected = [
        Effect::Exchange(1, "offer".into()),
        Effect::Apply(1, "answer".into()),
        Effect::Send,
        Effect::Emit(PublisherState::Publishing, 0, String::new()),
    ];
    assert_eq!(machine.take(), expected);
}

#[test]
fn a_connection_may_be_there_before_its_answer_is_reported_applied() {
    let mut machine = Machine::at(Stage::Applying);
    machine.transport(TransportEvent::Connected);
    assert_eq!(machine.told(), []);
    machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
    assert_eq!(machine.told(), [(PUBLISHING, 0)]);
}

#[test]
fn each_temporary_fault_is_requesting_with_its_code_and_a_new_connection_300_ms_later() {
    type Fault = fn(&mut Machine);
    let table: [(Stage, Fault, i32); 9] = [
        (
            Stage::Offering,
            |m| m.act(|s, n, now| s.on_offer(n, Err(TransportError::Offer("no socket".into())), now, 0.5)),
            1103022,
        ),
        (Stage::Exchanging, |m| answer(m, Err(RequestError::Disconnected)), 1103050),
        (Stage::Exchanging, |m| answer(m, Err(RequestError::TimedOut)), 1100002),
        (
            Stage::Applying,
            |m| m.act(|s, n, now| s.on_applied(n, Err(TransportError::Answer("bad".into())), now, 0.5)),
            1103025,
        ),
        (Stage::Applying, |m| m.transport(TransportEvent::Failed), 1103028),
        (Stage::Connecting, |m| m.transport(TransportEvent::Failed), 1103028),
        (Stage::Publishing, |m| m.transport(TransportEvent::Failed), 1103028),
        (Stage::Connecting, |m| m.transport(TransportEvent::Closed), 1103027),
        (Stage::Publishing, |m| m.transport(TransportEvent::Closed), 1103027),
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
        machine.advance_to(Stage::Publishing);
        assert_eq!(machine.told(), [(PUBLISHING, 0)], "{stage:?} {code}");
    }
}

#[test]
fn a_step_that_takes_too_long_is_a_fault() {
    let table = [
        (Stage::Offering, 10, 1103022),
        (Stage::Exchanging, 20, 1100002),
        (Stage::Applying, 10, 1103025),
        (Stage::Connecting, 15, 1103028),
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
    for code in [1102018, 1102016, 1003028, 1002082, 1003025, 1002066, 1003099] {
        let mut machine = Machine::at(Stage::Exchanging);
        answer(&mut machine, Err(refused(code, None)));
        let expected = [
            Effect::Close,
            Effect::Emit(PublisherState::NoPublish, code, "no".into()),
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
fn the_same_state_with_the_same_code_is_told_once() {
    let mut machine = Machine::at(Stage::Exchanging);
    let mut said = Vec::new();
    for error in [RequestError::Disconnected, RequestError::Disconnected, RequestError::TimedOut] {
        answer(&mut machine, Err(error));
        machine.pass(5 * SECOND);
        said.extend(machine.told());
        machine.advance_to(Stage::Exchanging);
    }
    assert_eq!(said, [(REQUESTING, 1103050), (REQUESTING, 1100002)]);
}

#[test]
fn retries_wait_as_the_documented_steps_say() {
    let mut machine = Machine::at(Stage::Exchanging);
    for wait in [300, 300, 1_200, 2_400, 4_800, 4_800] {
        answer(&mut machine, Err(RequestError::Disconnected));
        machine.take();
        machine.pass(wait * MS - MS);
        assert_eq!(machine.take(), [], "{wait}");
        machine.pass(MS);
        assert!(matches!(machine.take()[..], [Effect::Open(_)]), "{wait}");
        machine.advance_to(Stage::Exchanging);
        machine.take();
    }
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
fn a_server_that_lost_the_session_is_offered_the_stream_anew() {
    for stage in [Stage::Applying, Stage::Connecting, Stage::Publishing] {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, now| state.on_link_restored(SessionFate::Lost, now));
        assert!(machine.has(&Effect::Close) && machine.has(&Effect::Open(2)), "{stage:?}");
        assert_eq!(machine.told(), [(REQUESTING, 1103027)], "{stage:?}");
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
fn ice_may_be_disconnected_for_less_than_15_seconds() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.transport(TransportEvent::Disconnected);
    assert!(!machine.state.hears_server());
    machine.pass(15 * SECOND - MS);
    assert_eq!(machine.told(), []);
    machine.transport(TransportEvent::Connected);
    assert!(machine.state.hears_server());
    machine.pass(60 * SECOND);
    assert_eq!(machine.told(), []);
}

#[test]
fn ice_disconnected_for_15_seconds_is_a_fault_and_a_fresh_connection() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.transport(TransportEvent::Disconnected);
    machine.pass(10 * SECOND);
    machine.transport(TransportEvent::Disconnected);
    machine.pass(5 * SECOND);
    assert_eq!(machine.told(), [(REQUESTING, 1103028)]);
    machine.pass(300 * MS);
    assert_eq!(machine.take(), [Effect::Open(2)]);
}

#[test]
fn a_budget_without_success_ends_with_1103051() {
    let mut machine = Machine::start();
    machine.pass(BUDGET - MS);
    assert!(!machine.ended());
    machine.take();
    machine.pass(MS);
    assert_eq!(machine.told(), [(NO_PUBLISH, 1103051)]);
    assert!(machine.ended());
}

#[test]
fn each_interruption_has_a_budget_of_its_own() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.pass(2 * BUDGET);
    machine.transport(TransportEvent::Failed);
    machine.take();
    machine.pass(BUDGET - MS);
    assert!(!machine.ended());
    machine.pass(MS);
    assert!(machine.ended());
}

#[test]
fn a_success_begins_the_back_off_anew() {
    let mut machine = Machine::at(Stage::Exchanging);
    for _ in 0..5 {
        answer(&mut machine, Err(RequestError::Disconnected));
        machine.pass(5 * SECOND);
        machine.advance_to(Stage::Exchanging);
    }
    answer(
        &mut machine,
        Ok(SdpAnswer {
            sdp: "answer".into(),
            loudest: 0,
        }),
    );
    machine.act(|state, attempt, now| state.on_applied(attempt, Ok(()), now, 0.5));
    machine.transport(TransportEvent::Connected);
    machine.transport(TransportEvent::Failed);
    machine.take();
    machine.pass(300 * MS);
    assert!(matches!(machine.take()[..], [Effect::Open(_)]));
}

#[test]
fn stop_at_any_stage_closes_and_tells_no_publish_once() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        machine.act(|state, _, _| state.on_stop(0, ""));
        let mut expected = vec![Effect::Close];
        if stage != Stage::Offering {
            expected.push(Effect::Unpublish);
        }
        expected.push(Effect::Emit(PublisherState::NoPublish, 0, String::new()));
        expected.push(Effect::End);
        assert_eq!(machine.take(), expected, "{stage:?}");
        machine.act(|state, _, _| state.on_stop(1002055, "again"));
        machine.pass(2 * BUDGET);
        assert_eq!(machine.take(), [], "{stage:?}");
    }
}

#[test]
fn stop_tells_the_server_whenever_it_may_know_the_stream() {
    type Before = fn(&mut Machine);
    let table: [(Before, bool); 4] = [
        // Refused, and nothing before it.
        (|m| answer(m, Err(refused(1002073, Some(SECOND)))), false),
        // The request or its answer was lost.
        (|m| answer(m, Err(RequestError::Disconnected)), true),
        (|m| answer(m, Err(RequestError::TimedOut)), true),
        // It answered once, and refuses now.
        (
            |m| {
                answer(
                    m,
                    Ok(SdpAnswer {
                        sdp: "answer".into(),
                        loudest: 0,
                    }),
                );
                m.transport(TransportEvent::Failed);
                m.pass(300 * MS);
                m.advance_to(Stage::Exchanging);
                answer(m, Err(refused(1002073, Some(SECOND))));
            },
            true,
        ),
    ];
    for (number, (before, tells)) in table.into_iter().enumerate() {
        let mut machine = Machine::at(Stage::Exchanging);
        before(&mut machine);
        machine.act(|state, _, _| state.on_stop(0, ""));
        assert_eq!(machine.has(&Effect::Unpublish), tells, "row {number}");
    }
}

#[test]
fn the_owner_chooses_the_code_of_the_end() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.act(|state, _, _| state.on_stop(1002055, "kicked out"));
    assert!(machine.has(&Effect::Emit(PublisherState::NoPublish, 1002055, "kicked out".into())));
}

#[test]
fn a_local_stream_that_is_not_there_ends_the_publication_with_its_code() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        let error = ZegoError::new(1000018, "no such local stream");
        machine.act(|state, _, _| state.on_attach_failed(&error));
        assert_eq!(machine.told(), [(NO_PUBLISH, 1000018)], "{stage:?}");
        assert!(machine.ended());
    }
}

#[test]
fn what_an_older_try_brings_is_ignored() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.transport(TransportEvent::Failed);
    machine.pass(300 * MS);
    machine.take();
    machine.act(|state, _, now| state.on_offer(1, Ok("old".into()), now, 0.5));
    machine.act(|state, _, now| state.on_answer(1, Err(refused(1003028, None)), now, 0.5));
    machine.act(|state, _, now| state.on_applied(1, Ok(()), now, 0.5));
    machine.act(|state, _, now| state.on_transport(1, TransportEvent::Closed, now, 0.5));
    assert_eq!(machine.take(), []);
    machine.advance_to(Stage::Publishing);
    assert_eq!(told(&machine.take()), [(PUBLISHING, 0)]);
}

#[test]
fn quality_is_reported_every_3_seconds_of_publishing() {
    let mut machine = Machine::at(Stage::Publishing);
    machine.pass(3 * SECOND - MS);
    assert_eq!(machine.take(), []);
    machine.pass(MS);
    assert_eq!(machine.take(), [Effect::Report(1)]);
    assert!(machine.state.is_publishing(1) && !machine.state.is_publishing(2));
    machine.pass(30 * SECOND);
    assert_eq!(machine.take(), vec![Effect::Report(1); 10]);
    machine.transport(TransportEvent::Failed);
    assert!(!machine.state.is_publishing(1));
}
