//! One room as this node has it: its own section, those of others, and what all of them together come to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use express_messages::ids::{StreamId, UserId};
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::RoomExtraInfo;

use super::earlier::Earlier;
use super::holders::ShownMember;
use super::letters::{NodeLife, Standing};
use super::mirror::Mirror;
use super::section::{OwnSection, Section, Standings, Touched};
use crate::rooms::cloud::{Fact, Member, NodeName, RemoteStream, RoomName, RoomTerms, Saying};

/// Messages whose numbers are remembered, so that one that comes by two ways is told once.
const REMEMBERED: usize = 256;

/// How far a room is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The registry is asked.
    Asking,
    /// Others are asked what they say; opened when all have answered, or then.
    Greeting {
        until: Duration,
    },
    Open,
}

/// A room that is open here, or about to be.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) stage: Stage,
    /// Somebody here wants to be in it and may be sent elsewhere.
    pub(super) may_redirect: bool,
    /// Where nobody is sent: those who wait have lost those nodes.
    pub(super) not_to: BTreeSet<NodeName>,
    /// Nobody here wants to be in it: it is opened if another node has it, and not at all else.
    pub(super) observes: bool,
    pub(super) terms: RoomTerms,
    /// Nobody else had it when it was opened.
    pub(super) is_new: bool,
    /// Who orders what is said; `None`: this node.
    pub(super) home: Option<NodeLife>,
    pub(super) epoch: u64,
    /// The home that has left the room: the registry may not know yet.
    pub(super) left: Option<NodeName>,
    /// The registry knows that this node has it.
    pub(super) settled: bool,
    /// When this node last wrote its entry.
    pub(super) written: Duration,
    pub(super) own: OwnSection,
    pub(super) others: BTreeMap<NodeName, Section>,
    /// What lives of nodes said that have begun another one.
    pub(super) earlier: BTreeMap<NodeLife, Earlier>,
    /// Users who have left where they were last, and stand in the section of another node by an earlier login; the login that they left.
    pub(super) left_later: BTreeMap<UserId, u64>,
    /// Who was greeted and has not answered, and when.
    pub(super) greeted: BTreeMap<NodeName, Duration>,
    pub(super) info: Option<RoomExtraInfo>,
    /// What the rooms were told.
    pub(super) shown_members: BTreeMap<UserId, ShownMember>,
    pub(super) shown_streams: BTreeMap<StreamId, (NodeName, RemoteStream)>,
    /// Both, to be compared, without who is here, too.
    pub(super) shown: Mirror,
    said: VecDeque<u64>,
    pub(super) last_message: u64,
}

/// What changed for the rooms.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    UserCame(Member),
    UserLeft(UserId),
    StreamIs(NodeName, RemoteStream),
    StreamLeft(StreamId, StreamDeleteReason),
    /// A stream of this node is another node's; its user.
    Lost(StreamId, NodeName, UserId),
    Said(Saying),
}

