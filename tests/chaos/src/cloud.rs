//! What is between nodes: the real decisions about the cloud in a simulated registry and network, and how whole those are.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use express_messages::ids::{RoomId, UserId};
use express_server::cluster::sim::{CloudSim, SimOptions, SimRooms};
use express_server::rooms::Now;
use express_server::rooms::cloud::{News, NodeName, Wish};

use crate::bugs::Bug;
use crate::cloud_faults::CloudFault;
use crate::dice::Dice;
use crate::server::APP;
use crate::world::World;

/// After a fault everything agrees again so late (docs/cluster.md: 1.3 s to be connected, 5 s for lists).
const HEALED: Duration = Duration::from_secs(8);
/// Users of a node that was killed, or who could not move from one that stopped, are shown by the others so long: it is missed after
/// 14 s, and they may come back for 100 s.
const MISSED: Duration = Duration::from_secs(118);

/// The name of a node by its number.
pub(crate) fn node_name(node: usize) -> NodeName {
    NodeName::new(&format!("n{node}")).expect("a letter and digits")
}

/// The servers that a client's program gives: all nodes, beginning with any; or one that tells the others.
pub(crate) fn some_urls(dice: &mut Dice, nodes: usize) -> Vec<String> {
    let first = dice.below(nodes);
    let known = if dice.percent(25) { 1 } else { nodes };
    let each = (first..first + known).map(|node| node_name(node % nodes));
    each.map(|name| format!("ws://{name}")).collect()
}

/// News that the rooms of a node have not heard yet.
#[derive(Default)]
struct Inbox(VecDeque<News>);

impl SimRooms for Inbox {
    fn on_news(&mut self, _: Now, news: News) -> Vec<Wish> {
        self.0.push_back(news);
        Vec::new()
    }
}

/// The cloud.
pub(crate) struct Cloud {
    sim: CloudSim<Inbox>,
    /// Regions keep clients where they come; without them rooms draw them together.
    regions: bool,
    /// What holds now, and which fault it was.
    pub(crate) held: BTreeMap<CloudKind, u64>,
    /// Nodes that drain, and since when.
    pub(crate) draining: BTreeMap<usize, Duration>,
    /// Nodes that are down.
    pub(crate) down: BTreeMap<usize, Duration>,
    whole_since: Duration,
    agrees_from: Duration,
}

/// What can be broken between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CloudKind {
    /// A node does not reach the broker.
    Broker(usize),
    /// Letters get lost.
    Loss,
    /// No media passes between two nodes.
    Media(usize, usize),
    /// No letters pass between two nodes.
    Letters(usize, usize),
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("held", &self.held).finish_non_exhaustive()
    }
}

impl Cloud {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            sim: CloudSim::new(seed, SimOptions::default()),
            regions: !seed.is_multiple_of(3),
            held: BTreeMap::new(),
            draining: BTreeMap::new(),
            down: BTreeMap::new(),
            whole_since: Duration::ZERO,
            agrees_from: Duration::ZERO,
        }
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.sim.next()
    }

    /// The cloud's own decisions, for faults.
    pub(crate) fn set(&mut self, kind: CloudKind, broken: bool) {
        match kind {
            CloudKind::Broker(node) => self.sim.set_broker(node, !broken),
            CloudKind::Loss if broken => {}
            CloudKind::Loss => self.sim.set_loss(0),
            CloudKind::Media(..) => {}
            CloudKind::Letters(one, other) => self.sim.set_cut(one, other, broken),
        }
    }

    /// So many letters get lost, in thousandths.
    pub(crate) fn lose(&mut self, permille: u32) {
        self.sim.set_loss(permille);
    }

    /// The broker has lost its store.
    pub(crate) fn wipe(&mut self) {
        self.sim.wipe();
    }

    /// Whether no media passes between two nodes.
    pub(crate) fn is_media_cut(&self, one: usize, other: usize) -> bool {
        let pair = (one.min(other), one.max(other));
        self.held.contains_key(&CloudKind::Media(pair.0, pair.1))
    }

    /// Something broke, or was mended.
    pub(crate) fn note_change(&mut self, now: Duration) {
        self.whole_since = now;
    }

    /// Since when nothing is broken; `None`: something is.
    pub(crate) fn whole_since(&self) -> Option<Duration> {
        let whole = self.held.is_empty() && self.draining.is_empty() && self.down.is_empty();
        whole.then_some(self.whole_since)
    }

    /// Whether nothing is broken for so long that what was so has no consequences any more, but for users of nodes that are gone.
    pub(crate) fn is_healed(&self, now: Duration) -> bool {
        let healed = |since: Duration| now.saturating_sub(since) > HEALED;
        self.whole_since().is_some_and(healed)
    }

    /// Whether all nodes show the same of each room by now.
    pub(crate) fn agrees(&self, now: Duration) -> bool {
        self.is_healed(now) && now >= self.agrees_from
    }

    /// A node hears that a user of another one has left.
    pub(crate) fn forget_user(&mut self, node: usize, room: RoomId, user: UserId) {
        let news = News::UserLeft((APP, room), user);
        self.sim.rooms_mut(node).0.push_back(news);
    }

    /// What a node that runs has of rooms and claims; nothing is kept for nobody.
    pub(crate) fn kept(&self, node: usize) -> (u64, u64) {
        let counters = self.sim.counters(node);
        (counters.rooms, counters.claims)
    }

    fn next_news(&mut self) -> Option<(usize, News)> {
        (0..self.sim.len()).find_map(|node| Some((node, self.sim.rooms_mut(node).0.pop_front()?)))
    }
}

