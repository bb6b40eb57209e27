//! A recorder that stands in for the owner, or for a peer, of an actor under test; an allocator that counts.

mod allocations;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix::{Actor, Context, Handler, Message, Recipient, dev::MessageResponse};

pub use allocations::{Counting, allocations};

/// Everything a [`Recorder`] was sent, in order.
pub struct Recorded<M>(Arc<Mutex<Vec<M>>>);

impl<M> Recorded<M> {
    fn lock(&self) -> MutexGuard<'_, Vec<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what has come so far.
    pub fn take(&self) -> Vec<M> {
        std::mem::take(&mut *self.lock())
    }

    /// How many messages wait to be taken.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

impl<M> fmt::Debug for Recorded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorded({})", self.len())
    }
}

impl<M> Clone for Recorded<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// An actor that keeps every `M` it is sent and answers from a queue of prepared answers, then from a default.
pub struct Recorder<M: Message> {
    seen: Recorded<M>,
    answers: VecDeque<M::Result>,
    default: fn() -> M::Result,
}

impl<M: Message> fmt::Debug for Recorder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({:?})", self.seen)
    }
}

impl<M> Recorder<M>
where
    M: Message + Send + Unpin + 'static,
    M::Result: MessageResponse<Self, M> + Send + Unpin,
{
    /// Starts a recorder on this thread's arbiter; it answers `()` or another default value.
    pub fn start() -> (Recipient<M>, Recorded<M>)
    where
        M::Result: Default,
    {
        Self::answering([], Default::default)
    }

    /// Starts a recorder that gives `answers` in order, then `default()` for ever.
    pub fn answering(answers: impl IntoIterator<Item = M::Result>, default: fn() -> M::Result) -> (Recipient<M>, Recorded<M>) {
        let seen = Recorded(Arc::default());
        let recorder = Self {
            seen: seen.clone(),
            answers: answers.into_iter().collect(),
            default,
        };
        (Actor::start(recorder).recipient(), seen)
    }
}

impl<M> Actor for Recorder<M>
where
    M: Message + Unpin + 'static,
    M::Result: Unpin,
{
    type Context = Context<Self>;
}

impl<M> Handler<M> for Recorder<M>
where
    M: Message + Send + Unpin + 'static,
    M::Result: MessageResponse<Self, M> + Send + Unpin,
{
    type Result = M::Result;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> M::Result {
        self.seen.lock().push(message);
        self.answers.pop_front().unwrap_or_else(self.default)
    }
}
