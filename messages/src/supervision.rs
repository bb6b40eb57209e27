//! How an actor's owner learns that the actor is gone.

use std::fmt;

use actix::{Message, Recipient};

/// Tells the owner once, when dropped with the actor, that the actor ended, whether by a stop or by a panic.
///
/// An actor keeps it as a field. It also carries the link to the owner, so that an actor has one way to speak to it.
pub struct ExitGuard<E>
where
    E: Message + Send + 'static,
    E::Result: Send,
{
    owner: Recipient<E>,
    exited: fn(bool) -> E,
}

impl<E> ExitGuard<E>
where
    E: Message + Send + 'static,
    E::Result: Send,
{
    /// `exited` makes the owner's event from "did it panic".
    pub fn new(owner: Recipient<E>, exited: fn(bool) -> E) -> Self {
        Self { owner, exited }
    }

    /// Sends `event` to the owner. Events are rare by construction, so the mailbox bound is not consulted.
    pub fn tell(&self, event: E) {
        self.owner.do_send(event);
    }
}

impl<E> Drop for ExitGuard<E>
where
    E: Message + Send + 'static,
    E::Result: Send,
{
    fn drop(&mut self) {
        self.owner.do_send((self.exited)(std::thread::panicking()));
    }
}

impl<E> fmt::Debug for ExitGuard<E>
where
    E: Message + Send + 'static,
    E::Result: Send,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExitGuard")
    }
}
