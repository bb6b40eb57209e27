//! One stream on a shard: who sends it, who hears it.

use std::collections::BTreeMap;

use super::super::copies::CopiesInUse;
use super::super::held::{EVERYTHING, Held};
use super::super::recent::RecentPackets;
use super::super::{GroupKey, PeerId, StreamKey};
use super::cross::Wants;
use super::reports::ReportSchedule;

/// One stream on this shard.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) group: GroupKey,
    /// The shard of its publishers.
    pub(super) home: usize,
    /// Whose packets are forwarded: the newest publisher that sends.
    pub(super) publisher: Option<PeerId>,
    pub(super) publishers: usize,
    /// The players of this shard, ascending: their listeners are walked through in the order in which they lie in memory.
    pub(super) players: Vec<usize>,
    /// How many of them want how many loudest streams.
    wanted: BTreeMap<u32, u32>,
    /// On the home shard: the players of others.
    pub(super) elsewhere: Vec<Wants>,
    /// On the home shard: present while the room's streams are ranked.
    pub(super) held: Option<Box<Held>>,
    /// From the first listener on that may ask for packets again, or that loses some and takes copies.
    pub(super) recent: Option<Box<RecentPackets>>,
    /// What the players of this shard get copies of.
    pub(super) copies: CopiesInUse,
    pub(super) reports: ReportSchedule,
}

impl Stream {
    pub(super) fn new(group: GroupKey, home: usize) -> Self {
        Self {
            group,
            home,
            publisher: None,
            publishers: 0,
            players: Vec::new(),
            wanted: BTreeMap::new(),
            elsewhere: Vec::new(),
            held: None,
            recent: None,
            copies: CopiesInUse::default(),
            reports: ReportSchedule::default(),
        }
    }

    /// Whether this publisher is the one that is heard: a newer one takes over with its first packet.
    pub(super) fn is_current(&mut self, publisher: PeerId) -> bool {
        if self.publisher.is_none_or(|current| current < publisher) {
            self.publisher = Some(publisher);
        }
        self.publisher == Some(publisher)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.players.is_empty() && self.publishers == 0 && self.elsewhere.is_empty()
    }

    /// A player came that wants the stream while it is one of so many loudest; `nack`: it may ask for packets again.
    pub(super) fn add_player(&mut self, index: usize, loudest: u32, nack: bool) {
        let place = self.players.partition_point(|player| *player < index);
        self.players.insert(place, index);
        let same = self.wanted.entry(loudest).or_default();
        *same = same.saturating_add(1);
        self.reports.add(index);
        if nack {
            self.remember();
        }
    }

    /// A player that wanted the stream as one of `before` loudest wants it as one of `after`.
    pub(super) fn change_wanted(&mut self, before: u32, after: u32) {
        self.want_no_more(before);
        let same = self.wanted.entry(after).or_default();
        *same = same.saturating_add(1);
    }

    fn want_no_more(&mut self, loudest: u32) {
        if let Some(same) = self.wanted.get_mut(&loudest) {
            *same = same.saturating_sub(1);
            if *same == 0 {
                self.wanted.remove(&loudest);
            }
        }
    }

    /// Keeps its last packets from now on.
    pub(super) fn remember(&mut self) {
        self.recent.get_or_insert_with(|| Box::new(RecentPackets::new()));
    }

    /// The player left.
    pub(super) fn remove_player(&mut self, index: usize, loudest: u32) {
        self.players.retain(|player| *player != index);
        self.reports.remove(index);
        self.want_no_more(loudest);
    }

    /// What the players of this shard want, all together.
    pub(super) fn wants(&self, key: StreamKey, shard: usize) -> Wants {
        Wants {
            key,
            group: self.group,
            shard,
            players: u32::try_from(self.players.len()).unwrap_or(u32::MAX),
            most: self.wanted.last_key_value().map_or(0, |(most, _)| *most),
            limited: self.wanted.first_key_value().is_some_and(|(least, _)| *least != EVERYTHING),
        }
    }

    /// Notes what the players of another shard want.
    pub(super) fn note_elsewhere(&mut self, wants: Wants) {
        self.elsewhere.retain(|other| other.shard != wants.shard);
        if wants.players > 0 {
            self.elsewhere.push(wants);
        }
    }
}
