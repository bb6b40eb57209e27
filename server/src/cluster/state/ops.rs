//! What is asked of the registry: one thing at a time for each key, each a loop of reading, deciding and a compare-and-set.

use std::collections::{HashMap, VecDeque};

use express_messages::ids::{StreamId, UserId};

use super::letters::{ClaimEntry, NodeLife, RegistryKey, RoomEntry};
use crate::rooms::Ticket;
use crate::rooms::cloud::{NodeName, RoomName, RoomTerms};

/// One thing that is asked of the registry; its answers come under this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OpId(pub(crate) u64);

/// How often a compare-and-set is tried against others before it counts as failed.
const TRIES: u32 = 8;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// Enter this node into the room's entry, which is made where there is none.
    Enter(RoomName),
    /// Take this node out of it.
    Leave(RoomName),
    /// Get a streamID for a user.
    Claim {
        ticket: Ticket,
        room: RoomName,
        stream: (u32, StreamId),
        user: UserId,
    },
    /// Make sure that a stream of this node is this node's in the registry.
    Settle((u32, StreamId)),
    /// Find the room where a stream is published.
    Seek((u32, StreamId)),
    /// Give it back, if it is this node's.
    Release((u32, StreamId)),
}

impl Job {
    pub(super) fn key(&self) -> RegistryKey {
        match self {
            Self::Enter(room) | Self::Leave(room) => RegistryKey::Room(room.clone()),
            Self::Claim { stream, .. } | Self::Settle(stream) | Self::Seek(stream) | Self::Release(stream) => {
                RegistryKey::Stream(stream.clone())
            }
        }
    }
}

/// A job that is being done.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: OpId,
    pub(super) job: Job,
    tries: u32,
    /// What was decided and is being written.
    pub(super) writing: Option<Decision>,
}

/// What to write, and what it means when that succeeds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Room(RoomEntry),
    Claim(ClaimEntry),
    Deleted,
}

impl Running {
    /// Another try after a conflict; `false`: that was the last one.
    pub(super) fn try_again(&mut self) -> bool {
        self.tries += 1;
        self.writing = None;
        self.tries < TRIES
    }
}

/// All jobs, in the order of each key.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    of_key: HashMap<RegistryKey, (Running, VecDeque<Job>)>,
    keys: HashMap<OpId, RegistryKey>,
    last: u64,
}

impl Jobs {
    /// Takes a job; its number if it may begin at once.
    pub(super) fn add(&mut self, job: Job) -> Option<OpId> {
        let key = job.key();
        if let Some((running, waiting)) = self.of_key.get_mut(&key) {
            if running.job != job && !waiting.contains(&job) || matches!(job, Job::Claim { .. }) {
                waiting.push_back(job);
            }
            return None;
        }
        Some(self.begin(key, job, VecDeque::new()))
    }

    fn begin(&mut self, key: RegistryKey, job: Job, waiting: VecDeque<Job>) -> OpId {
        self.last = self.last.saturating_add(1);
        let id = OpId(self.last);
        let running = Running {
            id,
            job,
            tries: 0,
            writing: None,
        };
        self.keys.insert(id, key.clone());
        self.of_key.insert(key, (running, waiting));
        id
    }

    pub(super) fn running(&mut self, id: OpId) -> Option<(&RegistryKey, &mut Running)> {
        let key = self.keys.get(&id)?;
        let (running, _) = self.of_key.get_mut(key)?;
        (running.id == id).then_some((key, running))
    }

    /// A job is done; the next one of its key, if there is one.
    pub(super) fn finish(&mut self, id: OpId) -> Option<(Job, Option<OpId>)> {
        let key = self.keys.remove(&id)?;
        let (running, mut waiting) = self.of_key.remove(&key)?;
        let next = waiting.pop_front().map(|job| self.begin(key, job, waiting));
        Some((running.job, next))
    }

    pub(super) fn len(&self) -> usize {
        self.of_key.values().map(|(_, waiting)| waiting.len() + 1).sum()
    }
}

/// What entering a room comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entering {
    pub(super) entry: RoomEntry,
    /// Nobody has it.
    pub(super) is_new: bool,
}

