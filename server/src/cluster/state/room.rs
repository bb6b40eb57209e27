//! One room as this node has it: its own section, those of others, and what all of them together come to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use express_messages::ids::{StreamId, UserId};
use express_messages::types::StreamDeleteReason;
use express_signalling::protocol::RoomExtraInfo;

use super::holders::{Holders, ShownMember};
use super::letters::{NodeLife, Standing};
use super::mirror::Mirror;
use super::section::{OwnSection, Section, Touched};
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

    /// Who was seen with a later login is none of a node that is gone any more: leaving again is leaving for good.
    fn forget_older_logins(&mut self, user: &UserId, login_ms: u64) {
        let holders = self.shown_members.get(user).into_iter();
        for node in holders.flat_map(|shown| shown.holders.iter()) {
            if let Some(section) = self.others.get_mut(node) {
                section.forget_older_login(user, login_ms);
            }
        }
    }

    /// What other nodes say of a user's logins.
    fn said_of(&self, user: &UserId) -> impl Iterator<Item = &Member> {
        let holders = self.shown_members.get(user).into_iter();
        let sections = holders
            .flat_map(|shown| shown.holders.iter())
            .filter_map(|node| self.others.get(node));
        sections.filter_map(|section| section.standings.members.get(user))
    }

    /// The same for a stream that was seen with a higher claim.
    fn forget_older_claims(&mut self, id: &StreamId, epoch: u64) {
        for section in self.others.values_mut().filter(|section| section.orphan_until.is_some()) {
            if section.standings.streams.get(id).is_some_and(|stream| stream.epoch < epoch) {
                section.standings.streams.remove(id);
                section.seq = None;
            }
        }
    }

    /// A fact of this node ends what it says of it: nothing older holds any more.
    pub(super) fn forget_older_than(&mut self, fact: &Fact, changes: &mut Vec<Change>) {
        match fact {
            Fact::UserLeft(user) => {
                if let Some(login_ms) = self.own.standings.members.get(user).map(|member| member.login_ms) {
                    self.forget_older_logins(user, login_ms);
                    self.refresh_member(user, None, changes);
                }
            }
            Fact::StreamLeft(id, _) => {
                if let Some(epoch) = self.own.standings.streams.get(id).map(|stream| stream.epoch) {
                    self.forget_older_claims(id, epoch);
                }
            }
            Fact::UserCame(_) | Fact::StreamIs(_) | Fact::Said(_) => {}
        }
    }

    /// Of several logins of a user the latest is shown.
    ///
    /// - `from`: in whose section something changed; a user whom nobody has shown yet is in that one alone
    fn refresh_member(&mut self, user: &UserId, from: Option<&NodeName>, changes: &mut Vec<Change>) {
        let is_here = self.own.standings.members.contains_key(user);
        let Some(shown) = self.shown_members.get_mut(user) else {
            let said = from.and_then(|from| Some((from, self.others.get(from)?.standings.members.get(user)?)));
            if let Some((from, member)) = said {
                let (member, holders) = (member.clone(), Holders::new(from));
                changes.push(Change::UserCame(member.clone()));
                self.shown_members.insert(user.clone(), ShownMember { member, holders });
                self.shown.member(user.as_str(), is_here, true);
            }
            return;
        };
        if let Some(from) = from {
            shown.holders.add(from);
        }
        for node in shown.holders.iter() {
            if let Some(section) = self.others.get_mut(node) {
                section.forget_older_login(user, shown.member.login_ms);
            }
        }
        let others = &self.others;
        let said = |node: &NodeName| others.get(node)?.standings.members.get(user);
        if !shown.holders.retain(|node| said(node).is_some()) {
            self.shown_members.remove(user);
            self.shown.member(user.as_str(), !is_here, false);
            changes.push(Change::UserLeft(user.clone()));
            return;
        }
        let logins = shown.holders.iter().filter_map(|node| Some((node, said(node)?)));
        let best = logins.max_by_key(|(node, member)| (member.login_ms, *node));
        if let Some((_, best)) = best.filter(|(_, best)| shown.member != **best) {
            shown.member = best.clone();
            changes.push(Change::UserCame(best.clone()));
        }
    }

    /// Whether a user of this node has logged in on no other one since.
    pub(super) fn has_latest_login(&self, user: &UserId) -> bool {
        let latest = self.said_of(user).map(|member| member.login_ms).max();
        let own = self.own.standings.members.get(user).map(|member| member.login_ms);
        own > latest
    }

    /// Of several owners of a streamID the one with the highest claim is shown, and this node's own stream makes way for it.
    pub(super) fn refresh_stream(&mut self, id: &StreamId, reason: Option<StreamDeleteReason>, changes: &mut Vec<Change>) {
        if let Some(epoch) = self.shown_streams.get(id).map(|(_, stream)| stream.epoch) {
            self.forget_older_claims(id, epoch);
        }
        let said = self
            .others
            .iter()
            .filter_map(|(node, section)| Some((node, section.standings.streams.get(id)?)));
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
        let users: BTreeSet<UserId> = section.standings.members.into_keys().collect();
        for user in users {
            self.refresh_member(&user, None, changes);
        }
        for id in section.standings.streams.into_keys() {
            self.refresh_stream(&id, Some(reason), changes);
        }
    }
}

fn pair((node, stream): &(NodeName, RemoteStream)) -> (&NodeName, &RemoteStream) {
    (node, stream)
}
