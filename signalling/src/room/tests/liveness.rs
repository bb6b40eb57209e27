//! Pings, heartbeats, and the end of the token.

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{heartbeat_ok, login_ok, options, secs, snapshot},
};
use crate::protocol::{HeartbeatOk, RenewTokenOk, Request, WireError};

const NOTHING: [&str; 0] = [];

/// Logged in on terms of the test's own.
fn up(change: impl FnOnce(&mut crate::protocol::LoginOk)) -> Bench {
    let mut bench = Bench::started();
    bench.open();
    let id = bench.request().id;
    let mut ok = login_ok(snapshot(0, &[], &[]));
    change(&mut ok);
    bench.ok(id, &ok);
    bench.told();
    bench
}

#[test]
fn a_silent_socket_is_pinged_after_5_seconds_and_dead_after_10() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_600_000);
    bench.pass(secs(4.9));
    assert_eq!(bench.pings, 0);
    bench.pass(secs(0.1));
    assert_eq!(bench.pings, 1);
    bench.pass(secs(4.9));
    assert!(bench.link.is_some());
    bench.pass(secs(0.1));
    assert!(bench.link.is_none());
    assert_eq!((bench.pings, bench.counters.lost_links.get()), (1, 1));
}

#[test]
fn a_sign_of_life_starts_the_silence_again() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_600_000);
    for _ in 0..10 {
        bench.pass(secs(9.0));
        bench.alive();
    }
    assert!(bench.link.is_some());
    assert_eq!(bench.pings, 10);
}

#[test]
fn a_frame_is_a_sign_of_life() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_600_000);
    for seq in 1..5 {
        bench.pass(secs(4.0));
        bench.event(seq, super::words::users("+a"));
    }
    assert_eq!(bench.pings, 0);
}

#[test]
fn the_first_heartbeat_comes_at_a_random_time_within_the_interval_then_one_each_interval() {
    let mut firsts = Vec::new();
    for seed in 0..10 {
        let mut bench = Bench::seeded(options(), seed);
        bench.act(RoomState::start);
        bench.open();
        bench.accept(snapshot(0, &[], &[]));
        let mut times = Vec::new();
        while times.len() < 3 {
            bench.pass(secs(0.1));
            bench.alive();
            for frame in bench.sent() {
                assert!(matches!(frame.request, Request::Heartbeat(_)));
                times.push(bench.seconds());
                bench.ok(frame.id, &heartbeat_ok(0));
            }
        }
        assert!(times[0] <= 30.1, "{times:?}");
        assert!(
            times.windows(2).all(|pair| (pair[1] - pair[0] - 30.0).abs() < 0.2),
            "{times:?}"
        );
        firsts.push(times[0]);
    }
    let (min, max) = firsts
        .iter()
        .fold((f64::MAX, 0.0_f64), |(min, max), at| (min.min(*at), max.max(*at)));
    assert!(max - min > 5.0, "not random: {firsts:?}");
}

#[test]
fn the_server_may_change_the_interval_in_each_answer_but_not_below_3_seconds() {
    for (asked_ms, wait) in [(10_000, 10.0), (1, 3.0), (0, 30.0)] {
        let mut bench = up(|ok| ok.heartbeat_ms = 3_000);
        bench.pass(secs(3.0));
        let first = bench.request();
        let mut ok = heartbeat_ok(0);
        ok.heartbeat_ms = asked_ms;
        bench.ok(first.id, &ok);
        let answered = bench.seconds();
        while bench.seconds() < answered + wait - 0.4 {
            bench.pass(secs(0.25));
            bench.alive();
        }
        assert!(bench.sent().is_empty(), "{asked_ms}: too early");
        bench.pass(secs(0.25));
        bench.request();
    }
}

#[test]
fn heartbeats_unanswered_for_100_seconds_end_the_session_with_1002051_at_once() {
    let mut bench = up(|_| {});
    for _ in 0..99 {
        bench.pass(secs(1.0));
        bench.alive();
    }
    assert_eq!(bench.told(), NOTHING);
    assert!(bench.sent().len() >= 3);
    bench.pass(secs(1.0));
    assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
    bench.pass_until_connecting();
    bench.open();
    bench.accept(snapshot(0, &[], &[]));
    assert_eq!(bench.told(), ["RECONNECTED 0", "restored Lost"]);
}

#[test]
fn an_answered_heartbeat_starts_the_100_seconds_again() {
    let mut bench = up(|_| {});
    bench.pass_alive(1_000);
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_server_that_names_an_impossible_timeout_does_not_end_its_own_sessions() {
    let mut bench = up(|ok| ok.heartbeat_timeout_ms = 1);
    bench.pass_alive(300);
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_heartbeat_refused_with_1002051_means_that_the_session_is_gone() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_000);
    bench.pass(secs(3.0));
    bench.refuse(WireError::fatal(1002051, "unknown session"));
    assert_eq!(bench.told(), ["RECONNECTING 1002051"]);
    bench.pass_until_connecting();
    bench.open();
    assert!(matches!(bench.request().request, Request::Login(_)));
}

#[test]
fn a_heartbeat_refused_otherwise_is_counted_and_sent_again() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_000);
    bench.pass(secs(3.0));
    bench.refuse(WireError::fatal(1002099, "busy"));
    assert_eq!(bench.counters.refused_requests.get(), 1);
    bench.pass(secs(3.0));
    assert!(matches!(bench.request().request, Request::Heartbeat(_)));
}

