//! The broker is gone, a node is gone, or the one is out of reach of the other.

use super::*;

#[test]
fn without_the_broker_rooms_go_on_and_when_it_is_back_all_agree_within_5_s() {
    for wiped in [false, true] {
        let mut sim = nodes(5, 3, SimOptions::default());
        for node in 0..2 {
            open(&mut sim, node);
        }
        sim.run_for(SECOND);
        sim.wish(0, Wish::Tell(room(), came("a", 1)));
        publish(&mut sim, 0, "s", "a", 1).unwrap();
        sim.run_for(SECOND);
        for node in 0..3 {
            sim.set_broker(node, false);
        }
        if wiped {
            sim.wipe();
        }
        sim.run_for(600 * SECOND);
        assert_eq!(
            (members(&sim, 1), sim.rooms(1).streams.len()),
            (vec!["a"], 1),
            "nobody is gone"
        );
        // Joins here go on, a new room stays here, and a streamID that is known to be another's stays that.
        sim.wish(1, Wish::Tell(room(), came("b", 2)));
        open(&mut sim, 2);
        say(&mut sim, 1, 9, "on my own");
        sim.run_for(SECOND);
        assert!(sim.rooms(2).opened.contains_key(&room()));
        sim.wish(2, Wish::Tell(room(), came("c", 3)));
        assert_eq!(publish(&mut sim, 1, "s", "b", 2), Err(()));
        assert_eq!(publish(&mut sim, 1, "t", "b", 3), Ok(0), "not settled");
        assert_eq!(publish(&mut sim, 2, "t", "c", 4), Ok(0), "nor this one");
        for node in 0..3 {
            sim.set_broker(node, true);
        }
        sim.run_for(5 * SECOND);
        let all = ["a", "b", "c"];
        for node in 0..3 {
            let others: Vec<_> = all
                .iter()
                .enumerate()
                .filter(|(own, _)| *own != node)
                .map(|(_, user)| *user)
                .collect();
            assert_eq!(members(&sim, node), others, "node {node}, wiped {wiped}");
        }
        assert_eq!(said(&sim, 0), ["on my own"]);
        let terms: BTreeSet<u64> = (0..3).map(|node| sim.rooms(node).opened[&room()].session_id).collect();
        assert_eq!(terms.len(), 1, "one life of the room");
        let owners = [1, 2].map(|node| sim.rooms(node).own_streams.contains_key("t"));
        assert!(owners[0] != owners[1], "one owner: {owners:?}");
        let owner = name(if owners[0] { 1 } else { 2 });
        assert_eq!(sim.rooms(0).streams["t"].0, owner);
        assert_eq!(sim.rooms(1).streams["s"].0, name(0), "its owner has not changed");
    }
}

#[test]
fn a_node_that_is_gone_takes_nobody_with_it_for_100_s_and_its_rooms_get_another_home() {
    let mut sim = nodes(6, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    sim.wish(0, Wish::Tell(room(), came("a", 1)));
    sim.wish(0, Wish::Tell(room(), came("b", 1)));
    let first = publish(&mut sim, 0, "s", "a", 1).unwrap();
    sim.kill(0);
    sim.run_for(15 * SECOND);
    assert_eq!(members(&sim, 1), ["a", "b"]);
    // The first user is back on another node, and publishes there.
    sim.wish(1, Wish::Tell(room(), came("a", 2)));
    assert_eq!(publish(&mut sim, 1, "s", "a", 2), Ok(first + 1));
    for number in 0..20_u64 {
        say(&mut sim, 1 + (number % 2) as usize, number, &format!("{number}"));
    }
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(2).events, ["+a", "+b", "+s"], "nobody saw anything");
    assert_eq!(sim.rooms(2).streams["s"].0, name(1));
    assert_eq!(
        (said(&sim, 1).len(), said(&sim, 1)),
        (20, said(&sim, 2)),
        "the new home puts texts in order"
    );
    sim.run_for(100 * SECOND);
    assert_eq!(sim.rooms(2).events, ["+a", "+b", "+s", "-b"]);
    assert_eq!(members(&sim, 2), ["a"]);
    // The node starts again and has nothing of what it had.
    sim.restart(0, Told::default());
    sim.run_for(5 * SECOND);
    open(&mut sim, 0);
    sim.run_for(SECOND);
    assert_eq!(members(&sim, 0), ["a"]);
}

#[test]
fn a_node_that_was_cut_off_from_the_broker_alone_finds_its_streams_taken_over_or_its_own() {
    let mut sim = nodes(7, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
    }
    sim.run_for(SECOND);
    let first = publish(&mut sim, 0, "s", "a", 1).unwrap();
    publish(&mut sim, 0, "t", "a", 2).unwrap();
    sim.run_for(SECOND);
    sim.set_broker(0, false);
    sim.run_for(20 * SECOND);
    assert_eq!(sim.rooms(2).streams.len(), 2, "it may be back in time");
    assert_eq!(publish(&mut sim, 1, "s", "b", 3), Err(()), "another user has to wait");
    assert_eq!(
        publish(&mut sim, 1, "s", "a", 4),
        Ok(first + 1),
        "the same user has come by another node"
    );
    sim.set_broker(0, true);
    sim.run_for(5 * SECOND);
    assert_eq!(sim.rooms(0).lost, [("s".to_owned(), Some(name(1)))]);
    assert_eq!(
        (&sim.rooms(2).streams["s"].0, &sim.rooms(2).streams["t"].0),
        (&name(1), &name(0))
    );
    assert_eq!(sim.rooms(2).events, ["+s", "+t"]);
}
