//! A cloud of several nodes: where a client goes when one is away, or sends it on.

use express_messages::room::RoomOptions;

use super::{
    super::state::RoomState,
    bench::Bench,
    words::{login_ok, options, secs, snapshot},
};
use crate::protocol::{Login, LoginOk, Request, Resume, Snapshot, WireError};

fn given(servers: &[&str]) -> RoomOptions {
    RoomOptions {
        servers: servers.iter().map(|server| (*server).into()).collect(),
        ..options()
    }
}

/// What a node says: its session is called `name`, and the others are these.
pub(super) fn node_ok(name: &str, nodes: &[&str], snapshot: Snapshot) -> LoginOk {
    LoginOk {
        session: name.into(),
        nodes: nodes.iter().map(|node| (*node).into()).collect(),
        ..login_ok(snapshot)
    }
}

/// Logged in at `ws://one` to a room with bob in it; the others are two and three.
pub(super) fn in_a_cloud() -> Bench {
    let mut bench = Bench::started();
    bench.open();
    let login = bench.request();
    bench.ok(
        login.id,
        &node_ok("s-one", &["ws://two", "ws://three"], snapshot(0, &["bob"], &[])),
    );
    bench.told();
    bench
}

pub(super) fn hosts(bench: &Bench) -> Vec<&str> {
    let urls = bench.urls.iter();
    let hosts = urls.map(|url| url.trim_end_matches("/v1/signal"));
    hosts.map(|url| url.trim_start_matches("ws://")).collect()
}

pub(super) fn login(bench: &mut Bench) -> (u64, Login) {
    let frame = bench.request();
    match frame.request {
        Request::Login(login) => (frame.id, login),
        other => panic!("no login: {other:?}"),
    }
}

pub(super) fn resume(bench: &mut Bench) -> (u64, Resume) {
    let frame = bench.request();
    match frame.request {
        Request::Resume(resume) => (frame.id, resume),
        other => panic!("no resume: {other:?}"),
    }
}

pub(super) fn sent_on(node: &str) -> WireError {
    WireError::fatal(1002099, "elsewhere").at_node(node)
}

// ---- a node that cannot be reached ----

#[test]
fn a_node_that_died_is_tried_once_then_the_next_is_logged_in_to_and_nobody_is_told_anything_but_differences() {
    let mut bench = in_a_cloud();
    bench.lose();
    bench.pass_until_connecting();
    assert_eq!(hosts(&bench), ["one", "one"], "its session may live on");
    bench.lose();
    assert_eq!(hosts(&bench).last(), Some(&"two"), "at once");
    bench.open();
    let (id, login) = login(&mut bench);
    assert_eq!((login.moved_from.as_deref(), login.redirected), (Some("s-one"), false));
    bench.ok(id, &node_ok("s-two", &["ws://one"], snapshot(0, &["bob", "carol"], &[])));
    assert!(bench.seconds() < 4.1);
    assert_eq!(bench.told(), ["restored Moved", "users +carol"]);
}

#[test]
fn a_node_that_is_back_before_another_took_over_is_asked_for_the_session() {
    let mut bench = in_a_cloud();
    bench.lose();
    bench.pass_until_connecting();
    for _ in 0..3 {
        bench.lose();
    }
    bench.pass_until_connecting();
    assert_eq!(hosts(&bench), ["one", "one", "two", "three", "one"]);
    bench.open();
    assert_eq!(resume(&mut bench).1.session, "s-one");
}

#[test]
fn a_node_that_does_not_answer_costs_four_seconds_where_there_are_others() {
    let mut bench = in_a_cloud();
    bench.lose();
    bench.pass_until_connecting();
    let at = bench.now;
    bench.pass(secs(3.9));
    assert_eq!(hosts(&bench).last(), Some(&"one"));
    bench.pass(secs(0.1));
    assert_eq!((hosts(&bench).last(), bench.now - at), (Some(&"two"), secs(4.0)));
}

#[test]
fn all_nodes_away_cost_the_documented_budget_and_no_more() {
    let mut bench = in_a_cloud();
    bench.lose();
    while !bench.ended {
        bench.pass_until_connecting();
        if bench.link.is_some() {
            bench.lose();
        }
        if bench.link.is_none() && !bench.ended {
            bench.pass(secs(1.0));
        }
    }
    assert_eq!(bench.told(), ["RECONNECTING 1000017", "RECONNECT_FAILED 1002053"]);
    assert_eq!(bench.seconds(), 1200.0);
}

