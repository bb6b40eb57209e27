//! Looking at the list of devices from time to time.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture};
use express_messages::audio_device::WatchDevices;

use super::{AudioDeviceActor, answered, now};

/// How often the list is looked at; a look takes a sound server a millisecond.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// The looks of one actor: never two at a time.
#[derive(Debug, Default)]
pub(super) struct Watching {
    interval: Option<SpawnHandle>,
    /// A look has no answer yet.
    is_looking: bool,
    /// What that look shows is too old already: another follows at once.
    is_outdated: bool,
}

impl AudioDeviceActor {
    pub(super) fn start_watch(&mut self, ctx: &mut Context<Self>) {
        self.watching.interval = Some(ctx.run_interval(WATCH_EVERY, Self::look_at_list));
        self.look_at_list(ctx);
    }

    pub(super) fn stop_watch(&mut self, ctx: &mut Context<Self>) {
        if let Some(interval) = self.watching.interval.take() {
            ctx.cancel_future(interval);
        }
    }

    /// Looks now, at a list that is not older than this call.
    pub(super) fn look_again(&mut self, ctx: &mut Context<Self>) {
        self.watching.is_outdated = self.watching.is_looking;
        self.look_at_list(ctx);
    }

    /// Asks the desk for the list, unless it has not answered the last time: a sound system that hangs is not asked twice.
    fn look_at_list(&mut self, ctx: &mut Context<Self>) {
        if self.watching.is_looking {
            return;
        }
        self.watching.is_looking = true;
        let answer = answered(self.desk.list()).into_actor(self).map(|list, this, ctx| {
            this.watching.is_looking = false;
            if std::mem::take(&mut this.watching.is_outdated) {
                return this.look_at_list(ctx);
            }
            let list = match list {
                Some(Ok(list)) => Some(list),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a look at the devices failed");
                    None
                }
                None => {
                    tracing::warn!("the sound system does not list its devices");
                    None
                }
            };
            let effects = this.state.devices_listed(list, now());
            this.carry_out(effects, ctx);
        });
        ctx.spawn(answer);
    }
}

impl Handler<WatchDevices> for AudioDeviceActor {
    type Result = ();

    fn handle(&mut self, message: WatchDevices, ctx: &mut Context<Self>) {
        self.state.listen(message.0);
        self.carry_out(Vec::new(), ctx);
    }
}
