//! Texts in a room over several nodes.

use express_messages::codes;
use express_messages::stats::QualityGrade;
use express_signalling::protocol::{Notice, ReportQuality, SendBroadcastMessage};

use super::cloud_world::*;
use super::words::*;
use super::world::*;
use crate::rooms::admin::ServerCommand;

fn three() -> (CloudWorld, [Client; 3]) {
    let mut cloud = CloudWorld::new(2);
    let clients = [(0, "alice"), (1, "bob"), (1, "carol")].map(|(node, user)| cloud.login(node, user, "r"));
    for (client, node) in clients.iter().zip([0, 1, 1]) {
        cloud.news(node, client);
    }
    (cloud, clients)
}

#[test]
fn texts_are_heard_in_one_order_on_all_nodes_and_answered_with_their_numbers() {
    let (mut cloud, [alice, bob, carol]) = three();
    cloud.hold = true;
    let first = cloud.nodes[1].send(bob.connection, broadcast("one"));
    cloud.settle();
    let second = cloud.nodes[0].send(alice.connection, broadcast("two"));
    let early = cloud.nodes[1].answer::<SendBroadcastMessage>(bob.connection, first);
    assert!(early.is_none(), "not said yet");
    cloud.release();
    let mut id = |node: usize, client: &Client, request| {
        let answer = cloud.nodes[node].answer::<SendBroadcastMessage>(client.connection, request);
        answer.unwrap().unwrap().message_id
    };
    assert_eq!((id(1, &bob, first), id(0, &alice, second)), (1, 2));
    assert_eq!(cloud.news(1, &carol), ["bob to all: one", "alice to all: two"]);
    assert_eq!(cloud.news(0, &alice), ["bob to all: one"]);
    assert_eq!(cloud.news(1, &bob), ["alice to all: two"]);
}

#[test]
fn a_text_that_is_not_said_is_refused_and_one_whose_socket_is_gone_is_forgotten() {
    let (mut cloud, [alice, bob, _]) = three();
    cloud.hold = true;
    let id = cloud.nodes[0].send(alice.connection, broadcast("one"));
    let _ = cloud.nodes[1].send(bob.connection, broadcast("two"));
    cloud.nodes[1].close(bob.connection);
    cloud.nodes[0].pass_s(10);
    let error = cloud.nodes[0]
        .answer::<SendBroadcastMessage>(alice.connection, id)
        .unwrap()
        .unwrap_err();
    assert_eq!((error.code, error.retry.is_some()), (codes::IM_SEND_FAIL, true));
    cloud.release();
    cloud.check();
}

#[test]
fn the_extra_info_of_a_room_is_the_same_on_all_nodes() {
    let (mut cloud, [alice, bob, carol]) = three();
    assert_eq!(cloud.code(0, alice.connection, set_room_info("key", "one")), 0);
    assert_eq!(cloud.news(1, &bob), ["alice set key=one"]);
    assert_eq!(
        cloud.code(1, bob.connection, set_room_info("other", "two")),
        codes::ROOM_EXTRA_INFO_KEYS_EXCEED
    );
    assert_eq!(cloud.code(1, bob.connection, set_room_info("key", "two")), 0);
    assert_eq!(
        (cloud.news(0, &alice), cloud.news(1, &carol).len()),
        (vec!["bob set key=two".to_owned()], 2)
    );
    let late = cloud.login(0, "late", "r");
    assert_eq!(late.ok.snapshot.extra_infos[0].value, "two");
}

#[test]
fn commands_reach_their_users_wherever_they_are() {
    let (mut cloud, [alice, bob, carol]) = three();
    let sent = cloud.ask(0, alice.connection, command("hey", &["carol", "nobody"])).unwrap();
    assert_eq!(sent.absent, [super::kick::user("nobody")]);
    assert_eq!(
        (cloud.news(1, &bob), cloud.news(1, &carol)),
        (vec![], vec!["alice: hey".to_owned()])
    );
    let _ = cloud.ask(1, bob.connection, command("all", &[])).unwrap();
    assert_eq!(cloud.news(0, &alice), ["bob: all"]);
    assert_eq!(
        (cloud.news(1, &bob), cloud.news(1, &carol)),
        (vec![], vec!["bob: all".to_owned()])
    );
    assert_eq!(
        cloud.code(0, alice.connection, command("hey", &["nobody"])),
        codes::IM_SEND_FAIL
    );
}

#[test]
fn barrages_and_qualities_cross_as_notices() {
    let (mut cloud, [alice, bob, _]) = three();
    cloud.publish(0, alice.connection, "s");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    let sent = cloud.ask(0, alice.connection, barrage("hello")).unwrap();
    assert!(sent.message_id.starts_with("a-"), "{}", sent.message_id);
    let report = ReportQuality {
        up: QualityGrade::Good,
        down: QualityGrade::Bad,
    };
    let _ = cloud.ask(0, alice.connection, report).unwrap();
    cloud.pass_s(1);
    let notices = cloud.nodes[1].notices(bob.connection);
    let barrages = notices
        .iter()
        .filter(|notice| matches!(notice, Notice::BarrageMessage(_)))
        .count();
    let users = notices.iter().filter_map(|notice| match notice {
        Notice::NetworkQuality(quality) => Some(quality.users.iter().map(|user| user.user_id.to_string()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!((barrages, users.collect::<Vec<_>>()), (1, vec![vec!["alice".to_owned()]]));
    cloud.check();
}

#[test]
fn commands_of_the_server_api_reach_all_nodes() {
    let (mut cloud, [alice, bob, _]) = three();
    let command = ServerCommand {
        room_id: room("r"),
        from_user: super::kick::user("server"),
        to_users: vec![super::kick::user("bob")],
        command: "do".into(),
    };
    assert!(cloud.nodes[0].admin(command).unwrap().is_empty());
    cloud.settle();
    assert!(cloud.news(0, &alice).is_empty());
    assert_eq!(cloud.news(1, &bob), ["server: do"]);
}