#[test]
fn servers_of_the_program_are_tried_in_order_and_an_old_one_is_never_sent_a_word_of_nodes() {
    let mut bench = Bench::new(given(&["ws://one", "ws://two"]));
    bench.act(RoomState::start);
    bench.lose();
    assert_eq!(hosts(&bench), ["one", "two"]);
    bench.open();
    bench.accept(snapshot(0, &[], &[]));
    bench.lose();
    bench.pass_until_connecting();
    bench.lose();
    assert_eq!(hosts(&bench), ["one", "two", "two", "one"]);
    bench.open();
    // Two addresses of one server, for all that is known.
    let (id, _) = resume(&mut bench);
    bench.error(id, WireError::fatal(1002051, "unknown"));
    bench.open();
    let (_, login) = login(&mut bench);
    assert_eq!((login.moved_from, login.redirected), (None, false));
}

#[test]
fn a_session_that_a_node_knows_no_more_is_named_in_the_login_that_follows() {
    let mut bench = in_a_cloud();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(WireError::fatal(1002051, "unknown"));
    assert_eq!(hosts(&bench).last(), Some(&"one"));
    bench.open();
    assert_eq!(login(&mut bench).1.moved_from.as_deref(), Some("s-one"));
}

// ---- being sent on ----

#[test]
fn a_login_that_is_sent_on_goes_there_at_once_and_says_so() {
    let mut bench = Bench::started();
    bench.open();
    bench.refuse(sent_on("ws://two"));
    assert_eq!((hosts(&bench), bench.seconds()), (vec!["one", "two"], 0.0));
    bench.open();
    let (id, login) = login(&mut bench);
    assert_eq!((login.redirected, login.moved_from), (true, None));
    bench.ok(id, &login_ok(snapshot(0, &[], &[])));
    assert_eq!(bench.told(), ["LOGINING 0", "LOGINED 0"]);
    bench.lose();
    bench.pass_until_connecting();
    assert_eq!(hosts(&bench).last(), Some(&"two"), "it is at home there");
    bench.open();
    resume(&mut bench);
}

#[test]
fn a_resume_that_is_sent_on_is_made_there() {
    let mut bench = in_a_cloud();
    bench.lose();
    bench.pass_until_connecting();
    bench.open();
    bench.refuse(sent_on("ws://nine"));
    assert_eq!(hosts(&bench).last(), Some(&"nine"));
    bench.open();
    bench.resume(vec![]);
    assert_eq!(bench.told(), ["restored Kept"]);
    bench.lose();
    bench.pass_until_connecting();
    assert_eq!(hosts(&bench).last(), Some(&"nine"));
}

#[test]
fn nobody_is_sent_around_more_than_three_times_in_an_attempt() {
    let mut bench = Bench::started();
    for node in ["ws://two", "ws://three", "ws://four", "ws://five"] {
        bench.open();
        bench.refuse(sent_on(node));
    }
    assert_eq!(hosts(&bench), ["one", "two", "three", "four"]);
    assert!(bench.link.is_none(), "it waits");
    bench.pass_until_connecting();
    assert_eq!((hosts(&bench).last(), bench.seconds()), (Some(&"one"), 1.0));
}

#[test]
fn where_a_hostile_server_sends_nobody_should_go_nobody_goes() {
    let long = format!("ws://{}", "a".repeat(300));
    for node in [
        "file:///etc/passwd",
        "ws://user:secret@two",
        "ws://two/?token=1",
        "nonsense",
        &long,
    ] {
        let mut bench = Bench::started();
        bench.open();
        bench.refuse(sent_on(node));
        bench.pass_until_connecting();
        assert_eq!((hosts(&bench), bench.seconds()), (vec!["one", "one"], 1.0), "{node}");
    }
    let mut bench = Bench::new(given(&["wss://one"]));
    bench.act(RoomState::start);
    bench.open();
    bench.refuse(sent_on("ws://two"));
    bench.pass_until_connecting();
    assert_eq!(bench.urls, ["wss://one/v1/signal"; 2], "not without TLS");
}
