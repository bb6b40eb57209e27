//! A section: what one node says about one room. It has one writer, so that its facts need nobody's order but its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use express_messages::ids::{StreamId, UserId};
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::RoomExtraInfo;

use super::letters::{SectionId, Standing, Whole};
use super::mirror::Mirror;
use crate::rooms::cloud::{Fact, Member, NodeName, RemoteStream, Saying};

/// Facts that are kept to be said again; who missed more gets the whole section.
const KEPT: usize = 256;
/// What the members and streams of one part of a section have together, in bytes of JSON, about.
const PART: usize = 128 * 1024;
/// Bytes of a member or a stream besides its texts, about.
const OVERHEAD: usize = 128;
/// Most parts of a section that are taken: half a million members.
pub(super) const MAX_PARTS: u32 = 1024;

/// Members and streams of a section, as its facts leave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standings {
    pub(super) members: BTreeMap<UserId, Member>,
    pub(super) streams: BTreeMap<StreamId, RemoteStream>,
}

/// What a fact touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Touched {
    Member(UserId),
    /// With the reason where it is over.
    Stream(StreamId, Option<StreamDeleteReason>),
    Said(Saying),
}

impl Standings {
    pub(super) fn apply(&mut self, fact: Fact) -> Touched {
        match fact {
            Fact::UserCame(member) => {
                let user = member.user.user_id.clone();
                self.members.insert(user.clone(), member);
                Touched::Member(user)
            }
            Fact::UserLeft(user) => {
                self.members.remove(&user);
                Touched::Member(user)
            }
            Fact::StreamIs(stream) => {
                let id = stream.listed.stream.stream_id.clone();
                self.streams.insert(id.clone(), stream);
                Touched::Stream(id, None)
            }
            Fact::StreamLeft(id, reason) => {
                self.streams.remove(&id);
                Touched::Stream(id, Some(reason))
            }
            Fact::Said(saying) => Touched::Said(saying),
        }
    }
}

/// What this node says about a room.
#[derive(Debug)]
pub(super) struct OwnSection {
    pub(super) id: SectionId,
    pub(super) seq: u64,
    pub(super) standings: Standings,
    pub(super) mirror: Mirror,
    /// The newest facts, the last of which is number `seq`.
    kept: VecDeque<Fact>,
}

impl OwnSection {
    pub(super) fn new(id: SectionId) -> Self {
        Self {
            id,
            seq: 0,
            standings: Standings::default(),
            mirror: Mirror::default(),
            kept: VecDeque::new(),
        }
    }

    /// Says something; its number.
    ///
    /// - `own`: the node that says it
    pub(super) fn say(&mut self, own: &NodeName, fact: Fact) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.note(own, &fact);
        self.standings.apply(fact.clone());
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(fact);
        self.seq
    }

    fn note(&mut self, own: &NodeName, fact: &Fact) {
        let has = |user: &UserId| self.standings.members.contains_key(user);
        let stream = |id: &StreamId| self.standings.streams.get(id).map(|stream| (own, stream));
        match fact {
            Fact::UserCame(member) => self
                .mirror
                .member(member.user.user_id.as_str(), has(&member.user.user_id), true),
            Fact::UserLeft(user) => self.mirror.member(user.as_str(), has(user), false),
            Fact::StreamIs(is) => self.mirror.stream(stream(&is.listed.stream.stream_id), Some((own, is))),
            Fact::StreamLeft(id, _) => self.mirror.stream(stream(id), None),
            Fact::Said(_) => {}
        }
    }

    /// What was said behind this number; `None`: it is not known any more.
    pub(super) fn since(&self, after: u64) -> Option<Vec<Fact>> {
        let missing = usize::try_from(self.seq.checked_sub(after)?).ok()?;
        let from = self.kept.len().checked_sub(missing)?;
        Some(self.kept.range(from..).cloned().collect())
    }

    /// The whole section, in parts that fit into letters.
    pub(super) fn whole(&self, standing: &Standing, info: Option<&RoomExtraInfo>) -> Vec<Whole> {
        let mut parts = vec![(Vec::new(), Vec::new())];
        let mut filled = 0;
        for member in self.standings.members.values() {
            let size = OVERHEAD + member.user.user_id.as_str().len() + member.user.user_name.len();
            part_for(&mut parts, &mut filled, size).0.push(member.clone());
        }
        for stream in self.standings.streams.values() {
            let texts = &stream.listed.stream;
            // A text of JSON may be six times as long as it is (\u0000).
            let size = 2 * OVERHEAD + 6 * texts.extra_info.len() + texts.user.user_name.len();
            part_for(&mut parts, &mut filled, size).1.push(stream.clone());
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let whole = |(part, (members, streams)): (u32, (Vec<Member>, Vec<RemoteStream>))| Whole {
            standing: standing.clone(),
            part,
            parts: count,
            members,
            streams,
            info: info.filter(|_| part == 0).cloned(),
        };
        (0..).zip(parts).map(whole).collect()
    }
}