/// Enters this node into a room's entry.
///
/// - `terms`: what the room becomes if it is new
/// - `is_there`: whether a node's life goes on, or ended so lately that its users may come back
/// - `is_alive`: whether it goes on
pub(super) fn enter(
    known: Option<RoomEntry>,
    own: &NodeLife,
    terms: RoomTerms,
    is_there: impl Fn(&NodeLife) -> bool,
    is_alive: impl Fn(&NodeLife) -> bool,
) -> Entering {
    let (mut nodes, epoch, old) = match known {
        Some(known) => (known.nodes, known.epoch, Some((known.terms, known.home))),
        None => (Vec::new(), 0, None),
    };
    nodes.retain(|node| node.name != own.name && is_there(node));
    let was_own = old.as_ref().filter(|(_, home)| home == own);
    let goes_on = old.as_ref().filter(|_| !nodes.is_empty()).or(was_own);
    let (terms, home) = match goes_on {
        Some((terms, home)) => (*terms, Some(home.clone())),
        None => (terms, None),
    };
    let home = home.filter(|home| home == own || is_alive(home));
    let (home, epoch) = match home {
        Some(home) => (home, epoch),
        None => (own.clone(), epoch.saturating_add(1)),
    };
    let is_new = nodes.is_empty() && was_own.is_none();
    nodes.push(own.clone());
    Entering {
        entry: RoomEntry {
            terms,
            home,
            epoch,
            nodes,
        },
        is_new,
    }
}

/// Takes this node out of a room's entry; `None`: the entry goes, for nobody is left.
pub(super) fn leave(mut known: RoomEntry, own: &NodeName, is_alive: impl Fn(&NodeLife) -> bool) -> Option<RoomEntry> {
    known.nodes.retain(|node| node.name != *own);
    if known.home.name == *own {
        let heir = known.nodes.iter().find(|node| is_alive(node)).or(known.nodes.first())?;
        known.home = heir.clone();
        known.epoch = known.epoch.saturating_add(1);
    }
    (!known.nodes.is_empty()).then_some(known)
}

/// Whether a user of this node gets a streamID, and under which number.
///
/// - `fresh`: the number of a streamID that nobody owns: the time, so that it is above all numbers that were given back
/// - `may_come_back`: whether a node's life goes on, or ended so lately that its users have their time to come back
pub(super) fn claim(
    known: Option<&ClaimEntry>,
    own: &NodeLife,
    (room, user): (&RoomName, &UserId),
    fresh: u64,
    may_come_back: impl Fn(&NodeLife) -> bool,
) -> Option<ClaimEntry> {
    let epoch = match known {
        Some(known) if known.node != *own && known.user_id != *user && may_come_back(&known.node) => return None,
        Some(known) => known.epoch.saturating_add(1),
        None => fresh,
    };
    Some(ClaimEntry {
        room: room.clone(),
        user_id: user.clone(),
        node: own.clone(),
        epoch,
    })
}

/// What becomes of a stream of this node when the registry can be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settlement {
    /// It is this node's there, too, under this number.
    Ours(u64),
    /// It is to be written so.
    Write(ClaimEntry),
    /// It is another's.
    Lost,
}

