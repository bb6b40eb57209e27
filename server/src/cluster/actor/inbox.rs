//! What the bus tells an actor by itself.

use actix::{Addr, Handler, Message as ActorMessage};
use tokio::sync::{mpsc, watch};

use super::ClusterActor;
use crate::cluster::bus::{BusStatus, Incoming, WatchEvent};

/// Hands on what comes, one after the other: who is busy is not given more.
pub(super) async fn hand_on<T>(mut from: mpsc::Receiver<T>, to: Addr<ClusterActor>, came: impl Fn(T) -> Came) {
    while let Some(event) = from.recv().await {
        if to.send(came(event)).await.is_err() {
            return;
        }
    }
}

pub(super) async fn hand_status_on(mut from: watch::Receiver<BusStatus>, to: Addr<ClusterActor>) {
    loop {
        let status = *from.borrow_and_update();
        if to.send(Came::Status(status)).await.is_err() || from.changed().await.is_err() {
            return;
        }
    }
}

/// Something that the bus tells by itself.
#[derive(ActorMessage)]
#[rtype(result = "()")]
pub(super) enum Came {
    Letter(Incoming),
    Node(WatchEvent),
    Status(BusStatus),
}

impl Handler<Came> for ClusterActor {
    type Result = ();

    fn handle(&mut self, came: Came, ctx: &mut Self::Context) {
        match came {
            Came::Letter(incoming) => self.take(incoming, ctx),
            Came::Node(event) => self.watched(&event, ctx),
            Came::Status(status) => self.status(status, ctx),
        }
    }
}
