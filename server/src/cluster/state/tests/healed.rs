//! What nodes make of each other when they were apart.

use super::*;

#[test]
fn a_node_that_opens_a_room_again_gives_its_texts_numbers_that_were_not_there_before() {
    let mut sim = nodes(21, 2, SimOptions::default());
    open(&mut sim, 0);
    open(&mut sim, 1);
    sim.run_for(SECOND);
    say(&mut sim, 1, 1, "one");
    sim.run_for(SECOND);
    sim.wish(1, Wish::Close(room()));
    sim.rooms_mut(1).opened.clear();
    sim.run_for(SECOND);
    open(&mut sim, 1);
    sim.run_for(SECOND);
    say(&mut sim, 1, 2, "two");
    sim.run_for(SECOND);
    assert_eq!(said(&sim, 0), ["one", "two"], "it is another text");
    assert!(sim.rooms(1).said_for[&2] > sim.rooms(1).said_for[&1]);
}

#[test]
fn a_user_who_came_back_on_a_node_without_the_broker_has_the_stream_there_when_it_is_healed() {
    let mut sim = nodes(22, 2, SimOptions::default());
    for node in 0..2 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    sim.wish(0, Wish::Tell(room(), came("of-s", 1)));
    let first = publish(&mut sim, 0, "s", "of-s", 1).unwrap();
    sim.set_broker(1, false);
    sim.run_for(SECOND);
    sim.wish(1, Wish::Tell(room(), came("of-s", 2)));
    assert_eq!(publish(&mut sim, 1, "s", "of-s", 2), Ok(0), "nobody can be asked");
    sim.set_broker(1, true);
    sim.run_for(5 * SECOND);
    assert_eq!(sim.rooms(0).lost, [("s".to_owned(), Some(name(1)))]);
    assert!(sim.rooms(1).lost.is_empty(), "the user is here");
    assert_eq!(sim.rooms(0).streams["s"], (name(1), first + 1));
}

#[test]
fn two_nodes_that_did_not_hear_each_other_for_long_show_the_same_when_they_do() {
    for apart_s in [20, 150, 400] {
        let mut sim = nodes(23, 3, SimOptions::default());
        open(&mut sim, 0);
        sim.run_for(SECOND);
        sim.set_cut(0, 1, true);
        sim.run_for(10 * SECOND);
        open(&mut sim, 1);
        sim.run_for(2 * SECOND);
        sim.wish(0, Wish::Tell(room(), came("a", 1)));
        sim.wish(1, Wish::Tell(room(), came("b", 1)));
        sim.run_for(apart_s * SECOND);
        sim.set_cut(0, 1, false);
        sim.run_for(8 * SECOND);
        assert_eq!((members(&sim, 0), members(&sim, 1)), (vec!["b"], vec!["a"]), "{apart_s} s");
    }
}
