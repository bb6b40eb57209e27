//! What nodes make of each other when they were apart.

use express_signalling::protocol::RoomExtraInfo;

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
    open(&mut sim, 0);
    sim.run_for(SECOND);
    sim.wish(0, Wish::Tell(room(), came("of-s", 1)));
    let first = publish(&mut sim, 0, "s", "of-s", 1).unwrap();
    sim.set_broker(1, false);
    sim.run_for(SECOND);
    open(&mut sim, 1);
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

#[test]
fn who_came_and_left_here_while_an_earlier_login_s_node_was_out_of_sight_is_there_again_when_that_is_seen() {
    let mut sim = nodes(24, 2, SimOptions::default());
    for node in [0, 1] {
        open(&mut sim, node);
    }
    sim.run_for(SECOND);
    sim.wish(0, Wish::Tell(room(), came("u", 1)));
    sim.run_for(SECOND);
    sim.set_cut(0, 1, true);
    sim.run_for(10 * SECOND);
    sim.wish(1, Wish::Tell(room(), came("u", 2)));
    let left = Fact::UserLeft(UserId::new("u").unwrap());
    sim.wish(1, Wish::Tell(room(), left));
    sim.run_for(10 * SECOND);
    assert!(
        members(&sim, 1).is_empty(),
        "the login that was over there is over, as far as can be known"
    );
    sim.set_cut(0, 1, false);
    sim.run_for(5 * SECOND);
    assert_eq!(members(&sim, 1), ["u"]);
}

#[test]
fn who_loses_a_stream_id_to_another_room_when_all_is_healed_hears_so_though_letters_are_lost() {
    for lost in [false, true] {
        let mut sim = nodes(25, 2, SimOptions::default());
        sim.set_broker(0, false);
        sim.set_broker(1, false);
        sim.run_for(SECOND);
        open(&mut sim, 0);
        sim.run_for(SECOND);
        sim.wish(0, Wish::Tell(room(), came("of-s", 1)));
        assert_eq!(publish(&mut sim, 0, "s", "of-s", 1), Ok(0));
        let other = (1, RoomId::new("other").unwrap());
        let terms = RoomTerms {
            session_id: 9,
            max_members: 0,
            loudest_streams: 0,
        };
        sim.wish(1, enter(other.clone(), terms));
        sim.wish(1, Wish::Tell(other.clone(), came("of-s", 2)));
        sim.wish(
            1,
            Wish::Claim {
                ticket: Ticket(2),
                room: other,
                stream_id: StreamId::new("s").unwrap(),
                user_id: UserId::new("of-s").unwrap(),
            },
        );
        sim.set_broker(0, true);
        sim.run_for(3 * SECOND);
        sim.set_loss(if lost { 1_000 } else { 0 });
        sim.set_broker(1, true);
        sim.run_for(3 * SECOND);
        sim.set_loss(0);
        sim.run_for(5 * SECOND);
        assert_eq!(
            sim.rooms(0).lost,
            [("s".to_owned(), None)],
            "its players do not go to another room"
        );
        assert!(sim.rooms(1).lost.is_empty());
    }
}

fn set_info(sim: &mut CloudSim<Told>, node: usize, ticket: u64, value: &str) {
    let info = RoomExtraInfo {
        key: "k".into(),
        value: value.into(),
        update_user: user("u"),
        update_time_ms: sim.now().unix_ms,
    };
    let (ticket, room) = (Ticket(ticket), room());
    let saying = Saying::Info(info);
    sim.wish(node, Wish::Say { ticket, room, saying });
}

#[test]
fn an_extra_info_that_the_home_said_before_it_was_gone_comes_to_those_it_did_not_reach() {
    let mut sim = nodes(26, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    sim.set_cut(0, 2, true);
    set_info(&mut sim, 1, 1, "v");
    sim.run_for(SECOND);
    let time_ms = sim.rooms(1).said_for[&1].unwrap();
    assert_eq!(sim.rooms(1).said, [("v".to_owned(), time_ms)]);
    sim.kill(0);
    sim.run_for(5 * SECOND);
    assert_eq!(sim.rooms(2).said, [("v".to_owned(), time_ms)]);
}

#[test]
fn who_is_answered_that_the_home_has_said_something_hears_it_with_the_answer() {
    let mut sim = nodes(27, 2, SimOptions::default());
    for node in 0..2 {
        open(&mut sim, node);
        sim.run_for(SECOND);
    }
    for ticket in 1..=60 {
        sim.set_loss(100);
        let text = ticket.to_string();
        say(&mut sim, 1, ticket, &text);
        sim.run_for(SECOND / 10);
        sim.set_loss(0);
        let answered = sim.rooms(1).said_for.contains_key(&ticket);
        assert!(!answered || said(&sim, 1).contains(&text.as_str()), "{text}");
        sim.run_for(3 * SECOND);
    }
}
