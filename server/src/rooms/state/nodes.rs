//! The other nodes of the cloud as this one knows them, and where their news goes. See [`cloud`](crate::rooms::cloud).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use express_signalling::protocol::MAX_NODES;

use super::claims::Claiming;
use super::looks::Looks;
use super::records::{RoomKey, SessionKey, StreamName};
use super::said::Waiter;
use super::waiting_logins::Entering;
use super::{Now, RoomsState};
use crate::forwarder::StreamKey;
use crate::rooms::cloud::{Fact, News, NodeName, RemoteStream, Wish};
use crate::rooms::effect::{Effect, Ticket};

/// What there is only on a node of a cloud.
pub(super) struct Nodes {
    /// This node.
    pub(super) name: NodeName,
    /// The others that take clients, and their URLs; best first.
    others: Vec<(NodeName, String)>,
    /// Rooms that are being opened, and who waits for them.
    pub(super) opening: HashMap<RoomKey, Vec<Entering>>,
    /// Claims that were not answered yet.
    pub(super) claims: HashMap<Ticket, Claiming>,
    /// The claim that is being made use of: it is not given back meanwhile.
    pub(super) granted: Option<StreamName>,
    /// Streams of other nodes that cannot be shown, because one of this node has the streamID still; and their rooms.
    pub(super) hidden: BTreeMap<StreamName, (RoomKey, NodeName, RemoteStream)>,
    /// A room that somebody is about to enter: it is not closed meanwhile.
    pub(super) keeps: Option<RoomKey>,
    /// What is looked for on other nodes.
    pub(super) looks: Looks,
    /// Who waits for what was said.
    pub(super) says: HashMap<Ticket, Waiter>,
    /// Sessions that are not told yet that this node stops.
    pub(super) leaving: VecDeque<SessionKey>,
    /// Streams whose listeners may be others than before.
    pub(super) listeners_changed: BTreeSet<StreamKey>,
    /// The time of this call, on the clock of [`Now::mono`].
    pub(super) mono: Duration,
    /// The same on that of [`Now::unix_ms`].
    pub(super) unix_ms: u64,
    told_load: usize,
    /// An order of another node is being served: it is not told again.
    pub(super) obeys: bool,
}

impl fmt::Debug for Nodes {
    /// Without who waits: tokens are among that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes")
            .field("name", &self.name)
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}

impl Nodes {
    pub(super) fn new(name: NodeName) -> Self {
        Self {
            name,
            others: Vec::new(),
            opening: HashMap::new(),
            claims: HashMap::new(),
            granted: None,
            hidden: BTreeMap::new(),
            keeps: None,
            looks: Looks::default(),
            says: HashMap::new(),
            leaving: VecDeque::new(),
            listeners_changed: BTreeSet::new(),
            mono: Duration::ZERO,
            unix_ms: 0,
            told_load: 0,
            obeys: false,
        }
    }

    /// What clients are told of the others.
    pub(super) fn urls(&self) -> Vec<String> {
        self.others.iter().take(MAX_NODES).map(|(_, url)| url.clone()).collect()
    }

    /// Where clients reach another node; `None`: it takes none.
    pub(super) fn url_of(&self, node: &NodeName) -> Option<&String> {
        let found = self.others.iter().find(|(name, _)| name == node);
        found.map(|(_, url)| url)
    }

    /// The first of the others.
    pub(super) fn best(&self) -> Option<&String> {
        self.others.first().map(|(_, url)| url)
    }

    /// Whether nothing waits for an answer.
    #[cfg(any(test, feature = "chaos"))]
    pub(super) fn is_idle(&self) -> bool {
        let waits = self.opening.is_empty() && self.claims.is_empty() && self.says.is_empty();
        waits && self.hidden.is_empty() && self.looks.is_idle()
    }
}

impl RoomsState {
    /// Something came from the cloud. A server that is alone ignores it.
    pub fn on_news(&mut self, now: Now, news: News) -> Vec<Effect> {
        if self.cloud.is_none() {
            return Vec::new();
        }
        self.note_time(now);
        self.take_news(now, news);
        self.take_effects()
    }

