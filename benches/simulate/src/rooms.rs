//! The rooms of a node, as far as the cloud is concerned: who is in, who waits, and nothing of what they say.

use std::collections::HashMap;
use std::time::Duration;

use express_messages::types::{StreamDeleteReason, ZegoStream, ZegoUser};
use express_server::cluster::sim::SimRooms;
use express_server::rooms::cloud::{Fact, LoginElsewhere, Member, News, NodeName, RemoteStream, RoomName, RoomTerms, Wish};
use express_server::rooms::{Now, Ticket};

use crate::world::{APP, At, Event, Shared, World, numbers};

/// A client that is sent on connects anew.
const RECONNECT_MS: (u64, u64) = (100, 300);
/// The node that a client moves away from keeps its session so long: what was played there plays until it is heard from elsewhere.
const MOVES: Duration = Duration::from_secs(15);
/// The load is said when it has changed by so many sessions.
const LOAD_STEP: usize = 10;

/// A room on this node.
#[derive(Debug, Default)]
pub struct Here {
    /// It is open.
    pub open: bool,
    /// Members on this node.
    pub members: u32,
    /// Streams of them.
    pub streams: u32,
    /// Who waits for it to open.
    waiting: Vec<u32>,
}

/// The rooms of one node.
#[derive(Debug)]
pub struct LightRooms {
    node: usize,
    world: Shared,
    rooms: HashMap<RoomName, Here>,
    sessions: usize,
    told: usize,
}

impl LightRooms {
    /// Nobody is here yet.
    pub fn new(node: usize, world: Shared) -> Self {
        Self {
            node,
            world,
            rooms: HashMap::new(),
            sessions: 0,
            told: 0,
        }
    }

    /// The rooms.
    pub fn rooms(&self) -> impl Iterator<Item = (&RoomName, &Here)> {
        self.rooms.iter()
    }

    /// Members of this node.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// A user wants in.
    pub fn login(&mut self, now: Now, user: u32, redirected: bool) -> Vec<Wish> {
        let room = self.world.borrow().room_of(user);
        let here = self.rooms.entry(room.clone()).or_default();
        if here.open {
            let mut wishes = Vec::new();
            self.enter(now, &room, user, &mut wishes);
            return wishes;
        }
        here.waiting.push(user);
        let terms = RoomTerms {
            session_id: now.unix_ms,
            max_members: 0,
            loudest_streams: 0,
        };
        let left = self.world.borrow().users[user as usize].lost;
        let left = left.and_then(|node| NodeName::new(&format!("n{node}")).ok());
        vec![Wish::Open {
            room,
            terms,
            redirected,
            left,
        }]
    }

    /// A user of an open room is in.
    fn enter(&mut self, now: Now, room: &RoomName, user: u32, wishes: &mut Vec<Wish>) {
        let mut world = self.world.borrow_mut();
        let (user_id, stream_id) = world.ids_of(user);
        let known = &mut world.users[user as usize];
        if known.at != At::Door || known.node != self.node {
            return;
        }
        known.at = At::Room;
        known.in_call = true;
        known.lost = None;
        known.published = None;
        let (from, speaks) = (known.from, known.plan.speaks);
        world.seen.logins += 1;
        if let Some(from) = from {
            world.soon.push((now.mono + MOVES, Event::EndOld(user, from)));
        }
        let call = world.users[user as usize].call;
        drop(world);
        if let Some(here) = self.rooms.get_mut(room) {
            here.members += 1;
        }
        self.sessions += 1;
        wishes.push(Wish::LoggedIn(LoginElsewhere {
            app_id: APP,
            room_id: room.1.clone(),
            user_id: user_id.clone(),
            login_ms: now.unix_ms,
            instance: None,
            moved_from: from.map(|_| String::new()),
        }));
        let member = named(&user_id).map(|user| Member {
            user,
            login_ms: now.unix_ms,
        });
        wishes.extend(member.map(|member| Wish::Tell(room.clone(), Fact::UserCame(member))));
        if speaks {
            wishes.push(Wish::Claim {
                ticket: Ticket(u64::from(call) << 32 | u64::from(user)),
                room: room.clone(),
                stream_id,
                user_id,
            });
        }
        self.tell_load(wishes);
    }

    /// A user hangs up, or has moved to another node.
    pub fn leave(&mut self, user: u32, wishes: &mut Vec<Wish>) {
        let mut world = self.world.borrow_mut();
        let room = world.room_of(user);
        let (user_id, stream_id) = world.ids_of(user);
        let known = &mut world.users[user as usize];
        let moved = known.from.take_if(|from| *from == self.node).is_some();
        let published = if moved { None } else { known.published.take() };
        drop(world);
        if published.is_some() {
            wishes.push(Wish::Release(APP, stream_id.clone()));
            wishes.push(Wish::Tell(
                room.clone(),
                Fact::StreamLeft(stream_id, StreamDeleteReason::Stopped),
            ));
        }
        wishes.push(Wish::Tell(room.clone(), Fact::UserLeft(user_id)));
        self.sessions = self.sessions.saturating_sub(1);
        if let Some(here) = self.rooms.get_mut(&room) {
            here.members = here.members.saturating_sub(1);
            here.streams = here.streams.saturating_sub(u32::from(published.is_some()));
            if here.members == 0 && here.waiting.is_empty() {
                self.rooms.remove(&room);
                wishes.push(Wish::Close(room));
            }
        }
        self.tell_load(wishes);
    }

