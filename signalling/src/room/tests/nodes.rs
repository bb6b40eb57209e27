//! A cloud of several nodes: where a client goes when one is away, sends it on, or leaves.

use express_messages::{
    room::{Logout, PublishStream, RequestError, RoomEvent, RoomFactory, RoomOptions, RoomPeers},
    testkit::Recorder,
};

use super::{
    super::{
        Signalling,
        link::LinkError,
        requests::Ticket,
        state::{LinkId, RoomState},
        testing::memory,
    },
    bench::Bench,
    words::{login_ok, options, secs, sequenced, snapshot, stream_id, text, user, users},
};
use crate::protocol::{CustomCommand, Event, Login, LoginOk, NodeLeaving, Request, Resume, ServerFrame, Snapshot, WireError};

const NOTHING: [&str; 0] = [];

fn given(servers: &[&str]) -> RoomOptions {
    RoomOptions {
        servers: servers.iter().map(|server| (*server).into()).collect(),
        ..options()
    }
}

/// What a node says: its session is called `name`, and the others are these.
fn node_ok(name: &str, nodes: &[&str], snapshot: Snapshot) -> LoginOk {
    LoginOk {
        session: name.into(),
        nodes: nodes.iter().map(|node| (*node).into()).collect(),
        ..login_ok(snapshot)
    }
}

/// Logged in at `ws://one` to a room with bob in it; the others are two and three.
fn in_a_cloud() -> Bench {
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

fn hosts(bench: &Bench) -> Vec<&str> {
    let urls = bench.urls.iter();
    let hosts = urls.map(|url| url.trim_end_matches("/v1/signal"));
    hosts.map(|url| url.trim_start_matches("ws://")).collect()
}

fn login(bench: &mut Bench) -> (u64, Login) {
    let frame = bench.request();
    match frame.request {
        Request::Login(login) => (frame.id, login),
        other => panic!("no login: {other:?}"),
    }
}

fn resume(bench: &mut Bench) -> (u64, Resume) {
    let frame = bench.request();
    match frame.request {
        Request::Resume(resume) => (frame.id, resume),
        other => panic!("no resume: {other:?}"),
    }
}

fn sent_on(node: &str) -> WireError {
    WireError::fatal(1002099, "elsewhere").at_node(node)
}

fn leaving(nodes: &[&str]) -> Event {
    Event::NodeLeaving(NodeLeaving {
        nodes: nodes.iter().map(|node| (*node).into()).collect(),
    })
}

fn beside(bench: &Bench) -> LinkId {
    bench.beside.expect("a second link")
}

/// The second link opens; the login on it.
fn open_beside(bench: &mut Bench) -> (u64, Login) {
    let link = beside(bench);
    bench.act(|state, _| state.on_opened(link));
    let frame = bench.beside_sent.pop().expect("a request on the second link");
    match frame.request {
        Request::Login(login) => (frame.id, login),
        other => panic!("no login: {other:?}"),
    }
}

fn on_beside(bench: &mut Bench, frame: &ServerFrame) {
    let link = beside(bench);
    bench.act(|state, now| state.on_text(now, link, &frame.to_text()));
}

/// The second link's node takes the login, and the old node closes the first.
fn take_beside(bench: &mut Bench, id: u64, ok: &LoginOk) {
    on_beside(bench, &ServerFrame::ok(id, ok));
    if bench.beside.is_some() {
        bench.lose();
    }
}

fn close_beside(bench: &mut Bench) {
    let link = beside(bench);
    bench.act(|state, now| state.on_closed(now, link, &LinkError::Gone));
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

// ---- a node that leaves ----

#[test]
fn a_client_moves_while_everything_stands_and_only_differences_are_told() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two", "ws://three"]));
    assert_eq!(hosts(&bench), ["one", "two"]);
    let (id, login) = open_beside(&mut bench);
    assert_eq!((login.moved_from.as_deref(), login.redirected), (Some("s-one"), false));
    // Until it is answered the old node is the one.
    bench.event(2, users("+carol"));
    assert_eq!(bench.told(), ["users +carol"]);
    let ok = node_ok("s-two", &["ws://three"], snapshot(7, &["bob", "dave"], &["s@dave"]));
    take_beside(&mut bench, id, &ok);
    assert_eq!(bench.told(), ["restored Moved", "users -carol", "users +dave", "streams +s"]);
    bench.event(8, users("-bob"));
    assert_eq!(bench.told(), ["users -bob"], "the second link is the one now");
    bench.pass_alive(60);
    assert_eq!((bench.told(), hosts(&bench).len()), (vec![], 2));
}

#[test]
fn a_move_that_changes_nothing_tells_nothing() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two"]));
    let (id, _) = open_beside(&mut bench);
    let ok = node_ok("s-two", &[], snapshot(0, &["bob"], &[]));
    take_beside(&mut bench, id, &ok);
    assert_eq!(bench.told(), ["restored Moved"]);
}