#[test]
fn the_end_of_the_token_is_announced_30_seconds_before_it_and_once() {
    let mut bench = up(|ok| ok.token_expires_in_ms = 60_000);
    for _ in 0..29 {
        bench.pass(secs(1.0));
        bench.alive();
    }
    assert_eq!(bench.told(), NOTHING);
    bench.pass(secs(1.0));
    assert_eq!(bench.told(), ["token ends in 30"]);
    bench.alive();
    for _ in 0..60 {
        bench.pass(secs(1.0));
        bench.alive();
    }
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn the_end_of_a_token_is_announced_at_once_when_less_than_30_seconds_are_left() {
    let mut bench = up(|ok| ok.token_expires_in_ms = 12_000);
    bench.pass(secs(0.0));
    assert_eq!(bench.told(), ["token ends in 12"]);
}

#[test]
fn a_token_is_announced_after_logined() {
    let mut bench = Bench::started();
    bench.open();
    let id = bench.request().id;
    let mut ok = login_ok(snapshot(0, &["a"], &[]));
    ok.token_expires_in_ms = 0;
    bench.ok(id, &ok);
    bench.pass(secs(0.0));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0", "users +a", "token ends in 0"]);
}

#[test]
fn the_servers_word_in_a_heartbeat_moves_the_announcement() {
    let mut bench = up(|ok| {
        ok.heartbeat_ms = 3_000;
        ok.token_expires_in_ms = 600_000;
    });
    bench.pass(secs(3.0));
    let id = bench.request().id;
    let ok = HeartbeatOk {
        token_expires_in_ms: 31_000,
        ..heartbeat_ok(0)
    };
    bench.ok(id, &ok);
    bench.pass(secs(1.0));
    assert_eq!(bench.told(), ["token ends in 30"]);
}

#[test]
fn a_renewed_token_goes_to_the_server_and_is_announced_anew() {
    let mut bench = up(|ok| {
        ok.token_expires_in_ms = 10_000;
        ok.heartbeat_ms = 3_600_000;
    });
    bench.pass(secs(0.0));
    bench.told();
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    let renew = bench.request();
    assert!(matches!(&renew.request, Request::RenewToken(renew) if renew.token == "token-2"));
    let ok = RenewTokenOk {
        token_expires_in_ms: 33_000,
    };
    bench.ok(renew.id, &ok);
    bench.pass(secs(3.0));
    assert_eq!(bench.told(), ["token ends in 30"]);
}

#[test]
fn the_same_token_again_is_accepted_and_not_sent() {
    let mut bench = up(|_| {});
    bench.act(|state, now| state.renew_token(now, "token-1".into())).unwrap();
    assert!(bench.sent().is_empty());
}

#[test]
fn a_token_renewed_while_the_link_is_away_is_shown_when_it_is_back() {
    let mut bench = up(|_| {});
    bench.lose();
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    bench.pass_until_connecting();
    bench.open();
    bench.resume(vec![]);
    assert!(matches!(bench.request().request, Request::RenewToken(renew) if renew.token == "token-2"));
}

#[test]
fn a_token_renewed_before_the_first_login_is_out_is_the_one_shown() {
    let mut bench = Bench::started();
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    bench.open();
    assert!(matches!(bench.request().request, Request::Login(login) if login.token == "token-2"));
}

#[test]
fn a_token_renewed_while_the_login_is_out_is_shown_behind_it() {
    let mut bench = Bench::started();
    bench.open();
    let login = bench.request();
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    bench.ok(login.id, &login_ok(snapshot(0, &[], &[])));
    assert!(matches!(bench.request().request, Request::RenewToken(renew) if renew.token == "token-2"));
}

#[test]
fn a_renewal_that_was_not_answered_is_sent_again() {
    let mut bench = up(|ok| ok.heartbeat_ms = 3_600_000);
    bench.act(|state, now| state.renew_token(now, "token-2".into())).unwrap();
    bench.request();
    bench.pass(secs(9.0));
    bench.alive();
    bench.pass(secs(1.0));
    assert!(matches!(bench.request().request, Request::RenewToken(_)));
    bench.lose_and_resume();
    assert!(matches!(bench.request().request, Request::RenewToken(_)));
}

#[test]
fn a_refused_renewal_leaves_the_old_token_in_force() {
    let mut bench = up(|_| {});
    bench.act(|state, now| state.renew_token(now, "bad".into())).unwrap();
    bench.refuse(WireError::fatal(1102016, "bad token"));
    assert_eq!(bench.counters.refused_requests.get(), 1);
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::fatal(1002051, ""));
    bench.open();
    assert!(matches!(bench.request().request, Request::Login(login) if login.token == "token-1"));
}

#[test]
fn an_empty_or_endless_token_is_refused_with_1100001() {
    let mut bench = up(|_| {});
    for token in [String::new(), "x".repeat(8 * 1024 + 1)] {
        let error = bench.act(|state, now| state.renew_token(now, token)).unwrap_err();
        assert_eq!(error.code, 1100001);
    }
}

#[test]
fn a_token_without_end_needs_no_announcement() {
    let mut bench = up(|ok| {
        ok.token_expires_in_ms = u64::MAX;
        ok.heartbeat_timeout_ms = u64::MAX;
        ok.heartbeat_ms = u64::MAX;
    });
    for _ in 0..1000 {
        bench.pass(secs(5.0));
        bench.alive();
    }
    assert_eq!(bench.told(), NOTHING);
    assert_eq!(bench.sent().len(), 2, "the interval is at most an hour");
}
