//! What one node says of a room and the others hear: members, texts, and where newcomers go.

use super::*;

#[test]
fn whoever_opens_a_room_that_others_have_hears_all_that_is_there_and_what_comes() {
    let mut sim = nodes(1, 3, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    sim.wish(0, Wish::Tell(room(), came("a", 1)));
    publish(&mut sim, 0, "s", "a", 1).unwrap();
    open(&mut sim, 1);
    sim.run_for(SECOND);
    assert_eq!(members(&sim, 1), ["a"]);
    assert_eq!(sim.rooms(1).streams["s"].0, name(0));
    assert_eq!(sim.rooms(1).opened[&room()].session_id, 100, "one life of the room");
    open(&mut sim, 2);
    sim.wish(1, Wish::Tell(room(), came("b", 2)));
    sim.run_for(SECOND);
    assert_eq!((members(&sim, 0), members(&sim, 2)), (vec!["b"], vec!["a", "b"]));
    sim.wish(0, Wish::Tell(room(), Fact::UserLeft(UserId::new("a").unwrap())));
    sim.run_for(SECOND);
    assert_eq!(members(&sim, 2), ["b"]);
    assert_eq!(sim.rooms(1).events, ["-a"]);
}

#[test]
fn lost_letters_are_found_out_and_nothing_is_told_twice() {
    for seed in 0..20 {
        let mut sim = nodes(seed, 3, SimOptions::default());
        for node in 0..3 {
            open(&mut sim, node);
        }
        sim.run_for(2 * SECOND);
        sim.set_loss(300);
        for number in 0..50_u64 {
            let node = (number % 3) as usize;
            sim.wish(node, Wish::Tell(room(), came(&format!("u{number:02}"), number)));
            say(&mut sim, node, number, &format!("text {number}"));
            sim.run_for(Duration::from_millis(200));
        }
        sim.set_loss(0);
        sim.run_for(10 * SECOND);
        for node in 0..3 {
            let rooms = sim.rooms(node);
            assert_eq!(rooms.members.len(), 50 - (50 - node).div_ceil(3), "seed {seed}, node {node}");
            let texts: BTreeSet<_> = rooms.said.iter().collect();
            assert_eq!((texts.len(), rooms.said.len()), (50, 50), "seed {seed}, node {node}");
        }
    }
}

#[test]
fn texts_are_told_in_one_order_to_all() {
    let mut sim = nodes(3, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    for number in 0..60 {
        say(&mut sim, number % 3, number as u64, &format!("{number}"));
    }
    sim.run_for(5 * SECOND);
    assert_eq!(said(&sim, 0).len(), 60);
    assert_eq!((said(&sim, 1), said(&sim, 2)), (said(&sim, 0), said(&sim, 0)));
    for number in 0..60_u64 {
        let (node, text) = ((number % 3) as usize, number.to_string());
        let told = sim.rooms(0).said.iter().find(|(said, _)| *said == text).unwrap().1;
        assert_eq!(sim.rooms(node).said_for[&number], Ok(told));
    }
}

#[test]
fn a_newcomer_is_sent_to_the_node_that_has_the_room_and_to_none_that_is_about_to_stop() {
    let mut sim = nodes(8, 2, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    let terms = sim.rooms(0).opened[&room()];
    let ask = |left| Wish::Open {
        room: room(),
        terms,
        redirected: false,
        left,
    };
    sim.wish(1, ask(None));
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(1).elsewhere, ["ws://n0"]);
    assert!(sim.rooms(1).opened.is_empty());
    sim.wish(0, Wish::Leave);
    sim.run_for(3 * SECOND);
    assert!(sim.rooms(1).nodes.is_empty(), "clients are not told of it any more");
    sim.wish(1, ask(None));
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(1).elsewhere.len(), 1);
    assert!(sim.rooms(1).opened.contains_key(&room()));
}

#[test]
fn who_has_lost_a_node_is_not_sent_back_to_it_while_others_still_believe_it_well() {
    let mut sim = nodes(9, 3, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    let terms = sim.rooms(0).opened[&room()];
    sim.kill(0);
    for (node, left, elsewhere) in [(1, Some(name(0)), vec![]), (2, None, vec!["ws://n0"])] {
        let ask = Wish::Open {
            room: room(),
            terms,
            redirected: false,
            left,
        };
        sim.wish(node, ask);
        sim.run_for(SECOND / 2);
        assert_eq!(sim.rooms(node).elsewhere, elsewhere, "{node}");
        sim.wish(node, Wish::Close(room()));
    }
}