type Part = (Vec<Member>, Vec<RemoteStream>);

/// The part that takes so many bytes more: the last one, or a new one.
fn part_for<'p>(parts: &'p mut Vec<Part>, filled: &mut usize, size: usize) -> &'p mut Part {
    if parts.is_empty() || *filled + size > PART {
        if *filled > 0 {
            parts.push(Part::default());
        }
        *filled = 0;
    }
    *filled += size;
    let last = parts.len().saturating_sub(1);
    &mut parts[last]
}

/// What another node says about a room.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) id: SectionId,
    /// Everything up to this number is in `standings`; `None`: the beginning is missing.
    pub(super) seq: Option<u64>,
    pub(super) standings: Standings,
    /// Parts of a whole that is on its way.
    parts: BTreeMap<u32, Whole>,
    /// When it was asked for what is missing.
    pub(super) asked: Option<Duration>,
    /// Its node is gone: what it said holds until then, for its users may come back.
    pub(super) orphan_until: Option<Duration>,
}

/// What comes of facts that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// These, in order.
    Touched(Vec<Touched>),
    /// Some before them are missing: ask for what came behind this number, or for the whole.
    Gap(Option<u64>),
}

impl Section {
    pub(super) fn new(id: SectionId) -> Self {
        Self {
            id,
            seq: None,
            standings: Standings::default(),
            parts: BTreeMap::new(),
            asked: None,
            orphan_until: None,
        }
    }

