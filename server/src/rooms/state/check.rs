//! What is true between any two calls; for tests, those of feature `chaos` too.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use express_messages::ids::{StreamId, UserId};
use express_signalling::protocol::Snapshot;

use super::RoomsState;
use super::records::{PeerUse, RoomKey, SessionSecret, Stream, Timer};
use crate::forwarder::PeerId;
use crate::rooms::cloud::{Member, RemoteStream};

#[doc(hidden)]
/// The members of a room on one node, and their streams.
#[cfg(any(test, feature = "chaos"))]
pub(super) type OwnFacts = (BTreeMap<UserId, Member>, BTreeMap<StreamId, RemoteStream>);

impl RoomsState {
    /// What this session would be shown now; `None` if there is none.
    pub fn snapshot_of(&self, session_id: &str) -> Option<Snapshot> {
        let key = self.session_ids.get(session_id)?;
        Some(self.snapshot(&self.sessions[key]))
    }

    /// Who publishes each stream: the user, and the name of its session; `None` while the stream waits for the user's new one.
    pub fn owners(&self) -> Vec<(StreamId, UserId, Option<String>)> {
        let one = |stream: &Stream| {
            let session = stream.owner.map(|owner| self.sessions[&owner].id.clone());
            (stream.name.1.clone(), stream.user.user_id.clone(), session)
        };
        let mut owners: Vec<_> = self.streams.values().map(one).collect();
        owners.sort();
        owners
    }

    /// How many entries each table has; `replay` is the events kept for resumes, of all sessions, and `kept_out` what the server
    /// API forbids.
    #[cfg(feature = "chaos")]
    pub fn table_sizes(&self) -> [(&'static str, usize); 15] {
        [
            ("connections", self.connections.len()),
            ("sessions", self.sessions.len()),
            ("session_ids", self.session_ids.len()),
            ("users", self.users.len()),
            ("rooms", self.rooms.len()),
            ("streams", self.streams.len()),
            ("stream_names", self.stream_names.len()),
            ("peers", self.peers.len()),
            ("pending", self.pending.len()),
            ("hosted", self.hosted.len()),
            ("timers", self.timers.len()),
            ("replay", self.sessions.values().map(|session| session.replay.len()).sum()),
            ("remembered", self.ended.len()),
            ("revocations", self.revocations.len()),
            ("kept_out", self.rules.len() + self.forbidden.len() + self.sequences.len()),
        ]
    }

    /// The media connections it knows.
    pub fn known_peers(&self) -> BTreeSet<PeerId> {
        self.peers.keys().copied().collect()
    }

    /// Whether nothing is left of anything.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
            && self.sessions.is_empty()
            && self.session_ids.is_empty()
            && self.users.len() == 0
            && self.rooms.is_empty()
            && self.streams.is_empty()
            && self.stream_names.is_empty()
            && self.peers.is_empty()
            && self.pending.is_empty()
            && self.hosted.is_empty()
            && self.stream_rules.is_empty()
            && self.cloud.as_ref().is_none_or(super::Nodes::is_idle)
            && self.timers.next().is_none()
            && self.apps.values().all(|app| (app.sessions, app.rooms) == (0, 0))
    }

    /// Panics if the tables contradict each other.
    pub fn check(&self) {
        self.check_sessions();
        self.check_rooms();
        self.check_streams();
        self.check_peers();
    }

    /// The streams that are seen in a room on this node, by name.
    pub fn streams_in(&self, app_id: u32, room_id: &str) -> Vec<String> {
        let of_room = |(of, id): &&RoomKey| *of == app_id && id.as_str() == room_id;
        let room = self.rooms.keys().find(of_room).and_then(|key| self.rooms.get(key));
        let keys = room.into_iter().flat_map(|room| room.streams.values());
        let mut names: Vec<_> = keys.map(|key| self.streams[key].name.1.to_string()).collect();
        names.sort();
        names
    }

