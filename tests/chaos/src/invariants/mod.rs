//! The guarantees of docs/guarantees.md, one module each.

mod i1_lists;
mod i2_media;
mod i3_restored;
mod i4_kept_out;
mod i5_owner;
mod i6_leaving;
mod i7_baseline;
mod i8_accepted;
mod i8_renewals;
mod i8_room_info;
mod nodes_agree;
mod orphans;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::{StreamId, UserId};
use express_signalling::protocol::Snapshot;

use self::i4_kept_out::KeptOut;
use self::i5_owner::Owner;
use self::i8_accepted::Message;
use self::i8_renewals::Tokens;
use self::i8_room_info::Infos;
use self::orphans::Orphans;
use crate::agenda::Due;
use crate::script::CHECK;
use crate::server::Server;
use crate::world::World;

/// How long after a reconnect, or a change, what a member was told may differ.
const SETTLE: Duration = Duration::from_secs(2);
/// How many checks share one look at all the server's tables.
const TABLES_EVERY: u64 = 8;

/// Differences that were seen, and since when.
#[derive(Debug, Default)]
pub(crate) struct Books {
    wrong: BTreeMap<(&'static str, usize), BTreeMap<String, Duration>>,
    messages: Vec<Message>,
    infos: Infos,
    /// When a server was asked first for each extra info of a room.
    infos_asked: BTreeMap<String, Duration>,
    orphans: Vec<Orphans>,
    /// The server of each user's last login.
    last_logins: BTreeMap<UserId, usize>,
    tokens: Tokens,
    /// Of each server.
    pub(crate) kept_out: Vec<KeptOut>,
    checks: u64,
}

impl Books {
    pub(crate) fn new(servers: usize) -> Self {
        let mut books = Self::default();
        books.kept_out.resize_with(servers, KeptOut::default);
        books
    }

    /// Takes the differences that there are now; one that has lasted longer than `bound` is returned.
    fn note(&mut self, now: Duration, key: (&'static str, usize), found: BTreeSet<String>, bound: Duration) -> Option<String> {
        if found.is_empty() {
            self.wrong.remove(&key);
            return None;
        }
        let wrong = self.wrong.entry(key).or_default();
        wrong.retain(|what, _| found.contains(what));
        for what in found {
            wrong.entry(what).or_insert(now);
        }
        let late = wrong.iter().find(|(_, since)| now.saturating_sub(**since) > bound);
        late.map(|(what, since)| format!("c{}, for {} s: {what}", key.1, (now - *since).as_secs_f64()))
    }

    /// A client slept: what it could not see is not held against it.
    pub(crate) fn woke(&mut self, client: usize, now: Duration) {
        for (_, wrong) in self.wrong.iter_mut().filter(|((_, whose), _)| *whose == client) {
            wrong.values_mut().for_each(|since| *since = now);
        }
    }
}

/// A client that is connected: the name of its session, and what the server has of the others in its room.
struct Member {
    session: String,
    node: usize,
    /// `None`: the server knows no such session.
    shown: Option<Snapshot>,
}

fn owners_at(server: &Server) -> Vec<Owner> {
    server.state.as_ref().map(|state| state.owners()).unwrap_or_default()
}

/// What an application asked for, and must have after every reconnect.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// `muteMicrophone`.
    pub(crate) muted: bool,
    muted_plays: BTreeSet<String>,
    /// How loud a played stream shall be, percent.
    pub(crate) volumes: BTreeMap<String, u16>,
    /// Extra infos that this process asked for, of rooms.
    pub(crate) room_infos: BTreeSet<String>,
    /// Texts that a stream may carry: the one that was taken last, and those that were asked for since.
    infos: BTreeMap<String, Vec<String>>,
    /// Room parts that were left, and when.
    left: Vec<(u64, Duration)>,
    /// `destroyEngine` was called.
    pub(crate) destroyed: Option<Duration>,
}

impl Wishes {
    pub(crate) fn mute_play(&mut self, stream: &str, muted: bool) {
        match muted {
            true => drop(self.muted_plays.insert(stream.into())),
            false => drop(self.muted_plays.remove(stream)),
        }
    }

    /// A playback begins with nothing set.
    pub(crate) fn play_begins(&mut self, stream: &str) {
        self.mute_play(stream, false);
        self.volumes.remove(stream);
    }

