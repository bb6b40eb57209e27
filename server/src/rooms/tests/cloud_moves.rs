//! Users who go from one node to another: because theirs stops, because it is gone, or just so.

use express_messages::codes;
use express_signalling::protocol::Heartbeat;

use super::cloud_world::*;
use super::words::*;
use super::world::*;
use crate::forwarder::PeerId;
use crate::rooms::cloud::Wish;

/// A speaker on node 0, listeners on nodes 0 and 2.
fn call() -> (CloudWorld, Client, PeerId, Client, Client) {
    let mut cloud = CloudWorld::new(3);
    let speaker = cloud.login(0, "alice", "r");
    let media = cloud.publish(0, speaker.connection, "s");
    let (near, far) = (cloud.login(0, "bob", "r"), cloud.login(2, "carol", "r"));
    assert_eq!(cloud.code(0, near.connection, play("s")), 0);
    assert_eq!(cloud.code(2, far.connection, play("s")), 0);
    for (node, client) in [(0, &speaker), (0, &near), (2, &far)] {
        cloud.news(node, client);
    }
    (cloud, speaker, media, near, far)
}

#[test]
fn a_user_moves_and_nobody_notices() {
    let (mut cloud, speaker, media, near, far) = call();
    cloud.pass_s(1);
    let moved = cloud.move_to(1, "alice", "r", &speaker);
    assert_eq!(moved.ok.online_count, 3);
    assert_eq!(cloud.users_seen(1, &moved), ["bob", "carol"]);
    assert!(cloud.news(0, &speaker).is_empty(), "the old socket hears nothing");
    assert_eq!(cloud.nodes[0].closed(speaker.connection), None);
    // The new media is asked for, and the old goes on until the new one is there.
    assert_eq!(cloud.code(1, moved.connection, publish("s")), 0);
    assert!(cloud.nodes[0].media_peers().contains(&media));
    cloud.check();
    let peer = cloud.nodes[1].last_peer();
    cloud.connected(1, peer);
    cloud.pass_s(2);
    assert!(!cloud.nodes[0].media_peers().contains(&media), "it comes by relay now");
    assert_eq!((cloud.nodes[0].relays_in.len(), cloud.nodes[0].relays_out.len()), (1, 0));
    assert_eq!((cloud.nodes[2].relays_in.len(), cloud.nodes[1].relays_out.len()), (1, 2));
    cloud.check();
    cloud.nodes[0].close(speaker.connection);
    cloud.pass_s(20);
    for (node, client) in [(0, &near), (2, &far)] {
        assert_eq!(cloud.users_seen(node, client).len(), 2);
        assert!(cloud.news(node, client).is_empty());
    }
    assert_eq!(cloud.nodes[0].state.counters().sessions, 1, "the old session is over");
    cloud.check();
    // The stream is as any other, on its new node.
    assert_eq!(cloud.code(1, moved.connection, mute("s", true)), 0);
    assert_eq!(cloud.news(0, &near), ["mic s:true"]);
    let _ = cloud.ask(1, moved.connection, unpublish("s")).unwrap();
    let ended = format!("ended s:play:{}", codes::PLAYER_STREAM_INTERRUPTED);
    assert_eq!(cloud.news(2, &far), ["mic s:true".to_owned(), "-s:1".to_owned(), ended]);
    cloud.check();
}

#[test]
fn what_a_user_who_moved_does_not_take_along_ends_in_time() {
    let (mut cloud, speaker, media, near, far) = call();
    cloud.pass_s(1);
    let _ = cloud.move_to(1, "alice", "r", &speaker);
    cloud.pass_s(14);
    assert!(cloud.nodes[0].media_peers().contains(&media) && cloud.news(0, &near).is_empty());
    cloud.pass_s(2);
    assert!(!cloud.nodes[0].media_peers().contains(&media));
    assert_eq!(cloud.news(2, &far)[0], "-s:3");
    assert_eq!(cloud.users_seen(0, &near), ["alice", "carol"]);
    assert!(cloud.nodes[0].closed(speaker.connection).is_some() && cloud.news(0, &speaker).is_empty());
    cloud.check();
}

#[test]
fn a_stream_that_moves_and_is_not_seen_on_its_new_node_ends() {
    let (mut cloud, speaker, _, near, far) = call();
    cloud.pass_s(1);
    let moved = cloud.move_to(1, "alice", "r", &speaker);
    assert_eq!(cloud.code(1, moved.connection, publish("s")), 0);
    // Its media never connects.
    cloud.pass_s(16);
    cloud.check();
    assert_eq!(cloud.news(0, &near)[0], "-s:3");
    let peer = cloud.nodes[1].last_peer();
    cloud.nodes[1].gone(peer, crate::forwarder::GoneReason::NeverConnected);
    cloud.settle();
    for _ in 0..30 {
        let _ = cloud.ask(1, moved.connection, Heartbeat {}).unwrap();
        cloud.pass_s(1);
    }
    assert_eq!(cloud.news(2, &far)[0], "-s:3");
    assert!((0..3).all(|node| cloud.nodes[node].state.counters().streams == 0));
    cloud.check();
}

