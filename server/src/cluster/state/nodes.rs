//! The nodes of the cloud: who is there, who is gone, and which would serve a client best.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::letters::{NodeEntry, NodeLife};
use crate::cluster::bus::Revision;
use crate::rooms::cloud::NodeName;

/// A node that is not heard of for so long is gone. Its entry in the registry lives as long.
pub(crate) const LEASE: Duration = Duration::from_secs(6);
/// How often a node writes its entry.
pub(crate) const RENEW: Duration = Duration::from_secs(2);
/// What a member elsewhere costs, in loads of a full node: another stream crosses between nodes for nearly every room that is split.
const WITHOUT_THE_ROOM: f64 = 0.3;
/// A node of another region is chosen only instead of one that is full.
const OTHER_REGION: f64 = 0.8;
/// A client is sent on only where that is better by so much: a redirect costs it a connection.
const WORTH_A_REDIRECT: f64 = 0.25;

/// What is known of another node.
#[derive(Debug)]
struct Known {
    entry: Arc<NodeEntry>,
    /// Of the entry in the registry.
    revision: Revision,
    heard: Duration,
    /// Since when it is not heard of any more.
    gone: Option<Duration>,
}

/// The other nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    others: HashMap<NodeName, Known>,
    /// Who takes clients, or where, is another than was told.
    changed: bool,
    /// None of them is emptier; one that was may be fuller by now, or gone.
    emptiest: f64,
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeChange {
    Nothing,
    /// It is new, or back after it was thought to be gone.
    Came,
    /// It has begun another life: what it said before is over.
    Restarted,
}

impl Nodes {
    /// A node's entry was read. One that was known already says nothing of its life: it may only not have been forgotten yet.
    ///
    /// Nearly all are renewals: they cost a look-up and no allocation.
    pub(super) fn note(&mut self, entry: &Arc<NodeEntry>, revision: Revision, now: Duration) -> NodeChange {
        self.emptiest = self.emptiest.min(fullness(entry));
        let Some(known) = self.others.get_mut(&entry.node.name) else {
            let (entry, heard, gone) = (Arc::clone(entry), now, None);
            self.changed |= entry.takes_clients();
            let name = entry.node.name.clone();
            let known = Known {
                entry,
                revision,
                heard,
                gone,
            };
            self.others.insert(name, known);
            return NodeChange::Came;
        };
        // A node that is gone may have set its clock back before it started again.
        let older_life = entry.node.life < known.entry.node.life && known.gone.is_none();
        if older_life || revision <= known.revision {
            return NodeChange::Nothing;
        }
        let restarted = entry.node.life != known.entry.node.life;
        let was_gone = known.gone.take().is_some();
        known.heard = now;
        let took = known.entry.takes_clients() && !was_gone;
        self.changed |= took != entry.takes_clients() || known.entry.url != entry.url;
        known.entry = Arc::clone(entry);
        known.revision = revision;
        match (restarted, was_gone) {
            (true, _) => NodeChange::Restarted,
            (false, true) => NodeChange::Came,
            (false, false) => NodeChange::Nothing,
        }
    }

    /// A node says that it stops; `true`: it was there until now.
    pub(super) fn leave(&mut self, node: &NodeLife, now: Duration) -> bool {
        let known = self.others.get_mut(&node.name);
        let Some(known) = known.filter(|known| known.entry.node.life == node.life && known.gone.is_none()) else {
            return false;
        };
        known.gone = Some(now);
        self.changed = true;
        true
    }

    /// It wrote a letter: it lives. `false`: the letter is of an earlier life of it than the one that is known.
    pub(super) fn hear(&mut self, node: &NodeLife, now: Duration) -> bool {
        let known = self.others.get_mut(&node.name).filter(|known| known.gone.is_none());
        let Some(known) = known else { return true };
        if known.entry.node.life == node.life {
            known.heard = now;
        }
        node.life >= known.entry.node.life
    }

    /// Those who were heard of until a lease ago and no longer: they are gone from now on.
    pub(super) fn take_gone(&mut self, now: Duration) -> Vec<NodeLife> {
        let silent = |known: &&mut Known| known.gone.is_none() && now.saturating_sub(known.heard) > LEASE;
        let silent = self.others.values_mut().filter(silent);
        let mut gone: Vec<NodeLife> = silent
            .map(|known| {
                known.gone = Some(now);
                known.entry.node.clone()
            })
            .collect();
        gone.sort_unstable();
        self.changed |= !gone.is_empty();
        self.emptiest = self.takers().map(fullness).fold(f64::MAX, f64::min);
        gone
    }

