//! A node that leaves: the client moves while everything stands.

use express_messages::{
    room::{Logout, PublishStream, RequestError, RoomEvent, RoomFactory, RoomPeers},
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
    nodes::{hosts, in_a_cloud, login, node_ok, resume, sent_on},
    words::{options, secs, sequenced, snapshot, stream_id, text, user, users},
};
use crate::protocol::{CustomCommand, Event, Login, LoginOk, NodeLeaving, Request, ServerFrame, WireError};

const NOTHING: [&str; 0] = [];

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