impl Room {
    pub(super) fn new(terms: RoomTerms, own: OwnSection, may_redirect: bool) -> Self {
        Self {
            stage: Stage::Asking,
            may_redirect,
            not_to: BTreeSet::new(),
            observes: false,
            terms,
            is_new: true,
            home: None,
            epoch: 0,
            left: None,
            settled: false,
            written: Duration::ZERO,
            own,
            others: BTreeMap::new(),
            earlier: BTreeMap::new(),
            left_later: BTreeMap::new(),
            greeted: BTreeMap::new(),
            info: None,
            shown_members: BTreeMap::new(),
            shown_streams: BTreeMap::new(),
            shown: Mirror::default(),
            said: VecDeque::new(),
            last_message: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// The nodes that have it, without this one and those that are gone.
    pub(super) fn peers(&self) -> impl Iterator<Item = &NodeName> {
        let there = self.others.iter().filter(|(_, section)| section.orphan_until.is_none());
        there.map(|(name, _)| name)
    }

    /// Where this node's section stands.
    pub(super) fn standing(&self, name: &RoomName) -> Standing {
        Standing {
            room: name.clone(),
            section: self.own.id,
            seq: self.own.seq,
            epoch: self.epoch,
            home: self.settled && self.home.is_none(),
            info_ms: self.info.as_ref().map_or(0, |info| info.update_time_ms),
        }
    }

    /// Another node says to be the home: of two the one with the higher number is.
    pub(super) fn take_home(&mut self, from: &NodeLife, standing: &Standing) {
        if !standing.home || standing.epoch < self.epoch {
            return;
        }
        if standing.epoch > self.epoch || self.home.is_none() && !self.settled {
            self.epoch = standing.epoch;
            self.home = Some(from.clone());
        }
    }

    /// Says something of this node, `own`; its number.
    pub(super) fn say(&mut self, own: &NodeName, fact: Fact) -> u64 {
        let user = match &fact {
            Fact::UserCame(member) => Some(member.user.user_id.clone()),
            Fact::UserLeft(user) => Some(user.clone()),
            Fact::StreamIs(_) | Fact::StreamLeft(..) | Fact::Said(_) => None,
        };
        let both = user.filter(|user| self.shown_members.contains_key(user));
        let was_here = both
            .as_ref()
            .is_some_and(|user| self.own.standings.members.contains_key(user));
        let number = self.own.say(own, fact);
        if let Some(user) = both {
            // Who is here and elsewhere, too, is one.
            let is_here = self.own.standings.members.contains_key(&user);
            self.shown.member(user.as_str(), !was_here, !is_here);
        }
        number
    }

    /// What comes of changes in the section of a node.
    pub(super) fn refresh(&mut self, from: &NodeName, touched: Vec<Touched>, changes: &mut Vec<Change>) {
        for touched in touched {
            match touched {
                Touched::Member(user) => self.refresh_member(&user, Some(from), changes),
                Touched::Stream(id, reason) => self.refresh_stream(&id, reason, changes),
                Touched::Said(saying) => self.hear(saying, changes),
            }
        }
    }

    /// Of several owners of a streamID the one with the highest claim is shown, and this node's own stream makes way for it.
    pub(super) fn refresh_stream(&mut self, id: &StreamId, reason: Option<StreamDeleteReason>, changes: &mut Vec<Change>) {
        if let Some(epoch) = self.shown_streams.get(id).map(|(_, stream)| stream.epoch) {
            self.forget_older_claims(id, epoch);
        }
        let said = self
            .said_elsewhere()
            .filter_map(|(node, standings)| Some((node, standings.streams.get(id)?)));
        let best = said.max_by_key(|(node, stream)| (stream.epoch, std::cmp::Reverse(*node)));
        let best = best.map(|(node, stream)| (node.clone(), stream.clone()));
        let own_stream = self.own.standings.streams.get(id);
        let own = own_stream.map(|own| own.epoch);
        // One that was never settled is not its user's older one on another node: the registry is about to hear so.
        let is_new = |user: &UserId| {
            let unsettled = own_stream.filter(|own| own.epoch == 0);
            unsettled.is_some_and(|own| own.listed.stream.user.user_id == *user) && self.has_latest_login(user)
        };
        let best = match (best, own) {
            (Some((node, stream)), Some(own)) if stream.epoch > own && !is_new(&stream.listed.stream.user.user_id) => {
                let user = stream.listed.stream.user.user_id.clone();
                changes.push(Change::Lost(id.clone(), node.clone(), user));
                Some((node, stream))
            }
            (_, Some(_)) => None,
            (best, None) => best,
        };
        match best {
            Some(best) if self.shown_streams.get(id) != Some(&best) => {
                let was = self.shown_streams.insert(id.clone(), best.clone());
                self.shown.stream(was.as_ref().map(pair), Some(pair(&best)));
                changes.push(Change::StreamIs(best.0, best.1));
            }
            Some(_) => {}
            None => {
                let was = self.shown_streams.remove(id);
                self.shown.stream(was.as_ref().map(pair), None);
                if was.is_some() && own.is_none() {
                    changes.push(Change::StreamLeft(id.clone(), reason.unwrap_or(StreamDeleteReason::Offline)));
                }
            }
        }
    }

    fn hear(&mut self, saying: Saying, changes: &mut Vec<Change>) {
        if let Saying::Broadcast(message) = &saying
            && !self.remember(message.message_id)
        {
            return;
        }
        if let Saying::Info(info) = &saying
            && !self.take_info(info.clone())
        {
            return;
        }
        changes.push(Change::Said(saying));
    }

    /// Notes a message; `false`: it was told before.
    pub(super) fn remember(&mut self, message: u64) -> bool {
        self.last_message = self.last_message.max(message);
        if self.said.contains(&message) {
            return false;
        }
        if self.said.len() == REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back(message);
        true
    }

    /// Takes the extra info if it is newer; `true`: it is.
    pub(super) fn take_info(&mut self, info: RoomExtraInfo) -> bool {
        let newer = self
            .info
            .as_ref()
            .is_none_or(|known| (known.update_time_ms, &known.value) < (info.update_time_ms, &info.value));
        if newer {
            self.info = Some(info);
        }
        newer
    }

    /// A node does not have the room any more: what it said is over.
    pub(super) fn drop_section(&mut self, node: &NodeName, reason: StreamDeleteReason, changes: &mut Vec<Change>) {
        self.greeted.remove(node);
        let Some(section) = self.others.remove(node) else {
            return;
        };
        self.refresh_all(section.standings, reason, changes);
    }

    /// What was said so holds no more.
    pub(super) fn refresh_all(&mut self, said: Standings, reason: StreamDeleteReason, changes: &mut Vec<Change>) {
        for user in said.members.into_keys() {
            self.refresh_member(&user, None, changes);
        }
        for id in said.streams.into_keys() {
            self.refresh_stream(&id, Some(reason), changes);
        }
    }
}

fn pair((node, stream): &(NodeName, RemoteStream)) -> (&NodeName, &RemoteStream) {
    (node, stream)
}
