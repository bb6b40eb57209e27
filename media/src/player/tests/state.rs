//! Each transition and each code, in virtual time.

use std::time::Duration;

use express_messages::{
    room::{RequestError, SdpAnswer, SessionFate},
    types::PlayerState,
};

use super::{Machine, NO_PLAY, PLAYING, REQUESTING, STAGES, Stage, told};
use crate::{
    player::state::Effect,
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

fn missing() -> RequestError {
    refused(1104039, Some(SECOND))
}

fn answer(machine: &mut Machine, answer: Result<SdpAnswer, RequestError>) {
    machine.act(|state, attempt, now| state.on_answer(attempt, answer, now, 0.5));
}

/// Every try is answered the same until the machine ends or `time` is over.
fn pass_refused(machine: &mut Machine, time: Duration, error: &RequestError) {
    let until = machine.now + time;
    while !machine.ended() && machine.now < until {
        machine.advance_to(Stage::Exchanging);
        answer(machine, Err(error.clone()));
        machine.pass(SECOND.min(until - machine.now));
    }
}

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
