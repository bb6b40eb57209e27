//! Streams of a room over several nodes: who may publish what, and how it comes to who plays it.

use express_messages::codes;
use express_signalling::protocol::Logout;

use super::cloud_world::*;
use super::hosted::created;
use super::words::*;
use super::world::*;
use crate::forwarder::{ForwarderEvent, GoneReason, ListenerSummary, PeerId, PublisherLeg, Uplink};
use crate::rooms::HostFault;
use crate::rooms::cloud::{Fact, News, Wish};

fn relays(cloud: &CloudWorld, node: usize) -> (usize, usize) {
    (cloud.nodes[node].relays_in.len(), cloud.nodes[node].relays_out.len())
}

fn asked(cloud: &CloudWorld) -> Vec<u32> {
    let asked = cloud.wished.iter().filter_map(|(_, wish)| match wish {
        Wish::AskRelay { loudest, .. } => Some(*loudest),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_stream_is_seen_muted_and_over_on_every_node() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    cloud.publish(0, alice.connection, "s");
    assert_eq!(cloud.news(1, &bob), ["+s"]);
    assert_eq!(cloud.code(0, alice.connection, mute("s", true)), 0);
    assert_eq!(cloud.code(0, alice.connection, set_info("s", "text")), 0);
    assert_eq!(cloud.news(1, &bob), ["mic s:true", "info s:text"]);
    let carol = cloud.login(1, "carol", "r");
    assert!(carol.ok.snapshot.streams[0].muted);
    cloud.check();
    let _ = cloud.ask(0, alice.connection, unpublish("s")).unwrap();
    assert_eq!(cloud.news(1, &carol), ["-s:1"]);
    assert_eq!(cloud.nodes[1].state.counters().streams, 0);
    cloud.check();
}

#[test]
fn one_relay_serves_all_players_of_a_node_and_ends_a_while_behind_the_last() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    let carol = cloud.login(1, "carol", "r");
    assert_eq!(relays(&cloud, 1), (0, 0), "nobody listens");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    assert_eq!(cloud.code(1, carol.connection, play("s")), 0);
    assert_eq!((relays(&cloud, 0), relays(&cloud, 1)), ((0, 1), (1, 0)));
    assert!(
        cloud.nodes[1].relays_in.values().all(Option::is_some),
        "where it comes from is known"
    );
    cloud.check();
    let _ = cloud.ask(1, bob.connection, stop_play("s")).unwrap();
    cloud.pass_s(10);
    assert_eq!(relays(&cloud, 1), (1, 0), "carol listens");
    let _ = cloud.ask(1, carol.connection, stop_play("s")).unwrap();
    cloud.pass_s(4);
    assert_eq!(cloud.code(1, carol.connection, play("s")), 0);
    cloud.pass_s(4);
    assert_eq!(
        (relays(&cloud, 1), asked(&cloud).len()),
        ((1, 0), 1),
        "the same relay served again"
    );
    let _ = cloud.ask(1, carol.connection, stop_play("s")).unwrap();
    cloud.pass_s(6);
    assert_eq!(relays(&cloud, 1), (0, 0));
    cloud.check();
}

#[test]
fn a_relay_is_tried_again_while_somebody_listens() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    cloud.no_relays = true;
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    cloud.pass_s(8);
    assert_eq!(asked(&cloud).len(), 4, "at once, after 1, 2 and 4 seconds");
    cloud.no_relays = false;
    cloud.pass_s(5);
    assert_eq!(relays(&cloud, 1), (1, 0));
    let peer = *cloud.nodes[1].relays_in.keys().next().unwrap();
    cloud.nodes[1].gone(peer, GoneReason::ConsentLost);
    cloud.pass_s(2);
    assert_eq!(relays(&cloud, 1), (1, 0), "one that was lost is replaced");
    let _ = cloud.ask(1, bob.connection, Logout {}).unwrap();
    cloud.pass_s(10);
    assert_eq!(relays(&cloud, 1), (0, 0));
    cloud.check();
}

#[test]
fn a_stream_that_is_published_anew_where_it_was_is_fetched_anew() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    let told = cloud.wished.iter().rev().find_map(|(_, wish)| match wish {
        Wish::Tell(room, Fact::StreamIs(stream)) => Some((room.clone(), stream.clone())),
        _ => None,
    });
    let (room, mut settled) = told.unwrap();
    settled.epoch += 1;
    cloud.tell(1, News::StreamIs(room.clone(), name(0), settled.clone()));
    cloud.settle();
    assert_eq!(asked(&cloud), [0], "its claim alone is another");
    // The node has crashed and is there again, and so is alice.
    settled.created_ms += 5_000;
    cloud.tell(1, News::StreamIs(room, name(0), settled));
    cloud.settle();
    assert_eq!(asked(&cloud), [0, 0]);
    assert!(cloud.news(1, &bob).is_empty(), "nobody is told");
    assert_eq!(relays(&cloud, 1), (1, 0), "the new one took the old one's place");
}

