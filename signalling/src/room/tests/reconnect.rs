//! A lost link: what is told, what is held back, and how long it is tried.

use std::time::Duration;

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{options, secs, snapshot},
};
use crate::protocol::{Event, KickOut, Request, WireError};

const NOTHING: [&str; 0] = [];

fn kick(code: i32, need_relogin: bool) -> Event {
    Event::KickOut(KickOut {
        code,
        message: "why".into(),
        need_relogin,
    })
}

#[test]
fn a_link_that_is_back_within_8_seconds_leaves_no_trace_but_link_restored() {
    let mut bench = Bench::up();
    bench.lose_and_resume();
    assert!(bench.seconds() < 4.0);
    assert_eq!(bench.told(), ["restored Kept"]);
    bench.pass_alive(20);
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_machine_with_another_address_is_back_at_once_and_nothing_is_told() {
    let mut bench = Bench::up();
    bench.pass(secs(3.0));
    bench.sent();
    bench.lose_address();
    assert_eq!(
        bench.connected_at,
        [0.0, 3.0],
        "without the wait of those who all lost one server"
    );
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["restored Kept"]);
}

#[test]
fn a_machine_that_lost_its_address_and_has_no_other_tries_again_as_after_any_loss() {
    let mut bench = Bench::up();
    bench.lose_address();
    bench.lose();
    assert!(bench.link.is_none());
    bench.pass_until_connecting();
    assert!((1.0..=4.0).contains(&bench.seconds()), "{}", bench.seconds());
}

#[test]
fn a_machine_that_gets_a_network_tries_at_once_and_goes_on_waiting_as_if_it_had_not() {
    let mut bench = Bench::up();
    bench.lose();
    for _ in 0..5 {
        bench.pass_until_connecting();
        bench.lose();
    }
    // The next attempt is 16 s away.
    bench.pass(secs(3.0));
    let at = bench.now;
    bench.act(RoomState::on_network);
    assert_eq!(bench.connected_at.last(), Some(&bench.seconds()));
    bench.lose();
    bench.pass_until_connecting();
    assert_eq!(bench.now - at, secs(32.0), "the back-off goes on");
}

#[test]
fn an_attempt_that_was_sent_into_a_dead_network_begins_anew_with_a_living_one() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.pass(secs(2.0));
    let at = bench.seconds();
    bench.act(RoomState::on_network);
    assert_eq!(bench.connected_at.last(), Some(&at));
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["restored Kept"]);
    bench.pass_alive(60);
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn another_network_does_not_hurry_who_is_logged_in_or_was_sent_away_by_the_server() {
    let mut bench = Bench::up();
    bench.act(RoomState::on_network);
    assert_eq!(bench.connected_at, [0.0]);
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::retry(1002073, "later", secs(9.0)));
    let at = bench.now;
    bench.act(RoomState::on_network);
    bench.pass_until_connecting();
    assert_eq!(bench.now - at, secs(9.0));
}

#[test]
fn a_network_that_comes_and_goes_does_not_lengthen_the_budget() {
    let mut bench = Bench::up();
    bench.lose();
    while !bench.ended {
        bench.pass(secs(0.5));
        bench.act(RoomState::on_network);
    }
    assert_eq!(bench.seconds(), 1200.0);
}

#[test]
fn a_machine_that_slept_for_ten_minutes_logs_in_anew_with_its_whole_budget() {
    for awake in [0.0, 2.0, 7.0] {
        let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a"]));
        bench.pass(secs(awake));
        bench.sleep(secs(600.0));
        bench.sent();
        assert!(!bench.ended, "the budget begins where the loss is noticed");
        bench.pass_until_connecting();
        bench.open();
        // Others saw us go, long ago.
        bench.refuse(WireError::fatal(1002051, ""));
        bench.open();
        bench.accept(snapshot(9, &["b"], &[]));
        let told = bench.told();
        assert_eq!(told.first().map(String::as_str), Some("RECONNECTING 1002051"), "{told:?}");
        let expected = ["RECONNECTED 0", "restored Lost"];
        assert!(expected.iter().all(|line| told.iter().any(|told| told == line)), "{told:?}");
    }
}

