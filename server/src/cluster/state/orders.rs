//! What business servers order holds on nodes, too, that were cut off or not started yet: the registry keeps it for a while.

use std::collections::{HashMap, VecDeque};

use super::letters::{NodeEntry, NodeLife};
use super::{Action, ClusterState, Message};
use crate::rooms::Now;
use crate::rooms::admin::{AdminOrder, Order, RuleTarget};
use crate::rooms::cloud::{News, NodeName};

/// Orders whose times are remembered; of more the registry may tell again what is known.
const MAX_KNOWN: usize = 100_000;
/// Orders that wait until the registry can be reached.
const MAX_UNKEPT: usize = 1_000;
/// Orders that are told again to who has missed them, in one letter; who has missed more reads all.
const TOLD_AGAIN: usize = 64;

/// An order that is told so late, in milliseconds, was held up by an outage: what came about since then stays.
const LATE_MS: u64 = 30_000;

/// What an order is about: a later one about the same takes its place.
pub(crate) type OrderKey = Vec<String>;

/// The orders that this node knows of.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// When the newest about each was given, and until when it counts; Unix milliseconds.
    known: HashMap<OrderKey, (u64, u64)>,
    /// When the last one was given here.
    last_ms: u64,
    /// Given here, and not written.
    unkept: Vec<AdminOrder>,
    /// How many this node has told the others since it began, and the last of those.
    told: u64,
    last_told: VecDeque<AdminOrder>,
    /// Up to which number this node has heard what the others told: each in its last life that was seen.
    heard: HashMap<NodeName, (u64, u64)>,
    /// The registry may have some that this node has not heard.
    to_read: bool,
}

impl Orders {
    /// An order that is given now is later than all before it, whatever the clocks say.
    fn date(&mut self, order: &mut AdminOrder) {
        let known = self.known.get(&order_key(order)).map_or(0, |(at_ms, _)| *at_ms);
        order.at_ms = order.at_ms.max(known.max(self.last_ms).saturating_add(1));
        self.last_ms = order.at_ms;
    }

    /// Counts an order that the others are told; its number.
    fn tell(&mut self, order: AdminOrder) -> u64 {
        if self.last_told.len() == TOLD_AGAIN {
            self.last_told.pop_front();
        }
        self.last_told.push_back(order);
        self.told = self.told.saturating_add(1);
        self.told
    }

    /// The number up to which a node was heard; `None`: this life of it was not seen yet.
    fn heard_of(&mut self, node: &NodeLife) -> Option<&mut u64> {
        let (life, heard) = self.heard.get_mut(&node.name)?;
        (*life == node.life).then_some(heard)
    }

    /// Notes an order; `false`: this or a later one about the same is known.
    fn note(&mut self, order: &AdminOrder, now: Now) -> bool {
        let key = order_key(order);
        if self.known.get(&key).is_some_and(|(at_ms, _)| *at_ms >= order.at_ms) {
            return false;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.retain(|_, (_, until_ms)| *until_ms > now.unix_ms);
        }
        if self.known.len() < MAX_KNOWN {
            self.known.insert(key, (order.at_ms, order.until_ms));
        }
        true
    }
}

impl ClusterState {
    /// A business server has ordered something here.
    pub(super) fn take_order(&mut self, now: Now, mut order: AdminOrder) {
        self.orders.date(&mut order);
        self.orders.note(&order, now);
        self.tell_order(order.clone());
        self.keep(order);
    }

    /// Tells all others. How many that were stands in this node's entry, so who misses one knows.
    fn tell_order(&mut self, order: AdminOrder) {
        let number = self.orders.tell(order.clone());
        self.entry.orders = number;
        self.actions.push(Action::Broadcast(Message::Ordered { number, order }));
    }

    fn keep(&mut self, order: AdminOrder) {
        if order.until_ms <= order.at_ms {
            return;
        }
        if self.connected {
            self.actions.push(Action::Keep(order));
        } else {
            self.on_not_kept(order);
        }
    }

    /// An order could not be written: it is with the next connection.
    pub(crate) fn on_not_kept(&mut self, order: AdminOrder) {
        let unkept = &mut self.orders.unkept;
        unkept.retain(|known| order_key(known) != order_key(&order));
        if unkept.len() < MAX_UNKEPT {
            unkept.push(order);
        }
    }

    /// The registry can be reached: what waits is written, and what others wrote is read.
    pub(super) fn settle_orders(&mut self) {
        for order in std::mem::take(&mut self.orders.unkept) {
            self.tell_order(order.clone());
            self.keep(order);
        }
        self.orders.to_read = false;
        self.actions.push(Action::ReadOrders);
    }

    /// A node's entry says how many orders it has told: of one that this node has not heard the letter was lost.
    pub(super) fn compare_orders(&mut self, entry: &NodeEntry) {
        let (node, told) = (&entry.node, entry.orders);
        match self.orders.heard_of(node) {
            Some(heard) if *heard >= told => {}
            Some(heard) => {
                let after = *heard;
                self.send(&node.name, Message::OrdersAgain { after });
            }
            None => {
                self.orders.heard.insert(node.name.clone(), (node.life, told));
                // What it told before it was seen, and after all were read, is read.
                self.orders.to_read |= told > 0;
            }
        }
    }

