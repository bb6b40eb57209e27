//! The first login: LOGINING, then LOGINED or LOGIN_FAILED.

use std::time::Duration;

use express_messages::ids::InstanceId;

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{login_ok, options, secs, snapshot},
};
use crate::protocol::{Event, KickOut, Request, ServerFrame, WireError};

#[test]
fn a_login_tells_logining_then_logined_then_users_then_streams() {
    let mut bench = Bench::started();
    assert_eq!(bench.told(), ["LOGINING 0"]);
    bench.open();
    bench.accept(snapshot(4, &["a", "b"], &["s1@a", "s2@b"]));
    assert_eq!(bench.told(), ["LOGINED 0", "users +a,b", "streams +s1,s2"]);
}

#[test]
fn the_login_shows_what_the_engine_gave() {
    let mut given = options();
    given.max_member_count = 3;
    given.instance = Some(InstanceId::new([7; 16]));
    let mut bench = Bench::new(given);
    bench.act(RoomState::start);
    bench.open();
    let Request::Login(login) = bench.request().request else {
        panic!("no login")
    };
    assert_eq!(
        (login.app_id, login.room_id.as_str(), login.user_id.as_str()),
        (1, "room", "me")
    );
    assert_eq!(
        (login.token.as_str(), login.user_update, login.max_member_count),
        ("token-1", true, 3)
    );
    assert_eq!(login.versions, [1]);
    assert_eq!(login.instance, Some(InstanceId::new([7; 16])));
    assert_eq!(bench.urls, ["ws://one/v1/signal"]);
}

#[test]
fn an_empty_room_reports_no_lists() {
    let mut bench = Bench::started();
    bench.open();
    bench.accept(snapshot(0, &[], &[]));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0"]);
}

#[test]
fn without_user_update_no_users_are_reported() {
    let mut given = options();
    given.user_update = false;
    let mut bench = Bench::new(given);
    bench.act(RoomState::start);
    bench.open();
    bench.accept(snapshot(0, &["a"], &["s@a"]));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0", "streams +s"]);
    bench.event(1, super::words::users("+b"));
    assert_eq!(bench.told(), [] as [&str; 0]);
}

#[test]
fn the_client_itself_is_in_no_list() {
    let mut bench = Bench::started();
    bench.open();
    bench.accept(snapshot(0, &["me", "a"], &["mine@me", "s@a"]));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0", "users +a", "streams +s"]);
}

#[test]
fn a_refusal_for_good_is_login_failed_with_the_servers_code() {
    for code in [1102016, 1102018, 1002034, 1002066, 1002086, 1001004, 1002099] {
        let mut bench = Bench::started();
        bench.open();
        bench.refuse(WireError::fatal(code, "no"));
        assert_eq!(bench.told(), ["LOGINING 0".to_owned(), format!("LOGIN_FAILED {code}")]);
        assert!(bench.ended && bench.state.next_deadline().is_none());
    }
}

#[test]
fn a_refusal_for_now_is_tried_again_when_the_server_says() {
    let mut bench = Bench::started();
    bench.open();
    bench.refuse(WireError::retry(1002073, "too many logins", Duration::from_millis(2500)));
    bench.pass(secs(2.4));
    assert_eq!(bench.connected_at, [0.0]);
    bench.pass(secs(0.2));
    assert_eq!(bench.connected_at, [0.0, 2.5]);
    bench.open();
    bench.accept(snapshot(0, &[], &[]));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0"]);
}

#[test]
fn transport_faults_are_tried_again_with_growing_waits_until_the_budget_ends_in_1002031() {
    let mut bench = Bench::started();
    while !bench.ended {
        if bench.link.is_some() {
            bench.lose();
        }
        bench.pass_until_connecting();
    }
    assert_eq!(bench.told(), ["LOGINING 0", "LOGIN_FAILED 1002031"]);
    assert_eq!(bench.seconds(), 1200.0);
    let waits: Vec<f64> = bench.connected_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((1.0..4.0).contains(&waits[0]), "{}", waits[0]);
    let rest: Vec<i64> = waits[1..8].iter().map(|wait| wait.round() as i64).collect();
    assert_eq!(rest, [4, 8, 8, 16, 16, 32, 32]);
    assert!(waits[8..].iter().all(|wait| wait.round() == 32.0));
}

