//! Many room logins without media, each as the engine makes it: what a server meets when all of them come back.

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
}

impl Members {
    /// Logs `count` users in, ten to a room, and waits until all are in. Needs an actix system.
    pub async fn login(url: &str, count: usize) -> Self {
        let signalling = Signalling::new(Handle::current());
        let (sender, changes) = mpsc::unbounded_channel();
        let rooms = (0..count).map(|n| {
            let owner = Owner(sender.clone()).start();
            signalling.start(options(url, n), owner.recipient(), RoomPeers::default())
        });
        let rooms = rooms.collect();
        let mut members = Self { changes, rooms };
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
        let mut told = Vec::with_capacity(self.rooms.len());
        let deadline = tokio::time::Instant::now() + patience;
        while told.len() < self.rooms.len() {
            let change = tokio::time::timeout_at(deadline, self.changes.recv()).await;
            let change = change.unwrap_or_else(|_| panic!("only {} of {} were told {reason}", told.len(), self.rooms.len()));
            told.extend(change.filter(|(_, seen)| *seen == reason).map(|(at, _)| at));
        }
        told
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
struct Owner(mpsc::UnboundedSender<Change>);

impl Actor for Owner {
    type Context = Context<Self>;
}

impl Handler<RoomEvent> for Owner {
    type Result = ();

    fn handle(&mut self, event: RoomEvent, _: &mut Self::Context) {
        if let RoomEvent::StateChanged { reason, .. } = event {
            // A test that has ended needs no more.
            let _ = self.0.send((Instant::now(), reason));
        }
    }
}