#[test]
fn what_the_old_node_still_sends_is_told_before_what_the_new_one_sends() {
    let texts = |n| {
        Event::CustomCommand(CustomCommand {
            from_user: user("bob"),
            command: format!("text {n}"),
        })
    };
    for closes in [false, true] {
        let mut bench = in_a_cloud();
        bench.event(1, leaving(&["ws://two"]));
        let (id, _) = open_beside(&mut bench);
        let ok = node_ok("s-two", &[], snapshot(0, &["bob"], &[]));
        on_beside(&mut bench, &ServerFrame::ok(id, &ok));
        on_beside(&mut bench, &ServerFrame::Event(sequenced(1, texts(2))));
        assert_eq!(bench.told(), NOTHING);
        bench.event(2, texts(1));
        if closes {
            bench.lose();
        } else {
            bench.pass(secs(0.5));
        }
        let told = bench.told();
        assert_eq!((told.len(), &told[1][..]), (3, "restored Moved"), "{told:?}");
        assert!(told[0].contains("text 1") && told[2].contains("text 2"), "{told:?}");
    }
}

#[test]
fn a_new_node_that_dies_behind_its_answer_is_reconnected_to() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two"]));
    let (id, _) = open_beside(&mut bench);
    on_beside(
        &mut bench,
        &ServerFrame::ok(id, &node_ok("s-two", &[], snapshot(0, &["bob"], &[]))),
    );
    close_beside(&mut bench);
    assert_eq!(bench.told(), ["restored Moved"]);
    bench.sent();
    bench.pass_until_connecting();
    assert_eq!(hosts(&bench), ["one", "two", "two"]);
    bench.open();
    assert_eq!(resume(&mut bench).1.session, "s-two");
}

#[test]
fn a_request_that_is_out_when_the_client_moves_is_answered_and_the_next_goes_to_the_new_node() {
    let mut bench = in_a_cloud();
    let publish = || PublishStream {
        stream_id: stream_id("mine"),
        offer: "offer".into(),
        extra_info: String::new(),
        muted: false,
    };
    bench.act(|state, now| state.publish(now, Ticket(1), publish()));
    bench.event(1, leaving(&["ws://two"]));
    let (id, _) = open_beside(&mut bench);
    bench.sent();
    let ok = node_ok("s-two", &[], snapshot(0, &["bob"], &[]));
    take_beside(&mut bench, id, &ok);
    assert_eq!(bench.answers, [(Ticket(1), Err(RequestError::Disconnected))]);
    bench.act(|state, now| state.publish(now, Ticket(2), publish()));
    assert!(matches!(bench.request().request, Request::Publish(_)));
}

#[test]
fn a_move_goes_from_node_to_node_and_where_none_takes_the_client_it_stays() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two", "ws://three", "ws://four"]));
    close_beside(&mut bench);
    let (id, _) = open_beside(&mut bench);
    on_beside(&mut bench, &ServerFrame::error(id, WireError::fatal(1002034, "full")));
    assert_eq!(hosts(&bench), ["one", "two", "three", "four"]);
    // The last one is silent.
    bench.pass(secs(4.0));
    assert!(bench.beside.is_none());
    bench.event(2, users("+carol"));
    assert_eq!(bench.told(), ["users +carol"]);
    bench.lose();
    bench.pass_until_connecting();
    bench.sent();
    assert_eq!(hosts(&bench).last(), Some(&"two"), "the others come first now");
    bench.open();
    assert_eq!(login(&mut bench).1.moved_from.as_deref(), Some("s-one"));
}

