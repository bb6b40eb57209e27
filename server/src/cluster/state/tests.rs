//! Several nodes in virtual time, with rooms that only keep what they are told.

mod changes;
mod crowded;
mod healed;
mod restarted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_messages::types::{StreamDeleteReason, ZegoStream, ZegoUser};
use express_signalling::protocol::RoomMessage;

use crate::cluster::sim::{CloudSim, SimOptions, SimRooms};
use crate::rooms::cloud::{Fact, Member, News, NodeName, RemoteStream, RoomName, RoomTerms, Saying, Wish};
use crate::rooms::{Now, Ticket};

const SECOND: Duration = Duration::from_secs(1);

/// Keeps what it is told, and answers nothing.
#[derive(Debug, Default)]
struct Told {
    opened: BTreeMap<RoomName, RoomTerms>,
    members: BTreeSet<(RoomName, String)>,
    streams: BTreeMap<String, (NodeName, u64)>,
    own_streams: BTreeMap<String, u64>,
    lost: Vec<(String, Option<NodeName>)>,
    claims: BTreeMap<u64, Result<u64, ()>>,
    said: Vec<(String, u64)>,
    said_for: BTreeMap<u64, Result<u64, ()>>,
    nodes: Vec<NodeName>,
    elsewhere: Vec<String>,
    events: Vec<String>,
}

impl SimRooms for Told {
    fn on_news(&mut self, _: Now, news: News) -> Vec<Wish> {
        match news {
            News::Opened {
                room,
                terms,
                members,
                streams,
                ..
            } => {
                for member in members {
                    self.members.insert((room.clone(), member.user.user_id.to_string()));
                }
                for (node, stream) in streams {
                    self.stream_is(node, &stream);
                }
                assert!(self.opened.insert(room, terms).is_none(), "opened twice");
            }
            News::ElsewhereInstead(_, url) => self.elsewhere.push(url),
            News::Terms(room, terms) => {
                self.opened.insert(room, terms);
            }
            News::UserCame(room, member) => {
                let user = member.user.user_id.to_string();
                if self.members.insert((room, user.clone())) {
                    self.events.push(format!("+{user}"));
                }
            }
            News::UserLeft(room, user) => {
                assert!(self.members.remove(&(room, user.to_string())), "left who was not there");
                self.events.push(format!("-{user}"));
            }
            News::StreamIs(_, node, stream) => {
                let id = stream.listed.stream.stream_id.to_string();
                if !self.streams.contains_key(&id) {
                    self.events.push(format!("+{id}"));
                }
                self.stream_is(node, &stream);
            }
            News::StreamLeft(_, id, _) => {
                assert!(self.streams.remove(id.as_str()).is_some());
                self.events.push(format!("-{id}"));
            }
            News::Said(_, Saying::Broadcast(message)) => self.said.push((message.message, message.message_id)),
            News::SaidFor(Ticket(ticket), outcome) => {
                self.said_for.insert(ticket, outcome);
            }
            News::Claimed(Ticket(ticket), outcome) => {
                self.claims.insert(ticket, outcome);
            }
            News::Settled(_, id, epoch) => {
                self.own_streams.insert(id.to_string(), epoch);
                let user = format!("of-{id}");
                return vec![Wish::Tell(room(), stream_fact(id.as_str(), &user, epoch))];
            }
            News::ClaimLost { stream, moved_to } => {
                let was_own = self.own_streams.remove(stream.1.as_str()).is_some();
                let over = Fact::StreamLeft(stream.1.clone(), StreamDeleteReason::RepeatLogin);
                self.lost.extend(was_own.then(|| (stream.1.to_string(), moved_to)));
                return was_own.then(|| Wish::Tell(room(), over)).into_iter().collect();
            }
            News::Nodes(nodes) => self.nodes = nodes.into_iter().map(|(name, _)| name).collect(),
            _ => {}
        }
        Vec::new()
    }
}

impl Told {
    fn stream_is(&mut self, node: NodeName, stream: &RemoteStream) {
        let id = stream.listed.stream.stream_id.to_string();
        let known = self.streams.insert(id.clone(), (node, stream.epoch));
        assert!(
            known.is_none_or(|(_, epoch)| epoch <= stream.epoch),
            "{id} went back to an older owner"
        );
    }
}

fn room() -> RoomName {
    (1, RoomId::new("room").unwrap())
}

fn name(number: usize) -> NodeName {
    NodeName::new(&format!("n{number}")).unwrap()
}

fn user(id: &str) -> ZegoUser {
    ZegoUser::new(UserId::new(id).unwrap(), id.to_owned()).unwrap()
}

fn came(id: &str, login_ms: u64) -> Fact {
    Fact::UserCame(Member {
        user: user(id),
        login_ms,
    })
}

fn stream_fact(id: &str, of: &str, epoch: u64) -> Fact {
    Fact::StreamIs(RemoteStream {
        listed: ZegoStream {
            stream_id: StreamId::new(id).unwrap(),
            user: user(of),
            extra_info: String::new(),
        }
        .into(),
        created_ms: 1,
        epoch,
    })
}

/// So many nodes that know each other.
fn nodes(seed: u64, count: usize, options: SimOptions) -> CloudSim<Told> {
    let mut sim = CloudSim::new(seed, options);
    for number in 0..count {
        sim.add_node(&name(number), "", 1_000, Told::default());
    }
    sim.run_for(3 * SECOND);
    for number in 0..count {
        assert_eq!(sim.rooms(number).nodes.len(), count - 1, "all know each other");
    }
    sim
}

fn open(sim: &mut CloudSim<Told>, node: usize) {
    let terms = RoomTerms {
        session_id: 100 + node as u64,
        max_members: 0,
        loudest_streams: 0,
    };
    let redirected = true;
    let room = room();
    let left = None;
    let wish = Wish::Open {
        room,
        terms,
        redirected,
        left,
    };
    sim.wish(node, wish);
}

/// Publishes as rooms do: claims, and tells once it is granted. The fencing number.
fn publish(sim: &mut CloudSim<Told>, node: usize, id: &str, of: &str, ticket: u64) -> Result<u64, ()> {
    let claim = Wish::Claim {
        ticket: Ticket(ticket),
        room: room(),
        stream_id: StreamId::new(id).unwrap(),
        user_id: UserId::new(of).unwrap(),
    };
    sim.wish(node, claim);
    sim.run_for(3 * SECOND);
    let claimed = sim.rooms(node).claims[&ticket];
    if let Ok(epoch) = claimed {
        let rooms = sim.rooms_mut(node);
        rooms.own_streams.insert(id.into(), epoch);
        // Taken over in place, where another node had it.
        rooms.streams.remove(id);
        sim.wish(node, Wish::Tell(room(), stream_fact(id, of, epoch)));
    }
    claimed
}

fn members(sim: &CloudSim<Told>, node: usize) -> Vec<&str> {
    sim.rooms(node).members.iter().map(|(_, user)| user.as_str()).collect()
}

fn say(sim: &mut CloudSim<Told>, node: usize, ticket: u64, text: &str) {
    let message = RoomMessage {
        from_user: user("u"),
        message: text.into(),
        message_id: 0,
        send_time_ms: 1,
    };
    let saying = Saying::Broadcast(message);
    let (ticket, room) = (Ticket(ticket), room());
    sim.wish(node, Wish::Say { ticket, room, saying });
}

fn said(sim: &CloudSim<Told>, node: usize) -> Vec<&str> {
    sim.rooms(node).said.iter().map(|(text, _)| text.as_str()).collect()
}

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
