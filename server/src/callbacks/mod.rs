//! Callbacks: business servers are told over HTTP what happens in rooms. `docs/callbacks.md` has every event.
//!
//! ```text
//!   rooms ─ tell ─► queue of the AppID (bounded, retries, order of each room) ─► a few threads ─ POST ─► callback_url
//! ```
//! The rooms wait for nobody: they put an event into a queue and go on. Where it is sent stands in the configuration alone, and
//! nothing of a client is part of the address or the headers.

mod body;
mod queue;
mod sender;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use serde::Serialize;

use self::sender::Sender;
use crate::config::AppConfig;
use crate::rooms::{BusinessEvent, BusinessServers};

/// Calls of one AppID at a time, each of another room.
const SENDERS: usize = 4;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What was done so far, and what is there.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub(crate) struct CallbackCounts {
            /// Now: events that wait, those being sent included.
            pub(crate) waiting: usize,
            $($(#[doc = $doc])* pub(crate) $name: u64,)*
        }

        impl CallbackCounts {
            /// Every total: its name, what it counts, its value.
            pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Events that business servers have taken.
    delivered,
    /// Tries that failed: no answer in time, or none with a status of 200 to 299.
    failed,
    /// Events that no business server has taken: after five retries, because too many waited, or at a stop.
    lost,
}

/// The senders of all AppIDs that have a `callback_url`. The last clone that is dropped ends them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Callbacks(Arc<Senders>);

#[derive(Default)]
struct Senders {
    by_app: HashMap<u32, Arc<Sender>>,
    /// Disconnects when every thread has ended; `None`: there are none.
    ended: Option<Receiver<()>>,
}

impl fmt::Debug for Senders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_app.keys()).finish()
    }
}

impl Callbacks {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refused one.
    pub(crate) fn start(apps: &[AppConfig]) -> io::Result<Self> {
        let mut senders = Senders::default();
        let (alive, ended) = bounded(0);
        for app in apps {
            let Some((url, secret)) = app.callback() else {
                continue;
            };
            let sender = Arc::new(Sender::new(app.id, url, secret));
            senders.by_app.insert(app.id, Arc::clone(&sender));
            tracing::info!(app_id = app.id, ?url, "the business server is told what happens in rooms");
            for _ in 0..SENDERS {
                let (sender, alive) = (Arc::clone(&sender), alive.clone());
                let thread = std::thread::Builder::new().name("callbacks".into());
                thread.spawn(move || {
                    let _alive: crossbeam_channel::Sender<()> = alive;
                    sender.run();
                })?;
            }
        }
        senders.ended = (!senders.by_app.is_empty()).then_some(ended);
        Ok(Self(Arc::new(senders)))
    }

    /// Of all AppIDs together.
    pub(crate) fn counts(&self) -> CallbackCounts {
        let mut all = CallbackCounts::default();
        for sender in self.0.by_app.values() {
            let (waiting, counts) = sender.counts();
            all.waiting = all.waiting.saturating_add(waiting);
            all.delivered = all.delivered.saturating_add(counts.delivered);
            all.failed = all.failed.saturating_add(counts.failed);
            all.lost = all.lost.saturating_add(counts.lost);
        }
        all
    }

    /// Tries everything that waits once more, for so long at most, and ends the threads. A call that is on its way longer than
    /// that is left to its own end.
    pub(crate) fn stop(&self, patience: Duration) {
        self.0.stop(patience);
    }
}

impl BusinessServers for Callbacks {
    fn tell(&mut self, unix_ms: u64, event: BusinessEvent) {
        if let Some(sender) = self.0.by_app.get(&event.app_id) {
            sender.push(unix_ms, event);
        }
    }
}

impl Senders {
    fn stop(&self, patience: Duration) {
        for sender in self.by_app.values() {
            sender.stop_within(patience);
        }
        let ended = self.ended.as_ref().map(|ended| ended.recv_timeout(patience));
        if ended == Some(Err(RecvTimeoutError::Timeout)) {
            tracing::debug!("a callback is on its way still");
        }
        for sender in self.by_app.values() {
            sender.give_up();
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}
