//! The decisions of one node about the cloud: pure, as those of the rooms are. Wishes, letters, answers of the registry and the
//! time go in; [`Action`]s come out.
//!
//! ```text
//!   rooms ── Wish ──►  ClusterState  ── Send, Ask ──────────► other nodes
//!         ◄── News ──                ── Get, Put, Delete ───► registry (compare-and-set)
//! ```
//!
//! # Who decides what
//! - A node alone decides about its members and their streams (its *section* of a room, [`section`]). Sections are numbered
//!   logs: who misses something asks for it, and every few seconds each node says how far its sections are.
//! - What a streamID's owner is, and what a room is, is settled in the registry by compare-and-set; each owner has a higher number
//!   than the one before (*epoch*), and where two say to be it the higher one counts, at every node alike.
//! - What is said in a room is put in order by its home.
//!
//! While the registry is out of reach everything that needs it is decided by what is known here, and settled afterwards.

mod changes;
mod claims;
mod earlier;
mod holders;
mod letters;
mod mirror;
mod nodes;
mod opening;
mod ops;
mod orders;
mod peers;
mod receive;
mod room;
mod say;
mod section;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use express_messages::ids::StreamId;

use self::letters::SectionId;
pub(crate) use self::letters::{Letter, Message, NodeEntry, NodeLife, RegistryKey};
#[cfg(any(test, feature = "chaos"))]
pub(crate) use self::mirror::Mirror;
#[cfg(any(test, feature = "chaos"))]
pub(crate) use self::nodes::LEASE;
use self::nodes::RENEW;
pub(crate) use self::ops::OpId;
#[cfg(any(test, feature = "chaos"))]
pub(crate) use self::orders::OrderKey;
pub(crate) use self::orders::order_key;

use self::changes::Known;
use self::claims::OwnClaim;
use self::nodes::{NodeChange, Nodes};
use self::ops::Jobs;
use self::orders::Orders;
use self::room::{Change, Room};
use super::bus::Revision;
use crate::cluster::counters::ClusterCounters;
use crate::rooms::admin::AdminOrder;
use crate::rooms::cloud::{News, NodeName, Question, RoomName, Wish};
use crate::rooms::timers::Timers;
use crate::rooms::{Now, Ticket};

/// Users of a node that is gone have so long to come back before others see them leave: as long as on one server.
const ORPHANS_STAY: Duration = Duration::from_secs(100);
/// How often a node says how far its sections are.
const BEAT: Duration = Duration::from_secs(2);
/// Sections that one beat is about.
const BEAT_ROOMS: usize = 200;
/// Jobs that failed and are tried again with each renewal, of each kind.
const RETRIED: usize = 100;

/// How a [`ClusterState`] is made.
#[derive(Debug, Clone)]
pub(crate) struct ClusterOptions {
    /// What the node says of itself; `node.life` tells this start from all earlier ones.
    pub(crate) entry: NodeEntry,
}

/// What a [`ClusterState`] wants done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Write to a node; may be lost.
    Send(NodeName, Message),
    /// Write to all nodes; may be lost.
    Broadcast(Message),
    /// Ask a node, and hand the answer to [`ClusterState::on_answer`], in any case.
    Ask(Ticket, NodeName, Message),
    /// Answer a question that came by [`ClusterState::on_question`].
    Answer(Question, Message),
    /// Read an entry of the registry, for [`ClusterState::on_got`].
    Get(OpId, RegistryKey),
    /// Write one whose revision is this (`None`: that is not there), for [`ClusterState::on_written`].
    Put(OpId, RegistryKey, Vec<u8>, Option<Revision>),
    /// Delete one whose revision is this, for [`ClusterState::on_written`].
    Delete(OpId, RegistryKey, Revision),
    /// Write this node's own entry, which lives for a lease.
    Lease(NodeEntry),
    /// Read what was written or deleted after a revision, if it is not more than so many entries, for [`ClusterState::on_changes`].
    ReadChanges(Revision, usize),
    /// Take this node's own entry away.
    Unlease,
    /// Write an order of a business server where nodes that connect later read it; what is not written comes back by
    /// [`ClusterState::on_not_kept`].
    Keep(AdminOrder),
    /// Read all of those, for [`ClusterState::on_orders`].
    ReadOrders,
    /// Tell the rooms.
    News(News),
}

