//! Several nodes in virtual time, with rooms that only keep what they are told.

mod changes;
mod claims;
mod crowded;
mod healed;
mod late;
mod mirrored;
mod outages;
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
            News::Said(_, Saying::Info(info)) => self.said.push((info.value, info.update_time_ms)),
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
    sim.wish(node, enter(room(), terms));
}

/// Somebody who was sent here wants to be in a room.
fn enter(room: RoomName, terms: RoomTerms) -> Wish {
    Wish::Open {
        room,
        terms,
        redirected: true,
        left: None,
    }
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