#[test]
fn a_server_that_does_not_answer_is_left_after_10_seconds() {
    for opened in [false, true] {
        let mut bench = Bench::started();
        if opened {
            bench.open();
        }
        bench.pass(secs(9.9));
        assert!(bench.link.is_some());
        bench.pass(secs(0.2));
        assert!(bench.link.is_none());
        assert_eq!(bench.counters.failed_attempts.get(), 1);
    }
}

#[test]
fn fallback_servers_are_tried_in_order_without_a_wait_and_all_before_the_first_wait() {
    let mut given = options();
    given.servers = ["ws://one", "not a url", "ws://two", "http://wrong", "ws://three"]
        .map(String::from)
        .to_vec();
    let mut bench = Bench::new(given);
    bench.act(RoomState::start);
    for _ in 0..3 {
        bench.lose();
    }
    assert_eq!(
        bench.urls,
        ["ws://one/v1/signal", "ws://two/v1/signal", "ws://three/v1/signal"]
    );
    assert_eq!(bench.connected_at, [0.0; 3]);
    bench.pass_until_connecting();
    assert_eq!(bench.urls[3], "ws://one/v1/signal");
    assert!((1.0..4.0).contains(&bench.seconds()));
}

#[test]
fn without_a_usable_server_the_login_fails_at_once() {
    let mut given = options();
    given.servers = vec!["127.0.0.1:8080".into()];
    let mut bench = Bench::new(given);
    bench.act(RoomState::start);
    assert_eq!(bench.told(), ["LOGINING 0", "LOGIN_FAILED 1100001"]);
    assert!(bench.ended && bench.urls.is_empty());
}

#[test]
fn a_kick_out_during_the_login_is_kickout() {
    let mut bench = Bench::started();
    bench.open();
    bench.event(
        1,
        Event::KickOut(KickOut {
            code: 1002055,
            message: "out".into(),
            need_relogin: false,
        }),
    );
    assert_eq!(bench.told(), ["LOGINING 0", "KICKOUT 1002055"]);
}

#[test]
fn a_version_that_the_client_did_not_name_fails_the_login() {
    let mut bench = Bench::started();
    bench.open();
    let login = bench.request();
    let mut ok = login_ok(snapshot(0, &[], &[]));
    ok.version = 2;
    bench.ok(login.id, &ok);
    assert_eq!(bench.told(), ["LOGINING 0", "LOGIN_FAILED 1100999"]);
}

#[test]
fn what_comes_before_the_answer_to_the_login_is_counted_and_ignored() {
    let mut bench = Bench::started();
    bench.open();
    bench.event(1, super::words::users("+a"));
    bench.ok(99, &crate::protocol::Done {});
    assert_eq!(
        (bench.counters.early_frames.get(), bench.counters.stray_replies.get()),
        (1, 1)
    );
    bench.accept(snapshot(1, &["a"], &[]));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0", "users +a"]);
}

#[test]
fn a_frame_of_an_older_link_changes_nothing() {
    let mut bench = Bench::started();
    let old = bench.link.unwrap();
    bench.open();
    let id = bench.request().id;
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    let text = ServerFrame::ok(id, &login_ok(snapshot(0, &[], &[]))).to_text();
    bench.act(|state, now| state.on_text(now, old, &text));
    bench.act(|state, now| state.on_alive(now, old));
    assert_eq!(bench.told(), ["LOGINING 0"]);
}

#[test]
fn starting_twice_is_starting_once() {
    let mut bench = Bench::started();
    bench.act(RoomState::start);
    assert_eq!(bench.told(), ["LOGINING 0"]);
    assert_eq!(bench.urls.len(), 1);
}
