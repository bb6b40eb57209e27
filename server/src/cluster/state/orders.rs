//! What business servers order holds on nodes, too, that were cut off or not started yet: the registry keeps it for a while.

use std::collections::HashMap;

use super::{Action, ClusterState, Message};
use crate::rooms::Now;
use crate::rooms::admin::{AdminOrder, Order, RuleTarget};
use crate::rooms::cloud::News;

/// Orders whose times are remembered; of more the registry may tell again what is known.
const MAX_KNOWN: usize = 100_000;
/// Orders that wait until the registry can be reached.
const MAX_UNKEPT: usize = 1_000;

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
}

impl Orders {
    /// An order that is given now is later than all before it, whatever the clocks say.
    fn date(&mut self, order: &mut AdminOrder) {
        let known = self.known.get(&order_key(order)).map_or(0, |(at_ms, _)| *at_ms);
        order.at_ms = order.at_ms.max(known.max(self.last_ms).saturating_add(1));
        self.last_ms = order.at_ms;
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
        self.actions.push(Action::Broadcast(Message::Ordered(order.clone())));
        self.keep(order);
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
            self.actions.push(Action::Broadcast(Message::Ordered(order.clone())));
            self.keep(order);
        }
        self.actions.push(Action::ReadOrders);
    }

    /// Another node was ordered something.
    pub(super) fn ordered_elsewhere(&mut self, now: Now, order: AdminOrder) {
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
    pub(crate) fn on_orders(&mut self, now: Now, mut orders: Vec<AdminOrder>) -> Vec<Action> {
        orders.retain(|order| order.until_ms > now.unix_ms);
        orders.sort_by_key(|order| order.at_ms);
        for order in orders {
            if self.orders.note(&order, now) {
                self.actions.push(Action::News(News::OrderKept(order)));
            }
        }
        self.take_actions()
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
