//! Logout and stop, at any point.

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{login_ok, resume_ok, secs, snapshot},
};
use crate::protocol::{Done, Request, WireError};

#[test]
fn a_logout_is_told_at_once_and_ends_when_the_server_answers() {
    let mut bench = Bench::up();
    bench.act(RoomState::logout);
    assert_eq!(bench.told(), ["LOGOUT 0"]);
    let logout = bench.request();
    assert!(matches!(logout.request, Request::Logout(_)));
    assert!(!bench.ended);
    bench.ok(logout.id, &Done {});
    assert!(bench.ended);
}

#[test]
fn a_logout_waits_at_most_a_second_for_the_server() {
    let mut bench = Bench::up();
    bench.act(RoomState::logout);
    bench.pass(secs(0.999));
    assert!(!bench.ended);
    bench.pass(secs(0.001));
    assert!(bench.ended);
}

#[test]
fn a_logout_ends_when_the_server_closes_or_refuses_or_talks_nonsense() {
    let ways: [fn(&mut Bench); 3] = [
        Bench::lose,
        |bench| bench.refuse(WireError::fatal(1102015, "not logged in")),
        |bench| bench.receive("nonsense"),
    ];
    for way in ways {
        let mut bench = Bench::up();
        bench.act(RoomState::logout);
        way(&mut bench);
        assert!(bench.ended);
        assert_eq!(bench.told(), ["LOGOUT 0"]);
    }
}

#[test]
fn a_login_that_is_cancelled_is_logout_0() {
    let points: [fn(&mut Bench); 3] = [
        |_| {},
        |bench| bench.lose(),
        |bench| {
            bench.open();
            bench.refuse(WireError::retry(1002073, "later", secs(5.0)));
        },
    ];
    for point in points {
        let mut bench = Bench::started();
        point(&mut bench);
        bench.act(RoomState::logout);
        assert_eq!(bench.told(), ["LOGINING 0", "LOGOUT 0"]);
        assert!(bench.ended, "the server knows nothing of this login");
    }
}

#[test]
fn a_login_cancelled_while_it_is_out_is_logged_out_when_it_is_answered() {
    let mut bench = Bench::started();
    bench.open();
    let login = bench.request();
    bench.act(RoomState::logout);
    assert_eq!(bench.told(), ["LOGINING 0", "LOGOUT 0"]);
    bench.ok(login.id, &login_ok(snapshot(0, &["a"], &[])));
    let logout = bench.request();
    assert!(matches!(logout.request, Request::Logout(_)));
    bench.ok(logout.id, &Done {});
    assert!(bench.ended);
    assert_eq!(bench.told(), [] as [&str; 0]);
}

#[test]
fn a_logout_while_reconnecting_takes_the_session_up_to_end_it() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.act(RoomState::logout);
    assert_eq!(bench.told(), ["LOGOUT 0"]);
    bench.open();
    let resume = bench.request();
    assert!(matches!(resume.request, Request::Resume(_)));
    bench.ok(resume.id, &resume_ok(Some(vec![]), None));
    assert!(matches!(bench.request().request, Request::Logout(_)));
    bench.pass(secs(1.0));
    assert!(bench.ended);
    assert_eq!(bench.told(), [] as [&str; 0]);
}

#[test]
fn a_logout_between_two_attempts_ends_at_once() {
    let mut bench = Bench::up();
    bench.lose();
    bench.act(RoomState::logout);
    assert!(bench.ended);
    assert_eq!(bench.told(), ["LOGOUT 0"]);
}

#[test]
fn a_second_logout_and_a_logout_after_the_end_say_nothing() {
    let mut bench = Bench::up();
    bench.act(RoomState::logout);
    bench.act(RoomState::logout);
    assert_eq!(bench.told(), ["LOGOUT 0"]);
    bench.pass(secs(2.0));
    bench.act(RoomState::logout);
    assert_eq!(bench.told(), [] as [&str; 0]);
}

#[test]
fn a_stop_ends_at_once_without_an_event_and_tells_the_server() {
    let mut bench = Bench::up();
    bench.act(|state, _| state.stop());
    assert!(bench.ended);
    assert_eq!(bench.told(), [] as [&str; 0]);
    assert!(matches!(bench.request().request, Request::Logout(_)));
}

#[test]
fn a_stop_before_the_socket_is_open_ends_at_once_too() {
    let mut bench = Bench::started();
    bench.act(|state, _| state.stop());
    assert!(bench.ended && bench.sent().is_empty());
    bench.act(|state, _| state.stop());
}

#[test]
fn a_token_renewed_after_the_end_is_refused_with_1000002() {
    let mut bench = Bench::up();
    bench.act(RoomState::logout);
    let error = bench.act(|state, now| state.renew_token(now, "t".into())).unwrap_err();
    assert_eq!(error.code, 1000002);
}