    /// Another node has missed some of the orders that this one told.
    pub(super) fn tell_orders_again(&mut self, to: &NodeName, after: u64) {
        let missed = usize::try_from(self.orders.told.saturating_sub(after)).unwrap_or(usize::MAX);
        let kept = self.orders.last_told.iter();
        let orders = kept
            .skip(self.orders.last_told.len().saturating_sub(missed))
            .cloned()
            .collect();
        let upto = self.orders.told;
        self.send(to, Message::OrdersBefore { upto, orders });
    }

    /// The last orders that another node told, of which this one has missed some.
    pub(super) fn orders_told_again(&mut self, now: Now, from: &NodeLife, upto: u64, orders: Vec<AdminOrder>) {
        let Some(heard) = self.orders.heard_of(from) else { return };
        let missed = upto.saturating_sub(*heard);
        *heard = upto.max(*heard);
        self.orders.to_read |= missed > orders.len() as u64;
        self.take_kept(now, orders);
    }

    /// A node is gone, perhaps before it said how many orders it has told last.
    pub(super) fn orders_of_gone(&mut self) {
        self.orders.to_read = true;
    }

    /// With each renewal: reads all orders if some may have been missed, and forgets nodes that nobody knows any more.
    pub(super) fn read_missed_orders(&mut self) {
        let nodes = &self.nodes;
        self.orders.heard.retain(|name, _| nodes.is_known(name));
        if std::mem::take(&mut self.orders.to_read) {
            self.actions.push(Action::ReadOrders);
        }
    }

    /// Another node was ordered something.
    pub(super) fn ordered_elsewhere(&mut self, now: Now, from: &NodeLife, number: u64, order: AdminOrder) {
        // Behind a gap nothing counts as heard, until what is missing is told again.
        if let Some(heard) = self.orders.heard_of(from).filter(|heard| heard.saturating_add(1) == number) {
            *heard = number;
        }
        let known = self.orders.known.get(&order_key(&order));
        if known.is_some_and(|(at_ms, _)| *at_ms == order.at_ms) {
            return;
        }
        // One that is told now counts, whatever the clock of its node says.
        self.orders.note(&order, now);
        let is_late = now.unix_ms.saturating_sub(order.at_ms) > LATE_MS;
        let news = if is_late {
            News::OrderKept(order)
        } else {
            News::Ordered(order)
        };
        self.actions.push(Action::News(news));
    }

    /// The registry has these orders.
    pub(crate) fn on_orders(&mut self, now: Now, orders: Vec<AdminOrder>) -> Vec<Action> {
        self.take_kept(now, orders);
        self.take_actions()
    }

    /// Obeys those orders from before that are not known yet and not over.
    fn take_kept(&mut self, now: Now, mut orders: Vec<AdminOrder>) {
        orders.retain(|order| order.until_ms > now.unix_ms);
        orders.sort_by_key(|order| order.at_ms);
        for order in orders {
            if self.orders.note(&order, now) {
                self.actions.push(Action::News(News::OrderKept(order)));
            }
        }
    }
}

/// What an order is about.
pub(crate) fn order_key(
    AdminOrder {
        app_id, at_ms, order, ..
    }: &AdminOrder,
) -> OrderKey {
    let mut key = vec![app_id.to_string()];
    let mut about = |what: &str, ids: &[&str]| {
        key.push(what.to_owned());
        key.extend(ids.iter().map(|id| (*id).to_owned()));
    };
    match order {
        Order::Kick { room_id, user_ids, .. } => {
            let user = user_ids.first().map_or("", |user| user.as_str());
            let time = at_ms.to_string();
            match user_ids.len() {
                1 => about("kick", &[room_id.as_str(), user]),
                // Nothing takes the place of a kick of several: none of them comes back by another order.
                _ => about("kick", &[room_id.as_str(), user, &time]),
            }
        }
        Order::Close { room_id, .. } => about("close", &[room_id.as_str()]),
        Order::ForbidUser { target, .. } | Order::AllowUser(target) => match target {
            RuleTarget::Address(address) => about("address", &[&address.to_string()]),
            RuleTarget::Room(room) => about("room", &[room.as_str()]),
            RuleTarget::User(user) => about("user", &[user.as_str()]),
            RuleTarget::UserInRoom(room, user) => about("userInRoom", &[room.as_str(), user.as_str()]),
        },
        Order::SilenceStream { room_id, stream_id, .. } | Order::HearStream { room_id, stream_id } => {
            about("sound", &[room_id.as_str(), stream_id.as_str()]);
        }
        Order::ForbidStream(order) | Order::ResumeStream(order) => about("stream", &[order.stream_id.as_str()]),
    }
    key
}
