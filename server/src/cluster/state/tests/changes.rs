//! What a node asks of the registry in the long run, and after it was cut off.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn room_of(number: usize) -> RoomName {
    (1, RoomId::new(format!("room-{number}")).unwrap())
}

/// So many rooms, each with a member who publishes.
fn fill(sim: &mut CloudSim<Told>, node: usize, rooms: usize) {
    for number in 0..rooms {
        let terms = RoomTerms {
            session_id: 7,
            max_members: 0,
            loudest_streams: 0,
        };
        sim.wish(node, enter(room_of(number), terms));
        let claim = Wish::Claim {
            ticket: Ticket(number as u64),
            room: room_of(number),
            stream_id: StreamId::new(format!("s-{number}")).unwrap(),
            user_id: UserId::new("u").unwrap(),
        };
        sim.wish(node, claim);
    }
    sim.run_for(3 * SECOND);
    for (ticket, epoch) in sim.rooms(node).claims.clone() {
        let id = format!("s-{ticket}");
        sim.rooms_mut(node).own_streams.insert(id, epoch.unwrap());
    }
}

/// What is asked of the registry in this time.
fn asked(sim: &mut CloudSim<Told>, time: Duration) -> u64 {
    let before = sim.totals().registry;
    sim.run_for(time);
    sim.totals().registry - before
}

#[test]
fn a_room_and_a_claim_are_known_as_long_as_they_last_however_long_that_is() {
    let mut sim = nodes(31, 2, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    sim.wish(0, Wish::Tell(room(), came("of-s", 1)));
    publish(&mut sim, 0, "s", "of-s", 1).unwrap();
    for ticket in 2..40 {
        sim.run_for(5 * MINUTE);
        assert_eq!(
            publish(&mut sim, 1, "s", "another", ticket),
            Err(()),
            "after {ticket} times 5 min"
        );
        open(&mut sim, 1);
        sim.run_for(SECOND);
        assert_eq!(members(&sim, 1), ["of-s"], "after {ticket} times 5 min");
        sim.wish(1, Wish::Close(room()));
        *sim.rooms_mut(1) = Told::default();
    }
}

#[test]
fn after_an_outage_the_registry_is_asked_about_what_others_have_changed_and_about_nothing_else() {
    let mut sim = nodes(32, 2, SimOptions::default());
    fill(&mut sim, 0, 200);
    let outage = |sim: &mut CloudSim<Told>| {
        (0..2).for_each(|node| sim.set_broker(node, false));
        sim.run_for(2 * MINUTE);
        (0..2).for_each(|node| sim.set_broker(node, true));
        asked(sim, 5 * SECOND)
    };
    let few = outage(&mut sim);
    assert!(few <= 4, "nobody changed anything, and {few} things were asked");
    // Now the node alone is cut off, and its user comes back on the other one.
    sim.set_broker(0, false);
    sim.run_for(SECOND);
    open(&mut sim, 1);
    sim.run_for(SECOND);
    sim.wish(1, Wish::Tell(room(), came("u", 9)));
    publish(&mut sim, 1, "s-7", "u", 1).unwrap();
    sim.set_broker(0, true);
    let few = asked(&mut sim, 5 * SECOND);
    assert!(few <= 8, "one thing was changed, and {few} were asked");
    assert_eq!(sim.rooms(0).lost, [("s-7".to_owned(), None)], "it is in another room");
    sim.wipe();
    let all = outage(&mut sim);
    assert!(
        all >= 800,
        "all that there is was to be written anew, and {all} things were asked"
    );
}

#[test]
fn a_node_that_was_cut_off_for_hours_writes_all_that_was_forgotten_meanwhile() {
    let mut sim = nodes(33, 2, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    publish(&mut sim, 0, "s", "of-s", 1).unwrap();
    (0..2).for_each(|node| sim.set_broker(node, false));
    sim.run_for(130 * MINUTE);
    (0..2).for_each(|node| sim.set_broker(node, true));
    sim.run_for(5 * SECOND);
    assert_eq!(publish(&mut sim, 1, "s", "another", 2), Err(()));
}

#[test]
fn what_could_not_be_written_is_written_when_it_can_be() {
    let mut sim = nodes(34, 2, SimOptions::default());
    open(&mut sim, 0);
    sim.run_for(SECOND);
    publish(&mut sim, 0, "s", "of-s", 1).unwrap();
    // Given back in the moment in which the connection is lost and nobody has noticed yet.
    sim.set_broker(0, false);
    sim.wish(0, Wish::Release(1, StreamId::new("s").unwrap()));
    sim.wish(0, Wish::Close(room()));
    sim.run_for(10 * SECOND);
    sim.set_broker(0, true);
    sim.run_for(5 * SECOND);
    assert!(publish(&mut sim, 1, "s", "another", 2).is_ok());
}
