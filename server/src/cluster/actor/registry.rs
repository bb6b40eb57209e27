//! What an actor asks of the registry, and of the entries of nodes: each thing in a task of its own, whose answer comes back as a message.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message as ActorMessage};
use bytes::Bytes;
use express_messages::ids::{RoomId, StreamId};

use super::ClusterActor;
use crate::cluster::bus::{Bucket, BusError, Entry, Key, Revision};
use crate::cluster::orders;
use crate::cluster::state::{NodeEntry, OpId, RegistryKey, WriteError};
use crate::rooms::admin::AdminOrder;

/// The registry was read.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct Got(OpId, Result<Option<Entry>, ()>);

/// The registry was written, or not.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct Written(OpId, Result<Option<Revision>, WriteError>);

/// What others changed was read.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct ChangesRead(Result<Option<Vec<RegistryKey>>, ()>);

/// All nodes were read.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct NodesRead(Vec<(NodeEntry, Revision)>);

/// An order of a business server was not written.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct NotKept(AdminOrder);

/// All orders that are kept were read.
#[derive(ActorMessage)]
#[rtype(result = "()")]
struct OrdersRead(Vec<AdminOrder>);

impl ClusterActor {
    pub(super) fn get(&self, op: OpId, key: RegistryKey, ctx: &Context<Self>) {
        let (bus, turns, back) = (Arc::clone(&self.bus), Arc::clone(&self.turns), ctx.address());
        actix::spawn(async move {
            let _turn = turns.acquire().await;
            let got = bus.get(Bucket::Claims, &key_of(&key)).await;
            back.do_send(Got(
                op,
                got.map_err(|error| tracing::debug!(%error, "the registry was not read")),
            ));
        });
    }

    pub(super) fn put(&self, op: OpId, key: RegistryKey, value: Bytes, expected: Option<Revision>, ctx: &Context<Self>) {
        let (bus, turns, back) = (Arc::clone(&self.bus), Arc::clone(&self.turns), ctx.address());
        actix::spawn(async move {
            let _turn = turns.acquire().await;
            let key = key_of(&key);
            let written = match expected {
                Some(expected) => bus.update(Bucket::Claims, &key, value, expected).await,
                None => bus.create(Bucket::Claims, &key, value).await,
            };
            back.do_send(Written(op, written.map(Some).map_err(|error| write_error(&error))));
        });
    }

    pub(super) fn delete(&self, op: OpId, key: RegistryKey, expected: Revision, ctx: &Context<Self>) {
        let (bus, turns, back) = (Arc::clone(&self.bus), Arc::clone(&self.turns), ctx.address());
        actix::spawn(async move {
            let _turn = turns.acquire().await;
            let deleted = bus.delete(Bucket::Claims, &key_of(&key), expected).await;
            back.do_send(Written(op, deleted.map(|()| None).map_err(|error| write_error(&error))));
        });
    }

    pub(super) fn read_changes(&self, after: Revision, most: usize, ctx: &Context<Self>) {
        let (bus, back) = (Arc::clone(&self.bus), ctx.address());
        actix::spawn(async move {
            let changed = bus.changed(Bucket::Claims, after, most).await;
            let changed = changed.map(|keys| Some(keys?.iter().filter_map(registry_key).collect()));
            back.do_send(ChangesRead(
                changed.map_err(|error| tracing::debug!(%error, "what others changed was not read")),
            ));
        });
    }

    pub(super) fn keep(&self, order: AdminOrder, ctx: &Context<Self>) {
        let (bus, turns, back) = (Arc::clone(&self.bus), Arc::clone(&self.turns), ctx.address());
        actix::spawn(async move {
            let _turn = turns.acquire().await;
            if let Err(error) = orders::keep(&*bus, &order).await {
                tracing::info!(%error, "an order of a business server was not kept; it will be with the next connection");
                back.do_send(NotKept(order));
            }
        });
    }

