//! What nodes that did not hear each other for a while find out about their users.

use express_messages::codes;
use express_messages::types::{StreamDeleteReason, ZegoStream, ZegoUser};

use super::cloud_world::*;
use super::words::*;
use super::world::*;
use crate::rooms::admin::{AdminOrder, CloseRoom, Order};
use crate::rooms::cloud::{Member, News, RemoteStream};

/// Alice has logged in on another node, so much later or earlier than here.
fn alice_elsewhere(cloud: &CloudWorld, ahead_ms: i64) -> News {
    let user_id = super::kick::user("alice");
    let member = Member {
        user: ZegoUser {
            user_name: "alice".into(),
            user_id,
        },
        login_ms: cloud.nodes[0].at().unix_ms.saturating_add_signed(ahead_ms),
    };
    News::UserCame((APP, room("r")), member)
}

fn remote(id: &str, epoch: u64) -> RemoteStream {
    let listed = ZegoStream {
        stream_id: stream(id),
        user: ZegoUser {
            user_name: "carol".into(),
            user_id: super::kick::user("carol"),
        },
        extra_info: String::new(),
    };
    RemoteStream {
        listed: listed.into(),
        created_ms: 1,
        epoch,
    }
}

#[test]
fn of_two_sessions_of_a_user_the_later_stays_though_the_letter_that_says_so_was_lost() {
    for (ahead_ms, closed) in [(5, Some(1000)), (-5, None)] {
        let mut cloud = CloudWorld::new(2);
        let alice = cloud.login(0, "alice", "r");
        let news = alice_elsewhere(&cloud, ahead_ms);
        cloud.tell(0, news);
        assert_eq!(cloud.nodes[0].closed(alice.connection), None, "she may be about to move");
        cloud.pass_s(4);
        assert_eq!(cloud.nodes[0].closed(alice.connection), closed);
        cloud.check();
    }
}

#[test]
fn a_client_that_did_not_move_hears_that_its_stream_is_published_by_another_one_of_its_user() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    cloud.news(0, &alice);
    let lost = News::ClaimLost {
        stream: (APP, stream("s")),
        moved_to: Some(name(1)),
    };
    cloud.tell(0, lost);
    let ended = format!("ended s:publish:{}", codes::PUBLISHER_DUPLICATE_STREAMID);
    assert_eq!(cloud.news(0, &alice), [ended]);
}

#[test]
fn who_was_in_a_room_that_is_closed_does_not_come_back_to_it_on_a_node_that_did_not_have_it() {
    let mut cloud = CloudWorld::new(3);
    let _ = cloud.login(0, "alice", "r");
    let bob = cloud.login(1, "bob", "r");
    let old = cloud.nodes[2].login_request("bob", "r");
    let close = CloseRoom {
        room_id: room("r"),
        reason: "over".into(),
        tell_business: false,
    };
    cloud.nodes[0].admin(close).unwrap();
    cloud.settle();
    assert_eq!(cloud.nodes[1].closed(bob.connection), Some(1000));
    for node in [2, 0, 1] {
        assert_eq!(
            cloud.login_with(node, old.clone()).unwrap_err().code,
            codes::FORBID_BLACK_USER,
            "node {node}"
        );
    }
    cloud.check();
}

#[test]
fn whom_a_room_is_closed_for_late_does_not_come_back_anywhere_with_an_older_token() {
    let mut cloud = CloudWorld::new(2);
    let bob = cloud.login(0, "bob", "r");
    let old = [0, 1].map(|node: usize| cloud.nodes[node].login_request("bob", "r"));
    let at_ms = cloud.nodes[0].at().unix_ms;
    let closed = AdminOrder {
        app_id: APP,
        at_ms,
        until_ms: at_ms + 3_600_000,
        order: Order::Close {
            room_id: room("r"),
            reason: "over".into(),
            tell_business: false,
        },
    };
    cloud.tell(0, News::OrderKept(closed));
    cloud.settle();
    assert_eq!(cloud.nodes[0].closed(bob.connection), Some(1000));
    for (node, request) in old.into_iter().enumerate() {
        let refused = cloud.login_with(node, request).unwrap_err();
        assert_eq!(refused.code, codes::FORBID_BLACK_USER, "node {node}");
    }
    cloud.check();
}

#[test]
fn of_one_stream_id_in_two_rooms_the_higher_claim_is_seen_and_the_other_is_not_forgotten() {
    for (epochs, seen) in [((5, 4), "r"), ((4, 5), "q")] {
        let mut cloud = CloudWorld::new(3);
        let _ = (cloud.login(0, "alice", "r"), cloud.login(0, "bob", "q"));
        let there = |cloud: &CloudWorld| ["r", "q"].map(|room| cloud.nodes[0].state.streams_in(APP, room).len());
        for (id, node, epoch) in [("r", 1, epochs.0), ("q", 2, epochs.1)] {
            let remote = remote("s", epoch);
            cloud.tell(0, News::StreamIs((APP, room(id)), name(node), remote));
        }
        assert_eq!(there(&cloud), if seen == "r" { [1, 0] } else { [0, 1] });
        let gone = News::StreamLeft((APP, room(seen)), stream("s"), StreamDeleteReason::Stopped);
        cloud.tell(0, gone);
        assert_eq!(there(&cloud), if seen == "r" { [0, 1] } else { [1, 0] }, "it is there still");
    }
}

#[test]
fn a_stream_that_moves_with_its_user_ends_nothing() {
    let mut cloud = CloudWorld::new(2);
    let alice = cloud.login(0, "alice", "r");
    cloud.publish(0, alice.connection, "s");
    cloud.news(0, &alice);
    cloud.pass_s(1);
    let moved = cloud.move_to(1, "alice", "r", &alice);
    assert_eq!(cloud.code(1, moved.connection, publish("s")), 0);
    assert!(cloud.news(0, &alice).is_empty(), "its client knows");
}