    /// Takes facts, of which the first has this number; those that are known already are passed over.
    pub(super) fn take(&mut self, first: u64, facts: Vec<Fact>) -> Taken {
        let Some(seq) = self.seq else {
            // The beginning may be all there is.
            return match first {
                1 => {
                    self.seq = Some(0);
                    self.take(first, facts)
                }
                _ => Taken::Gap(None),
            };
        };
        if first > seq.saturating_add(1) {
            return Taken::Gap(Some(seq));
        }
        let known = usize::try_from(seq.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        let mut touched = Vec::new();
        for fact in facts.into_iter().skip(known) {
            self.seq = self.seq.map(|seq| seq.saturating_add(1));
            touched.push(self.standings.apply(fact));
        }
        self.asked = None;
        Taken::Touched(touched)
    }

    /// A login of before that time is none any more, if the node of this section is gone.
    pub(super) fn forget_older_login(&mut self, user: &UserId, login_ms: u64) {
        let is_older = |member: &Member| member.login_ms < login_ms;
        if self.orphan_until.is_some() && self.standings.members.get(user).is_some_and(is_older) {
            self.standings.members.remove(user);
            // Should its node be there after all, it says the whole again.
            self.seq = None;
        }
    }

    /// Takes a part of the whole; with the last one the section is what it says. All that may have changed, and the extra info.
    pub(super) fn take_whole(&mut self, whole: Whole) -> Option<(Vec<Touched>, Option<RoomExtraInfo>)> {
        let (standing, parts) = (whole.standing.clone(), whole.parts);
        if parts == 0 || parts > MAX_PARTS || whole.part >= parts || self.seq.is_some_and(|seq| standing.seq < seq) {
            return None;
        }
        self.parts
            .retain(|_, part| (part.standing.section, part.standing.seq, part.parts) == (standing.section, standing.seq, parts));
        self.parts.insert(whole.part, whole);
        if self.parts.len() != parts as usize {
            return None;
        }
        let mut new = Standings::default();
        let mut info = None;
        for part in std::mem::take(&mut self.parts).into_values() {
            let members = part.members.into_iter();
            new.members
                .extend(members.map(|member| (member.user.user_id.clone(), member)));
            let streams = part.streams.into_iter();
            new.streams
                .extend(streams.map(|stream| (stream.listed.stream.stream_id.clone(), stream)));
            info = info.or(part.info);
        }
        let old = std::mem::replace(&mut self.standings, new);
        self.seq = Some(standing.seq);
        self.asked = None;
        self.orphan_until = None;
        Some((self.differences(&old), info))
    }

    fn differences(&self, old: &Standings) -> Vec<Touched> {
        let new = &self.standings;
        let users = old.members.keys().chain(new.members.keys());
        let users: std::collections::BTreeSet<_> = users
            .filter(|user| old.members.get(*user) != new.members.get(*user))
            .cloned()
            .collect();
        let streams = old.streams.keys().chain(new.streams.keys());
        let streams: std::collections::BTreeSet<_> = streams
            .filter(|id| old.streams.get(*id) != new.streams.get(*id))
            .cloned()
            .collect();
        let gone = |id: &StreamId| (!new.streams.contains_key(id)).then_some(StreamDeleteReason::Offline);
        let users = users.into_iter().map(Touched::Member);
        users
            .chain(streams.into_iter().map(|id| {
                let reason = gone(&id);
                Touched::Stream(id, reason)
            }))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use express_messages::ids::RoomId;
    use express_messages::types::ZegoUser;

    use super::*;

    const ID: SectionId = SectionId { life: 1, number: 1 };

    fn came(name: &str) -> Fact {
        let id = UserId::new(name).unwrap();
        Fact::UserCame(Member {
            user: ZegoUser::new(&id, "n".repeat(200)).unwrap(),
            login_ms: 1,
        })
    }

    fn standing(own: &OwnSection) -> Standing {
        Standing {
            room: (1, RoomId::new("r").unwrap()),
            section: own.id,
            seq: own.seq,
            epoch: 0,
            home: false,
            info_ms: 0,
        }
    }

    #[test]
    fn facts_that_come_twice_or_with_a_gap_leave_the_section_as_its_writer_has_it() {
        let mut own = OwnSection::new(ID);
        let mut other = Section::new(ID);
        for name in ["a", "b", "c", "d"] {
            own.say(&NodeName::new("a").unwrap(), came(name));
        }
        assert_eq!(other.take(2, own.since(1).unwrap()), Taken::Gap(None));
        let Taken::Touched(touched) = other.take(1, own.since(0).unwrap()[..2].to_vec()) else {
            panic!("a gap")
        };
        assert_eq!(touched.len(), 2);
        assert_eq!(other.take(4, own.since(3).unwrap()), Taken::Gap(Some(2)));
        let Taken::Touched(touched) = other.take(1, own.since(0).unwrap()) else {
            panic!("a gap")
        };
        assert_eq!(touched.len(), 2, "two were known");
        assert_eq!((other.seq, &other.standings), (Some(4), &own.standings));
    }

    #[test]
    fn a_large_section_crosses_in_parts_that_fit_and_in_any_order() {
        let mut own = OwnSection::new(ID);
        for number in 0..3_000 {
            own.say(&NodeName::new("a").unwrap(), came(&format!("u{number}")));
        }
        assert!(own.since(0).is_none(), "not all facts are kept");
        let mut parts = own.whole(&standing(&own), None);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(serde_json::to_vec(part).unwrap().len() < crate::cluster::bus::MAX_PAYLOAD);
        }
        let mut other = Section::new(ID);
        let last = parts.remove(0);
        for part in parts {
            assert_eq!(other.take_whole(part), None);
        }
        let (touched, _) = other.take_whole(last).unwrap();
        assert_eq!(touched.len(), 3_000);
        assert_eq!((other.seq, &other.standings), (Some(3_000), &own.standings));
        let nothing = other.take_whole(own.whole(&standing(&own), None).remove(0));
        assert_eq!(nothing, None, "the first part of the same again");
    }
}
