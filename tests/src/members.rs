//! Many room logins without media, each as the engine makes it: what a server meets when all of them come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use express_messages::{
    ids::{RoomId, UserId},
    room::{RoomEvent, RoomFactory, RoomLink, RoomOptions, RoomPeers},
    timings::Timings,
    types::{RoomStateChangedReason, ZegoUser},
};
use express_signalling::room::Signalling;
use tokio::{runtime::Handle, sync::mpsc};

use crate::tokens::{APP_ID, token};

/// A change of one member's room state, and when it came.
pub type Change = (Instant, RoomStateChangedReason);

/// Logins that last until this is dropped.
#[derive(Debug)]
pub struct Members {
    changes: mpsc::UnboundedReceiver<Change>,
    rooms: Vec<RoomLink>,
    /// How often one of them was told that others came or went.
    others: Arc<AtomicUsize>,
}

impl Members {
    /// Logs `count` users in, ten to a room, and waits until all are in. Needs an actix system.
    pub async fn login(url: &str, count: usize) -> Self {
        Self::login_at(&[url.to_owned()], count).await
    }

    /// The same, at these nodes in turn, so that each room is on all of them.
    pub async fn login_at(urls: &[String], count: usize) -> Self {
        let signalling = Signalling::new(Handle::current());
        let (sender, changes) = mpsc::unbounded_channel();
        let others = Arc::<AtomicUsize>::default();
        let rooms = (0..count).zip(urls.iter().cycle()).map(|(n, url)| {
            let owner = Owner {
                changes: sender.clone(),
                others: Arc::clone(&others),
            };
            signalling.start(options(url, n), owner.start().recipient(), RoomPeers::default())
        });
        let rooms = rooms.collect();
        let mut members = Self { changes, rooms, others };
        members
            .all_told(RoomStateChangedReason::Logined, Duration::from_secs(30))
            .await;
        members
    }

    /// When each member was told `reason`, in order; others are passed over.
    ///
    /// # Panics
    /// When not all are told within `patience`.
    pub async fn all_told(&mut self, reason: RoomStateChangedReason, patience: Duration) -> Vec<Instant> {
        self.told(self.rooms.len(), reason, patience).await
    }

    /// The same for so many of them.
    ///
    /// # Panics
    /// When not so many are told within `patience`.
    pub async fn told(&mut self, count: usize, reason: RoomStateChangedReason, patience: Duration) -> Vec<Instant> {
        let mut told = Vec::with_capacity(count);
        let deadline = tokio::time::Instant::now() + patience;
        while told.len() < count {
            let change = tokio::time::timeout_at(deadline, self.changes.recv()).await;
            let change = change.unwrap_or_else(|_| panic!("only {} of {count} were told {reason}", told.len()));
            told.extend(change.filter(|(_, seen)| *seen == reason).map(|(at, _)| at));
        }
        told
    }

    /// What of the room's state was told since it was last asked for.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::iter::from_fn(|| self.changes.try_recv().ok()).collect()
    }

    /// How often one of them was told that others came or went, or their streams, since it was last asked for.
    pub fn take_others_changed(&self) -> usize {
        self.others.swap(0, Ordering::Relaxed)
    }
}

fn options(url: &str, n: usize) -> RoomOptions {
    room_options(url, &format!("room{}", n / 10), &format!("member{n}"))
}

/// How `user` logs in to `room` with a token made now.
pub(crate) fn room_options(url: &str, room: &str, user: &str) -> RoomOptions {
    // What is kept from the application for 8 s is told at once here, so that each return shows.
    let mut timings = Timings::default();
    timings.reconnecting_debounce = Duration::ZERO;
    RoomOptions {
        app_id: APP_ID,
        servers: vec![url.to_owned()],
        room_id: RoomId::new(room).expect("the name is in order"),
        token: token(user),
        user: ZegoUser {
            user_id: UserId::new(user).expect("the name is in order"),
            user_name: user.into(),
        },
        user_update: true,
        max_member_count: 0,
        loudest_streams: 0,
        instance: None,
        timings,
    }
}

/// Stands for the engine of one member.
struct Owner {
    changes: mpsc::UnboundedSender<Change>,
    others: Arc<AtomicUsize>,
}

impl Actor for Owner {
    type Context = Context<Self>;
}

impl Handler<RoomEvent> for Owner {
    type Result = ();

    fn handle(&mut self, event: RoomEvent, _: &mut Self::Context) {
        match event {
            RoomEvent::StateChanged { reason, .. } => {
                // A test that has ended needs no more.
                let _ = self.changes.send((Instant::now(), reason));
            }
            RoomEvent::UserUpdate { .. } | RoomEvent::StreamUpdate { .. } => {
                self.others.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
