//! Many nodes at a time, and users who have been on several.

use super::*;

#[test]
fn a_room_that_forty_nodes_open_at_the_same_moment_is_one_room() {
    let mut sim = nodes(11, 40, SimOptions::default());
    for node in 0..40 {
        open(&mut sim, node);
    }
    sim.run_for(3 * SECOND);
    for node in 0..40 {
        sim.wish(node, Wish::Tell(room(), came(&format!("u{node}"), 1)));
    }
    sim.run_for(5 * SECOND);
    for node in 0..40 {
        assert_eq!(members(&sim, node).len(), 39, "node {node}");
    }
    let terms: BTreeSet<u64> = (0..40).map(|node| sim.rooms(node).opened[&room()].session_id).collect();
    assert_eq!(terms.len(), 1, "one life of the room");
}

#[test]
fn whoever_came_back_from_a_node_that_is_gone_and_leaves_is_not_seen_any_more() {
    let mut sim = nodes(9, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    sim.wish(0, Wish::Tell(room(), came("a", 1)));
    publish(&mut sim, 0, "s", "a", 1).unwrap();
    sim.kill(0);
    sim.wish(1, Wish::Tell(room(), came("a", 2)));
    publish(&mut sim, 1, "s", "a", 2).unwrap();
    sim.run_for(15 * SECOND);
    sim.wish(1, Wish::Release(1, StreamId::new("s").unwrap()));
    let stopped = StreamDeleteReason::Stopped;
    sim.wish(1, Wish::Tell(room(), Fact::StreamLeft(StreamId::new("s").unwrap(), stopped)));
    sim.wish(1, Wish::Tell(room(), Fact::UserLeft(UserId::new("a").unwrap())));
    sim.run_for(SECOND);
    for node in [1, 2] {
        assert!(members(&sim, node).is_empty(), "node {node}: {:?}", members(&sim, node));
        assert!(sim.rooms(node).streams.is_empty(), "node {node}");
    }
    assert_eq!(sim.rooms(2).events, ["+a", "+s", "-s", "-a"]);
}
