//! What a node does not hear at its time: orders from before its start or its return, rooms and streams that are elsewhere alone.

use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};

use crate::cluster::sim::{CloudSim, SimOptions, SimRooms};
use crate::rooms::admin::{AdminOrder, Forbids, Order, RuleTarget};
use crate::rooms::cloud::{News, NodeName, RoomName, RoomTerms, Wish};
use crate::rooms::{Now, Ticket};

const SECOND: Duration = Duration::from_secs(1);

/// Keeps all news that it is told.
#[derive(Debug, Default)]
struct Told(Vec<News>);

impl SimRooms for Told {
    fn on_news(&mut self, _: Now, news: News) -> Vec<Wish> {
        self.0.push(news);
        Vec::new()
    }
}

fn name(number: usize) -> NodeName {
    NodeName::new(&format!("n{number}")).unwrap()
}

fn nodes(count: usize) -> CloudSim<Told> {
    let mut sim = CloudSim::new(1, SimOptions::default());
    for number in 0..count {
        sim.add_node(&name(number), "", 1_000, Told::default());
    }
    sim.run_for(3 * SECOND);
    sim
}

/// Who is banned for so many seconds from now on (0: is not, any more).
fn ban(sim: &CloudSim<Told>, who: &str, seconds: u64) -> AdminOrder {
    let target = RuleTarget::User(UserId::new(who).unwrap());
    let at_ms = sim.now().unix_ms;
    let until_ms = at_ms + seconds * 1000;
    let forbids = Forbids {
        login: true,
        publish: true,
    };
    let (order, until_ms) = match seconds {
        0 => (Order::AllowUser(target), at_ms + 86_400_000),
        _ => (
            Order::ForbidUser {
                target,
                forbids,
                until_ms,
            },
            until_ms,
        ),
    };
    AdminOrder {
        app_id: 1,
        at_ms,
        until_ms,
        order,
    }
}

fn order(sim: &mut CloudSim<Told>, node: usize, who: &str, seconds: u64) -> AdminOrder {
    let order = ban(sim, who, seconds);
    sim.wish(node, Wish::Order(order.clone()));
    sim.run_for(SECOND);
    order
}

fn kept(sim: &CloudSim<Told>, node: usize) -> Vec<&AdminOrder> {
    let news = sim.rooms(node).0.iter();
    news.filter_map(|news| match news {
        News::OrderKept(order) => Some(order),
        _ => None,
    })
    .collect()
}

#[test]
fn a_node_that_starts_later_hears_the_newest_order_about_each_that_is_in_force() {
    let mut sim = nodes(2);
    order(&mut sim, 0, "short", 5);
    let long = order(&mut sim, 0, "long", 600);
    order(&mut sim, 0, "both", 600);
    let again = order(&mut sim, 1, "both", 0);
    sim.run_for(10 * SECOND);
    let late = sim.add_node(&name(2), "", 1_000, Told::default());
    sim.run_for(3 * SECOND);
    assert_eq!(kept(&sim, late), [&long, &again]);
    assert!(
        kept(&sim, 0).is_empty() && kept(&sim, 1).is_empty(),
        "those heard it at its time"
    );
}

#[test]
fn what_is_ordered_at_either_side_of_an_outage_holds_everywhere_behind_it_and_is_told_once() {
    let mut sim = nodes(2);
    sim.set_broker(1, false);
    sim.run_for(3 * SECOND);
    let here = order(&mut sim, 0, "here", 600);
    let there = order(&mut sim, 1, "there", 600);
    sim.set_broker(1, true);
    sim.run_for(5 * SECOND);
    assert_eq!(kept(&sim, 1), [&here]);
    let told = sim
        .rooms(0)
        .0
        .iter()
        .filter(|news| **news == News::Ordered(there.clone()))
        .count();
    assert_eq!(told, 1, "who was there all the time hears it now");
    let late = sim.add_node(&name(2), "", 1_000, Told::default());
    sim.run_for(3 * SECOND);
    assert_eq!(kept(&sim, late), [&here, &there]);
    sim.set_broker(1, false);
    sim.run_for(3 * SECOND);
    sim.set_broker(1, true);
    sim.run_for(5 * SECOND);
    assert_eq!(kept(&sim, 1).len(), 1);
}

