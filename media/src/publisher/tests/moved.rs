//! The login moves to another node: the stream is sent on until it is sent through that.

use std::time::Duration;

use express_messages::room::{RequestError, SessionFate};

use super::{Machine, PUBLISHING, REQUESTING, STAGES, Stage};
use crate::{publisher::state::Effect, transport::TransportEvent};

const NOTHING: [(&str, i32); 0] = [];

fn moved(machine: &mut Machine) {
    machine.act(|state, _, now| state.on_link_restored(SessionFate::Moved, now));
}

/// A stream that is published and whose login has just moved.
fn moving() -> Machine {
    let mut machine = Machine::at(Stage::Publishing);
    moved(&mut machine);
    machine
}

fn closes(effects: &[Effect]) -> usize {
    let closes = |effect: &&Effect| matches!(effect, Effect::Close | Effect::Retire | Effect::Send);
    effects.iter().filter(closes).count()
}

#[test]
fn the_stream_is_sent_on_until_the_other_node_has_it_and_nothing_is_told() {
    let mut machine = moving();
    assert_eq!(machine.take(), [Effect::Keep, Effect::Open(2)]);
    machine.advance_to(Stage::Connecting);
    let before = machine.take();
    assert_eq!(closes(&before), 0, "{before:?}");
    machine.transport(TransportEvent::Connected);
    assert_eq!(machine.take(), [Effect::Send], "which gives the packets over");
    // And from then on it is a publication like any other.
    machine.transport(TransportEvent::Failed);
    assert_eq!(machine.told(), [(REQUESTING, 1103028)]);
}

#[test]
fn a_try_that_fails_is_followed_by_the_next_while_the_stream_is_sent_on() {
    let mut machine = moving();
    machine.advance_to(Stage::Exchanging);
    let busy = RequestError::Refused {
        code: 1003099,
        message: "busy".into(),
        retry_after: Some(Duration::from_secs(1)),
    };
    machine.act(|state, attempt, now| state.on_answer(attempt, Err(busy), now, 0.5));
    machine.pass(Duration::from_secs(1));
    machine.advance_to(Stage::Connecting);
    machine.transport(TransportEvent::Failed);
    machine.pass(Duration::from_secs(1));
    machine.advance_to(Stage::Publishing);
    let effects = machine.take();
    assert_eq!(super::told(&effects), NOTHING);
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Discard).count(), 2);
    assert_eq!((closes(&effects), effects.last()), (1, Some(&Effect::Send)));
}

#[test]
fn after_ten_seconds_without_another_connection_the_stream_counts_as_interrupted() {
    let mut machine = moving();
    machine.advance_to(Stage::Exchanging);
    machine.pass(Duration::from_millis(9_999));
    let effects = machine.take();
    assert_eq!((super::told(&effects), closes(&effects)), (vec![], 0));
    machine.pass(Duration::from_millis(1));
    let effects = machine.take();
    assert_eq!(super::told(&effects), [(REQUESTING, 1103027)]);
    assert!(effects.contains(&Effect::Retire), "{effects:?}");
    machine.advance_to(Stage::Publishing);
    assert_eq!(machine.told(), [(PUBLISHING, 0)]);
}

#[test]
fn a_node_that_dies_meanwhile_tells_nothing_either() {
    for event in [TransportEvent::Disconnected, TransportEvent::Failed, TransportEvent::Closed] {
        let mut machine = moving();
        machine.act(|state, attempt, now| state.on_transport(attempt - 1, event, now, 0.5));
        machine.advance_to(Stage::Publishing);
        assert_eq!(machine.told(), NOTHING, "{event:?}");
    }
}

#[test]
fn a_login_that_moves_twice_keeps_the_one_connection_that_sends() {
    let mut machine = moving();
    machine.advance_to(Stage::Applying);
    moved(&mut machine);
    machine.advance_to(Stage::Publishing);
    let effects = machine.take();
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Keep).count(), 1);
    assert_eq!((super::told(&effects), closes(&effects)), (vec![], 1));
}

#[test]
fn a_stream_that_was_not_published_yet_begins_anew_as_ever() {
    for stage in STAGES {
        let mut machine = Machine::at(stage);
        let mut lost = Machine::at(stage);
        moved(&mut machine);
        lost.act(|state, _, now| state.on_link_restored(SessionFate::Lost, now));
        if stage != Stage::Publishing {
            assert_eq!(machine.take(), lost.take(), "{stage:?}");
        }
    }
}

#[test]
fn a_stop_ends_both_connections() {
    let mut machine = moving();
    machine.advance_to(Stage::Connecting);
    machine.act(|state, _, _| state.on_stop(0, ""));
    assert!(machine.has(&Effect::Close) && machine.has(&Effect::Unpublish) && machine.ended());
}
