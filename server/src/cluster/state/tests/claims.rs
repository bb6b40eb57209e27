//! A streamID has one owner.

use super::*;

#[test]
fn a_stream_id_has_one_owner_and_goes_to_the_same_user_elsewhere_without_a_gap() {
    let mut sim = nodes(4, 3, SimOptions::default());
    for node in 0..3 {
        open(&mut sim, node);
    }
    sim.run_for(SECOND);
    let first = publish(&mut sim, 0, "s", "a", 1).unwrap();
    assert_eq!(publish(&mut sim, 1, "s", "b", 2), Err(()), "another user");
    assert_eq!(publish(&mut sim, 2, "s", "a", 3), Ok(first + 1), "the same user, elsewhere");
    sim.run_for(SECOND);
    assert_eq!(sim.rooms(0).lost, [("s".to_owned(), Some(name(2)))]);
    assert_eq!(sim.rooms(1).streams["s"], (name(2), first + 1));
    assert_eq!(sim.rooms(1).events, ["+s"], "nobody saw it go");
    sim.wish(2, Wish::Release(1, StreamId::new("s").unwrap()));
    sim.wish(
        2,
        Wish::Tell(
            room(),
            Fact::StreamLeft(StreamId::new("s").unwrap(), StreamDeleteReason::Stopped),
        ),
    );
    sim.run_for(SECOND);
    assert!(
        publish(&mut sim, 1, "s", "b", 4).unwrap() > first + 1,
        "it is free, and no number comes twice"
    );
}

#[test]
fn two_users_who_claim_one_stream_id_at_the_same_time_are_told_apart() {
    for seed in 0..50 {
        let mut sim = nodes(seed, 2, SimOptions::default());
        for (node, of) in [(0, "a"), (1, "b")] {
            let claim = Wish::Claim {
                ticket: Ticket(1),
                room: room(),
                stream_id: StreamId::new("s").unwrap(),
                user_id: UserId::new(of).unwrap(),
            };
            sim.wish(node, claim);
        }
        sim.run_for(3 * SECOND);
        let granted = [0, 1].map(|node| sim.rooms(node).claims[&1].is_ok());
        assert!(granted[0] != granted[1], "seed {seed}: {granted:?}");
    }
}
