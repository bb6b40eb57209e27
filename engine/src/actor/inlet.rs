//! How the engine knows which of its parts speaks.

use std::marker::PhantomData;

use actix::{Actor, Addr, Context, Handler, Message, Recipient};

use super::{engine_actor::EngineActor, state::LifeId};

/// An event with the part that reported it. Sent by an [`Inlet`] to EngineActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct Reported<E> {
    pub(super) life: LifeId,
    pub(super) event: E,
}

/// Stands before EngineActor for one part: events carry no name, so each part speaks into an inlet of its own. It ends when
/// the part drops its recipient.
pub(super) struct Inlet<E> {
    life: LifeId,
    engine: Addr<EngineActor>,
    event: PhantomData<fn(E)>,
}

impl<E> Inlet<E>
where
    E: Message<Result = ()> + Send + 'static,
    EngineActor: Handler<Reported<E>>,
{
    /// The recipient to give to the part `life`.
    pub(super) fn open(life: LifeId, engine: Addr<EngineActor>) -> Recipient<E> {
        let event = PhantomData;
        Self { life, engine, event }.start().recipient()
    }
}

impl<E: 'static> Actor for Inlet<E> {
    type Context = Context<Self>;
}

impl<E> Handler<E> for Inlet<E>
where
    E: Message<Result = ()> + Send + 'static,
    EngineActor: Handler<Reported<E>>,
{
    type Result = ();

    fn handle(&mut self, event: E, _: &mut Self::Context) {
        // Events are rare by construction, so the mailbox bound is not consulted.
        self.engine.do_send(Reported { life: self.life, event });
    }
}