#[test]
fn an_order_whose_letter_is_lost_is_heard_of_with_the_next_sign_of_its_node_or_when_that_is_gone() {
    // How many are lost, and whether the node is gone at once.
    for (count, dies) in [(1, false), (3, false), (100, false), (2, true)] {
        let mut sim = nodes(3);
        order(&mut sim, 0, "before", 600);
        sim.set_loss(1_000);
        let lost: Vec<AdminOrder> = (0..count).map(|number| ban(&sim, &format!("u{number}"), 600)).collect();
        for order in &lost {
            sim.wish(0, Wish::Order(order.clone()));
        }
        if dies {
            sim.kill(0);
        }
        sim.run_for(SECOND / 10);
        assert!(kept(&sim, 1).is_empty(), "{count}, {dies}");
        sim.set_loss(0);
        sim.run_for(if dies { 12 * SECOND } else { 5 * SECOND });
        for node in [1, 2] {
            assert_eq!(kept(&sim, node).len(), lost.len(), "{count}, {dies}: each is heard of, once");
        }
        assert!(kept(&sim, 0).is_empty(), "{count}, {dies}");
    }
}

fn room(id: &str) -> RoomName {
    (1, RoomId::new(id).unwrap())
}

fn open(sim: &mut CloudSim<Told>, node: usize, id: &str) {
    let terms = RoomTerms {
        session_id: 7,
        max_members: 0,
        loudest_streams: 0,
    };
    sim.wish(node, super::enter(room(id), terms));
    sim.run_for(SECOND);
}

/// What a node is told behind a wish.
fn answer(sim: &mut CloudSim<Told>, node: usize, wish: Wish) -> Vec<News> {
    sim.rooms_mut(node).0.clear();
    sim.wish(node, wish);
    sim.run_for(3 * SECOND);
    let mut told = std::mem::take(&mut sim.rooms_mut(node).0);
    told.retain(|news| !matches!(news, News::Nodes(_)));
    told
}

#[test]
fn a_room_is_looked_at_where_another_node_has_it_and_nothing_is_made_of_one_that_nobody_has() {
    let mut sim = nodes(2);
    open(&mut sim, 0, "r");
    let looked = answer(&mut sim, 1, Wish::Look(room("r")));
    assert!(
        matches!(&looked[..], [News::Opened { room: of, terms, is_new: false, .. }] if *of == room("r") && terms.session_id == 7),
        "{looked:?}"
    );
    assert_eq!(
        answer(&mut sim, 1, Wish::Look(room("none"))),
        [News::NoSuchRoom(room("none"))]
    );
    assert_eq!(sim.counters(1).rooms, 1);
    let opened = answer(
        &mut sim,
        0,
        Wish::Open {
            room: room("none"),
            terms: RoomTerms {
                session_id: 9,
                max_members: 0,
                loudest_streams: 0,
            },
            redirected: true,
            left: None,
        },
    );
    assert!(matches!(&opened[..], [News::Opened { is_new: true, .. }]), "{opened:?}");
    // Who wants to enter while it is looked at gets it, whether others have it or not.
    sim.wish(1, Wish::Look(room("own")));
    open(&mut sim, 1, "own");
    let told = &sim.rooms(1).0;
    assert!(
        matches!(&told[..], [News::Opened { is_new: true, terms, .. }] if terms.session_id == 7),
        "{told:?}"
    );
    sim.set_broker(1, false);
    sim.run_for(SECOND);
    assert_eq!(
        answer(&mut sim, 1, Wish::Look(room("none"))),
        [News::NoSuchRoom(room("none"))],
        "nobody can be asked"
    );
}

#[test]
fn a_stream_is_sought_in_the_room_of_its_claim_while_its_node_is_there() {
    let mut sim = nodes(2);
    open(&mut sim, 0, "r");
    let stream = |id: &str| StreamId::new(id).unwrap();
    let claim = Wish::Claim {
        ticket: Ticket(1),
        room: room("r"),
        stream_id: stream("s"),
        user_id: UserId::new("u").unwrap(),
    };
    sim.wish(0, claim);
    sim.run_for(SECOND);
    let seek = |sim: &mut CloudSim<Told>, id: &str| answer(sim, 1, Wish::Seek(1, stream(id)));
    assert_eq!(seek(&mut sim, "s"), [News::Sought((1, stream("s")), Some(room("r")))]);
    assert_eq!(seek(&mut sim, "none"), [News::Sought((1, stream("none")), None)]);
    sim.kill(0);
    sim.run_for(15 * SECOND);
    assert_eq!(seek(&mut sim, "s"), [News::Sought((1, stream("s")), None)]);
}