#[test]
fn a_relay_brings_what_its_players_want_to_hear() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let (bob, carol) = (cloud.login(1, "bob", "r"), cloud.login(1, "carol", "r"));
    let loudest = |loudest| express_signalling::protocol::Play {
        loudest: Some(loudest),
        ..play("s")
    };
    assert_eq!(cloud.code(1, bob.connection, loudest(3)), 0);
    assert_eq!(cloud.code(1, carol.connection, loudest(2)), 0);
    assert_eq!(asked(&cloud), [3]);
    assert_eq!(cloud.code(1, carol.connection, loudest(0)), 0);
    assert_eq!(asked(&cloud), [3, 0]);
    assert_eq!(
        (relays(&cloud, 0), relays(&cloud, 1)),
        ((0, 1), (1, 0)),
        "the new one took the old one's place"
    );
    cloud.check();
}

#[test]
fn a_stream_id_is_one_users_in_the_whole_cloud() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(
        cloud.code(1, bob.connection, publish("s")),
        codes::PUBLISHER_DUPLICATE_STREAMID
    );
    let carol = cloud.login(1, "carol", "other");
    assert_eq!(
        cloud.code(1, carol.connection, publish("s")),
        codes::PUBLISHER_DUPLICATE_STREAMID,
        "also where the stream is not seen"
    );
    let _ = cloud.ask(0, alice.connection, unpublish("s")).unwrap();
    assert_eq!(cloud.code(1, carol.connection, publish("s")), 0);
    cloud.check();
}

#[test]
fn a_claim_that_nobody_wants_any_more_is_given_back() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    cloud.hold = true;
    let first = cloud.nodes[0].send(alice.connection, publish("s"));
    let second = cloud.nodes[0].send(alice.connection, publish("s"));
    let answer = cloud.nodes[0].answer::<express_signalling::protocol::Publish>(alice.connection, first);
    assert_eq!(
        answer.unwrap().unwrap_err().code,
        codes::PUBLISHER_INNER_ERROR,
        "the newer one counts"
    );
    let _ = cloud.nodes[0].ask(alice.connection, unpublish("s")).unwrap();
    let answer = cloud.nodes[0].answer::<express_signalling::protocol::Publish>(alice.connection, second);
    assert_eq!(answer.unwrap().unwrap_err().code, codes::PUBLISHER_INNER_ERROR);
    cloud.release();
    assert_eq!(cloud.code(1, bob.connection, publish("s")), 0);
    cloud.check();
}

#[test]
fn a_claim_that_is_not_answered_is_refused_for_now() {
    let mut cloud = CloudWorld::new(1);
    let alice = cloud.login(0, "alice", "r");
    cloud.hold = true;
    let id = cloud.nodes[0].send(alice.connection, publish("s"));
    cloud.nodes[0].pass_s(10);
    let answer = cloud.nodes[0].answer::<express_signalling::protocol::Publish>(alice.connection, id);
    assert!(answer.unwrap().unwrap_err().retry.is_some());
    cloud.release();
    assert!(
        matches!(cloud.wished.last(), Some((0, Wish::Release(..)))),
        "{:?}",
        cloud.wished.last()
    );
}

#[test]
fn who_publishes_without_a_claim_that_was_settled_gives_way_to_who_has_it() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    let peer = cloud.publish(0, alice.connection, "s");
    let lost = News::ClaimLost {
        stream: (APP, stream("s")),
        moved_to: None,
    };
    cloud.tell(0, lost);
    cloud.settle();
    assert_eq!(
        cloud.news(0, &alice),
        [format!("ended s:publish:{}", codes::PUBLISHER_DUPLICATE_STREAMID)]
    );
    assert!(!cloud.nodes[0].media_peers().contains(&peer));
    cloud.check();
}