    /// Whether who takes clients, or where, is another than when this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The cloud was out of reach: nobody's silence counts until now.
    pub(super) fn forgive(&mut self, now: Duration) {
        for known in self.others.values_mut().filter(|known| known.gone.is_none()) {
            known.heard = now;
        }
    }

    /// Forgets who is gone for longer than `keep`.
    pub(super) fn forget_gone(&mut self, keep: Duration, now: Duration) {
        self.others
            .retain(|_, known| known.gone.is_none_or(|gone| now.saturating_sub(gone) <= keep));
    }

    /// Whether a node is there, or was lately.
    pub(super) fn is_known(&self, name: &NodeName) -> bool {
        self.others.contains_key(name)
    }

    /// Whether this life of a node goes on.
    pub(super) fn is_alive(&self, node: &NodeLife) -> bool {
        self.others
            .get(&node.name)
            .is_some_and(|known| known.gone.is_none() && known.entry.node.life == node.life)
    }

    /// Whether this life of a node goes on, or ended less than `patience` ago.
    pub(super) fn may_come_back(&self, node: &NodeLife, patience: Duration, now: Duration) -> bool {
        self.others.get(&node.name).is_some_and(|known| {
            known.entry.node.life == node.life && known.gone.is_none_or(|gone| now.saturating_sub(gone) < patience)
        })
    }

    /// The life that this node has now.
    pub(super) fn life_of(&self, name: &NodeName) -> Option<&NodeLife> {
        let known = self.others.get(name).filter(|known| known.gone.is_none());
        known.map(|known| &known.entry.node)
    }

    /// How many there are now.
    pub(super) fn alive(&self) -> usize {
        self.others.values().filter(|known| known.gone.is_none()).count()
    }

    /// Who takes clients, the best first, as seen from `own`.
    pub(super) fn for_clients(&self, own: &NodeEntry) -> Vec<(NodeName, String)> {
        let mut found: Vec<_> = self.takers().map(|entry| (score(entry, own, true), entry)).collect();
        found.sort_by(|(one, a), (other, b)| one.total_cmp(other).then_with(|| a.node.cmp(&b.node)));
        let named = |(_, entry): (f64, &NodeEntry)| (entry.node.name.clone(), entry.url.clone());
        found.into_iter().map(named).collect()
    }

    /// The node that serves a newcomer to a room clearly better than `own`, if there is one.
    ///
    /// - `with_room`: the nodes that have the room already
    /// - `not_to`: nodes that are not meant
    pub(super) fn better(&self, own: &NodeEntry, with_room: &[NodeName], not_to: &BTreeSet<NodeName>) -> Option<&NodeEntry> {
        let has_room = |entry: &NodeEntry| with_room.is_empty() || with_room.contains(&entry.node.name);
        let here = score(own, own, has_room(own));
        let is_meant = |entry: &&NodeEntry| !not_to.contains(&entry.node.name);
        let is_worth_it = |(there, _): &(f64, &NodeEntry)| there + WORTH_A_REDIRECT < here;
        // Those that have the room are few and looked at first; the others are no better than the emptiest of them could be.
        let without = if with_room.is_empty() { 0.0 } else { WITHOUT_THE_ROOM };
        let others_at_best = self.emptiest + without;
        let with_room = with_room
            .iter()
            .filter_map(|name| self.others.get(name))
            .filter_map(Known::taker)
            .filter(is_meant);
        let best = best_of(with_room.map(|entry| (score(entry, own, true), entry)));
        if best.is_some_and(|(there, _)| there < others_at_best) || others_at_best + WORTH_A_REDIRECT >= here {
            let best = best.filter(|(there, _)| *there < others_at_best);
            return best.filter(is_worth_it).map(|(_, entry)| entry);
        }
        let all = self.takers().filter(is_meant);
        let all = all.map(|entry| (score(entry, own, has_room(entry)), entry));
        best_of(all).filter(is_worth_it).map(|(_, entry)| entry)
    }

    fn takers(&self) -> impl Iterator<Item = &NodeEntry> {
        self.others.values().filter_map(Known::taker)
    }
}

impl Known {
    /// Its entry, if it takes clients.
    fn taker(&self) -> Option<&NodeEntry> {
        Some(&*self.entry).filter(|entry| self.gone.is_none() && entry.takes_clients())
    }
}