#[test]
fn a_user_whose_node_is_gone_is_back_on_another_and_nobody_sees_it() {
    let mut cloud = CloudWorld::new(2);
    let speaker = cloud.login(0, "alice", "r");
    cloud.publish(0, speaker.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    cloud.pass_s(1);
    cloud.kill(0);
    let moved = cloud.move_to(1, "alice", "r", &speaker);
    cloud.publish(1, moved.connection, "s");
    cloud.bury(0);
    cloud.pass_s(11);
    assert!(cloud.news(1, &bob).is_empty());
    assert_eq!(cloud.users_seen(1, &bob), ["alice"]);
    assert!(cloud.nodes[1].relays_in.is_empty(), "it is published here");
    cloud.check();
}

#[test]
fn a_user_whose_node_is_gone_and_who_does_not_come_back_is_gone_too() {
    let mut cloud = CloudWorld::new(2);
    let speaker = cloud.login(0, "alice", "r");
    cloud.publish(0, speaker.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    cloud.kill(0);
    assert!(cloud.news(1, &bob).is_empty());
    cloud.bury(0);
    let ended = format!("ended s:play:{}", codes::PLAYER_STREAM_INTERRUPTED);
    assert_eq!(cloud.news(1, &bob), ["-s:2".to_owned(), ended, "-alice".to_owned()]);
    assert_eq!(cloud.ask(1, bob.connection, Heartbeat {}).unwrap().online_count, 1);
    cloud.check();
}

#[test]
fn a_node_that_stops_tells_its_clients_where_to_go_and_takes_no_new_ones() {
    let mut cloud = CloudWorld::new(3);
    let mut clients = Vec::new();
    for number in 0..60 {
        clients.push(cloud.login(0, &format!("u{number}"), "r"));
        cloud.pass_s(1);
    }
    for client in &clients {
        cloud.news(0, client);
    }
    let effects = cloud.nodes[0].state.drain();
    cloud.nodes[0].carry_out(effects);
    cloud.settle();
    assert!(cloud.wished.contains(&(0, Wish::Leave)));
    cloud.nodes[0].pass(std::time::Duration::from_millis(50));
    let said = format!("leaves for {} {}", url(1), url(2));
    let told = |cloud: &mut CloudWorld| {
        clients
            .iter()
            .filter(|client| cloud.news(0, client) == [said.clone()])
            .count()
    };
    assert_eq!(told(&mut cloud), 50, "not all of them at once");
    cloud.nodes[0].pass_s(1);
    assert_eq!(told(&mut cloud), 10);
    let late = cloud.nodes[0].login_request("late", "r");
    let error = cloud.login_with(0, late).unwrap_err();
    assert_eq!(error.node, Some(url(1)));
    let _ = cloud.ask(0, clients[0].connection, Heartbeat {}).unwrap();
    assert!(cloud.nodes[0].resume(&clients[1], 0).1.is_ok(), "who is in stays until then");
    let effects = cloud.nodes[0].state.drain_now();
    cloud.nodes[0].carry_out(effects);
    assert_eq!(cloud.nodes[0].closed(clients[0].connection), Some(1012));
    cloud.check();
}

#[test]
fn a_move_to_the_same_node_is_a_login_whose_old_socket_hears_nothing() {
    let mut cloud = CloudWorld::new(1);
    let alice = cloud.login(0, "alice", "r");
    let bob = cloud.login(0, "bob", "r");
    let again = cloud.move_to(0, "alice", "r", &alice);
    assert!(cloud.news(0, &alice).iter().all(|news| news == "+bob"));
    assert!(cloud.news(0, &bob).is_empty() && cloud.news(0, &again).is_empty());
    cloud.check();
}

#[test]
fn nobody_quietens_the_session_of_somebody_else() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.pass_s(1);
    let _ = cloud.move_to(1, "mallory", "r", &alice);
    let _ = cloud.move_to(0, "mallet", "r", &alice);
    assert_eq!(cloud.news(0, &alice), ["+mallory", "+mallet"]);
    cloud.check();
}

#[test]
fn who_did_not_hear_that_its_move_came_about_logs_in_once_more_and_is_told_all_that_happens() {
    let (mut cloud, speaker, _, near, far) = call();
    cloud.nodes[0].close(speaker.connection);
    cloud.pass_s(1);
    let unheard = cloud.move_to(1, "alice", "r", &speaker);
    let (_, resumed) = cloud.nodes[0].resume(&speaker, 0);
    assert_eq!(resumed.unwrap_err().code, codes::NETWORK_RECOVERY);
    cloud.settle();
    let again = cloud.move_to(0, "alice", "r", &speaker);
    assert_eq!(cloud.nodes[1].closed(unheard.connection), Some(1000));
    for (node, client) in [(0, &near), (2, &far)] {
        let news = cloud.news(node, client);
        assert!(
            !news.iter().any(|news| news.contains("alice")),
            "nobody sees her go: {news:?}"
        );
    }
    cloud.news(0, &again);
    let _ = cloud.login(2, "dave", "r");
    assert_eq!(cloud.news(0, &again), ["+dave"]);
    cloud.pass_s(20);
    assert_eq!(cloud.nodes[0].closed(again.connection), None);
    cloud.check();
}

#[test]
fn a_stream_that_is_taken_over_and_never_gets_media_ends_on_all_nodes_alike() {
    let (mut cloud, speaker, ..) = call();
    cloud.pass_s(1);
    let moved = cloud.move_to(1, "alice", "r", &speaker);
    assert_eq!(cloud.code(1, moved.connection, publish("s")), 0);
    let shown = |cloud: &CloudWorld| [0, 1, 2].map(|node: usize| cloud.nodes[node].state.streams_in(APP, "r").len());
    assert_eq!(shown(&cloud), [1, 1, 1], "nobody notices that it moves");
    cloud.nodes[1].close(moved.connection);
    cloud.pass_s(20);
    assert_eq!(shown(&cloud), [0, 0, 0]);
    cloud.check();
}