    fn take_news(&mut self, now: Now, news: News) {
        match news {
            News::Opened {
                room,
                terms,
                is_new,
                members,
                streams,
                info,
            } => {
                let elsewhere = (members, streams, info);
                self.opened(now, &room, (terms, is_new), elsewhere);
            }
            News::NoSuchRoom(room) => self.no_such_room(&room),
            News::Sought(stream, room) => self.sought(&stream, room),
            News::ElsewhereInstead(room, url) => self.better_elsewhere(now, &room, &url),
            News::Terms(room, terms) => self.set_terms(&room, terms),
            News::UserCame(room, member) => self.user_came(&room, member),
            News::UserLeft(room, user) => self.user_left(&room, &user),
            News::StreamIs(room, node, stream) => self.stream_is(&room, node, stream),
            News::StreamLeft(room, stream, reason) => self.stream_left(&room, &stream, reason),
            News::Said(room, saying) => self.said(&room, saying),
            News::SaidFor(ticket, outcome) => self.said_for(ticket, outcome),
            News::Whispered(room, words) => self.whispered(now, room, words),
            News::Claimed(ticket, outcome) => self.claimed(now, ticket, outcome),
            News::Settled(app_id, stream, epoch) => self.settled((app_id, stream), epoch),
            News::ClaimLost { stream, moved_to } => self.claim_lost(now, &stream, moved_to),
            News::LoggedIn(login) => self.logged_in_elsewhere(now, &login),
            News::RelayAnswer { stream, ssrc, answer } => self.relay_answered(&stream, ssrc, answer),
            News::RelayWanted {
                question,
                node,
                stream,
                terms,
                loudest,
            } => self.relay_wanted(question, node, &stream, terms, loudest),
            News::Reported((app_id, stream), heard) => {
                if let Some(key) = self.own_announced(app_id, &stream) {
                    self.listeners_heard(now, key, heard.shard, heard.summary);
                }
            }
            News::Ordered(order) => self.obey(now, order),
            News::OrderKept(order) => self.obey_kept(now, order),
            News::Nodes(nodes) => {
                if let Some(cloud) = &mut self.cloud {
                    cloud.others = nodes;
                    let own = cloud.name.clone();
                    cloud.others.retain(|(name, _)| *name != own);
                }
            }
        }
    }

    /// Asks the cloud for something, where there is one.
    pub(super) fn wish(&mut self, wish: Wish) {
        if self.cloud.is_some() {
            self.effects.push(Effect::Wish(wish));
        }
    }

    /// Keeps a room open while it is about to be entered; the answer is to be put back then.
    pub(super) fn keep_room(&mut self, room: Option<RoomKey>) -> Option<RoomKey> {
        let cloud = self.cloud.as_mut()?;
        std::mem::replace(&mut cloud.keeps, room)
    }

    /// Tells the other nodes of a room a fact.
    pub(super) fn tell_nodes(&mut self, room: &RoomKey, fact: Fact) {
        self.wish(Wish::Tell(room.clone(), fact));
    }

    /// Every call with a time begins so.
    pub(super) fn note_time(&mut self, now: Now) {
        if let Some(cloud) = &mut self.cloud {
            (cloud.mono, cloud.unix_ms) = (now.mono, now.unix_ms);
        }
    }

    /// So long after this call began.
    pub(super) fn in_a(&self, wait: Duration) -> Duration {
        let mono = self.cloud.as_ref().map_or(Duration::ZERO, |cloud| cloud.mono);
        mono.saturating_add(wait)
    }

    /// What every call ends with: relays follow listeners, and the cloud hears how many are here.
    pub(super) fn follow_cloud(&mut self) {
        self.follow_listeners();
        let sessions = self.sessions.len();
        let Some(cloud) = &mut self.cloud else { return };
        let changed = cloud.told_load.abs_diff(sessions);
        if changed > 0 && (changed >= 10 || changed.saturating_mul(10) >= cloud.told_load) {
            cloud.told_load = sessions;
            self.wish(Wish::Load(sessions));
        }
    }

    /// Whether a node takes no clients any more, or is this one.
    pub(super) fn is_gone(&self, node: &NodeName) -> bool {
        let cloud = self.cloud.as_ref();
        cloud.is_none_or(|cloud| cloud.url_of(node).is_none())
    }
}
