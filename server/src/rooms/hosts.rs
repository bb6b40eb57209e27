//! Requests over HTTP that wait for their answers, and the places of resources that came of them.

use std::collections::HashMap;

use actix::ResponseFuture;
use express_messages::codes;
use tokio::sync::oneshot;

use super::{HostFault, HostRefusal, HostTicket, Hosted, Place};

type Outcome = Result<Hosted, HostRefusal>;

/// What the actor keeps for users without a socket.
#[derive(Default)]
pub(super) struct Hosts {
    last_ticket: u64,
    waiting: HashMap<HostTicket, (oneshot::Sender<Outcome>, Option<Place>)>,
    /// By the id of the resource that it belongs to.
    places: HashMap<String, Place>,
}

impl Hosts {
    /// A ticket for a request, and its answer once there is one.
    pub(super) fn wait(&mut self, place: Option<Place>) -> (HostTicket, ResponseFuture<Outcome>) {
        self.last_ticket = self.last_ticket.saturating_add(1);
        let ticket = HostTicket(self.last_ticket);
        let (answer, answered) = oneshot::channel();
        self.waiting.insert(ticket, (answer, place));
        let stopped = || HostRefusal::new(HostFault::Busy, codes::ROOM_INNER_ERROR, "the rooms have stopped");
        let answered = async move { answered.await.unwrap_or_else(|_| Err(stopped())) };
        (ticket, Box::pin(answered))
    }

    /// Answers a request. Who has hung up meanwhile has a resource that nobody will connect to, and that ends for it.
    pub(super) fn answer(&mut self, ticket: HostTicket, outcome: Outcome) {
        let Some((answer, place)) = self.waiting.remove(&ticket) else {
            return;
        };
        if let (Ok(Hosted::Created { resource, .. }), Some(place)) = (&outcome, place) {
            self.places.insert(resource.clone(), place);
        }
        let _ = answer.send(outcome);
    }

    /// A resource is over.
    pub(super) fn give_back(&mut self, resource: &str) {
        self.places.remove(resource);
    }
}