    /// The room was not left after all.
    pub(crate) fn stays(&mut self) {
        self.left.clear();
    }

    pub(crate) fn info_begins(&mut self, stream: &str, text: &str) {
        self.infos.insert(stream.into(), vec![text.into()]);
    }

    pub(crate) fn info_asked(&mut self, stream: &StreamId, text: &str) {
        self.infos.entry(stream.to_string()).or_default().push(text.into());
    }

    pub(crate) fn info_answered(&mut self, stream: &StreamId, text: &str, taken: bool) {
        let Some(infos) = self.infos.get_mut(stream.as_str()) else {
            return;
        };
        if let Some(at) = infos.iter().position(|info| info == text).filter(|_| taken) {
            infos.drain(..at);
        }
    }
}

impl World {
    /// Checks what can be checked at any moment.
    pub(crate) fn check(&mut self) {
        self.books.checks += 1;
        self.note_tables();
        self.books.forget_unanswered(self.now);
        if self.books.checks.is_multiple_of(TABLES_EVERY) {
            let states = self.servers.iter().filter_map(|server| server.state.as_ref());
            states.for_each(express_server::rooms::RoomsState::check);
        }
        let members: Vec<Option<Member>> = (0..self.clients.len()).map(|client| self.member(client)).collect();
        let owners: Vec<Vec<Owner>> = self.servers.iter().map(owners_at).collect();
        self.check_agreement();
        self.check_orphans();
        for client in 0..self.clients.len() {
            self.check_media(client);
            self.check_leaving(client);
            for (invariant, found) in self.faults(client, &members, &owners) {
                self.judge(invariant, client, found, SETTLE);
            }
            if let Some(member) = &members[client] {
                self.check_messages(client, &member.session);
            }
        }
        self.agenda.note(self.now + CHECK, Due::Check);
    }

    fn judge(&mut self, invariant: &'static str, client: usize, found: Vec<String>, bound: Duration) {
        let found = found.into_iter().collect();
        if let Some(late) = self.books.note(self.now, (invariant, client), found, bound) {
            self.fail(invariant, late);
        }
    }

    /// A client that is connected, and what the server would show it.
    fn member(&self, client: usize) -> Option<Member> {
        let (session, node) = self.settled(client)?;
        let state = self.servers[node].state.as_ref();
        let shown = state.and_then(|state| state.snapshot_of(&session));
        Some(Member { session, node, shown })
    }

    /// What is wrong with what a member was told, by the guarantee that says so.
    fn faults(&self, client: usize, members: &[Option<Member>], owners: &[Vec<Owner>]) -> [(&'static str, Vec<String>); 4] {
        let mut faults = ["I1", "I3", "I5", "I8"].map(|invariant| (invariant, Vec::new()));
        let Some(member) = &members[client] else { return faults };
        let Some(shown) = &member.shown else {
            faults[0].1.push("the server does not know the session".into());
            return faults;
        };
        faults[0].1 = self.differing_lists(client, shown);
        faults[1].1 = self.not_restored(client, members);
        faults[2].1 = self.foreign_streams(client, &member.session, &owners[member.node]);
        faults[3].1 = self.differing_room_info(client, shown);
        faults
    }

    /// The session of a client that is connected, and its server, as far as anybody can know: logged in, on a socket whose ends both stand, over a
    /// line that is whole.
    fn settled(&self, client: usize) -> Option<(String, usize)> {
        let (state, line) = (&self.clients[client], &self.lines[client]);
        if !state.running || state.asleep || line.cut {
            return None;
        }
        let room = state.rooms.values().find(|room| room.state.is_up())?;
        let socket = self.sockets.get(&room.socket?)?;
        if socket.black || socket.connection.is_none() {
            return None;
        }
        let since = room.up_since?.max(line.whole_since).max(self.servers[socket.node].up_since);
        (self.now.saturating_sub(since) > SETTLE).then(|| (room.state.session().unwrap_or_default().to_owned(), socket.node))
    }

    /// Checks what must be so once the world has come to rest.
    pub(crate) fn check_rest(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            if state.running && state.view.is_in_room() && self.settled(client).is_none() {
                let told = state.view.room;
                self.fail("I1", format!("c{client} did not come back, and was told {told:?}"));
            }
            self.check_streams_are_back(client);
        }
    }
}