fn best_of<'a>(scored: impl Iterator<Item = (f64, &'a NodeEntry)>) -> Option<(f64, &'a NodeEntry)> {
    scored.min_by(|(one, a), (other, b)| one.total_cmp(other).then_with(|| a.node.cmp(&b.node)))
}

fn fullness(entry: &NodeEntry) -> f64 {
    f64::from(entry.load) / f64::from(entry.capacity.max(1))
}

/// The lower the better: how full it is, and what it would cost.
fn score(entry: &NodeEntry, own: &NodeEntry, has_room: bool) -> f64 {
    let full = fullness(entry);
    let mut score = full;
    if full >= 1.0 || entry.draining {
        score += 10.0;
    }
    if !has_room {
        score += WITHOUT_THE_ROOM;
    }
    if entry.region != own.region {
        score += OTHER_REGION;
    }
    score
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entry(name: &str, load: u32) -> NodeEntry {
        NodeEntry {
            node: NodeLife {
                name: NodeName::new(name).unwrap(),
                life: 1,
            },
            url: format!("ws://{name}"),
            region: String::new(),
            load,
            capacity: 100,
            draining: false,
            orders: 0,
        }
    }

    fn revision(number: u64) -> Revision {
        Revision { store: 1, number }
    }

    fn better(own: &NodeEntry, others: Vec<NodeEntry>, with_room: &[&str]) -> Option<String> {
        let mut nodes = Nodes::default();
        for other in others {
            nodes.note(&Arc::new(other), revision(1), SECOND);
        }
        let with_room: Vec<_> = with_room.iter().map(|name| NodeName::new(name).unwrap()).collect();
        nodes
            .better(own, &with_room, &BTreeSet::new())
            .map(|entry| entry.node.name.to_string())
    }

    #[test]
    fn a_newcomer_is_sent_to_a_node_that_has_the_room_or_is_much_emptier_and_nowhere_else() {
        let draining = NodeEntry {
            draining: true,
            ..entry("b", 0)
        };
        let abroad = NodeEntry {
            region: "far".into(),
            ..entry("b", 0)
        };
        let cases = [
            ("alone", entry("a", 50), vec![], vec![], None),
            ("as full as the other", entry("a", 50), vec![entry("b", 50)], vec![], None),
            ("much fuller", entry("a", 50), vec![entry("b", 20)], vec![], Some("b")),
            (
                "the room is there",
                entry("a", 10),
                vec![entry("b", 10)],
                vec!["b"],
                Some("b"),
            ),
            (
                "the room is there, and fuller",
                entry("a", 10),
                vec![entry("b", 40)],
                vec!["b"],
                None,
            ),
            (
                "the room is on both",
                entry("a", 10),
                vec![entry("b", 10)],
                vec!["a", "b"],
                None,
            ),
            ("full", entry("a", 100), vec![entry("b", 99)], vec![], Some("b")),
            ("both full", entry("a", 100), vec![entry("b", 100)], vec![], None),
            ("the other goes", entry("a", 90), vec![draining.clone()], vec![], None),
            (
                "this one goes",
                NodeEntry {
                    draining: true,
                    ..entry("a", 0)
                },
                vec![entry("b", 90)],
                vec![],
                Some("b"),
            ),
            ("another region", entry("a", 60), vec![abroad.clone()], vec![], None),
            ("full, another region", entry("a", 100), vec![abroad], vec![], Some("b")),
        ];
        for (what, own, others, with_room, expected) in cases {
            assert_eq!(better(&own, others, &with_room).as_deref(), expected, "{what}");
        }
    }

    #[test]
    fn the_best_node_is_found_without_looking_at_all_where_it_can_be_and_is_the_same() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut found = 0;
        for _ in 0..2_000 {
            let mut nodes = Nodes::default();
            let any = |rng: &mut StdRng, name: &str| NodeEntry {
                draining: rng.random_range(0..8) == 0,
                region: ["", "far"][rng.random_range(0..2)].into(),
                ..entry(name, rng.random_range(0..110))
            };
            let own = any(&mut rng, "own");
            let names: Vec<String> = (0..rng.random_range(0..6)).map(|number| format!("n{number}")).collect();
            for (at, name) in (1..).zip(names.iter().chain(&names)) {
                nodes.note(&Arc::new(any(&mut rng, name)), revision(at), SECOND);
                if rng.random_range(0..3) == 0 {
                    nodes.take_gone(SECOND);
                }
            }
            let with_room: Vec<NodeName> = names
                .iter()
                .filter(|_| rng.random())
                .map(|name| NodeName::new(name).unwrap())
                .collect();
            let has_room = |entry: &NodeEntry| with_room.is_empty() || with_room.contains(&entry.node.name);
            let not_to: BTreeSet<NodeName> = with_room.iter().filter(|_| rng.random_range(0..9) == 0).cloned().collect();
            let all = nodes.takers().filter(|entry| !not_to.contains(&entry.node.name));
            let all = all.map(|entry| (score(entry, &own, has_room(entry)), entry));
            let best = best_of(all).filter(|(there, _)| there + WORTH_A_REDIRECT < score(&own, &own, has_room(&own)));
            assert_eq!(nodes.better(&own, &with_room, &not_to), best.map(|(_, entry)| entry));
            found += usize::from(best.is_some());
        }
        assert!((200..1_800).contains(&found), "{found}");
    }

    #[test]
    fn who_takes_clients_is_news_when_somebody_comes_goes_drains_or_moves_and_not_at_every_renewal() {
        let mut nodes = Nodes::default();
        let b = entry("b", 0);
        let mut change = |entry: &NodeEntry, at: u64| {
            nodes.note(&Arc::new(entry.clone()), revision(at), Duration::from_secs(at));
            nodes.take_changed()
        };
        assert!(change(&b, 1), "it is new");
        let fuller = entry("b", 50);
        assert!(!change(&b, 2) && !change(&fuller, 3), "renewals");
        let draining = NodeEntry {
            draining: true,
            ..b.clone()
        };
        assert!(change(&draining, 4) && !change(&draining, 5), "it drains");
        let moved = NodeEntry {
            url: "ws://other".into(),
            ..b.clone()
        };
        assert!(change(&b, 6) && change(&moved, 7), "it moves");
        nodes.take_gone(8 * SECOND + LEASE);
        assert!(nodes.take_changed() && !nodes.take_changed(), "it is gone");
        nodes.note(&Arc::new(moved), revision(20), 20 * SECOND);
        assert!(nodes.take_changed(), "it is back");
        assert!(
            nodes.leave(&b.node, 21 * SECOND) && nodes.take_changed(),
            "it says that it stops"
        );
    }

    #[test]
    fn a_node_is_gone_when_nothing_is_heard_for_a_lease_and_its_next_life_is_another() {
        let mut nodes = Nodes::default();
        let b = Arc::new(entry("b", 0));
        assert_eq!(nodes.note(&b, revision(1), SECOND), NodeChange::Came);
        assert_eq!(nodes.note(&b, revision(2), 3 * SECOND), NodeChange::Nothing);
        assert_eq!(
            nodes.note(&b, revision(2), 8 * SECOND),
            NodeChange::Nothing,
            "it is read once more"
        );
        assert!(nodes.take_gone(3 * SECOND + LEASE).is_empty());
        assert_eq!(nodes.take_gone(4 * SECOND + LEASE), std::slice::from_ref(&b.node));
        assert!(!nodes.is_alive(&b.node) && nodes.may_come_back(&b.node, 100 * SECOND, 20 * SECOND));
        assert!(nodes.take_gone(5 * SECOND + LEASE).is_empty(), "once");
        let mut again = entry("b", 0);
        again.node.life = 2;
        let again = Arc::new(again);
        assert_eq!(nodes.note(&again, revision(3), 30 * SECOND), NodeChange::Restarted);
        assert!(nodes.is_alive(&again.node) && !nodes.is_alive(&b.node));
        assert!(!nodes.hear(&b.node, 31 * SECOND) && nodes.hear(&again.node, 31 * SECOND));
        assert_eq!(
            nodes.note(&b, revision(4), 31 * SECOND),
            NodeChange::Nothing,
            "an old entry says nothing"
        );
        assert!(nodes.leave(&again.node, 32 * SECOND) && !nodes.leave(&again.node, 33 * SECOND));
        assert_eq!(
            nodes.note(&b, revision(5), 34 * SECOND),
            NodeChange::Restarted,
            "its clock was set back"
        );
        nodes.forgive(60 * SECOND);
        assert!(nodes.take_gone(60 * SECOND + LEASE).is_empty());
    }
}