/// - `epoch`: the number that the stream has here; 0: it was never settled
/// - `fresh`: as for [`claim`]
pub(super) fn settle(
    known: Option<&ClaimEntry>,
    own: &NodeLife,
    (room, user, epoch): (&RoomName, &UserId, u64),
    fresh: u64,
    may_come_back: impl Fn(&NodeLife) -> bool,
) -> Settlement {
    let write = |epoch: u64| {
        Settlement::Write(ClaimEntry {
            room: room.clone(),
            user_id: user.clone(),
            node: own.clone(),
            epoch,
        })
    };
    match known {
        None => write(epoch.max(fresh)),
        Some(known) if known.node == *own && known.epoch == epoch => Settlement::Ours(epoch),
        Some(known) if known.node == *own => write(known.epoch.max(epoch).saturating_add(1)),
        Some(known) if known.epoch > epoch && may_come_back(&known.node) => Settlement::Lost,
        Some(known) => write(known.epoch.max(epoch).saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use express_messages::ids::RoomId;

    use super::*;

    fn node(name: &str) -> NodeLife {
        NodeLife {
            name: NodeName::new(name).unwrap(),
            life: 1,
        }
    }

    fn terms(session_id: u64) -> RoomTerms {
        RoomTerms {
            session_id,
            max_members: 0,
            loudest_streams: 0,
        }
    }

    fn entry(home: &str, nodes: &[&str], epoch: u64) -> RoomEntry {
        RoomEntry {
            terms: terms(7),
            home: node(home),
            epoch,
            nodes: nodes.iter().map(|name| node(name)).collect(),
        }
    }

    #[test]
    fn a_room_goes_on_while_somebody_has_it_or_had_it_lately_and_its_home_is_alive() {
        type Names = &'static [&'static str];
        let there = |alive: Names| move |node: &NodeLife| alive.contains(&node.name.as_str());
        let of_b = |nodes: &[&str]| Some(entry("b", nodes, 3));
        let own = Some(entry("a", &["a"], 3));
        // Who has it or had it lately, who is alive; the session, the home and its number, and whether it is new.
        type Case = (&'static str, Option<RoomEntry>, [Names; 2], (u64, &'static str, u64, bool));
        let cases: [Case; 6] = [
            ("nobody has it", None, [&[], &[]], (9, "a", 1, true)),
            ("b has it", of_b(&["b"]), [&["b"], &["b"]], (7, "b", 3, false)),
            ("b is gone lately", of_b(&["b"]), [&["b"], &[]], (7, "a", 4, false)),
            ("b is gone for long", of_b(&["b"]), [&[], &[]], (9, "a", 4, true)),
            ("it was ours alone", own, [&[], &[]], (7, "a", 3, false)),
            (
                "home is gone, c has it",
                of_b(&["b", "c"]),
                [&["c"], &["c"]],
                (7, "a", 4, false),
            ),
        ];
        for (what, known, [lately, alive], expected) in cases {
            let found = enter(known, &node("a"), terms(9), there(lately), there(alive));
            let got = (
                found.entry.terms.session_id,
                found.entry.home.name.as_str(),
                found.entry.epoch,
                found.is_new,
            );
            assert_eq!(got, expected, "{what}");
            assert!(found.entry.nodes.contains(&node("a")), "{what}");
        }
    }

    #[test]
    fn who_leaves_a_room_hands_its_home_on_and_the_last_one_takes_the_entry_away() {
        let own = NodeName::new("a").unwrap();
        assert_eq!(leave(entry("a", &["a"], 3), &own, |_| true), None);
        let left = leave(entry("a", &["a", "b", "c"], 3), &own, |node| node.name.as_str() == "c").unwrap();
        assert_eq!((left.home.name.as_str(), left.epoch, left.nodes.len()), ("c", 4, 2));
        let left = leave(entry("b", &["a", "b"], 3), &own, |_| true).unwrap();
        assert_eq!((left.home.name.as_str(), left.epoch, left.nodes.len()), ("b", 3, 1));
    }

    #[test]
    fn a_stream_id_is_one_users_until_its_node_is_gone_for_long_and_each_owner_has_a_higher_number() {
        let room = (1, RoomId::new("r").unwrap());
        let user = |name: &str| UserId::new(name).unwrap();
        let known = ClaimEntry {
            room: room.clone(),
            user_id: user("u"),
            node: node("b"),
            epoch: 5,
        };
        let claimed = |known: Option<&ClaimEntry>, who: &str, there: bool| {
            claim(known, &node("a"), (&room, &user(who)), 3, |_| there).map(|entry| entry.epoch)
        };
        assert_eq!(claimed(None, "u", true), Some(3));
        assert_eq!(claimed(Some(&known), "v", true), None);
        assert_eq!(claimed(Some(&known), "v", false), Some(6));
        assert_eq!(claimed(Some(&known), "u", true), Some(6));
        let settled = |known: Option<&ClaimEntry>, epoch: u64, there: bool| match settle(
            known,
            &node("a"),
            (&room, &user("u"), epoch),
            3,
            |_| there,
        ) {
            Settlement::Write(entry) => Some(entry.epoch),
            Settlement::Ours(epoch) => Some(epoch),
            Settlement::Lost => None,
        };
        assert_eq!(settled(None, 0, true), Some(3), "never settled");
        assert_eq!(settled(None, 4, true), Some(4), "the registry has lost it");
        assert_eq!(settled(Some(&known), 0, true), None, "another's meanwhile");
        assert_eq!(settled(Some(&known), 4, true), None);
        assert_eq!(settled(Some(&known), 0, false), Some(6), "whose node is gone");
        assert_eq!(settled(Some(&known), 8, true), Some(9), "and older than ours");
        let ours = ClaimEntry {
            node: node("a"),
            ..known
        };
        assert_eq!(
            (settled(Some(&ours), 5, true), settled(Some(&ours), 0, true)),
            (Some(5), Some(6))
        );
    }
}