#[test]
fn users_without_a_socket_publish_and_play_across_nodes() {
    let mut cloud = CloudWorld::new(2);
    assert!(
        cloud.nodes[0].host("alice", "r", "s", true).is_none(),
        "the room and the streamID are asked for"
    );
    cloud.settle();
    let (_, outcome) = cloud.nodes[0].hosted.pop().unwrap();
    created(Some(outcome));
    let peer = cloud.nodes[0].last_peer();
    cloud.connected(0, peer);
    assert!(cloud.nodes[1].host("bob", "r", "s", false).is_none());
    cloud.settle();
    let (_, outcome) = cloud.nodes[1].hosted.pop().unwrap();
    let (resource, _) = created(Some(outcome));
    assert_eq!((relays(&cloud, 0), relays(&cloud, 1)), ((0, 1), (1, 0)));
    cloud.check();
    assert!(
        cloud.nodes[1]
            .host("carol", "r", "s", true)
            .is_some_and(|outcome| outcome.unwrap_err().fault == HostFault::Taken)
    );
    cloud.settle();
    let _ = cloud.nodes[1].delete(&resource, "bob").unwrap();
    cloud.settle();
    assert_eq!((relays(&cloud, 1), cloud.nodes[1].state.counters().rooms), ((0, 0), 0));
    cloud.check();
}

#[test]
fn what_listeners_elsewhere_hear_reaches_the_publisher() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    let player = cloud.nodes[1].media_peers().into_iter().next_back().unwrap();
    let (key, _) = cloud.nodes[1].peers[&player];
    let summary = ListenerSummary {
        listeners: 1,
        reporting: 1,
        ..ListenerSummary::default()
    };
    let heard = ForwarderEvent::ListenersHeard {
        stream: key,
        shard: 5,
        summary,
    };
    let node = &mut cloud.nodes[1];
    let effects = node.state.on_media(node.at(), heard);
    node.carry_out(effects);
    cloud.settle();
    cloud.pass_s(1);
    let notices = cloud.nodes[0].notices(alice.connection);
    assert!(
        matches!(notices.as_slice(), [express_signalling::protocol::Notice::ListenerReport(report)] if report.streams[0].listeners == 1)
    );
}

#[test]
fn what_a_relay_measures_is_not_told_as_the_publishers_own() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    let bob = cloud.login(1, "bob", "r");
    assert_eq!(cloud.code(1, bob.connection, play("s")), 0);
    let measure = |cloud: &mut CloudWorld, node: usize, loss_permille: u32| {
        let peer = cloud.nodes[node].media_peers().into_iter().next_back().unwrap();
        let (stream, _) = cloud.nodes[node].peers[&peer];
        let leg = PublisherLeg {
            round_trip_ms: Some(40),
            loss_permille,
            jitter_ms: 5,
        };
        let uplink = Uplink {
            loss_permille,
            burst_tenths: None,
        };
        let events = [
            ForwarderEvent::PublisherMeasured { stream, leg },
            ForwarderEvent::UplinkMeasured { stream, uplink },
        ];
        for event in events {
            let world = &mut cloud.nodes[node];
            let effects = world.state.on_media(world.at(), event);
            world.carry_out(effects);
            cloud.settle();
        }
        cloud.pass_s(1);
    };
    measure(&mut cloud, 1, 900);
    assert!(
        cloud.nodes[1].notices(bob.connection).is_empty(),
        "of the way between the nodes"
    );
    measure(&mut cloud, 0, 100);
    let notices = cloud.nodes[1].notices(bob.connection);
    assert!(
        matches!(notices.as_slice(), [express_signalling::protocol::Notice::PublisherReport(report)] if (report.streams[0].loss - 0.1).abs() < 1e-9),
        "{notices:?}"
    );
    measure(&mut cloud, 1, 900);
    assert!(cloud.nodes[1].notices(bob.connection).is_empty());
}

#[test]
fn a_relay_for_a_stream_that_is_not_here_is_refused() {
    let mut cloud = CloudWorld::new(2);
    let _ = cloud.login(0, "alice", "r");
    let wanted = News::RelayWanted {
        question: crate::rooms::cloud::Question(7),
        node: name(1),
        stream: (APP, stream("s")),
        terms: terms(1),
        loudest: 0,
    };
    cloud.hold = true;
    cloud.tell(0, wanted);
    cloud.settle();
    let refused = Wish::AnswerRelay(
        crate::rooms::cloud::Question(7),
        Err(crate::rooms::cloud::RelayRefusal::NotHere),
    );
    assert_eq!(cloud.wished.last(), Some(&(0, refused)));
    assert!(cloud.nodes[0].relays_out.is_empty());
    assert_eq!(cloud.nodes[0].last_peer(), PeerId(0));
}