/// Why something was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// Its revision is another.
    Conflict,
    /// The registry cannot be reached, or does not answer.
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Timer {
    Renew,
    Beat,
    /// A room's others have had their time to answer.
    Greeting(RoomName),
    /// What nodes that are gone have said is over.
    Orphans,
    /// What was decided without the registry is written there.
    Settle,
}

/// What was asked of another node, and is told of whatever comes back.
#[derive(Debug, Clone, PartialEq)]
enum Asked {
    Relay {
        stream: (u32, StreamId),
        ssrc: u32,
    },
    Order {
        ticket: Ticket,
        room: RoomName,
        saying: crate::rooms::cloud::Saying,
    },
}

/// One node's part of the cloud.
#[derive(Debug)]
pub(crate) struct ClusterState {
    entry: NodeEntry,
    connected: bool,
    nodes: Nodes,
    rooms: HashMap<RoomName, Room>,
    claims: HashMap<(u32, StreamId), OwnClaim>,
    /// In which rooms streams of others are shown, or were.
    shown_in: HashMap<(u32, StreamId), Vec<RoomName>>,
    /// With more of these, those that are not any more are forgotten.
    shown_most: usize,
    /// Given up while the registry was out of reach.
    released: BTreeSet<(u32, StreamId)>,
    /// Whose claims are being taken over: those nodes hear of it once it is written.
    taken_from: HashMap<(u32, StreamId), NodeName>,
    /// Whose claims were taken over, and how often they are told so again.
    taken: Vec<((u32, StreamId), NodeName, u8)>,
    left: BTreeSet<RoomName>,
    jobs: Jobs,
    known: Known,
    orders: Orders,
    asked: HashMap<Ticket, Asked>,
    last_ask: u64,
    last_section: u64,
    /// The highest number of a text of this node, without its lower bits.
    last_text: u64,
    /// Where the next beat goes on.
    beat_from: Option<RoomName>,
    /// The rooms about which others have said something are among these: beats need not look through all rooms.
    maybe_shared: BTreeSet<RoomName>,
    /// The same of rooms where somebody was greeted and has not answered.
    maybe_greeting: BTreeSet<RoomName>,
    timers: Timers<Timer>,
    counters: ClusterCounters,
    actions: Vec<Action>,
}

impl ClusterState {
    /// Knows nobody yet.
    pub(crate) fn new(options: ClusterOptions, now: Now) -> Self {
        let mut timers = Timers::new();
        timers.set(Timer::Beat, now.mono.saturating_add(BEAT));
        Self {
            entry: options.entry,
            connected: false,
            nodes: Nodes::default(),
            rooms: HashMap::new(),
            claims: HashMap::new(),
            shown_in: HashMap::new(),
            shown_most: 0,
            released: BTreeSet::new(),
            taken_from: HashMap::new(),
            taken: Vec::new(),
            left: BTreeSet::new(),
            jobs: Jobs::default(),
            known: Known::default(),
            orders: Orders::default(),
            asked: HashMap::new(),
            last_ask: 0,
            last_section: 0,
            last_text: 0,
            beat_from: None,
            maybe_shared: BTreeSet::new(),
            maybe_greeting: BTreeSet::new(),
            timers,
            counters: ClusterCounters::default(),
            actions: Vec::new(),
        }
    }

    /// The registry and the other nodes can be reached.
    pub(crate) fn on_connected(&mut self, now: Now) -> Vec<Action> {
        if !self.connected {
            self.connected = true;
            self.nodes.forgive(now.mono);
            self.ask_changes(now);
            self.renew(now);
            self.settle_orders();
            self.beat_all(now);
        }
        self.take_actions()
    }