    /// The users that are seen in a room on this node, wherever they are; `None`: it is not open here.
    pub fn users_in(&self, app_id: u32, room_id: &str) -> Option<BTreeSet<UserId>> {
        let of_room = |(of, id): &&RoomKey| *of == app_id && id.as_str() == room_id;
        let room = self.rooms.keys().find(of_room).and_then(|key| self.rooms.get(key))?;
        let here = room.members.iter().map(|key| self.sessions[key].user.user_id.clone());
        let elsewhere = room.elsewhere.others().map(|member| member.user.user_id.clone());
        Some(here.chain(elsewhere).collect())
    }

    /// The members and the announced streams of this node, by rooms: what the other nodes were told must come to the same.
    pub fn own_facts(&self) -> BTreeMap<RoomKey, OwnFacts> {
        let mut facts: BTreeMap<RoomKey, OwnFacts> = BTreeMap::new();
        for session in self.sessions.values() {
            let member = Member {
                user: session.user.clone(),
                login_ms: session.login_ms,
            };
            let of_room = facts.entry(session.room.clone()).or_default();
            of_room.0.insert(session.user.user_id.clone(), member);
        }
        for stream in self.streams.values().filter(|stream| stream.told) {
            let told = RemoteStream {
                listed: stream.listed(),
                created_ms: stream.created_ms,
                epoch: stream.epoch,
            };
            let of_room = facts.entry(stream.room.clone()).or_default();
            of_room.1.insert(stream.name.1.clone(), told);
        }
        facts
    }

    fn check_sessions(&self) {
        assert_eq!(self.sessions.len(), self.session_ids.len());
        assert_eq!(
            self.sessions.len(),
            self.users.len(),
            "one session for each user in each room"
        );
        for sessions in self.users.each() {
            let sessions: Vec<_> = sessions.map(|key| &self.sessions[&key]).collect();
            let limit = self.limits.rooms_per_user;
            assert!(limit == 0 || sessions.len() <= limit);
            let instances: Vec<_> = sessions.iter().map(|session| session.instance.as_ref()).collect();
            let same = |pair: &[Option<&SessionSecret>]| matches!(pair, [Some(one), Some(other)] if one.is(other.expose()));
            assert!(instances.windows(2).all(same), "in several rooms by one instance");
        }
        assert_eq!(self.sessions.len(), self.apps.values().map(|app| app.sessions).sum::<usize>());
        for (key, session) in &self.sessions {
            assert_eq!(self.session_ids[&session.id], *key);
            assert_eq!(self.users.in_room(&session.room, &session.user.user_id), Some(*key));
            assert!(self.rooms[&session.room].members.contains(key));
            assert!(session.replay.len() <= self.limits.replay_events);
            assert_eq!(self.timers.is_set(&Timer::Session(*key)), !session.hosted);
            assert!(!session.moving || self.timers.is_set(&Timer::Moving(*key)));
            assert_eq!(
                self.hosted.of_session(*key).next().is_some(),
                session.hosted,
                "kept by resources"
            );
            if let Some(connection) = session.connection {
                assert_eq!(self.connections[&connection].session, Some(*key));
            }
            for stream in &session.publishing {
                assert_eq!(self.streams[stream].owner, Some(*key));
            }
            for (stream, play) in &session.playing {
                assert!(self.streams[stream].players.contains(key));
                assert!(play.peer.is_some() || play.ticket.is_some());
            }
        }
        for (connection, known) in &self.connections {
            if let Some(key) = known.session {
                assert_eq!(self.sessions[&key].connection, Some(*connection));
            }
        }
    }

