//! Nodes that begin another life, and users who are back elsewhere.

use super::*;

/// a and b with a stream each on node 0, which c on node 1 sees.
fn two_of_one_node(seed: u64) -> CloudSim<Told> {
    let mut sim = nodes(seed, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    for (ticket, of) in [(1, "a"), (2, "b")] {
        sim.wish(0, Wish::Tell(room(), came(of, 1)));
        publish(&mut sim, 0, &format!("s-{of}"), of, ticket).unwrap();
    }
    sim.run_for(SECOND);
    sim.wish(1, Wish::Tell(room(), came("c", 1)));
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(2).events, ["+a", "+s-a", "+b", "+s-b", "+c"]);
    sim.rooms_mut(2).events.clear();
    sim
}

fn leave(sim: &mut CloudSim<Told>, node: usize, of: &str) {
    let id = StreamId::new(format!("s-{of}")).unwrap();
    sim.wish(node, Wish::Tell(room(), Fact::StreamLeft(id, StreamDeleteReason::Stopped)));
    sim.wish(node, Wish::Tell(room(), Fact::UserLeft(UserId::new(of).unwrap())));
    sim.run_for(SECOND);
}

#[test]
fn users_of_a_node_that_crashed_and_is_there_again_are_not_seen_to_go_unless_they_stay_away() {
    let mut sim = two_of_one_node(31);
    sim.restart(0, Told::default());
    sim.run_for(2 * SECOND);
    open(&mut sim, 0);
    sim.run_for(2 * SECOND);
    sim.wish(0, Wish::Tell(room(), came("a", 2)));
    let again = publish(&mut sim, 0, "s-a", "a", 3).unwrap();
    sim.run_for(80 * SECOND);
    assert_eq!(sim.rooms(2).events, Vec::<String>::new());
    assert_eq!(sim.rooms(2).streams["s-a"], (name(0), again));
    sim.run_for(30 * SECOND);
    assert_eq!(sim.rooms(2).events, ["-b", "-s-b"], "who is not back");
    sim.rooms_mut(2).events.clear();
    leave(&mut sim, 0, "a");
    assert_eq!(sim.rooms(2).events, ["-s-a", "-a"]);
}

#[test]
fn who_is_back_on_another_node_and_goes_from_there_is_gone_at_once() {
    let mut sim = two_of_one_node(32);
    sim.kill(0);
    sim.run_for(2 * SECOND);
    sim.wish(1, Wish::Tell(room(), came("a", 2)));
    publish(&mut sim, 1, "s-a", "a", 3).unwrap();
    sim.run_for(10 * SECOND);
    assert_eq!(sim.rooms(2).events, Vec::<String>::new());
    leave(&mut sim, 1, "a");
    assert_eq!(sim.rooms(2).events, ["-s-a", "-a"]);
    assert!(!members(&sim, 1).contains(&"a"), "nor on her own node");
    sim.wish(1, Wish::Tell(room(), came("b", 2)));
    sim.run_for(SECOND);
    leave(&mut sim, 1, "b");
    assert_eq!(sim.rooms(2).events[2..], ["-s-b", "-b"], "who never published again, too");
    assert!(sim.rooms(1).streams.is_empty(), "nor is a stream waited for");
}

#[test]
fn users_of_each_life_of_a_node_that_crashes_again_and_again_have_their_own_time_to_come_back() {
    let mut sim = two_of_one_node(33);
    for login in [2, 3] {
        sim.restart(0, Told::default());
        sim.run_for(SECOND);
        open(&mut sim, 0);
        sim.run_for(SECOND);
        sim.wish(0, Wish::Tell(room(), came("a", login)));
        publish(&mut sim, 0, "s-a", "a", login).unwrap();
        sim.run_for(55 * SECOND);
    }
    sim.restart(0, Told::default());
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(2).events, ["-b", "-s-b"], "b was there in the first life alone");
    sim.run_for(90 * SECOND);
    assert_eq!(members(&sim, 2), ["a", "c"]);
    sim.run_for(15 * SECOND);
    assert_eq!(sim.rooms(2).events[2..], ["-a", "-s-a"]);
}

#[test]
fn who_was_back_before_the_node_was_missed_and_left_is_not_waited_for() {
    for away in [0, 1] {
        let mut sim = two_of_one_node(34);
        // Before and behind the moment when it is missed, or seen to begin anew.
        sim.kill(0);
        sim.wish(1, Wish::Tell(room(), came("a", 2)));
        sim.run_for(SECOND);
        sim.wish(1, Wish::Tell(room(), Fact::UserLeft(UserId::new("a").unwrap())));
        if away == 0 {
            sim.restart(0, Told::default());
            sim.run_for(SECOND);
        } else {
            sim.run_for(9 * SECOND);
        }
        assert_eq!(members(&sim, 2), ["b", "c"]);
        assert_eq!(members(&sim, 1), ["b"]);
        assert!(!sim.rooms(2).streams.contains_key("s-a"));
    }
}