    fn tell_load(&mut self, wishes: &mut Vec<Wish>) {
        if self.told.abs_diff(self.sessions) >= LOAD_STEP {
            self.told = self.sessions;
            wishes.push(Wish::Load(self.sessions));
        }
    }

    fn opened(&mut self, now: Now, room: &RoomName) -> Vec<Wish> {
        let here = self.rooms.entry(room.clone()).or_default();
        here.open = true;
        let mut wishes = Vec::new();
        for user in std::mem::take(&mut here.waiting) {
            self.enter(now, room, user, &mut wishes);
        }
        if self.rooms.get(room).is_some_and(|here| here.members == 0) {
            // Those who waited have gone elsewhere meanwhile.
            self.rooms.remove(room);
            wishes.push(Wish::Close(room.clone()));
        }
        wishes
    }

    fn elsewhere(&mut self, now: Duration, room: &RoomName, url: &str) {
        let Some(here) = self.rooms.remove(room) else { return };
        let target = url.rsplit('n').next().and_then(|number| number.parse().ok());
        let mut world = self.world.borrow_mut();
        for user in here.waiting {
            world.seen.redirects += 1;
            let at = now + world.wait(RECONNECT_MS.0, RECONNECT_MS.1);
            let call = world.users[user as usize].call;
            world.soon.push((at, Event::Login(user, call, target)));
        }
    }

    fn claimed(&mut self, Ticket(ticket): Ticket, claimed: Result<u64, ()>) -> Vec<Wish> {
        let (user, call) = (ticket as u32, (ticket >> 32) as u32);
        let mut world = self.world.borrow_mut();
        let known = &mut world.users[user as usize];
        let is_here = known.call == call && known.at == At::Room && known.node == self.node;
        let Ok(epoch) = claimed else {
            world.seen.streams_lost += u64::from(is_here);
            return Vec::new();
        };
        if !is_here {
            let stream = express_messages::ids::StreamId::new(format!("s{user}.{call}"));
            return stream.into_iter().map(|stream| Wish::Release(APP, stream)).collect();
        }
        known.published = Some(epoch);
        let room = world.room_of(user);
        let fact = stream_is(&world, user, epoch);
        drop(world);
        if let Some(here) = self.rooms.get_mut(&room) {
            here.streams += 1;
        }
        fact.map(|fact| Wish::Tell(room, fact)).into_iter().collect()
    }

    fn settled(&self, stream: &str, epoch: u64) -> Vec<Wish> {
        let Some((user, call)) = numbers(stream) else {
            return Vec::new();
        };
        let mut world = self.world.borrow_mut();
        let known = &mut world.users[user as usize];
        if known.call != call || known.node != self.node || known.published.is_none() {
            return Vec::new();
        }
        known.published = Some(epoch);
        let (room, fact) = (world.room_of(user), stream_is(&world, user, epoch));
        fact.map(|fact| Wish::Tell(room, fact)).into_iter().collect()
    }

    /// A stream of this node is another node's: its user has moved there, or something is wrong.
    fn claim_lost(&mut self, stream: express_messages::ids::StreamId) -> Vec<Wish> {
        let Some((user, call)) = numbers(stream.as_str()) else {
            return Vec::new();
        };
        let mut world = self.world.borrow_mut();
        let known = &mut world.users[user as usize];
        if known.call != call {
            return Vec::new();
        }
        let moved = known.from == Some(self.node);
        let wrong = !moved && known.node == self.node && known.published.take().is_some();
        world.seen.streams_lost += u64::from(wrong);
        let room = world.room_of(user);
        drop(world);
        if let Some(here) = self.rooms.get_mut(&room).filter(|_| moved || wrong) {
            here.streams = here.streams.saturating_sub(1);
        }
        let over = Fact::StreamLeft(stream, StreamDeleteReason::RepeatLogin);
        vec![Wish::Tell(room, over)]
    }
}

fn named(user: &express_messages::ids::UserId) -> Option<ZegoUser> {
    ZegoUser::new(user, String::new()).ok()
}

fn stream_is(world: &World, user: u32, epoch: u64) -> Option<Fact> {
    let (user, stream_id) = world.ids_of(user);
    let listed = ZegoStream {
        stream_id,
        user: named(&user)?,
        extra_info: String::new(),
    };
    Some(Fact::StreamIs(RemoteStream {
        listed: listed.into(),
        created_ms: 1,
        epoch,
    }))
}

impl SimRooms for LightRooms {
    fn on_news(&mut self, now: Now, news: News) -> Vec<Wish> {
        match news {
            News::Opened { room, .. } => self.opened(now, &room),
            News::ElsewhereInstead(room, url) => {
                self.elsewhere(now.mono, &room, &url);
                Vec::new()
            }
            News::Claimed(ticket, claimed) => self.claimed(ticket, claimed),
            News::Settled(_, stream, epoch) => self.settled(stream.as_str(), epoch),
            News::ClaimLost { stream, .. } => self.claim_lost(stream.1),
            News::UserLeft(_, user) => {
                self.world.borrow_mut().sees_leave(self.node, user.as_str());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
