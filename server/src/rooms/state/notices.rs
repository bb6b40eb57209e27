//! What is gathered for a moment and told once to those who are connected: barrage messages, how the networks of others are, and
//! what was measured on streams.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use express_messages::ids::UserId;
use express_signalling::protocol::{
    BarrageMessage, Done, NetworkQuality, Notice, ReportQuality, RoomBarrage, UserQuality, WireError,
};

use super::records::{RoomKey, SessionKey, Timer};
use super::reports::WaitingReports;
use super::{Now, RoomsState};
use crate::rooms::cloud::Words;
use crate::rooms::counters::count;
use crate::rooms::effect::{ConnectionId, Effect, SharedNotice};

/// How long a room gathers.
const GATHER: Duration = Duration::from_millis(200);
/// Most barrage messages of a room that wait; the next one is lost, as they may be.
const MAX_WAITING: usize = 100;

/// What a room has gathered.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    barrages: Vec<RoomBarrage>,
    /// The newest report of each session.
    qualities: BTreeMap<SessionKey, ReportQuality>,
    /// The newest report of each user on another node.
    qualities_elsewhere: BTreeMap<UserId, UserQuality>,
    pub(super) reports: WaitingReports,
}

impl Waiting {
    /// `false` when there are too many already.
    pub(super) fn add_barrage(&mut self, message: RoomBarrage) -> bool {
        let fits = self.barrages.len() < MAX_WAITING;
        if fits {
            self.barrages.push(message);
        }
        fits
    }

    /// A report of a user on another node.
    pub(super) fn add_quality_elsewhere(&mut self, quality: UserQuality) {
        self.qualities_elsewhere.insert(quality.user_id.clone(), quality);
    }

    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn is_empty(&self) -> bool {
        self.barrages.is_empty() && self.qualities.is_empty() && self.qualities_elsewhere.is_empty() && self.reports.is_empty()
    }
}

impl RoomsState {
    /// Those who play a stream of this session hear it with the next notice; where nothing is published nobody does.
    pub(super) fn report_quality(&mut self, now: Now, key: SessionKey, report: ReportQuality) -> Result<Done, WireError> {
        let session = self.session(key)?;
        let (room_key, publishes) = (session.room.clone(), !session.publishing.is_empty());
        count(&mut self.counters.quality_reports);
        if publishes {
            let quality = UserQuality {
                user_id: self.session(key)?.user.user_id.clone(),
                up: report.up,
                down: report.down,
            };
            self.whisper(&room_key, Words::Quality(quality));
        }
        if publishes && let Some(room) = self.rooms.get_mut(&room_key) {
            room.waiting.qualities.insert(key, report);
            self.gather_notices(now, room_key);
        }
        Ok(Done {})
    }

    /// The first of what a room gathers sets the moment when all of it is told.
    pub(super) fn gather_notices(&mut self, now: Now, room_key: RoomKey) {
        let timer = Timer::Notices(room_key);
        if !self.timers.is_set(&timer) {
            self.timers.set(timer, now.mono.saturating_add(GATHER));
        }
    }

    /// Tells what a room has gathered.
    pub(super) fn notices_due(&mut self, now: Now, room_key: &RoomKey) {
        let Some(room) = self.rooms.get_mut(room_key) else {
            return;
        };
        let Waiting {
            barrages,
            qualities,
            qualities_elsewhere,
            reports,
        } = std::mem::take(&mut room.waiting);
        let members: Vec<SessionKey> = room.members.iter().copied().collect();
        if !barrages.is_empty() {
            self.tell_barrages(&members, barrages);
        }
        self.tell_qualities(room_key, &qualities);
        self.tell_qualities_elsewhere(room_key, &qualities_elsewhere);
        self.tell_reports(now, reports);
    }

    /// Nearly all get the same, written once; who sent some of it gets the rest.
    fn tell_barrages(&mut self, members: &[SessionKey], messages: Vec<RoomBarrage>) {
        let senders: BTreeSet<_> = messages.iter().map(|message| message.from_user.user_id.clone()).collect();
        let all = barrage_notice(messages.clone());
        for key in members {
            let Some(session) = self.sessions.get(key) else {
                continue;
            };
            let own = &session.user.user_id;
            if !senders.contains(own) {
                self.notice(*key, all.clone());
            } else if senders.len() > 1 {
                let others = messages.iter().filter(|message| message.from_user.user_id != *own);
                let others = barrage_notice(others.cloned().collect());
                self.notice(*key, others);
            }
        }
    }