#[test]
fn a_link_that_is_away_for_8_seconds_is_reconnecting_1000017_and_then_reconnected() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass(secs(7.999));
    assert_eq!(bench.told(), NOTHING);
    bench.pass(secs(0.001));
    assert_eq!(bench.told(), ["RECONNECTING 1000017"]);
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["RECONNECTED 0", "restored Kept"]);
}

#[test]
fn attempts_that_fail_do_not_repeat_reconnecting() {
    let mut bench = Bench::up();
    bench.lose();
    for _ in 0..5 {
        bench.pass_until_connecting();
        bench.lose();
    }
    assert_eq!(bench.told(), ["RECONNECTING 1000017"]);
}

#[test]
fn a_second_loss_within_8_seconds_of_the_first_is_told_at_once() {
    let mut bench = Bench::up();
    bench.lose_and_resume();
    bench.told();
    bench.pass(secs(1.0));
    bench.lose();
    assert!(bench.seconds() < 8.0);
    assert_eq!(bench.told(), ["RECONNECTING 1000017"]);
    bench.pass_until_connecting();
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["RECONNECTED 0", "restored Kept"]);
}

#[test]
fn a_second_loss_later_than_8_seconds_after_the_first_is_held_back_again() {
    let mut bench = Bench::up();
    bench.lose_and_resume();
    bench.told();
    bench.pass_alive(8);
    bench.lose();
    bench.pass(secs(7.9));
    assert_eq!(bench.told(), NOTHING);
    bench.pass(secs(0.1));
    assert_eq!(bench.told(), ["RECONNECTING 1000017"]);
}

#[test]
fn the_first_attempt_after_a_loss_waits_1_to_4_seconds() {
    for seed in 0..20 {
        let mut bench = Bench::seeded(options(), seed);
        bench.act(RoomState::start);
        bench.open();
        bench.accept(snapshot(0, &[], &[]));
        bench.lose();
        bench.pass_until_connecting();
        assert!((1.0..4.0).contains(&bench.seconds()), "{}", bench.seconds());
    }
}

#[test]
fn the_server_that_worked_is_tried_first_after_a_loss() {
    let mut given = options();
    given.servers = vec!["ws://one".into(), "ws://two".into()];
    let mut bench = Bench::new(given);
    bench.act(RoomState::start);
    bench.lose();
    bench.open();
    bench.accept(snapshot(0, &[], &[]));
    bench.lose();
    bench.pass_until_connecting();
    assert_eq!(bench.urls[2], "ws://two/v1/signal");
    bench.lose();
    assert_eq!(bench.urls[3], "ws://one/v1/signal");
}

#[test]
fn a_budget_that_ends_is_reconnect_failed_1002053() {
    let mut bench = Bench::up();
    bench.lose();
    while !bench.ended {
        bench.pass_until_connecting();
        if bench.link.is_some() {
            bench.lose();
        }
    }
    assert_eq!(bench.seconds(), 1200.0);
    assert_eq!(bench.told(), ["RECONNECTING 1000017", "RECONNECT_FAILED 1002053"]);
}

#[test]
fn a_budget_shorter_than_the_debounce_still_tells_reconnecting_before_the_failure() {
    let mut given = options();
    given.timings.room_retry_time = secs(5.0);
    let mut bench = Bench::up_with(given, snapshot(0, &[], &[]));
    bench.lose();
    bench.pass(secs(5.0));
    assert_eq!(bench.told(), ["RECONNECTING 1000017", "RECONNECT_FAILED 1002053"]);
}

#[test]
fn each_loss_has_the_whole_budget() {
    let mut given = options();
    given.timings.room_retry_time = secs(60.0);
    let mut bench = Bench::up_with(given, snapshot(0, &[], &[]));
    bench.lose();
    bench.pass(secs(55.0));
    if bench.link.is_none() {
        bench.pass_until_connecting();
    }
    bench.open();
    bench.resume(vec![]);
    bench.pass_alive(60);
    bench.lose();
    bench.pass(secs(59.0));
    assert!(!bench.ended);
    bench.pass(secs(1.0));
    assert!(bench.ended);
}