    /// They cannot.
    pub(crate) fn on_disconnected(&mut self) -> Vec<Action> {
        if self.connected {
            self.connected = false;
            self.timers.clear(Timer::Renew);
            self.timers.clear(Timer::Settle);
            self.open_without_registry();
        }
        self.take_actions()
    }

    /// A node's entry stands in the registry.
    pub(crate) fn on_node(&mut self, now: Now, entry: &Arc<NodeEntry>, revision: Revision) -> Vec<Action> {
        if entry.node.name == self.entry.node.name || !entry.is_sound() {
            return Vec::new();
        }
        let node = &entry.node;
        match self.nodes.note(entry, revision, now.mono) {
            NodeChange::Nothing => {}
            NodeChange::Came => self.node_came(now, node),
            NodeChange::Restarted => {
                self.node_gone(now, &node.name);
                self.node_came(now, node);
                self.orders_of_gone();
            }
        }
        self.compare_orders(entry);
        self.tell_nodes();
        self.take_actions()
    }

    /// Does what is due.
    pub(crate) fn on_time(&mut self, now: Now) -> Vec<Action> {
        while let Some(timer) = self.timers.pop_due(now.mono) {
            match timer {
                Timer::Renew => self.renew(now),
                Timer::Beat => self.beat(now),
                Timer::Greeting(room) => self.greeting_due(now, &room),
                Timer::Orphans => self.orphans_due(now),
                Timer::Settle => self.settle_rest(),
            }
        }
        self.take_actions()
    }

    /// When [`ClusterState::on_time`] wants to be called, on [`Now::mono`].
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// The rooms want something, or tell something.
    pub(crate) fn on_wish(&mut self, now: Now, wish: Wish) -> Vec<Action> {
        match wish {
            Wish::Open {
                room,
                terms,
                redirected,
                left,
            } => self.open(room, terms, !redirected, left),
            Wish::Look(room) => self.look(room),
            Wish::Seek(app_id, stream_id) => self.seek((app_id, stream_id)),
            Wish::Close(room) => self.close(&room),
            Wish::Tell(room, fact) => self.tell(&room, fact),
            Wish::Say { ticket, room, saying } => self.say(ticket, room, saying),
            Wish::Whisper(room, words) => self.tell_peers(&room, &Message::Whisper(room.clone(), words)),
            Wish::Claim {
                ticket,
                room,
                stream_id,
                user_id,
            } => self.claim(ticket, room, stream_id, user_id),
            Wish::Release(app_id, stream_id) => self.release((app_id, stream_id)),
            Wish::LoggedIn(login) => self.actions.push(Action::Broadcast(Message::LoggedIn(login))),
            Wish::AskRelay {
                node,
                stream,
                terms,
                loudest,
            } => {
                let ssrc = terms.ssrc();
                let asked = Asked::Relay {
                    stream: stream.clone(),
                    ssrc,
                };
                self.ask(node, Message::Relay { stream, terms, loudest }, asked);
            }
            Wish::AnswerRelay(question, answer) => self.actions.push(Action::Answer(question, Message::Relayed(answer))),
            Wish::Report(node, stream, heard) => self.send(&node, Message::Report(stream, heard)),
            Wish::Load(sessions) => self.entry.load = u32::try_from(sessions).unwrap_or(u32::MAX),
            Wish::Order(order) => self.take_order(now, order),
            Wish::Leave => self.leave(now),
        }
        self.take_actions()
    }

    /// What was done and seen.
    pub(crate) fn counters(&self) -> ClusterCounters {
        let shared = |room: &&Room| room.peers().next().is_some();
        ClusterCounters {
            connected: u64::from(self.connected),
            nodes: self.nodes.alive() as u64 + 1,
            rooms: self.rooms.len() as u64,
            rooms_shared: self.rooms.values().filter(shared).count() as u64,
            claims: self.claims.len() as u64,
            jobs_waiting: self.jobs.len() as u64,
            ..self.counters
        }
    }

