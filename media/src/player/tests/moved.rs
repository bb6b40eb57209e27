//! The login moves to another node: the stream is heard on until it comes from that.

use std::time::Duration;

use express_messages::room::{RequestError, SessionFate};

use super::{Machine, PLAYING, REQUESTING, Stage};
use crate::{player::state::Effect, transport::TransportEvent};

const NOTHING: [(&str, i32); 0] = [];

fn moved(machine: &mut Machine) {
    machine.act(|state, _, now| state.on_link_restored(SessionFate::Moved, now));
}

/// A stream that plays and whose login has just moved.
fn moving() -> Machine {
    let mut machine = Machine::at(Stage::Playing);
    moved(&mut machine);
    machine
}

#[test]
fn the_stream_is_heard_on_until_the_other_connection_had_time_to_bring_it_and_nothing_is_told() {
    let mut machine = moving();
    assert_eq!(machine.take(), [Effect::Keep, Effect::Open(2)]);
    machine.advance_to(Stage::Playing);
    machine.pass(Duration::from_millis(1_499));
    let effects = machine.take();
    assert!(
        !effects.contains(&Effect::Retire) && !effects.contains(&Effect::Close),
        "{effects:?}"
    );
    machine.pass(Duration::from_millis(1));
    let after = machine.take();
    assert!(after.contains(&Effect::Retire), "{after:?}");
    assert_eq!((super::told(&effects), super::told(&after)), (vec![], vec![]));
    machine.pass(Duration::from_secs(60));
    assert_eq!(machine.told(), NOTHING);
}

#[test]
fn a_stream_that_the_node_has_not_yet_is_asked_for_again_while_it_is_heard_on() {
    let mut machine = moving();
    for _ in 0..3 {
        machine.advance_to(Stage::Exchanging);
        let missing = RequestError::Refused {
            code: 1104039,
            message: "no such stream".into(),
            retry_after: Some(Duration::from_secs(1)),
        };
        machine.act(|state, attempt, now| state.on_answer(attempt, Err(missing), now, 0.5));
        machine.pass(Duration::from_secs(1));
    }
    machine.advance_to(Stage::Playing);
    machine.pass(Duration::from_secs(10));
    let effects = machine.take();
    assert_eq!(super::told(&effects), NOTHING);
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Discard).count(), 3);
    assert_eq!(effects.iter().filter(|effect| **effect == Effect::Retire).count(), 1);
}

#[test]
fn after_ten_seconds_without_another_connection_the_stream_counts_as_interrupted() {
    let mut machine = moving();
    machine.advance_to(Stage::Exchanging);
    machine.pass(Duration::from_millis(9_999));
    assert_eq!(machine.told(), NOTHING);
    machine.pass(Duration::from_millis(1));
    let effects = machine.take();
    assert!(effects.contains(&Effect::Retire), "{effects:?}");
    assert_eq!(super::told(&effects), [(REQUESTING, 1104027)]);
    machine.advance_to(Stage::Playing);
    assert_eq!(machine.told(), [(PLAYING, 0)]);
}

#[test]
fn a_node_that_dies_meanwhile_tells_nothing_either() {
    for event in [TransportEvent::Disconnected, TransportEvent::Failed, TransportEvent::Closed] {
        let mut machine = moving();
        machine.act(|state, attempt, now| state.on_transport(attempt - 1, event, now, 0.5));
        machine.advance_to(Stage::Playing);
        machine.pass(Duration::from_secs(5));
        assert_eq!(machine.told(), NOTHING, "{event:?}");
    }
}

#[test]
fn a_publisher_that_vanishes_meanwhile_is_told() {
    let mut machine = moving();
    machine.advance_to(Stage::Connecting);
    machine.act(|state, _, now| state.on_ended(1004020, "gone", now, 0.5));
    let effects = machine.take();
    assert_eq!(super::told(&effects), [(REQUESTING, 1004020)]);
    assert!(effects.contains(&Effect::Close), "both are closed: {effects:?}");
}

#[test]
fn a_pause_that_is_asked_for_meanwhile_is_asked_of_the_other_node() {
    let mut machine = moving();
    let (asked, effects) = machine.state.on_mute(true, machine.now);
    machine.note(effects);
    assert_eq!(asked, None, "there is no connection there yet");
    machine.take();
    machine.advance_to(Stage::Connecting);
    assert!(machine.has(&Effect::Pause(2, true)));
    machine.transport(TransportEvent::Connected);
    machine.pass(Duration::from_secs(3));
    assert_eq!(machine.told(), NOTHING);
}

#[test]
fn a_login_that_moves_twice_is_heard_without_a_break() {
    let mut machine = moving();
    machine.advance_to(Stage::Applying);
    moved(&mut machine);
    machine.advance_to(Stage::Playing);
    moved(&mut machine);
    machine.advance_to(Stage::Playing);
    machine.pass(Duration::from_secs(20));
    assert_eq!(machine.told(), NOTHING);
}