#[test]
fn silent_nodes_hold_a_move_up_for_ten_seconds_in_all() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two", "ws://three", "ws://four", "ws://five"]));
    for _ in 0..10 {
        bench.pass(secs(1.0));
        bench.alive();
    }
    assert_eq!(hosts(&bench), ["one", "two", "three", "four"]);
    assert!(bench.beside.is_none());
    assert_eq!(bench.told(), NOTHING);
}

#[test]
fn a_link_that_is_lost_during_a_move_waits_for_its_end() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two"]));
    let (id, _) = open_beside(&mut bench);
    bench.lose();
    bench.pass(secs(3.0));
    assert_eq!(hosts(&bench), ["one", "two"], "two logins would end each other");
    let ok = node_ok("s-two", &[], snapshot(0, &["bob"], &[]));
    take_beside(&mut bench, id, &ok);
    assert_eq!(bench.told(), ["restored Moved"]);
    bench.pass_alive(30);
    assert_eq!(hosts(&bench), ["one", "two"]);
}

#[test]
fn a_move_is_sent_on_three_times_at_most() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two"]));
    for (node, redirected) in [("ws://a", false), ("ws://b", true), ("ws://c", true), ("ws://d", true)] {
        let (id, login) = open_beside(&mut bench);
        assert_eq!((login.redirected, login.moved_from.as_deref()), (redirected, Some("s-one")));
        on_beside(&mut bench, &ServerFrame::error(id, sent_on(node)));
    }
    assert_eq!(hosts(&bench), ["one", "two", "a", "b", "c"]);
    assert!(bench.beside.is_none());
}

#[test]
fn a_logout_during_a_move_leaves_no_ghost_on_the_other_node() {
    let mut bench = in_a_cloud();
    bench.event(1, leaving(&["ws://two"]));
    open_beside(&mut bench);
    bench.act(RoomState::logout);
    bench.pass(secs(1.0));
    assert!(bench.ended && bench.beside.is_none());
    assert!(matches!(bench.beside_sent.pop().unwrap().request, Request::Logout(_)));
    assert_eq!(bench.told(), ["LOGOUT 0"]);
}

#[test]
fn a_leaving_node_that_names_nobody_usable_is_stayed_with() {
    for nodes in [&[][..], &["ws://one"], &["ftp://two", "ws://u@three"]] {
        let mut bench = in_a_cloud();
        bench.event(1, leaving(nodes));
        assert!(bench.beside.is_none(), "{nodes:?}");
        bench.pass_alive(20);
        assert_eq!(bench.told(), NOTHING);
    }
}

// ---- the actor ----

#[actix::test]
async fn the_second_link_becomes_the_one_and_the_first_is_hung_up() {
    tokio::time::pause();
    let (connector, mut server) = memory();
    let (owner, told) = Recorder::<RoomEvent>::start();
    let rooms = Signalling::with_connector(connector).seeded(3);
    let link = rooms.start(options(), owner, RoomPeers::default());
    let mut one = server.next().await.unwrap().accept().await;
    let login = one.next().await.unwrap();
    one.reply(login.id, &node_ok("s-one", &[], snapshot(0, &["bob"], &[]))).await;
    one.event(1, leaving(&["ws://two"])).await;
    let mut two = server.next().await.unwrap().accept().await;
    let login = two.next().await.unwrap();
    assert!(!one.is_hung_up());
    two.reply(login.id, &node_ok("s-two", &[], snapshot(0, &["bob"], &[]))).await;
    two.event(1, users("+carol")).await;
    tokio::time::sleep(secs(0.6)).await;
    assert!(one.is_hung_up() && !two.is_hung_up());
    let told: Vec<String> = told.take().iter().map(text).collect();
    assert_eq!(
        told,
        ["LOGINING 0", "LOGINED 0", "users +bob", "restored Moved", "users +carol"]
    );
    link.logout.do_send(Logout);
    assert!(matches!(two.next().await.unwrap().request, Request::Logout(_)));
}