    /// This node is going to stop: it takes no newcomers any more.
    fn leave(&mut self, now: Now) {
        self.entry.draining = true;
        if self.connected {
            self.renew(now);
        }
    }

    /// This node stops now.
    pub(crate) fn on_stop(&mut self) -> Vec<Action> {
        // Members who are still here had no time to go: they have it now, as those of a node that is lost.
        self.actions.push(Action::Broadcast(Message::Bye));
        self.actions.push(Action::Unlease);
        self.take_actions()
    }

    fn renew(&mut self, now: Now) {
        self.actions.push(Action::Lease(self.entry.clone()));
        self.timers.set(Timer::Renew, now.mono.saturating_add(RENEW));
        for node in self.nodes.take_gone(now.mono) {
            self.node_gone(now, &node.name);
            self.orders_of_gone();
        }
        self.nodes.forget_gone(2 * ORPHANS_STAY, now.mono);
        self.read_missed_orders();
        self.tell_taken_again();
        self.settle_some(now);
        self.tell_nodes();
    }

    /// Tells the rooms which other nodes take clients, where that is news.
    ///
    /// Asked for at every renewal of every node, so it does nothing but look where nobody came, went, moved or began to drain.
    fn tell_nodes(&mut self) {
        if self.nodes.take_changed() {
            let nodes = self.nodes.for_clients(&self.entry);
            self.actions.push(Action::News(News::Nodes(nodes)));
        }
    }

    /// Tells a node that this one does not have a room, whatever it heard of it before.
    fn send_without(&mut self, to: &NodeName, room: RoomName) {
        let upto = SectionId {
            life: self.entry.node.life,
            number: self.last_section,
        };
        self.send(to, Message::Without { room, upto });
    }

    fn send(&mut self, to: &NodeName, message: Message) {
        self.counters.letters_sent = self.counters.letters_sent.saturating_add(1);
        self.actions.push(Action::Send(to.clone(), message));
    }

    /// Writes to all other nodes that have a room.
    fn tell_peers(&mut self, room: &RoomName, message: &Message) {
        let peers: Vec<NodeName> = self.rooms.get(room).into_iter().flat_map(Room::peers).cloned().collect();
        for peer in peers {
            self.send(&peer, message.clone());
        }
    }

    fn ask(&mut self, to: NodeName, message: Message, asked: Asked) {
        self.last_ask = self.last_ask.saturating_add(1);
        let ticket = Ticket(self.last_ask);
        self.asked.insert(ticket, asked);
        self.counters.letters_sent = self.counters.letters_sent.saturating_add(1);
        self.actions.push(Action::Ask(ticket, to, message));
    }

    /// Tells the rooms of what changed in one of them, once it is open.
    fn tell_changes(&mut self, name: &RoomName, changes: Vec<Change>) {
        for change in &changes {
            if let Change::StreamIs(_, stream) = change {
                self.note_shown(name, &stream.listed.stream.stream_id);
            }
        }
        if !self.rooms.get(name).is_some_and(Room::is_open) {
            return;
        }
        for change in changes {
            let room = name.clone();
            let news = match change {
                Change::UserCame(member) => News::UserCame(room, member),
                Change::UserLeft(user) => News::UserLeft(room, user),
                Change::StreamIs(node, stream) => {
                    self.compare_claims(name, &stream);
                    News::StreamIs(room, node, stream)
                }
                Change::StreamLeft(id, reason) => News::StreamLeft(room, id, reason),
                Change::Said(saying) => News::Said(room, saying),
                Change::Lost(id, node, user) => self.stream_lost(name, id, node, &user),
            };
            self.actions.push(Action::News(news));
        }
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}

/// Adds one.
fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
