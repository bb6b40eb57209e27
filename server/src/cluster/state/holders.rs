//! A member as the rooms were told of it, and in whose sections it is: looked up, so that a fact of one node is not held against what
//! all others of a large room say.

use std::collections::BTreeMap;

use express_messages::ids::UserId;

use super::earlier::Earlier;
use super::letters::NodeLife;
use super::room::{Change, Room};
use super::section::Section;
use crate::rooms::cloud::{Member, NodeName};

/// A member that is shown.
#[derive(Debug)]
pub(super) struct ShownMember {
    pub(super) member: Member,
    pub(super) holders: Holders,
}

/// The nodes whose sections have a user, nearly always one; some may have the user no more.
#[derive(Debug)]
pub(super) struct Holders {
    first: NodeName,
    more: Vec<NodeName>,
}

impl Holders {
    /// This one.
    pub(super) fn new(node: &NodeName) -> Self {
        Self {
            first: node.clone(),
            more: Vec::new(),
        }
    }

    /// A node says something of the user.
    pub(super) fn add(&mut self, node: &NodeName) {
        if self.first != *node && !self.more.contains(node) {
            self.more.push(node.clone());
        }
    }

    /// Forgets those who have the user no more; `false`: nobody is left.
    pub(super) fn retain(&mut self, has: impl Fn(&NodeName) -> bool) -> bool {
        self.more.retain(&has);
        if has(&self.first) {
            return true;
        }
        match self.more.pop() {
            Some(other) => {
                self.first = other;
                true
            }
            None => false,
        }
    }

    /// All who may have the user.
    pub(super) fn iter(&self) -> impl Iterator<Item = &NodeName> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

type Sections = BTreeMap<NodeName, Section>;
type Lives = BTreeMap<NodeLife, Earlier>;

/// What a node says of a user, or has said in an earlier life.
fn said_at<'a>(sections: &'a Sections, lives: &'a Lives, node: &NodeName, user: &UserId) -> Option<&'a Member> {
    let now = sections.get(node).and_then(|section| section.standings.members.get(user));
    let before = lives.iter().filter(|(life, _)| life.name == *node);
    let before = before.filter_map(|(_, earlier)| earlier.standings.members.get(user));
    before.chain(now).max_by_key(|member| member.login_ms)
}

/// A login of before that time is none any more where its node is gone, or that life of it.
fn forget_login_at(sections: &mut Sections, lives: &mut Lives, node: &NodeName, (user, login_ms): (&UserId, u64)) {
    if let Some(section) = sections.get_mut(node) {
        section.forget_older_login(user, login_ms);
    }
    for (_, earlier) in lives.iter_mut().filter(|(life, _)| life.name == *node) {
        let members = &mut earlier.standings.members;
        if members.get(user).is_some_and(|member| member.login_ms < login_ms) {
            members.remove(user);
        }
    }
}

impl Room {
    /// Who was seen with a later login is none of a node that is gone any more: leaving again is leaving for good.
    pub(super) fn forget_older_logins(&mut self, user: &UserId, login_ms: u64) {
        let holders = self.shown_members.get(user).into_iter();
        for node in holders.flat_map(|shown| shown.holders.iter()) {
            forget_login_at(&mut self.others, &mut self.earlier, node, (user, login_ms));
        }
    }

    /// Of several logins of a user the latest is shown.
    ///
    /// - `from`: in whose section something changed; a user whom nobody has shown yet is in that one alone
    pub(super) fn refresh_member(&mut self, user: &UserId, from: Option<&NodeName>, changes: &mut Vec<Change>) {
        let Some(shown) = self.shown_members.get_mut(user) else {
            return self.show_member(user, from, changes);
        };
        if let Some(from) = from {
            shown.holders.add(from);
        }
        let shown_ms = shown.member.login_ms;
        for node in shown.holders.iter() {
            forget_login_at(&mut self.others, &mut self.earlier, node, (user, shown_ms));
        }
        let said = |node: &NodeName| said_at(&self.others, &self.earlier, node, user);
        if !shown.holders.retain(|node| said(node).is_some()) {
            return self.hide_member(user, changes);
        }
        let logins = shown.holders.iter().filter_map(|node| Some((node, said(node)?)));
        let best = logins.max_by_key(|(node, member)| (member.login_ms, *node));
        if let Some((_, best)) = best.filter(|(_, best)| shown.member != **best) {
            let best = best.clone();
            shown.member = best.clone();
            self.note_login(user, Some(shown_ms), best.login_ms);
            changes.push(Change::UserCame(best));
        }
    }

    /// Somebody is on another node who was on none.
    fn show_member(&mut self, user: &UserId, from: Option<&NodeName>, changes: &mut Vec<Change>) {
        let said = from.and_then(|from| Some((from, said_at(&self.others, &self.earlier, from, user)?.clone())));
        let Some((from, member)) = said else {
            return;
        };
        let is_here = self.own.standings.members.contains_key(user);
        self.note_login(user, None, member.login_ms);
        self.shown.member(user.as_str(), is_here, true);
        let holders = Holders::new(from);
        changes.push(Change::UserCame(member.clone()));
        self.shown_members.insert(user.clone(), ShownMember { member, holders });
    }

    /// Somebody is on no other node any more.
    fn hide_member(&mut self, user: &UserId, changes: &mut Vec<Change>) {
        let is_here = self.own.standings.members.contains_key(user);
        self.left_later.remove(user);
        self.shown_members.remove(user);
        self.shown.member(user.as_str(), !is_here, false);
        if !is_here {
            self.end_orphaned_streams(user, changes);
        }
        changes.push(Change::UserLeft(user.clone()));
    }

    /// Whether a user of this node has logged in on no other one since.
    pub(super) fn has_latest_login(&self, user: &UserId) -> bool {
        let latest = self
            .shown_members
            .get(user)
            .into_iter()
            .flat_map(|shown| shown.holders.iter());
        let latest = latest.filter_map(|node| said_at(&self.others, &self.earlier, node, user));
        let latest = latest.map(|member| member.login_ms).max();
        let own = self.own.standings.members.get(user).map(|member| member.login_ms);
        own > latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_where_a_node_said_so_once_each_until_it_is_gone_there() {
        let node = |name: &str| NodeName::new(name).unwrap();
        let of = |holders: &Holders| {
            let mut nodes: Vec<String> = holders.iter().map(ToString::to_string).collect();
            nodes.sort_unstable();
            nodes.join("")
        };
        let mut holders = Holders::new(&node("b"));
        for name in ["a", "b", "c", "a"] {
            holders.add(&node(name));
        }
        assert_eq!(of(&holders), "abc");
        assert!(holders.retain(|node| node.as_str() != "b"));
        assert_eq!(of(&holders), "ac");
        assert!(holders.retain(|node| node.as_str() == "a"));
        assert_eq!(of(&holders), "a");
        assert!(!holders.retain(|_| false));
    }
}
