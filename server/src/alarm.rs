//! Wakes an actor whose state has deadlines.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, SpawnHandle};

/// An actor that is woken when its state is due.
pub(crate) trait Woken: Actor<Context = Context<Self>> {
    /// When the state wants to be woken, on the actor's own clock.
    fn next_deadline(&self) -> Option<Duration>;

    /// What that clock says now.
    fn clock(&self) -> Duration;

    /// Where its alarm is kept.
    fn alarm(&mut self) -> &mut Alarm;

    /// It is time, or was lately.
    fn on_alarm(&mut self, ctx: &mut Context<Self>);
}

/// When an actor is woken next.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Duration, SpawnHandle)>);

impl Alarm {
    /// Sees to it that an actor is woken in time; once too early does no harm.
    pub(crate) fn set<A: Woken>(actor: &mut A, ctx: &mut Context<A>) {
        let Some(next) = actor.next_deadline() else {
            return;
        };
        let wait = next.saturating_sub(actor.clock());
        let alarm = actor.alarm();
        match alarm.0 {
            Some((at, _)) if at <= next => return,
            Some((_, handle)) => {
                ctx.cancel_future(handle);
            }
            None => {}
        }
        let handle = ctx.run_later(wait, |actor: &mut A, ctx| {
            actor.alarm().0 = None;
            actor.on_alarm(ctx);
        });
        alarm.0 = Some((next, handle));
    }
}