    fn tell_qualities(&mut self, room_key: &RoomKey, reports: &BTreeMap<SessionKey, ReportQuality>) {
        let mut reporters_of: BTreeMap<SessionKey, Vec<SessionKey>> = BTreeMap::new();
        for reporter in reports.keys() {
            for listener in self.listeners(room_key, *reporter) {
                reporters_of.entry(listener).or_default().push(*reporter);
            }
        }
        // Those who play the same users get the same, written once.
        let mut written: BTreeMap<Vec<SessionKey>, SharedNotice> = BTreeMap::new();
        for (listener, reporters) in reporters_of {
            let notice = written
                .entry(reporters)
                .or_insert_with_key(|reporters| self.quality_notice(reporters, reports))
                .clone();
            self.notice(listener, notice);
        }
    }

    /// The same of users on other nodes, to those here who play a stream of theirs.
    fn tell_qualities_elsewhere(&mut self, room_key: &RoomKey, reports: &BTreeMap<UserId, UserQuality>) {
        if reports.is_empty() {
            return;
        }
        let mut reporters_of: BTreeMap<SessionKey, BTreeSet<&UserId>> = BTreeMap::new();
        let streams = self.rooms.get(room_key).into_iter().flat_map(|room| room.streams.values());
        let streams = streams.filter_map(|key| self.streams.get(key));
        for stream in streams.filter(|stream| stream.origin.is_some()) {
            let user = &stream.user.user_id;
            let Some((user, _)) = reports.get_key_value(user) else {
                continue;
            };
            let is_concerned = |key: &&SessionKey| {
                let session = self.sessions.get(key);
                session.is_some_and(|session| session.room == *room_key && session.user.user_id != *user)
            };
            for listener in stream.players.iter().filter(is_concerned) {
                reporters_of.entry(*listener).or_default().insert(user);
            }
        }
        for (listener, users) in reporters_of {
            let users = users.into_iter().filter_map(|user| reports.get(user)).cloned().collect();
            self.notice(listener, SharedNotice::new(Notice::NetworkQuality(NetworkQuality { users })));
        }
    }

    /// Who plays a stream of this session in its room.
    fn listeners(&self, room_key: &RoomKey, reporter: SessionKey) -> BTreeSet<SessionKey> {
        let session = self.sessions.get(&reporter);
        let streams = session.into_iter().flat_map(|session| &session.publishing);
        let streams = streams.filter_map(|key| self.streams.get(key));
        let is_there = |key: &SessionKey| {
            let session = self.sessions.get(key);
            *key != reporter && session.is_some_and(|session| session.room == *room_key)
        };
        streams.flat_map(|stream| &stream.players).copied().filter(is_there).collect()
    }

    fn quality_notice(&self, reporters: &[SessionKey], reports: &BTreeMap<SessionKey, ReportQuality>) -> SharedNotice {
        let quality = |key: &SessionKey| {
            let (session, report) = self.sessions.get(key).zip(reports.get(key))?;
            Some(UserQuality {
                user_id: session.user.user_id.clone(),
                up: report.up,
                down: report.down,
            })
        };
        let users = reporters.iter().filter_map(quality).collect();
        SharedNotice::new(Notice::NetworkQuality(NetworkQuality { users }))
    }

    /// Tells one session, if it has a socket.
    pub(super) fn notice(&mut self, key: SessionKey, notice: SharedNotice) {
        let connection = self.sessions.get(&key).and_then(|session| session.connection);
        let is_open = |connection: &ConnectionId| self.connections.get(connection).is_some_and(|known| !known.closing);
        if let Some(connection) = connection.filter(is_open) {
            count(&mut self.counters.notices);
            self.effects.push(Effect::Notice { connection, notice });
        }
    }
}

fn barrage_notice(messages: Vec<RoomBarrage>) -> SharedNotice {
    SharedNotice::new(Notice::BarrageMessage(BarrageMessage { messages }))
}
