//! Servers that do not keep to the protocol: counted, the link dropped or the frame ignored, never a panic.

use proptest::prelude::*;

use super::{
    bench::Bench,
    words::{options, secs, snapshot},
};
use crate::protocol::WireError;

/// Frames that are no message of the protocol.
const UNREADABLE: [&str; 14] = [
    "",
    "hello",
    "null",
    "[]",
    "{}",
    "{\"id\":1}garbage",
    r#"{"id":-1,"ok":{}}"#,
    r#"{"id":"1","ok":{}}"#,
    r#"{"id":1,"error":"no"}"#,
    r#"{"seq":1,"event":{}}"#,
    r#"{"event":"roomUserUpdate"}"#,
    r#"{"seq":-3,"event":"roomUserUpdate","update":"ADD","users":[]}"#,
    r#"{"seq":1,"event":"roomUserUpdate","update":"SOMETIMES","users":[]}"#,
    r#"{"seq":1,"event":"roomUserUpdate","update":"ADD","users":[{"user_id":"a b","user_name":""}]}"#,
];

#[test]
fn a_frame_that_is_no_message_costs_the_link_and_the_session_is_taken_up_again() {
    for text in UNREADABLE {
        let mut bench = Bench::up();
        bench.receive(text);
        assert_eq!(bench.counters.unreadable_frames.get(), 1, "{text:?}");
        assert!(bench.link.is_none(), "{text:?}");
        bench.pass_until_connecting();
        bench.open();
        bench.resume(vec![]);
        assert_eq!(bench.told(), ["restored Kept"]);
    }
}

#[test]
fn an_unreadable_answer_to_the_login_is_a_failed_attempt() {
    for text in UNREADABLE {
        let mut bench = Bench::started();
        bench.open();
        bench.receive(text);
        assert_eq!(bench.counters.failed_attempts.get(), 1, "{text:?}");
        assert_eq!(bench.told(), ["LOGINING 0"]);
        bench.pass_until_connecting();
    }
}

#[test]
fn an_unreadable_answer_to_a_resume_leads_to_a_new_login_and_not_to_the_same_answer_again() {
    let mut bench = Bench::up();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.receive("?");
    bench.pass_until_connecting();
    bench.open();
    bench.sent().remove(0);
    assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
    assert_eq!(bench.counters.lost_sessions.get(), 1);
}

#[test]
fn a_login_result_of_the_wrong_shape_is_counted_and_tried_again() {
    let mut bench = Bench::started();
    bench.open();
    let id = bench.request().id;
    bench.ok(id, &serde_json::json!({ "version": 1 }));
    assert_eq!(bench.counters.unreadable_results.get(), 1);
    bench.pass_until_connecting();
    assert_eq!(bench.told(), ["LOGINING 0"]);
}

#[test]
fn replies_to_nothing_are_counted_and_ignored() {
    let mut bench = Bench::up();
    bench.ok(77, &crate::protocol::Done {});
    bench.error(u64::MAX, WireError::fatal(1, ""));
    assert_eq!(bench.counters.stray_replies.get(), 2);
    assert!(bench.link.is_some());
}

#[test]
fn a_server_that_sends_rubbish_for_ever_is_given_up_when_the_budget_ends() {
    let mut bench = Bench::up_with(options(), snapshot(0, &[], &[]));
    bench.receive("?");
    while !bench.ended {
        bench.pass_until_connecting();
        if bench.link.is_some() {
            bench.open();
            bench.receive("?");
        }
    }
    assert_eq!(bench.told(), ["RECONNECTING 1002051", "RECONNECT_FAILED 1002053"]);
    assert!(bench.urls.len() < 60, "{} attempts", bench.urls.len());
}

#[test]
fn a_server_that_refuses_with_retry_at_once_is_not_asked_in_a_busy_loop() {
    let mut bench = Bench::started();
    while !bench.ended && bench.seconds() < 10.0 {
        bench.open();
        bench.refuse(WireError::retry(1002073, "", secs(0.0)));
        bench.pass_until_connecting();
    }
    assert!(bench.urls.len() <= 101, "{} attempts", bench.urls.len());
}

#[test]
fn a_server_that_accepts_and_hangs_up_for_ever_is_asked_once_a_second_at_most() {
    let mut bench = Bench::up();
    while bench.seconds() < 100.0 {
        bench.lose_and_resume();
    }
    assert!(bench.urls.len() < 100, "{} attempts", bench.urls.len());
}

#[test]
fn a_timing_table_of_zeros_spins_on_nothing() {
    let mut given = options();
    let zero = secs(0.0);
    let timings = &mut given.timings;
    timings.reconnecting_debounce = zero;
    timings.login_attempt_timeout = zero;
    timings.request_timeout = zero;
    timings.link_ping_interval = zero;
    timings.link_timeout = zero;
    timings.heartbeat_timeout = zero;
    timings.room_backoff.first = (zero, zero);
    timings.room_backoff.steps = vec![zero];
    let mut bench = Bench::new(given);
    bench.act(super::super::state::RoomState::start);
    bench.pass(secs(2000.0));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGIN_FAILED 1002031"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_state_panic(texts in prop::collection::vec(any::<String>(), 1..8), logged_in in any::<bool>()) {
        let mut bench = if logged_in { Bench::up() } else { Bench::started() };
        for text in texts {
            if bench.link.is_none() {
                bench.pass_until_connecting();
            }
            if bench.ended {
                break;
            }
            bench.open();
            bench.receive(&text);
        }
    }

    #[test]
    fn no_json_makes_the_state_panic(frames in prop::collection::vec(json_frame(), 1..12)) {
        let mut bench = Bench::up();
        for frame in frames {
            if bench.link.is_none() {
                bench.pass_until_connecting();
                if bench.ended {
                    break;
                }
                bench.open();
            }
            bench.receive(&frame);
            bench.pass(secs(0.5));
        }
    }
}

/// Frames built from the protocol's own words, with values of any type.
fn json_frame() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("-1".to_owned()),
        Just("1e300".to_owned()),
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just(r#""ADD""#.to_owned()),
        Just(r#""kickOut""#.to_owned()),
        Just(r#""roomUserUpdate""#.to_owned()),
        Just(r#"[{"user_id":"a","user_name":"b"}]"#.to_owned()),
        Just(r#"{"code":1002051,"message":"m","retry":null}"#.to_owned()),
        Just(r#"{"code":1002051,"message":"m","retry":{"after_ms":18446744073709551615}}"#.to_owned()),
    ];
    let key = prop::sample::select(vec![
        "id",
        "ok",
        "error",
        "seq",
        "event",
        "update",
        "users",
        "streams",
        "code",
        "message",
        "need_relogin",
    ]);
    prop::collection::btree_map(key, value, 0..6).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}