#[test]
fn a_refused_resume_becomes_a_new_login_at_once_and_is_told_as_1002051() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    assert_eq!(bench.told(), NOTHING);
    let at = bench.seconds();
    bench.refuse(WireError::fatal(1002051, "unknown session"));
    assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
    assert_eq!(bench.connected_at.last(), Some(&at));
    bench.open();
    bench.accept(snapshot(0, &["a"], &[]));
    assert_eq!(bench.told(), ["RECONNECTED 0", "restored Lost", "users +a"]);
    assert_eq!(bench.counters.lost_sessions.get(), 1);
}

#[test]
fn a_relogin_that_is_refused_for_good_is_reconnect_failed_with_its_code() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::fatal(1002051, ""));
    bench.open();
    bench.refuse(WireError::fatal(1102018, "expired"));
    assert_eq!(bench.told(), ["RECONNECTING 1002051", "RECONNECT_FAILED 1102018"]);
    assert!(bench.ended);
}

#[test]
fn a_resume_that_is_refused_for_now_is_asked_again_for_the_same_session() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::retry(1002099, "starting", Duration::from_secs(1)));
    bench.pass(secs(1.0));
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["restored Kept"]);
}

#[test]
fn a_resume_that_is_refused_for_good_is_reconnect_failed_with_its_code() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::fatal(1002066, "banned"));
    assert_eq!(bench.told(), ["RECONNECTING 1000017", "RECONNECT_FAILED 1002066"]);
}

#[test]
fn who_was_kicked_out_while_away_learns_it_from_the_resume_and_does_not_log_in_again() {
    for code in [1002050, 1002055, 1102018] {
        let mut bench = Bench::up();
        bench.lose();
        bench.pass_until_connecting();
        bench.open();
        bench.refuse(WireError::fatal(code, ""));
        assert_eq!(bench.told(), [format!("KICKOUT {code}")]);
        assert!(bench.ended);
    }
}

#[test]
fn a_kick_out_ends_the_login_with_its_code_and_is_not_retried() {
    for code in [1002050, 1002055, 1102018, 1002099] {
        let mut bench = Bench::up();
        bench.event(1, kick(code, false));
        assert_eq!(bench.told(), [format!("KICKOUT {code}")]);
        assert!(bench.ended && bench.state.next_deadline().is_none());
    }
}

#[test]
fn a_kick_out_carries_the_kickers_text_as_documented_json() {
    let mut bench = Bench::up();
    let link = bench.link.unwrap();
    let text = r#"{"seq":1,"event":"kickOut","code":1002055,"message":"spam \"x\"","need_relogin":false}"#;
    bench.state.on_text(std::time::Instant::now(), link, text);
    let effects = format!("{:?}", bench.state.take_effects());
    assert!(
        effects.contains(r#"{\"custom_kickout_message\":\"spam \\\"x\\\"\"}"#),
        "{effects}"
    );
}

#[test]
fn a_kick_out_that_wants_a_relogin_is_silent_when_the_relogin_is_quick() {
    let mut bench = Bench::up_with(options(), snapshot(0, &["a"], &["s@a"]));
    bench.event(1, kick(1002099, true));
    bench.pass_until_connecting();
    bench.open();
    bench.accept(snapshot(9, &["a"], &["s@a"]));
    assert_eq!(bench.told(), ["restored Lost"]);
}

#[test]
fn a_relogin_that_the_server_wanted_is_told_as_1002051_after_8_seconds() {
    let mut bench = Bench::up();
    bench.event(1, kick(1002099, true));
    bench.pass(secs(8.0));
    assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
}

#[test]
fn requests_of_the_new_session_start_with_the_newest_token() {
    let mut bench = Bench::up();
    bench.lose();
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::fatal(1002051, ""));
    bench.open();
    let Request::Login(login) = bench.request().request else {
        panic!("no login")
    };
    assert_eq!(login.token, "token-2");
}
