//! What is really so, whatever nodes believe: where each user is.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use express_messages::ids::{RoomId, StreamId, UserId};
use express_server::rooms::cloud::RoomName;

use crate::population::{RoomPlan, UserPlan};

/// The one AppID.
pub const APP: u32 = 1;

/// Where a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// In no call.
    Home,
    /// On the way into a room, at [`User::node`].
    Door,
    /// In the room, at [`User::node`].
    Room,
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// What is meant.
    pub plan: UserPlan,
    /// Which call of this user: each is under an id of its own.
    pub call: u32,
    /// Where.
    pub at: At,
    /// At which node.
    pub node: usize,
    /// The node that the user is about to leave for [`User::node`], still in the room there.
    pub from: Option<usize>,
    /// The node that failed under this user, who says so when coming back.
    pub lost: Option<usize>,
    /// In a call, also while a node fails under it.
    pub in_call: bool,
    /// The claim of the stream, where it is published at [`User::node`].
    pub published: Option<u64>,
    /// Others saw the user leave during the call.
    pub seen_to_leave: bool,
}

/// A room.
#[derive(Debug, Clone)]
pub struct RoomSlot {
    /// What is meant.
    pub plan: RoomPlan,
    /// Which life of the room: each is under an id of its own.
    pub life: u32,
    /// How many of this life are gone.
    pub gone: u32,
}

/// What is to happen to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A room begins another life.
    Begin(u32),
    /// A user wants into the room: at any node, or sent on to this one.
    Login(u32, u32, Option<usize>),
    /// A user hangs up.
    Leave(u32, u32),
    /// A user moves to another node.
    Move(u32),
    /// The node that a user has moved away from hears of it.
    EndOld(u32, usize),
}

/// What was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Logins that were done.
    pub logins: u64,
    /// Sent on to a better node.
    pub redirects: u64,
    /// Times that a node's members saw somebody leave who was in the call.
    pub left_in_call: u64,
    /// Users to whom that happened.
    pub users_left_in_call: u64,
    /// Streams that were refused or taken away from who owned them.
    pub streams_lost: u64,
}

/// Users, rooms, and what is to happen soon.
#[derive(Debug)]
pub struct World {
    /// All users.
    pub users: Vec<User>,
    /// All rooms.
    pub rooms: Vec<RoomSlot>,
    /// What nodes have set off: to be put in order by who runs the world.
    pub soon: Vec<(Duration, Event)>,
    /// What was seen.
    pub seen: Seen,
    /// A source of small delays.
    dice: u64,
}

/// The world, as nodes and who runs it share it.
pub type Shared = Rc<RefCell<World>>;

impl World {
    /// Nobody is in a call.
    pub fn new((rooms, users): (Vec<RoomPlan>, Vec<UserPlan>)) -> Self {
        let user = |plan| User {
            plan,
            call: 0,
            at: At::Home,
            node: 0,
            from: None,
            lost: None,
            in_call: false,
            published: None,
            seen_to_leave: false,
        };
        let (life, gone) = (0, 0);
        Self {
            users: users.into_iter().map(user).collect(),
            rooms: rooms.into_iter().map(|plan| RoomSlot { plan, life, gone }).collect(),
            soon: Vec::new(),
            seen: Seen::default(),
            dice: 1,
        }
    }

    /// A delay between two, in milliseconds.
    pub fn wait(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let span_us = (most_ms - least_ms) * 1000 + 1;
        Duration::from_micros(least_ms * 1000 + (self.dice >> 33) % span_us)
    }

    /// The id of the room that a user is in, or wants into.
    pub fn room_of(&self, user: u32) -> RoomName {
        let room = self.users[user as usize].plan.room;
        let name = format!("r{room}.{}", self.rooms[room as usize].life);
        (APP, id(RoomId::new(&name)))
    }

    /// The ids of a user and of the user's stream.
    pub fn ids_of(&self, user: u32) -> (UserId, StreamId) {
        let call = self.users[user as usize].call;
        (
            id(UserId::new(format!("u{user}.{call}"))),
            id(StreamId::new(format!("s{user}.{call}"))),
        )
    }

    /// A node hears that a user is on no other node any more: its members see that, unless the user is here.
    pub fn sees_leave(&mut self, node: usize, user: &str) {
        let Some((number, call)) = numbers(user) else { return };
        let user = &mut self.users[number as usize];
        let is_here = user.at == At::Room && user.node == node || user.from == Some(node);
        if user.call == call && user.in_call && !is_here {
            self.seen.left_in_call += 1;
            self.seen.users_left_in_call += u64::from(!user.seen_to_leave);
            user.seen_to_leave = true;
        }
    }
}

/// The numbers of an id as this crate makes them.
pub fn numbers(id: &str) -> Option<(u32, u32)> {
    let (number, life) = id.get(1..)?.split_once('.')?;
    Some((number.parse().ok()?, life.parse().ok()?))
}

/// An id of letters, numbers and a dot is always one.
#[allow(clippy::expect_used)]
fn id<I, E: std::fmt::Debug>(made: Result<I, E>) -> I {
    made.expect("a short id of allowed characters")
}