impl World {
    /// The server that a client reaches at `url`.
    pub(crate) fn node_at(&self, url: &str) -> usize {
        let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next());
        let named = |server: &crate::server::Server| server.name.as_ref().is_some_and(|name| Some(name.as_str()) == host);
        self.servers.iter().position(named).unwrap_or_default()
    }

    /// A node that begins joins the cloud.
    pub(crate) fn join_cloud(&mut self, node: usize) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        cloud.sim.run_until(now);
        if node < cloud.sim.len() {
            cloud.sim.restart(node, Inbox::default());
        } else if cloud.regions {
            cloud
                .sim
                .add_node(&node_name(node), &format!("region-{node}"), 1_000, Inbox::default());
        } else {
            cloud.sim.add_node(&node_name(node), "", 4, Inbox::default());
        }
        if cloud.down.remove(&node).is_some() {
            cloud.note_change(now);
        }
    }

    /// A node is gone.
    ///
    /// - `left`: somebody was still there
    pub(crate) fn leave_cloud(&mut self, node: usize, left: bool) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        cloud.sim.run_until(now);
        cloud.sim.kill(node);
        cloud.sim.rooms_mut(node).0.clear();
        let drained = cloud.draining.remove(&node).is_some();
        let heard = cloud.held.is_empty() && now.saturating_sub(cloud.whole_since) > HEALED;
        if !drained || left || !heard {
            cloud.agrees_from = now + MISSED;
        }
        cloud.down.insert(node, now);
        cloud.note_change(now);
    }

    /// A node tells the others that it stops.
    pub(crate) fn stop_in_cloud(&mut self, node: usize) {
        let now = self.now;
        if let Some(cloud) = &mut self.cloud {
            cloud.sim.run_until(now);
            cloud.sim.stop(node);
        }
    }

    /// The rooms of a node want something.
    pub(crate) fn wish(&mut self, node: usize, wish: Wish) {
        let now = self.now;
        if let Some(cloud) = &mut self.cloud {
            cloud.sim.run_until(now);
            cloud.sim.wish(node, wish);
        }
    }

    /// Lets the cloud do what is due.
    pub(crate) fn cloud_time(&mut self) {
        let now = self.now;
        if let Some(cloud) = &mut self.cloud {
            cloud.sim.run_until(now);
        }
    }

    /// The rooms hear what the cloud has told them.
    pub(crate) fn hear_news(&mut self) {
        while let Some((node, news)) = self.cloud.as_mut().and_then(Cloud::next_news) {
            let Some(news) = self.spoil(news) else { continue };
            self.trace.note(self.now, || {
                format!("node n{node} hears {}", crate::trace::cut(&format!("{news:?}")))
            });
            self.on_server(node, |state, now| state.on_news(now, news));
        }
    }

    /// Plants what the cloud itself does wrong.
    pub(crate) fn plant(&mut self) {
        let leaves_gaps = self.has(Bug::GapsStay);
        if let Some(cloud) = self.cloud.as_mut().filter(|_| leaves_gaps) {
            cloud.sim.leave_gaps();
        }
    }

    /// What a planted bug makes of news.
    fn spoil(&self, news: News) -> Option<News> {
        match news {
            News::ClaimLost { .. } if self.has(Bug::KeepsLostClaims) => None,
            News::Ordered(_) if self.has(Bug::ForgetsOrders) => None,
            News::Claimed(ticket, Err(())) if self.has(Bug::TakesWhatIsRefused) => Some(News::Claimed(ticket, Ok(0))),
            news => Some(news),
        }
    }

    /// Whether what one node tells comes to the others: nothing is broken, and was not a moment ago.
    pub(crate) fn nodes_hear(&self) -> bool {
        const SURE: Duration = Duration::from_secs(4);
        let since = self.cloud.as_ref().map(Cloud::whole_since);
        since.is_none_or(|since| since.is_some_and(|since| self.now.saturating_sub(since) > SURE))
    }

    /// Whether everything between nodes is whole, for long enough.
    pub(crate) fn nodes_are_whole(&self) -> bool {
        self.cloud.as_ref().is_none_or(|cloud| cloud.is_healed(self.now))
    }

    /// Whether all nodes agree by now.
    pub(crate) fn nodes_agree(&self) -> bool {
        self.cloud.as_ref().is_none_or(|cloud| cloud.agrees(self.now))
    }

    /// Mends a fault, unless a later one of its kind holds.
    pub(crate) fn mend_cloud(&mut self, fault: CloudFault) {
        let now = self.now;
        let Some(cloud) = &mut self.cloud else { return };
        if cloud.held.get(&fault.kind) == Some(&fault.number) {
            cloud.sim.run_until(now);
            cloud.held.remove(&fault.kind);
            cloud.set(fault.kind, false);
            cloud.note_change(now);
            if now < cloud.agrees_from && !matches!(fault.kind, CloudKind::Media(..)) {
                // Who was cut off sees only now that a node is gone or has begun anew, and waits for its users from now on.
                cloud.agrees_from = now + MISSED;
            }
            self.trace.note(now, || format!("cloud: {:?} is mended", fault.kind));
        }
    }
}