    fn check_rooms(&self) {
        assert_eq!(self.rooms.len(), self.apps.values().map(|app| app.rooms).sum::<usize>());
        for (room_key, room) in &self.rooms {
            let is_used = !room.members.is_empty() || self.claims_keep(room_key) || self.is_observed(room_key);
            assert!(
                is_used,
                "a room without members here is gone, unless somebody waits or looks at it"
            );
            let elsewhere = room.elsewhere.members.keys();
            let doubled: BTreeSet<_> = elsewhere
                .filter(|user| self.users.in_room(room_key, user).is_some())
                .cloned()
                .collect();
            assert_eq!(*room.elsewhere.doubled(), doubled);
            let is_due = self.timers.is_set(&Timer::Notices(room_key.clone()));
            assert_eq!(!room.waiting.is_empty(), is_due, "what is gathered is told, and only that");
            assert!(room.members.iter().all(|key| self.sessions[key].room == *room_key));
            for (place, stream) in &room.streams {
                assert_eq!(self.streams[stream].announced, Some(*place));
                assert_eq!(self.streams[stream].room, *room_key);
            }
        }
    }

    fn check_streams(&self) {
        assert_eq!(
            self.streams.len(),
            self.stream_names.len(),
            "one life of each streamID at a time"
        );
        for (key, stream) in &self.streams {
            assert_eq!(self.stream_names[&stream.name], *key);
            if stream
                .announced
                .is_some_and(|place| self.rooms[&stream.room].streams.get(&place) != Some(key))
            {
                panic!("{stream:?} is announced and not in its room");
            }
            assert!(stream.origin.is_none() || (stream.owner.is_none() && stream.announced.is_some() && !stream.claimed));
            if self.cloud.is_some() && stream.origin.is_none() {
                assert!(stream.claimed, "nobody publishes here what others may publish elsewhere");
            }
            match stream.owner {
                None if stream.origin.is_some() => {}
                Some(owner) => {
                    assert!(self.sessions[&owner].publishing.contains(key));
                    assert_eq!(self.sessions[&owner].user, stream.user);
                }
                None => {
                    assert!(stream.announced.is_some() && self.timers.is_set(&Timer::Stream(*key)));
                    let user = self.users.in_room(&stream.room, &stream.user.user_id);
                    assert!(user.is_some(), "the user it was left to is there");
                }
            }
            let alive = stream.media.is_some() || stream.next.is_some() || stream.ticket.is_some();
            let silent = stream.owner.is_none_or(|owner| self.sessions[&owner].is_silent());
            assert!(
                alive || silent || stream.origin.is_some() || self.timers.is_set(&Timer::Stream(*key)),
                "{stream:?} hangs"
            );
            assert!(
                stream
                    .players
                    .iter()
                    .all(|player| self.sessions[player].playing.contains_key(key))
            );
        }
    }

    fn check_peers(&self) {
        let mut used = HashSet::new();
        for (key, stream) in &self.streams {
            for peer in stream.media.iter().chain(&stream.next) {
                assert_eq!(self.peers[peer], PeerUse::Publisher(*key));
                assert!(used.insert(*peer));
            }
            for peer in stream.relays.ins() {
                assert_eq!(self.peers[&peer], PeerUse::RelayIn(*key));
                assert!(used.insert(peer));
            }
            for peer in stream.relays.out_peers() {
                assert_eq!(self.peers[&peer], PeerUse::RelayOut(*key));
                assert!(used.insert(peer));
            }
        }
        for (session, playing) in self.sessions.iter().map(|(key, session)| (*key, &session.playing)) {
            for (stream, play) in playing {
                if let Some(peer) = play.peer {
                    assert_eq!(
                        self.peers[&peer],
                        PeerUse::Player {
                            session,
                            stream: *stream
                        }
                    );
                    assert!(used.insert(peer));
                }
            }
        }
        for (key, resource) in &self.hosted.all {
            let Some(peer) = resource.peer else {
                let waits = resource.ticket.is_some() || self.timers.is_set(&Timer::Resource(*key));
                assert!(waits, "{resource:?} hangs");
                continue;
            };
            if resource.publish {
                assert_eq!(self.peers[&peer], PeerUse::Publisher(resource.stream));
            } else {
                assert_eq!(self.peers[&peer], PeerUse::Hosted(*key));
                assert!(used.insert(peer));
            }
            assert!(self.sessions[&resource.session].hosted);
            assert!(self.streams.contains_key(&resource.stream));
        }
        assert_eq!(used.len(), self.peers.len(), "no media connection is kept for nothing");
    }
}
