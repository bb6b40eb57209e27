//! A member as the rooms were told of it, and in whose sections it is: looked up, so that a fact of one node is not held against what
//! all others of a large room say.

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
