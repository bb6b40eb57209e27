//! Rooms on their home shard: whether their streams are ranked, and how.

use std::collections::HashMap;
use std::time::Instant;

use super::super::loudness::{AudioLevel, Ranking};
use super::super::{GroupKey, StreamKey};

/// The rooms whose home this shard is, as long as they have streams here.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<GroupKey, Group>);

#[derive(Debug, Default)]
struct Group {
    streams: Vec<StreamKey>,
    /// From the first listener who wants only the loudest until the room has no stream: ranking is cheap.
    ranked: bool,
    ranking: Ranking,
}

impl Groups {
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A stream came; `true` if it is ranked.
    pub(super) fn enter(&mut self, group: GroupKey, key: StreamKey) -> bool {
        let group = self.0.entry(group).or_default();
        group.streams.push(key);
        group.ranked
    }

    /// A stream is over.
    pub(super) fn leave(&mut self, group: GroupKey, key: StreamKey) {
        let Some(found) = self.0.get_mut(&group) else {
            return;
        };
        found.ranking.remove(key);
        found.streams.retain(|stream| *stream != key);
        if found.streams.is_empty() {
            self.0.remove(&group);
        }
    }

    /// The publisher of a stream is gone: others move up.
    pub(super) fn fall_silent(&mut self, group: GroupKey, key: StreamKey) {
        if let Some(group) = self.0.get_mut(&group) {
            group.ranking.remove(key);
        }
    }

    /// Ranks this room's streams from now on; the streams that were not ranked until now.
    pub(super) fn begin_ranking(&mut self, group: GroupKey) -> &[StreamKey] {
        match self.0.get_mut(&group) {
            Some(group) if !group.ranked => {
                group.ranked = true;
                &group.streams
            }
            _ => &[],
        }
    }

    /// The rank of a packet with this audio level.
    pub(super) fn rank(&mut self, group: GroupKey, key: StreamKey, level: Option<AudioLevel>, now: Instant) -> u32 {
        let group = self.0.get_mut(&group);
        group.map_or(0, |group| group.ranking.rank(key, level, now))
    }
}