    pub(super) fn read_orders(&self, ctx: &Context<Self>) {
        let (bus, back) = (Arc::clone(&self.bus), ctx.address());
        actix::spawn(async move {
            match orders::read_all(&*bus).await {
                Ok(orders) => back.do_send(OrdersRead(orders)),
                Err(error) => {
                    tracing::warn!(%error, "what business servers ordered before was not read: kicks and bans may be missing")
                }
            }
        });
    }

    /// Reads all nodes, for the case that the watch has missed something.
    pub(super) fn read_nodes(&self, ctx: &Context<Self>) {
        let (bus, back) = (Arc::clone(&self.bus), ctx.address());
        actix::spawn(async move {
            if let Ok(entries) = bus.entries(Bucket::Nodes).await {
                let nodes = entries.iter().filter_map(|(_, entry)| node_entry(entry));
                back.do_send(NodesRead(nodes.collect()));
            }
        });
    }
}

fn registry_key(key: &Key) -> Option<RegistryKey> {
    let [kind, app_id, name] = key.parts() else {
        return None;
    };
    let app_id = app_id.parse().ok()?;
    match kind.as_str() {
        "room" => Some(RegistryKey::Room((app_id, RoomId::new(name.as_str()).ok()?))),
        "stream" => Some(RegistryKey::Stream((app_id, StreamId::new(name.as_str()).ok()?))),
        _ => None,
    }
}

fn key_of(key: &RegistryKey) -> Key {
    match key {
        RegistryKey::Room((app_id, room)) => Key::new(["room".to_owned(), app_id.to_string(), room.to_string()]),
        RegistryKey::Stream((app_id, stream)) => Key::new(["stream".to_owned(), app_id.to_string(), stream.to_string()]),
    }
}

pub(super) fn node_entry(entry: &Entry) -> Option<(NodeEntry, Revision)> {
    Some((serde_json::from_slice(&entry.value).ok()?, entry.revision))
}

fn write_error(error: &BusError) -> WriteError {
    match error {
        BusError::Conflict { .. } => WriteError::Conflict,
        error => {
            tracing::debug!(%error, "the registry was not written");
            WriteError::Unavailable
        }
    }
}

impl Handler<Got> for ClusterActor {
    type Result = ();

    fn handle(&mut self, Got(op, got): Got, ctx: &mut Self::Context) {
        let got = got.map(|entry| entry.map(|entry| (entry.value.to_vec(), entry.revision)));
        let actions = self.state.on_got(self.now(), op, got);
        self.carry_out(actions, ctx);
    }
}

impl Handler<Written> for ClusterActor {
    type Result = ();

    fn handle(&mut self, Written(op, written): Written, ctx: &mut Self::Context) {
        let actions = self.state.on_written(self.now(), op, written);
        self.carry_out(actions, ctx);
    }
}

impl Handler<ChangesRead> for ClusterActor {
    type Result = ();

    fn handle(&mut self, ChangesRead(changes): ChangesRead, ctx: &mut Self::Context) {
        let actions = self.state.on_changes(self.now(), changes);
        self.carry_out(actions, ctx);
    }
}

impl Handler<NodesRead> for ClusterActor {
    type Result = ();

    fn handle(&mut self, NodesRead(nodes): NodesRead, ctx: &mut Self::Context) {
        for (node, revision) in nodes {
            let actions = self.state.on_node(self.now(), &Arc::new(node), revision);
            self.carry_out(actions, ctx);
        }
    }
}

impl Handler<NotKept> for ClusterActor {
    type Result = ();

    fn handle(&mut self, NotKept(order): NotKept, _: &mut Self::Context) {
        self.state.on_not_kept(order);
    }
}

impl Handler<OrdersRead> for ClusterActor {
    type Result = ();

    fn handle(&mut self, OrdersRead(orders): OrdersRead, ctx: &mut Self::Context) {
        let actions = self.state.on_orders(self.now(), orders);
        self.carry_out(actions, ctx);
    }
}
